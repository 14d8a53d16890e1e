//! A plan of the shipped configuration told in order of time.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(dead_code, reason = "shared with the rules of the contract")]
mod shipped;

use vigie_domain::{
    doctrine::{Anchor, Situation},
    timeline::{Moment, StepTold, Timeline, timeline},
};
use vigie_proto::{Channel, CrisisRegime, Nature, Severity};

fn situation(kind: &str, severity: Severity) -> Situation {
    Situation {
        kind: kind.parse().unwrap(),
        severity,
        raised_by: "scop".parse().unwrap(),
        raiser: None,
        sectors: vec!["paris-19".parse().unwrap()],
        neighbours: Vec::new(),
        school: None,
        schools_around: Vec::new(),
        regime: CrisisRegime::None,
        nature: Nature::Real,
        expected_at: None,
    }
}

fn told(situation: &Situation, now: &str) -> Timeline {
    timeline(&shipped::city(), situation, now.parse().unwrap())
}

fn step<'a>(moment: &'a Moment, id: &str) -> &'a StepTold {
    moment.steps.iter().find(|step| format!("{}/{}", step.circuit, step.step) == id).unwrap()
}

#[test]
fn a_ladder_is_told_in_order_by_the_clock_of_the_city_with_who_is_on_duty_then() {
    let story = told(&situation("rixe", Severity::Tension), "2026-11-23T15:00:00Z");
    let times: Vec<(String, i64)> =
        story.moments.iter().map(|moment| (moment.at.strftime("%H:%M").to_string(), moment.after_s)).collect();
    let expected = [("16:00", 0), ("16:30", 1_800), ("17:00", 3_600), ("18:00", 7_200)];
    assert_eq!(times, expected.map(|(time, after)| (time.to_owned(), after)));
    let field = step(&story.moments[1], "RIX-1/relance-terrain");
    assert!(field.unless_acknowledged);
    let body = &field.tell[0].bodies[0];
    assert_eq!(body.id.as_str(), "division-dpmp-paris-19");
    let [reached] = body.reached.as_slice() else { unreachable!("{body:?}") };
    assert_eq!((reached.channel, reached.contacts, reached.positions.len()), (Channel::Sms, 1, 1));
}

#[test]
fn whoever_waits_for_its_hours_comes_when_they_begin_and_the_window_is_named() {
    let story = told(&situation("rixe", Severity::Tension), "2026-11-23T22:00:00Z");
    let last = story.moments.last().unwrap();
    assert_eq!(last.at.strftime("%d %H:%M").to_string(), "24 07:00");
    let morning = step(last, "RIX-1/boucle+07:00");
    let hours = morning.tell[0].hours.as_ref().unwrap();
    assert!(hours.open && hours.hours == ["07:00-22:00"], "{hours:?}");
}

#[test]
fn outside_its_hours_a_body_is_not_told_and_those_told_instead_are() {
    let noon = told(&situation("hall-occupation", Severity::Serious), "2026-11-23T11:00:00Z");
    let all = noon.moments.iter().flat_map(|moment| &moment.steps).flat_map(|step| &step.tell);
    let closed =
        all.clone().find(|told| told.hours.as_ref().is_some_and(|hours| !hours.open) && !told.instead.is_empty());
    let closed = closed.unwrap();
    assert!(closed.bodies.is_empty() && closed.instead.iter().any(|other| !other.bodies.is_empty()), "{closed:?}");
    let night = told(&situation("hall-occupation", Severity::Serious), "2026-11-23T20:00:00Z");
    let all = night.moments.iter().flat_map(|moment| &moment.steps).flat_map(|step| &step.tell);
    let open = all.clone().find(|told| told.role == closed.role).unwrap();
    assert!(!open.bodies.is_empty() && open.hours.as_ref().unwrap().open, "{open:?}");
}

#[test]
fn what_counts_from_an_announced_time_waits_until_one_is_announced() {
    let mut situation = situation("rixe", Severity::Tension);
    let unannounced = told(&situation, "2026-11-23T15:00:00Z");
    let waits = unannounced.waiting.iter().find(|waits| waits.step.step == "verification-avant").unwrap();
    assert_eq!(waits.when.from, Anchor::BeforeExpected { min: 30 });
    assert!(waits.is_for_announced_time() && !waits.step.tell.is_empty());
    situation.expected_at = Some("2026-11-23T19:00:00Z".parse().unwrap());
    let announced = told(&situation, "2026-11-23T15:00:00Z");
    assert!(announced.waiting.is_empty());
    let last = announced.moments.last().unwrap();
    assert_eq!((last.after_s, last.steps[0].step.as_str()), (12_600, "verification-avant"));
}

#[test]
fn what_follows_the_closing_and_what_is_owed_stand_in_their_own_parts() {
    let mut situation = situation("crisis-event", Severity::Fatal);
    situation.regime = CrisisRegime::City;
    let story = told(&situation, "2026-11-23T15:00:00Z");
    let closing = |waits: &&vigie_domain::timeline::Waiting| {
        matches!(waits.when.from, Anchor::ClosingDay { .. }) && waits.step.survives_closing
    };
    assert!(story.waiting.iter().any(|waits| closing(&waits)));
    let dated: Vec<_> = story.owed.iter().filter_map(|debt| debt.due.as_ref()).collect();
    assert!(dated.windows(2).all(|pair| pair[0] <= pair[1]) && !dated.is_empty());
    assert!(story.owed.iter().any(|debt| debt.due.is_none()), "what runs from the closing has no date yet");
    assert!(story.owed.iter().all(|debt| !debt.by.is_empty() && !debt.to.is_empty()));
}
