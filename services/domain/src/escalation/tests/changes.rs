//! What stays, and what counts, when a plan changes under those it has asked, or is carried out late.

use super::*;

fn circuits(circuits: Vec<PlannedCircuit>) -> Plan {
    Plan { circuits, ..plan(SatisfiedBy::Anyone, Vec::new()) }
}

/// Two circuits that ask `x` and `y` at once, and go on at 300.
fn two() -> Plan {
    let of = |id: &str, who: &str| {
        circuit(
            id,
            SatisfiedBy::Anyone,
            vec![step(who, 0, false), PlannedStep { id: "next".into(), ..step(who, 300, true) }],
        )
    };
    circuits(vec![of("A", "x"), of("B", "y")])
}

fn begun(plan: Plan) -> Escalation {
    let mut escalation = Escalation::start(plan, 1);
    escalation.settle_due(at(0));
    escalation.asked("A/x", [body("x")]);
    escalation.asked("B/y", [body("y")]);
    escalation
}

#[test]
fn who_is_in_charge_counts_for_a_circuit_that_would_have_asked_it() {
    let mut escalation = begun(two());
    unasked(&mut escalation, "x", 1, 10);
    assert!(escalation.is_circuit_satisfied("A") && !escalation.is_circuit_satisfied("B"));
    escalation.asked_in_charge("B/y", &BTreeSet::from([body("z")]));
    assert!(!escalation.is_circuit_satisfied("B"), "z is not in charge");
    escalation.asked_in_charge("B/y", &BTreeSet::from([body("x")]));
    assert!(escalation.is_circuit_satisfied("B"));
}

#[test]
fn whoever_was_asked_stays_asked_by_the_circuits_that_remain_when_it_is_eased() {
    let mut remains = two();
    remains.circuits.remove(0);
    for (who, counts) in [("x", false), ("y", true)] {
        let mut escalation = begun(two());
        escalation.ease(remains.clone(), at(20));
        unasked(&mut escalation, who, 1, 30);
        assert_eq!(escalation.is_circuit_satisfied("B"), counts, "{who}");
    }
}

#[test]
fn who_took_charge_and_what_was_given_stand_when_it_is_eased() {
    let mut escalation = begun(two());
    unasked(&mut escalation, "y", 1, 10);
    escalation.give_back("A/report");
    escalation.call(&body("x"), body("z"), role("z"), at(15));
    assert_eq!(outcomes(&escalation.settle_due(at(15))), [("A/rappel~1", StepOutcome::Fired)]);
    let mut eased = two();
    let reminder = PlannedStep { unless_returned: Some("A/report".into()), ..step("reminder", 400, false) };
    eased.circuits[0].steps.push(reminder);
    escalation.ease(eased, at(20));
    assert!(escalation.is_circuit_satisfied("B"), "what y took charge of was worse");
    assert_eq!(escalation.acknowledgements.len(), 1);
    escalation.call(&body("x"), body("z"), role("z"), at(30));
    assert_eq!(outcomes(&escalation.settle_due(at(30))), [("A/rappel~2", StepOutcome::Fired)], "no name comes twice");
    assert!(outcomes(&escalation.settle_due(at(400))).contains(&("A/reminder", StepOutcome::Returned)));
}

#[test]
fn what_a_new_plan_says_is_owed_is_owed_beside_what_was_each_once() {
    let owed = |id: &str| Owed {
        id: id.into(),
        circuit: "A".into(),
        lines: "1".into(),
        what: "Un retour".into(),
        by: target("x"),
        to: OwedTo::Raiser,
        due_at: None,
        from_closing: None,
        blocks_closing: false,
        may_be_unknown: false,
    };
    let mut escalation = begun(Plan { owed: vec![owed("A/one")], ..two() });
    escalation.replan(Plan { owed: vec![owed("A/one"), owed("A/two")], ..two() }, true);
    let ids: Vec<&str> = escalation.plan.owed.iter().map(|owed| owed.id.as_str()).collect();
    assert_eq!(ids, ["A/one", "A/two"]);
}

#[test]
fn each_of_several_that_wait_comes_after_what_it_waits_for() {
    let waits = |id: &str, second: u64| {
        let event = Trigger::AcknowledgedBy(vec![role(id)]);
        PlannedStep { waits_for: Some(WaitsFor { event, then: Offset::Seconds(second) }), ..step(id, 0, false) }
    };
    let mut escalation =
        Escalation::start(plan(SatisfiedBy::EachAsked, vec![waits("x", 60), waits("y", 60), step("z", 0, false)]), 1);
    escalation.settle_due(at(0));
    answers(&mut escalation, "x", 1, 10);
    answers(&mut escalation, "y", 1, 20);
    answers(&mut escalation, "x", 1, 40);
    assert!(escalation.settle_due(at(69)).is_empty());
    assert_eq!(outcomes(&escalation.settle_due(at(70))), [("C/x", StepOutcome::Fired)], "of the first time");
    assert_eq!(outcomes(&escalation.settle_due(at(80))), [("C/y", StepOutcome::Fired)]);
}

#[test]
fn a_step_is_of_use_until_its_last_second_and_a_called_body_for_a_day() {
    for (late, outcome) in [(600, StepOutcome::Fired), (601, StepOutcome::Expired)] {
        let short = PlannedStep { stale_after_s: 600, ..step("x", 0, false) };
        let mut escalation = Escalation::start(plan(SatisfiedBy::Anyone, vec![short]), 1);
        assert_eq!(outcomes(&escalation.settle_due(at(late))), [("C/x", outcome)]);
    }
    let day = 24 * 3600;
    for (late, outcome) in [(day, StepOutcome::Fired), (day + 1, StepOutcome::Expired)] {
        let mut escalation = Escalation::start(plan(SatisfiedBy::Anyone, vec![step("x", 0, false)]), 1);
        escalation.settle_due(at(0));
        escalation.call(&body("x"), body("z"), role("z"), at(10));
        assert_eq!(outcomes(&escalation.settle_due(at(10 + late))), [("C/rappel~1", outcome)]);
    }
}

#[test]
fn after_an_outage_a_step_is_told_with_a_later_one_of_its_own_circuit_only() {
    let other = circuit("B", SatisfiedBy::Anyone, vec![step("y", 10, false)]);
    let mut escalation =
        Escalation::start(circuits(vec![circuit("A", SatisfiedBy::Anyone, vec![step("x", 0, false)]), other]), 1);
    let fired = [("A/x", StepOutcome::Fired), ("B/y", StepOutcome::Fired)];
    assert_eq!(outcomes(&escalation.settle_due(at(20))), fired);
}

#[test]
fn where_circuits_stand_is_told_of_those_that_ask_and_climb_each_by_itself() {
    let informs = PlannedStep { expects: Expects::Nothing, ..step("z", 0, false) };
    let mut plan = two();
    plan.circuits[1].steps[1].unless_acknowledged = false;
    plan.circuits.push(circuit("C", SatisfiedBy::Anyone, vec![informs]));
    let mut escalation = begun(plan);
    let climbing = |escalation: &Escalation| {
        let standing = escalation.standing();
        standing.circuits.iter().map(|circuit| (circuit.id.clone(), circuit.climbing)).collect::<Vec<_>>()
    };
    assert_eq!(
        climbing(&escalation),
        [("A".to_owned(), true), ("B".to_owned(), false)],
        "C asks nobody; B tells in any case"
    );
    escalation.settle_due(at(300));
    assert_eq!(climbing(&escalation), [("A".to_owned(), false), ("B".to_owned(), false)], "nothing is left to climb");
}
