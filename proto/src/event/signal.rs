//! A signal as it was accepted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    BodyId, Kind, Nature, RoleId, Severity, SignalId, SourceId,
    signal::{Location, Parties},
};

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
