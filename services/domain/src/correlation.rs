//! Does this signal tell of an incident already open? Signals are joined, never merged: each keeps its author and text.

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{IncidentId, SectorId};

use crate::{
    doctrine::Correlation,
    territory::{LonLat, Territory},
};

/// An open incident of the same kind, as far as joining needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'a> {
    pub id: IncidentId,
    pub sector: &'a SectorId,
    /// None when only a sector is known.
    pub at: Option<LonLat>,
    pub last_signal_at: Timestamp,
}

/// The incident a signal at `at` in `sector` belongs to: within the radius and the window, the nearest, then the latest.
///
/// A signal that only names a sector joins an incident that only names it too: it could be anywhere, and hiding it
/// inside a precise one could hide a second event. A rule without a window joins nothing: each stands for itself.
pub fn join<'a>(
    candidates: impl IntoIterator<Item = Candidate<'a>>,
    at: Option<LonLat>,
    sector: &SectorId,
    now: Timestamp,
    rule: Correlation,
) -> Option<IncidentId> {
    let window = SignedDuration::from_mins(i64::from(rule.window_min));
    if window.is_zero() {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| now.duration_since(candidate.last_signal_at) <= window)
        .filter_map(|candidate| {
            let metres = match (at, candidate.at) {
                (Some(a), Some(b)) => Territory::distance_m(a, b),
                (None, None) if candidate.sector == sector => 0.0,
                _ => return None,
            };
            (metres <= f64::from(rule.radius_m)).then_some((metres, candidate))
        })
        .min_by(|(a, x), (b, y)| a.total_cmp(b).then(y.last_signal_at.cmp(&x.last_signal_at)))
        .map(|(_, candidate)| candidate.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Correlation = Correlation { radius_m: 500, window_min: 60 };

    fn sector(id: &str) -> SectorId {
        SectorId::new(id).unwrap()
    }

    fn candidate(id: u128, lon: f64, minutes_ago: i64, sector: &SectorId) -> Candidate<'_> {
        Candidate {
            id: IncidentId(uuid::Uuid::from_u128(id)),
            sector,
            at: Some(LonLat { lon, lat: 48.88 }),
            last_signal_at: now() - SignedDuration::from_mins(minutes_ago),
        }
    }

    fn now() -> Timestamp {
        "2026-11-23T15:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_nearest_incident_within_radius_and_window_is_joined() {
        let here = sector("paris-19");
        // One thousandth of a degree of longitude is about 73 m here.
        let open = [candidate(1, 2.380, 10, &here), candidate(2, 2.383, 10, &here), candidate(3, 2.384, 120, &here)];
        let joined = |open: &[Candidate<'_>], lon| {
            let at = Some(LonLat { lon, lat: 48.88 });
            join(open.iter().copied(), at, &here, now(), RULE).map(|id| id.0.as_u128())
        };
        assert_eq!(joined(&open, 2.3835), Some(2));
        assert_eq!(joined(&open, 2.395), None, "too far from all");
        assert_eq!(joined(&open[2..], 2.384), None, "too long ago");
    }

    #[test]
    fn without_a_window_nothing_is_joined_not_even_what_comes_at_the_same_instant() {
        let here = sector("paris-19");
        let vague = Candidate { at: None, ..candidate(1, 2.38, 0, &here) };
        let rule = Correlation { radius_m: 0, window_min: 0 };
        assert_eq!(join([vague], None, &here, now(), rule), None);
        assert_eq!(join([vague], None, &here, now(), RULE), Some(vague.id));
    }

    #[test]
    fn a_vague_signal_does_not_disappear_into_a_precise_incident() {
        let (here, elsewhere) = (sector("paris-19"), sector("paris-18"));
        let precise = candidate(1, 2.38, 1, &here);
        assert_eq!(join([precise], None, &here, now(), RULE), None);
        let vague = Candidate { at: None, ..precise };
        assert_eq!(join([vague], None, &here, now(), RULE), Some(vague.id));
        assert_eq!(join([vague], None, &elsewhere, now(), RULE), None);
    }
}
