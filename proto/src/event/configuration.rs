//! What came into force, and whose duty passed on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Actor;
use crate::{BodyId, SourceId};

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

/// A change of who may do what waits for a second person; nothing is in force yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ConfigurationProposedV1 {
    /// Number of the proposal, from 1.
    pub proposal: i64,
    /// What makes it a matter for two: `roles`, `sources`, `classes`, `accuracy`.
    pub touches: Vec<String>,
    /// The source that proposes; it cannot approve.
    pub by: SourceId,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A proposal was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ConfigurationDecidedV1 {
    pub proposal: i64,
    pub decision: ProposalDecision,
    /// The second source; absent for whoever administers the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<SourceId>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalDecision {
    /// A second person put it in force.
    Approved,
    /// Given up, by whoever proposed it or by another.
    Withdrawn,
}
