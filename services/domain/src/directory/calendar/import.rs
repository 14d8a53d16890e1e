//! A calendar as the replacements it asks for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest, Sha256};

use super::{
    super::{Body, DirectoryError, Edit, Fault, LocalTime, Override, Replacement, Roster, Shift, shifts},
    POSITION, RANK,
    content::{Event, events},
    moment::{Length, one},
    recurrence::{NEVER, occurrences},
};

/// How the ids of overrides that a calendar brought begin.
const PREFIX: &str = "ics-";
/// For those who read the file.
const NOTE: &str = "calendrier importé";
/// Ranks a calendar may name.
const RANKS: usize = 10;

/// Rules that never come after which the rest of a calendar is not worth the time it takes.
const NEVER_MAX: usize = 3;

/// What to change so that the calendar holds for a body from `from` to `until`, a bounded period.
///
/// The calendar is the whole truth about the overrides that a calendar brought before: those it does not have any more go.
/// Overrides made by people stay. A calendar that says what the roster says already changes nothing. Events that end before
/// `from` or begin at or after `until` are passed over. Faults are placed at the line of their VEVENT in `label`.
pub fn import(
    label: &str,
    text: &str,
    body: &Body,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Edit>, DirectoryError> {
    let Some(roster) = &body.roster else {
        let what = format!("body `{}` has no roster: give it one in rosters.toml first", body.id);
        return Err(DirectoryError(vec![Fault::new(label, 1, what)]));
    };
    let events = events(label, text).map_err(DirectoryError)?;
    let importer = Importer { body, zone: &roster.zone, moved: moved(&events, &roster.zone), period: (from, until) };
    let (mut duties, mut faults, mut never) = (Vec::new(), Vec::new(), 0);
    for event in &events {
        match importer.duties(event) {
            Ok(found) => duties.extend(found),
            Err(what) => {
                never += usize::from(what == NEVER);
                let is_last = never == NEVER_MAX;
                let what = if is_last { format!("{what}; what follows was not read") } else { what };
                faults.push(Fault::new(label, event.line, what));
                if is_last {
                    break;
                }
            }
        }
    }
    duties.sort_by_key(|duty| (duty.rank, duty.from));
    let brought = brought(roster, (from, until));
    if faults.is_empty() && brought.is_empty() && all_hold(body, &duties) {
        return Ok(Vec::new());
    }
    faults.extend(overlaps(&duties, roster).into_iter().map(|(line, what)| Fault::new(label, line, what)));
    if !faults.is_empty() {
        faults.sort();
        return Err(DirectoryError(faults));
    }
    Ok(edits(body, roster, &brought, &duties))
}

/// One stretch of duty that an event asks for.
#[derive(Debug)]
struct Duty {
    line: u64,
    rank: usize,
    position: String,
    from: Timestamp,
    until: Timestamp,
    id: String,
}

impl Duty {
    fn is(&self, known: &Override) -> bool {
        (self.rank, self.from, self.until, &self.position) == (known.rank, known.from, known.until, &known.position)
    }
}

struct Importer<'a> {
    body: &'a Body,
    zone: &'a TimeZone,
    /// Occurrences that another event stands for, by UID.
    moved: BTreeMap<String, BTreeSet<Timestamp>>,
    period: (Timestamp, Timestamp),
}

impl Importer<'_> {
    fn duties(&self, event: &Event) -> Result<Vec<Duty>, String> {
        if event.value("STATUS").eq_ignore_ascii_case("CANCELLED") {
            return Ok(Vec::new());
        }
        let start = one(event.get("DTSTART").ok_or("it has no DTSTART")?, self.zone)?;
        let length = Length::of(event, &start, self.zone)?;
        let first = start.instant()?;
        if length.end(first, &start.zone)? <= first {
            return Err("it ends before it begins".to_owned());
        }
        let (rank, position) = (rank(event)?, self.position(event)?);
        let (from, until) = self.period;
        let moved = event.get("RECURRENCE-ID").is_none().then(|| self.moved.get(event.value("UID"))).flatten();
        let mut duties = Vec::new();
        for at in occurrences(event, &start, self.zone, self.period)? {
            let end = length.end(at, &start.zone)?;
            if end > from && at < until && !moved.is_some_and(|moved| moved.contains(&at)) {
                let id = id(self.body, event, rank, at);
                duties.push(Duty { line: event.line, rank, position: position.clone(), from: at, until: end, id });
            }
        }
        Ok(duties)
    }

    fn position(&self, event: &Event) -> Result<String, String> {
        let known: BTreeSet<&str> = self.body.contacts.iter().filter_map(|c| c.duty.as_deref()).collect();
        let named = event.value(POSITION);
        let categories = event.all("CATEGORIES").flat_map(|property| property.value.split(',')).map(str::trim);
        let candidates: Vec<&str> =
            if named.is_empty() { categories.chain([event.value("SUMMARY")]).collect() } else { vec![named] };
        candidates.into_iter().find(|position| known.contains(position)).map(str::to_owned).ok_or_else(|| {
            let known: Vec<&str> = known.into_iter().collect();
            let name = if named.is_empty() { String::new() } else { format!(" `{named}`") };
            let of = &self.body.id;
            format!("it names no position{name} of `{of}` ({}) by {POSITION}, CATEGORIES or SUMMARY", known.join(", "))
        })
    }
}

fn rank(event: &Event) -> Result<usize, String> {
    match event.value(RANK) {
        "" => Ok(0),
        text => {
            let rank = text.parse().ok().filter(|rank| *rank < RANKS);
            rank.ok_or_else(|| format!("{RANK} `{text}` is not a number from 0 (first on duty) to {}", RANKS - 1))
        }
    }
}

/// The occurrences that a RECURRENCE-ID speaks of. One that cannot be read is told with its own event.
fn moved(events: &[Event], zone: &TimeZone) -> BTreeMap<String, BTreeSet<Timestamp>> {
    let mut moved: BTreeMap<String, BTreeSet<Timestamp>> = BTreeMap::new();
    for event in events {
        let original = event.get("RECURRENCE-ID").and_then(|property| one(property, zone).ok()?.instant().ok());
        if let Some(original) = original {
            moved.entry(event.value("UID").to_owned()).or_default().insert(original);
        }
    }
    moved
}

/// The same for the same event, occurrence and rank, so that an import done twice is done once.
fn id(body: &Body, event: &Event, rank: usize, at: Timestamp) -> String {
    let said = format!("{} {} {rank} {}", body.id, event.value("UID"), at.as_second());
    format!("{PREFIX}{}", crate::hex(&Sha256::digest(said)[..8]))
}

/// Duties, sorted by rank and beginning, that cannot hold beside the one before or beside an override made by people.
fn overlaps(duties: &[Duty], roster: &Roster) -> Vec<(u64, String)> {
    let pairs = duties.windows(2).filter(|pair| pair[0].rank == pair[1].rank && pair[1].from < pair[0].until);
    let each_other = pairs.map(|pair| {
        let what = format!("at {} it overlaps the event of line {} at the same rank", pair[1].from, pair[0].line);
        (pair[1].line, what)
    });
    let made_by_people = |known: &&Override| !known.id.starts_with(PREFIX);
    let people = roster.overrides.iter().filter(made_by_people).flat_map(|known| {
        let overlaps = |duty: &&Duty| duty.rank == known.rank && duty.from < known.until && known.from < duty.until;
        let what = |duty: &Duty| (duty.line, format!("at {} it overlaps the override `{}`", duty.from, known.id));
        duties.iter().filter(overlaps).filter(|duty| !duty.is(known)).map(what).collect::<Vec<_>>()
    });
    each_other.chain(people).collect()
}

/// The overrides of the period that a calendar brought before.
fn brought(roster: &Roster, (from, until): (Timestamp, Timestamp)) -> Vec<&Override> {
    let is_brought = |o: &&Override| o.id.starts_with(PREFIX) && o.from < until && from < o.until;
    roster.overrides.iter().filter(is_brought).collect()
}

fn edits(body: &Body, roster: &Roster, brought: &[&Override], duties: &[Duty]) -> Vec<Edit> {
    let is_gone = |known: &&&Override| !duties.iter().any(|duty| duty.id == known.id && duty.is(known));
    let removed = brought.iter().filter(is_gone).map(|known| Edit::RemoveOverride { id: known.id.clone() });
    let is_new = |duty: &&Duty| !roster.overrides.iter().any(|known| duty.is(known));
    let added = duties.iter().filter(is_new).map(|duty| {
        Edit::Replace(Replacement {
            id: duty.id.clone(),
            body: body.id.clone(),
            from: LocalTime::of(duty.from, &roster.zone),
            until: LocalTime::of(duty.until, &roster.zone),
            rank: duty.rank,
            position: duty.position.clone(),
            note: NOTE.to_owned(),
        })
    });
    removed.chain(added).collect()
}

/// Whether the roster has everybody where the calendar wants them, all the time.
fn all_hold(body: &Body, duties: &[Duty]) -> bool {
    duties.iter().all(|duty| {
        let is_wanted = |shift: &&Shift| shift.rank == duty.rank && shift.position == duty.position;
        let shifts = shifts(body, duty.from, duty.until);
        let held: i64 = shifts.iter().filter(is_wanted).map(|s| s.until.duration_since(s.from).as_secs()).sum();
        held == duty.until.duration_since(duty.from).as_secs()
    })
}
