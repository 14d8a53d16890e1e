//! Facts about crises: who directs, what was mobilised, what a centre holds, what is owed.
//!
//! People are numbers here, never names: no event has a place for one.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Actor, RefusalReason};
use crate::{BodyId, CareId, CrisisId, CrisisRegime, IncidentId, MobilisationId, Nature, RoleId, SectorId, SignalId};

/// A crisis as it stood after the fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisSnapshot {
    pub id: CrisisId,
    /// What people say on the telephone, `C-2026-000012`.
    pub reference: String,
    pub regime: CrisisRegime,
    pub nature: Nature,
    pub closed: bool,
    /// The sector it began in.
    pub sector: SectorId,
    /// Every sector concerned, that one first.
    pub sectors: Vec<SectorId>,
    #[schemars(with = "String")]
    pub opened_at: Timestamp,
}

/// A crisis was opened, from an incident or directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisOpenedV1 {
    pub crisis: CrisisSnapshot,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// Another authority directs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisRegimeChangedV1 {
    pub crisis: CrisisSnapshot,
    pub from: CrisisRegime,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// An incident belongs to the crisis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisIncidentLinkedV1 {
    pub crisis: CrisisSnapshot,
    pub incident: IncidentId,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// Functions were given to bodies; persons are not known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisRolesSetV1 {
    pub crisis: CrisisSnapshot,
    /// The one body the authority that gathers what concerns victims talks to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correspondent: Option<BodyId>,
    /// Bodies that sit in the City's crisis cell.
    pub cell: Vec<BodyId>,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A resource was asked for, or its mobilisation went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisMobilisationMovedV1 {
    pub crisis: CrisisSnapshot,
    pub mobilisation: MobilisationId,
    /// As the doctrine declares it.
    pub resource: String,
    /// Where it is wanted.
    pub incident: IncidentId,
    pub moved: Mobilised,
    /// None when a due time came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What became of a mobilisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "to")]
pub enum Mobilised {
    Requested,
    /// A choice of providers was asked, the first is 1; it answers before `due_at`.
    Asked {
        choice: u32,
        #[schemars(with = "String")]
        due_at: Timestamp,
    },
    /// Whoever had to do the next thing did not within its time.
    Overdue {
        #[schemars(with = "String")]
        due_at: Timestamp,
    },
    Accepted,
    Refused {
        reason: RefusalReason,
    },
    /// Every choice was asked in vain.
    Unanswered,
    UnderWay,
    OnSite,
    Released,
}

/// A reception centre was opened, or what happens in it went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisCareMovedV1 {
    pub crisis: CrisisSnapshot,
    pub care: CareId,
    pub moved: CareMoved,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What happened in a reception centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "to")]
pub enum CareMoved {
    /// Armed in a kind of place of the doctrine.
    Opened {
        place: String,
        sector: SectorId,
    },
    /// A task of the checklist.
    Task {
        task: String,
        state: TaskState,
    },
    /// How many people, by category of the doctrine: numbers, never a list.
    Counted {
        people: BTreeMap<String, u32>,
    },
    Closed,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    Waiting,
    UnderWay,
    Done,
}

crate::coded! { pub TaskState {
    Waiting = "waiting",
    UnderWay = "under-way",
    Done = "done",
} }

impl TaskState {
    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "À faire",
            Self::UnderWay => "En cours",
            Self::Done => "Fait",
        }
    }
}

/// A situation report is owed, reminded of or given; its words stay with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisReportMovedV1 {
    pub crisis: CrisisSnapshot,
    pub sector: SectorId,
    /// Of that sector, from 1.
    pub number: u32,
    pub moved: ReportMoved,
    /// None when a due time came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What became of a situation report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "to")]
pub enum ReportMoved {
    Owed {
        #[schemars(with = "String")]
        due_at: Timestamp,
    },
    Reminded,
    /// Answers by field of the doctrine.
    Given {
        answers: BTreeMap<String, String>,
    },
}

/// A text of the authority that alone speaks to the population was received, for services to relay, or withdrawn; the
/// text stays with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisRelayMovedV1 {
    pub crisis: CrisisSnapshot,
    /// Of that crisis, from 1.
    pub number: u32,
    pub moved: RelayMoved,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What became of a text to relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "to")]
pub enum RelayMoved {
    /// To relay from now on, until `valid_until` when it says so.
    Received {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        valid_until: Option<Timestamp>,
    },
    /// No longer to be relayed.
    Withdrawn,
}

/// The crisis ended; what was learnt from it is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisClosedV1 {
    pub crisis: CrisisSnapshot,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// The feedback (RETEX) of a crisis or exercise went on; its words stay with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisRetexMovedV1 {
    pub crisis: CrisisSnapshot,
    pub moved: RetexMoved,
    /// None when a due time came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What became of a feedback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "to")]
pub enum RetexMoved {
    /// So many local days after the closing, it is not complete.
    Reminded {
        day: u32,
    },
    Written {
        section: String,
    },
    /// A body of this role improves something by that day.
    ActionAdded {
        number: u32,
        owner: RoleId,
        due_on: Date,
    },
    ActionDone {
        number: u32,
    },
    Completed,
}

/// A played scenario went on: its events are signals of nature `exercise`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrisisExerciseMovedV1 {
    pub crisis: CrisisSnapshot,
    /// As the script is named.
    pub script: String,
    pub moved: ExerciseMoved,
    /// None when a due time came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What became of an exercise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "to")]
pub enum ExerciseMoved {
    /// Its clock runs, `speed` minutes of the script in a minute.
    Running {
        speed: u32,
    },
    Paused,
    /// An event of the script happened.
    Injected {
        inject: String,
        signal: Option<SignalId>,
    },
    /// Nothing of the script is left.
    Played,
}
