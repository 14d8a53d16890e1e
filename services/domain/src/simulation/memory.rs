//! What is remembered between signals: incidents they may join, signals that may add up, incidents watched after.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use vigie_proto::{Kind, Nature, SectorId, event::SignalRaisedV1};

use super::agenda::Slot;
use crate::{
    assess::Assessment,
    doctrine::KindRule,
    incident::Incident,
    pattern::{self, Pattern},
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
    patterns: pattern::Memory,
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
        let remembered = self.remembered(&incident.snapshot.kind, incident.snapshot.nature);
        remembered.patterns.watch(incident.as_watched(), rule);
    }

    /// The pattern `signal` completes, if its kind has any; remembers it for those after it.
    pub(super) fn pattern(
        &mut self,
        signal: &SignalRaisedV1,
        rule: &KindRule,
        place: &Assessment,
        now: Timestamp,
    ) -> Option<Pattern> {
        let remembered = self.remembered(&signal.kind, signal.nature);
        remembered.patterns.forget(rule, now);
        remembered.patterns.complete(signal, place, rule, now)
    }

    fn remembered(&mut self, kind: &Kind, nature: Nature) -> &mut Remembered {
        self.of.entry((kind.clone(), nature)).or_default()
    }
}
