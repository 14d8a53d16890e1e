//! DATE and DATE-TIME values, and how long an event lasts.

use jiff::{
    Span, Timestamp, ToSpan, Unit,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::content::{Event, Property};

/// What a clock shows, and which clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: DateTime,
    pub(super) zone: TimeZone,
    /// A day, meaning its first midnight.
    pub(super) is_date: bool,
}

impl Moment {
    /// An hour that comes twice is its first coming, one that does not come is as far after the change (RFC 5545, 3.3.5).
    pub(super) fn instant(&self) -> Result<Timestamp, String> {
        self.at.to_zoned(self.zone.clone()).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string())
    }
}

/// The values of a property; a time without zone is of `zone`.
pub(super) fn moments(property: &Property, zone: &TimeZone) -> Result<Vec<Moment>, String> {
    if property.parameter("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("PERIOD")) {
        return Err(format!("`{}` with periods is not taken: give dates and times", property.name));
    }
    let zone = match property.parameter("TZID") {
        Some(name) => TimeZone::get(name)
            .map_err(|_| format!("time zone `{name}` is not known: use an IANA name such as Europe/Paris"))?,
        None => zone.clone(),
    };
    property.value.split(',').map(|text| moment(text.trim(), &zone)).collect()
}

/// The only value of a property.
pub(super) fn one(property: &Property, zone: &TimeZone) -> Result<Moment, String> {
    match <[Moment; 1]>::try_from(moments(property, zone)?) {
        Ok([moment]) => Ok(moment),
        Err(_) => Err(format!("`{}` has several values", property.name)),
    }
}

fn moment(text: &str, zone: &TimeZone) -> Result<Moment, String> {
    let (local, zone) = text.strip_suffix('Z').map_or((text, zone.clone()), |local| (local, TimeZone::UTC));
    if let Ok(at) = DateTime::strptime("%Y%m%dT%H%M%S", local) {
        return Ok(Moment { at, zone, is_date: false });
    }
    let date = Date::strptime("%Y%m%d", text);
    let date = date.map_err(|_| format!("`{text}` is not a date and time such as 20261224T080000"))?;
    Ok(Moment { at: date.to_datetime(jiff::civil::Time::midnight()), zone, is_date: true })
}

/// How long an event lasts.
#[derive(Debug)]
pub(super) enum Length {
    /// To the same hour on the wall, whatever the clock does between: days first, then hours.
    Wall(Span),
    /// Nominal days, then exact hours (RFC 5545, 3.3.6).
    Nominal(Span),
    /// Exact.
    Seconds(i64),
}

impl Length {
    /// From DTEND or DURATION; a day for a day without either.
    ///
    /// A duty from 08:00 to 08:00 is that on the night the clocks change too, as calendars show it, although RFC 5545 would
    /// have each recurrence of a DTEND last as many seconds as the first: a hand-over is at an hour of the wall.
    pub(super) fn of(event: &Event, start: &Moment, zone: &TimeZone) -> Result<Self, String> {
        match (event.get("DTEND"), event.get("DURATION")) {
            (Some(_), Some(_)) => Err("it has both DTEND and DURATION".to_owned()),
            (Some(end), None) => {
                let end = one(end, zone)?;
                if end.is_date != start.is_date {
                    return Err("DTSTART and DTEND must both be days or both be times".to_owned());
                }
                if end.zone == start.zone {
                    let span = start.at.until((Unit::Day, end.at)).map_err(|error| error.to_string())?;
                    return Ok(Self::Wall(span));
                }
                Ok(Self::Seconds(end.instant()?.duration_since(start.instant()?).as_secs()))
            }
            (None, Some(duration)) => {
                let span = duration.value.trim().parse::<Span>();
                span.map(Self::Nominal).map_err(|_| format!("`{}` is not a duration such as PT12H", duration.value))
            }
            (None, None) if start.is_date => Ok(Self::Wall(1.day())),
            (None, None) => Err("it has neither DTEND nor DURATION".to_owned()),
        }
    }

    /// When an occurrence that begins at `start` ends.
    pub(super) fn end(&self, start: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
        let local = start.to_zoned(zone.clone());
        let end = match self {
            Self::Wall(span) => local
                .datetime()
                .checked_add(*span)
                .and_then(|end| end.to_zoned(zone.clone()))
                .map(|zoned| zoned.timestamp()),
            Self::Nominal(span) => local.checked_add(*span).map(|zoned| zoned.timestamp()),
            Self::Seconds(seconds) => start.checked_add(seconds.seconds()),
        };
        end.map_err(|error| error.to_string())
    }
}
