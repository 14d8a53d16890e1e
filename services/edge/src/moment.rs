//! Days and instants as people give them: within reach of a calendar and of arithmetic, or refused.
//!
//! What is parsed may lie anywhere in 20,000 years; a month more, a zone's offset or the database's own range, and it is
//! an error deep inside. So it is refused where it comes in: `#[serde(deserialize_with = "moment::within_reach")]`.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, de::Error};
use vigie_proto::YEARS;

/// What is said of any other, in French.
pub(crate) const BEYOND: &str = "une date entre 2000 et 2199 est attendue";

/// Something with a date.
pub trait Dated {
    fn is_within_reach(&self) -> bool;
}

impl Dated for Date {
    fn is_within_reach(&self) -> bool {
        YEARS.contains(&self.year())
    }
}

impl Dated for Timestamp {
    fn is_within_reach(&self) -> bool {
        jiff::tz::Offset::UTC.to_datetime(*self).date().is_within_reach()
    }
}

impl<T: Dated> Dated for Option<T> {
    fn is_within_reach(&self) -> bool {
        self.as_ref().is_none_or(Dated::is_within_reach)
    }
}

/// Reads a day or an instant; an error when it is beyond [`YEARS`].
pub fn within_reach<'de, D: Deserializer<'de>, T: Deserialize<'de> + Dated>(deserializer: D) -> Result<T, D::Error> {
    let dated = T::deserialize(deserializer)?;
    if dated.is_within_reach() { Ok(dated) } else { Err(D::Error::custom(BEYOND)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Asked {
        #[serde(default, deserialize_with = "within_reach")]
        at: Option<Timestamp>,
    }

    #[test]
    fn the_ends_of_time_are_refused_and_absence_is_not() {
        let read = |text: &str| serde_json::from_str::<Asked>(text);
        assert!(read("{}").unwrap().at.is_none());
        assert!(read(r#"{"at": "2026-11-30T12:00:00+01:00"}"#).unwrap().at.is_some());
        for beyond in
            ["9999-12-30T00:00:00Z", "-009998-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z"]
        {
            let error = read(&format!(r#"{{"at": "{beyond}"}}"#)).unwrap_err();
            assert!(error.to_string().contains(BEYOND), "{error}");
        }
    }
}
