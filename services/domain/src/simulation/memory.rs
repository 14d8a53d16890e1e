//! What is remembered between signals: incidents they may join, signals that may add up, incidents watched after.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{Kind, Nature, SectorId, event::SignalRaisedV1};

use super::agenda::Slot;
use crate::{
    assess::Assessment,
    doctrine::KindRule,
    incident::Incident,
    pattern::{self, GraveIncident, Pattern, Trace},
};

/// Signals and incidents of one kind never meet those of another, nor the real the played.
#[derive(Debug, Default)]
pub(super) struct Memory {
    of: HashMap<(Kind, Nature), Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// Incidents by the sector that owns them, in order of opening.
    recent: BTreeMap<SectorId, Vec<Slot>>,
    /// Signals that have not made a graver incident yet.
    traces: Vec<Trace>,
    grave: Vec<GraveIncident>,
}

impl Memory {
    /// Incidents that `signal` might join, in order of opening; forgets those that `is_over` says no signal can join.
    pub(super) fn candidates(
        &mut self,
        signal: &SignalRaisedV1,
        place: &Assessment,
        is_over: impl Fn(Slot) -> bool,
    ) -> Vec<Slot> {
        let remembered = self.remembered(&signal.kind, signal.nature);
        let mut found = Vec::new();
        for sector in &place.may_join_in {
            if let Some(slots) = remembered.recent.get_mut(sector) {
                slots.retain(|slot| !is_over(*slot));
                found.extend_from_slice(slots);
            }
        }
        found.sort_unstable();
        found
    }

    /// An incident was opened.
    pub(super) fn opened(&mut self, slot: Slot, incident: &Incident, rule: &KindRule) {
        let remembered = self.remembered(&incident.snapshot.kind, incident.snapshot.nature);
        remembered.recent.entry(incident.snapshot.sector.clone()).or_default().push(slot);
        self.changed(incident, rule);
    }

    /// An incident has its signals or severity of now.
    pub(super) fn changed(&mut self, incident: &Incident, rule: &KindRule) {
        let Some(watch) = &rule.retaliation else { return };
        let remembered = self.remembered(&incident.snapshot.kind, incident.snapshot.nature);
        remembered.grave.retain(|known| known.id != incident.snapshot.id);
        if watch.after.contains(&incident.snapshot.severity) {
            remembered.grave.push(GraveIncident {
                id: incident.snapshot.id,
                severity: incident.snapshot.severity,
                at: incident.at,
                last_signal_at: incident.last_signal_at,
            });
        }
    }

    /// The pattern `signal` completes, if its kind has any; remembers it for those after it.
    pub(super) fn pattern(
        &mut self,
        signal: &SignalRaisedV1,
        rule: &KindRule,
        place: &Assessment,
        now: Timestamp,
    ) -> Option<Pattern> {
        if rule.accumulation.is_none() && rule.retaliation.is_none() {
            return None;
        }
        let remembered = self.remembered(&signal.kind, signal.nature);
        remembered.forget(rule, now);
        let schools = &place.schools_around;
        let pattern =
            pattern::recognise(signal.severity, place.at, schools, rule, &remembered.traces, &remembered.grave, now);
        let spent = match &pattern {
            Some(Pattern::Accumulation { with, .. }) => {
                remembered.traces.retain(|trace| !with.contains(&trace.signal));
                !with.is_empty()
            }
            Some(Pattern::Retaliation { .. }) | None => false,
        };
        let counted = rule.accumulation.as_ref().is_some_and(|sum| sum.severity == signal.severity);
        if counted && !spent {
            remembered.traces.push(Trace {
                signal: signal.signal_id,
                severity: signal.severity,
                at: place.at,
                schools_around: schools.clone(),
                received_at: signal.received_at,
                spent: false,
            });
        }
        pattern
    }

    fn remembered(&mut self, kind: &Kind, nature: Nature) -> &mut Remembered {
        self.of.entry((kind.clone(), nature)).or_default()
    }
}

impl Remembered {
    /// Lets go of what is too old to count.
    fn forget(&mut self, rule: &KindRule, now: Timestamp) {
        let since = |days: u32| now - SignedDuration::from_hours(24 * i64::from(days));
        if let Some(sum) = &rule.accumulation {
            let oldest = since(sum.within_days);
            self.traces.retain(|trace| trace.received_at >= oldest);
        }
        if let Some(watch) = &rule.retaliation {
            let oldest = since(watch.days);
            self.grave.retain(|incident| incident.last_signal_at >= oldest);
        }
    }
}
