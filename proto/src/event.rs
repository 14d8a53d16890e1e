//! Facts, in the past tense. A released shape is frozen: change it by adding optional fields or a next version.
//!
//! No event carries a person's name, a telephone number, an address or free text: those stay in the tables of the
//! service that owns them, and events refer to them by id.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ActId, AlertId, BodyId, Channel, ContactId, CrisisRegime, DeliveryId, DrillId, IncidentId, IncidentStatus, Kind,
    MobilisationId, Nature, ProbeId, RoleId, SectorId, Severity, SignalId, SourceId,
    crisis::{
        CrisisCareMovedV1, CrisisClosedV1, CrisisExerciseMovedV1, CrisisIncidentLinkedV1, CrisisMobilisationMovedV1,
        CrisisOpenedV1, CrisisRegimeChangedV1, CrisisRelayMovedV1, CrisisReportMovedV1, CrisisRetexMovedV1,
        CrisisRolesSetV1, CrisisSnapshot,
    },
    plan::Plan,
    signal::{Location, Parties},
    subject,
};

/// Declares the event enum, its type names and its decoder from one list.
macro_rules! events {
    ($($variant:ident($body:ty) = $name:literal),+ $(,)?) => {
        /// Any fact of the journal.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $(#[doc = concat!("`", $name, "`")] $variant(Box<$body>),)+
        }

        impl Event {
            /// Every type name this build writes and reads.
            pub const TYPES: &'static [&'static str] = &[$($name),+];

            /// CloudEvents `type`, such as `vigie.incident.opened.v1`.
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// Reads the data of an event of type `type_name`.
            pub fn decode(type_name: &str, data: &str) -> Result<Self, DecodeError> {
                let malformed = |source| DecodeError::Malformed { type_name: type_name.to_owned(), source };
                match type_name {
                    $($name => serde_json::from_str::<$body>(data).map(|body| Self::$variant(Box::new(body))).map_err(malformed),)+
                    _ => Err(DecodeError::UnknownType(type_name.to_owned())),
                }
            }

            /// The event's data as JSON.
            pub fn to_json(&self) -> String {
                let json = match self { $(Self::$variant(body) => serde_json::to_string(body),)+ };
                json.expect("event bodies are plain structs with string keys, which always serialize")
            }

            /// JSON Schema (2020-12) of every event's data, by type name.
            pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($name, schemars::schema_for!($body))),+]
            }
        }

        $(impl From<$body> for Event {
            fn from(body: $body) -> Self {
                Self::$variant(Box::new(body))
            }
        })+
    };
}

events! {
    SignalRaised(SignalRaisedV1) = "vigie.signal.raised.v1",
    IncidentOpened(IncidentOpenedV1) = "vigie.incident.opened.v1",
    IncidentReinforced(IncidentReinforcedV1) = "vigie.incident.reinforced.v1",
    IncidentAggravated(IncidentAggravatedV1) = "vigie.incident.aggravated.v1",
    IncidentEased(IncidentEasedV1) = "vigie.incident.eased.v1",
    IncidentReplanned(IncidentReplannedV1) = "vigie.incident.replanned.v1",
    IncidentRefused(IncidentRefusedV1) = "vigie.incident.refused.v1",
    IncidentHandedOver(IncidentHandedOverV1) = "vigie.incident.handed-over.v1",
    ReturnGiven(ReturnGivenV1) = "vigie.incident.return-given.v1",
    IncidentAcknowledged(IncidentAcknowledgedV1) = "vigie.incident.acknowledged.v1",
    IncidentNoted(IncidentNotedV1) = "vigie.incident.noted.v1",
    IncidentClosed(IncidentClosedV1) = "vigie.incident.closed.v1",
    ActRecorded(ActRecordedV1) = "vigie.act.recorded.v1",
    ActRejected(ActRejectedV1) = "vigie.act.rejected.v1",
    StepSettled(StepSettledV1) = "vigie.escalation.step-settled.v1",
    AlertIssued(AlertIssuedV1) = "vigie.alert.issued.v1",
    DeliverySent(DeliverySentV1) = "vigie.delivery.sent.v1",
    DeliveryDelivered(DeliveryDeliveredV1) = "vigie.delivery.delivered.v1",
    DeliveryFailed(DeliveryFailedV1) = "vigie.delivery.failed.v1",
    DeliveryDeadLettered(DeliveryDeadLetteredV1) = "vigie.delivery.dead-lettered.v1",
    IndicatorCounted(IndicatorCountedV1) = "vigie.indicator.counted.v1",
    DoctrineActivated(DoctrineActivatedV1) = "vigie.doctrine.activated.v1",
    DirectoryChanged(DirectoryChangedV1) = "vigie.directory.changed.v1",
    DutyHandedOver(DutyHandedOverV1) = "vigie.duty.handed-over.v1",
    ProbeIssued(ProbeIssuedV1) = "vigie.probe.issued.v1",
    ProbeSettled(ProbeSettledV1) = "vigie.probe.settled.v1",
    ProbeAnswered(ProbeAnsweredV1) = "vigie.probe.answered.v1",
    CrisisOpened(CrisisOpenedV1) = "vigie.crisis.opened.v1",
    CrisisRegimeChanged(CrisisRegimeChangedV1) = "vigie.crisis.regime-changed.v1",
    CrisisIncidentLinked(CrisisIncidentLinkedV1) = "vigie.crisis.incident-linked.v1",
    CrisisRolesSet(CrisisRolesSetV1) = "vigie.crisis.roles-set.v1",
    CrisisMobilisationMoved(CrisisMobilisationMovedV1) = "vigie.crisis.mobilisation-moved.v1",
    CrisisCareMoved(CrisisCareMovedV1) = "vigie.crisis.care-moved.v1",
    CrisisReportMoved(CrisisReportMovedV1) = "vigie.crisis.report-moved.v1",
    CrisisRelayMoved(CrisisRelayMovedV1) = "vigie.crisis.relay-moved.v1",
    CrisisClosed(CrisisClosedV1) = "vigie.crisis.closed.v1",
    CrisisRetexMoved(CrisisRetexMovedV1) = "vigie.crisis.retex-moved.v1",
    CrisisExerciseMoved(CrisisExerciseMovedV1) = "vigie.crisis.exercise-moved.v1",
}

/// Why an event could not be read. It goes to the dead letters, visibly; it is never skipped.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("unknown event type `{0}`: a newer Vigie wrote it, upgrade this one")]
    UnknownType(String),
    #[error("event of type `{type_name}` does not have the shape of that type")]
    Malformed { type_name: String, source: serde_json::Error },
}

impl Event {
    /// The NATS subject it is published on.
    pub fn subject(&self) -> String {
        match self {
            Self::SignalRaised(e) => subject::signal_raised(&e.kind),
            Self::IncidentOpened(e) => e.incident.subject("opened"),
            Self::IncidentReinforced(e) => e.incident.subject("reinforced"),
            Self::IncidentAggravated(e) => e.incident.subject("aggravated"),
            Self::IncidentEased(e) => e.incident.subject("eased"),
            Self::IncidentReplanned(e) => e.incident.subject("replanned"),
            Self::IncidentRefused(e) => e.incident.subject("refused"),
            Self::IncidentHandedOver(e) => e.incident.subject("handed-over"),
            Self::ReturnGiven(e) => e.incident.subject("return-given"),
            Self::IncidentAcknowledged(e) => e.incident.subject("acknowledged"),
            Self::IncidentNoted(e) => e.incident.subject("noted"),
            Self::IncidentClosed(e) => e.incident.subject("closed"),
            Self::ActRecorded(_) => subject::ACT_RECORDED.to_owned(),
            Self::ActRejected(_) => subject::ACT_REJECTED.to_owned(),
            Self::StepSettled(_) => subject::STEP_SETTLED.to_owned(),
            Self::AlertIssued(e) => subject::alert_issued(e.channel),
            Self::DeliverySent(e) => subject::delivery("sent", e.channel),
            Self::DeliveryDelivered(e) => subject::delivery("delivered", e.channel),
            Self::DeliveryFailed(e) => subject::delivery("failed", e.channel),
            Self::DeliveryDeadLettered(e) => subject::delivery("dead-lettered", e.channel),
            Self::IndicatorCounted(_) => subject::INDICATOR_COUNTED.to_owned(),
            Self::DoctrineActivated(_) => subject::DOCTRINE_ACTIVATED.to_owned(),
            Self::DirectoryChanged(_) => subject::DIRECTORY_CHANGED.to_owned(),
            Self::DutyHandedOver(_) => subject::DUTY_HANDED_OVER.to_owned(),
            Self::ProbeIssued(e) => subject::probe("issued", e.channel),
            Self::ProbeSettled(e) => subject::probe("settled", e.channel),
            Self::ProbeAnswered(e) => subject::probe("answered", e.channel),
            Self::CrisisOpened(e) => subject::crisis("opened", &e.crisis.sector),
            Self::CrisisRegimeChanged(e) => subject::crisis("regime-changed", &e.crisis.sector),
            Self::CrisisIncidentLinked(e) => subject::crisis("incident-linked", &e.crisis.sector),
            Self::CrisisRolesSet(e) => subject::crisis("roles-set", &e.crisis.sector),
            Self::CrisisMobilisationMoved(e) => subject::crisis("mobilisation-moved", &e.crisis.sector),
            Self::CrisisCareMoved(e) => subject::crisis("care-moved", &e.crisis.sector),
            Self::CrisisReportMoved(e) => subject::crisis("report-moved", &e.crisis.sector),
            Self::CrisisRelayMoved(e) => subject::crisis("relay-moved", &e.crisis.sector),
            Self::CrisisClosed(e) => subject::crisis("closed", &e.crisis.sector),
            Self::CrisisRetexMoved(e) => subject::crisis("retex-moved", &e.crisis.sector),
            Self::CrisisExerciseMoved(e) => subject::crisis("exercise-moved", &e.crisis.sector),
        }
    }

    /// The crisis it tells of, as it stood after the fact.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the facts of crises are those whose names say so")]
    pub fn crisis(&self) -> Option<&CrisisSnapshot> {
        Some(match self {
            Self::CrisisOpened(e) => &e.crisis,
            Self::CrisisRegimeChanged(e) => &e.crisis,
            Self::CrisisIncidentLinked(e) => &e.crisis,
            Self::CrisisRolesSet(e) => &e.crisis,
            Self::CrisisMobilisationMoved(e) => &e.crisis,
            Self::CrisisCareMoved(e) => &e.crisis,
            Self::CrisisReportMoved(e) => &e.crisis,
            Self::CrisisRelayMoved(e) => &e.crisis,
            Self::CrisisClosed(e) => &e.crisis,
            Self::CrisisRetexMoved(e) => &e.crisis,
            Self::CrisisExerciseMoved(e) => &e.crisis,
            _ => return None,
        })
    }

    /// The incident it tells of, if any: what groups a timeline.
    pub fn incident_id(&self) -> Option<IncidentId> {
        match self {
            Self::SignalRaised(_)
            | Self::IndicatorCounted(_)
            | Self::DoctrineActivated(_)
            | Self::DirectoryChanged(_)
            | Self::DutyHandedOver(_)
            | Self::ProbeIssued(_)
            | Self::ProbeSettled(_)
            | Self::ProbeAnswered(_)
            | Self::CrisisRegimeChanged(_)
            | Self::CrisisRolesSet(_)
            | Self::CrisisCareMoved(_)
            | Self::CrisisReportMoved(_)
            | Self::CrisisRelayMoved(_)
            | Self::CrisisClosed(_)
            | Self::CrisisRetexMoved(_)
            | Self::CrisisExerciseMoved(_) => None,
            Self::CrisisOpened(e) => e.incident,
            Self::CrisisIncidentLinked(e) => Some(e.incident),
            Self::CrisisMobilisationMoved(e) => Some(e.incident),
            Self::IncidentOpened(e) => Some(e.incident.id),
            Self::IncidentReinforced(e) => Some(e.incident.id),
            Self::IncidentAggravated(e) => Some(e.incident.id),
            Self::IncidentEased(e) => Some(e.incident.id),
            Self::IncidentReplanned(e) => Some(e.incident.id),
            Self::IncidentRefused(e) => Some(e.incident.id),
            Self::IncidentHandedOver(e) => Some(e.incident.id),
            Self::ReturnGiven(e) => Some(e.incident.id),
            Self::IncidentAcknowledged(e) => Some(e.incident.id),
            Self::IncidentNoted(e) => Some(e.incident.id),
            Self::IncidentClosed(e) => Some(e.incident.id),
            Self::ActRecorded(e) => Some(e.incident_id),
            Self::ActRejected(e) => Some(e.incident_id),
            Self::StepSettled(e) => Some(e.incident_id),
            Self::AlertIssued(e) => Some(e.incident.id),
            Self::DeliverySent(e) => Some(e.incident_id),
            Self::DeliveryDelivered(e) => Some(e.incident_id),
            Self::DeliveryFailed(e) => Some(e.incident_id),
            Self::DeliveryDeadLettered(e) => Some(e.incident.id),
        }
    }
}

/// An incident as it stood after the fact: enough to render, route and authorise without asking its owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentSnapshot {
    pub id: IncidentId,
    /// What people say on the telephone, `R-2026-000123`.
    pub reference: String,
    /// Counts every change of severity or status, from 1.
    pub version: u32,
    pub kind: Kind,
    /// French label of the kind, from the doctrine.
    pub kind_label: String,
    pub severity: Severity,
    pub status: IncidentStatus,
    /// The sector that owns it.
    pub sector: SectorId,
    /// French label of the sector, as `19e arrondissement`.
    pub sector_label: String,
    /// Other sectors concerned: the point's accuracy crosses their border.
    #[serde(default)]
    pub also_concerns: Vec<SectorId>,
    /// Kind of place, in French, without naming it: `abords d'un établissement scolaire`.
    pub place_label: String,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub expected_at: Option<Timestamp>,
    #[schemars(with = "String")]
    pub opened_at: Timestamp,
    #[serde(default)]
    pub regime: CrisisRegime,
    #[serde(default)]
    pub nature: Nature,
    /// French labels of the predefined facts the doctrine lets messages show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precisions: Vec<String>,
}

impl IncidentSnapshot {
    fn subject(&self, verb: &str) -> String {
        subject::incident(verb, &self.sector, &self.kind)
    }
}

/// A report was accepted and is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SignalRaisedV1 {
    pub signal_id: SignalId,
    /// `S-2026-000123`.
    pub reference: String,
    pub source: SourceId,
    pub source_role: RoleId,
    pub kind: Kind,
    /// The raiser's estimate, or the doctrine's default for the kind.
    pub severity: Severity,
    pub location: Location,
    #[schemars(with = "String")]
    pub occurred_at: Timestamp,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub expected_at: Option<Timestamp>,
    #[serde(default)]
    pub parties: Option<Parties>,
    #[serde(default)]
    pub facts: Vec<String>,
    #[schemars(with = "String")]
    pub received_at: Timestamp,
    /// The body the source acts for; unknown in signals of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_body: Option<BodyId>,
    /// When the raiser learnt of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub learnt_at: Option<Timestamp>,
    #[serde(default)]
    pub nature: Nature,
}

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
}

/// A signal joined an open incident without changing its severity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentReinforcedV1 {
    pub incident: IncidentSnapshot,
    pub signal_id: SignalId,
}

/// The severity rose: whoever had acknowledged is asked again, on a new plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentAggravatedV1 {
    pub incident: IncidentSnapshot,
    pub from: Severity,
    pub cause: Cause,
    pub plan: Plan,
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

impl RefusalReason {
    pub const ALL: [Self; 3] = [Self::Unavailable, Self::NotOurs, Self::Elsewhere];

    pub fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::NotOurs => "not-ours",
            Self::Elsewhere => "elsewhere",
        }
    }

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

impl ReturnOutcome {
    pub const ALL: [Self; 2] = [Self::Communicated, Self::NoneKnown];

    pub fn code(self) -> &'static str {
        match self {
            Self::Communicated => "communicated",
            Self::NoneKnown => "none-known",
        }
    }

    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Communicated => "Communiqué",
            Self::NoneKnown => "Sans suite connue",
        }
    }
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

/// A body took charge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentAcknowledgedV1 {
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

impl ClosingReason {
    pub const ALL: [Self; 3] = [Self::Resolved, Self::Averted, Self::Mistaken];

    pub fn code(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Averted => "averted",
            Self::Mistaken => "mistaken",
        }
    }

    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Resolved => "Événement traité",
            Self::Averted => "N'a pas eu lieu",
            Self::Mistaken => "Signalé par erreur",
        }
    }
}

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
    /// Gives what is owed.
    Return {
        owed: String,
        outcome: ReturnOutcome,
    },
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
}

/// A step of a plan was dealt with, one way or another: every due step leaves one of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepSettledV1 {
    pub incident_id: IncidentId,
    /// Plan number within the incident, from 1; aggravation starts the next.
    pub generation: u32,
    /// `circuit/step`.
    pub step: String,
    #[schemars(with = "String")]
    pub due_at: Timestamp,
    #[schemars(with = "String")]
    pub settled_at: Timestamp,
    pub outcome: StepOutcome,
    /// Alerts issued by it.
    pub alerts: u32,
}

/// What became of a due step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    Fired,
    /// Overdue after an outage: its recipients were told together with a later step of the same circuit.
    Folded,
    /// Overdue beyond its use; nobody was told.
    Expired,
    /// Its circuit had been satisfied.
    Acknowledged,
    /// What it would have reminded of was given.
    Returned,
    /// The incident was closed or took another plan.
    Superseded,
    /// Nobody in the directory answers to its targets.
    NobodyFound,
}

/// One recipient is to be told by one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AlertIssuedV1 {
    pub alert_id: AlertId,
    pub incident: IncidentSnapshot,
    pub purpose: Purpose,
    pub generation: u32,
    /// `circuit/step` of every step that asked for it.
    pub steps: Vec<String>,
    pub body: BodyId,
    pub role: RoleId,
    pub contact: ContactId,
    pub channel: Channel,
    /// Tried in order when this channel fails.
    pub fallback: Vec<FallbackContact>,
    /// The body that could not be reached, for [`Purpose::Undeliverable`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<BodyId>,
    /// Other incidents told in the same message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<AlsoTold>,
    /// What is owed, in French, for [`Purpose::Return`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<String>,
    /// What the doctrine wants kept in mind, in French.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guidance: Vec<String>,
    /// The request for a resource it asks an answer to, for [`Purpose::Mobilise`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ResourceRequest>,
    #[schemars(with = "String")]
    pub issued_at: Timestamp,
}

/// A resource somebody is asked to provide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ResourceRequest {
    pub mobilisation: MobilisationId,
    /// French name of the resource, from the doctrine.
    pub what: String,
    /// The same, short enough for an SMS.
    pub short: String,
    #[schemars(with = "String")]
    pub answer_by: Timestamp,
}

/// One more incident of a grouped message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AlsoTold {
    pub alert_id: AlertId,
    pub incident: IncidentSnapshot,
}

/// The next way to reach the same recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FallbackContact {
    pub channel: Channel,
    pub contact: ContactId,
}

/// What an alert asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Take charge.
    Acknowledge,
    /// Know it.
    Inform,
    /// Somebody could not be reached by any channel: reach them otherwise.
    Undeliverable,
    /// Still in charge? Without an answer the circuit goes on.
    Confirm,
    /// Another body hands the incident on.
    TakeOver,
    /// Something owed is due: give it.
    Return,
    /// Accept or refuse a request for a resource.
    Mobilise,
}

impl Purpose {
    /// Stable code, as in JSON and SQL.
    pub fn code(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Inform => "inform",
            Self::Undeliverable => "undeliverable",
            Self::Confirm => "confirm",
            Self::TakeOver => "take-over",
            Self::Return => "return",
            Self::Mobilise => "mobilise",
        }
    }
}

/// A message was handed to the next system, which took it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeliverySentV1 {
    pub delivery_id: DeliveryId,
    pub alert_id: AlertId,
    pub incident_id: IncidentId,
    pub body: BodyId,
    pub channel: Channel,
    /// Attempts so far, this one included.
    pub attempt: u32,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A receipt came: the message reached its device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeliveryDeliveredV1 {
    pub delivery_id: DeliveryId,
    pub alert_id: AlertId,
    pub incident_id: IncidentId,
    pub body: BodyId,
    pub channel: Channel,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A channel was given up for one alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeliveryFailedV1 {
    pub delivery_id: DeliveryId,
    pub alert_id: AlertId,
    pub incident_id: IncidentId,
    pub body: BodyId,
    pub channel: Channel,
    pub attempt: u32,
    pub failure: DeliveryFailure,
    /// The channel tried instead.
    #[serde(default)]
    pub next: Option<Channel>,
}

/// Why a channel was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryFailure {
    /// The next system refused for good (SMTP 5xx, invalid number).
    Refused,
    /// No attempt succeeded in the time allowed.
    Exhausted,
    /// Sent, but no receipt within the channel's bound.
    NoReceipt,
    /// The receipt says it was not delivered.
    Undelivered,
    /// The contact is no longer in the directory.
    UnknownContact,
}

impl DeliveryFailure {
    /// Stable code, as in JSON and SQL.
    pub fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Exhausted => "exhausted",
            Self::NoReceipt => "no-receipt",
            Self::Undelivered => "undelivered",
            Self::UnknownContact => "unknown-contact",
        }
    }
}

/// No channel of a recipient worked: the doctrine says who is told of that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeliveryDeadLetteredV1 {
    pub alert_id: AlertId,
    pub incident: IncidentSnapshot,
    pub purpose: Purpose,
    pub body: BodyId,
    pub channel: Channel,
    pub failure: DeliveryFailure,
}

/// A doctrine and a territory came into force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DoctrineActivatedV1 {
    pub doctrine: String,
    pub territory: String,
    /// Who put them in force; absent for whoever administers the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// An earlier version was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
}

/// Another directory came into force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DirectoryChangedV1 {
    pub directory: String,
    /// Who put it in force; absent for whoever administers the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// An earlier version was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
}

/// Whoever leaves duty has told the next what there is to know; the note stays with the directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DutyHandedOverV1 {
    pub body: BodyId,
    /// Duty position that leaves, a function and never a person.
    pub from: String,
    /// Duty position that takes over.
    pub to: String,
    pub by: Actor,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A contact point is to be tried with a message that asks for nothing but an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProbeIssuedV1 {
    pub probe_id: ProbeId,
    pub purpose: ProbePurpose,
    /// The drill it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillId>,
    pub body: BodyId,
    pub role: RoleId,
    pub contact: ContactId,
    pub channel: Channel,
    #[schemars(with = "String")]
    pub issued_at: Timestamp,
    /// No answer counts from then on.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}

/// What a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbePurpose {
    /// Send back the code it carries: the address belongs to whom the directory says.
    Verification,
    /// Press the button of its page: the message was read.
    Drill,
}

impl ProbePurpose {
    /// Stable code, as in JSON and SQL.
    pub fn code(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Drill => "drill",
        }
    }
}

/// What became of a probe's message on its way out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProbeSettledV1 {
    pub probe_id: ProbeId,
    pub body: BodyId,
    pub contact: ContactId,
    pub channel: Channel,
    pub outcome: ProbeOutcome,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// How far a probe's message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "went")]
pub enum ProbeOutcome {
    /// The next system took it.
    Sent,
    /// A receipt came from the device.
    Delivered,
    /// It was given up.
    Failed { failure: DeliveryFailure },
}

/// Somebody answered at a contact point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProbeAnsweredV1 {
    pub probe_id: ProbeId,
    pub purpose: ProbePurpose,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillId>,
    pub body: BodyId,
    pub contact: ContactId,
    pub channel: Channel,
    #[schemars(with = "String")]
    pub at: Timestamp,
}
