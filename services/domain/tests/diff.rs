//! What changes between the shipped configuration and others: each kind of change is found, grouped and said.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(dead_code, reason = "shared with the rules of the contract")]
mod shipped;

use vigie_domain::{
    city::City,
    diff::{Change, Differences, diff},
};
use vigie_proto::Severity;

/// One text of a file replaced by another, the first time it stands there.
type Patch<'a> = (&'a str, &'a str, &'a str);

fn variant(patches: &[Patch<'_>]) -> City {
    let (mut doctrine, mut directory) = (shipped::doctrine_files(), shipped::directory_files());
    for (file, from, to) in patches {
        let text = match *file {
            "roles.toml" => &mut directory.roles_toml,
            "bodies.csv" => &mut directory.bodies_csv,
            "contacts.csv" => &mut directory.contacts_csv,
            name => doctrine.get_mut(name).unwrap(),
        };
        assert!(text.contains(from), "{file} no longer says: {from}");
        *text = text.replacen(from, to, 1);
    }
    shipped::city_of(&doctrine, &directory).unwrap()
}

fn changes(patches: &[Patch<'_>]) -> Differences {
    diff(&shipped::city(), &variant(patches), "2027-03-18T10:00:00Z".parse().unwrap())
}

/// The sentences of a change.
fn said(patches: &[Patch<'_>]) -> Vec<String> {
    changes(patches).to_string().lines().map(str::to_owned).collect()
}

/// The loop of a tension.
const LOOP: &str = "id = \"boucle\"\nafter_min = 0\nexpects = \"acknowledgement\"\nchannels = [\"email\"]";

#[test]
fn the_same_doctrine_changes_nothing_whatever_its_comments_names_and_order() {
    assert!(changes(&[]).is_empty());
    let renamed = [
        ("f-1-6.toml", "# Rixes.", "# Brawls."),
        ("f-1-6.toml", "id = \"relance-scop\"", "id = \"the-scop-again\""),
        (
            "f-1-6.toml",
            "  { role = \"commissariat\", in = \"sector\" },\n  { role = \"division-dpmp\", in = \"sector\" },\n",
            "  { role = \"division-dpmp\", in = \"sector\" },\n  { role = \"commissariat\", in = \"sector\" },\n",
        ),
        (
            "doctrine.toml",
            "channels = [\"screen\", \"email\", \"sms\"]\nretention",
            "channels = [\"screen\", \"email\", \"sms\"] # all\nretention",
        ),
    ];
    let same = changes(&renamed);
    assert!(same.is_empty(), "{same}");
    assert_ne!(same.before.doctrine, same.after.doctrine, "the files are not the same");
    assert_eq!(same.to_string(), "Nothing changes for anybody.");
}

#[test]
fn a_later_step_is_said_once_for_every_sector_and_regime() {
    let sooner = ("f-1-6.toml", "after_min = 60\nunless", "after_min = 45\nunless");
    let differences = changes(&[sooner]);
    assert_eq!(
        differences.to_string(),
        "rixe, tension: Salle de Commandement Opérationnel de Paris (SCOP) (role scop); Coordonnateur du CPSA \
         (role coordonnateur-cpsa, 17 bodies) are told after 45 min instead of after 1 h (RIX-1, relance-scop)"
    );
    let [only] = differences.plans.as_slice() else { unreachable!() };
    assert_eq!((only.place.sectors.len(), only.place.regimes.len(), only.place.everywhere), (17, 4, true));
    assert_eq!(only.place.severities, [Severity::Tension]);
}

#[test]
fn a_same_change_of_two_severities_is_one() {
    let both = (
        "f-1-6.toml",
        "severities = [\"serious\", \"fatal\"]\nsatisfied_by = \"anyone\"",
        "severities = [\"serious\"]\nsatisfied_by = \"anyone\"",
    );
    let said = said(&[both]);
    assert_eq!(
        said,
        [
            "rixe, fatal: Mairie d'arrondissement (role mairie, 17 bodies) are no longer told on day 1 at 09:00 by \
             e-mail, and still told otherwise (RIX-6, rappel-cenomed)",
            "rixe, fatal: Coordonnateur du CPSA (role coordonnateur-cpsa, 17 bodies) are no longer told on day 1 at \
             09:00 by e-mail, desk, and not told at all any more (RIX-6, rappel-cenomed)",
        ]
    );

    let on_day = |day: u32| {
        format!(
            "on_day = {{ day = {day}, at = \"09:00\" }}\nsurvives_closing = true\nexpects = \"nothing\"\n\
             channels = [\"email\"]\ntiming = \"default\"\ntell = [{{ role"
        )
    };
    let said = self::said(&[("f-1-6.toml", &on_day(1), &on_day(2))]);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].starts_with("rixe, serious or fatal: "), "{said:?}");
    assert!(said[0].contains("on day 2 at 09:00 instead of on day 1 at 09:00"), "{said:?}");
}

#[test]
fn whoever_is_told_no_more_or_newly_is_named_and_whether_something_else_tells_them() {
    let out = "  { role = \"associations\", in = \"sector\", hours = \"jour\", outside = \"wait\" },\n";
    let said = said(&[("f-1-6.toml", out, "")]);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("(role associations, 17 bodies) are no longer told at once by e-mail"), "{said:?}");
    assert!(said[0].contains("and not told at all any more"), "{said:?}");

    let first = "{ role = \"commissariat\", in = \"sector\" },\n";
    let more = format!("{first}  {{ role = \"parquet\", in = \"city\" }},\n");
    let said = self::said(&[("f-1-6.toml", first, &more)]);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("(role parquet) is newly told at once by e-mail"), "{said:?}");
    assert!(said[0].contains("and was not told at all before"), "{said:?}");
}

#[test]
fn terms_of_a_call_that_change_are_said_together() {
    let other = LOOP.replace("\"acknowledgement\"", "\"nothing\"").replace("[\"email\"]", "[\"sms\"]");
    let said = said(&[("f-1-6.toml", LOOP, &other), ("f-1-6.toml", "fallback = [\"sms\"]", "fallback = [\"email\"]")]);
    assert!(said.len() <= 2, "{said:#?}");
    let terms =
        "by SMS too, by e-mail no more; failing that by e-mail too, failing that by SMS no more; for information only";
    assert!(said.iter().all(|line| line.contains(terms)), "{said:#?}");
}

#[test]
fn an_hour_that_changes_is_said_to_those_it_concerns() {
    let said = said(&[("doctrine.toml", "hours = [\"07:00-22:00\"]", "hours = [\"08:00-22:00\"]")]);
    assert!(
        said.iter().all(|line| line.contains("within 08:00-22:00") && line.contains("instead of within 07:00-22:00"))
    );
    assert!(said.iter().any(|line| line.contains("role associations")), "{said:#?}");
    assert!(!said.iter().any(|line| line.starts_with("window")), "the plans say it: {said:#?}");
}

#[test]
fn whose_answer_ends_a_circuit_who_it_is_for_and_what_is_owed_are_rules_of_it() {
    let quorum = said(&[("f-1-6.toml", "at_least = { count = 2", "at_least = { count = 3")]);
    assert_eq!(quorum.len(), 1, "{quorum:#?}");
    assert!(quorum[0].starts_with("rixe, fatal: who must take charge: 3 of commissariat"), "{quorum:?}");

    let wider = said(&[("f-1-6.toml", "when = [\"near-border\"]\n", "")]);
    assert_eq!(wider, ["rixe, tension or serious or fatal: only for: no longer near a border (RIX-7)"]);

    let owed = said(&[("f-2-6.toml", "within_days = 8", "within_days = 9")]);
    assert_eq!(owed.len(), 1, "{owed:#?}");
    assert!(owed[0].contains("within 9 calendar days") && owed[0].contains("within 8 calendar days"), "{owed:?}");
}

#[test]
fn what_no_plan_shows_is_compared_rule_by_rule() {
    let cases = [
        (
            ("doctrine.toml", "retention_days = 365", "retention_days = 400"),
            "class crisis, retention_days: 400, instead of 365",
        ),
        (
            ("doctrine.toml", "\"2026-12-25\",", ""),
            "calendar public holiday 2026-12-25: no longer public holiday 2026-12-25",
        ),
        (("doctrine.toml", "number = \"18\"", "number = \"114\""), "emergency number 114: Pompiers, which is new"),
        (("doctrine.toml", "lines = \"4886\"", "lines = \"4887\""), "what may never be, lines 4886: no longer"),
        (
            ("doctrine.toml", "manned_within_min = { tension = 60", "manned_within_min = { tension = 90"),
            "kind rixe, manned_within_min: tension 90 min",
        ),
        (
            ("doctrine.toml", "label = \"Exercices PPMS tenus\"", "label = \"Exercices\""),
            "indicator exercices-ppms, label: Exercices, instead",
        ),
        (
            (
                "roles.toml",
                "[scop]\nlabel = \"SCOP\"\nsession_hours = 12\nmanned = true",
                "[scop]\nlabel = \"SCOP\"\nsession_hours = 12",
            ),
            "role scop, manned: false, instead of true",
        ),
        (
            ("roles.toml", "manned = true\nintervenes = true\n", "manned = true\n"),
            "role scop, intervenes: false, instead of true",
        ),
        (
            ("doctrine.toml", "[accuracy]\nwithin_m = 150", "[accuracy]\nwithin_m = 200"),
            "how exactly a place is known anybody else, within_m: 200",
        ),
        (
            ("doctrine.toml", "place = \"quartier\"\nfacts = \"none\"", "place = \"sector\"\nfacts = \"none\""),
            "what is read by associations, class ordinary, by SMS: place sector, facts none, announced time",
        ),
    ];
    for (patch, expected) in cases {
        let said = said(&[patch]);
        assert!(said.iter().any(|line| line.starts_with(expected)), "{expected}: {said:#?}");
    }
}

#[test]
fn a_contact_point_that_goes_changes_what_reaches_the_body_in_its_sector_only() {
    let contacts = shipped::directory_files().contacts_csv;
    let of_mairie = |line: &&str| line.contains(",mairie-paris-19,email,");
    let line = contacts.lines().find(of_mairie).unwrap();
    let differences = changes(&[("contacts.csv", &format!("{line}\n"), "")]);
    assert!(!differences.is_empty());
    for change in &differences.plans {
        assert!(matches!(&change.change, Change::ToldOtherwise { .. }), "{change}");
        let told: Vec<&str> = change.who.iter().flat_map(|who| &who.bodies).map(vigie_proto::BodyId::as_str).collect();
        assert_eq!(told, ["mairie-paris-19"], "{change}");
        assert!(change.to_string().contains("reached by e-mail not at all instead of for sure"), "{change}");
    }
    let own = differences.plans.iter().find(|change| change.place.sectors.len() == 1).unwrap();
    assert_eq!(own.place.sectors[0].as_str(), "paris-19");
}

#[test]
fn the_result_is_data_for_a_page() {
    let differences = changes(&[("f-1-6.toml", "after_min = 60\nunless", "after_min = 45\nunless")]);
    let json = serde_json::to_value(&differences).unwrap();
    let change = &json["plans"][0]["change"];
    assert_eq!(change["is"], "told-otherwise");
    assert_eq!(change["changes"][0]["term"], "when");
    assert_eq!(change["changes"][0]["after"], serde_json::json!({"from": "opening", "min": 45}));
}

#[test]
fn what_changes_in_how_crises_are_conducted_is_said() {
    let longer = [("f-3-13.toml", "on_site_within_min = 45", "on_site_within_min = 50")];
    let said = said(&longer);
    assert!(
        said.iter().any(|line| line.contains("resource mediation") && line.contains("45") && line.contains("50")),
        "{said:?}"
    );
    let text = [("f-3-13.toml", "directed_by = \"Autorités nationales", "directed_by = \"Les autorités nationales")];
    let rules = changes(&text).rules;
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert_eq!((rules[0].id.as_str(), rules[0].part), ("regime national", Some("directed_by")));
}
