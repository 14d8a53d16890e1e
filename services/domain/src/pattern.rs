//! What a signal means beside those before it: weak signals that add up, and reprisals after a grave incident.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{IncidentId, Severity, SignalId, Uai, event::SignalRaisedV1};

use crate::{
    assess::Assessment,
    doctrine::{Accumulation, KindRule},
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

/// What is remembered of one kind and nature between its signals, for those after them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    pub traces: Vec<Trace>,
    pub grave: Vec<GraveIncident>,
    /// Signals whose traces are new or newly spent.
    changed: BTreeSet<SignalId>,
}

impl Memory {
    /// The pattern `signal` completes, if its kind has any; remembers the signal for those after it.
    ///
    /// A signal that adds up with others counts once: they and itself are spent.
    pub fn complete(
        &mut self,
        signal: &SignalRaisedV1,
        place: &Assessment,
        rule: &KindRule,
        now: Timestamp,
    ) -> Option<Pattern> {
        if rule.accumulation.is_none() && rule.retaliation.is_none() {
            return None;
        }
        let schools = &place.schools_around;
        let pattern = recognise(signal.severity, place.at, schools, rule, &self.traces, &self.grave, now);
        let spent: BTreeSet<SignalId> = match &pattern {
            Some(Pattern::Accumulation { with, .. }) => with.iter().copied().collect(),
            Some(Pattern::Retaliation { .. }) | None => BTreeSet::new(),
        };
        for trace in self.traces.iter_mut().filter(|trace| spent.contains(&trace.signal)) {
            trace.spent = true;
            self.changed.insert(trace.signal);
        }
        self.changed.insert(signal.signal_id);
        self.traces.push(Trace {
            signal: signal.signal_id,
            severity: signal.severity,
            at: place.at,
            schools_around: schools.clone(),
            received_at: signal.received_at,
            spent: !spent.is_empty(),
        });
        pattern
    }

    /// `incident` is watched for its reprisals, as it is now; another severity of it is forgotten.
    pub fn watch(&mut self, incident: GraveIncident, rule: &KindRule) {
        let Some(watch) = &rule.retaliation else { return };
        self.grave.retain(|known| known.id != incident.id);
        if watch.after.contains(&incident.severity) {
            self.grave.push(incident);
        }
    }

    /// Lets go of what can complete nothing any more, for whoever keeps everything here.
    pub fn forget(&mut self, rule: &KindRule, now: Timestamp) {
        self.changed.clear();
        let sum = rule.accumulation.as_ref();
        self.traces.retain(|trace| {
            let counts = |sum: &Accumulation| {
                trace.severity == sum.severity && now.duration_since(trace.received_at) <= days(sum.within_days)
            };
            !trace.spent && sum.is_some_and(counts)
        });
        if let Some(watch) = &rule.retaliation {
            self.grave.retain(|incident| now.duration_since(incident.last_signal_at) <= days(watch.days));
        }
    }

    /// Traces that are new or newly spent, for whoever keeps them.
    pub fn changed(&self) -> impl Iterator<Item = &Trace> {
        self.traces.iter().filter(|trace| self.changed.contains(&trace.signal))
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
