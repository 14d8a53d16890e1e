//! What the ladder does, happening by happening.

use proptest::prelude::*;
use vigie_proto::plan::{Offset, OnRefusal, Owed, OwedTo, SatisfiedBy, Staleness};

use super::*;

mod changes;
mod ending;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn role(name: &str) -> RoleId {
    RoleId::new(name).unwrap()
}

fn step(id: &str, due: i64, unless_acknowledged: bool) -> PlannedStep {
    PlannedStep {
        id: id.into(),
        due_at: at(due),
        unless_acknowledged,
        expects: Expects::Acknowledgement,
        tell: vec![target(id)],
        channels: vec![Channel::Email],
        fallback: Vec::new(),
        stale_after_s: 86_400,
        unless_returned: None,
        waits_for: None,
        survives_closing: false,
        digest: false,
        added: None,
        requested_by: None,
    }
}

fn plan(satisfied_by: SatisfiedBy, steps: Vec<PlannedStep>) -> Plan {
    Plan { doctrine: "d".into(), circuits: vec![circuit("C", satisfied_by, steps)], owed: Vec::new(), news: Vec::new() }
}

fn circuit(id: &str, satisfied_by: SatisfiedBy, steps: Vec<PlannedStep>) -> PlannedCircuit {
    PlannedCircuit {
        id: id.into(),
        lines: "1".into(),
        satisfied_by,
        steps,
        on_refusal: OnRefusal::AdvanceWhenAll,
        handover_within_s: 600,
        stale: None,
        guidance: None,
        counts: Vec::new(),
    }
}

fn target(name: &str) -> Target {
    Target { role: role(name), scope: Scope::City, rank: Rank::First, serves: None, otherwise: Vec::new() }
}

fn body(name: &str) -> BodyId {
    BodyId::new(name).unwrap()
}

/// `name`, whom every circuit has asked, takes charge at `second`, of the incident at `version`.
fn answers(escalation: &mut Escalation, name: &str, version: u32, second: i64) -> Vec<Settlement> {
    let circuits: Vec<String> = escalation.plan.circuits.iter().map(|circuit| circuit.id.clone()).collect();
    for circuit in circuits {
        escalation.asked(&circuit, [body(name)]);
    }
    unasked(escalation, name, version, second)
}

/// `name` takes charge at `second`, of the incident at `version`, whoever was asked.
fn unasked(escalation: &mut Escalation, name: &str, version: u32, second: i64) -> Vec<Settlement> {
    let role = role(name);
    let taking =
        TakingCharge { body: body(name), role: &role, intervenes: true, seen_version: version, counts_for: None };
    escalation.acknowledge(taking, at(second))
}

fn ladder() -> Escalation {
    let steps = vec![step("loop", 0, false), step("second", 300, true), step("central", 900, true)];
    Escalation::start(plan(SatisfiedBy::Anyone, steps), 1)
}

fn outcomes(settlements: &[Settlement]) -> Vec<(&str, StepOutcome)> {
    settlements.iter().map(|s| (s.step.as_str(), s.outcome.clone())).collect()
}

#[test]
fn unanswered_steps_fire_at_their_due_times_and_not_before() {
    let mut escalation = ladder();
    assert_eq!(outcomes(&escalation.settle_due(at(0))), [("C/loop", StepOutcome::Fired)]);
    assert_eq!(escalation.next_due(), Some(at(300)));
    assert!(escalation.settle_due(at(299)).is_empty());
    assert_eq!(outcomes(&escalation.settle_due(at(300))), [("C/second", StepOutcome::Fired)]);
    assert!(escalation.settle_due(at(300)).is_empty(), "a step is settled once");
    assert_eq!(outcomes(&escalation.settle_due(at(900))), [("C/central", StepOutcome::Fired)]);
    assert_eq!(escalation.next_due(), None);
}

#[test]
fn what_is_ahead_is_what_will_be_done_in_that_order() {
    let mut escalation = Escalation::start(
        Plan {
            circuits: vec![PlannedCircuit {
                stale: Some(Staleness { after_s: 3_600, then_s: 900 }),
                ..circuit("C", SatisfiedBy::Anyone, vec![step("central", 900, true), step("loop", 0, false)])
            }],
            ..plan(SatisfiedBy::Anyone, Vec::new())
        },
        1,
    );
    let names = |ahead: Vec<Ahead>| ahead.into_iter().map(|a| (a.step, a.due_at)).collect::<Vec<_>>();
    assert_eq!(
        names(escalation.ahead()),
        [(Some("C/loop".to_owned()), Some(at(0))), (Some("C/central".to_owned()), Some(at(900)))]
    );
    escalation.settle_due(at(0));
    answers(&mut escalation, "loop", 1, 10);
    assert_eq!(names(escalation.ahead()), [(None, Some(at(3_610)))], "whoever took charge is asked again");
    assert_eq!(escalation.ahead()[0].roles, [role("loop")]);
    escalation.close(at(20));
    assert!(escalation.ahead().is_empty());
}

#[test]
fn an_acknowledgement_stops_every_later_step() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    let stopped = answers(&mut escalation, "loop", 1, 0);
    assert_eq!(outcomes(&stopped), [("C/second", StepOutcome::Acknowledged), ("C/central", StepOutcome::Acknowledged)]);
    assert!(stopped.iter().all(|s| s.tell.is_empty()));
    assert_eq!(escalation.next_due(), None);
}

#[test]
fn after_an_outage_one_message_replaces_the_backlog() {
    let mut escalation = ladder();
    let late = escalation.settle_due(at(1_000));
    assert_eq!(
        outcomes(&late),
        [("C/loop", StepOutcome::Folded), ("C/second", StepOutcome::Folded), ("C/central", StepOutcome::Fired)]
    );
    assert!(late.iter().all(|s| !s.tell.is_empty()), "recipients of folded steps are told with the last");
}

#[test]
fn a_step_overdue_beyond_its_use_expires_and_tells_nobody() {
    let mut escalation = ladder();
    let late = escalation.settle_due(at(86_401 + 900));
    assert!(late.iter().all(|s| s.outcome == StepOutcome::Expired && s.tell.is_empty()));
}

#[test]
fn when_it_worsens_a_former_acknowledgement_no_longer_counts() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    answers(&mut escalation, "loop", 1, 0);
    escalation.aggravate(plan(SatisfiedBy::Anyone, vec![step("loop", 50, false), step("central", 60, true)]), 2);
    assert_eq!(escalation.generation, 2);
    assert!(answers(&mut escalation, "loop", 1, 0).is_empty(), "it was of the milder incident");
    assert_eq!(outcomes(&escalation.settle_due(at(50))), [("C/loop", StepOutcome::Fired)]);
    assert_eq!(outcomes(&answers(&mut escalation, "loop", 2, 0)), [("C/central", StepOutcome::Acknowledged)]);
}

#[test]
fn a_circuit_that_needs_two_roles_is_not_stopped_by_one() {
    let both = SatisfiedBy::AllOf(vec![role("scop"), role("mairie")]);
    let mut escalation = Escalation::start(plan(both, vec![step("next", 10, true)]), 1);
    assert!(answers(&mut escalation, "scop", 1, 0).is_empty());
    assert!(answers(&mut escalation, "parquet", 1, 0).is_empty());
    assert_eq!(outcomes(&answers(&mut escalation, "mairie", 1, 0)), [("C/next", StepOutcome::Acknowledged)]);
}

#[test]
fn easing_takes_the_milder_plans_future_and_tells_nothing_twice() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    let eased =
        escalation.ease(plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("later", 1_800, true)]), at(100));
    let dropped = [("C/second", 1), ("C/central", 1), ("C/loop", 2)];
    assert_eq!(outcomes(&eased), dropped.map(|(step, _)| (step, StepOutcome::Superseded)));
    let of_plan = |settlement: &Settlement| settlement.generation;
    assert_eq!(
        eased.iter().map(of_plan).collect::<Vec<_>>(),
        dropped.map(|(_, plan)| plan),
        "what was past is the new plan's"
    );
    assert_eq!((escalation.generation, escalation.next_due()), (2, Some(at(1_800))));
}

#[test]
fn enough_is_said_circuit_by_circuit_and_of_no_other() {
    let one = circuit("A", SatisfiedBy::Anyone, vec![step("a", 0, false)]);
    let two = circuit("B", SatisfiedBy::AtLeast { count: 2, of: Vec::new() }, vec![step("b", 0, false)]);
    let mut escalation = Escalation::start(Plan { circuits: vec![one, two], ..plan(SatisfiedBy::Anyone, vec![]) }, 1);
    let satisfied = |escalation: &Escalation| ["A", "B", "C"].map(|id| escalation.is_circuit_satisfied(id));
    assert_eq!(satisfied(&escalation), [false, false, false]);
    answers(&mut escalation, "x", 1, 10);
    assert_eq!(satisfied(&escalation), [true, false, false]);
    answers(&mut escalation, "y", 1, 20);
    assert_eq!(satisfied(&escalation), [true, true, false]);
}

#[test]
fn what_is_added_on_the_way_has_a_name_of_its_own_also_after_it_worsened() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    escalation.call(&body("y"), body("z"), role("z"), at(10));
    let first = escalation.settle_due(at(10));
    escalation.aggravate(plan(SatisfiedBy::Anyone, vec![step("loop", 20, false)]), 2);
    escalation.call(&body("y"), body("z"), role("z"), at(15));
    let second = escalation.settle_due(at(15));
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].step, second[0].step);
    assert_eq!((first[0].generation, second[0].generation), (1, 2));
}

#[test]
fn closing_silences_everything() {
    let mut escalation = ladder();
    assert_eq!(escalation.close(at(0)).len(), 3);
    assert!(escalation.settle_due(at(10_000)).is_empty());
}

#[test]
fn a_quorum_counts_bodies_and_each_asked_means_every_one_of_them() {
    let two = SatisfiedBy::AtLeast { count: 2, of: vec![role("mairie"), role("scop")] };
    let mut escalation = Escalation::start(plan(two, vec![step("next", 10, true)]), 1);
    assert!(answers(&mut escalation, "scop", 1, 0).is_empty());
    assert!(answers(&mut escalation, "scop", 1, 1).is_empty(), "the same body twice is one");
    assert!(answers(&mut escalation, "parquet", 1, 1).is_empty(), "another role does not count");
    assert_eq!(outcomes(&answers(&mut escalation, "mairie", 1, 2)), [("C/next", StepOutcome::Acknowledged)]);

    let steps = vec![step("loop", 0, false), step("next", 10, true)];
    let mut each = Escalation::start(plan(SatisfiedBy::EachAsked, steps), 1);
    each.settle_due(at(0));
    each.asked("C/loop", [body("a"), body("b")]);
    assert!(answers(&mut each, "a", 1, 1).is_empty());
    let next = each.settle_due(at(10));
    assert_eq!(outcomes(&next), [("C/next", StepOutcome::Fired)]);
    assert_eq!(next[0].except, [body("a")].into(), "who has answered is not asked again");
}

#[test]
fn when_all_who_were_asked_refuse_the_next_step_comes_at_once_and_later_ones_keep_their_times() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    escalation.asked("C/loop", [body("a"), body("b")]);
    escalation.refuse(&body("a"), at(20));
    assert_eq!(escalation.next_due(), Some(at(300)), "b may still answer");
    escalation.refuse(&body("b"), at(30));
    assert_eq!(escalation.next_due(), Some(at(30)));
    assert_eq!(outcomes(&escalation.settle_due(at(30))), [("C/second", StepOutcome::Fired)]);
    assert_eq!(escalation.next_due(), Some(at(900)));
}

#[test]
fn whoever_refuses_after_having_taken_charge_sets_the_ladder_going_again_at_its_pace() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    answers(&mut escalation, "a", 1, 10);
    assert_eq!(escalation.next_due(), None);
    escalation.refuse(&body("a"), at(2_000));
    assert_eq!(outcomes(&escalation.settle_due(at(2_000))), [("C/second", StepOutcome::Fired)]);
    assert_eq!(escalation.next_due(), Some(at(2_600)), "six hundred seconds later, as in the plan");
}

#[test]
fn a_hand_over_asks_the_next_body_and_resumes_unless_it_answers() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    answers(&mut escalation, "a", 1, 10);
    escalation.hand_over(&body("a"), body("b"), role("b"), at(100));
    let asked = escalation.settle_due(at(100));
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].purpose, &asked[0].tell[0].scope), (Purpose::TakeOver, &Scope::Bodies(vec![body("b")])));
    assert_eq!(escalation.next_due(), Some(at(700)), "ten minutes to take over");
    let mut silent = escalation.clone();
    answers(&mut escalation, "b", 1, 400);
    assert_eq!(escalation.next_due(), None);
    assert_eq!(outcomes(&silent.settle_due(at(700))), [("C/second", StepOutcome::Fired)]);
}

#[test]
fn what_is_asked_on_the_way_leaves_by_the_channels_of_the_plan_and_no_other() {
    let mut by_mail = plan(SatisfiedBy::Anyone, vec![step("loop", 0, false)]);
    by_mail.circuits[0].stale = Some(Staleness { after_s: 1_000, then_s: 200 });
    let mut escalation = Escalation::start(by_mail, 1);
    escalation.settle_due(at(0));
    answers(&mut escalation, "a", 1, 10);
    assert_eq!(escalation.settle_due(at(1_010))[0].channels, [Channel::Email], "a question");
    escalation.hand_over(&body("a"), body("b"), role("b"), at(1_100));
    assert_eq!(escalation.settle_due(at(1_100))[0].channels, [Channel::Email], "a hand-over");
}

#[test]
fn an_acknowledgement_gone_stale_is_questioned_then_lapses() {
    let mut plan = plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("second", 300, true)]);
    plan.circuits[0].stale = Some(Staleness { after_s: 1_000, then_s: 200 });
    let mut escalation = Escalation::start(plan, 1);
    escalation.settle_due(at(0));
    answers(&mut escalation, "a", 1, 10);
    assert_eq!(escalation.next_due(), Some(at(1_010)));
    let question = escalation.settle_due(at(1_010));
    assert_eq!((question[0].purpose, &question[0].tell[0].scope), (Purpose::Confirm, &Scope::Bodies(vec![body("a")])));
    let mut confirmed = escalation.clone();
    answers(&mut confirmed, "a", 1, 1_100);
    assert_eq!(confirmed.next_due(), Some(at(2_100)), "good for another while");
    assert_eq!(outcomes(&escalation.settle_due(at(1_210))), [("C/second", StepOutcome::Fired)]);
}

#[test]
fn an_acknowledgement_that_would_lapse_after_the_closing_calls_nobody() {
    let mut later = step("later", 5_000, false);
    later.survives_closing = true;
    let mut plan = plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("second", 300, true), later]);
    plan.circuits[0].stale = Some(Staleness { after_s: 1_000, then_s: 200 });
    let mut escalation = Escalation::start(plan, 1);
    escalation.settle_due(at(300));
    answers(&mut escalation, "a", 1, 310);
    assert_eq!(escalation.settle_due(at(1_310))[0].purpose, Purpose::Confirm);
    escalation.close(at(1_400));
    assert_eq!(outcomes(&escalation.settle_due(at(5_000))), [("C/later", StepOutcome::Fired)]);
    assert_eq!(escalation.next_due(), None);
}

#[test]
fn when_every_step_was_told_before_a_lapse_calls_the_last_again() {
    let mut escalation = ladder();
    escalation.settle_due(at(900));
    answers(&mut escalation, "a", 1, 910);
    escalation.refuse(&body("a"), at(1_000));
    let again = escalation.settle_due(at(1_000));
    assert_eq!(again.len(), 1);
    assert!(again[0].step.starts_with("C/central~"), "{}", again[0].step);
    assert_eq!(again[0].tell, [target("central")]);
}

#[test]
fn a_step_that_waits_for_somebody_comes_when_that_role_takes_charge() {
    let mut waiting = step("umip", 0, false);
    waiting.waits_for =
        Some(WaitsFor { event: Trigger::AcknowledgedBy(vec![role("scop")]), then: Offset::Seconds(60) });
    let mut escalation = Escalation::start(plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), waiting]), 1);
    escalation.settle_due(at(0));
    answers(&mut escalation, "mairie", 1, 10);
    assert_eq!(escalation.next_due(), None);
    answers(&mut escalation, "scop", 1, 20);
    assert_eq!(escalation.next_due(), Some(at(80)));
    assert_eq!(outcomes(&escalation.settle_due(at(80))), [("C/umip", StepOutcome::Fired)]);
}

#[test]
fn what_the_doctrine_wants_after_a_closing_comes_and_stops_when_it_is_given() {
    let mut review = step("retex", 0, false);
    review.waits_for = Some(WaitsFor { event: Trigger::Closed, then: Offset::Seconds(1_000) });
    review.survives_closing = true;
    review.unless_returned = Some("C/retex".into());
    let mut plan = plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("second", 300, true), review]);
    plan.owed.push(Owed {
        id: "C/retex".into(),
        circuit: "C".into(),
        lines: "1".into(),
        what: "Retour d'expérience".into(),
        by: target("scop"),
        to: OwedTo::Role(role("scop")),
        due_at: None,
        from_closing: Some(Offset::Seconds(500)),
        blocks_closing: false,
        may_be_unknown: false,
    });
    let mut escalation = Escalation::start(plan, 1);
    escalation.settle_due(at(0));
    assert_eq!(outcomes(&escalation.close(at(100))), [("C/second", StepOutcome::Superseded)]);
    assert_eq!(escalation.next_due(), Some(at(1_100)));
    let mut given = escalation.clone();
    assert_eq!(outcomes(&given.give_back("C/retex")), [("C/retex", StepOutcome::Returned)]);
    let reminder = escalation.settle_due(at(1_100));
    assert_eq!(
        (reminder[0].purpose, reminder[0].owed.as_ref().map(|owed| owed.what.as_str())),
        (Purpose::Return, Some("Retour d'expérience"))
    );
}

#[test]
fn planning_again_adds_and_drops_circuits_and_leaves_what_is_in_hand() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    let more = circuit("CITY", SatisfiedBy::Anyone, vec![step("report", 60, false)]);
    let mut both = plan(SatisfiedBy::Anyone, vec![step("loop", 50, false), step("second", 350, true)]);
    both.circuits.push(more);
    assert!(escalation.replan(both, true).is_empty());
    assert_eq!(escalation.next_due(), Some(at(60)), "the loop was told and is not told again");
    let without = plan(SatisfiedBy::Anyone, Vec::new());
    assert_eq!(outcomes(&escalation.replan(without, false)), [("CITY/report", StepOutcome::Superseded)]);
    assert_eq!(escalation.next_due(), Some(at(300)));
}

#[derive(Debug, Clone)]
enum Happening {
    Tick(i64),
    Acknowledge(u32),
    Refuse,
    HandOver,
    Aggravate,
    Close,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        6 => (0i64..400).prop_map(Happening::Tick),
        2 => (1u32..4).prop_map(Happening::Acknowledge),
        1 => Just(Happening::Refuse),
        1 => Just(Happening::HandOver),
        1 => Just(Happening::Aggravate),
        1 => Just(Happening::Close),
    ];
    proptest::collection::vec(one, 1..30)
}

proptest! {
    /// No step early, none twice, nothing told after the acknowledgement that satisfies its circuit or after closing,
    /// and nothing due left behind.
    #[test]
    fn whatever_happens_no_step_is_lost_doubled_or_early(script in happenings()) {
        let mut escalation = ladder();
        let (mut now, mut version, mut closed) = (0, 1, false);
        let mut told = BTreeSet::new();
        for happening in script {
            let generation = escalation.generation;
            let settlements = match happening {
                Happening::Tick(seconds) => {
                    now += seconds;
                    escalation.settle_due(at(now))
                }
                Happening::Acknowledge(seen) => answers(&mut escalation, "loop", seen.min(version), now),
                Happening::Refuse => {
                    escalation.refuse(&body("loop"), at(now));
                    Vec::new()
                }
                Happening::HandOver => {
                    escalation.hand_over(&body("loop"), body("other"), role("other"), at(now));
                    Vec::new()
                }
                Happening::Aggravate if closed => Vec::new(),
                Happening::Aggravate => {
                    version += 1;
                    let steps = vec![step("loop", now, false), step("central", now + 300, true)];
                    escalation.aggravate(plan(SatisfiedBy::Anyone, steps), version)
                }
                Happening::Close => {
                    closed = true;
                    escalation.close(at(0))
                }
            };
            for settlement in &settlements {
                if !settlement.tell.is_empty() {
                    let first = told.insert((generation, settlement.step.clone()));
                    prop_assert!(first, "told twice: {settlement:?}");
                    prop_assert!(settlement.due_at <= at(now), "fired early: {settlement:?}");
                    prop_assert!(!closed, "told after closing");
                    let conditional = settlement.step.starts_with("C/second") || settlement.step.starts_with("C/central");
                    prop_assert!(!conditional || escalation.acknowledgements.is_empty(), "told after an acknowledgement");
                }
            }
            if matches!(happening, Happening::Tick(_)) {
                prop_assert!(escalation.next_due().is_none_or(|due| due > at(now)), "a due step was left behind");
            }
        }
    }
}

#[test]
fn a_body_a_person_has_called_is_asked_once_and_nothing_else_moves() {
    let mut escalation = ladder();
    escalation.settle_due(at(0));
    escalation.call(&body("y"), body("z"), role("z"), at(100));
    let asked = escalation.settle_due(at(100));
    assert_eq!(outcomes(&asked).len(), 1);
    assert_eq!((asked[0].purpose, &asked[0].tell[0].scope), (Purpose::Acknowledge, &Scope::Bodies(vec![body("z")])));
    assert_eq!(escalation.next_due(), Some(at(300)), "the ladder keeps its times");
    escalation.close(at(200));
    escalation.call(&body("y"), body("z"), role("z"), at(250));
    assert!(escalation.settle_due(at(250)).is_empty(), "nobody is called to what is over");
}

#[test]
fn a_plan_that_asks_nobody_to_confirm_has_nothing_left_to_do_for_whoever_took_charge_of_what_was_worse() {
    let stale = Some(Staleness { after_s: 600, then_s: 60 });
    let steps = || vec![step("loop", 0, false)];
    let worse = PlannedCircuit { stale, ..circuit("C", SatisfiedBy::Anyone, steps()) };
    let mut escalation = Escalation::start(Plan { circuits: vec![worse], ..plan(SatisfiedBy::Anyone, Vec::new()) }, 1);
    escalation.settle_due(at(0));
    answers(&mut escalation, "loop", 1, 10);
    assert_eq!(escalation.next_due(), Some(at(610)));
    escalation.ease(plan(SatisfiedBy::Anyone, steps()), at(20));
    assert_eq!(escalation.next_due(), None, "or whoever runs it looks again and again for what it never does");
}

#[test]
fn what_a_step_was_added_for_is_told_by_its_field_and_in_old_states_by_its_numbered_name() {
    let called = |id: &str| PlannedStep { id: id.into(), ..step("x", 0, false) };
    let named = |id: &str| added(&called(id));
    assert_eq!(named("rappel-mairie"), None, "a step of the doctrine, whatever its name begins with");
    assert_eq!(named("confirmation"), None);
    assert_eq!(named("confirmation~2"), Some(Added::Confirm));
    assert_eq!(named("releve~1"), Some(Added::TakeOver));
    assert_eq!(named("scop~3"), None, "a step told again");
    assert_eq!(added(&PlannedStep { added: Some(Added::Call), ..called("x~1") }), Some(Added::Call));
    assert!(may_fold(&called("rappel-mairie")) && !may_fold(&called("rappel~1")));
}
