//! What came into force, and whose duty passed on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Actor;
use crate::BodyId;

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
