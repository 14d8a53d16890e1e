//! F.2.6, F.3.4, F.3.8, F.3.14.

use jiff::Timestamp;
use vigie_domain::{city::City, doctrine::Situation};
use vigie_proto::{Channel, Severity, plan::OwedTo};

use super::{
    Then, must,
    play::{Play, incident, paris, plan},
    stands_on,
};

#[test]
fn doc_16_an_urgence_sociale_is_not_closed_before_the_raiser_has_an_answer() {
    let rule = |city: &City| {
        for raiser in ["mairie", "epm", "bailleur"] {
            let owed = plan(city, &incident("social-emergency", Severity::Tension, raiser)).owed;
            let [answer] = owed.as_slice() else { return Err(format!("owed: {owed:?}")) };
            must(answer.by.role.as_str() == "mus" && answer.to == OwedTo::Raiser, "not by the mission to the raiser")?;
            must(answer.blocks_closing && !answer.may_be_unknown, "it may be closed without an answer")?;
        }
        let mut play = Play::of(city, &incident("social-emergency", Severity::Tension, "mairie"));
        let taken = paris("2026-11-23T16:00");
        play.acknowledge("mus", taken).until(paris("2026-11-27T12:00"));
        let reminded = play.reminders("mus");
        must(reminded.starts_with(&[taken, paris("2026-11-27T00:00")]), format!("asked for an answer at {reminded:?}"))
    };
    stands_on(
        rule,
        [
            ("f-3-8.toml", "blocks_closing = true\n", "", Then::Broken),
            ("f-3-8.toml", "blocks_closing = true\n", "blocks_closing = true\nmay_be_unknown = true\n", Then::Broken),
            ("f-3-8.toml", "to = \"raiser\"", "to = \"dsol\"", Then::Broken),
        ],
    );
}

#[test]
fn doc_17_the_requisition_is_answered_within_eight_days_of_its_reception_or_the_parquet_hears_of_it() {
    let rule = |city: &City| {
        let requisition = incident("pav-requisition", Severity::Tension, "parquet");
        let mut play = Play::of(city, &requisition);
        let owed = play.escalation.plan.owed.clone();
        let [evaluation] = owed.as_slice() else { return Err(format!("owed: {owed:?}")) };
        let (id, due) = (evaluation.id.clone(), evaluation.due_at);
        must(due == Some(paris("2026-12-02T00:00")), format!("not the end of the eighth day: {due:?}"))?;
        must(evaluation.blocks_closing && !evaluation.may_be_unknown, "it may be closed without")?;
        play.until(paris("2026-12-31T00:00"));
        let warned = ["2026-11-28T09:00", "2026-11-30T09:00", "2026-12-02T00:00"].map(paris);
        must(play.reminders("pav") == warned, format!("warned at {:?}", play.reminders("pav")))?;
        must(play.reminders("parquet") == warned[2..], "the Parquet does not hear that it is late")?;
        let few = play.told.iter().all(|told| matches!(told.role.as_str(), "pav" | "parquet"));
        must(few, "others are told")?;
        let by_mail = |channels: &[Channel]| channels.iter().all(|channel| *channel == Channel::Email);
        let mut steps = play.escalation.plan.circuits.iter().flat_map(|c| &c.steps);
        must(steps.all(|step| by_mail(&step.channels) && by_mail(&step.fallback)), "by another way than e-mail")?;
        let mut given = Play::of(city, &requisition);
        given.escalation.give_back(&id);
        given.until(paris("2026-12-31T00:00"));
        must(given.reminders("pav").is_empty(), "warned of what was given")?;
        // Clocks go back in between: the eighth day ends at midnight all the same.
        let autumn = Play::at(city, &requisition, paris("2026-10-20T11:00"));
        must(autumn.escalation.plan.owed[0].due_at == Some(paris("2026-10-29T00:00")), "an hour off in autumn")
    };
    stands_on(
        rule,
        [
            ("f-2-6.toml", "within_days = 8", "within_days = 10", Then::Broken),
            ("f-2-6.toml", "within_days = 8\n", "", Then::Refused("either within_min or within_days")),
            ("f-2-6.toml", "{ role = \"parquet\", in = \"city\" }, ", "", Then::Broken),
            (
                "f-2-6.toml",
                "{ role = \"parquet\", in = \"city\" }, ",
                "{ role = \"scop\", in = \"city\" }, ",
                Then::Refused("`scop` is not told of"),
            ),
            (
                "f-2-6.toml",
                "channels = [\"email\"]",
                "channels = [\"email\", \"screen\", \"sms\"]\nfallback = [\"sms\"]",
                Then::Refused("does not leave by screen"),
            ),
        ],
    );
}

#[test]
fn doc_18_the_gpis_is_told_from_half_past_four_to_half_past_four_and_others_outside() {
    let rule = |city: &City| {
        let raiser = Some("bailleur-paris-19".parse().unwrap());
        let hall = Situation { raiser, ..incident("hall-occupation", Severity::Tension, "bailleur") };
        for (local, serves) in [
            ("2026-11-23T16:29", false),
            ("2026-11-23T16:30", true),
            ("2026-11-24T00:00", true),
            ("2026-11-24T04:29", true),
            ("2026-11-24T04:30", false),
            ("2026-11-28T12:00", false),
            ("2026-12-25T23:00", true),
            // The night the clocks change.
            ("2027-03-28T04:00", true),
        ] {
            let now: Timestamp = paris(local);
            let play = Play::at(city, &hall, now);
            let told = play.roles_at(now);
            must(told.contains("gpis") == serves, format!("{local}: the GPIS, {told:?}"))?;
            let others = told.contains("commissariat") && told.contains("bailleur");
            must(others != serves, format!("{local}: the others, {told:?}"))?;
        }
        Ok(())
    };
    stands_on(
        rule,
        [
            ("doctrine.toml", "hours = [\"16:30-04:30\"]", "hours = [\"16:30-06:00\"]", Then::Broken),
            (
                "f-3-4.toml",
                "outside = { tell = [{ role = \"commissariat\", in = \"sector\" }, { role = \"bailleur\", in = \"raiser\" }] }",
                "outside = \"skip\"",
                Then::Broken,
            ),
            (
                "f-3-4.toml",
                ", outside = { tell = [{ role = \"commissariat\", in = \"sector\" }, { role = \"bailleur\", in = \"raiser\" }] }",
                "",
                Then::Refused("say what happens outside the hours"),
            ),
        ],
    );
}

#[test]
fn doc_19_the_four_emergency_numbers_come_first_in_the_contracts_order() {
    let rule = |city: &City| {
        let numbers: Vec<&str> = city.doctrine.emergency.iter().map(|n| n.number.as_str()).collect();
        must(numbers == ["17", "15", "18", "112"], format!("{numbers:?}"))?;
        must(city.doctrine.emergency.iter().all(|n| !n.label.is_empty()), "a number without a name")
    };
    stands_on(
        rule,
        [
            ("doctrine.toml", "[[emergency]]\nnumber = \"112\"\nlabel = \"Urgences\"\n", "", Then::Broken),
            ("doctrine.toml", "number = \"17\"", "number = \"dix-sept\"", Then::Refused("needs digits")),
        ],
    );
}

/// The mission keeps office hours; the operations room is awake in its place, and the mission hears of it at its return.
#[test]
fn at_the_weekend_an_urgence_sociale_reaches_the_scop_at_once_and_the_mission_on_monday() {
    let rule = |city: &City| {
        let saturday = paris("2026-11-21T23:00");
        let mut play = Play::at(city, &incident("social-emergency", Severity::Tension, "mairie"), saturday);
        play.until(paris("2026-11-23T12:00"));
        let asked = play.told.iter().any(|told| {
            told.at == saturday && told.role == "scop" && told.steps.iter().any(|step| step == "CFG-308a/mission")
        });
        must(asked, "nobody is asked at night")?;
        let mission = play.told.iter().filter(|told| told.role == "mus").map(|told| told.at).min();
        must(mission == Some(paris("2026-11-23T08:30")), format!("the mission: {mission:?}"))
    };
    stands_on(
        rule,
        [
            (
                "f-3-8.toml",
                "outside = { tell = [{ role = \"scop\", in = \"city\" }] }",
                "outside = \"skip\"",
                Then::Broken,
            ),
            ("f-3-8.toml", "outside = \"wait\"", "outside = \"skip\"", Then::Broken),
            ("doctrine.toml", "not_on = [\"weekend\", \"public-holiday\"]\n", "", Then::Broken),
        ],
    );
}
