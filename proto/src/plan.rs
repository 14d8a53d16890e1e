//! The plan of an incident, frozen when it opens.
//!
//! Times and places are already worked out; only who is on duty is looked up when a step fires. Editing the
//! doctrine therefore never moves an incident in flight.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Channel, RoleId, SectorId, Uai};

/// Every step one incident may need, circuit by circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// Hash of the doctrine it was made from, 64 hexadecimal digits.
    pub doctrine: String,
    pub circuits: Vec<PlannedCircuit>,
}

/// One circuit of the doctrine applied to one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedCircuit {
    /// The circuit's id in the doctrine.
    pub id: String,
    /// Lines of the contract it comes from, as `1179-1185`.
    pub lines: String,
    pub satisfied_by: SatisfiedBy,
    /// In order of due time.
    pub steps: Vec<PlannedStep>,
}

/// Whose acknowledgement stops a circuit's conditional steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SatisfiedBy {
    /// Any body that was asked.
    Anyone,
    /// One body of any of these roles.
    AnyOf(Vec<RoleId>),
    /// One body of each of these roles.
    AllOf(Vec<RoleId>),
}

/// One step: when, unless what, tell whom, how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedStep {
    /// Unique within its circuit.
    pub id: String,
    #[schemars(with = "String")]
    pub due_at: Timestamp,
    /// Skipped once the circuit is satisfied.
    pub unless_acknowledged: bool,
    pub expects: Expects,
    pub tell: Vec<Target>,
    /// Told on each of these at once.
    pub channels: Vec<Channel>,
    /// Tried in this order for a recipient whose channels all failed.
    pub fallback: Vec<Channel>,
    /// Overdue by more than this many seconds (after an outage), the step expires instead of firing.
    pub stale_after_s: u32,
}

/// What a step wants of those it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expects {
    /// Take charge: the message carries a link to acknowledge.
    Acknowledgement,
    /// Know it: the message carries no act.
    Nothing,
}

/// Bodies of one role in one scope, and how deep into their duty roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Target {
    pub role: RoleId,
    pub scope: Scope,
    pub rank: Rank,
}

/// Where a target's bodies are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    City,
    Sectors(Vec<SectorId>),
    Schools(Vec<Uai>),
}

/// How deep into a body's duty roster a step reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// The body's permanent contact points and whoever is first on duty.
    First,
    /// Whoever is second on duty.
    Second,
    /// Permanent contact points and the whole roster.
    All,
}
