//! When something serves: hours of the local clock, on some days, across midnight and clock changes.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use vigie_proto::plan::Span;

/// Days that are not like the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    pub public_holidays: BTreeSet<Date>,
    /// First and last day of each school holiday, both included.
    pub school_holidays: Vec<(Date, Date)>,
}

impl Calendar {
    pub fn is(&self, day: Date, kind: DayKind) -> bool {
        match kind {
            DayKind::PublicHoliday => self.public_holidays.contains(&day),
            DayKind::SchoolHoliday => self.school_holidays.iter().any(|(from, until)| (*from..=*until).contains(&day)),
            DayKind::Weekend => matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        }
    }
}

/// A kind of day a window may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DayKind {
    PublicHoliday,
    SchoolHoliday,
    Weekend,
}

/// Hours in which something serves, or people may be disturbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// French label.
    pub label: String,
    /// Lines of the contract, when it states them.
    pub lines: Option<String>,
    /// Opening and closing local times; a closing at or before its opening is of the next day.
    pub hours: Vec<(Time, Time)>,
    /// It does not open on these days.
    pub not_on: Vec<DayKind>,
}

impl Window {
    /// The spans in which it serves that touch `from..until`, in order, whole (not cut at the ends).
    ///
    /// A time the clock skips is taken right after the gap; an opening that comes twice at its first coming, a closing
    /// at its last, so that no minute between the two stated times is lost.
    pub fn spans(&self, zone: &TimeZone, calendar: &Calendar, from: Timestamp, until: Timestamp) -> Vec<Span> {
        let first = from.to_zoned(zone.clone()).date();
        let last = until.to_zoned(zone.clone()).date();
        let mut spans = Vec::new();
        let mut day = first.checked_sub(1.day()).unwrap_or(first);
        while day <= last {
            if !self.not_on.iter().any(|kind| calendar.is(day, *kind)) {
                for (opens, closes) in &self.hours {
                    let end = if closes > opens { Some(day) } else { day.checked_add(1.day()).ok() };
                    let opened = zone.to_ambiguous_timestamp(day.to_datetime(*opens)).compatible();
                    let closed = end.map(|end| zone.to_ambiguous_timestamp(end.to_datetime(*closes)).later());
                    if let (Ok(opened), Some(Ok(closed))) = (opened, closed)
                        && opened < until
                        && closed > from
                    {
                        spans.push(Span { from: opened, until: closed });
                    }
                }
            }
            match day.checked_add(1.day()) {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
        spans.sort_by_key(|span| span.from);
        spans
    }

    pub fn serves(&self, zone: &TimeZone, calendar: &Calendar, now: Timestamp) -> bool {
        let next = now + SignedDuration::from_nanos(1);
        self.spans(zone, calendar, now, next).iter().any(|span| span.contains(now))
    }

    /// The next opening after `now`, within two weeks; none when it never opens.
    pub fn next_opening(&self, zone: &TimeZone, calendar: &Calendar, now: Timestamp) -> Option<Timestamp> {
        let horizon = now + SignedDuration::from_hours(15 * 24);
        self.spans(zone, calendar, now, horizon).into_iter().map(|span| span.from).find(|opens| *opens > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn night() -> Window {
        let hours = vec![("16:30".parse().unwrap(), "04:30".parse().unwrap())];
        Window { label: "Nuit".into(), lines: None, hours, not_on: Vec::new() }
    }

    fn serves(window: &Window, local: &str) -> bool {
        let instant = local.parse::<jiff::civil::DateTime>().unwrap().to_zoned(paris()).unwrap().timestamp();
        window.serves(&paris(), &Calendar::default(), instant)
    }

    #[test]
    fn a_window_crosses_midnight_and_excludes_its_closing_minute() {
        for (local, expected) in [
            ("2026-11-23T16:29:59", false),
            ("2026-11-23T16:30", true),
            ("2026-11-24T00:00", true),
            ("2026-11-24T04:29:59", true),
            ("2026-11-24T04:30", false),
        ] {
            assert_eq!(serves(&night(), local), expected, "{local}");
        }
    }

    #[test]
    fn it_lasts_thirteen_hours_in_october_and_eleven_in_march() {
        let length = |from: &str| {
            let noon = format!("{from}T12:00").parse::<jiff::civil::DateTime>().unwrap().to_zoned(paris()).unwrap();
            let span =
                night().spans(&paris(), &Calendar::default(), noon.timestamp(), noon.timestamp() + 24.hours())[0];
            span.until.duration_since(span.from).as_hours()
        };
        assert_eq!((length("2026-10-24"), length("2027-03-27"), length("2026-11-23")), (13, 11, 12));
    }

    #[test]
    fn a_day_left_out_does_not_open() {
        let calendar = Calendar {
            public_holidays: ["2026-12-25".parse().unwrap()].into(),
            school_holidays: vec![("2026-12-19".parse().unwrap(), "2027-01-03".parse().unwrap())],
        };
        let office = Window {
            hours: vec![("08:00".parse().unwrap(), "18:00".parse().unwrap())],
            not_on: vec![DayKind::PublicHoliday, DayKind::Weekend],
            ..night()
        };
        let at = |local: &str| local.parse::<jiff::civil::DateTime>().unwrap().to_zoned(paris()).unwrap().timestamp();
        assert!(office.serves(&paris(), &calendar, at("2026-12-24T09:00")));
        assert!(!office.serves(&paris(), &calendar, at("2026-12-25T09:00")), "Christmas");
        assert!(!office.serves(&paris(), &calendar, at("2026-12-26T09:00")), "a Saturday");
        let next = office.next_opening(&paris(), &calendar, at("2026-12-24T19:00"));
        assert_eq!(next, Some(at("2026-12-28T08:00")));
        assert!(calendar.is("2027-01-03".parse().unwrap(), DayKind::SchoolHoliday));
    }
}
