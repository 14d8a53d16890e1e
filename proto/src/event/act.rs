//! What people did, and whether it could be applied.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClosingReason, RefusalReason, ReturnOutcome};
use crate::{ActId, AlertId, BodyId, CrisisRegime, IncidentId, RoleId, SectorId, Severity, SignalId};

/// Who acted: a body, in a role, by a channel. Never a person's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct Actor {
    pub body: BodyId,
    pub role: RoleId,
    /// `link` for a signed link, `api` for a token.
    pub through: Through,
}

/// By which door somebody acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Through {
    Link,
    Api,
}

/// A person did something at an edge; whoever owns the state will apply it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ActRecordedV1 {
    pub act_id: ActId,
    pub incident_id: IncidentId,
    pub actor: Actor,
    pub act: Act,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What was done. Free text (a note, the reason of a change) stays at the edge under the act's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "did")]
pub enum Act {
    /// Took charge of the incident as it stood at `version`.
    Acknowledge {
        version: u32,
        alert_id: Option<AlertId>,
    },
    /// Has read it, as it stood at `version`; stops nothing.
    See {
        version: u32,
        alert_id: Option<AlertId>,
    },
    Note,
    /// Whoever raised it says that it is over; it stays open until somebody closes it.
    SayOver,
    ChangeSeverity {
        to: Severity,
    },
    Close {
        reason: ClosingReason,
    },
    /// Was asked and will not take charge.
    Refuse {
        reason: RefusalReason,
        alert_id: Option<AlertId>,
    },
    /// Passes the incident on to another body.
    HandOver {
        to: BodyId,
    },
    SetRegime {
        to: CrisisRegime,
    },
    /// Brings neighbouring sectors or communes in.
    Involve {
        sectors: Vec<SectorId>,
    },
    /// Has a body asked now, whatever the plan says.
    Call {
        to: BodyId,
    },
    /// Takes out a signal that had joined by mistake.
    Separate {
        signal: SignalId,
    },
    /// Gives what is owed.
    Return {
        owed: String,
        outcome: ReturnOutcome,
    },
    /// Takes its own answer back: that it takes charge, or that it will not.
    TakeBack,
    /// It was closed by mistake, or began again.
    Reopen,
}

/// The owner of the state could not apply an act.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ActRejectedV1 {
    pub act_id: ActId,
    pub incident_id: IncidentId,
    pub why: Rejection,
}

/// Why an act was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rejection {
    /// No such incident.
    UnknownIncident,
    /// It is closed.
    Closed,
    /// It changed since the person saw it: look again.
    Stale,
    /// The severity asked for is the one it has.
    Unchanged,
    /// Something is still owed that must be given before closing.
    ReturnOwed,
    /// Nothing of that name is owed, or it was given.
    NotOwed,
    /// "No known outcome" is not an answer to this.
    OutcomeNeeded,
    /// Only whoever has taken charge can hand over.
    NotInCharge,
    /// No such signal belongs to the incident.
    NotJoined,
    /// The signal opened the incident: without it there would be none.
    OpenedByIt,
    /// Whoever acted may not do this to it: an edge let through what its owner does not. It is alarmed.
    NotAllowed,
    /// The version it names does not exist yet.
    FromTheFuture,
    /// It is not closed: there is nothing to open again.
    NotClosed,
    /// It was closed too long ago to be opened again.
    TooLate,
    /// Whoever acted has given no answer, or took it back already.
    NothingSaid,
    /// Grave, and not everybody who must has taken charge: only the operations room closes or lowers it.
    Unanswered,
}

/// A number was kept, without content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IndicatorCountedV1 {
    /// As the doctrine declares it.
    pub indicator: String,
    /// None for the whole city.
    #[serde(default)]
    pub sector: Option<SectorId>,
    /// At least 1.
    pub amount: u32,
    pub by: Actor,
    /// The day counted, `YYYY-MM-DD`, local.
    #[schemars(with = "String")]
    pub on: jiff::civil::Date,
}
