//! One incident in hand: its state, and how a signal or an act changes it. No IO.

use jiff::Timestamp;
use vigie_domain::{
    city::City,
    correlation::Candidate,
    doctrine::{Situation, freeze},
    territory::LonLat,
};
use vigie_proto::{
    IncidentStatus, Severity,
    event::{
        Act, ActRecordedV1, ActRejectedV1, Cause, Event, IncidentAcknowledgedV1, IncidentAggravatedV1,
        IncidentClosedV1, IncidentEasedV1, IncidentNotedV1, IncidentReinforcedV1, IncidentSnapshot, Rejection,
        SignalRaisedV1,
    },
    plan::Plan,
};

/// An incident being worked on within a transaction.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub(crate) snapshot: IncidentSnapshot,
    /// Version at which its severity last rose.
    pub(crate) asked_version: u32,
    pub(crate) situation: Situation,
    pub(crate) at: Option<LonLat>,
    pub(crate) last_signal_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) change: Change,
}

/// What has to be written of an incident in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Untouched,
    New,
    Updated,
}

/// What plans are made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planner<'a> {
    pub(crate) city: &'a City,
    pub(crate) time_scale: f64,
    pub(crate) now: Timestamp,
}

impl Planner<'_> {
    pub(crate) fn plan(&self, situation: &Situation) -> Plan {
        freeze(&self.city.doctrine, situation, self.now, self.time_scale)
    }
}

impl Incident {
    /// What correlation needs to know of it.
    pub(crate) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: self.snapshot.id,
            sector: &self.snapshot.sector,
            at: self.at,
            last_signal_at: self.last_signal_at,
        }
    }

    /// A signal joined it: reinforced, or aggravated when the signal is graver.
    pub(crate) fn join(&mut self, signal: &SignalRaisedV1, planner: Planner<'_>) -> Event {
        self.touch();
        self.last_signal_at = planner.now;
        self.snapshot.expected_at = self.snapshot.expected_at.or(signal.expected_at);
        if signal.severity > self.snapshot.severity {
            return self.aggravate(signal.severity, Cause::Signal { signal_id: signal.signal_id }, planner);
        }
        IncidentReinforcedV1 { incident: self.snapshot.clone(), signal_id: signal.signal_id }.into()
    }

    /// Applies what a person did, or says why not.
    pub(crate) fn act(&mut self, recorded: &ActRecordedV1, planner: Planner<'_>) -> Event {
        let reject = |why| ActRejectedV1 { act_id: recorded.act_id, incident_id: recorded.incident_id, why }.into();
        if self.snapshot.status == IncidentStatus::Closed && recorded.act != Act::Note {
            return reject(Rejection::Closed);
        }
        let (act_id, by, at) = (recorded.act_id, recorded.actor.clone(), recorded.at);
        match &recorded.act {
            Act::Acknowledge { version, .. } if *version < self.asked_version => reject(Rejection::Stale),
            Act::Acknowledge { version, .. } => {
                if self.snapshot.status == IncidentStatus::Open {
                    self.set_status(IncidentStatus::Acknowledged);
                }
                IncidentAcknowledgedV1 { incident: self.snapshot.clone(), act_id, by, seen_version: *version, at }
                    .into()
            }
            Act::Note => IncidentNotedV1 { incident: self.snapshot.clone(), act_id, by }.into(),
            Act::ChangeSeverity { to } if *to == self.snapshot.severity => reject(Rejection::Unchanged),
            Act::ChangeSeverity { to } if *to > self.snapshot.severity => {
                self.aggravate(*to, Cause::Act { act_id, actor: by }, planner)
            }
            Act::ChangeSeverity { to } => {
                let from = self.set_severity(*to);
                IncidentEasedV1 {
                    incident: self.snapshot.clone(),
                    from,
                    act_id,
                    by,
                    plan: planner.plan(&self.situation),
                }
                .into()
            }
            Act::Close { reason } => {
                self.set_status(IncidentStatus::Closed);
                self.closed_at = Some(at);
                IncidentClosedV1 { incident: self.snapshot.clone(), act_id, by, reason: *reason, at }.into()
            }
        }
    }

    fn aggravate(&mut self, to: Severity, cause: Cause, planner: Planner<'_>) -> Event {
        let from = self.set_severity(to);
        self.snapshot.status = IncidentStatus::Open;
        self.asked_version = self.snapshot.version;
        IncidentAggravatedV1 { incident: self.snapshot.clone(), from, cause, plan: planner.plan(&self.situation) }
            .into()
    }

    fn set_severity(&mut self, to: Severity) -> Severity {
        self.touch();
        self.snapshot.version += 1;
        self.situation.severity = to;
        std::mem::replace(&mut self.snapshot.severity, to)
    }

    fn set_status(&mut self, status: IncidentStatus) {
        self.touch();
        self.snapshot.version += 1;
        self.snapshot.status = status;
    }

    fn touch(&mut self) {
        if self.change == Change::Untouched {
            self.change = Change::Updated;
        }
    }
}
