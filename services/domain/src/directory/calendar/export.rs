//! A roster as a calendar to subscribe to.

use icalendar::{Calendar, Component, Event, Property};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use sha2::{Digest, Sha256};

use super::{
    super::{Body, Shift, shifts},
    POSITION, RANK,
};

/// How often a subscriber looks again.
const REFRESH: &str = "PT1H";

/// The shifts of a body, or those of one of its positions, as a VCALENDAR.
///
/// From the first day of the month before `from`, so that an event keeps its beginning and its UID from one day to the next,
/// to `until`. Instants are UTC: a TZID would need the whole history of its zone beside it. `stamp` is when it was made.
pub fn export(body: &Body, position: Option<&str>, from: Timestamp, until: Timestamp, stamp: Timestamp) -> String {
    let name = match position {
        Some(position) => format!("Astreinte - {}, position {position}", body.name),
        None => format!("Astreintes - {}", body.name),
    };
    let mut calendar = Calendar::empty();
    let heading = [("VERSION", "2.0"), ("PRODID", "-//Vigie//Astreintes//FR"), ("CALSCALE", "GREGORIAN")];
    for (key, value) in heading.into_iter().chain([("METHOD", "PUBLISH")]) {
        calendar.append_property((key, value));
    }
    calendar.append_property(Property::new("X-WR-CALNAME", &name));
    calendar.append_property(Property::new("REFRESH-INTERVAL", REFRESH).add_parameter("VALUE", "DURATION").done());
    calendar.append_property(("X-PUBLISHED-TTL", REFRESH));
    for shift in shifts(body, beginning(body, from), until) {
        if position.is_none_or(|position| position == shift.position) {
            calendar.push(event(body, &shift, stamp));
        }
    }
    calendar.to_string()
}

fn event(body: &Body, shift: &Shift, stamp: Timestamp) -> Event {
    let ordinal = if shift.rank == 0 { "1er".to_owned() } else { format!("{}e", shift.rank + 1) };
    let mut event = Event::new();
    event
        .uid(&uid(body, shift))
        .add_property("DTSTAMP", utc(stamp))
        .add_property("DTSTART", utc(shift.from))
        .add_property("DTEND", utc(shift.until))
        .summary(&format!("Astreinte {ordinal} rang - {}, position {}", body.name, shift.position))
        .add_property("TRANSP", "TRANSPARENT")
        .add_property(POSITION, &shift.position)
        .add_property(RANK, shift.rank.to_string());
    event.done()
}

/// The same for the same beginning at the same rank, whoever holds it: a replaced duty is a changed event.
fn uid(body: &Body, shift: &Shift) -> String {
    let hash = Sha256::digest(format!("{} {} {}", body.id, shift.rank, shift.from.as_second()));
    format!("{}@vigie", crate::hex(&hash[..16]))
}

/// Local midnight of the first day of the month before.
fn beginning(body: &Body, from: Timestamp) -> Timestamp {
    let zone = body.roster.as_ref().map_or(TimeZone::UTC, |roster| roster.zone.clone());
    let month = from.to_zoned(zone.clone()).date().first_of_month();
    let before = month.checked_sub(1.month()).unwrap_or(month);
    before.to_zoned(zone).map_or(from, |zoned| zoned.timestamp())
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}
