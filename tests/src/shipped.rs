//! The city as `config/` has it, read as the services read it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use vigie_domain::{city::City, directory::DirectoryFiles, territory::Territory};

use crate::environment;

/// Paris with the doctrine and the demonstration directory that ship.
pub fn shipped_city() -> City {
    let config = |path: &str| -> PathBuf { environment::root().join("config").join(path) };
    let mut directory = DirectoryFiles::default();
    for name in DirectoryFiles::NAMES {
        if let Ok(text) = fs::read_to_string(config("directory").join(name)) {
            directory.text_mut(name).expect("it is one of the files").push_str(&text);
        }
    }
    let mut doctrine = BTreeMap::new();
    for entry in fs::read_dir(config("doctrine")).expect("the doctrine ships") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().expect("it is a file").to_string_lossy().into_owned();
            doctrine.insert(name, fs::read_to_string(&path).expect("it is text"));
        }
    }
    let territory = fs::read(config("territory/paris.territory")).expect("the territory ships");
    let territory = Territory::from_bytes(&territory).expect("it is a territory");
    City::read(territory, &directory, &doctrine).expect("what ships can be read")
}
