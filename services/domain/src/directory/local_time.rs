//! A moment as people write it in the directory's files: by the clock on the wall.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::temporal::DateTimeParser,
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// A local date and time, `2026-12-24T08:00`; with its offset from UTC where the clock shows it twice,
/// `2026-10-25T02:30+01:00`.
///
/// Without an offset, the first of the two is meant; a time the clock skips is the same distance after the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalTime {
    at: DateTime,
    offset: Option<Offset>,
}

impl LocalTime {
    /// What the clock of `zone` shows at `instant`; with the offset only where that is needed to tell.
    pub fn of(instant: Timestamp, zone: &TimeZone) -> Self {
        let zoned = instant.to_zoned(zone.clone());
        let at = zoned.datetime();
        let twice = matches!(zone.to_ambiguous_timestamp(at).offset(), AmbiguousOffset::Fold { .. });
        Self { at, offset: twice.then(|| zoned.offset()) }
    }

    pub fn year(&self) -> i16 {
        self.at.year()
    }

    /// The instant at which the clock of `zone` shows it; why there is none, otherwise.
    pub fn instant(&self, zone: &TimeZone) -> Result<Timestamp, String> {
        let Some(offset) = self.offset else {
            return self.at.to_zoned(zone.clone()).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string());
        };
        let instant = offset.to_timestamp(self.at).map_err(|error| error.to_string())?;
        if zone.to_offset(instant) == offset {
            Ok(instant)
        } else {
            let name = zone.iana_name().unwrap_or("the rosters' zone");
            Err(format!("`{self}` is not what the clock shows in {name}: leave the offset out"))
        }
    }
}

impl From<DateTime> for LocalTime {
    fn from(at: DateTime) -> Self {
        Self { at, offset: None }
    }
}

impl FromStr for LocalTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || format!("`{text}` is not a local date and time such as 2026-12-24T08:00");
        let pieces = DateTimeParser::new().parse_pieces(text).map_err(|_| refused())?;
        // `Z` says an instant, not what a clock shows.
        match (pieces.time(), pieces.time_zone_annotation()) {
            (Some(time), None) if !text.ends_with(['Z', 'z']) => {
                Ok(Self { at: DateTime::from_parts(pieces.date(), time), offset: pieces.to_numeric_offset() })
            }
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = if self.at.second() == 0 && self.at.subsec_nanosecond() == 0 { "" } else { ":%S%.f" };
        write!(f, "{}", self.at.strftime(&format!("%Y-%m-%dT%H:%M{seconds}")))?;
        self.offset.map_or(Ok(()), |offset| {
            let minutes = offset.seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            write!(f, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        })
    }
}

impl TryFrom<String> for LocalTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LocalTime> for String {
    fn from(time: LocalTime) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn instant(text: &str) -> Result<Timestamp, String> {
        text.parse::<LocalTime>()?.instant(&paris())
    }

    #[test]
    fn every_instant_of_the_nights_the_clocks_change_is_written_and_read_back() {
        for start in ["2026-10-24T22:00:00Z", "2027-03-27T22:00:00Z"] {
            let start: Timestamp = start.parse().unwrap();
            for quarter in 0..32 {
                let at = start + jiff::SignedDuration::from_mins(15 * quarter);
                let written = LocalTime::of(at, &paris()).to_string();
                assert_eq!(instant(&written), Ok(at), "{written}");
            }
        }
    }

    #[test]
    fn an_hour_the_clock_shows_twice_carries_its_offset_and_no_other_does() {
        let written = |at: &str| LocalTime::of(at.parse().unwrap(), &paris()).to_string();
        assert_eq!(written("2026-10-25T00:30:00Z"), "2026-10-25T02:30+02:00");
        assert_eq!(written("2026-10-25T01:30:00Z"), "2026-10-25T02:30+01:00");
        assert_eq!(written("2026-10-25T02:00:00Z"), "2026-10-25T03:00");
    }

    #[test]
    fn what_is_not_a_local_time_is_refused() {
        for text in ["", "2026-12-24", "08:00", "2026-12-24T08:00Z", "2026-12-24T08:00+01:00[Europe/Paris]", "demain"] {
            assert!(text.parse::<LocalTime>().is_err(), "{text}");
        }
        let wrong = instant("2026-12-24T08:00+02:00").unwrap_err();
        assert!(wrong.contains("Europe/Paris"), "{wrong}");
        assert_eq!(instant("2026-12-24T08:00+01:00"), Ok("2026-12-24T07:00:00Z".parse().unwrap()));
    }
}
