//! Who is on duty from when to when, and the holes a roster will have before anybody falls into one.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::Serialize;
use vigie_proto::{BodyId, Channel};

use super::{Body, Roster};

/// A stretch during which one duty position holds one rank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Shift {
    /// 0 is first on duty.
    pub rank: usize,
    pub position: String,
    pub from: Timestamp,
    /// Not included.
    pub until: Timestamp,
    pub by: By,
}

/// Why a position is on duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// It is its turn.
    Rotation,
    /// The override of that id says so.
    Override(String),
}

/// A stretch during which an alert to the body's first rank would not reach whoever is on duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Gap {
    pub body: BodyId,
    pub from: Timestamp,
    /// Not included.
    pub until: Timestamp,
    pub lack: Lack,
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Lack {
    /// Nobody is at the first rank.
    Nobody,
    /// The position on duty has no contact point of the channel.
    Contact { position: String, channel: Channel },
    /// It has some, and none was ever answered.
    Proof { position: String, channel: Channel },
}

impl Lack {
    /// What to do about it, in English.
    pub fn remedy(&self) -> String {
        match self {
            Self::Nobody => {
                "give the roster an order in rosters.toml, or somebody for that time in overrides.csv".into()
            }
            Self::Contact { position, channel } => {
                format!("give `{position}` a contact by {channel} in contacts.csv, or replace it for that time")
            }
            Self::Proof { position, channel } => {
                format!("send `{position}` a test by {channel} and have it answered, or replace it for that time")
            }
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => write!(f, "nobody is first on duty"),
            Self::Contact { position, channel } => write!(f, "`{position}` is on duty and has no contact by {channel}"),
            Self::Proof { position, channel } => {
                write!(f, "`{position}` is on duty and none of its contacts by {channel} was ever answered")
            }
        }
    }
}

/// The channels by which any position of the body's roster can be reached: those each of them is expected to have.
pub fn duty_channels(body: &Body) -> BTreeSet<Channel> {
    body.contacts.iter().filter(|contact| contact.duty.is_some()).map(|contact| contact.channel).collect()
}

/// The shifts of every rank between `from` and `until`, cut to that period; adjoining equal ones are one.
///
/// In order of their beginning, then of rank. None without a roster.
pub fn shifts(body: &Body, from: Timestamp, until: Timestamp) -> Vec<Shift> {
    let Some(roster) = &body.roster else { return Vec::new() };
    let mut shifts: Vec<Shift> = Vec::new();
    for rank in roster.ranks() {
        let mut last: Option<Shift> = None;
        for (start, end) in stretches(roster, from, until) {
            let Some(position) = roster.on_duty(rank, start) else { continue };
            let by = roster.replacement(rank, start).map_or(By::Rotation, |o| By::Override(o.id.clone()));
            match &mut last {
                Some(shift) if shift.until == start && shift.position == position && shift.by == by => {
                    shift.until = end;
                }
                _ => {
                    let next = Shift { rank, position: position.to_owned(), from: start, until: end, by };
                    shifts.extend(last.replace(next));
                }
            }
        }
        shifts.extend(last);
    }
    shifts.sort_by_key(|shift| (shift.from, shift.rank));
    shifts
}

/// When, between `from` and `until`, the first rank is empty, or whoever holds it cannot be reached by one of `channels`.
///
/// In order of their beginning. None for a body without a roster: its permanent contact points are always there.
pub fn gaps(body: &Body, channels: &BTreeSet<Channel>, from: Timestamp, until: Timestamp) -> Vec<Gap> {
    let Some(roster) = &body.roster else { return Vec::new() };
    let mut gaps: Vec<Gap> = Vec::new();
    for (start, end) in stretches(roster, from, until) {
        for lack in lacks(body, roster.on_duty(0, start), channels) {
            match gaps.iter_mut().find(|gap| gap.until == start && gap.lack == lack) {
                Some(gap) => gap.until = end,
                None => gaps.push(Gap { body: body.id.clone(), from: start, until: end, lack }),
            }
        }
    }
    gaps
}

/// The period in pieces during each of which nobody's duty changes.
fn stretches(roster: &Roster, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    if until <= from {
        return Vec::new();
    }
    let mut bounds = roster.changes(from, until);
    bounds.retain(|at| from < *at && *at < until);
    bounds.extend([from, until]);
    bounds.sort_unstable();
    bounds.dedup();
    bounds.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

fn lacks(body: &Body, on_duty: Option<&str>, channels: &BTreeSet<Channel>) -> Vec<Lack> {
    let Some(position) = on_duty else { return vec![Lack::Nobody] };
    let lack = |channel: Channel| {
        let own = |c: &&super::Contact| c.channel == channel && c.duty.as_deref() == Some(position);
        let mut points = body.contacts.iter().filter(own).peekable();
        let position = position.to_owned();
        if points.peek().is_none() {
            return Some(Lack::Contact { position, channel });
        }
        (!points.any(super::Contact::is_proven)).then_some(Lack::Proof { position, channel })
    };
    channels.iter().copied().filter_map(lack).collect()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};
    use proptest::prelude::*;
    use vigie_proto::{ContactId, RoleId};

    use super::{
        super::{Ambit, Contact, Override},
        *,
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn body(starts: DateTime, every_days: i32, order: &[&str], overrides: Vec<Override>) -> Body {
        let order = order.iter().map(|&p| p.to_owned()).collect();
        let zone = TimeZone::get("Europe/Paris").unwrap();
        Body {
            id: BodyId::new("emas").unwrap(),
            role: RoleId::new("emas").unwrap(),
            ambit: Ambit::City,
            name: "EMAS".into(),
            contacts: ["a", "b", "c"].map(|p| contact(p, Channel::Sms, true)).into(),
            roster: Some(Roster { starts, zone, every_days, order, overrides }),
        }
    }

    fn contact(position: &str, channel: Channel, proven: bool) -> Contact {
        Contact {
            id: ContactId::new(format!("emas-{position}-{channel}")).unwrap(),
            channel,
            address: "+33639980000".into(),
            duty: Some(position.into()),
            verified: proven.then(|| "2026-11-01".parse().unwrap()),
        }
    }

    fn replacement(id: &str, from: &str, until: &str, rank: usize, position: &str) -> Override {
        Override { id: id.into(), from: at(from), until: at(until), rank, position: position.into() }
    }

    fn first_rank(body: &Body, from: &str, until: &str) -> Vec<(String, String, String)> {
        let first = shifts(body, at(from), at(until)).into_iter().filter(|shift| shift.rank == 0);
        first.map(|s| (s.position, s.from.to_string(), s.until.to_string())).collect()
    }

    #[test]
    fn a_night_of_duty_lasts_twenty_five_hours_in_october_and_twenty_three_in_march() {
        let body = body("2026-01-05T08:00".parse().unwrap(), 1, &["a", "b", "c"], Vec::new());
        let length = |day: &str| {
            let shifts =
                shifts(&body, at(day) - SignedDuration::from_hours(48), at(day) + SignedDuration::from_hours(48));
            let night = shifts.into_iter().find(|s| s.rank == 0 && s.from < at(day) && at(day) < s.until).unwrap();
            night.until.duration_since(night.from).as_hours()
        };
        assert_eq!([length("2026-10-25T01:00:00Z"), length("2027-03-28T01:00:00Z")], [25, 23]);
        assert_eq!(length("2026-11-25T01:00:00Z"), 24);
    }

    #[test]
    fn a_week_of_duty_is_one_shift_and_a_replacement_cuts_it_in_two() {
        let swapped = replacement("r1", "2026-11-24T07:00:00Z", "2026-11-25T07:00:00Z", 0, "c");
        let body = body("2026-01-05T08:00".parse().unwrap(), 7, &["a", "b", "c"], vec![swapped]);
        let shifts = first_rank(&body, "2026-11-23T07:00:00Z", "2026-11-30T07:00:00Z");
        let (whose, cut): (Vec<_>, Vec<_>) = shifts.iter().map(|(p, from, _)| (p.as_str(), from.as_str())).unzip();
        let turn = whose[0];
        assert_eq!(whose, [turn, "c", turn]);
        assert_eq!(cut, ["2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z", "2026-11-25T07:00:00Z"]);
    }

    #[test]
    fn a_roster_of_nobody_has_a_hole_except_where_somebody_replaces() {
        let day = replacement("r1", "2026-11-24T07:00:00Z", "2026-11-25T07:00:00Z", 0, "a");
        let body = body("2026-01-05T08:00".parse().unwrap(), 7, &[], vec![day]);
        let gaps = gaps(&body, &[Channel::Sms].into(), at("2026-11-20T00:00:00Z"), at("2026-12-20T00:00:00Z"));
        let found: Vec<_> = gaps.iter().map(|g| (g.from.to_string(), g.until.to_string(), &g.lack)).collect();
        let hole = |from: &str, until: &str| (from.to_owned(), until.to_owned(), &Lack::Nobody);
        assert_eq!(
            found,
            [
                hole("2026-11-20T00:00:00Z", "2026-11-24T07:00:00Z"),
                hole("2026-11-25T07:00:00Z", "2026-12-20T00:00:00Z")
            ]
        );
    }

    #[test]
    fn whoever_cannot_be_reached_is_a_hole_for_the_length_of_the_duty() {
        let mut body = body("2026-01-05T08:00".parse().unwrap(), 7, &["a", "b", "c"], Vec::new());
        body.contacts = vec![
            contact("a", Channel::Sms, true),
            contact("b", Channel::Sms, false),
            contact("c", Channel::Email, true),
        ];
        let gaps = gaps(&body, &[Channel::Sms].into(), at("2026-01-05T07:00:00Z"), at("2026-01-26T07:00:00Z"));
        let lacks: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.lack.clone())).collect();
        let (b, c) = ("b".to_owned(), "c".to_owned());
        assert_eq!(
            lacks,
            [
                (at("2026-01-12T07:00:00Z"), Lack::Proof { position: b, channel: Channel::Sms }),
                (at("2026-01-19T07:00:00Z"), Lack::Contact { position: c, channel: Channel::Sms }),
            ]
        );
    }

    /// Two months around each change of the clock.
    fn period() -> impl Strategy<Value = (Timestamp, Timestamp)> {
        (prop_oneof![Just("2026-10-01T00:00:00Z"), Just("2027-03-05T00:00:00Z")], 0..40_i64, 1..40_i64).prop_map(
            |(start, after, days)| {
                let from = at(start) + SignedDuration::from_hours(24 * after);
                (from, from + SignedDuration::from_hours(24 * days))
            },
        )
    }

    fn overrides() -> impl Strategy<Value = Vec<Override>> {
        let one = (0..80_000_i64, 1..6_000_i64, 0..3_usize, prop_oneof![Just("a"), Just("b"), Just("c")]);
        (prop::collection::vec(one, 0..6), prop_oneof![Just("2026-10-01T00:00:00Z"), Just("2027-03-05T00:00:00Z")])
            .prop_map(|(rows, start)| {
                let row = |(id, (after, minutes, rank, position)): (usize, (i64, i64, usize, &str))| {
                    let from = at(start) + SignedDuration::from_mins(after);
                    let until = from + SignedDuration::from_mins(minutes);
                    Override { id: format!("o{id}"), from, until, rank, position: position.into() }
                };
                rows.into_iter().enumerate().map(row).collect()
            })
    }

    proptest! {
        #[test]
        fn shifts_agree_with_who_is_on_duty_at_every_instant(
            (from, until) in period(),
            overrides in overrides(),
            hand_over in 0..24 * 60_i64,
            every_days in 1..9_i32,
            order in prop_oneof![Just(&["a"][..]), Just(&["a", "b"][..]), Just(&["a", "b", "c"][..])],
            moments in prop::collection::vec(0.0..1.0_f64, 60),
        ) {
            let starts: DateTime = "2026-01-05T00:00".parse().unwrap();
            let body = body(starts + SignedDuration::from_mins(hand_over), every_days, order, overrides);
            let roster = body.roster.as_ref().unwrap();
            let shifts = shifts(&body, from, until);
            for share in moments {
                #[expect(clippy::cast_possible_truncation, reason = "a place in the period")]
                let at = from + SignedDuration::from_secs((until.duration_since(from).as_secs_f64() * share) as i64);
                for rank in 0..4 {
                    let mut here = shifts.iter().filter(|s| s.rank == rank && s.from <= at && at < s.until);
                    let shift = here.next();
                    prop_assert!(here.next().is_none(), "two shifts of rank {rank} at {at}");
                    prop_assert_eq!(shift.map(|s| s.position.as_str()), roster.on_duty(rank, at), "rank {} at {}", rank, at);
                }
            }
            prop_assert!(shifts.is_sorted_by_key(|s| (s.from, s.rank)));
            prop_assert!(shifts.iter().all(|s| from <= s.from && s.from < s.until && s.until <= until));
            for (i, one) in shifts.iter().enumerate() {
                let equal = |s: &Shift| s.rank == one.rank && s.position == one.position && s.by == one.by;
                prop_assert!(!shifts[i + 1..].iter().any(|s| equal(s) && s.from == one.until), "not merged: {one:?}");
            }
        }
    }
}
