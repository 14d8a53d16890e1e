//! Words of the doctrine for a terminal: lengths, hours, channels, rules.

use jiff::civil::Time;
use vigie_proto::{
    Channel, RoleId,
    plan::{Expects, OnRefusal, Rank, SatisfiedBy},
};

use super::{Circuit, Condition, OwedRule, StaleRule, Within};

pub(crate) fn expects(expects: Expects) -> &'static str {
    match expects {
        Expects::Acknowledgement => "asked to take charge",
        Expects::Nothing => "for information only",
    }
}

pub(crate) fn rank(rank: Rank) -> &'static str {
    match rank {
        Rank::Desk => "desk",
        Rank::First => "first on duty",
        Rank::Second => "second on duty",
        Rank::All => "everybody on the roster",
    }
}

pub(crate) fn channels(channels: &[Channel]) -> String {
    channels.iter().map(|channel| name(*channel)).collect::<Vec<_>>().join(" and ")
}

pub(crate) fn name(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "e-mail",
        Channel::Sms => "SMS",
        Channel::Screen => "screen",
    }
}

pub(crate) fn minutes(minutes: u32) -> String {
    match (minutes / 1_440, minutes % 1_440 / 60, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes:02}"),
        (days, 0, 0) => format!("{days} d"),
        (days, hours, minutes) => format!("{days} d {hours} h {minutes:02}"),
    }
}

pub(crate) fn clock(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

/// Roles in order of id.
pub(crate) fn roles(roles: &[RoleId]) -> Vec<&str> {
    let mut roles: Vec<&str> = roles.iter().map(RoleId::as_str).collect();
    roles.sort_unstable();
    roles
}

/// Words with commas; none of an empty list.
pub(crate) fn list<T: AsRef<str>>(words: &[T]) -> Option<String> {
    (!words.is_empty()).then(|| words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "))
}

/// `OwnSignals` as the files write it: `own-signals`.
pub(crate) fn kebab(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            words.push('-');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// Conditions and raisers of a circuit; none when it is for all.
pub(crate) fn only_for(circuit: &Circuit) -> Option<String> {
    let condition = |condition: &Condition| match condition {
        Condition::AtSchool => "at a school",
        Condition::NearBorder => "near a border",
        Condition::Expected => "announced for a time",
        Condition::Exercise => "in an exercise",
        Condition::Real => "not in an exercise",
    };
    let raisers = list(&roles(&circuit.raised_by)).map(|roles| format!("raised by {roles}"));
    let mut words: Vec<String> = circuit.when.iter().map(|c| condition(c).to_owned()).collect();
    words.sort();
    words.extend(raisers);
    list(&words)
}

pub(crate) fn satisfied_by(rule: &SatisfiedBy) -> String {
    match rule {
        SatisfiedBy::Anyone => "anyone".to_owned(),
        SatisfiedBy::EachAsked => "each body asked".to_owned(),
        SatisfiedBy::AnyOf(of) => format!("one of {}", roles(of).join(", ")),
        SatisfiedBy::AllOf(of) => format!("all of {}", roles(of).join(", ")),
        SatisfiedBy::AtLeast { count, of } if of.is_empty() => format!("{count} bodies"),
        SatisfiedBy::AtLeast { count, of } => format!("{count} of {}", roles(of).join(", ")),
    }
}

pub(crate) fn on_refusal(rule: OnRefusal) -> String {
    match rule {
        OnRefusal::Wait => "the next step at its time",
        OnRefusal::Advance => "the next step at once",
        OnRefusal::AdvanceWhenAll => "the next step at once when all have refused",
    }
    .to_owned()
}

pub(crate) fn stale(rule: StaleRule) -> String {
    format!("{}, then {} to confirm", minutes(rule.after_min), minutes(rule.then_min))
}

pub(crate) fn owed(rule: &OwedRule) -> String {
    let to = rule.to.as_ref().map_or("the raiser", RoleId::as_str);
    let within = match rule.within {
        Within::Minutes(min) => minutes(min),
        Within::Days(days) => format!("{days} calendar days"),
    };
    let mut words = format!("« {} » by {} to {to} within {within}", rule.what, rule.by.role);
    if rule.from_closing {
        words.push_str(" of the closing");
    }
    if let Some(repeat) = rule.repeat {
        words = format!("{words}, {} times more every {}", repeat.times, minutes(repeat.every_min));
    }
    if rule.blocks_closing {
        words.push_str(", before it can be closed");
    }
    if rule.may_be_unknown {
        words.push_str(", « no known outcome » settles it");
    }
    words
}

/// In an order that does not depend on that of the file.
pub(crate) fn sorted<T: Clone + Ord>(some: &[T]) -> Vec<T> {
    let mut some = some.to_vec();
    some.sort();
    some
}
