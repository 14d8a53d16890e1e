//! `vigie directory` on files: what it says, what it exits with, and that a bad import changes nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

/// `vigie directory` with these words.
fn vigie(words: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    let done = command.current_dir(root()).env_remove("VIGIE_CONFIG").arg("directory").args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// A copy of the shipped directory, its folder, and the folder as a word.
fn copy() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let name = folder.path().join("directory").display().to_string();
    let said = vigie(&["export", "--out", &name]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    (folder, name)
}

/// The files of a folder and their texts.
fn texts(folder: &str) -> BTreeMap<String, String> {
    let file =
        |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap());
    fs::read_dir(folder).unwrap().map(|entry| file(entry.unwrap())).collect()
}

fn given(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

const MIXED: &str = "id,body,channel,address,duty\n\
                     emas-a-sms,emas,sms,0639989999,a\n\
                     emas-d-sms,emas,sms,+33639989998,d\n\
                     x,nowhere,sms,+33639989996,\n";

#[test]
fn the_shipped_directory_has_no_fault_and_no_hole_and_is_exported_byte_for_byte() {
    let said = vigie(&["check", "--from", "2026-10-20", "--days", "366"]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("no fault, 0 holes between Tue 20 Oct 2026 00:00"), "{}", said.out);
    let (_folder, name) = copy();
    for (file, text) in texts(&name) {
        assert_eq!(text, fs::read_to_string(root().join("config/directory").join(&file)).unwrap(), "{file}");
    }
}

#[test]
fn an_import_with_bad_rows_lists_them_all_and_changes_nothing_until_told_to_take_the_good_ones() {
    let (folder, name) = copy();
    let before = texts(&name);
    let file = given(&folder, "contacts.csv", MIXED);
    let said = vigie(&["import", &file, "--into", &name]);
    assert_eq!(said.code, 1);
    assert_eq!(
        said.err.lines().collect::<Vec<_>>(),
        [
            "contacts.csv:2: the number is not in international form: `+33` and nine digits",
            "contacts.csv:4: body `nowhere` is not in bodies.csv",
            "2 faults: nothing was changed",
        ]
    );
    assert_eq!(texts(&name), before);

    let dry = vigie(&["import", &file, "--into", &name, "--take-good", "--dry-run"]);
    assert_eq!((dry.code, texts(&name) == before), (0, true));
    assert!(dry.out.contains("added    contacts.csv   emas-d-sms\n1 change, 2 faults left out; nothing was written"));

    let taken = vigie(&["import", &file, "--into", &name, "--take-good"]);
    assert_eq!(taken.code, 0);
    let after = texts(&name);
    let changed: Vec<&String> = after.keys().filter(|file| before.get(*file) != after.get(*file)).collect();
    assert_eq!(changed, ["contacts.csv"]);
    assert_eq!(after["contacts.csv"], before["contacts.csv"].clone() + "emas-d-sms,emas,sms,+33639989998,d,\n");
    assert_eq!(vigie(&["check", &name]).code, 0);
}

#[test]
fn a_hole_is_told_with_its_moment_and_its_remedy() {
    let (folder, name) = copy();
    let row = "id,body,channel,address,duty\nemas-d-email,emas,email,emas.d@example.org,d\n";
    assert_eq!(vigie(&["import", &given(&folder, "contacts.csv", row), "--into", &name]).code, 0);
    let row = "id,body,from,until,rank,position\nr1,emas,2026-12-24T08:00,2026-12-25T08:00,0,d\n";
    assert_eq!(vigie(&["import", &given(&folder, "overrides.csv", row), "--into", &name]).code, 0);
    let said = vigie(&["check", &name, "--from", "2026-12-01"]);
    assert_eq!(said.code, 1);
    for line in [
        "emas: from Thu 24 Dec 2026 08:00 to Fri 25 Dec 2026 08:00, `d` is on duty and has no contact by sms",
        "    give `d` a contact by sms in contacts.csv, or replace it for that time",
        "emas: from Thu 24 Dec 2026 08:00 to Fri 25 Dec 2026 08:00, \
         `d` is on duty and none of its contacts by email was ever answered",
    ] {
        assert!(said.out.lines().any(|l| l == line), "no `{line}` in {}", said.out);
    }
    let json: Value = serde_json::from_str(&vigie(&["check", &name, "--from", "2026-12-01", "--json"]).out).unwrap();
    assert_eq!(json["gaps"][0]["from"], "2026-12-24T07:00:00Z");
    assert_eq!(json["gaps"].as_array().unwrap().len(), 2);
}

#[test]
fn faults_of_a_directory_are_all_listed() {
    let (_folder, name) = copy();
    let bodies = Path::new(&name).join("bodies.csv");
    let text = fs::read_to_string(&bodies).unwrap().replace("\nemas,emas,", "\nemas,nobody,");
    fs::write(&bodies, text).unwrap();
    let said = vigie(&["check", &name]);
    assert_eq!(said.code, 1);
    assert!(said.out.starts_with("bodies.csv:"), "{}", said.out);
    assert!(said.out.contains("role `nobody` is not in roles.toml") && said.out.contains("rosters.toml:"));
}

#[test]
fn duty_shows_functions_and_channels_and_addresses_only_when_asked() {
    let at = ["--body", "emas", "--at", "2026-11-27T12:00:00+01:00"];
    let words = |more: &[&'static str]| [&["duty"], &at[..], more].concat();
    let said = vigie(&words(&[]));
    assert_eq!(said.code, 0);
    assert!(said.out.contains("rank 0, position b     sms, email"), "{}", said.out);
    assert!(!said.out.contains('@') && !said.out.contains("+33"), "{}", said.out);
    assert!(!vigie(&words(&["--json"])).out.contains("+33"));
    assert!(vigie(&words(&["--addresses"])).out.contains("sms +336399"));
    let sector = vigie(&["duty", "--sector", "paris-19"]);
    assert!(sector.out.contains("(commissariat-paris-19)") && !sector.out.contains("-paris-18)"));
    assert_eq!(vigie(&["duty", "--body", "nowhere"]).code, 2);
    assert_eq!(vigie(&["duty", "--sector", "paris-99"]).code, 2);
}

#[test]
fn shifts_follow_the_clock_on_the_wall_across_its_change() {
    let said = vigie(&["shifts", "--body", "scop", "--position", "a", "--from", "2026-10-24", "--until", "2026-10-27"]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("Sun 25 Oct 2026 08:00    Mon 26 Oct 2026 08:00"), "{}", said.out);
    let json = vigie(&["shifts", "--body", "scop", "--from", "2026-10-24", "--until", "2026-10-27", "--json"]);
    let shifts: Vec<Value> = serde_json::from_str(&json.out).unwrap();
    let first = |shift: &&Value| shift["rank"] == 0 && shift["until"] == "2026-10-25T07:00:00Z";
    assert_eq!(shifts.iter().find(first).unwrap()["from"], "2026-10-24T06:00:00Z");
    assert_eq!(vigie(&["shifts", "--body", "scop", "--from", "2026-10-27", "--until", "2026-10-24"]).code, 2);
    assert_eq!(vigie(&["shifts", "--body", "mus"]).code, 2, "it has no roster");
}

#[test]
fn a_roster_goes_out_as_a_calendar_and_another_body_takes_it() {
    let (folder, name) = copy();
    let file = folder.path().join("emas.ics").display().to_string();
    let said = vigie(&["export", "--ics", "--body", "emas", "--days", "60", "--out", &file]);
    assert_eq!(said.code, 0, "{}", said.err);
    let first_rank = |body: &str| -> Vec<(Value, Value)> {
        let json = vigie(&["shifts", "--body", body, "--directory", &name, "--json"]).out;
        let shifts: Vec<Value> = serde_json::from_str(&json).unwrap();
        let first = shifts.into_iter().filter(|shift| shift["rank"] == 0);
        first.skip(1).map(|shift| (shift["from"].clone(), shift["position"].clone())).collect()
    };
    assert_eq!(
        vigie(&["import", &file, "--ics", "--body", "emas", "--into", &name]).out.split(';').next(),
        Some("0 changes")
    );
    assert_ne!(first_rank("scop"), first_rank("emas"), "a day each, and a week each");
    let taken = vigie(&["import", &file, "--ics", "--body", "scop", "--into", &name]);
    assert_eq!(taken.code, 0, "{}", taken.err);
    assert_eq!(first_rank("scop"), first_rank("emas"));

    let before = texts(&name);
    let bad = given(&folder, "bad.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Jean\nEND:VEVENT\nEND:VCALENDAR\n");
    let refused = vigie(&["import", &bad, "--ics", "--body", "scop", "--into", &name]);
    assert_eq!((refused.code, refused.err.lines().next()), (1, Some("bad.ics:2: it has no DTSTART")));
    assert_eq!(texts(&name), before);
}

#[test]
fn a_folder_replaces_the_whole_directory_and_its_files_keep_who_may_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, name) = copy();
    let contacts = Path::new(&name).join("contacts.csv");
    fs::set_permissions(&contacts, fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(Path::new(&name).join("overrides.csv"), "id,body,from,until,rank,position\n").unwrap();
    fs::write(&contacts, fs::read_to_string(&contacts).unwrap() + "emas-d-sms,emas,sms,+33639989998,d,\n").unwrap();
    let said = vigie(&["import", "config/directory", "--into", &name]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.starts_with("removed  contacts.csv   emas-d-sms\n1 change; wrote contacts.csv, overrides.csv in ")
    );
    assert!(!Path::new(&name).join("overrides.csv").exists());
    assert_eq!(fs::metadata(&contacts).unwrap().permissions().mode() & 0o777, 0o640);
    let new = folder.path().join("new").display().to_string();
    assert_eq!(vigie(&["import", &name, "--into", &new]).code, 0);
    assert_eq!(texts(&new), texts(&name));
    assert_eq!(vigie(&["import", &given(&folder, "list.csv", MIXED), "--into", &name]).code, 2, "which file is it?");
}
