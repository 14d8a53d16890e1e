//! Facts, in the past tense. A released shape is frozen: change it by adding optional fields or a next version.
//!
//! No event carries a person's name, a telephone number, an address or free text: those stay in the tables of the
//! service that owns them, and events refer to them by id.

mod act;
mod alert;
mod configuration;
pub mod crisis;
mod incident;
mod probe;
mod security;
mod signal;
mod snapshot;
mod words;

pub use act::{Act, ActRecordedV1, ActRejectedV1, Actor, IndicatorCountedV1, Rejection, Through};
pub use alert::{
    AlertIssuedV1, AlsoTold, ChargeLapsedV1, DeliveryDeadLetteredV1, DeliveryDeliveredV1, DeliveryFailedV1,
    DeliveryFailure, DeliverySentV1, FallbackContact, Novelty, Occasion, Purpose, Recipient, ResourceRequest,
    StepOutcome, StepSettledV1,
};
pub use configuration::{
    ConfigurationDecidedV1, ConfigurationProposedV1, DirectoryChangedV1, DoctrineActivatedV1, DutyHandedOverV1,
    ProposalDecision,
};
pub use crisis::{
    CrisisCareMovedV1, CrisisClosedV1, CrisisExerciseMovedV1, CrisisIncidentLinkedV1, CrisisMobilisationMovedV1,
    CrisisOpenedV1, CrisisRegimeChangedV1, CrisisRelayMovedV1, CrisisReportMovedV1, CrisisRetexMovedV1,
    CrisisRolesSetV1, CrisisSnapshot,
};
pub use incident::{
    Cause, ClosingReason, IncidentAcknowledgedV1, IncidentAggravatedV1, IncidentCalledV1, IncidentClosedV1,
    IncidentEasedV1, IncidentHandedOverV1, IncidentNotedV1, IncidentOpenedV1, IncidentRefusedV1, IncidentReinforcedV1,
    IncidentReopenedV1, IncidentReplannedV1, IncidentSeenV1, IncidentSeparatedV1, IncidentTakenBackV1, RefusalReason,
    Replanning, ReturnGivenV1, ReturnOutcome, TakenBack,
};
pub use probe::{ProbeAnsweredV1, ProbeIssuedV1, ProbeOutcome, ProbePurpose, ProbeSettledV1};
pub use security::{SecurityMatter, SecurityNotedV1};
pub use signal::SignalRaisedV1;
pub use snapshot::{IncidentSnapshot, Known, KnownFact, News, Spot, Whereabouts};
pub use words::WordsReadV1;

use crate::{IncidentId, subject};

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
    IncidentSeen(IncidentSeenV1) = "vigie.incident.seen.v1",
    IncidentNoted(IncidentNotedV1) = "vigie.incident.noted.v1",
    IncidentCalled(IncidentCalledV1) = "vigie.incident.called.v1",
    IncidentSeparated(IncidentSeparatedV1) = "vigie.incident.separated.v1",
    IncidentTakenBack(IncidentTakenBackV1) = "vigie.incident.taken-back.v1",
    IncidentClosed(IncidentClosedV1) = "vigie.incident.closed.v1",
    IncidentReopened(IncidentReopenedV1) = "vigie.incident.reopened.v1",
    ActRecorded(ActRecordedV1) = "vigie.act.recorded.v1",
    ActRejected(ActRejectedV1) = "vigie.act.rejected.v1",
    StepSettled(StepSettledV1) = "vigie.escalation.step-settled.v1",
    ChargeLapsed(ChargeLapsedV1) = "vigie.escalation.charge-lapsed.v1",
    AlertIssued(AlertIssuedV1) = "vigie.alert.issued.v1",
    DeliverySent(DeliverySentV1) = "vigie.delivery.sent.v1",
    DeliveryDelivered(DeliveryDeliveredV1) = "vigie.delivery.delivered.v1",
    DeliveryFailed(DeliveryFailedV1) = "vigie.delivery.failed.v1",
    DeliveryDeadLettered(DeliveryDeadLetteredV1) = "vigie.delivery.dead-lettered.v1",
    IndicatorCounted(IndicatorCountedV1) = "vigie.indicator.counted.v1",
    WordsRead(WordsReadV1) = "vigie.words.read.v1",
    ConfigurationProposed(ConfigurationProposedV1) = "vigie.configuration.proposed.v1",
    ConfigurationDecided(ConfigurationDecidedV1) = "vigie.configuration.decided.v1",
    DoctrineActivated(DoctrineActivatedV1) = "vigie.doctrine.activated.v1",
    DirectoryChanged(DirectoryChangedV1) = "vigie.directory.changed.v1",
    DutyHandedOver(DutyHandedOverV1) = "vigie.duty.handed-over.v1",
    ProbeIssued(ProbeIssuedV1) = "vigie.probe.issued.v1",
    ProbeSettled(ProbeSettledV1) = "vigie.probe.settled.v1",
    ProbeAnswered(ProbeAnsweredV1) = "vigie.probe.answered.v1",
    SecurityNoted(SecurityNotedV1) = "vigie.security.noted.v1",
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
            Self::IncidentSeen(e) => e.incident.subject("seen"),
            Self::IncidentNoted(e) => e.incident.subject("noted"),
            Self::IncidentCalled(e) => e.incident.subject("called"),
            Self::IncidentSeparated(e) => e.incident.subject("separated"),
            Self::IncidentTakenBack(e) => e.incident.subject("taken-back"),
            Self::IncidentClosed(e) => e.incident.subject("closed"),
            Self::IncidentReopened(e) => e.incident.subject("reopened"),
            Self::ActRecorded(_) => subject::ACT_RECORDED.to_owned(),
            Self::ActRejected(_) => subject::ACT_REJECTED.to_owned(),
            Self::StepSettled(_) => subject::STEP_SETTLED.to_owned(),
            Self::ChargeLapsed(_) => subject::CHARGE_LAPSED.to_owned(),
            Self::AlertIssued(e) => subject::alert_issued(e.channel),
            Self::DeliverySent(e) => subject::delivery("sent", e.channel),
            Self::DeliveryDelivered(e) => subject::delivery("delivered", e.channel),
            Self::DeliveryFailed(e) => subject::delivery("failed", e.channel),
            Self::DeliveryDeadLettered(e) => subject::delivery("dead-lettered", e.channel),
            Self::IndicatorCounted(_) => subject::INDICATOR_COUNTED.to_owned(),
            Self::WordsRead(_) => subject::WORDS_READ.to_owned(),
            Self::ConfigurationProposed(_) => subject::CONFIGURATION_PROPOSED.to_owned(),
            Self::ConfigurationDecided(_) => subject::CONFIGURATION_DECIDED.to_owned(),
            Self::DoctrineActivated(_) => subject::DOCTRINE_ACTIVATED.to_owned(),
            Self::DirectoryChanged(_) => subject::DIRECTORY_CHANGED.to_owned(),
            Self::DutyHandedOver(_) => subject::DUTY_HANDED_OVER.to_owned(),
            Self::ProbeIssued(e) => subject::probe("issued", e.channel),
            Self::ProbeSettled(e) => subject::probe("settled", e.channel),
            Self::ProbeAnswered(e) => subject::probe("answered", e.channel),
            Self::SecurityNoted(_) => subject::SECURITY_NOTED.to_owned(),
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

    /// The incident it changes or brings news of, as it stood after the fact.
    pub fn snapshot(&self) -> Option<&IncidentSnapshot> {
        match self {
            Self::IncidentOpened(e) => Some(&e.incident),
            Self::IncidentReinforced(e) => Some(&e.incident),
            Self::IncidentAggravated(e) => Some(&e.incident),
            Self::IncidentEased(e) => Some(&e.incident),
            Self::IncidentAcknowledged(e) => Some(&e.incident),
            Self::IncidentSeen(e) => Some(&e.incident),
            Self::IncidentNoted(e) => Some(&e.incident),
            Self::IncidentTakenBack(e) => Some(&e.incident),
            Self::IncidentClosed(e) => Some(&e.incident),
            Self::IncidentReopened(e) => Some(&e.incident),
            Self::IncidentReplanned(e) => Some(&e.incident),
            Self::IncidentRefused(e) => Some(&e.incident),
            Self::IncidentHandedOver(e) => Some(&e.incident),
            Self::IncidentCalled(e) => Some(&e.incident),
            Self::IncidentSeparated(e) => Some(&e.incident),
            Self::ReturnGiven(e) => Some(&e.incident),
            Self::DeliveryDeadLettered(e) => Some(&e.incident),
            Self::SignalRaised(_)
            | Self::ActRecorded(_)
            | Self::ActRejected(_)
            | Self::StepSettled(_)
            | Self::ChargeLapsed(_)
            | Self::AlertIssued(_)
            | Self::DeliverySent(_)
            | Self::DeliveryDelivered(_)
            | Self::DeliveryFailed(_)
            | Self::IndicatorCounted(_)
            | Self::WordsRead(_)
            | Self::ConfigurationProposed(_)
            | Self::ConfigurationDecided(_)
            | Self::DoctrineActivated(_)
            | Self::DirectoryChanged(_)
            | Self::DutyHandedOver(_)
            | Self::ProbeIssued(_)
            | Self::ProbeSettled(_)
            | Self::ProbeAnswered(_)
            | Self::SecurityNoted(_)
            | Self::CrisisOpened(_)
            | Self::CrisisRegimeChanged(_)
            | Self::CrisisIncidentLinked(_)
            | Self::CrisisRolesSet(_)
            | Self::CrisisMobilisationMoved(_)
            | Self::CrisisCareMoved(_)
            | Self::CrisisReportMoved(_)
            | Self::CrisisRelayMoved(_)
            | Self::CrisisClosed(_)
            | Self::CrisisRetexMoved(_)
            | Self::CrisisExerciseMoved(_) => None,
        }
    }

    /// The incident it tells of, if any: what groups a timeline.
    pub fn incident_id(&self) -> Option<IncidentId> {
        match self {
            Self::SignalRaised(_)
            | Self::IndicatorCounted(_)
            | Self::ConfigurationProposed(_)
            | Self::ConfigurationDecided(_)
            | Self::DoctrineActivated(_)
            | Self::DirectoryChanged(_)
            | Self::DutyHandedOver(_)
            | Self::ProbeIssued(_)
            | Self::ProbeSettled(_)
            | Self::ProbeAnswered(_)
            | Self::SecurityNoted(_)
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
            Self::IncidentSeen(e) => Some(e.incident.id),
            Self::IncidentNoted(e) => Some(e.incident.id),
            Self::IncidentCalled(e) => Some(e.incident.id),
            Self::IncidentSeparated(e) => Some(e.incident.id),
            Self::IncidentTakenBack(e) => Some(e.incident.id),
            Self::IncidentClosed(e) => Some(e.incident.id),
            Self::IncidentReopened(e) => Some(e.incident.id),
            Self::WordsRead(e) => Some(e.incident_id),
            Self::ActRecorded(e) => Some(e.incident_id),
            Self::ActRejected(e) => Some(e.incident_id),
            Self::StepSettled(e) => Some(e.incident_id),
            Self::ChargeLapsed(e) => Some(e.incident_id),
            Self::AlertIssued(e) => Some(e.incident.id),
            Self::DeliverySent(e) => Some(e.incident_id),
            Self::DeliveryDelivered(e) => Some(e.incident_id),
            Self::DeliveryFailed(e) => Some(e.incident_id),
            Self::DeliveryDeadLettered(e) => Some(e.incident.id),
        }
    }
}
