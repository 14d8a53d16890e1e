//! F.1.6.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use vigie_domain::{
    city::City,
    directory::Ambit,
    doctrine::{Situation, involve},
    pattern::{GraveIncident, Trace, recognise},
    territory::LonLat,
};
use vigie_proto::{IncidentId, SectorId, Severity, SignalId};

use super::{
    Then, Verdict, must,
    play::{Play, incident, monday, paris, plan},
    stands_on,
};

/// The loop of lines 1181-1185.
const CLASSES: [&str; 6] =
    ["commissariat", "division-dpmp", "epm", "prevention-specialisee", "etablissement", "associations"];
const GRAVE: [Severity; 2] = [Severity::Serious, Severity::Fatal];

#[test]
fn doc_05_a_grave_rixe_tells_local_bodies_and_the_secretariat_general_at_once() {
    let rule = |city: &City| {
        for severity in GRAVE {
            let play = Play::of(city, &incident("rixe", severity, "etablissement"));
            let at_once = play.roles_at(monday());
            for role in CLASSES.into_iter().chain(["secretariat-general"]) {
                must(at_once.contains(role), format!("{severity}: {role} is not told at once"))?;
            }
        }
        // After a death, « en central » is not done because somebody « localement » answers.
        let mut play = Play::of(city, &incident("rixe", Severity::Fatal, "etablissement"));
        play.acknowledge("commissariat", monday()).acknowledge("scop", monday());
        play.until(paris("2026-11-23T15:55"));
        let called = play.told.iter().any(|told| told.at > monday() && told.role == "secretariat-general");
        must(called, "the secretariat is no longer called once the commissariat answers")
    };
    stands_on(
        rule,
        [
            (
                "f-1-6.toml",
                r#"tell = [{ role = "secretariat-general", in = "city" }]"#,
                r#"tell = [{ role = "scop", in = "city" }]"#,
                Then::Broken,
            ),
            ("f-1-6.toml", "  { role = \"commissariat\", in = \"sector\" },\n", "", Then::Broken),
        ],
    );
}

#[test]
fn doc_06_the_day_after_a_grave_rixe_the_mairie_and_the_coordinator_are_reminded_of_the_cenomed_even_when_it_is_closed()
{
    let rule = |city: &City| {
        for severity in GRAVE {
            let mut play = Play::of(city, &incident("rixe", severity, "commissariat"));
            play.close(paris("2026-11-23T18:00")).until(paris("2026-12-31T00:00"));
            let reminded = |role: &str| {
                let mut of_role = play.told.iter().filter(|told| told.role == role);
                of_role.any(|told| {
                    told.at == paris("2026-11-24T09:00")
                        && told.guidance.iter().any(|text| text.contains("CENOMED") && text.contains("aucun nom"))
                })
            };
            must(reminded("mairie") && reminded("coordonnateur-cpsa"), format!("{severity}: no reminder"))?;
        }
        let mut mild = Play::of(city, &incident("rixe", Severity::Tension, "commissariat"));
        mild.until(paris("2026-12-31T00:00"));
        let reminded = mild.told.iter().any(|told| told.guidance.iter().any(|text| text.contains("CENOMED")));
        must(!reminded, "after a tension nobody is to be examined")
    };
    stands_on(
        rule,
        [
            ("f-1-6.toml", "survives_closing = true\n", "", Then::Broken),
            ("f-1-6.toml", r#"{ role = "coordonnateur-cpsa", in = "sector", rank = "desk" }]"#, "]", Then::Broken),
            (
                "f-1-6.toml",
                "severities = [\"serious\", \"fatal\"]\nsatisfied_by",
                "severities = [\"tension\", \"fatal\"]\nsatisfied_by",
                Then::Broken,
            ),
        ],
    );
}

#[test]
fn doc_07_the_loop_is_the_six_classes_of_the_arrondissement_schools_included() {
    // Who is asked, and who is only informed.
    const LOOP: [&str; 2] = ["RIX-1/boucle", "RIX-1/boucle-information"];
    let rule = |city: &City| {
        for severity in [Severity::Tension, Severity::Serious, Severity::Fatal] {
            let play = Play::of(city, &incident("rixe", severity, "scop"));
            let here = |body| match city.directory.body(body).map(|body| &body.ambit) {
                Some(Ambit::Sector(sector)) => sector.as_str() == "paris-19",
                Some(Ambit::School(uai)) => uai.as_str() == "0750507U",
                Some(Ambit::City) | None => false,
            };
            let of_loop = play.told.iter().filter(|told| told.steps.iter().any(|step| LOOP.contains(&step.as_str())));
            let of_loop: Vec<_> = of_loop.collect();
            let roles: BTreeSet<&str> = of_loop.iter().map(|told| told.role.as_str()).collect();
            must(roles == CLASSES.into(), format!("{severity}: the loop is {roles:?}"))?;
            must(of_loop.iter().all(|told| here(&told.body)), "somebody of elsewhere is in the loop")?;
        }
        Ok(())
    };
    stands_on(
        rule,
        [
            ("f-1-6.toml", "  { role = \"commissariat\", in = \"sector\" },\n", "", Then::Broken),
            ("f-1-6.toml", "  { role = \"division-dpmp\", in = \"sector\" },\n", "", Then::Broken),
            ("f-1-6.toml", "  { role = \"epm\", in = \"sector\" },\n", "", Then::Broken),
            ("f-1-6.toml", "  { role = \"prevention-specialisee\", in = \"sector\" },\n", "", Then::Broken),
            ("f-1-6.toml", "  { role = \"etablissement\", in = \"schools-around\" },\n", "", Then::Broken),
            ("f-1-6.toml", "  { role = \"associations\", in = \"sector\" },\n", "", Then::Broken),
            (
                "f-1-6.toml",
                "  { role = \"associations\", in = \"sector\", hours = \"jour\", outside = \"wait\" },\n",
                "",
                Then::Broken,
            ),
        ],
    );
}

/// At night, a tension wakes those who are on call and waits for the others.
#[test]
fn doc_07_at_night_a_tension_wakes_only_those_on_call_and_a_grave_fact_wakes_all() {
    let rule = |city: &City| {
        let night = paris("2026-11-24T02:00");
        let mut play = Play::at(city, &incident("rixe", Severity::Tension, "commissariat"), night);
        play.until(paris("2026-11-24T12:00"));
        let first = |role: &str| play.told.iter().filter(|told| told.role == role).map(|told| told.at).min();
        for role in ["commissariat", "division-dpmp", "epm"] {
            must(first(role) == Some(night), format!("{role} is not told at once"))?;
        }
        for role in ["prevention-specialisee", "etablissement", "associations"] {
            must(first(role) == Some(paris("2026-11-24T07:00")), format!("{role}: {:?}", first(role)))?;
        }
        let grave = Play::at(city, &incident("rixe", Severity::Serious, "commissariat"), night);
        must(CLASSES.iter().all(|role| grave.roles_at(night).contains(role)), "a grave fact waits")
    };
    stands_on(rule, [("f-1-6.toml", ", hours = \"jour\", outside = \"wait\"", "", Then::Broken)]);
}

#[test]
fn doc_08_a_rixe_at_a_border_tells_the_other_side_and_others_may_be_brought_in() {
    let near_border = || Situation {
        neighbours: ["paris-18", "com-93055"].map(|id| id.parse().unwrap()).into(),
        ..incident("rixe", Severity::Tension, "commissariat")
    };
    let rule = |city: &City| {
        let play = Play::of(city, &near_border());
        let told = |body: &str| play.told.iter().any(|told| told.body.as_str() == body);
        must(told("mairie-paris-18"), "the mairie across is not told")?;
        must(told("commune-93055"), "the commune across is not told")?;
        let brought: [SectorId; 1] = ["paris-20".parse().unwrap()];
        let more = involve(&city.doctrine, &near_border(), &brought, monday(), 1.0);
        let mut bodies = more.circuits.iter().flat_map(|c| &c.steps).flat_map(|s| &s.tell);
        let named = bodies.any(|t| city.directory.bodies_of(t).iter().any(|b| b.id.as_str() == "mairie-paris-20"));
        must(named, "a sector brought in is not told")
    };
    stands_on(
        rule,
        [
            ("f-1-6.toml", "  { role = \"commune-limitrophe\", in = \"neighbours\" },\n", "", Then::Broken),
            ("f-1-6.toml", "  { role = \"mairie\", in = \"neighbours\" },\n", "", Then::Broken),
        ],
    );
}

/// Reprisals: « les rixes et/ou les risques de représailles » (1179-1180).
#[test]
fn after_a_grave_rixe_the_ground_is_watched_for_a_week_though_it_is_closed() {
    let mut play_of = shipped_play(Severity::Serious);
    let told = play_of.remove("commissariat").unwrap();
    for day in ["2026-11-24T09:00", "2026-11-26T09:00", "2026-11-30T09:00"] {
        assert!(told.contains(&paris(day)), "{day}: {told:?}");
    }
    assert!(
        shipped_play(Severity::Tension)
            .remove("commissariat")
            .unwrap()
            .iter()
            .all(|at| *at < paris("2026-11-24T00:00"))
    );
}

fn shipped_play(severity: Severity) -> std::collections::BTreeMap<String, BTreeSet<jiff::Timestamp>> {
    let city = super::shipped::city();
    let mut play = Play::of(&city, &incident("rixe", severity, "commissariat"));
    play.close(paris("2026-11-23T18:00")).until(paris("2026-12-31T00:00"));
    let mut by_role = std::collections::BTreeMap::<String, BTreeSet<jiff::Timestamp>>::new();
    for told in play.told {
        by_role.entry(told.role).or_default().insert(told.at);
    }
    by_role
}

#[test]
fn doc_20_what_the_contract_counts_is_counted_by_its_circuits_without_a_name() {
    let rule = |city: &City| -> Verdict {
        let doctrine = &city.doctrine;
        let by_circuits = doctrine.circuits.iter().flat_map(|c| &c.counts);
        let fed: BTreeSet<&String> = by_circuits.chain(doctrine.counted.iter().flat_map(|c| &c.indicators)).collect();
        for id in doctrine.indicators.keys() {
            must(fed.contains(id), format!("nothing counts in {id}"))?;
        }
        for (kind, severity, indicator) in [
            ("rixe", Severity::Tension, "activations-boucle-rixes"),
            ("rixe", Severity::Watch, "signaux-faibles-rixes"),
            ("school-offence", Severity::Tension, "rims"),
            ("hall-occupation", Severity::Tension, "halls-signales"),
            ("social-emergency", Severity::Tension, "signalements-mus"),
            ("care-opening", Severity::Serious, "centres-care"),
        ] {
            let plan = plan(city, &incident(kind, severity, "mairie"));
            let counted = plan.circuits.iter().any(|c| c.counts.iter().any(|id| id == indicator));
            must(counted, format!("a {kind} does not count in {indicator}"))?;
        }
        for indicator in ["reunions-cenomed", "signalements-cenomed", "examens-cenomed", "retours-cellule-de-veille"] {
            let by_hand = doctrine.counted.iter().any(|c| c.indicators.iter().any(|id| id == indicator));
            must(by_hand, format!("nobody may count in {indicator}"))?;
        }
        must(doctrine.counted.iter().all(|c| !c.by.is_empty()), "a number nobody may add to")
    };
    stands_on(
        rule,
        [
            ("f-1-6.toml", "counts = [\"activations-boucle-rixes\"]\n", "", Then::Broken),
            ("f-1-3.toml", ", \"examens-cenomed\"", "", Then::Broken),
            ("f-1-6.toml", "by = [\"mairie\", \"coordonnateur-cpsa\"]", "by = []", Then::Broken),
            (
                "doctrine.toml",
                "[indicators.signaux-faibles-rixes]",
                "[indicators.autre]",
                Then::Refused("indicator `signaux-faibles-rixes` is not declared"),
            ),
        ],
    );
}

#[test]
fn nobody_answers_and_a_place_manned_around_the_clock_is_told_in_time_at_every_hour() {
    let city = super::shipped::city();
    for (kind, rule) in &city.doctrine.kinds {
        for (severity, minutes) in &rule.manned_within_min {
            for quarter in 0..96 {
                let now = paris("2026-11-27T12:00") + SignedDuration::from_mins(30 * quarter);
                let situation = incident(kind.as_str(), *severity, "mairie");
                let mut play = Play::at(&city, &situation, now);
                play.until(now + SignedDuration::from_mins(i64::from(*minutes)));
                let manned = play.told.iter().any(|told| {
                    let role = told.role.parse().unwrap();
                    city.directory.role(&role).is_some_and(|role| role.manned)
                });
                assert!(manned, "{kind}, {severity}, at {now}: nowhere manned is told within {minutes} minutes");
            }
        }
    }
}

/// Three weak signals around the same schools in a week, and any weak signal in the week after a grave fact.
#[test]
fn weak_signals_add_up_and_after_a_grave_fact_none_is_weak() {
    let rule = |city: &City| {
        let rule = city.doctrine.kind(&"rixe".parse().unwrap()).unwrap();
        let schools = ["0750507U".parse().unwrap()];
        let trace = |days: i64| Trace {
            signal: SignalId(uuid::Uuid::from_u128(1)),
            severity: Severity::Watch,
            at: None,
            schools_around: schools.to_vec(),
            received_at: monday() - SignedDuration::from_hours(24 * days),
            spent: false,
        };
        let becomes = |before: &[Trace], grave: &[GraveIncident]| {
            let at = Some(LonLat { lon: 2.3791, lat: 48.8853 });
            recognise(Severity::Watch, at, &schools, rule, before, grave, monday()).map(|pattern| pattern.becomes())
        };
        let grave = |days: i64| GraveIncident {
            id: IncidentId(uuid::Uuid::from_u128(2)),
            severity: Severity::Serious,
            at: Some(LonLat { lon: 2.3821, lat: 48.8853 }),
            last_signal_at: monday() - SignedDuration::from_hours(24 * days),
        };
        must(becomes(&[trace(1), trace(6)], &[]) == Some(Severity::Tension), "three in a week do not add up")?;
        must(becomes(&[trace(1)], &[]).is_none(), "two add up")?;
        must(becomes(&[trace(1), trace(8)], &[]).is_none(), "those of last week add up")?;
        must(becomes(&[], &[grave(6)]) == Some(Severity::Tension), "reprisals are not expected")?;
        must(becomes(&[], &[grave(8)]).is_none(), "they are expected for ever")
    };
    stands_on(
        rule,
        [
            ("doctrine.toml", "count = 3", "count = 4", Then::Broken),
            ("doctrine.toml", "count = 3", "count = 1", Then::Refused("count at least 2")),
            (
                "doctrine.toml",
                "retaliation = { after = [\"serious\", \"fatal\"]",
                "retaliation = { after = [\"fatal\"]",
                Then::Broken,
            ),
        ],
    );
}
