mod shipped;
#[test]
fn reads() { if let Err(e) = shipped::city_of(&shipped::doctrine_files(), &shipped::directory_files()) { panic!("{}", e.0.join("\n")); } }
