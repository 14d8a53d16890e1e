//! A day or an instant, as options of the command line give it.

use anyhow::Context;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A day or an instant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    Day(Date),
    Instant(Timestamp),
}

impl std::str::FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || text.parse().map(Self::Day);
        text.parse().map(Self::Instant).or_else(|_| day()).map_err(|_: jiff::Error| {
            format!("`{text}` is neither a day (2026-12-24) nor an instant (2026-12-24T08:00:00+01:00)")
        })
    }
}

impl Moment {
    /// The instant; a day begins at midnight in `zone`.
    pub(crate) fn at(self, zone: &TimeZone) -> anyhow::Result<Timestamp> {
        match self {
            Self::Instant(instant) => Ok(instant),
            Self::Day(day) => Ok(day.to_zoned(zone.clone()).context("the day is beyond time")?.timestamp()),
        }
    }
}
