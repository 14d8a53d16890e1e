//! Duty rosters: who is first, second … on duty at an instant, with the local clock's changes respected.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

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
}

impl Roster {
    /// The duty position at `rank` (0 is first on duty) at `now`; none when the order is shorter.
    ///
    /// Turns are counted in local calendar days, so a hand-over at 08:00 stays at 08:00 across clock changes.
    pub fn on_duty(&self, rank: usize, now: Timestamp) -> Option<&str> {
        if rank >= self.order.len() {
            return None;
        }
        let local = now.to_zoned(self.zone.clone()).datetime();
        // Shifting both by the hand-over's time makes a duty day begin at midnight.
        let days = (local.date() - self.starts.date()).get_days() - i32::from(local.time() < self.starts.time());
        let turns = days.div_euclid(self.every_days.max(1));
        let count = i32::try_from(self.order.len()).ok()?;
        let first = usize::try_from(turns.rem_euclid(count)).ok()?;
        Some(&self.order[(first + rank) % self.order.len()])
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
        }
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
