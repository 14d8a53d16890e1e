//! What a signal means beside those before it: weak signals that add up, and reprisals after a grave incident.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{IncidentId, Severity, SignalId, Uai};

use crate::{
    doctrine::KindRule,
    territory::{LonLat, Territory},
};

/// A signal of the same kind and nature received before, as far as patterns need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub signal: SignalId,
    pub severity: Severity,
    pub at: Option<LonLat>,
    pub schools_around: Vec<Uai>,
    pub received_at: Timestamp,
    /// It already made a graver incident together with others.
    pub spent: bool,
}

/// A grave incident of the same kind and nature, open or not.
#[derive(Debug, Clone, PartialEq)]
pub struct GraveIncident {
    pub id: IncidentId,
    pub severity: Severity,
    pub at: Option<LonLat>,
    pub last_signal_at: Timestamp,
}

/// What makes a signal graver than it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Together with these earlier signals.
    Accumulation { becomes: Severity, with: Vec<SignalId> },
    /// So soon and so near after this incident.
    Retaliation { becomes: Severity, after: IncidentId },
}

impl Pattern {
    pub fn becomes(&self) -> Severity {
        match self {
            Self::Accumulation { becomes, .. } | Self::Retaliation { becomes, .. } => *becomes,
        }
    }
}

/// The pattern a signal completes, if any: reprisals first, since they need no number.
///
/// Signals count together when their points are within the rule's radius, or when a same school is around both.
pub fn recognise(
    severity: Severity,
    at: Option<LonLat>,
    schools_around: &[Uai],
    rule: &KindRule,
    before: &[Trace],
    grave: &[GraveIncident],
    now: Timestamp,
) -> Option<Pattern> {
    if let Some(watch) = &rule.retaliation
        && severity < watch.becomes
    {
        let after = grave
            .iter()
            .filter(|incident| watch.after.contains(&incident.severity))
            .filter(|incident| now.duration_since(incident.last_signal_at) <= days(watch.days))
            .filter(|incident| near(at, incident.at, watch.radius_m))
            .max_by_key(|incident| incident.last_signal_at);
        if let Some(incident) = after {
            return Some(Pattern::Retaliation { becomes: watch.becomes, after: incident.id });
        }
    }
    let sum = rule.accumulation.as_ref().filter(|sum| sum.severity == severity)?;
    let mine: BTreeSet<&Uai> = schools_around.iter().collect();
    let with: Vec<SignalId> = before
        .iter()
        .filter(|trace| trace.severity == sum.severity && !trace.spent)
        .filter(|trace| now.duration_since(trace.received_at) <= days(sum.within_days))
        .filter(|trace| near(at, trace.at, sum.radius_m) || trace.schools_around.iter().any(|uai| mine.contains(uai)))
        .map(|trace| trace.signal)
        .collect();
    let enough = u32::try_from(with.len() + 1).unwrap_or(u32::MAX) >= sum.count;
    enough.then_some(Pattern::Accumulation { becomes: sum.becomes, with })
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

fn near(a: Option<LonLat>, b: Option<LonLat>, metres: u32) -> bool {
    a.zip(b).is_some_and(|(a, b)| Territory::distance_m(a, b) <= f64::from(metres))
}
