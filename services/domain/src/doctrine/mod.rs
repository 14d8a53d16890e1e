//! What the contract asks, as configuration: kinds, and circuits of steps that say after how long, unless what, tell
//! whom, by which channels.
//!
//! Nothing here names a fiche, a kind or a body: those stand in `config/doctrine`. [`read()`] turns the files into a
//! [`Doctrine`] or lists every fault; [`freeze()`] applies it to one incident.

mod file;
mod freeze;
mod read;

use std::collections::BTreeMap;

use jiff::{civil::Time, tz::TimeZone};
use vigie_proto::{
    Channel, Kind, RoleId, Severity,
    plan::{Expects, Rank, SatisfiedBy},
};

pub(crate) use freeze::target;
pub use freeze::{Situation, freeze};
pub use read::{DoctrineError, read};

/// Everything the city has decided, at one version.
#[derive(Debug, Clone)]
pub struct Doctrine {
    hash: String,
    pub zone: TimeZone,
    pub kinds: BTreeMap<Kind, KindRule>,
    pub circuits: Vec<Circuit>,
    /// Who is told that somebody could not be reached.
    pub undeliverable: Undeliverable,
}

/// How signals of one kind are taken and joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindRule {
    /// French label.
    pub label: String,
    /// Severity when the raiser gives none.
    pub default_severity: Severity,
    /// Predefined facts a raiser may tick, code and French label, in order.
    pub facts: Vec<(String, String)>,
    pub correlation: Correlation,
    /// Schools this near are "around", metres.
    pub schools_within_m: u32,
    /// Sectors and communes this near are neighbours to be told, metres.
    pub neighbours_within_m: u32,
}

/// When two signals of one kind tell of the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correlation {
    pub radius_m: u32,
    pub window_min: u32,
}

/// One alert circuit of a fiche.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circuit {
    /// As in the contract's table of circuits.
    pub id: String,
    /// The fiche it belongs to.
    pub fiche: String,
    pub title: String,
    /// Lines of the contract.
    pub lines: String,
    pub kind: Kind,
    pub severities: Vec<Severity>,
    /// All must hold.
    pub when: Vec<Condition>,
    /// Roles of raisers it is for; any when empty.
    pub raised_by: Vec<RoleId>,
    pub satisfied_by: SatisfiedBy,
    /// In the order of the file.
    pub steps: Vec<Step>,
}

/// A fact about an incident that a circuit may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The place is a school or its surroundings.
    AtSchool,
    /// Another sector or a commune lies within reach.
    NearBorder,
}

/// One step of a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub id: String,
    pub due: Due,
    pub unless_acknowledged: bool,
    pub expects: Expects,
    pub tell: Vec<Audience>,
    pub channels: Vec<Channel>,
    pub fallback: Vec<Channel>,
    pub stale_after_min: u32,
    pub timing: Timing,
}

/// When a step is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Minutes after the plan was taken.
    AfterMin(u32),
    /// The next of these local times of day, for what can wait to be read together.
    NextLocal(Vec<Time>),
}

/// Where a timing comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// The contract states it.
    Contract,
    /// A default of ours, for the city to set.
    Default,
}

/// Bodies of one role, somewhere relative to the incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    pub role: RoleId,
    pub place: AudiencePlace,
    pub rank: Rank,
}

/// Where an audience is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudiencePlace {
    City,
    /// The sector that owns the incident, and those its uncertainty also touches.
    Sector,
    /// Sectors and communes within reach, not counting the above.
    Neighbours,
    /// The school concerned.
    School,
    /// Schools within the kind's radius, the one concerned included.
    SchoolsAround,
}

/// Who is told, and how, when no channel of somebody worked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeliverable {
    pub tell: Vec<Audience>,
    pub channels: Vec<Channel>,
}

impl Doctrine {
    /// SHA-256 of the files it was read from, 64 hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub fn kind(&self, kind: &Kind) -> Option<&KindRule> {
        self.kinds.get(kind)
    }

    /// French label of a kind; its code when unknown.
    pub fn kind_label<'a>(&'a self, kind: &'a Kind) -> &'a str {
        self.kinds.get(kind).map_or(kind.as_str(), |rule| rule.label.as_str())
    }
}
