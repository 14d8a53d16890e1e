//! Durations and days as the French write them; numbers are as in every picture.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
pub(crate) use vigie_domain::french::{WEEKDAYS, month, month_short};
pub(crate) use vigie_picture::number::{NARROW, count, counted, decimal, ratio, share};

/// `45 s`, `3 min 20 s`, `2 h 05`, `3 j 4 h`.
pub(crate) fn duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    let text = match seconds {
        0..60 => format!("{seconds}{NARROW}s"),
        60..3_600 if seconds % 60 == 0 || seconds >= 600 => format!("{}{NARROW}min", (seconds + 30) / 60),
        60..3_600 => format!("{}{NARROW}min {:02}{NARROW}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}{NARROW}h {:02}", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}{NARROW}j {}{NARROW}h", seconds / 86_400, seconds % 86_400 / 3_600),
    };
    format!("{sign}{text}")
}

/// `vendredi 6 juillet 2012`.
pub(crate) fn day(date: Date) -> String {
    let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
    let number = if date.day() == 1 { "1er".to_owned() } else { date.day().to_string() };
    format!("{} {number} {} {}", WEEKDAYS[weekday], month(date.month()), date.year())
}

/// `vendredi 6 juillet 2012, 18 h`, of an hour since 1970.
pub(crate) fn hour(hour: i64, zone: &TimeZone) -> String {
    let local = Timestamp::from_second(hour * 3_600).unwrap_or_default().to_zoned(zone.clone());
    format!("{}, {}{NARROW}h", day(local.date()), local.hour())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_read_as_the_french_write_them() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((count(7).as_str(), count(999).as_str()), ("7", "999"));
        assert_eq!(counted(1, "message"), "1 message");
        assert_eq!(share(1, 3), "33,3\u{202f}%");
        assert_eq!(share(0, 0), "—");
        assert_eq!((share(9_999, 10_000).as_str(), share(3, 3).as_str()), ("99,9\u{202f}%", "100\u{202f}%"));
        let texts = [45, 200, 1_200, 7_500, 100_000].map(duration);
        assert_eq!(texts.map(|text| text.replace(NARROW, " ")), ["45 s", "3 min 20 s", "20 min", "2 h 05", "1 j 3 h"]);
        assert_eq!(day(jiff::civil::date(2012, 7, 1)), "dimanche 1er juillet 2012");
    }
}
