//! The shipped directory as people change it, import into it, and save what can be saved of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(dead_code, reason = "shared with the rules of the contract")]
mod shipped;

use jiff::Timestamp;
use serde_json::json;
use vigie_domain::directory::{
    Body, Change, DirectoryFiles, Draft, Edit, EditError, Verb, apply, changes, read, salvage, shifts,
};
use vigie_proto::{BodyId, Channel, ContactId};

fn edit(json: serde_json::Value) -> Edit {
    serde_json::from_value(json).unwrap()
}

fn try_edits(edits: &[Edit]) -> Result<DirectoryFiles, EditError> {
    apply(&shipped::directory_files(), edits, &shipped::city().territory)
}

fn body(files: &DirectoryFiles, id: &str) -> Body {
    let directory = read(files, &shipped::city().territory).unwrap();
    directory.body(&BodyId::new(id).unwrap()).unwrap().clone()
}

fn replace(id: &str, from: &str, until: &str, position: &str) -> serde_json::Value {
    json!({ "edit": "replace", "id": id, "body": "emas", "from": from, "until": until, "position": position })
}

/// The lines of `after` that are not in `before`, and the other way round.
fn lines_that_differ<'a>(before: &'a str, after: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let only = |a: &'a str, b: &str| a.lines().filter(|line| !b.lines().any(|other| other == *line)).collect();
    (only(before, after), only(after, before))
}

fn first_rank_at(body: &Body, at: &str) -> String {
    let at: Timestamp = at.parse().unwrap();
    body.roster.as_ref().unwrap().on_duty(0, at).unwrap().to_owned()
}

fn faults(error: EditError) -> Vec<String> {
    match error {
        EditError::Refused(refusals) => refusals.iter().map(ToString::to_string).collect(),
        EditError::Faulty(error) => error.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_replacement_is_one_row_of_a_new_file_and_the_rotation_comes_back_after_it() {
    let files = try_edits(&[edit(replace("r1", "2026-12-24T08:00", "2026-12-26T08:00", "b"))]).unwrap();
    assert_eq!(
        files.overrides_csv,
        "id,body,from,until,rank,position,note\nr1,emas,2026-12-24T08:00,2026-12-26T08:00,0,b,\n"
    );
    assert_eq!(DirectoryFiles { overrides_csv: String::new(), ..files.clone() }, shipped::directory_files());
    let (before, after) = (body(&shipped::directory_files(), "emas"), body(&files, "emas"));
    assert_ne!(first_rank_at(&before, "2026-12-25T12:00:00Z"), "b", "the replacement changes something");
    assert_eq!(first_rank_at(&after, "2026-12-25T12:00:00Z"), "b");
    assert_eq!(first_rank_at(&after, "2026-12-26T07:00:00Z"), first_rank_at(&before, "2026-12-26T07:00:00Z"));

    let removed = apply(&files, &[Edit::RemoveOverride { id: "r1".into() }], &shipped::city().territory).unwrap();
    assert_eq!(body(&removed, "emas"), before);
}

#[test]
fn a_replacement_may_begin_at_the_second_coming_of_an_hour() {
    let second = "2026-10-25T02:30+01:00";
    let files = try_edits(&[edit(replace("r1", second, "2026-10-25T06:00", "b"))]).unwrap();
    assert!(files.overrides_csv.contains(second), "{}", files.overrides_csv);
    let roster = body(&files, "emas").roster.unwrap();
    assert_eq!(roster.overrides[0].from, "2026-10-25T01:30:00Z".parse().unwrap());
}

#[test]
fn a_swap_holds_whole_or_not_at_all() {
    let half = |id: &str, day: &str, position: &str| {
        let mut half = replace(id, &format!("2026-12-{day}T08:00"), &format!("2026-12-{day}T20:00"), position);
        half.as_object_mut().unwrap().remove("edit");
        half
    };
    let swap = |second: &str| {
        edit(json!({ "edit": "swap", "first": half("s1", "08", "a"), "second": half("s2", "15", second) }))
    };
    let files = try_edits(&[swap("b")]).unwrap();
    let positions: Vec<_> = body(&files, "emas").roster.unwrap().overrides.into_iter().map(|o| o.position).collect();
    assert_eq!(positions, ["a", "b"]);
    let refused = faults(try_edits(&[swap("nobody")]).unwrap_err());
    assert_eq!(refused, ["edit:1: no contact of `emas` has duty `nobody`"]);
}

#[test]
fn another_address_is_not_proven_and_the_same_one_stays_so() {
    let contact = |address: &str, duty: &str| Edit::SetContact {
        id: ContactId::new("emas-a-sms").unwrap(),
        body: BodyId::new("emas").unwrap(),
        channel: Channel::Sms,
        address: address.to_owned(),
        duty: Some(duty.to_owned()),
    };
    let present = |files: &DirectoryFiles| {
        body(files, "emas").contacts.into_iter().find(|c| c.id.as_str() == "emas-a-sms").unwrap()
    };
    let before = present(&shipped::directory_files());
    assert!(before.verified.is_some());

    let same = try_edits(&[contact(&before.address, "a")]).unwrap();
    assert_eq!(same, shipped::directory_files());
    let moved = try_edits(&[contact("+33639989999", "a")]).unwrap();
    assert_eq!((present(&moved).verified, present(&moved).address.as_str()), (None, "+33639989999"));
    let shipped = shipped::directory_files();
    let (old, new) = lines_that_differ(&shipped.contacts_csv, &moved.contacts_csv);
    assert_eq!((old.len(), new), (1, vec!["emas-a-sms,emas,sms,+33639989999,a,"]));
}

#[test]
fn a_rotation_is_changed_in_its_place_with_every_comment_kept() {
    let files = try_edits(&[edit(json!({
        "edit": "set-rotation", "body": "emas", "starts": "2026-11-30T09:00", "every_days": 1, "order": ["b", "a"]
    }))])
    .unwrap();
    let before = shipped::directory_files().rosters_toml;
    let (old, new) = lines_that_differ(&before, &files.rosters_toml);
    assert_eq!(new, ["starts = \"2026-11-30T09:00\"", "order = [\"b\", \"a\"]"]);
    assert_eq!(old, Vec::<&str>::new(), "what stood there stands elsewhere too");
    assert_eq!(before.lines().count(), files.rosters_toml.lines().count());
    assert!(files.rosters_toml.starts_with("# Who is on duty"));
    assert_eq!(body(&files, "emas").roster.unwrap().order, ["b", "a"]);

    let added = try_edits(&[
        edit(
            json!({ "edit": "add-body", "id": "veille", "role": "emas", "territory": "city", "name": "Veille, nuit" }),
        ),
        edit(json!({
            "edit": "set-contact", "id": "veille-a", "body": "veille", "channel": "sms", "address": "+33639989998",
            "duty": "a"
        })),
        edit(json!({
            "edit": "set-rotation", "body": "veille", "starts": "2026-11-30T20:00", "every_days": 1, "order": ["a"]
        })),
    ])
    .unwrap();
    assert!(added.rosters_toml.starts_with(before.trim_end()));
    assert_eq!(body(&added, "veille").roster.unwrap().order, ["a"]);
    assert_eq!(body(&added, "veille").name, "Veille, nuit");
}

#[test]
fn edits_that_cannot_be_made_are_all_told_and_nothing_is_changed() {
    let told = faults(
        try_edits(&[
            Edit::RemoveOverride { id: "r9".into() },
            edit(replace("r1", "2026-12-24T08:00", "2026-12-26T08:00", "a")),
            edit(json!({ "edit": "rename-body", "id": "nowhere", "name": "X" })),
            edit(replace("r1", "2026-12-27T08:00", "2026-12-28T08:00", "a")),
            edit(replace(" ", "2026-12-27T08:00", "2026-12-28T08:00", "a")),
            edit(json!({
                "edit": "set-contact", "id": "emas-a-sms", "body": "scop", "channel": "sms", "address": "+33639980001"
            })),
        ])
        .unwrap_err(),
    );
    assert_eq!(
        told,
        [
            "edit 1: there is no override `r9`",
            "edit 3: there is no body `nowhere`",
            "edit 4: override `r1` is there already",
            "edit 5: the id is empty",
            "edit 6: contact `emas-a-sms` belongs to `emas`: give the new one another id",
        ]
    );
}

#[test]
fn edits_that_make_no_directory_are_told_with_their_number() {
    let told = faults(
        try_edits(&[
            edit(replace("r1", "2026-12-24T08:00", "2026-12-26T08:00", "a")),
            edit(replace("r2", "2026-12-25T08:00", "2026-12-27T08:00", "b")),
            edit(replace("r3", "2026-12-30T08:00", "2026-12-29T08:00", "z")),
            Edit::RemoveContact { id: ContactId::new("emas-b-sms").unwrap() },
            Edit::RemoveContact { id: ContactId::new("emas-b-email").unwrap() },
        ])
        .unwrap_err(),
    );
    let (roster, edits): (Vec<_>, Vec<_>) = told.into_iter().partition(|fault| fault.starts_with("rosters.toml"));
    assert!(roster[0].contains("roster of `emas`: no contact has duty `b`"), "{roster:?}");
    assert_eq!(
        edits,
        [
            "edit:2: no contact of `emas` has duty `b`",
            "edit:2: overlaps `r1` at the same rank",
            "edit:3: it ends before it begins",
            "edit:3: no contact of `emas` has duty `z`",
        ]
    );
}

#[test]
fn dates_beyond_reach_are_told_whatever_they_are_of() {
    for (from, until, first) in [
        ("1999-12-31T08:00", "2026-12-26T08:00", "edit:1: `1999-12-31T08:00` is not in the years 2000 to 2199"),
        ("2026-12-24T08:00", "9999-12-30T08:00", "edit:1: `9999-12-30T08:00` is not in the years 2000 to 2199"),
    ] {
        assert_eq!(faults(try_edits(&[edit(replace("r1", from, until, "a"))]).unwrap_err()), [first]);
    }
    for starts in ["9999-12-31T23:00", "1999-12-31T23:00"] {
        let rotation =
            json!({ "edit": "set-rotation", "body": "emas", "starts": starts, "every_days": 7, "order": ["a"] });
        let told = faults(try_edits(&[edit(rotation)]).unwrap_err());
        assert!(told[0].contains("is not in the years 2000 to 2199"), "{told:?}");
    }
}

#[test]
fn a_field_nobody_knows_is_refused() {
    for unknown in [
        json!({ "edit": "remove-override", "id": "r1", "force": true }),
        json!({ "edit": "replace", "id": "r", "body": "emas", "from": "2026-12-24T08:00", "until": "2026-12-25T08:00",
                "position": "a", "names": "x" }),
        json!({ "edit": "replace", "id": "r", "body": "emas", "from": "2026-12-24", "until": "2026-12-25T08:00",
                "position": "a" }),
        json!({ "edit": "rename", "id": "r1" }),
    ] {
        assert!(serde_json::from_value::<Edit>(unknown.clone()).is_err(), "{unknown}");
    }
    let round = edit(replace("r1", "2026-10-25T02:30+01:00", "2026-12-26T08:00", "c"));
    assert_eq!(edit(serde_json::to_value(&round).unwrap()), round);
}

#[test]
fn what_stands_on_a_bad_row_goes_with_it_and_every_line_is_that_of_the_file_given() {
    let mut files = shipped::directory_files();
    files.overrides_csv =
        "id,body,from,until,rank,position\nr1,emas,2026-12-24T08:00,2026-12-25T08:00,0,a\n".to_owned();
    // Two lines later than the original, to see that lines are those of what is given.
    files.bodies_csv = files.bodies_csv.replacen("\nemas,emas,", "\n\nemas,nobody,", 1);
    let line = |text: &str, row: &str| 1 + text.split(row).next().unwrap().matches('\n').count();
    let (row, roster) = (line(&files.bodies_csv, "emas,nobody"), line(&files.rosters_toml, "body = \"emas\""));
    let contacts: Vec<_> = files.contacts_csv.lines().enumerate().filter(|(_, l)| l.contains(",emas,")).collect();

    let saved = salvage(&files, &shipped::city().territory).unwrap();
    let told: Vec<String> = saved.dropped.iter().map(ToString::to_string).collect();
    assert!(told.contains(&format!("bodies.csv:{row}: role `nobody` is not in roles.toml")), "{told:#?}");
    for (place, _) in &contacts {
        let expected = format!("contacts.csv:{}: body `emas` is not in bodies.csv", place + 1);
        assert!(told.contains(&expected), "{expected} is not in {told:#?}");
    }
    assert!(told.contains(&format!("rosters.toml:{roster}: body `emas` is not in bodies.csv")), "{told:#?}");
    assert!(told.contains(&"overrides.csv:2: body `emas` has no roster".to_owned()), "{told:#?}");
    assert_eq!(told.len(), contacts.len() + 3);
    let gone = changes(&shipped::directory_files(), &saved.files);
    assert_eq!(gone.len(), contacts.len() + 2, "the body, its contacts, its roster: {gone:#?}");
    assert!(gone.iter().all(|change| change.verb == Verb::Removed));
    read(&saved.files, &shipped::city().territory).unwrap();
}

#[test]
fn what_cannot_be_a_directory_is_not_saved() {
    let territory = &shipped::city().territory;
    let refused = |change: fn(&mut DirectoryFiles)| {
        let mut files = shipped::directory_files();
        change(&mut files);
        salvage(&files, territory).unwrap_err().to_string()
    };
    assert!(refused(|f| f.roles_toml.push_str("\n[scop]\n")).contains("roles.toml:"));
    assert!(refused(|f| f.rosters_toml.push_str("\nstarts")).contains("rosters.toml:"));
    assert!(
        refused(|f| f.rosters_toml = f.rosters_toml.replace("Europe/Paris", "Europe/Lutece"))
            .contains("rosters.toml:1")
    );
}

fn import(text: &str, replace_all: bool) -> Draft {
    let mut draft = Draft::new(&shipped::directory_files());
    draft.import("contacts.csv", "mairie.csv", text, replace_all).unwrap();
    draft
}

#[test]
fn an_imported_row_replaces_the_one_with_its_id_and_a_new_one_is_added() {
    let text = "body,id,channel,duty,address\nemas,emas-a-sms,sms,a,+33639989999\nemas,emas-d-sms,sms,d,+33639989998\n";
    let draft = import(text, false);
    draft.read(&shipped::city().territory).unwrap();
    let files = draft.files();
    let change = |id: &str, verb| Change { file: "contacts.csv".into(), id: id.into(), verb };
    assert_eq!(
        changes(&shipped::directory_files(), &files),
        [change("emas-a-sms", Verb::Changed), change("emas-d-sms", Verb::Added)]
    );
    assert!(files.contacts_csv.contains("\nemas-a-sms,emas,sms,+33639989999,a,\n"), "another address is not proven");
}

#[test]
fn a_bad_import_tells_every_row_by_its_own_file_and_the_good_ones_can_be_taken() {
    let text = "id,body,channel,address,duty\n\
                emas-a-sms,emas,sms,0639989999,a\n\
                emas-d-sms,emas,sms,+33639989998,d\n\
                emas-d-sms,emas,sms,+33639989997,d\n\
                x,nowhere,pigeon,here,\n\
                y,nowhere,sms,+33639989996,\n\
                short,emas\n";
    let draft = import(text, false);
    let told: Vec<String> =
        draft.read(&shipped::city().territory).unwrap_err().0.iter().map(ToString::to_string).collect();
    for expected in [
        "mairie.csv:2: the number is not in international form: `+33` and nine digits",
        "mairie.csv:4: `emas-d-sms` is given twice",
        "mairie.csv:6: body `nowhere` is not in bodies.csv",
        "mairie.csv:7: the row has 2 cells, the header 5",
    ] {
        assert!(told.iter().any(|fault| fault == expected), "{expected} is not in {told:#?}");
    }
    assert!(told.iter().any(|fault| fault.starts_with("mairie.csv:5: unknown variant `pigeon`")), "{told:#?}");
    assert_eq!(told.len(), 5, "{told:#?}");

    let saved = draft.salvage(&shipped::city().territory).unwrap();
    assert_eq!(saved.dropped.len(), 5);
    let added = changes(&shipped::directory_files(), &saved.files);
    assert_eq!(added.len(), 1, "the bad row with a known id left the known one in its place: {added:#?}");
    assert_eq!((added[0].id.as_str(), added[0].verb), ("emas-d-sms", Verb::Added));
}

#[test]
fn a_header_that_is_not_that_of_the_file_is_refused() {
    let mut draft = Draft::new(&shipped::directory_files());
    let error = draft.import("contacts.csv", "m.csv", "id,corps,channel,address,id\n", false).unwrap_err();
    let told: Vec<String> = error.0.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "m.csv:1: there is no column `corps`: id, body, channel, address, duty, verified",
            "m.csv:1: column `body` is missing",
            "m.csv:1: column `duty` is missing",
            "m.csv:1: column `id` is given twice",
        ]
    );
    assert_eq!(draft.files(), shipped::directory_files());
}

#[test]
fn an_import_may_replace_the_whole_file() {
    let one = "id,body,channel,address,duty\nscop-desk,scop,email,scop@example.org,\n";
    let error = import(one, true).read(&shipped::city().territory).unwrap_err();
    assert!(error.0.iter().all(|fault| fault.file == "rosters.toml"), "{error}");
    let files = shipped::directory_files();
    let same = import(&files.contacts_csv, true);
    same.read(&shipped::city().territory).unwrap();
    assert_eq!(same.files(), files);
}

#[test]
fn every_shipped_roster_has_somebody_first_second_and_third_all_year() {
    let directory = read(&shipped::directory_files(), &shipped::city().territory).unwrap();
    let year = |text: &str| text.parse::<Timestamp>().unwrap();
    let (from, until) = (year("2026-07-01T00:00:00Z"), year("2027-07-01T00:00:00Z"));
    let mut with_roster = 0;
    for body in directory.bodies().filter(|body| body.roster.is_some()) {
        with_roster += 1;
        for rank in 0..3 {
            let held: i64 = shifts(body, from, until)
                .iter()
                .filter(|shift| shift.rank == rank)
                .map(|shift| shift.until.duration_since(shift.from).as_secs())
                .sum();
            assert_eq!(held, until.duration_since(from).as_secs(), "{} rank {rank}", body.id);
        }
    }
    assert!(with_roster > 100);
}
