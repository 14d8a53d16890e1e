//! What changes, and for whom, between two configurations of a city.
//!
//! Every circuit is laid out in every sector, for every kind, severity and regime it is for: who is told, when, how,
//! unless what. Two layouts are compared call by call, and a same change in many places is said once. Times and hours are compared as the doctrine writes them, not as they fall on one day, so that no change hides
//! in another hour. What no plan shows is compared rule by rule.

mod calls;
mod compare;
mod crises;
mod group;
mod parts;
mod rules;
mod say;

use jiff::{Timestamp, civil::Time};
use serde::Serialize;
use vigie_proto::{
    BodyId, Channel, CrisisRegime, Kind, RoleId, SectorId, Severity,
    plan::{Expects, Rank},
};

use crate::city::City;
use crate::doctrine::{AudiencePlace, DayKind, When};

/// What changes from `before` to `after`, on the territory of `after`.
///
/// Where bodies are reached depends on their duty rosters: it is compared over the thirty days from `now`. The order of
/// files, comments, the names of steps and of windows, addresses and persons on duty change nothing.
pub fn diff(before: &City, after: &City, now: Timestamp) -> Differences {
    Differences {
        before: Version::of(before),
        after: Version::of(after),
        plans: compare::plans(before, after, now),
        rules: rules::compare(before, after),
    }
}

/// Everything that changes between two configurations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Differences {
    pub before: Version,
    pub after: Version,
    /// What changes for those who are told; circuits in the order of the files, then what the old ones had.
    pub plans: Vec<PlanChange>,
    /// What no plan shows.
    pub rules: Vec<RuleChange>,
}

impl Differences {
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty() && self.rules.is_empty()
    }
}

/// Which configuration it is: SHA-256 of its files, 64 hexadecimal digits each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    pub doctrine: String,
    pub directory: String,
}

impl Version {
    fn of(city: &City) -> Self {
        Self { doctrine: city.doctrine.hash().to_owned(), directory: city.directory.hash().to_owned() }
    }
}

/// One change, in every situation in which it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanChange {
    /// Circuit of the contract, and its lines.
    pub circuit: String,
    pub lines: String,
    pub place: Place,
    /// Steps of the circuit; none when the change is the circuit's.
    pub steps: Vec<String>,
    /// Whom it is for; nobody in particular when the change is the circuit's.
    pub who: Vec<Who>,
    pub change: Change,
}

/// The situations a change is for: each kind with each severity, under each regime, in each sector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub kinds: Vec<Kind>,
    pub severities: Vec<Severity>,
    pub regimes: Vec<CrisisRegime>,
    pub sectors: Vec<SectorId>,
    /// It is so in every sector of Paris.
    pub everywhere: bool,
}

/// Bodies of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    pub role: RoleId,
    /// French name of the role, or of the body when it is the only one.
    pub name: String,
    pub place: AudiencePlace,
    /// Sorted; none for whoever raises.
    pub bodies: Vec<BodyId>,
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Change {
    /// `also`: it is, or was, told by something else of the same situation too.
    NewlyTold {
        #[serde(flatten)]
        terms: Terms,
        also: bool,
    },
    NoLongerTold {
        #[serde(flatten)]
        terms: Terms,
        also: bool,
    },
    /// Told before and after, on other terms: those that are not the same.
    ToldOtherwise { changes: Vec<TermChange> },
    /// Another rule of the circuit, in words: who it is for, whose answer ends it, what a refusal does.
    Circuit { rule: CircuitRule, before: Option<String>, after: Option<String> },
    /// Something owed, by its id: newly, no longer, or on other terms.
    Owed { id: String, before: Option<String>, after: Option<String> },
}

/// A rule of a circuit as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CircuitRule {
    /// Conditions, and roles of raisers.
    For,
    SatisfiedBy,
    OnRefusal,
    HandoverWithin,
    Stale,
    Guidance,
    Counts,
}

/// How somebody is told by a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Terms {
    pub when: When,
    pub rank: Rank,
    pub channels: Vec<Channel>,
    /// For when those fail, in this order.
    pub fallback: Vec<Channel>,
    pub expects: Expects,
    /// Not told once the circuit is satisfied.
    pub unless_acknowledged: bool,
    /// Not told once this is given: what is owed, in French.
    pub unless_returned: Option<String>,
    pub survives_closing: bool,
    /// After an outage of this long, minutes, no longer told.
    pub stale_after_min: u32,
    pub hours: Option<Hours>,
    /// By which of its channels the body is reached in the coming days.
    pub reach: Vec<Reach>,
}

/// One term that is no longer the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "term")]
pub enum TermChange {
    When { before: When, after: When },
    Rank { before: Rank, after: Rank },
    Channels { before: Vec<Channel>, after: Vec<Channel> },
    Fallback { before: Vec<Channel>, after: Vec<Channel> },
    Expects { before: Expects, after: Expects },
    UnlessAcknowledged { before: bool, after: bool },
    UnlessReturned { before: Option<String>, after: Option<String> },
    SurvivesClosing { before: bool, after: bool },
    StaleAfter { before: u32, after: u32 },
    Hours { before: Option<Hours>, after: Option<Hours> },
    Reach { before: Vec<Reach>, after: Vec<Reach> },
}

/// Hours in which somebody is told, or outside which it is told instead of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hours {
    /// Inside them; false for whoever is told instead.
    pub inside: bool,
    /// Local opening and closing times.
    pub hours: Vec<(Time, Time)>,
    pub not_on: Vec<DayKind>,
    /// Outside, the message waits for the opening.
    pub waits: bool,
}

/// How a channel reaches a body at the rank asked, in the coming thirty days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reach {
    pub channel: Channel,
    /// At every hour; otherwise at some.
    pub always: bool,
    /// By a contact point that was answered, whenever it is reached.
    pub proven: bool,
}

/// A rule that is no longer the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleChange {
    pub of: Topic,
    /// Which one: a kind, a window, a role.
    pub id: String,
    /// The part that changes, as the files name it; none when the whole is new or gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<&'static str>,
    /// None: it is new.
    pub before: Option<String>,
    /// None: it is gone.
    pub after: Option<String>,
}

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    Kind,
    /// Title and place in the contract of one that Vigie carries.
    Circuit,
    /// A circuit of which a number is kept.
    Counted,
    /// A circuit that is not Vigie's.
    Outside,
    Fiche,
    Indicator,
    Window,
    Class,
    Calendar,
    Never,
    Emergency,
    Undeliverable,
    /// How exactly a position must be known.
    Accuracy,
    /// How long an event can be opened again, how many messages it may cost somebody.
    Thread,
    /// What of an incident a role reads, and on what.
    Reads,
    /// How crises are conducted.
    Crisis,
    Role,
    Body,
}
