//! Duty rosters: who is first, second … on duty at an instant, with the local clock's changes respected.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Somebody else than the rotation says, for a while: a replacement, or one half of a swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub id: String,
    pub from: Timestamp,
    /// Not included.
    pub until: Timestamp,
    /// 0 is first on duty.
    pub rank: usize,
    /// The duty position that takes it.
    pub position: String,
}

/// A rotation of duty positions, handed over every so many local days at the same local time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Local date and time of the first hand-over.
    pub starts: DateTime,
    pub zone: TimeZone,
    /// Days between two hand-overs, at least 1.
    pub every_days: i32,
    /// Duty positions in the order they take the first rank.
    pub order: Vec<String>,
    /// In order of their beginning; none overlaps another of its rank.
    pub overrides: Vec<Override>,
}

impl Roster {
    /// The instants between `from` and `until` at which whoever is on duty may change: the hand-over's time, every local
    /// day and at both of its comings, and the changes of the clock.
    pub fn changes(&self, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let last = until.to_zoned(self.zone.clone()).date();
        let mut day = from.to_zoned(self.zone.clone()).date();
        let clock = self.zone.following(from).map(|change| change.timestamp()).take_while(|at| *at < until);
        let mut changes: Vec<Timestamp> = clock.collect();
        changes.extend(self.overrides.iter().flat_map(|o| [o.from, o.until]).filter(|at| (from..=until).contains(at)));
        while day <= last {
            let hand_over = self.zone.to_ambiguous_timestamp(day.to_datetime(self.starts.time()));
            changes.extend([hand_over.earlier(), hand_over.later()].into_iter().flatten());
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        changes
    }

    /// The duty position at `rank` (0 is first on duty) at `now`; none when the order is shorter.
    ///
    /// Turns are counted in local calendar days, so a hand-over at 08:00 stays at 08:00 across clock changes. Whoever
    /// takes a rank by an override, and whoever is replaced there, is passed over by the rotation at the other ranks.
    pub fn on_duty(&self, rank: usize, now: Timestamp) -> Option<&str> {
        let taken = |rank: usize| self.replacement(rank, now).map(|o| o.position.as_str());
        if let Some(position) = taken(rank) {
            return Some(position);
        }
        if rank >= self.order.len() {
            return None;
        }
        let first = self.first(now)?;
        let turn = |step: usize| self.order[(first + step) % self.order.len()].as_str();
        // The prover asks millions of times, mostly about rosters that nobody has changed.
        if !self.overrides.iter().any(|o| o.from <= now && now < o.until) {
            return Some(turn(rank));
        }
        let ranks = || 0..self.order.len();
        let replacing: Vec<&str> = ranks().filter_map(taken).collect();
        let replaced: Vec<&str> = ranks().filter(|rank| taken(*rank).is_some()).map(turn).collect();
        let free = |position: &&str| !replacing.contains(position) && !replaced.contains(position);
        let mut rotation = ranks().map(turn).filter(free);
        let before = (0..rank).filter(|rank| taken(*rank).is_none()).count();
        rotation.nth(before)
    }

    /// The override that decides who holds `rank` at `now`, if one does.
    pub fn replacement(&self, rank: usize, now: Timestamp) -> Option<&Override> {
        self.overrides.iter().find(|o| o.rank == rank && o.from <= now && now < o.until)
    }

    /// Every rank somebody holds at some time, in order.
    pub fn ranks(&self) -> BTreeSet<usize> {
        (0..self.order.len()).chain(self.overrides.iter().map(|o| o.rank)).collect()
    }

    /// Whose turn it is at the first rank, by the rotation alone: a place in `order`.
    fn first(&self, now: Timestamp) -> Option<usize> {
        let local = now.to_zoned(self.zone.clone()).datetime();
        // Shifting both by the hand-over's time makes a duty day begin at midnight.
        let days = (local.date() - self.starts.date()).get_days() - i32::from(local.time() < self.starts.time());
        let turns = days.div_euclid(self.every_days.max(1));
        usize::try_from(turns.rem_euclid(i32::try_from(self.order.len()).ok()?)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly() -> Roster {
        Roster {
            starts: "2026-01-05T08:00".parse().unwrap(),
            zone: TimeZone::get("Europe/Paris").unwrap(),
            every_days: 7,
            order: ["a", "b", "c"].map(str::to_owned).to_vec(),
            overrides: Vec::new(),
        }
    }

    #[test]
    fn a_replacement_takes_the_rank_and_the_rotation_goes_on_without_the_replaced() {
        let replaced = Override {
            id: "r1".into(),
            from: at("2026-11-24T07:00:00Z"),
            until: at("2026-11-25T07:00:00Z"),
            rank: 0,
            position: "c".into(),
        };
        let roster = Roster { overrides: vec![replaced], ..weekly() };
        let ranks = |now: &str| [0, 1, 2].map(|rank| roster.on_duty(rank, at(now)));
        let before = ranks("2026-11-24T06:59:59Z");
        let during = ranks("2026-11-24T07:00:00Z");
        assert_eq!(during[0], Some("c"));
        assert_eq!(during.iter().flatten().collect::<std::collections::BTreeSet<_>>().len(), 2, "{during:?}");
        assert_eq!(ranks("2026-11-25T07:00:00Z"), before);
        assert!(
            roster
                .changes(at("2026-11-24T00:00:00Z"), at("2026-11-26T00:00:00Z"))
                .contains(&at("2026-11-24T07:00:00Z"))
        );
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_turn_changes_at_the_local_hour_on_either_side_of_a_clock_change() {
        let roster = Roster { every_days: 1, starts: "2026-10-24T08:00".parse().unwrap(), ..weekly() };
        // 25 October 2026: 03:00 becomes 02:00. 08:00 local is 06:00 UTC before, 07:00 UTC after.
        assert_eq!(roster.on_duty(0, at("2026-10-24T06:00:00Z")), Some("a"));
        assert_eq!(roster.on_duty(0, at("2026-10-25T06:59:59Z")), Some("a"));
        assert_eq!(roster.on_duty(0, at("2026-10-25T07:00:00Z")), Some("b"));
        assert_eq!(roster.on_duty(1, at("2026-10-25T07:00:00Z")), Some("c"));
    }

    #[test]
    fn a_turn_before_the_first_handover_still_has_somebody() {
        assert_eq!(weekly().on_duty(0, at("2026-01-05T06:59:59Z")), Some("c"));
        assert_eq!(weekly().on_duty(0, at("2026-01-05T07:00:00Z")), Some("a"));
        assert_eq!(weekly().on_duty(3, at("2026-01-05T07:00:00Z")), None);
    }

    #[test]
    fn ranks_never_name_the_same_position_twice() {
        let roster = weekly();
        for day in 0..60 {
            let now = at("2026-03-01T12:00:00Z") + jiff::SignedDuration::from_hours(24 * day);
            let on_duty: std::collections::BTreeSet<_> = (0..3).filter_map(|rank| roster.on_duty(rank, now)).collect();
            assert_eq!(on_duty.len(), 3);
        }
    }
}
