//! Steps of a plan, the alerts they issue, and how far those came.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClosingReason, IncidentSnapshot};
use crate::{AlertId, BodyId, Channel, ContactId, DeliveryId, IncidentId, MobilisationId, RoleId};

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
    /// Bodies it asked to take charge, in order of name. None in facts older than this field: its alerts say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<BTreeSet<BodyId>>,
    /// Bodies it would have asked, had they not been in charge.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub in_charge: BTreeSet<BodyId>,
    /// Bodies it told, those it asked included, each with its role. Empty in facts older than this field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<BodyId, RoleId>,
}

/// A body's taking charge counts no more: it did not answer whether it still was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ChargeLapsedV1 {
    pub incident_id: IncidentId,
    /// Plan number within the incident, from 1.
    pub generation: u32,
    pub body: BodyId,
    pub role: RoleId,
    #[schemars(with = "String")]
    pub at: Timestamp,
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

/// Who is told, where and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    pub body: BodyId,
    pub role: RoleId,
    pub contact: ContactId,
    pub channel: Channel,
}

impl AlertIssuedV1 {
    /// Tells `to` of `incident`, because of `steps`; of no plan, with no fallback, and nothing beside the incident.
    pub fn new(
        alert_id: AlertId,
        incident: IncidentSnapshot,
        purpose: Purpose,
        steps: Vec<String>,
        to: Recipient,
        issued_at: Timestamp,
    ) -> Self {
        let Recipient { body, role, contact, channel } = to;
        Self {
            alert_id,
            incident,
            purpose,
            generation: 0,
            steps,
            body,
            role,
            contact,
            channel,
            fallback: Vec::new(),
            unreachable: None,
            also: Vec::new(),
            owed: None,
            owed_id: None,
            guidance: Vec::new(),
            request: None,
            occasion: None,
            issued_at,
        }
    }

    /// Every incident its message tells of, with the plan's number and the steps that asked for it.
    pub fn told_of(&self) -> impl Iterator<Item = (&IncidentSnapshot, u32, &[String])> {
        let also = self.also.iter().map(|also| (&also.incident, also.generation, also.steps.as_slice()));
        std::iter::once((&self.incident, self.generation, self.steps.as_slice())).chain(also)
    }
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
    /// Which of the plan's debts that is: [`crate::plan::Owed::id`]. None in facts older than this field: the debt of those
    /// words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed_id: Option<String>,
    /// What the doctrine wants kept in mind, in French.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guidance: Vec<String>,
    /// The request for a resource it asks an answer to, for [`Purpose::Mobilise`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ResourceRequest>,
    /// Why it comes now. None in facts older than this field: a first call, or what the plan's number says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<Occasion>,
    #[schemars(with = "String")]
    pub issued_at: Timestamp,
}

/// Why a message comes now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Occasion {
    /// The plan tells of it for the first time.
    First,
    /// The incident is worse than when it was told of before.
    Worse,
    /// Not enough have answered an earlier call of the same circuit.
    Again {
        /// Calls of that circuit before this one.
        calls: u32,
        /// When the first of them was due.
        #[schemars(with = "String")]
        since: Timestamp,
        /// Somebody has answered; others are still awaited.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        answered: bool,
    },
    /// A person has the body called.
    Called { by: BodyId },
    /// Whoever had it in charge hands it on.
    HandedOver { by: BodyId },
    /// Something is new, or it is over.
    New { what: Vec<Novelty> },
}

/// Something new about an incident that was told of before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Novelty {
    /// A predefined fact became known; its label in French.
    Fact { label: String },
    /// The number of persons, or what is known of weapons, is another.
    Number,
    /// It is announced for a time.
    Announced,
    /// A body took charge.
    TakenCharge { by: BodyId },
    /// A body that was asked will not take charge.
    Refused { by: BodyId },
    /// A body took back that it takes charge.
    LetGo { by: BodyId },
    /// It was closed.
    Over { reason: ClosingReason },
    /// It was closed by mistake, or began again.
    Reopened,
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
    /// Plan number within that incident; 0 in facts older than this field.
    #[serde(default)]
    pub generation: u32,
    /// `circuit/step` of every step of that incident's plan that asked for it.
    #[serde(default)]
    pub steps: Vec<String>,
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

crate::coded! { pub Purpose {
    Acknowledge = "acknowledge",
    Inform = "inform",
    Undeliverable = "undeliverable",
    Confirm = "confirm",
    TakeOver = "take-over",
    Return = "return",
    Mobilise = "mobilise",
} }

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
    /// What its reader was shown, as a digest that only whoever holds the key can compare with a message: HMAC-SHA-256 over the
    /// delivery and the text, 64 hexadecimal digits. None on a screen, whose page shows what the alert holds, and in facts
    /// older than this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
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

crate::coded! { pub DeliveryFailure {
    Refused = "refused",
    Exhausted = "exhausted",
    NoReceipt = "no-receipt",
    Undelivered = "undelivered",
    UnknownContact = "unknown-contact",
} }

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
