//! F.1.7.

use vigie_domain::city::City;
use vigie_proto::{Severity, plan::OwedTo};

use super::{
    Then, must,
    play::{Play, incident, paris, plan},
    stands_on,
};

#[test]
fn doc_09_an_offence_ends_with_the_return_of_the_mpce_to_the_school_or_with_an_explicit_unknown() {
    let rule = |city: &City| {
        let mut play = Play::of(city, &incident("school-offence", Severity::Tension, "etablissement"));
        let owed = play.escalation.plan.owed.clone();
        let [suites] = owed.as_slice() else { return Err(format!("owed: {owed:?}")) };
        must(suites.by.role.as_str() == "mpce" && suites.to == OwedTo::Raiser, "not by the MPCE to the school")?;
        must(suites.blocks_closing && suites.may_be_unknown, "it may be closed without, or never")?;
        play.until(paris("2026-12-31T00:00"));
        let days = [paris("2026-11-30T09:00"), paris("2026-12-08T09:00")];
        must(play.reminders("mpce") == days, format!("reminders: {:?}", play.reminders("mpce")))?;
        let mut given = Play::of(city, &incident("school-offence", Severity::Tension, "etablissement"));
        given.escalation.give_back(&suites.id);
        given.until(paris("2026-12-31T00:00"));
        must(given.reminders("mpce").is_empty(), "reminded of what was given")
    };
    stands_on(
        rule,
        [
            ("f-1-7.toml", "blocks_closing = true\n", "", Then::Broken),
            ("f-1-7.toml", "may_be_unknown = true\n", "", Then::Broken),
            ("f-1-7.toml", "to = \"raiser\"", "to = \"parquet\"", Then::Broken),
            (
                "f-1-7.toml",
                "on_day = { day = 7, at = \"09:00\" }\nunless",
                "on_day = { day = 9, at = \"09:00\" }\nunless",
                Then::Broken,
            ),
        ],
    );
}

#[test]
fn doc_10_offences_with_and_without_a_rims_are_two_numbers() {
    let rule = |city: &City| {
        let counts = |kind: &str| {
            let plan = plan(city, &incident(kind, Severity::Tension, "etablissement"));
            plan.circuits.into_iter().flat_map(|c| c.counts).collect::<Vec<_>>()
        };
        must(counts("school-offence") == ["rims"], "a RIMS does not count as one")?;
        must(!counts("school-incident").contains(&"rims".to_owned()), "an incident counts as a RIMS")?;
        let by_police =
            city.doctrine.counted.iter().filter(|c| c.by.iter().any(|role| role.as_str() == "commissariat"));
        let by_police: Vec<&str> = by_police.flat_map(|c| &c.indicators).map(String::as_str).collect();
        must(by_police == ["infractions-scolaires-police"], format!("the police counts {by_police:?}"))
    };
    stands_on(
        rule,
        [
            ("f-1-7.toml", "counts = [\"rims\"]\n", "", Then::Broken),
            ("f-1-7.toml", "indicators = [\"infractions-scolaires-police\"]", "indicators = [\"rims\"]", Then::Broken),
        ],
    );
}
