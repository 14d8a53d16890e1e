//! What the check promises, kept: random cities that pass it, random signals, answers and outages.
//!
//! The judge has its own idea of each promise and looks at nothing but what is told. That a city is refused promises
//! nothing; so many must pass, and so many promises be put to the test, or the test itself fails.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod city;
mod explained;
mod play;
mod script;

use std::{cell::Cell, collections::BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence, TestError, TestRunner},
};
use vigie_domain::{check::check, city::City, escalation::replay};
use vigie_proto::{Kind, envelope::Fact, event::Event};

use self::{
    play::{Chapter, Play},
    script::{DAYS, FROM, Script},
};

/// Cities drawn, and incidents played in each.
const CITIES: u32 = 200;
const INCIDENTS: usize = 12;

/// What was put to the test.
#[derive(Debug, Default)]
struct Tally {
    drawn: Cell<u32>,
    passed: Cell<u32>,
    bounds: Cell<u32>,
    bounds_in_outages: Cell<u32>,
    somebody: Cell<u32>,
    fallen_back: Cell<u32>,
    undelivered: Cell<u32>,
}

fn count(cell: &Cell<u32>, more: usize) {
    cell.set(cell.get() + u32::try_from(more).unwrap());
}

#[test]
fn what_the_check_promises_holds_whatever_comes_whoever_answers_and_whatever_fails() {
    let tally = Tally::default();
    let mut runner = TestRunner::new(Config {
        cases: CITIES,
        max_shrink_iters: 400,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..Config::default()
    });
    let cases = (city::files(), prop::collection::vec(script::script(), INCIDENTS));
    let result = runner.run(&cases, |(files, scripts)| {
        count(&tally.drawn, 1);
        let city = files.read().map_err(|faults| TestCaseError::fail(faults.join("\n")))?;
        let report = check(&city, FROM.parse().unwrap(), DAYS);
        if report.errors().next().is_some() {
            return Ok(());
        }
        count(&tally.passed, 1);
        for script in &scripts {
            let play = Play::of(&city, script);
            let broken = play.broken.iter().cloned().chain(promises(&city, script, &play, &tally)).collect::<Vec<_>>();
            prop_assert!(broken.is_empty(), "{}\nin {script:?}", broken.join("\n"));
        }
        Ok(())
    });
    match result {
        Ok(()) => {}
        // The script that breaks is in the reason.
        Err(TestError::Fail(reason, (files, _))) => panic!("{reason}\nin {files:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    eprintln!("{tally:?}");
    assert!(tally.passed.get() * 5 >= tally.drawn.get(), "too few cities pass to prove anything: {tally:?}");
    assert!(tally.bounds.get() > 300 && tally.bounds_in_outages.get() > 30, "too few bounds are tested: {tally:?}");
    assert!(tally.somebody.get() > 300, "{tally:?}");
    assert!(tally.fallen_back.get() > 10 && tally.undelivered.get() > 20, "too few channels fail: {tally:?}");
}

/// Cities drawn for stories played again, and incidents in each.
const STORIES: (u32, usize) = (200, 24);

#[test]
fn a_story_played_again_is_the_plan_that_was_kept() {
    let (lapsed, late) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config {
        cases: STORIES.0,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..Config::default()
    });
    let cases = (city::files(), prop::collection::vec(script::wild(), STORIES.1));
    let result = runner.run(&cases, |(files, scripts)| {
        let city = files.read().map_err(|faults| TestCaseError::fail(faults.join("\n")))?;
        for script in &scripts {
            let play = Play::of(&city, script);
            let story: Vec<Fact> = play.journal.iter().map(written_and_read).collect();
            count(&lapsed, story.iter().filter(|fact| matches!(fact.event, Event::ChargeLapsed(_))).count());
            count(&late, usize::from(script.is_late(story.len())));
            let replayed = replay(&story, None, &()).escalation;
            prop_assert_eq!(replayed.as_ref(), Some(play.kept()), "in {:?}\nof {:#?}", script, story);
        }
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, (files, _))) => panic!("{reason}\nin {files:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    assert!(lapsed.get() > 20 && late.get() > 20, "too little is put to the test: {lapsed:?} lapses, {late:?} late");
}

/// A fact as the journal holds it.
fn written_and_read(fact: &Fact) -> Fact {
    Fact { event: Event::decode(fact.event.type_name(), &fact.event.to_json()).unwrap(), ..fact.clone() }
}

/// Steps that ask the desk, and how a step comes.
const ASKS_DESK: &str =
    "expects = \"acknowledgement\"\ntiming = \"default\"\ntell = [{ role = \"desk\", in = \"city\" }]";

/// What the check finds in a fixed city, by code.
fn findings(steps: &[&str], desk_email_proven: bool) -> BTreeSet<&'static str> {
    let city = city::fixed(steps, desk_email_proven).read().unwrap();
    check(&city, FROM.parse().unwrap(), DAYS).errors().map(|finding| finding.code).collect()
}

#[test]
fn a_fallback_that_was_answered_proves_nothing_of_a_message_that_leaves_by_a_channel_that_never_was() {
    let step = format!("after_min = 0\nchannels = [\"email\"]\nfallback = [\"sms\"]\n{ASKS_DESK}");
    assert_eq!(findings(&[&step], true), BTreeSet::new());
    assert_eq!(findings(&[&step], false), ["bound-exceeded", "nobody-told"].into());
}

#[test]
fn a_step_that_follows_one_at_an_hour_of_the_day_or_one_that_comes_again_is_not_promised_sooner() {
    let desk = format!("after_last_min = 5\nchannels = [\"email\"]\n{ASKS_DESK}");
    let first = |due: &str| {
        format!(
            "{due}\nchannels = [\"email\"]\nexpects = \"nothing\"\ntiming = \"default\"\n\
             tell = [{{ role = \"chief\", in = \"city\" }}]"
        )
    };
    assert_eq!(findings(&[&first("after_min = 0"), &desk], true), BTreeSet::new());
    for late in ["next_local = [\"08:00\"]", "after_min = 0\nrepeat = { every_min = 4, times = 2 }"] {
        assert_eq!(findings(&[&first(late), &desk], true), ["bound-exceeded"].into(), "{late}");
    }
}

/// The promises of the check that were not kept in a play.
fn promises(city: &City, script: &Script, play: &Play<'_>, tally: &Tally) -> Vec<String> {
    count(&tally.fallen_back, play.fallen_back);
    count(&tally.undelivered, play.undelivered);
    let kind = script.situation(city).kind;
    play.chapters
        .iter()
        .flat_map(|chapter| [somebody(chapter, tally), bound(city, &kind, chapter, play, tally)])
        .flatten()
        .collect()
}

/// Somebody is told by a proven contact point, unless the plan ended before.
fn somebody(chapter: &Chapter, tally: &Tally) -> Option<String> {
    if chapter.excused.is_some() || chapter.expired {
        return None;
    }
    count(&tally.somebody, 1);
    chapter.proven.is_empty().then(|| format!("{}: nobody is told by a proven contact point", chapter.from))
}

/// A place manned at any hour is told in time, the outages since added, unless the plan ended before.
fn bound(city: &City, kind: &Kind, chapter: &Chapter, play: &Play<'_>, tally: &Tally) -> Option<String> {
    let within = city.doctrine.kind(kind)?.manned_within_min.get(&chapter.severity)?;
    if !city
        .doctrine
        .circuits
        .iter()
        .any(|circuit| circuit.kinds.contains(kind) && circuit.severities.contains(&chapter.severity))
    {
        return None;
    }
    let promised = chapter.from + SignedDuration::from_mins(i64::from(*within));
    let deadline = extended(promised, chapter.from, &play.outages);
    let told = chapter.proven.iter().filter(|(_, manned)| *manned).map(|(at, _)| *at).min();
    if chapter.expired || chapter.excused.is_some_and(|excused| excused <= deadline) {
        return None;
    }
    count(&tally.bounds, 1);
    count(&tally.bounds_in_outages, usize::from(deadline > promised));
    let late = told.is_none_or(|told| told > deadline);
    late.then(|| format!("{}: a manned place is told at {told:?}, and {deadline} was promised", chapter.from))
}

/// `deadline`, the end of an outage later when it falls in one.
fn extended(deadline: Timestamp, from: Timestamp, outages: &[(Timestamp, Timestamp)]) -> Timestamp {
    let touching = outages.iter().filter(|(begins, ends)| *begins <= deadline && *ends > from);
    touching.map(|(_, ends)| *ends).fold(deadline, Timestamp::max)
}
