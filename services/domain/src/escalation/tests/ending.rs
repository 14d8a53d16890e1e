//! A closing that was a mistake, and an answer taken back: what is due afterwards is what would have been.

use super::*;

/// One circuit: `x` at once, again at 300 and 600 unless it takes charge, told whatever happens at 900; `y` a minute after the
/// closing.
fn one() -> Plan {
    let after_closing = PlannedStep {
        waits_for: Some(WaitsFor { event: Trigger::Closed, then: Offset::Seconds(60) }),
        survives_closing: true,
        ..step("y", 0, false)
    };
    let again = |id: &str, due| PlannedStep { id: id.into(), ..step("x", due, true) };
    let steps = vec![step("x", 0, false), again("again", 300), again("last", 600), again_always(900), after_closing];
    plan(SatisfiedBy::Anyone, steps)
}

fn again_always(due: i64) -> PlannedStep {
    PlannedStep { id: "always".into(), ..step("x", due, false) }
}

fn asked() -> Escalation {
    let mut escalation = Escalation::start(one(), 1);
    escalation.settle_due(at(0));
    escalation.asked("C/x", [body("x")]);
    escalation
}

fn story(escalation: &mut Escalation) -> Vec<(Timestamp, String)> {
    let mut told = Vec::new();
    while let Some(due) = escalation.next_due() {
        told.extend(escalation.settle_due(due).into_iter().filter(|s| !s.tell.is_empty()).map(|s| (due, s.step)));
    }
    told
}

#[test]
fn closed_and_opened_again_at_once_leaves_everything_as_it_was() {
    for answers in [false, true] {
        let mut untouched = asked();
        if answers {
            unasked(&mut untouched, "x", 1, 30);
        }
        let mut mistaken = untouched.clone();
        mistaken.close(at(40));
        assert!(mistaken.reopen(at(40)).is_empty());
        assert_eq!(mistaken, untouched);
        assert_eq!(story(&mut mistaken), story(&mut untouched));
    }
}

#[test]
fn what_would_have_come_meanwhile_comes_at_once_and_once() {
    let mut escalation = asked();
    escalation.close(at(40));
    assert_eq!(outcomes(&escalation.settle_due(at(90))), [], "what follows the closing is not due yet");
    escalation.reopen(at(95));
    assert_eq!(escalation.next_due(), Some(at(300)), "nor after the opening");
    escalation.close(at(200));
    escalation.reopen(at(700));
    let settled = escalation.settle_due(at(700));
    assert_eq!(
        outcomes(&settled),
        [("C/again", StepOutcome::Folded), ("C/last", StepOutcome::Fired)],
        "one call for both"
    );
    assert_eq!(escalation.next_due(), Some(at(900)));
}

#[test]
fn who_is_in_charge_stays_so_and_is_asked_no_sooner_for_the_time_between() {
    let mut plan = one();
    plan.circuits[0].stale = Some(Staleness { after_s: 1_000, then_s: 100 });
    let mut escalation = Escalation::start(plan, 1);
    escalation.settle_due(at(0));
    escalation.asked("C/x", [body("x")]);
    unasked(&mut escalation, "x", 1, 10);
    escalation.close(at(20));
    escalation.reopen(at(5_020));
    assert!(escalation.is_circuit_satisfied("C"));
    escalation.settle_due(at(6_009));
    assert!(escalation.is_circuit_satisfied("C"));
    assert_eq!(escalation.next_due(), Some(at(6_010)), "a thousand seconds of an open incident");
}

#[test]
fn an_answer_taken_back_is_as_if_it_had_not_been_given() {
    let mut escalation = asked();
    unasked(&mut escalation, "x", 1, 30);
    assert!(escalation.is_circuit_satisfied("C"));
    escalation.take_back(&body("x"), at(60));
    assert!(!escalation.is_circuit_satisfied("C"));
    assert_eq!(outcomes(&escalation.settle_due(at(60))), [("C/again", StepOutcome::Fired)], "the time lost is made up");
    assert!(escalation.standing().refused.is_empty(), "it is no refusal");
    unasked(&mut escalation, "x", 1, 70);
    assert!(escalation.is_circuit_satisfied("C"), "it may answer again");

    let mut escalation = asked();
    escalation.refuse(&body("x"), at(30));
    assert_eq!(escalation.standing().refused, BTreeSet::from([body("x")]));
    escalation.take_back(&body("x"), at(40));
    assert_eq!(escalation.standing().refused, BTreeSet::new());
}
