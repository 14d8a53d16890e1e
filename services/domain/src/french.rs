//! Dates and times as people in Paris say them, on pages and in messages. The spaces beside `h` do not break.

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};

/// Weekdays, Monday first.
pub const WEEKDAYS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// `juillet`, of the month 7.
pub fn month(number: i8) -> &'static str {
    MONTHS[place(number)]
}

/// `juil.`, of the month 7.
pub fn month_short(number: i8) -> &'static str {
    const SHORT: [&str; 12] =
        ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."];
    SHORT[place(number)]
}

/// Where a month from 1 to 12 stands in a list of twelve.
fn place(number: i8) -> usize {
    usize::try_from(number - 1).unwrap_or_default() % 12
}

/// `aujourd'hui 16 h 30`, `demain 8 h`, else `lundi 23 novembre 16 h 30`.
pub fn moment(at: &Zoned, now: &Zoned) -> String {
    let relative = |days: i64| now.date().checked_add(days.days()).is_ok_and(|date| date == at.date());
    let day = if relative(0) {
        "aujourd'hui".to_owned()
    } else if relative(1) {
        "demain".to_owned()
    } else if relative(-1) {
        "hier".to_owned()
    } else {
        day(at)
    };
    format!("{day} {}", time(at))
}

/// `lundi 23 novembre 2026 à 16 h 30`, in `zone`.
pub fn date_time(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    format!("{} {} à {}", day(&local), local.year(), time(&local))
}

/// `16 h 30`, `8 h`.
pub fn time(at: &Zoned) -> String {
    match at.minute() {
        0 => format!("{}\u{a0}h", at.hour()),
        minute => format!("{}\u{a0}h\u{a0}{minute:02}", at.hour()),
    }
}

/// `lundi 23 novembre`, `mardi 1er décembre`.
fn day(at: &Zoned) -> String {
    let weekday = WEEKDAYS[usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or_default() % 7];
    let month = month(at.month());
    let number = if at.day() == 1 { "1er".to_owned() } else { at.day().to_string() };
    format!("{weekday} {number} {month}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: &str, now: &str) -> String {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let read = |text: &str| text.parse::<Timestamp>().unwrap().to_zoned(zone.clone());
        moment(&read(at), &read(now)).replace('\u{a0}', " ")
    }

    #[test]
    fn a_moment_is_told_by_the_clock_of_paris() {
        let now = "2026-11-23T14:40:00Z";
        assert_eq!(seen("2026-11-23T15:30:00Z", now), "aujourd'hui 16 h 30");
        assert_eq!(seen("2026-11-23T23:00:00Z", now), "demain 0 h");
        assert_eq!(seen("2026-11-22T07:05:00Z", now), "hier 8 h 05");
        assert_eq!(seen("2026-12-01T15:00:00Z", now), "mardi 1er décembre 16 h");
        assert_eq!(seen("2026-08-02T15:00:00Z", now), "dimanche 2 août 17 h");
    }

    #[test]
    fn a_full_date_says_its_year() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let said = date_time("2026-07-31T22:05:00Z".parse().unwrap(), &zone).replace('\u{a0}', " ");
        assert_eq!(said, "samedi 1er août 2026 à 0 h 05");
    }
}
