//! When an event comes: RRULE, RDATE, EXDATE, within bounds.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};

use super::{
    content::Event,
    moment::{Moment, moments},
};

/// Most occurrences of one event, those before the period counted.
const OCCURRENCES_MAX: usize = 5_000;
/// How long before the period a recurrence may have begun, years.
const YEARS_MAX: i64 = 10;

/// What is wrong with a rule that names no day there is; finding it out takes a while.
pub(super) const NEVER: &str = "RRULE: it never comes";

/// The beginnings of an event before `until`, without those it excludes.
///
/// A rule that does not end is followed to `until`; one that recurs within a day, began ten years before `from` or never
/// comes is refused: it is no duty, and following it may take for ever.
pub(super) fn occurrences(
    event: &Event,
    start: &Moment,
    zone: &TimeZone,
    (from, until): (Timestamp, Timestamp),
) -> Result<BTreeSet<Timestamp>, String> {
    if event.get("EXRULE").is_some() {
        return Err("EXRULE is not taken: list the days with EXDATE".to_owned());
    }
    let mut found = BTreeSet::new();
    let mut rules = event.all("RRULE").peekable();
    if rules.peek().is_none() {
        found.insert(start.instant()?);
    }
    for rule in rules {
        found.extend(follow(&rule.value, start, from, until)?);
    }
    for date in event.all("RDATE") {
        for moment in moments(date, zone)? {
            found.insert(moment.instant()?);
        }
    }
    for date in event.all("EXDATE") {
        for moment in moments(date, zone)? {
            found.remove(&moment.instant()?);
        }
    }
    Ok(found)
}

fn follow(rule: &str, start: &Moment, from: Timestamp, until: Timestamp) -> Result<Vec<Timestamp>, String> {
    let rule = ending_in_utc(rule.trim(), start)?;
    let parsed: RRule<Unvalidated> = rule.parse().map_err(|error| format!("RRULE: {error}"))?;
    let is_slow =
        matches!(parsed.get_freq(), Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly);
    let clock = [parsed.get_by_hour(), parsed.get_by_minute(), parsed.get_by_second()];
    if !is_slow || clock.iter().any(|values| values.len() > 1) {
        return Err("RRULE: a duty recurs once a day at most".to_owned());
    }
    let first = start.instant()?;
    let oldest = from.to_zoned(start.zone.clone()).checked_sub(YEARS_MAX.years()).map_err(|error| error.to_string())?;
    if first < oldest.timestamp() {
        return Err(format!("RRULE: it began more than {YEARS_MAX} years before: give it a later DTSTART"));
    }
    let is_endless = parsed.get_count().is_none() && parsed.get_until().is_none();
    let set: RRuleSet =
        format!("{}\nRRULE:{rule}", written(start)?).parse().map_err(|error| format!("RRULE: {error}"))?;
    let mut found = Vec::new();
    for occurrence in &set.limit() {
        let at = Timestamp::from_second(occurrence.timestamp()).map_err(|error| error.to_string())?;
        if at >= until {
            return Ok(found);
        }
        if found.len() == OCCURRENCES_MAX {
            return Err(format!("RRULE: it comes more than {OCCURRENCES_MAX} times"));
        }
        found.push(at);
    }
    if found.is_empty() || is_endless {
        return Err(NEVER.to_owned());
    }
    Ok(found)
}

/// A local UNTIL as the instant it means where the event begins: the rule's library takes no other.
fn ending_in_utc(rule: &str, start: &Moment) -> Result<String, String> {
    if !rule.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=;,+-".contains(&byte)) {
        return Err("RRULE: it has characters that no rule has".to_owned());
    }
    let part = |part: &str| {
        let Some(text) = part.strip_prefix("UNTIL=").filter(|text| !text.ends_with('Z')) else {
            return Ok(part.to_owned());
        };
        let last = if text.contains('T') { text.to_owned() } else { format!("{text}T235959") };
        let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", &last)
            .map_err(|_| format!("RRULE: `{text}` is not a date or a date and time"))?;
        let instant = Moment { at, ..start.clone() }.instant()?;
        Ok(format!("UNTIL={}", instant.strftime("%Y%m%dT%H%M%SZ")))
    };
    let parts: Result<Vec<String>, String> = rule.to_ascii_uppercase().split(';').map(part).collect();
    Ok(parts?.join(";"))
}

fn written(start: &Moment) -> Result<String, String> {
    let local = start.at.strftime("%Y%m%dT%H%M%S");
    if start.zone == TimeZone::UTC {
        return Ok(format!("DTSTART:{local}Z"));
    }
    let name = start.zone.iana_name().ok_or("the zone of DTSTART has no name")?;
    Ok(format!("DTSTART;TZID={name}:{local}"))
}
