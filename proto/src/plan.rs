//! The plan of an incident, frozen when it opens.
//!
//! Times and places are already worked out; only who is on duty is looked up when a step fires. Editing the
//! doctrine therefore never moves an incident in flight.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{BodyId, Channel, RoleId, SectorId, Uai};

/// Every step one incident may need, circuit by circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// Hash of the doctrine it was made from, 64 hexadecimal digits.
    pub doctrine: String,
    pub circuits: Vec<PlannedCircuit>,
    /// What is owed because of the incident, and by when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owed: Vec<Owed>,
    /// Who is told of what is new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<PlannedNews>,
    /// Somebody on duty who could be told at one moment by several of these is told by the first of them only; the others are
    /// tried when that fails. Empty: by all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_message_by: Vec<Channel>,
}

/// Who is told when something is new, by what, and how often at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedNews {
    /// Unique within the plan.
    pub id: String,
    pub on: BTreeSet<NewsTrigger>,
    pub tell: Vec<Target>,
    /// Told besides: bodies by what they have to do with the incident then.
    pub groups: BTreeSet<NewsGroup>,
    /// How deep into the rosters of those groups.
    #[serde(default)]
    pub rank: Rank,
    pub channels: Vec<Channel>,
    pub fallback: Vec<Channel>,
    /// Seconds between two messages of this rule; what happens meanwhile is told together.
    pub every_s: u32,
}

/// What is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NewsTrigger {
    /// A predefined fact that was not known.
    NewFact,
    /// One of those that the doctrine calls grave.
    GraveFact,
    /// The number of persons, or what is known of weapons.
    Number,
    /// A time is announced.
    Announced,
    TakenCharge,
    Refused,
    /// The incident is closed, or opened again after that.
    Over,
}

/// Bodies by what they have to do with an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NewsGroup {
    /// Whoever has taken charge.
    InCharge,
    /// Whoever was asked to.
    Asked,
    /// Whoever was told of it.
    Alerted,
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
    #[serde(default)]
    pub on_refusal: OnRefusal,
    /// Seconds the body handed the incident has to take charge before the circuit goes on.
    #[serde(default = "ten_minutes")]
    pub handover_within_s: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Staleness>,
    /// What to keep in mind, one French sentence of the doctrine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guidance: Option<String>,
    /// Indicators this circuit's activations count in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<String>,
}

fn once() -> u32 {
    1
}

fn ten_minutes() -> u32 {
    600
}

/// What a refusal does to a circuit nobody has taken charge of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnRefusal {
    /// Nothing: the next step comes when it is due.
    #[default]
    Wait,
    /// The next step comes at once.
    Advance,
    /// The next step comes at once when everybody asked so far has refused.
    AdvanceWhenAll,
}

/// How long an acknowledgement stands without a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Staleness {
    /// Seconds after which whoever took charge is asked to confirm.
    pub after_s: u32,
    /// Seconds to confirm in; then the acknowledgement lapses and the circuit goes on.
    pub then_s: u32,
}

/// Something owed because of an incident: an answer to the raiser, a report, an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Owed {
    /// Unique within the plan.
    pub id: String,
    /// The circuit that asks for it.
    pub circuit: String,
    /// Lines of the contract.
    pub lines: String,
    /// What, in French, as the raiser reads it.
    pub what: String,
    pub by: Target,
    pub to: OwedTo,
    /// None while its clock has not started: it runs from the closing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub due_at: Option<Timestamp>,
    /// Starts the clock when the incident is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_closing: Option<Offset>,
    /// The incident cannot be closed without it.
    pub blocks_closing: bool,
    /// "No known outcome" settles it.
    pub may_be_unknown: bool,
}

/// To whom something is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwedTo {
    /// Whoever raised the first signal.
    Raiser,
    Role(RoleId),
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
    /// Every body asked.
    EachAsked,
    /// So many bodies, of these roles when any is named.
    AtLeast { count: u32, of: Vec<RoleId> },
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
    /// Skipped once this is returned: an [`Owed::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless_returned: Option<String>,
    /// Not due before something happens; `due_at` is then the time of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// Remains when the incident is closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub survives_closing: bool,
    /// Read together with others of the same hour: one message for many incidents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub digest: bool,
    /// What it was added to the running plan for; none for a step of the doctrine, or one of them told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<Added>,
    /// Whoever had it added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<BodyId>,
}

/// What a step was added to a running plan for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Added {
    /// Whoever has been in charge for long is asked whether it still is.
    Confirm,
    /// The incident was handed to somebody.
    TakeOver,
    /// A person had somebody called.
    Call,
}

/// What a step waits for, and how long after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WaitsFor {
    pub event: Trigger,
    pub then: Offset,
}

/// What makes a waiting step due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A body of one of these roles takes charge.
    AcknowledgedBy(Vec<RoleId>),
    /// The incident is closed.
    Closed,
}

/// A time after an instant known only later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Offset {
    /// That many seconds later.
    Seconds(u64),
    /// That many local days later (the day itself not counted), at a local time of day.
    LocalDay {
        days: u32,
        #[schemars(with = "String")]
        at: Time,
        zone: String,
        /// Divides the delay, for drills.
        #[serde(default = "once")]
        hastened: u32,
    },
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
    /// When it serves; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<Vec<Span>>,
    /// Told instead outside those times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Target>,
}

/// From an instant until another, not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Span {
    #[schemars(with = "String")]
    pub from: Timestamp,
    #[schemars(with = "String")]
    pub until: Timestamp,
}

impl Span {
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.from <= instant && instant < self.until
    }
}

impl Target {
    /// Whom it comes down to at `now`: itself, or those told instead outside the times it serves.
    pub fn at(&self, now: Timestamp) -> Vec<&Self> {
        if self.serves_at(now) {
            return vec![self];
        }
        self.otherwise.iter().flat_map(|other| other.at(now)).collect()
    }

    /// Whether `now` is in the times it serves.
    pub fn serves_at(&self, now: Timestamp) -> bool {
        self.serves.as_ref().is_none_or(|spans| spans.iter().any(|span| span.contains(now)))
    }
}

/// Where a target's bodies are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    City,
    Sectors(Vec<SectorId>),
    Schools(Vec<Uai>),
    /// Named ones: whoever raised, took charge or is handed the incident.
    Bodies(Vec<BodyId>),
}

/// How deep into a body's duty roster a step reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// The body's permanent contact points; where it has none of a channel, whoever is first on duty.
    Desk,
    /// The body's permanent contact points and whoever is first on duty.
    #[default]
    First,
    /// Whoever is second on duty.
    Second,
    /// Permanent contact points and the whole roster.
    All,
}

impl Offset {
    /// The instant this long after `start`; `start` itself when the zone is unknown here or the day beyond time.
    pub fn after(&self, start: Timestamp) -> Timestamp {
        match self {
            Self::Seconds(seconds) => {
                let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
                start.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
            }
            Self::LocalDay { days, at, zone, hastened } => {
                let due = TimeZone::get(zone).ok().and_then(|zone| local_day(start, *days, *at, &zone));
                let delay = due.map_or(SignedDuration::ZERO, |due| due.duration_since(start));
                start + delay / i32::try_from(*hastened).unwrap_or(1).max(1)
            }
        }
    }
}

/// `at` on the wall clock of `zone`, `days` local days after that of `start`; right after a gap the clock skips.
pub fn local_day(start: Timestamp, days: u32, at: Time, zone: &TimeZone) -> Option<Timestamp> {
    let day = start.to_zoned(zone.clone()).date().checked_add(jiff::Span::new().days(i64::from(days))).ok()?;
    Some(day.to_datetime(at).to_zoned(zone.clone()).ok()?.timestamp())
}
