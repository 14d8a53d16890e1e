//! What an explanation says of a body is what happened to it: held against everybody who was told in the play.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::{
    prelude::*,
    test_runner::{Config, TestError, TestRunner},
};
use vigie_domain::{
    city::City,
    directory::Body,
    escalation::{Chapter, replay},
    explain::{StepExplained, Told, Verdict, explain},
};
use vigie_proto::{
    envelope::Fact,
    event::{Event, StepOutcome, StepSettledV1},
};

use super::{city, play::Play, script};

/// Cities drawn, and incidents explained in each.
const EXPLAINED: (u32, usize) = (250, 12);

#[test]
fn what_an_explanation_says_is_what_happened() {
    let said = std::cell::RefCell::new(BTreeMap::<String, usize>::new());
    let mut runner = TestRunner::new(Config { cases: EXPLAINED.0, failure_persistence: None, ..Config::default() });
    let cases = (city::files(), prop::collection::vec(script::wild(), EXPLAINED.1));
    let result = runner.run(&cases, |(files, scripts)| {
        let city = files.read().map_err(|faults| TestCaseError::fail(faults.join("\n")))?;
        for script in &scripts {
            let play = Play::of(&city, script);
            let chapters = replay(&play.journal, None, city.directory.as_ref()).chapters;
            for body in city.directory.bodies() {
                let wrong = explained(&city, &play, &chapters, body, &mut said.borrow_mut());
                prop_assert!(wrong.is_empty(), "{}\nin {:?}\nof {:#?}", wrong.join("\n"), script, play.journal);
            }
        }
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, (files, _))) => panic!("{reason}\nin {files:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    let said = said.into_inner();
    eprintln!("{said:?}");
    // A body without any contact point for a step is rare: the other ten verdicts are not.
    assert!(said.values().filter(|times| **times > 10).count() >= 10, "too little is put to the test: {said:?}");
}

/// What is wrong in the explanation of one body.
fn explained(
    city: &City,
    play: &Play<'_>,
    chapters: &[Chapter],
    body: &Body,
    said: &mut BTreeMap<String, usize>,
) -> Vec<String> {
    let mine: Vec<_> = play.tellings.iter().filter(|(_, _, telling)| telling.body == body.id).collect();
    let tellings: Vec<Told> = mine
        .iter()
        .map(|(generation, at, telling)| Told {
            generation: *generation,
            steps: telling.steps.clone(),
            channel: telling.channel,
            at: *at,
            deliveries: Vec::new(),
        })
        .collect();
    let (doctrine, zone) = (Some(city.doctrine.as_ref()), &city.doctrine.zone);
    let explanation = explain(body, chapters, &tellings, &play.situation, doctrine, &city.directory, zone);
    let mut wrong = Vec::new();
    if explanation.told == mine.is_empty() {
        wrong.push(format!("{} told: {}, by {mine:?}", body.id, explanation.told));
    }
    let mut named = Vec::new();
    for circuit in &explanation.circuits {
        let Some(generation) = circuit.generation else { continue };
        for step in &circuit.steps {
            let told = mine.iter().any(|(g, _, telling)| *g == generation && telling.steps.contains(&step.step));
            *said.entry(format!("{:?}", step.verdict)).or_default() += 1;
            named.push((generation, step.step.as_str()));
            if let Some(why) = contradicted(step, generation, told, play, body) {
                wrong.push(format!("{} {generation} {}: {:?}, but {why}", body.id, step.step, step.verdict));
            }
        }
    }
    for (generation, at, telling) in &mine {
        for step in &telling.steps {
            if !named.contains(&(*generation, step.as_str())) {
                wrong.push(format!("{} was told by {generation} {step} at {at}, which is not explained", body.id));
            }
        }
    }
    wrong
}

/// What in the play contradicts a verdict.
fn contradicted(step: &StepExplained, generation: u32, told: bool, play: &Play<'_>, body: &Body) -> Option<String> {
    let settled = settled(&play.journal, generation, &step.step);
    let outcome = settled.map(|settled| settled.outcome.clone());
    let when = settled.map(|settled| settled.settled_at);
    if told != (step.verdict == Verdict::Told) {
        return Some(format!("told: {told}"));
    }
    let holds = match step.verdict {
        Verdict::NotYet => {
            let waits = step.text.contains("attend un fait");
            outcome.is_none() && (waits || step.due_at > play.ended())
        }
        Verdict::Acknowledged => outcome == Some(StepOutcome::Acknowledged),
        Verdict::Returned => outcome == Some(StepOutcome::Returned),
        Verdict::Superseded => {
            outcome == Some(StepOutcome::Superseded) && when.is_some_and(|when| reason_holds(step, when, &play.journal))
        }
        Verdict::Expired => outcome == Some(StepOutcome::Expired),
        Verdict::InCharge => when.is_some_and(|when| took_charge(&play.journal, body, when)),
        // The directory is the one they were told by.
        Verdict::Changed => false,
        Verdict::Told | Verdict::OutOfHours | Verdict::Instead | Verdict::NoContact => outcome.is_some(),
        // Also before its hour: where is frozen with the plan.
        Verdict::Elsewhere => !told,
    };
    (!holds).then(|| format!("{outcome:?} at {when:?}"))
}

/// Whether what a dropped step is said to have given way to had been recorded by then.
fn reason_holds(step: &StepExplained, when: Timestamp, journal: &[Fact]) -> bool {
    type Says = fn(&Event) -> bool;
    let before = |is: Says| journal.iter().any(|fact| fact.at <= when && is(&fact.event));
    let reasons: [(&str, Says); 4] = [
        ("était clos", |event| matches!(event, Event::IncidentClosed(_))),
        ("niveau a changé", |event| matches!(event, Event::IncidentAggravated(_) | Event::IncidentEased(_))),
        ("niveau a baissé", |event| matches!(event, Event::IncidentEased(_))),
        ("ne le demande plus", |event| matches!(event, Event::IncidentReplanned(_))),
    ];
    let said: Vec<_> = reasons.into_iter().filter(|(words, _)| step.text.contains(words)).collect();
    said.len() == 1 && before(said[0].1)
}

fn settled<'a>(journal: &'a [Fact], generation: u32, step: &str) -> Option<&'a StepSettledV1> {
    journal.iter().rev().find_map(|fact| {
        let Event::StepSettled(settled) = &fact.event else { return None };
        (settled.generation == generation && settled.step == step).then_some(&**settled)
    })
}

/// Whether it had said so by then, or was handed the event.
fn took_charge(journal: &[Fact], body: &Body, by: Timestamp) -> bool {
    journal.iter().filter(|fact| fact.at <= by).any(|fact| {
        let acknowledged = matches!(&fact.event, Event::IncidentAcknowledged(e) if e.by.body == body.id);
        acknowledged || matches!(&fact.event, Event::IncidentHandedOver(e) if e.to == body.id)
    })
}
