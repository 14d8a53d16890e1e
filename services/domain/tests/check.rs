//! The prover against the shipped configuration, and against twenty and more configurations broken on purpose: each fault
//! is found, named, and placed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[expect(dead_code, reason = "shared with the rules of the contract")]
mod shipped;

use jiff::Timestamp;
use vigie_domain::{
    check::{Finding, Level, Report, check},
    city::City,
};
use vigie_proto::SectorId;

/// A week and a half before the clocks go forward, 28 March 2027.
const FROM: &str = "2027-03-18T10:00:00Z";

/// One text of a file replaced by another, the first time it stands there.
type Patch<'a> = (&'a str, &'a str, &'a str);

fn variant(patches: &[Patch<'_>]) -> Result<City, Vec<String>> {
    let (mut doctrine, mut directory) = (shipped::doctrine_files(), shipped::directory_files());
    for (file, from, to) in patches {
        let text = match *file {
            "roles.toml" => &mut directory.roles_toml,
            "bodies.csv" => &mut directory.bodies_csv,
            "contacts.csv" => &mut directory.contacts_csv,
            "rosters.toml" => &mut directory.rosters_toml,
            "overrides.csv" => &mut directory.overrides_csv,
            name => doctrine.get_mut(name).unwrap(),
        };
        assert!(text.contains(from), "{file} no longer says: {from}");
        *text = text.replacen(from, to, 1);
    }
    shipped::city_of(&doctrine, &directory).map_err(|error| error.0)
}

fn proved(patches: &[Patch<'_>]) -> Report {
    let city = variant(patches).unwrap_or_else(|faults| panic!("it is not even read: {faults:?}"));
    check(&city, FROM.parse().unwrap(), 14)
}

/// The finding of a code that speaks of `about`.
fn found(patches: &[Patch<'_>], code: &str, about: &str) -> Finding {
    let report = proved(patches);
    let all: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let finding = report.findings.into_iter().find(|f| f.code == code && f.message.contains(about));
    finding.unwrap_or_else(|| panic!("no {code} about {about} in:\n{}", all.join("\n")))
}

fn refused(patches: &[Patch<'_>], why: &str) {
    let faults = variant(patches).expect_err("it is read");
    assert!(faults.iter().any(|fault| fault.contains(why)), "{faults:?}");
}

fn line_of(file: &str, text: &str) -> usize {
    1 + shipped::doctrine_files()[file].split(text).next().unwrap().matches('\n').count()
}

#[test]
fn the_shipped_doctrine_has_no_error_through_a_change_of_the_clock_and_the_end_of_the_year() {
    let city = shipped::city();
    for from in [FROM, "2026-10-20T00:00:00Z", "2026-12-15T00:00:00Z"] {
        let report = check(&city, from.parse().unwrap(), 30);
        let errors: Vec<String> = report.errors().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
        assert_eq!((report.fiches, report.minutes), (30, 43_200));
        assert!(report.promises.iter().all(|p| p.within_min.is_none() || p.worst_min <= p.within_min));
    }
}

#[test]
fn v01_a_roster_hole_at_three_in_the_night_the_clocks_change() {
    // Somebody without a telephone takes the duty for an hour, which that night does not have all of.
    let patches = [
        (
            "overrides.csv",
            "",
            "id,body,from,until,rank,position,note\nn1,secretariat-general,2027-03-28T03:00,2027-03-28T04:00,0,z,\n",
        ),
        (
            "contacts.csv",
            "permanence-dpmp-desk,",
            "secretariat-general-z,secretariat-general,screen,table,z,2026-11-16\npermanence-dpmp-desk,",
        ),
        (
            "contacts.csv",
            "secretariat-general-desk,secretariat-general,email,secretariat-general@example.org,,2026-11-16\n",
            "",
        ),
    ];
    let finding = found(&patches, "nobody-on-duty", "secretariat-general");
    assert_eq!(finding.moment, Some("2027-03-28T01:00:00Z".parse::<Timestamp>().unwrap()), "{finding}");
    assert!(finding.local.as_ref().is_some_and(|local| local.contains("03:00 CEST")), "{finding}");
    assert_eq!(finding.lasts_min, Some(60));
}

#[test]
fn v02_a_loop_of_steps_that_wait_for_each_other() {
    let scop_first = "id = \"scop\"\nafter_min = 0\nexpects = \"acknowledgement\"\nchannels = [\"screen\", \"email\"]\ntiming = \"default\"\ntell = [{ role = \"scop\", in = \"city\" }]\n\n[[circuit.step]]\nid = \"scop-tous-rangs\"\nafter_min = 5";
    let looped = "id = \"scop\"\nafter_acknowledgement = { by = [\"permanence-dpmp\"] }\nexpects = \"acknowledgement\"\nchannels = [\"screen\", \"email\"]\ntiming = \"default\"\ntell = [{ role = \"scop\", in = \"city\" }]\n\n[[circuit.step]]\nid = \"scop-tous-rangs\"\nafter_acknowledgement = { by = [\"permanence-dpmp\"] }";
    let finding = found(&[("f-3-13.toml", scop_first, looped)], "loop", "CRI-4/dpmp");
    assert_eq!((finding.level, finding.file.as_str()), (Level::Error, "f-3-13.toml"));
}

#[test]
fn v03_a_typo_in_a_key_and_v04_in_a_role_are_refused_with_their_line() {
    let line = line_of("f-1-6.toml", "after_min = 0");
    refused(&[("f-1-6.toml", "after_min = 0", "after_mins = 0")], &format!("f-1-6.toml:{line}:"));
    refused(&[("f-1-6.toml", "role = \"epm\"", "role = \"emp\"")], "role `emp` is not in the directory's roles.toml");
}

#[test]
fn v05_a_body_missing_in_one_sector() {
    let city = variant(&[(
        "bodies.csv",
        "commissariat-paris-12,commissariat,paris-12,",
        "commissariat-paris-12,epm,paris-12,",
    )]);
    let report = check(&city.unwrap(), FROM.parse().unwrap(), 2);
    let missing: Vec<&Finding> = report.errors().filter(|f| f.code == "no-body").collect();
    assert!(missing.iter().any(|f| f.message.contains("RIX-1/boucle tells commissariat")), "{missing:?}");
    assert!(
        missing.iter().all(|f| f.sectors.iter().map(SectorId::as_str).collect::<Vec<_>>() == ["paris-12"]),
        "{missing:?}"
    );
}

#[test]
fn v06_a_patrol_called_outside_its_hours_with_nobody_instead() {
    let patch = (
        "f-3-4.toml",
        "outside = { tell = [{ role = \"commissariat\", in = \"sector\" }, { role = \"bailleur\", in = \"raiser\" }] } },",
        "outside = \"skip\" },",
    );
    let finding = found(&[patch], "silent-step", "CFG-304b/patrouille");
    assert_eq!(finding.line, line_of("f-3-4.toml", "id = \"patrouille\""), "{finding}");
    // The period begins at 11:00 local: the patrol comes at 16:30.
    assert!(finding.local.as_ref().is_some_and(|local| local.contains("11:00 CET")), "{finding}");
    assert_eq!(finding.lasts_min, Some(330));
}

#[test]
fn v07_what_is_judicial_by_sms() {
    let text = &shipped::doctrine_files()["f-2-6.toml"];
    let channels = text.lines().find(|line| line.starts_with("channels = [\"email\"]")).unwrap().to_owned();
    let by_sms = [("f-2-6.toml", channels.as_str(), "channels = [\"email\", \"sms\"]")];
    refused(&by_sms, "is of class « Judiciaire », which does not leave by sms");
}

#[test]
fn v08_what_is_judicial_to_a_role_that_may_not_know() {
    let told = "tell = [{ role = \"pav\", in = \"city\" }]";
    let mairie = [("f-2-6.toml", told, "tell = [{ role = \"mairie\", in = \"sector\" }]")];
    refused(&mairie, "is of class « Judiciaire », which `mairie` is not told of");
}

#[test]
fn v09_a_bound_that_is_not_kept_says_by_how_much() {
    let patches = [
        ("roles.toml", "session_hours = 12\nmanned = true\nintervenes = true", "session_hours = 12\nintervenes = true"),
        (
            "roles.toml",
            "label = \"Commissariat d'arrondissement\"",
            "label = \"Commissariat d'arrondissement\"\nmanned = true",
        ),
    ];
    // Manned are the commissariats now, told at once for a rixe; the kinds whose circuits do not tell them break.
    let report = proved(&patches);
    let broken = report.errors().find(|f| f.code == "bound-exceeded" && f.message.starts_with("vpu-request")).unwrap();
    assert!(broken.message.contains("no place manned 24 hours a day is told for sure"), "{broken}");
}

#[test]
fn v10_a_grave_severity_without_a_bound() {
    let patch = (
        "doctrine.toml",
        "manned_within_min = { tension = 60, serious = 5, fatal = 5 }",
        "manned_within_min = { tension = 60, fatal = 5 }",
    );
    let finding = found(&[patch], "bound-undeclared", "`rixe`");
    assert_eq!((finding.file.as_str(), finding.line), ("doctrine.toml", line_of("doctrine.toml", "[kinds.rixe]")));
}

#[test]
fn v11_contact_points_that_were_never_answered() {
    let contacts = shipped::directory_files().contacts_csv;
    let unproven = contacts.replace(",2026-11-16", ",");
    let report = proved(&[("contacts.csv", &contacts, &unproven)]);
    assert!(report.errors().any(|f| f.code == "nobody-told"), "screens alone do not reach everybody");
    assert!(
        report.findings.iter().any(|f| f.code == "unproven-contact" && f.message.contains("commissariat-paris-19"))
    );
}

#[test]
fn v12_a_step_without_a_target_and_v13_a_target_twice() {
    let tell = "tell = [{ role = \"division-dpmp\", in = \"sector\" }, { role = \"commissariat\", in = \"sector\" }]";
    refused(&[("f-1-6.toml", tell, "tell = []")], "tells nobody");
    let twice = "tell = [{ role = \"division-dpmp\", in = \"sector\" }, { role = \"division-dpmp\", in = \"sector\" }]";
    let finding = found(&[("f-1-6.toml", tell, twice)], "target-twice", "RIX-1/relance-terrain");
    assert_eq!(finding.line, line_of("f-1-6.toml", "id = \"relance-terrain\""));
}

#[test]
fn v14_a_step_that_waits_for_somebody_nobody_asks() {
    let patch = (
        "f-3-13.toml",
        "after_acknowledgement = { by = [\"scop\"] }",
        "after_acknowledgement = { by = [\"parquet\"] }",
    );
    let finding = found(&[patch], "never-due", "waits for parquet");
    assert_eq!(finding.file, "f-3-13.toml");
}

#[test]
fn v15_a_quorum_that_cannot_be_met() {
    let patch = ("f-1-6.toml", "at_least = { count = 2,", "at_least = { count = 9,");
    let finding = found(&[patch], "quorum-out-of-reach", "RIX-1 wants 9 bodies");
    assert_eq!(finding.sectors.len(), 17);
}

#[test]
fn v16_something_owed_by_nobody_in_one_sector() {
    let report = proved(&[("bodies.csv", "mpce-paris-07,mpce,paris-07,", "mpce-paris-07,epm,paris-07,")]);
    let finding = report.errors().find(|f| f.code == "owed-by-nobody").unwrap();
    assert_eq!(finding.sectors.iter().map(SectorId::as_str).collect::<Vec<_>>(), ["paris-07"], "{finding}");
}

#[test]
fn v17_a_body_without_a_contact_point_on_any_channel_of_the_step() {
    let contacts = shipped::directory_files().contacts_csv;
    let without: String =
        contacts.lines().filter(|l| !l.contains(",division-dpmp-paris-13,")).fold(String::new(), |t, l| t + l + "\n");
    let rosters = shipped::directory_files().rosters_toml;
    let roster = rosters.split("[[roster]]").find(|part| part.contains("\"division-dpmp-paris-13\"")).unwrap();
    let roster = format!("[[roster]]{roster}");
    let finding = found(
        &[("contacts.csv", &contacts, &without), ("rosters.toml", &roster, "")],
        "nobody-on-duty",
        "RIX-1/boucle: nobody answers for division-dpmp-paris-13",
    );
    assert_eq!(finding.sectors.iter().map(SectorId::as_str).collect::<Vec<_>>(), ["paris-13"]);
}

#[test]
fn v18_a_window_that_never_opens() {
    let patch = (
        "doctrine.toml",
        "not_on = [\"weekend\", \"public-holiday\"]",
        "not_on = [\"weekend\", \"public-holiday\", \"school-holiday\"]",
    );
    let all_year = (
        "doctrine.toml",
        "{ label = \"Été 2026\", from = \"2026-07-04\"",
        "{ label = \"Toujours\", from = \"2026-09-01\", until = \"2027-12-31\" },\n  { label = \"Été 2026\", from = \"2026-07-04\"",
    );
    let finding = found(&[patch, all_year], "window-never-opens", "`bureau`");
    assert_eq!(finding.level, Level::Error);
}

#[test]
fn v19_the_alert_of_an_alert_told_to_nobody_at_night() {
    let patch = (
        "doctrine.toml",
        "[undeliverable]\ntell = [{ role = \"scop\", in = \"city\" }]",
        "[undeliverable]\ntell = [{ role = \"scop\", in = \"city\", hours = \"jour\", outside = \"skip\" }]",
    );
    let finding = found(&[patch], "undeliverable-silent", "told to nobody");
    assert!(finding.local.as_ref().is_some_and(|local| local.contains("22:00 CET")), "{finding}");
    assert_eq!(finding.lasts_min, Some(540));
}

#[test]
fn v20_a_circuit_without_a_verdict_v21_a_fiche_without_a_file_and_v22_a_manned_place_that_is_not() {
    refused(&[("f-1-6.toml", "\"RIX-8\"", "\"RIX-8\", \"RIX-11\"")], "circuit RIX-11 has no verdict");
    refused(
        &[("doctrine.toml", "\"F.3.13\", \"F.3.14\"", "\"F.3.13\", \"F.3.14\", \"F.4.1\"")],
        "fiche F.4.1 has no file",
    );
    let report = proved(&[("roles.toml", "label = \"SCOP\"\nsession_hours = 12\nmanned = true", "label = \"SCOP\"")]);
    assert!(report.errors().any(|f| f.code == "bound-exceeded" && f.message.starts_with("rixe, serious")));
}

#[test]
fn v23_a_form_without_emergency_numbers() {
    let text = &shipped::doctrine_files()["doctrine.toml"];
    let start = text.find("[[emergency]]").unwrap();
    let end = text[start..].find("\n# ---").unwrap() + start;
    let finding = found(&[("doctrine.toml", &text[start..end], "")], "no-emergency-number", "before the forms");
    assert_eq!(finding.level, Level::Error);
}
