//! The doctrine as files: what is refused, and what the shipped one gives to an incident.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(dead_code, reason = "shared with the rules of the contract")]
mod shipped;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use vigie_domain::{
    assess::assess,
    city::City,
    doctrine::{Condition, Situation, Timing, freeze, read, table},
    escalation::{Settlement, TakingCharge},
};
use vigie_proto::{
    BodyId, Channel, CrisisRegime, Nature, RoleId, Severity, event::StepOutcome, plan::Plan, signal::Location,
};

fn roles() -> BTreeSet<RoleId> {
    ["scop", "mairie", "secretariat-general"].map(|r| RoleId::new(r).unwrap()).into()
}

const COMMON: &str = r#"timezone = "Europe/Paris"
[kinds.rixe]
label = "Rixe"
default_severity = "tension"
schools_within_m = 500
neighbours_within_m = 300
correlation = { radius_m = 500, window_min = 180 }
[undeliverable]
tell = [{ role = "scop", in = "city" }]
channels = ["email"]
"#;

const FICHE: &str = r#"[fiche]
id = "F.1.6"
title = "Rixes"
lines = "1147-1304"
[[circuit]]
id = "RIX-1"
title = "Alerte"
lines = "1179-1185"
kinds = ["rixe"]
severities = ["serious"]
satisfied_by = "anyone"
[[circuit.step]]
id = "boucle"
after_min = 0
expects = "acknowledgement"
channels = ["email"]
timing = "default"
tell = [{ role = "mairie", in = "sector" }]
"#;

/// The faults of [`COMMON`] and [`FICHE`] with one text of the fiche replaced.
fn faults(from: &str, to: &str) -> Vec<String> {
    assert!(FICHE.contains(from), "{from}");
    let files = BTreeMap::from([
        ("doctrine.toml".to_owned(), COMMON.to_owned()),
        ("f.toml".to_owned(), FICHE.replace(from, to)),
    ]);
    read(&files, &roles()).err().map(|e| e.0).unwrap_or_default()
}

#[test]
fn a_typo_is_refused_with_its_file_and_line_and_never_widens_a_rule() {
    for (from, to, line, told) in [
        ("severities =", "severity =", 10, "severity"),
        ("kinds = [\"rixe\"]", "kinds = [\"rixes\"]", 9, "rixes"),
        ("[\"serious\"]", "[\"seriuos\"]", 10, "seriuos"),
        ("[\"serious\"]", "[]", 10, "never applies"),
        ("\"anyone\"", "{ any_of = [\"scoop\"] }", 11, "scoop"),
        ("after_min = 0", "after_minutes = 0", 14, "after_minutes"),
        ("after_min = 0", "", 13, "exactly one of after_min"),
        ("after_min = 0", "next_local = [\"25:00\"]", 14, "time of day"),
        ("channels = [\"email\"]", "channels = [\"fax\"]", 16, "fax"),
        ("role = \"mairie\"", "role = \"marie\"", 18, "marie"),
        ("in = \"sector\"", "in = \"sectors\"", 18, "sectors"),
        ("tell = [{ role = \"mairie\", in = \"sector\" }]", "tell = []", 18, "tells nobody"),
    ] {
        let faults = faults(from, to);
        assert_eq!(faults.len(), 1, "{to}: {faults:?}");
        assert!(faults[0].contains(told), "{to}: {faults:?}");
        let at: usize = faults[0].split(':').nth(1).unwrap().parse().unwrap();
        assert!(faults[0].starts_with("f.toml:") && at == line, "{to}: line {line} expected, {faults:?}");
    }
    assert!(faults("RIX-1", "RIX-1").is_empty());
}

#[test]
fn every_fault_is_told_at_once() {
    let files = BTreeMap::from([
        ("doctrine.toml".to_owned(), COMMON.to_owned()),
        (
            "f.toml".to_owned(),
            FICHE.replace("role = \"mairie\"", "role = \"marie\"").replace("kinds = [\"rixe\"]", "kinds = [\"x\"]"),
        ),
    ]);
    assert_eq!(read(&files, &roles()).unwrap_err().0.len(), 2);
}

#[test]
fn another_text_is_another_hash() {
    let files = |fiche: &str| {
        BTreeMap::from([("doctrine.toml".to_owned(), COMMON.to_owned()), ("f.toml".to_owned(), fiche.to_owned())])
    };
    let hash = |fiche: &str| read(&files(fiche), &roles()).unwrap().hash().to_owned();
    assert_ne!(hash(FICHE), hash(&FICHE.replace("after_min = 0", "after_min = 1")));
}

fn now() -> Timestamp {
    "2026-11-23T14:40:00Z".parse().unwrap()
}

/// The plan of a rixe at a collège of the 19th, and the city.
fn plan_at_school(kind: &str, severity: Severity, raised_by: &str) -> (City, Plan) {
    let city = shipped::city();
    let kind = kind.parse().unwrap();
    let rule = city.doctrine.kind(&kind).unwrap();
    let place = assess(&Location::School { uai: "0750507U".parse().unwrap() }, 150.0, rule, &city.territory).unwrap();
    let situation = Situation {
        kind,
        severity,
        raised_by: raised_by.parse().unwrap(),
        sectors: place.sectors,
        neighbours: place.neighbours,
        school: place.school,
        schools_around: place.schools_around,
        raiser: None,
        regime: CrisisRegime::None,
        nature: Nature::Real,
        expected_at: None,
    };
    let plan = freeze(&city.doctrine, &situation, now(), 1.0);
    (city, plan)
}

/// Bodies told at `minute` after the opening, by role.
fn told(city: &City, plan: &Plan, minute: i64, channel: Channel) -> BTreeSet<String> {
    let due = now() + SignedDuration::from_mins(minute);
    let steps =
        plan.circuits.iter().flat_map(|c| &c.steps).filter(|s| s.due_at == due && s.channels.contains(&channel));
    let bodies = steps.flat_map(|s| &s.tell).flat_map(|target| {
        let reach = city.directory.bodies_of(target).into_iter();
        reach.filter(|body| !body.reach(channel, target.rank, due).is_empty()).map(|body| body.role.to_string())
    });
    bodies.collect()
}

#[test]
fn doc_05_a_grave_rixe_tells_the_loop_and_the_secretariat_at_once() {
    for severity in [Severity::Serious, Severity::Fatal] {
        let (city, plan) = plan_at_school("rixe", severity, "etablissement");
        let at_once = told(&city, &plan, 0, Channel::Email);
        for role in ["commissariat", "division-dpmp", "epm", "prevention-specialisee", "etablissement", "associations"]
        {
            assert!(
                at_once.contains(role),
                "{severity}: class {role} of the loop (lines 1181-1185) is missing: {at_once:?}"
            );
        }
        assert!(
            at_once.contains("secretariat-general"),
            "{severity}: lines 1195-1197 ask for the central level: {at_once:?}"
        );
        assert!(told(&city, &plan, 0, Channel::Sms).contains("commissariat"), "{severity}");
        assert!(told(&city, &plan, 0, Channel::Screen).contains("scop"), "{severity}");
    }
}

#[test]
fn an_unanswered_grave_rixe_ends_at_a_place_manned_around_the_clock() {
    let (city, plan) = plan_at_school("rixe", Severity::Serious, "etablissement");
    let conditional = plan.circuits.iter().flat_map(|c| &c.steps).filter(|s| s.unless_acknowledged);
    assert_eq!(conditional.map(|s| s.due_at).max(), Some(now() + SignedDuration::from_mins(15)));
    assert!(told(&city, &plan, 5, Channel::Sms).contains("scop"));
    let last = told(&city, &plan, 15, Channel::Sms);
    assert!(last.contains("secretariat-general") && last.contains("permanence-dpmp"), "{last:?}");
}

#[test]
fn what_a_head_reports_is_followed_up_and_what_a_landlord_reports_reaches_mediation() {
    let circuits = |raised_by| {
        let (_, plan) = plan_at_school("rixe", Severity::Tension, raised_by);
        plan.circuits.into_iter().map(|c| c.id).collect::<Vec<_>>()
    };
    assert!(
        circuits("etablissement").contains(&"RIX-5".to_owned())
            && !circuits("etablissement").contains(&"RIX-9".to_owned())
    );
    assert!(circuits("bailleur").contains(&"RIX-9".to_owned()) && !circuits("bailleur").contains(&"RIX-5".to_owned()));
}

#[test]
fn a_weak_signal_waits_for_the_next_common_reading() {
    let (_, plan) = plan_at_school("rixe", Severity::Watch, "etablissement");
    let steps = plan.circuits.iter().flat_map(|c| &c.steps).map(|s| (s.id.as_str(), s.digest, s.due_at));
    let reading = "2026-11-23T16:00:00Z".parse().unwrap();
    assert_eq!(
        steps.collect::<Vec<_>>(),
        [("lecture-groupee", true, reading), ("ecran", false, now())],
        "17:00 in Paris; the operations room's screen needs nobody's time"
    );
}

/// `body`, which every circuit has asked, takes charge.
fn took_charge(escalation: &mut vigie_domain::escalation::Escalation, body: &str, role: &str) -> Vec<Settlement> {
    let (body, role): (BodyId, RoleId) = (body.parse().unwrap(), role.parse().unwrap());
    let circuits: Vec<String> = escalation.plan.circuits.iter().map(|circuit| circuit.id.clone()).collect();
    for circuit in circuits {
        escalation.asked(&circuit, [body.clone()]);
    }
    let taking = TakingCharge { body, role: &role, intervenes: true, seen_version: 1, counts_for: None };
    escalation.acknowledge(taking, now())
}

#[test]
fn a_mairie_told_elsewhere_makes_the_scop_know_and_only_the_scop_ends_it() {
    let (city, plan) = plan_at_school("crisis-event", Severity::Serious, "mairie");
    assert!(told(&city, &plan, 0, Channel::Screen).contains("scop"));
    let mut escalation = vigie_domain::escalation::Escalation::start(plan, 1);
    escalation.settle_due(now());
    let by_mairie = took_charge(&mut escalation, "mairie-19", "mairie");
    assert!(by_mairie.is_empty(), "{by_mairie:?}");
    let by_scop = took_charge(&mut escalation, "scop", "scop");
    assert!(!by_scop.is_empty() && by_scop.iter().all(|s| s.outcome == StepOutcome::Acknowledged));
    let left: Vec<Settlement> = escalation.settle_due(now() + SignedDuration::from_mins(200));
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(escalation.next_due(), Some(now() + SignedDuration::from_mins(240)), "is it still in hand?");
}

#[test]
fn every_circuit_of_the_contract_has_one_verdict_and_its_lines() {
    let city = shipped::city();
    let doctrine = &city.doctrine;
    assert_eq!((doctrine.fiches.len(), doctrine.expected_fiches.len()), (30, 30));
    let named: Vec<&String> = doctrine.fiches.iter().flat_map(|fiche| &fiche.circuits).collect();
    assert_eq!(
        (named.len(), named.iter().collect::<BTreeSet<_>>().len()),
        (96, 96),
        "10 + 5 + 15, and 66 of the other fiches"
    );
    let lines = doctrine.circuits.iter().map(|c| &c.lines);
    let lines = lines.chain(doctrine.counted.iter().map(|c| &c.lines)).chain(doctrine.outside.iter().map(|c| &c.lines));
    for lines in lines.chain(doctrine.fiches.iter().map(|f| &f.lines)) {
        for span in lines.split(", ") {
            let (from, to) = span.split_once('-').unwrap_or((span, span));
            let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
            assert!(from <= to && to <= 5379, "{lines}");
        }
    }
}

/// Every delay but the few the contract states is ours, and says so.
#[test]
fn only_what_the_contract_states_is_called_contract() {
    let city = shipped::city();
    let steps = city.doctrine.circuits.iter().flat_map(|c| c.steps.iter().map(move |s| (&c.id, &s.id, s.timing)));
    let owed = city.doctrine.circuits.iter().flat_map(|c| c.owed.iter().map(move |o| (&c.id, &o.id, o.timing)));
    let stated = steps.chain(owed).filter(|(_, _, timing)| *timing == Timing::Contract);
    let stated: BTreeSet<String> = stated.map(|(circuit, id, _)| format!("{circuit}/{id}")).collect();
    let wanted = ["CFG-206c/evaluation", "CFG-206c/retard", "CFG-304b/patrouille", "CRI-2/scop"];
    assert_eq!(stated, wanted.map(str::to_owned).into());
}

#[test]
fn every_step_finds_somebody_in_every_sector() {
    let city = shipped::city();
    for circuit in &city.doctrine.circuits {
        let rule = city.doctrine.kind(&circuit.kinds[0]).unwrap();
        for sector in city.territory.sectors().iter().filter(|s| s.in_paris) {
            let place = assess(&Location::Sector { sector: sector.id.clone() }, 150.0, rule, &city.territory).unwrap();
            let situation = Situation {
                kind: circuit.kinds[0].clone(),
                severity: circuit.severities[0],
                raised_by: circuit.raised_by.first().cloned().unwrap_or_else(|| "scop".parse().unwrap()),
                sectors: place.sectors,
                neighbours: Vec::new(),
                school: None,
                schools_around: Vec::new(),
                raiser: None,
                regime: circuit.regimes[0],
                nature: if circuit.when.contains(&Condition::Exercise) { Nature::Exercise } else { Nature::Real },
                expected_at: Some(now()),
            };
            let plan = freeze(&city.doctrine, &situation, now(), 1.0);
            let spared = circuit.when.contains(&Condition::AtSchool) || circuit.when.contains(&Condition::NearBorder);
            assert!(spared || plan.circuits.iter().any(|c| c.id == circuit.id), "{} does not apply", circuit.id);
            for target in plan.circuits.iter().flat_map(|c| &c.steps).flat_map(|s| &s.tell) {
                assert!(
                    !city.directory.bodies_of(target).is_empty(),
                    "{} in {}: no {}",
                    circuit.id,
                    sector.id,
                    target.role
                );
            }
        }
    }
}

#[test]
fn the_table_of_circuits_is_that_of_the_files() {
    let fresh = table(&shipped::city().doctrine);
    let written = shipped::text("doctrine/README.md");
    assert!(fresh == written, "config/doctrine/README.md is stale: vigie doctrine table > config/doctrine/README.md");
}
