//! What happened to an incident.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, IncidentSnapshot, News};
use crate::{ActId, BodyId, CrisisRegime, IncidentId, RoleId, SectorId, Severity, SignalId, plan::Plan};

/// A signal opened a new incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentOpenedV1 {
    pub incident: IncidentSnapshot,
    pub signal_id: SignalId,
    /// Hash of the territory it was located with.
    pub territory: String,
    pub plan: Plan,
    /// Earlier signals that together with this one made it graver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accumulated: Vec<SignalId>,
    /// The grave incident whose reprisals are watched for, when that made it graver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_the_wake_of: Option<IncidentId>,
    /// The incident the signal had joined by mistake, when a person took it out of there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separated_from: Option<IncidentId>,
}

/// A signal joined an open incident without changing its severity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentReinforcedV1 {
    pub incident: IncidentSnapshot,
    pub signal_id: SignalId,
    /// What it told that was not known.
    #[serde(default, skip_serializing_if = "News::is_empty")]
    pub news: News,
}

/// The severity rose: whoever had acknowledged is asked again, on a new plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentAggravatedV1 {
    pub incident: IncidentSnapshot,
    pub from: Severity,
    pub cause: Cause,
    pub plan: Plan,
    /// What the signal that made it worse told besides.
    #[serde(default, skip_serializing_if = "News::is_empty")]
    pub news: News,
}

/// The severity was lowered by a person: the milder plan takes over, nobody is asked twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentEasedV1 {
    pub incident: IncidentSnapshot,
    pub from: Severity,
    pub act_id: ActId,
    pub by: Actor,
    pub plan: Plan,
}

/// What made an incident worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Cause {
    Signal {
        signal_id: SignalId,
    },
    Act {
        act_id: ActId,
        actor: Actor,
    },
    /// Weak signals around the same place, together.
    Accumulation {
        signal_id: SignalId,
        with: Vec<SignalId>,
    },
}

/// The plan gained or lost circuits without the severity changing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentReplannedV1 {
    pub incident: IncidentSnapshot,
    pub because: Replanning,
    /// What the doctrine asks now; steps already in hand keep their times.
    pub plan: Plan,
    /// What the signal that announces it told.
    #[serde(default, skip_serializing_if = "News::is_empty")]
    pub news: News,
}

/// Why a plan was made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Replanning {
    /// A person set the crisis regime.
    Regime { from: CrisisRegime, act_id: ActId, actor: Actor },
    /// A person brought other sectors in; the plan holds only what they add.
    Involvement { sectors: Vec<SectorId>, act_id: ActId, actor: Actor },
    /// A signal told when it is expected.
    Expected { signal_id: SignalId },
}

/// A body that was asked will not take charge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentRefusedV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    pub reason: RefusalReason,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// Why a body does not take charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    /// Nobody can be sent.
    Unavailable,
    /// Another body's task.
    NotOurs,
    /// Another sector's.
    Elsewhere,
}

crate::coded! { pub RefusalReason {
    Unavailable = "unavailable",
    NotOurs = "not-ours",
    Elsewhere = "elsewhere",
} }

impl RefusalReason {
    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unavailable => "Pas de moyens disponibles",
            Self::NotOurs => "Ne relève pas de notre service",
            Self::Elsewhere => "Hors de notre secteur",
        }
    }
}

/// Whoever had taken charge hands it on; the body named is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentHandedOverV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    pub to: BodyId,
    /// Its role then. None in facts older than this field: what the directory says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_role: Option<RoleId>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A person has a body asked now, whatever the plan says: it was not reached, or not thought of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentCalledV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    pub to: BodyId,
    /// Its role then. None in facts older than this field: what the directory says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_role: Option<RoleId>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What was owed was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReturnGivenV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    /// [`crate::plan::Owed::id`]
    pub owed: String,
    pub outcome: ReturnOutcome,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// How something owed was settled; what was decided stays between the bodies concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnOutcome {
    /// Communicated to whom it is owed.
    Communicated,
    /// No outcome is known, said explicitly.
    NoneKnown,
}

crate::coded! { pub ReturnOutcome {
    Communicated = "communicated",
    NoneKnown = "none-known",
} }

impl ReturnOutcome {
    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Communicated => "Communiqué",
            Self::NoneKnown => "Sans suite connue",
        }
    }
}

/// A body took charge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentAcknowledgedV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    /// Incident version the person had under their eyes.
    pub seen_version: u32,
    /// The circuits of the plan it counts for: those that asked this body, in this generation, and accept its role. None
    /// in facts older than this field: every circuit whose rule it fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_for: Option<Vec<String>>,
    /// Whether its role goes there or sends somebody, then. None in facts older than this field: what the directory says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervenes: Option<bool>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A body has read it: it knows, and stops nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentSeenV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    /// Incident version the person had under their eyes.
    pub seen_version: u32,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A note was added; its text stays with the incident's owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentNotedV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    /// Whoever raised it says that it is over; there is no other text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

/// A signal had joined it by mistake: a person took it out, and it opens an incident of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentSeparatedV1 {
    /// The incident that stays, as severe as it is: what the signal had made graver, a person eases.
    pub incident: IncidentSnapshot,
    pub signal_id: SignalId,
    pub act_id: ActId,
    pub by: Actor,
    /// The incident the signal opens.
    pub becomes: IncidentId,
    /// Its reference, `R-2026-000124`.
    pub becomes_reference: String,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// The incident ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentClosedV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    pub reason: ClosingReason,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A closed incident is open again: what the closing had stopped goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentReopenedV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A body took back what it had answered: it stands as if it had not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentTakenBackV1 {
    pub incident: IncidentSnapshot,
    pub act_id: ActId,
    pub by: Actor,
    pub what: TakenBack,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// An answer that can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TakenBack {
    /// That it takes charge.
    Charge,
    /// That it will not.
    Refusal,
}

/// Why an incident was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClosingReason {
    /// The event was dealt with.
    Resolved,
    /// It did not happen: prevention worked or the rumour was wrong.
    Averted,
    /// Raised in error.
    Mistaken,
}

crate::coded! { pub ClosingReason {
    Resolved = "resolved",
    Averted = "averted",
    Mistaken = "mistaken",
} }

impl ClosingReason {
    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Resolved => "Événement traité",
            Self::Averted => "N'a pas eu lieu",
            Self::Mistaken => "Signalé par erreur",
        }
    }
}
