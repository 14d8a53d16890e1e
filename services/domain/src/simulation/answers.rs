//! How bodies answer when they are asked: with what chance, how fast, at what hours.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use serde::Deserialize;
use vigie_proto::RoleId;

use super::chance::Chance;
use crate::{
    directory::Directory,
    doctrine::{Calendar, DayKind, Window},
};

/// The ninth decile of the normal distribution.
const NORMAL_P90: f64 = 1.281_551_565_544_6;

/// What is supposed of everybody who may be asked; read from a small TOML file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Of roles that nothing else is said of.
    #[serde(default)]
    pub default: Answering,
    /// Of places manned at any hour; as `default` when absent.
    #[serde(default)]
    pub manned: Option<Answering>,
    /// Of these roles.
    #[serde(default, rename = "role")]
    pub roles: BTreeMap<RoleId, Answering>,
    #[serde(default)]
    pub returns: Returning,
    #[serde(default)]
    pub closing: Closing,
}

/// How a body answers one call.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answering {
    /// Chance that it takes charge, 0 to 1.
    #[serde(default)]
    pub answers: f64,
    /// Chance that it says it will not, 0 to 1.
    #[serde(default)]
    pub refuses: f64,
    /// Half of the answers come within this, minutes.
    #[serde(default)]
    pub median_min: f64,
    /// Nine answers in ten come within this, minutes; all take `median_min` when absent.
    #[serde(default)]
    pub p90_min: Option<f64>,
    /// It reads what it is sent within these local hours only.
    #[serde(default)]
    pub hours: Option<Hours>,
}

/// Local hours of a day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    pub from: Time,
    /// At or before `from`, of the next day.
    pub until: Time,
    /// Days left out, as the doctrine's windows say them.
    #[serde(default)]
    pub not_on: Vec<DayKind>,
}

/// Whether what is owed is given.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returning {
    /// Chance that it is given without being asked for again, 0 to 1.
    #[serde(default)]
    pub gives: f64,
    #[serde(default)]
    pub median_min: f64,
    #[serde(default)]
    pub p90_min: Option<f64>,
}

/// When incidents are closed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// Minutes after somebody took charge, or the last signal after that.
    pub after_min: u32,
    /// Minutes after the last signal, when nobody did.
    pub unanswered_after_min: u32,
}

impl Default for Closing {
    fn default() -> Self {
        Self { after_min: 120, unanswered_after_min: 24 * 60 }
    }
}

/// Why a file of answers cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswersError {
    #[error("line {line}: {what}")]
    Syntax { line: usize, what: String },
    #[error("`{of}`: {what}")]
    Value { of: String, what: &'static str },
    #[error("role `{0}` is not in the directory's roles.toml")]
    UnknownRole(RoleId),
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    TakesCharge(Timestamp),
    Refuses(Timestamp),
    Silence,
}

impl Answers {
    /// Nobody ever answers, nothing owed is given.
    pub fn nobody() -> Self {
        Self {
            default: Answering::default(),
            manned: None,
            roles: BTreeMap::new(),
            returns: Returning::default(),
            closing: Closing::default(),
        }
    }

    /// Reads a file, or says what is wrong with it.
    pub fn read(text: &str, directory: &Directory) -> Result<Self, AnswersError> {
        let answers: Self = toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            AnswersError::Syntax { line: 1 + before.matches('\n').count(), what: error.message().replace('\n', " ") }
        })?;
        if let Some(unknown) = answers.roles.keys().find(|role| directory.role(role).is_none()) {
            return Err(AnswersError::UnknownRole(unknown.clone()));
        }
        let named = answers.roles.iter().map(|(role, answering)| (format!("role.{role}"), answering));
        let others = [("default".to_owned(), &answers.default)];
        let manned = answers.manned.as_ref().map(|answering| ("manned".to_owned(), answering));
        for (of, answering) in named.chain(others).chain(manned) {
            answering.check().map_err(|what| AnswersError::Value { of, what })?;
        }
        let returns = &answers.returns;
        check_delay(returns.gives, returns.median_min, returns.p90_min)
            .map_err(|what| AnswersError::Value { of: "returns".to_owned(), what })?;
        Ok(answers)
    }

    fn of(&self, role: &RoleId, manned: bool) -> &Answering {
        let by_duty = if manned { self.manned.as_ref() } else { None };
        self.roles.get(role).or(by_duty).unwrap_or(&self.default)
    }

    /// What a body of `role`, asked at `now`, does.
    pub(super) fn answer(
        &self,
        role: &RoleId,
        manned: bool,
        now: Timestamp,
        chance: Chance,
        (zone, calendar): (&TimeZone, &Calendar),
    ) -> Answer {
        let answering = self.of(role, manned);
        let drawn = chance.turn(0).unit();
        if drawn >= answering.answers + answering.refuses {
            return Answer::Silence;
        }
        let Some(read_at) = answering.hours.as_ref().map_or(Some(now), |hours| hours.first(now, zone, calendar)) else {
            return Answer::Silence;
        };
        let at = read_at + delay(answering.median_min, answering.p90_min, chance.turn(1));
        if drawn < answering.answers { Answer::TakesCharge(at) } else { Answer::Refuses(at) }
    }

    /// When something owed from `now` on is given; none when it is not.
    pub(super) fn given_at(&self, now: Timestamp, chance: Chance) -> Option<Timestamp> {
        let Returning { gives, median_min, p90_min } = self.returns;
        (chance.turn(0).unit() < gives).then(|| now + delay(median_min, p90_min, chance.turn(1)))
    }
}

impl Answering {
    fn check(&self) -> Result<(), &'static str> {
        if !(0.0..=1.0).contains(&self.refuses) || self.answers + self.refuses > 1.0 {
            return Err("answers and refuses are chances from 0 to 1, together at most 1");
        }
        check_delay(self.answers, self.median_min, self.p90_min)
    }
}

fn check_delay(chance: f64, median_min: f64, p90_min: Option<f64>) -> Result<(), &'static str> {
    if !(0.0..=1.0).contains(&chance) {
        return Err("a chance goes from 0 to 1");
    }
    match p90_min {
        _ if !(0.0..=100_000.0).contains(&median_min) => Err("median_min is in minutes, 0 to 100000"),
        Some(p90) if median_min <= 0.0 || !(median_min..=1_000_000.0).contains(&p90) => {
            Err("p90_min is at least median_min, which is then above 0")
        }
        Some(_) | None => Ok(()),
    }
}

impl Hours {
    /// The first instant from `now` on within them; none when they never come.
    fn first(&self, now: Timestamp, zone: &TimeZone, calendar: &Calendar) -> Option<Timestamp> {
        let window = Window {
            label: String::new(),
            lines: None,
            hours: vec![(self.from, self.until)],
            not_on: self.not_on.clone(),
        };
        if window.serves(zone, calendar, now) { Some(now) } else { window.next_opening(zone, calendar, now) }
    }
}

/// A delay of a log-normal distribution, or always the median; whole seconds, at least one.
fn delay(median_min: f64, p90_min: Option<f64>, chance: Chance) -> SignedDuration {
    let minutes = match p90_min {
        Some(p90) if median_min > 0.0 => {
            let deviation = (p90 / median_min).ln() / NORMAL_P90;
            median_min * (deviation * chance.normal()).exp()
        }
        Some(_) | None => median_min,
    };
    #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
    let seconds = (minutes * 60.0).round().clamp(1.0, 1e8) as i64;
    SignedDuration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_delays_are_under_the_median_and_nine_in_ten_under_the_ninth_decile() {
        let delays: Vec<i64> =
            (0..10_000).map(|turn| delay(4.0, Some(20.0), Chance::new(3).turn(turn)).as_secs()).collect();
        let under = |minutes: i64| delays.iter().filter(|seconds| **seconds <= minutes * 60).count();
        assert!((4_800..5_200).contains(&under(4)), "{}", under(4));
        assert!((8_800..9_200).contains(&under(20)), "{}", under(20));
        assert_eq!(delay(3.0, None, Chance::new(1)).as_secs(), 180);
    }
}
