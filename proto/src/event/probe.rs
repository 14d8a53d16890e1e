//! Trying a contact point.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::DeliveryFailure;
use crate::{BodyId, Channel, ContactId, DrillId, ProbeId, RoleId};

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
    /// Nothing: the address hears that the contact point it was has been replaced or taken away.
    Notice,
}

crate::coded! { pub ProbePurpose {
    Verification = "verification",
    Drill = "drill",
    Notice = "notice",
} }

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
