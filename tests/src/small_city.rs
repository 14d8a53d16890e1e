//! A doctrine and a directory with one recipient: every incident is exactly one e-mail, so that tests can count. The prover
//! finds nothing to say against it.

use std::{fs, path::Path};

/// Everybody's source in the small city; it may raise anywhere.
pub const SOURCE: &str = "desk";

const DOCTRINE: &str = r#"
timezone = "Europe/Paris"

[kinds.rixe]
label = "Rixe"
default_severity = "serious"
schools_within_m = 0
neighbours_within_m = 0
correlation = { radius_m = 0, window_min = 0 }
manned_within_min = { watch = 5, tension = 5, serious = 5, fatal = 5 }

[[emergency]]
number = "17"
label = "Police"

[undeliverable]
tell = [{ role = "desk", in = "city" }]
channels = ["email"]
"#;

const FICHE: &str = r#"
[fiche]
id = "T.1"
title = "One call"
lines = "1"

[[circuit]]
id = "CALL"
title = "One call"
lines = "1"
kinds = ["rixe"]
severities = ["watch", "tension", "serious", "fatal"]
satisfied_by = "anyone"

[[circuit.step]]
id = "call"
after_min = 0
expects = "acknowledgement"
channels = ["email"]
timing = "default"
tell = [{ role = "desk", in = "city" }]
"#;

const ROLES: &str = r#"
[desk]
label = "Desk"
manned = true
intervenes = true
raises = ["rixe"]
sees = "everything"
may = ["acknowledge", "note", "change-severity", "close", "administer"]
"#;

/// Writes `doctrine/` and `directory/` into `folder`.
pub fn write(folder: &Path) {
    let (doctrine, directory) = (folder.join("doctrine"), folder.join("directory"));
    fs::create_dir(&doctrine).expect("a folder can be made");
    fs::create_dir(&directory).expect("a folder can be made");
    for (path, text) in [
        (doctrine.join("doctrine.toml"), DOCTRINE),
        (doctrine.join("call.toml"), FICHE),
        (directory.join("roles.toml"), ROLES),
        (directory.join("bodies.csv"), "id,role,territory,name\ndesk,desk,city,Desk\n"),
        (
            directory.join("contacts.csv"),
            "id,body,channel,address,duty,verified\ndesk-mail,desk,email,desk@example.org,,2026-11-16\n",
        ),
        (directory.join("rosters.toml"), "timezone = \"Europe/Paris\"\n"),
        (directory.join("sources.csv"), "id,role,body,territory,name\ndesk,desk,desk,city,Desk\n"),
    ] {
        fs::write(path, text).expect("a file can be written");
    }
}

/// The doctrine's files, `from` replaced by `to` wherever it stands in them.
pub fn doctrine(from: &str, to: &str) -> serde_json::Value {
    serde_json::json!({ "doctrine.toml": DOCTRINE.replace(from, to), "call.toml": FICHE.replace(from, to) })
}

/// A report of its own incident: no other number gives the same point.
pub fn report(number: u32) -> serde_json::Value {
    let (column, row) = (f64::from(number % 200), f64::from(number / 200 % 200));
    serde_json::json!({ "kind": "rixe", "location": { "lon": 2.30 + column * 0.0004, "lat": 48.84 + row * 0.0002 } })
}
