//! The contract's sentences as rules, DOC-01 to DOC-20, against the configuration as it is shipped.
//!
//! Each rule is played, not read: an incident gets its plan, time passes, people answer or do not. And each is shown to
//! stand on a text of the configuration: without it the rule no longer holds, or the configuration is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod crises;
mod landlords_and_others;
mod play;
mod rixes;
mod schools;
#[path = "../shipped/mod.rs"]
mod shipped;

use vigie_domain::city::City;

/// What a rule answers: nothing, or what is missing.
type Verdict = Result<(), String>;

fn must(holds: bool, what: impl Into<String>) -> Verdict {
    if holds { Ok(()) } else { Err(what.into()) }
}

/// What comes of a configuration without one of its texts.
enum Then {
    /// It is read, and the rule no longer holds.
    Broken,
    /// It is not read: a fault says this.
    Refused(&'static str),
}

/// A text of a file, what stands in its place, and what comes of it.
type Without = (&'static str, &'static str, &'static str, Then);

/// `rule` holds of the city as shipped, and stands on each of these texts.
fn stands_on(rule: impl Fn(&City) -> Verdict, texts: impl IntoIterator<Item = Without>) {
    rule(&shipped::city()).unwrap();
    for (file, from, to, then) in texts {
        match (shipped::city_with(file, from, to), then) {
            (Ok(city), Then::Broken) => assert!(rule(&city).is_err(), "{file}: it holds without « {from} »"),
            (Err(error), Then::Refused(why)) => {
                assert!(error.0.iter().any(|fault| fault.contains(why)), "{file}: {error}");
            }
            (Ok(_), Then::Refused(why)) => panic!("{file}: read without « {from} », though {why}"),
            (Err(error), Then::Broken) => panic!("{file}: not even read without « {from} »: {error}"),
        }
    }
}
