//! F.3.13, and what holds of every event.

use std::collections::BTreeSet;

use vigie_domain::{
    admission::Inadmissible,
    city::City,
    doctrine::{Doctrine, Situation},
};
use vigie_proto::{
    Channel, CrisisRegime, Kind, Nature, Severity,
    event::StepOutcome,
    plan::{OwedTo, Plan},
};

use super::{
    Then, Verdict, must,
    play::{Play, incident, monday, paris, plan, raise},
    shipped, stands_on,
};

/// What is told on screens is an event; a judicial matter goes by e-mail to few.
fn events(doctrine: &Doctrine) -> impl Iterator<Item = &Kind> {
    let on_screen =
        |kind: &&Kind| doctrine.class_of(kind).is_none_or(|class| class.channels.contains(&Channel::Screen));
    doctrine.kinds.keys().filter(on_screen)
}

fn in_crisis(regime: CrisisRegime) -> Situation {
    Situation { regime, ..incident("crisis-event", Severity::Serious, "scop") }
}

fn circuits(plan: &Plan) -> BTreeSet<&str> {
    plan.circuits.iter().map(|circuit| circuit.id.as_str()).collect()
}

#[test]
fn doc_01_every_event_reaches_the_scop_at_once_whatever_its_entry_and_severity() {
    let rule = |city: &City| {
        for kind in events(&city.doctrine) {
            let may = city.directory.roles().filter(|role| city.directory.role(role).unwrap().raises.contains(kind));
            for role in may {
                for severity in Severity::ALL {
                    let play = Play::of(city, &incident(kind.as_str(), severity, role.as_str()));
                    let scop = play.told.iter().any(|told| told.role == "scop" && told.channel == Channel::Screen);
                    must(scop, format!("a {kind}, {severity}, raised by {role}, does not reach the SCOP"))?;
                }
            }
        }
        must(events(&city.doctrine).count() >= 9, "events are missing")
    };
    let all = r#"["rixe", "school-incident", "suspicious-event", "hall-occupation", "social-emergency"]"#;
    let without_rixe = r#"["school-incident", "suspicious-event", "hall-occupation", "social-emergency"]"#;
    stands_on(
        rule,
        [
            ("f-3-13.toml", all, without_rixe, Then::Broken),
            ("f-3-13.toml", "severities = [\"watch\", \"tension\"]", "severities = [\"tension\"]", Then::Broken),
            ("f-3-13.toml", r#"kinds = ["crisis-event", "care-opening"]"#, r#"kinds = ["care-opening"]"#, Then::Broken),
        ],
    );
}

#[test]
fn doc_02_what_a_mairie_learns_elsewhere_is_not_settled_before_the_scop_knows() {
    let rule = |city: &City| {
        for role in ["mairie", "mairie-elu"] {
            let learnt = incident("crisis-event", Severity::Watch, role);
            let mut play = Play::of(city, &learnt);
            must(circuits(&play.escalation.plan).contains("CRI-2"), "nothing is asked of the mairie")?;
            play.acknowledge(role, monday()).until(paris("2026-11-23T15:45"));
            let reminded = |play: &Play<'_>| {
                play.told.iter().any(|told| told.steps.iter().any(|step| step == "CRI-2/rappel-mairie"))
            };
            must(reminded(&play), "the mairie's own answer stands for the SCOP's")?;
            let mut known = Play::of(city, &learnt);
            known.acknowledge("scop", monday()).until(paris("2026-11-23T15:45"));
            must(!reminded(&known), "the mairie is reminded of what the SCOP knows")?;
        }
        let by_scop = plan(city, &incident("crisis-event", Severity::Watch, "scop"));
        must(!circuits(&by_scop).contains("CRI-2"), "the SCOP owes itself the news")
    };
    stands_on(
        rule,
        [(
            "f-3-13.toml",
            "raised_by = [\"mairie\", \"mairie-elu\"]\nsatisfied_by = { any_of = [\"scop\"] }\ncounts = [\"retours-mairie-scop\"]",
            "satisfied_by = { any_of = [\"scop\"] }",
            Then::Broken,
        )],
    );
}

#[test]
fn doc_03_the_vehicle_and_the_psychologists_are_asked_of_the_scop_by_a_mairie_never_directly() {
    let rule = |city: &City| {
        for (kind, service, facts) in
            [("vpu-request", "permanence-dpmp", &[][..]), ("umip-request", "umip", &["cump-inconnue"][..])]
        {
            must(raise(city, "mairie-19", kind, facts).is_ok(), format!("a mairie may not raise a {kind}"))?;
            for other in ["commissariat-19", "college-19", "bailleur-19", "scop"] {
                let refused = matches!(raise(city, other, kind, facts), Err(Inadmissible::Forbidden(_)));
                must(refused, format!("{other} may raise a {kind}"))?;
            }
            let mut play = Play::of(city, &incident(kind, Severity::Serious, "mairie"));
            play.until(paris("2026-11-23T17:00"));
            must(play.told.iter().all(|told| told.role == "scop"), format!("a {kind} goes past the SCOP"))?;
            play.acknowledge("scop", paris("2026-11-23T17:00"));
            must(play.roles_at(paris("2026-11-23T17:00")).contains(service), format!("{service} is not engaged"))?;
        }
        Ok(())
    };
    stands_on(
        rule,
        [
            ("f-3-13.toml", "after_acknowledgement = { by = [\"scop\"] }", "after_min = 0", Then::Broken),
            ("roles.toml", ", \"vpu-request\", \"umip-request\"", "", Then::Broken),
        ],
    );
}

#[test]
fn doc_04_a_request_of_the_umip_says_whether_the_cump_is_activated_and_by_whom() {
    let rule = |city: &City| {
        let raised = |facts: &[&str]| raise(city, "mairie-19", "umip-request", facts);
        must(raised(&[]).is_err(), "the state of the CUMP may be left out")?;
        must(raised(&["cump-non-activee", "cump-activee-pp"]).is_err(), "it may be both")?;
        let kind = city.doctrine.kind(&"umip-request".parse().unwrap()).unwrap();
        for (fact, said) in [
            ("cump-non-activee", "non activée"),
            ("cump-activee-pp", "Préfecture de Police"),
            ("cump-inconnue", "inconnu"),
        ] {
            must(raised(&[fact]).is_ok(), format!("{fact} may not be said"))?;
            let shown = kind.shown(&[fact.to_owned()]);
            must(shown.iter().any(|label| label.contains(said)), format!("{fact} is not shown: {shown:?}"))?;
        }
        let guided = plan(city, &incident("umip-request", Severity::Serious, "mairie"));
        let guided = guided.circuits.iter().any(|c| c.guidance.as_ref().is_some_and(|text| text.contains("CUMP")));
        must(guided, "nobody is told to coordinate")
    };
    stands_on(
        rule,
        [
            (
                "doctrine.toml",
                "one_fact_of = [\"cump-non-activee\", \"cump-activee-pp\", \"cump-inconnue\"]\n",
                "",
                Then::Broken,
            ),
            (
                "doctrine.toml",
                "label = \"CUMP activée par la Préfecture de Police\", shown = true",
                "label = \"CUMP activée par la Préfecture de Police\"",
                Then::Broken,
            ),
            (
                "doctrine.toml",
                "  { code = \"cump-inconnue\", label = \"CUMP : état inconnu\", shown = true },\n",
                "",
                Then::Refused("`cump-inconnue` is not a fact of this kind"),
            ),
        ],
    );
}

#[test]
fn doc_11_while_the_crisis_lasts_the_mairie_owes_the_cellule_centrale_a_report_every_hour() {
    let rule = |city: &City| {
        let mut play = Play::of(city, &in_crisis(CrisisRegime::City));
        let owed = &play.escalation.plan.owed;
        let reports: Vec<String> =
            owed.iter().filter(|owed| owed.circuit == "CRI-8").map(|owed| owed.id.clone()).collect();
        must(reports.len() >= 3, format!("owed: {reports:?}"))?;
        let to_cell = |to: &OwedTo| matches!(to, OwedTo::Role(role) if role.as_str() == "cellule-centrale-de-crise");
        let of_crisis = owed.iter().filter(|owed| owed.circuit == "CRI-8").collect::<Vec<_>>();
        must(of_crisis.iter().all(|owed| owed.by.role.as_str() == "mairie" && to_cell(&owed.to)), "by or to others")?;
        play.escalation.give_back(&reports[1]);
        play.until(paris("2026-11-23T18:55"));
        let hours = [paris("2026-11-23T16:40"), paris("2026-11-23T18:40")];
        must(play.reminders("mairie") == hours, format!("reminded at {:?}", play.reminders("mairie")))?;
        let late = [paris("2026-11-23T16:55"), paris("2026-11-23T18:55")];
        must(play.reminders("mairie-elu") == late, "whoever is on call is not told that it is late")?;
        play.close(paris("2026-11-23T19:00")).until(paris("2026-11-24T12:00"));
        must(play.reminders("mairie") == hours, "reminded after the end")?;
        let local = plan(city, &in_crisis(CrisisRegime::Local));
        must(local.owed.iter().all(|owed| owed.circuit != "CRI-8"), "a local crisis has no central cell")
    };
    stands_on(
        rule,
        [
            ("f-3-13.toml", "repeat = { every_min = 60, times = 11 }\n", "", Then::Broken),
            ("f-3-13.toml", "regimes = [\"city\", \"national\"]", "regimes = [\"national\"]", Then::Broken),
            (
                "f-3-13.toml",
                "after_owed = { id = \"point-de-situation\", min = 15 }",
                "after_owed = { id = \"point-de-situation\", min = 50 }",
                Then::Broken,
            ),
        ],
    );
}

/// A city whose directory has a role `population`, and whose C.A.RE circuit tells it.
fn that_tells_the_population(never: bool) -> Result<City, Vec<String>> {
    let (mut doctrine, mut directory) = (shipped::doctrine_files(), shipped::directory_files());
    directory.roles_toml.push_str("\n[population]\nlabel = \"Population\"\n");
    let circuit = doctrine.get_mut("f-3-13.toml").unwrap();
    *circuit = circuit.replace("{ role = \"dicom\", in = \"city\" }", "{ role = \"population\", in = \"city\" }");
    if !never {
        let common = doctrine.get_mut("doctrine.toml").unwrap();
        *common = common.replace("tell = [\"population\", ", "tell = [");
    }
    shipped::city_of(&doctrine, &directory).map_err(|error| error.0)
}

#[test]
fn doc_12_no_circuit_may_tell_the_population_even_if_the_directory_knew_it() {
    let faults = that_tells_the_population(true).unwrap_err();
    // The circuit, and both notices about texts that services relay.
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.iter().all(|fault| fault.contains("never told") && fault.contains("4886")), "{faults:?}");
    assert!(that_tells_the_population(false).is_ok(), "the line under [[never]] is what forbids it");
    // As shipped, whoever is told is a service with a name in the directory.
    let city = shipped::city();
    let public = ["population", "public", "habitants", "riverains", "visiteurs", "presse"];
    assert!(city.directory.roles().all(|role| !public.contains(&role.as_str())));
}

#[test]
fn doc_13_no_victim_is_listed_people_are_counted_by_category_and_an_attack_shows_the_ecole_militaire() {
    let listing = |city: Result<City, vigie_domain::city::CityError>| city.map_err(|error| error.0.join("\n"));
    let fact = "  { code = \"evacuation\", label = \"Évacuation d'habitants\", shown = true },\n";
    let victims = "  { code = \"liste-des-victimes\", label = \"Liste des victimes\" },\n";
    let refused = listing(shipped::city_with("doctrine.toml", fact, &format!("{fact}{victims}"))).unwrap_err();
    assert!(refused.contains("never collected") && refused.contains("5063-5070"), "{refused}");
    let never = "collect = [\"liste-des-victimes\", ";
    let mut doctrine = shipped::doctrine_files();
    let common = doctrine.get_mut("doctrine.toml").unwrap();
    *common = common.replace(fact, &format!("{fact}{victims}")).replace(never, "collect = [");
    listing(shipped::city_of(&doctrine, &shipped::directory_files())).unwrap();

    let rule = |city: &City| {
        let counted = city.doctrine.counted.iter().filter(|c| c.fiche == "F.3.13").flat_map(|c| &c.indicators);
        let counted: Vec<&str> = counted.map(String::as_str).collect();
        must(
            counted == ["accueil-impliques", "accueil-sinistres", "accueil-proches"],
            format!("counted: {counted:?}"),
        )?;
        let shown = |regime| {
            let play = Play::of(city, &in_crisis(regime));
            let mut guidance = play.told.iter().filter(|told| told.role == "scop").flat_map(|told| &told.guidance);
            guidance.any(|text| text.contains("CAF École Militaire") && text.contains("Parquet"))
        };
        must(shown(CrisisRegime::National), "an attack does not show where relatives are received")?;
        must(!shown(CrisisRegime::City), "it is shown in another crisis")
    };
    stands_on(
        rule,
        [
            ("f-3-13.toml", "CAF École Militaire", "CAF", Then::Broken),
            ("f-3-13.toml", ", \"accueil-proches\"", "", Then::Broken),
        ],
    );
}

#[test]
fn doc_14_in_a_national_crisis_one_correspondent_of_the_ciav_is_owed_by_the_secretariat_general() {
    let rule = |city: &City| {
        let of = |regime| {
            let plan = plan(city, &in_crisis(regime));
            plan.owed.into_iter().filter(|owed| owed.what.contains("CIAV")).collect::<Vec<_>>()
        };
        let owed = of(CrisisRegime::National);
        must(owed.len() == 1, format!("{} correspondents", owed.len()))?;
        must(owed[0].by.role.as_str() == "secretariat-general", "owed by another")?;
        must(of(CrisisRegime::City).is_empty(), "there is no CIAV")?;
        let mut play = Play::of(city, &in_crisis(CrisisRegime::National));
        play.until(paris("2026-11-23T17:00"));
        must(play.reminders("secretariat-general") == [paris("2026-11-23T16:40")], "nobody is reminded")
    };
    stands_on(
        rule,
        [
            (
                "f-3-13.toml",
                "regimes = [\"national\"]\nsatisfied_by = { any_of",
                "regimes = [\"city\"]\nsatisfied_by = { any_of",
                Then::Broken,
            ),
            (
                "f-3-13.toml",
                "by = { role = \"secretariat-general\", in = \"city\" }\nto = \"cellule-centrale-de-crise\"\nwithin_min",
                "by = { role = \"scop\", in = \"city\" }\nto = \"cellule-centrale-de-crise\"\nwithin_min",
                Then::Broken,
            ),
        ],
    );
}

#[test]
fn doc_15_an_exercise_runs_the_same_circuits_and_owes_a_retour_d_experience_like_a_crisis() {
    let rule = |city: &City| -> Verdict {
        for kind in events(&city.doctrine) {
            for severity in Severity::ALL {
                let real = incident(kind.as_str(), severity, "mairie");
                let played = Situation { nature: Nature::Exercise, ..real.clone() };
                let (real, played) = (plan(city, &real), plan(city, &played));
                for circuit in &real.circuits {
                    must(played.circuits.contains(circuit), format!("{kind}: {} is not played", circuit.id))?;
                }
                must(owes_retex(&played), format!("an exercise of a {kind} ends without RETEX"))?;
                must(!owes_retex(&real), format!("a {kind} that is no crisis owes a RETEX"))?;
            }
        }
        for regime in [CrisisRegime::Local, CrisisRegime::City, CrisisRegime::National] {
            let mut play = Play::of(city, &in_crisis(regime));
            must(owes_retex(&play.escalation.plan), format!("a {regime} crisis ends without RETEX"))?;
            play.acknowledge("scop", monday()).close(paris("2026-11-23T20:00")).until(paris("2027-02-01T00:00"));
            let days = ["2026-12-23T09:00", "2027-01-07T09:00"].map(paris);
            must(play.reminders("secretariat-general").ends_with(&days), "the RETEX is not asked for")?;
            must(play.reminders("scop").starts_with(&[paris("2026-11-26T09:00")]), "nor the debriefing")?;
        }
        Ok(())
    };
    stands_on(
        rule,
        [
            ("f-3-13.toml", "when = [\"exercise\"]\n", "", Then::Broken),
            ("f-3-13.toml", "\"crisis-event\", \"rixe\", \"school-incident\", ", "\"crisis-event\", ", Then::Broken),
            (
                "f-3-13.toml",
                "regimes = [\"local\", \"city\", \"national\"]",
                "regimes = [\"city\", \"national\"]",
                Then::Broken,
            ),
            (
                "f-3-13.toml",
                "after_closing = { day = 45, at = \"09:00\" }",
                "after_closing = { day = 90, at = \"09:00\" }",
                Then::Broken,
            ),
        ],
    );
}

fn owes_retex(plan: &Plan) -> bool {
    plan.owed.iter().any(|owed| owed.circuit == "CRI-15" && owed.id.ends_with("/retex") && owed.from_closing.is_some())
}

/// In a crisis of the whole city, one answer is not enough.
#[test]
fn the_cellule_centrale_and_the_mairie_must_both_take_charge_of_a_crisis_of_the_city() {
    let city = shipped::city();
    let mut play = Play::of(&city, &in_crisis(CrisisRegime::City));
    let stopped = play.takes_charge("cellule-centrale-de-crise", monday());
    assert!(stopped.iter().all(|settlement| !settlement.step.starts_with("CRI-8/")), "{stopped:?}");
    let stopped = play.takes_charge("mairie-elu", monday());
    let of_cell: Vec<_> = stopped.iter().filter(|s| s.step == "CRI-8/relance").map(|s| s.outcome.clone()).collect();
    assert_eq!(of_cell, [StepOutcome::Acknowledged]);
}
