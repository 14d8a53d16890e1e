//! Duty as iCalendar, out and in: clock changes, recurrences, what is refused, and the way there and back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;
use vigie_domain::directory::{
    Ambit, Body, Contact, Edit, Override, Replacement, Roster,
    calendar::{export, import},
    shifts,
};
use vigie_proto::{BodyId, Channel, ContactId, RoleId};

const FROM: &str = "2026-10-01T00:00:00Z";
const UNTIL: &str = "2027-04-15T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn body(starts: DateTime, every_days: i32, order: &[&str], overrides: Vec<Override>) -> Body {
    let contact = |position: &str| Contact {
        id: ContactId::new(format!("c-{}", position.len())).unwrap(),
        channel: Channel::Sms,
        address: "+33639980000".into(),
        duty: Some(position.into()),
        verified: None,
    };
    let order: Vec<String> = order.iter().map(|&p| p.to_owned()).collect();
    Body {
        id: BodyId::new("mairie-19").unwrap(),
        role: RoleId::new("mairie").unwrap(),
        ambit: Ambit::City,
        name: "Mairie du 19e, cellule de veille ; astreinte « nuit »".into(),
        contacts: ["a", "b", "chef, nuit"].map(contact).into(),
        roster: Some(Roster { starts, zone: paris(), every_days, order, overrides }),
    }
}

/// Three positions, a day each, from 08:00.
fn daily() -> Body {
    body("2026-01-05T08:00".parse().unwrap(), 1, &["a", "b", "chef, nuit"], Vec::new())
}

fn calendar(events: &[&str]) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//FR\r\n".to_owned();
    for event in events {
        write!(text, "BEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\n", event.replace('\n', "\r\n")).unwrap();
    }
    text + "END:VCALENDAR\r\n"
}

fn replacements(events: &[&str]) -> Vec<Replacement> {
    let edits = import("f.ics", &calendar(events), &daily(), at(FROM), at(UNTIL)).unwrap_or_else(|e| panic!("{e}"));
    edits.into_iter().map(|edit| if let Edit::Replace(r) = edit { r } else { panic!("{edit:?}") }).collect()
}

fn written(events: &[&str]) -> Vec<String> {
    replacements(events).iter().map(|r| format!("{} {} {} {}", r.from, r.until, r.rank, r.position)).collect()
}

fn faults(text: &str) -> Vec<String> {
    let error = import("f.ics", text, &daily(), at(FROM), at(UNTIL)).unwrap_err();
    error.0.iter().map(ToString::to_string).collect()
}

/// The only fault of a calendar of one event, without its place, which is the line of the event.
fn fault(event: &str) -> String {
    let told = faults(&calendar(&[event]));
    assert_eq!(told.len(), 1, "{told:?}");
    told[0].strip_prefix("f.ics:4: ").unwrap_or_else(|| panic!("{told:?}")).to_owned()
}

/// The roster of `body` with these edits made.
fn with(mut body: Body, edits: Vec<Edit>) -> Body {
    let roster = body.roster.as_mut().unwrap();
    for edit in edits {
        if let Edit::RemoveOverride { id } = edit {
            roster.overrides.retain(|o| o.id != id);
        } else {
            let Edit::Replace(Replacement { id, from, until, rank, position, .. }) = edit else { panic!("{edit:?}") };
            let (from, until) = (from.instant(&paris()).unwrap(), until.instant(&paris()).unwrap());
            roster.overrides.push(Override { id, from, until, rank, position });
        }
    }
    body
}

/// Who holds which rank from when to when, whatever the reason.
fn held(body: &Body, from: Timestamp, until: Timestamp) -> Vec<(usize, String, Timestamp, Timestamp)> {
    let mut held: Vec<(usize, String, Timestamp, Timestamp)> = Vec::new();
    let mut shifts = shifts(body, from, until);
    shifts.sort_by_key(|shift| (shift.rank, shift.from));
    for shift in shifts {
        match held.last_mut() {
            Some(last) if last.0 == shift.rank && last.1 == shift.position && last.3 == shift.from => {
                last.3 = shift.until;
            }
            _ => held.push((shift.rank, shift.position, shift.from, shift.until)),
        }
    }
    held
}

#[test]
fn a_calendar_is_written_as_rfc_5545_wants_and_says_nothing_personal() {
    let text =
        export(&daily(), None, at("2026-11-25T00:00:00Z"), at("2026-12-02T00:00:00Z"), at("2026-11-24T10:00:00Z"));
    assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(text.lines().all(|line| line.len() <= 75), "{text}");
    let unfolded = text.replace("\r\n ", "");
    for line in [
        "X-WR-CALNAME:Astreintes - Mairie du 19e\\, cellule de veille \\; astreinte « nuit »",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "DTSTAMP:20261124T100000Z",
        "DTSTART:20261125T070000Z",
        "DTEND:20261126T070000Z",
        "SUMMARY:Astreinte 1er rang - Mairie du 19e\\, cellule de veille \\; astreinte « nuit »\\, position b",
        "X-VIGIE-POSITION:chef\\, nuit",
        "X-VIGIE-RANK:2",
    ] {
        assert!(unfolded.lines().any(|l| l == line), "no `{line}` in {unfolded}");
    }
    assert!(!text.contains("+336"), "an address");
    let uids: std::collections::BTreeSet<_> = unfolded.lines().filter(|line| line.starts_with("UID:")).collect();
    assert_eq!(uids.len(), unfolded.matches("BEGIN:VEVENT").count(), "each event its UID");
    icalendar::parser::read_calendar(&icalendar::parser::unfold(&text)).unwrap();
}

#[test]
fn an_event_keeps_its_uid_and_its_beginning_from_one_day_to_the_next_and_when_somebody_replaces() {
    let events = |body: &Body, day: &str| -> Vec<String> {
        let text = export(body, None, at(day), at("2026-12-30T00:00:00Z"), at(FROM));
        let keep = |line: &&str| ["UID:", "DTSTART:"].iter().any(|name| line.starts_with(name));
        text.lines().filter(keep).map(str::to_owned).collect()
    };
    let before = events(&daily(), "2026-11-25T06:59:00Z");
    assert!(before == events(&daily(), "2026-11-26T12:34:00Z"));
    let replaced = |position: &str| {
        let (from, until) = (at("2026-12-01T07:00:00Z"), at("2026-12-02T07:00:00Z"));
        let day = Override { id: "r".into(), from, until, rank: 0, position: position.into() };
        let body = body("2026-01-05T08:00".parse().unwrap(), 1, &["a", "b", "chef, nuit"], vec![day]);
        let text = export(&body, None, at("2026-11-25T00:00:00Z"), at("2026-12-30T00:00:00Z"), at(FROM));
        let is_it = |event: &&str| event.contains("DTSTART:20261201T070000Z") && event.contains("1er rang");
        let event = text.split("BEGIN:VEVENT").find(is_it).unwrap().to_owned();
        assert!(event.contains(&format!("X-VIGIE-POSITION:{position}\r\n")), "{event}");
        event.lines().find(|line| line.starts_with("UID:")).unwrap().to_owned()
    };
    assert_eq!(replaced("a"), replaced("b"));
}

#[test]
fn a_feed_of_one_position_has_its_shifts_only() {
    let whole = export(&daily(), None, at(FROM), at(UNTIL), at(FROM));
    let one = export(&daily(), Some("b"), at(FROM), at(UNTIL), at(FROM));
    assert!(one.contains("X-WR-CALNAME:Astreinte - "));
    assert!(one.contains("X-VIGIE-POSITION:b\r\n") && !one.contains("X-VIGIE-POSITION:a\r\n"));
    let count = |text: &str, line: &str| text.matches(line).count();
    assert_eq!(count(&one, "BEGIN:VEVENT"), count(&whole, "X-VIGIE-POSITION:b\r\n"));
}

#[test]
fn a_week_recurs_at_the_same_hour_of_the_wall_on_either_side_of_the_clock_changes() {
    let event = "UID:1\nSUMMARY:a\nDTSTART;TZID=Europe/Paris:20261018T080000\nDTEND;TZID=Europe/Paris:20261019T080000\n\
                 RRULE:FREQ=WEEKLY;COUNT=2";
    assert_eq!(written(&[event]), ["2026-10-18T08:00 2026-10-19T08:00 0 a", "2026-10-25T08:00 2026-10-26T08:00 0 a"]);
    let lasting = |event: &str| -> Vec<i64> {
        let hours = |r: &Replacement| {
            let instant = |time: vigie_domain::directory::LocalTime| time.instant(&paris()).unwrap();
            instant(r.until).duration_since(instant(r.from)).as_hours()
        };
        replacements(&[event]).iter().map(hours).collect()
    };
    let nights = "UID:1\nSUMMARY:a\nDTSTART;TZID=Europe/Paris:20270327T200000\nDTEND;TZID=Europe/Paris:20270328T080000\n\
                  RRULE:FREQ=DAILY;COUNT=2";
    assert_eq!(lasting(nights), [11, 12], "the night of 28 March has an hour less");
    let october = nights.replace("20270327", "20261024").replace("20270328", "20261025");
    assert_eq!(lasting(&october), [13, 12], "that of 25 October one more");
    let exact = "UID:1\nSUMMARY:a\nDTSTART;TZID=Europe/Paris:20261024T200000\nDURATION:PT12H";
    assert_eq!(lasting(exact), [12], "hours of a DURATION are exact");
    assert_eq!(written(&[exact]), ["2026-10-24T20:00 2026-10-25T07:00 0 a"]);
}

#[test]
fn an_hour_that_comes_twice_is_told_apart() {
    let event = "UID:1\nSUMMARY:a\nDTSTART:20261025T003000Z\nDTEND:20261025T013000Z";
    assert_eq!(written(&[event]), ["2026-10-25T02:30+02:00 2026-10-25T02:30+01:00 0 a"]);
}

#[test]
fn days_exceptions_additions_and_moved_occurrences_are_followed() {
    let event = "UID:7\nCATEGORIES:Astreinte,b\nSUMMARY:Nuit\nDTSTART;VALUE=DATE:20261201\n\
                 RRULE:FREQ=DAILY;UNTIL=20261205\nEXDATE;VALUE=DATE:20261202\nRDATE;VALUE=DATE:20261220";
    let moved = "UID:7\nSUMMARY:a\nRECURRENCE-ID;VALUE=DATE:20261203\nDTSTART;VALUE=DATE:20261210\n\
                 DTEND;VALUE=DATE:20261211";
    let cancelled =
        "UID:7\nSUMMARY:a\nRECURRENCE-ID;VALUE=DATE:20261204\nDTSTART;VALUE=DATE:20261204\nSTATUS:CANCELLED";
    assert_eq!(
        written(&[event, moved, cancelled]),
        [
            "2026-12-01T00:00 2026-12-02T00:00 0 b",
            "2026-12-05T00:00 2026-12-06T00:00 0 b",
            "2026-12-10T00:00 2026-12-11T00:00 0 a",
            "2026-12-20T00:00 2026-12-21T00:00 0 b",
        ]
    );
}

#[test]
fn a_rule_without_end_is_followed_to_the_end_of_the_period() {
    let event = "UID:1\nSUMMARY:a\nDTSTART:20200106T070000Z\nDTEND:20200107T070000Z\nRRULE:FREQ=WEEKLY";
    let found = written(&[event]);
    assert_eq!(found.len(), 28, "{found:?}");
    assert_eq!(found[0], "2026-10-05T09:00 2026-10-06T09:00 0 a");
}

#[test]
fn what_is_no_duty_is_refused_with_the_reason() {
    let day = "SUMMARY:a\nDTSTART:20261101T070000Z\nDTEND:20261101T190000Z\n";
    let with = |more: &str| fault(&format!("{day}{more}"));
    assert_eq!(fault("SUMMARY:a\nDTSTART:20261101T190000Z\nDTEND:20261101T070000Z"), "it ends before it begins");
    assert_eq!(fault("SUMMARY:a\nDTSTART:20261101T190000Z\nDURATION:-PT1H"), "it ends before it begins");
    assert_eq!(fault("SUMMARY:a\nDTSTART:20261101T190000Z"), "it has neither DTEND nor DURATION");
    assert_eq!(fault("SUMMARY:a\nDTEND:20261101T190000Z"), "it has no DTSTART");
    assert!(fault("SUMMARY:a\nDTSTART:20261301T190000Z\nDURATION:PT1H").contains("20261301T190000Z"));
    assert_eq!(
        fault("SUMMARY:Jeanne D.\nDTSTART:20261101T070000Z\nDTEND:20261101T190000Z"),
        "it names no position of `mairie-19` (a, b, chef, nuit) by X-VIGIE-POSITION, CATEGORIES or SUMMARY"
    );
    assert!(with("X-VIGIE-POSITION:z").starts_with("it names no position `z` of"));
    assert!(with("X-VIGIE-RANK:first").contains("`first` is not a number from 0"));
    assert!(fault("SUMMARY:a\nDTSTART;TZID=Lutece:20261101T070000\nDURATION:PT1H").contains("`Lutece` is not known"));
    assert!(with("RDATE;VALUE=PERIOD:20261101T070000Z/PT1H").contains("periods"));
    assert!(with("EXRULE:FREQ=DAILY").contains("EXDATE"));
    for rule in ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY;INTERVAL=12", "FREQ=DAILY;BYSECOND=0,1,2,3"] {
        assert_eq!(with(&format!("RRULE:{rule}")), "RRULE: a duty recurs once a day at most", "{rule}");
    }
    assert_eq!(with("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "RRULE: it never comes");
    assert_eq!(with("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3"), "RRULE: it never comes");
    assert!(with("RRULE:FREQ=SOMETIMES").starts_with("RRULE: "));
    let old = "SUMMARY:a\nDTSTART:19000101T070000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    assert!(fault(old).contains("10 years"));
}

#[test]
fn every_fault_is_told_at_the_line_of_its_event() {
    let day = |position: &str, day: u32, until: u32| {
        format!("SUMMARY:{position}\nDTSTART;VALUE=DATE:202611{day:02}\nDTEND;VALUE=DATE:202611{until:02}")
    };
    let events = [day("a", 2, 4), day("z", 5, 6), day("b", 3, 5), day("b", 9, 8)];
    let told = faults(&calendar(&events.each_ref().map(String::as_str)));
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].starts_with("f.ics:9: it names no position"));
    assert_eq!(told[1], "f.ics:14: at 2026-11-02T23:00:00Z it overlaps the event of line 4 at the same rank");
    assert_eq!(told[2], "f.ics:19: it ends before it begins");
}

#[test]
fn what_is_no_calendar_is_refused() {
    assert!(faults("id,body\n")[0].contains("not an iCalendar file"));
    assert!(faults("BEGIN:VCARD\nEND:VCARD\n")[0].contains("not an iCalendar file"));
    assert!(faults("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")[0].contains("no event"));
    assert!(faults("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:a\r\n")[0].contains("never ended"));
    assert!(faults("BEGIN:VCALENDAR\r\nEND:VEVENT\r\n")[0].contains("ends nothing"));
    let deep = format!("BEGIN:VCALENDAR\n{}", "BEGIN:X\n".repeat(50_000));
    assert!(faults(&deep)[0].contains("too deep"));
    let many = calendar(&vec!["SUMMARY:a"; 5_001]);
    assert!(faults(&many)[0].contains("more than 5000 events"));
    let never = "SUMMARY:a\nDTSTART:20261101T070000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30";
    let told = faults(&calendar(&vec![never; 1_000]));
    assert_eq!(told.len(), 3, "a rule that never comes costs a second: it stops there: {told:?}");
    assert!(told[2].ends_with("RRULE: it never comes; what follows was not read"), "{told:?}");
    let large = calendar(&[&"X:".repeat(2 << 20)]);
    assert!(faults(&large)[0].contains("bytes"));
    let mut without = daily();
    without.roster = None;
    let error = import("f.ics", &calendar(&["SUMMARY:a"]), &without, at(FROM), at(UNTIL)).unwrap_err();
    assert!(error.to_string().contains("has no roster"));
}

#[test]
fn an_import_done_twice_is_done_once_and_what_left_the_calendar_leaves_the_roster() {
    let day = |uid: u32, position: &str| {
        format!("UID:{uid}\nSUMMARY:{position}\nDTSTART;VALUE=DATE:202611{uid:02}\nDURATION:P1D")
    };
    let import = |body: &Body, events: &[String]| {
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        vigie_domain::directory::calendar::import("f.ics", &calendar(&events), body, at(FROM), at(UNTIL)).unwrap()
    };
    let first = import(&daily(), &[day(10, "a"), day(11, "a")]);
    assert_eq!(first.len(), 2);
    let once = with(daily(), first);
    assert_eq!(import(&once, &[day(10, "a"), day(11, "a")]), []);
    let later = import(&once, &[day(10, "a"), day(11, "b")]);
    assert!(matches!(&later[..], [Edit::RemoveOverride { id }, Edit::Replace(r)] if *id == r.id && r.position == "b"));
    let gone = with(once, import(&with(daily(), import(&daily(), &[day(10, "a"), day(11, "a")])), &[day(10, "a")]));
    assert_eq!(gone.roster.unwrap().overrides.len(), 1);
}

#[test]
fn a_calendar_that_says_what_the_roster_says_changes_nothing() {
    let text = export(&daily(), None, at(FROM), at(UNTIL), at(FROM));
    assert_eq!(import("f.ics", &text, &daily(), at(FROM), at(UNTIL)).unwrap(), []);
}

#[test]
fn an_override_that_people_made_stays_and_is_not_overlapped() {
    let mut body = daily();
    let day = (at("2026-11-09T07:00:00Z"), at("2026-11-10T07:00:00Z"));
    let people = Override { id: "noel".into(), from: day.0, until: day.1, rank: 0, position: "b".into() };
    body.roster.as_mut().unwrap().overrides.push(people);
    let event =
        |position: &str| calendar(&[&format!("SUMMARY:{position}\nDTSTART:20261109T120000Z\nDTEND:20261110T120000Z")]);
    let error = import("f.ics", &event("a"), &body, at(FROM), at(UNTIL)).unwrap_err();
    assert_eq!(error.0[0].to_string(), "f.ics:4: at 2026-11-09T12:00:00Z it overlaps the override `noel`");
    let own = export(&body, None, at("2026-11-15T00:00:00Z"), at("2026-12-15T00:00:00Z"), at(FROM));
    assert_eq!(import("f.ics", &own, &body, at(FROM), at(UNTIL)).unwrap(), []);
}

fn overrides() -> impl Strategy<Value = Vec<Override>> {
    // One after the other at each rank: a directory has no others.
    let one = (1..4_000_i64, 1..3_000_i64, prop_oneof![Just("a"), Just("b"), Just("chef, nuit")]);
    prop::collection::vec(prop::collection::vec(one, 0..5), 2).prop_map(|ranks| {
        let mut overrides = Vec::new();
        for (rank, rows) in ranks.into_iter().enumerate() {
            let mut clock = at("2026-10-20T00:00:00Z");
            for (after, minutes, position) in rows {
                let from = clock + SignedDuration::from_mins(after);
                clock = from + SignedDuration::from_mins(minutes);
                let id = format!("o{}", overrides.len());
                overrides.push(Override { id, from, until: clock, rank, position: position.into() });
            }
        }
        overrides
    })
}

proptest! {
    #[test]
    fn whoever_an_exported_roster_names_is_on_duty_where_it_is_imported(
        overrides in overrides(),
        hand_over in 0..24 * 60_i64,
        every_days in 1..9_i32,
    ) {
        let starts: DateTime = "2026-01-05T00:00".parse().unwrap();
        let (from, until) = (at("2026-10-10T00:00:00Z"), at("2026-11-20T00:00:00Z"));
        let order = ["a", "b", "chef, nuit"];
        let original = body(starts + SignedDuration::from_mins(hand_over), every_days, &order, overrides);
        let text = export(&original, None, from, until, from);
        let other = body("2026-03-02T12:00".parse().unwrap(), 3, &["chef, nuit", "a", "b"], Vec::new());
        let edits = import("f.ics", &text, &other, from, until).unwrap();
        let imported = with(other, edits).roster.unwrap();
        for (rank, position, from, until) in held(&original, from, until) {
            // Nobody's duty changes within a stretch but at the edge of another: its two ends say it all.
            for at in [from, until - SignedDuration::from_secs(1)] {
                prop_assert_eq!(imported.on_duty(rank, at), Some(position.as_str()), "rank {} at {}", rank, at);
            }
        }
    }
}
