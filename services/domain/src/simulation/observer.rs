//! What a simulation shows of itself.

use jiff::Timestamp;
use vigie_proto::{
    BodyId, RoleId,
    event::{SignalRaisedV1, StepOutcome},
};

use crate::{
    assess::{AssessError, Assessment},
    audience::Telling,
    escalation::Settlement,
    incident::{Debt, Incident},
};

/// One recipient told of one incident by one channel.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub at: Timestamp,
    pub incident: &'a Incident,
    /// Plan number within the incident, from 1.
    pub generation: u32,
    pub telling: &'a Telling,
    /// It is a place manned at any hour.
    pub manned: bool,
    /// Told in the message of another incident, with others of the same hour: no message of its own.
    pub shares_message: bool,
}

/// One step dealt with.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    pub at: Timestamp,
    pub incident: &'a Incident,
    pub settlement: &'a Settlement,
    /// [`StepOutcome::NobodyFound`] when the directory had nobody to tell.
    pub outcome: &'a StepOutcome,
    /// Contact points told.
    pub told: usize,
}

/// A body that took charge or would not.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    pub at: Timestamp,
    pub incident: &'a Incident,
    pub body: &'a BodyId,
    pub role: &'a RoleId,
    /// Nobody was in charge before.
    pub first: bool,
}

/// Something owed.
#[derive(Debug, Clone, Copy)]
pub struct Due<'a> {
    pub at: Timestamp,
    pub incident: &'a Incident,
    pub debt: &'a Debt,
}

/// Takes note of what happens; everything is ignored unless a method says otherwise.
///
/// Instants never go backwards from one call to the next.
#[expect(unused_variables, reason = "the names document what a note may be taken of")]
pub trait Observer {
    /// A signal came and was located.
    fn raised(&mut self, signal: &SignalRaisedV1, place: &Assessment) {}
    /// A signal came that has no place, or whose kind the doctrine has not: it opened nothing.
    fn unplaced(&mut self, signal: &SignalRaisedV1, why: &Unplaced) {}
    fn opened(&mut self, at: Timestamp, incident: &Incident, signal: &SignalRaisedV1) {}
    /// A signal joined an incident and changed nothing of its severity.
    fn reinforced(&mut self, at: Timestamp, incident: &Incident) {}
    fn aggravated(&mut self, at: Timestamp, incident: &Incident) {}
    fn settled(&mut self, settled: &Settled<'_>) {}
    fn told(&mut self, told: &Told<'_>) {}
    fn took_charge(&mut self, answered: &Answered<'_>) {}
    fn refused(&mut self, answered: &Answered<'_>) {}
    /// Every step that waits for an answer has been told, and nobody is in charge.
    fn unanswered(&mut self, at: Timestamp, incident: &Incident) {}
    /// Something is owed from now on.
    fn owed(&mut self, due: &Due<'_>) {}
    /// It was given.
    fn returned(&mut self, due: &Due<'_>) {}
    /// Its time has passed and it was not given.
    fn overdue(&mut self, due: &Due<'_>) {}
    fn closed(&mut self, at: Timestamp, incident: &Incident) {}
}

/// Two observers that see the same.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn raised(&mut self, signal: &SignalRaisedV1, place: &Assessment) {
        self.0.raised(signal, place);
        self.1.raised(signal, place);
    }
    fn unplaced(&mut self, signal: &SignalRaisedV1, why: &Unplaced) {
        self.0.unplaced(signal, why);
        self.1.unplaced(signal, why);
    }
    fn opened(&mut self, at: Timestamp, incident: &Incident, signal: &SignalRaisedV1) {
        self.0.opened(at, incident, signal);
        self.1.opened(at, incident, signal);
    }
    fn reinforced(&mut self, at: Timestamp, incident: &Incident) {
        self.0.reinforced(at, incident);
        self.1.reinforced(at, incident);
    }
    fn aggravated(&mut self, at: Timestamp, incident: &Incident) {
        self.0.aggravated(at, incident);
        self.1.aggravated(at, incident);
    }
    fn settled(&mut self, settled: &Settled<'_>) {
        self.0.settled(settled);
        self.1.settled(settled);
    }
    fn told(&mut self, told: &Told<'_>) {
        self.0.told(told);
        self.1.told(told);
    }
    fn took_charge(&mut self, answered: &Answered<'_>) {
        self.0.took_charge(answered);
        self.1.took_charge(answered);
    }
    fn refused(&mut self, answered: &Answered<'_>) {
        self.0.refused(answered);
        self.1.refused(answered);
    }
    fn unanswered(&mut self, at: Timestamp, incident: &Incident) {
        self.0.unanswered(at, incident);
        self.1.unanswered(at, incident);
    }
    fn owed(&mut self, due: &Due<'_>) {
        self.0.owed(due);
        self.1.owed(due);
    }
    fn returned(&mut self, due: &Due<'_>) {
        self.0.returned(due);
        self.1.returned(due);
    }
    fn overdue(&mut self, due: &Due<'_>) {
        self.0.overdue(due);
        self.1.overdue(due);
    }
    fn closed(&mut self, at: Timestamp, incident: &Incident) {
        self.0.closed(at, incident);
        self.1.closed(at, incident);
    }
}

/// Why a signal opens nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unplaced {
    #[error("kind `{0}` is not in the doctrine")]
    UnknownKind(vigie_proto::Kind),
    #[error("it cannot be located")]
    NoPlace(#[from] AssessError),
}
