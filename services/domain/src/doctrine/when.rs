//! When a step comes, as the doctrine says it and not as it falls on one day.

use std::fmt::{Display, Formatter, Result};

use jiff::civil::Time;
use serde::Serialize;
use vigie_proto::RoleId;

use super::{
    Circuit, Due, Repeat, Step,
    words::{clock, minutes, roles, sorted},
};

/// When a step comes, and whether it comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct When {
    #[serde(flatten)]
    pub from: Anchor,
    /// Every so many minutes, so many times after the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<(u32, u32)>,
}

/// What a step counts from. Minutes and local days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Anchor {
    Opening {
        min: u32,
    },
    /// The step before it, which does not come a number of minutes after the opening.
    Last {
        min: u32,
    },
    NextLocal {
        times: Vec<Time>,
    },
    BeforeExpected {
        min: u32,
    },
    AfterExpected {
        min: u32,
    },
    OnDay {
        day: u32,
        at: Time,
    },
    /// `what` is owed, in French.
    Owed {
        what: String,
        min: u32,
    },
    Acknowledgement {
        by: Vec<RoleId>,
        min: u32,
    },
    Closing {
        min: u32,
    },
    ClosingDay {
        day: u32,
        at: Time,
    },
}

impl When {
    /// When a step of a circuit comes. `last` is when the one before it did, minutes after the opening, `Some(0)` at
    /// first; none when that is not known in minutes.
    pub(crate) fn of(step: &Step, circuit: &Circuit, last: &mut Option<u32>) -> Self {
        let again = |repeat: &Repeat| (repeat.every_min, repeat.times);
        let mut repeat = step.repeat;
        let from = match &step.due {
            Due::AfterMin(min) => Anchor::Opening { min: *min },
            Due::AfterLastMin(min) => match *last {
                Some(last) => Anchor::Opening { min: last.saturating_add(*min) },
                None => Anchor::Last { min: *min },
            },
            Due::NextLocal(times) => Anchor::NextLocal { times: sorted(times) },
            Due::BeforeExpectedMin(min) => Anchor::BeforeExpected { min: *min },
            Due::AfterExpectedMin(min) => Anchor::AfterExpected { min: *min },
            Due::OnDay { day, at } => Anchor::OnDay { day: *day, at: *at },
            Due::AfterOwedMin { owed, min } => {
                let rule = circuit.owed.iter().find(|rule| rule.id == *owed);
                repeat = repeat.or_else(|| rule?.repeat);
                Anchor::Owed { what: rule.map_or_else(|| owed.clone(), |rule| rule.what.clone()), min: *min }
            }
            Due::AfterAcknowledgement { by, min } => Anchor::Acknowledgement { by: sorted(by), min: *min },
            Due::AfterClosingMin(min) => Anchor::Closing { min: *min },
            Due::AfterClosingDay { day, at } => Anchor::ClosingDay { day: *day, at: *at },
        };
        let turns = repeat.map_or(0, |repeat| repeat.every_min.saturating_mul(repeat.times));
        match &from {
            Anchor::Opening { min } => *last = Some(min.saturating_add(turns)),
            Anchor::Acknowledgement { .. } | Anchor::Closing { .. } | Anchor::ClosingDay { .. } => {}
            Anchor::Last { .. }
            | Anchor::NextLocal { .. }
            | Anchor::BeforeExpected { .. }
            | Anchor::AfterExpected { .. }
            | Anchor::OnDay { .. }
            | Anchor::Owed { .. } => *last = None,
        }
        Self { from, again: repeat.as_ref().map(again) }
    }
}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.from {
            Anchor::Opening { min: 0 } => write!(f, "at once"),
            Anchor::Opening { min } => write!(f, "after {}", minutes(*min)),
            Anchor::Last { min } => write!(f, "{} after the step before", minutes(*min)),
            Anchor::NextLocal { times } => {
                let times: Vec<String> = times.iter().map(|time| clock(*time)).collect();
                write!(f, "at the next {}", times.join(" or "))
            }
            Anchor::BeforeExpected { min } => write!(f, "{} before the announced time", minutes(*min)),
            Anchor::AfterExpected { min } => write!(f, "{} after the announced time", minutes(*min)),
            Anchor::OnDay { day, at } => write!(f, "on day {day} at {}", clock(*at)),
            Anchor::Owed { what, min } => write!(f, "{} after « {what} » was due", minutes(*min)),
            Anchor::Acknowledgement { by, min } => {
                write!(f, "{} after {} takes charge", minutes(*min), roles(by).join(" or "))
            }
            Anchor::Closing { min } => write!(f, "{} after the closing", minutes(*min)),
            Anchor::ClosingDay { day, at } => write!(f, "on day {day} after the closing at {}", clock(*at)),
        }?;
        self.again.map_or(Ok(()), |(every, times)| write!(f, " and {times} times more every {}", minutes(every)))
    }
}
