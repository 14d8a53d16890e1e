//! What the contract asks, as configuration: kinds, and circuits of steps that say when, unless what, tell whom, by
//! which channels; what is owed in return; what is only counted, and what is not Vigie's.
//!
//! Nothing here names a fiche, a kind or a body: those stand in `config/doctrine`. [`read()`] turns the files into a
//! [`Doctrine`] or lists every fault; [`freeze()`] applies it to one incident.

pub mod crises;
mod file;
pub(crate) mod freeze;
mod pictogram;
mod read;
mod reading;
mod table;
mod when;
mod window;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::Time, tz::TimeZone};
use vigie_proto::{
    Channel, CrisisRegime, Kind, RoleId, Severity,
    event::KnownFact,
    plan::{Expects, NewsGroup, NewsTrigger, OnRefusal, Rank, SatisfiedBy},
};

pub use freeze::{Situation, freeze, involve};
pub(crate) use freeze::{holds, target};
pub use pictogram::Pictogram;
pub(crate) use read::COMMON_FILE;
pub use read::{DoctrineError, read};
pub use reading::{FactsLevel, Medium, PlaceLevel, Reading, ReadingRule, Who};
pub use table::table;
pub use when::{Anchor, When};
pub use window::{Calendar, DayKind, Window};

/// Everything the city has decided, at one version.
#[derive(Debug, Clone)]
pub struct Doctrine {
    hash: String,
    pub zone: TimeZone,
    pub kinds: BTreeMap<Kind, KindRule>,
    /// Circuits Vigie carries, in the order of the files.
    pub circuits: Vec<Circuit>,
    /// Who is told that somebody could not be reached.
    pub undeliverable: Undeliverable,
    /// How uncertain a point may be before its place counts as vague.
    pub accuracy: Accuracy,
    pub thread: Thread,
    pub windows: BTreeMap<String, Window>,
    pub calendar: Calendar,
    pub classes: BTreeMap<String, Class>,
    /// Who reads how much of an incident: the first that holds decides. Empty in a doctrine older than these rules.
    pub reads: Vec<ReadingRule>,
    /// Who is told when something is new, in the order of the file.
    pub news: Vec<NewsRule>,
    pub indicators: BTreeMap<String, Indicator>,
    /// Numbers every form shows before anything else.
    pub emergency: Vec<EmergencyNumber>,
    /// The fiches a complete doctrine has a file for; none when it does not say.
    pub expected_fiches: Vec<String>,
    /// In the order of the files.
    pub fiches: Vec<Fiche>,
    pub counted: Vec<CountedCircuit>,
    pub outside: Vec<OutsideCircuit>,
    pub never: Vec<Never>,
    /// How a crisis is conducted; none when no fiche says.
    pub crisis: Option<crises::Rules>,
}

/// How uncertain a point may be, metres, before only its owner's sector is told, that the place is vague.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// Of raisers whose role is not named below.
    pub within_m: u32,
    #[serde(default)]
    pub roles: BTreeMap<RoleId, u32>,
}

impl Default for Accuracy {
    /// What a doctrine older than this section means: a fix of a telephone between buildings.
    fn default() -> Self {
        Self { within_m: 150, roles: BTreeMap::new() }
    }
}

impl Accuracy {
    /// The bound for points given by raisers of `role`, metres.
    pub fn bound_m(&self, role: &RoleId) -> f64 {
        f64::from(*self.roles.get(role).unwrap_or(&self.within_m))
    }
}

/// The thread of an event, from its first message to its last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thread {
    /// Hours for which a closed event can be opened again.
    pub reopen_within_h: u32,
    /// Messages one body may get of one event in an hour, by all its contact points together; `vigie replay` says who got more.
    pub messages_per_hour: u32,
}

impl Default for Thread {
    fn default() -> Self {
        Self { reopen_within_h: 24, messages_per_hour: 12 }
    }
}

/// Where something stands in the doctrine's files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How signals of one kind are taken and joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindRule {
    /// French label.
    pub label: String,
    /// Its sign on forms, if it has one.
    pub pictogram: Option<Pictogram>,
    /// Severity when the raiser gives none.
    pub default_severity: Severity,
    /// Predefined facts a raiser may tick, in order.
    pub facts: Vec<FactRule>,
    /// Exactly one of these facts must be ticked; free when empty.
    pub one_fact_of: Vec<String>,
    pub correlation: Correlation,
    /// Schools this near are "around", metres.
    pub schools_within_m: u32,
    /// Sectors and communes this near are neighbours to be told, metres.
    pub neighbours_within_m: u32,
    /// How confidential it is and how long it is kept: a class of [`Doctrine::classes`]. None: ordinary.
    pub class: Option<String>,
    /// Minutes within which a place manned 24 hours a day is told if nobody answers, by severity.
    pub manned_within_min: BTreeMap<Severity, u32>,
    pub accumulation: Option<Accumulation>,
    pub retaliation: Option<Retaliation>,
    pub origin: Origin,
}

/// A predefined fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactRule {
    pub code: String,
    /// French label.
    pub label: String,
    /// Messages may show it.
    pub shown: bool,
    /// It rings where incidents are conducted, when it becomes known of one in hand.
    pub alarms: bool,
}

/// When two signals of one kind tell of the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correlation {
    pub radius_m: u32,
    pub window_min: u32,
}

/// So many weak signals around the same schools, or so near, in so many days make a graver one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accumulation {
    /// Severity of the signals counted.
    pub severity: Severity,
    /// How many, the last one included; at least 2.
    pub count: u32,
    pub within_days: u32,
    /// Counted together when this near or around a same school, metres.
    pub radius_m: u32,
    pub becomes: Severity,
}

/// A signal near a recent grave incident is taken as graver: reprisals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retaliation {
    /// Severities of the incident watched after.
    pub after: Vec<Severity>,
    pub days: u32,
    pub radius_m: u32,
    /// Severity a milder signal is taken with.
    pub becomes: Severity,
}

/// Who may have what, and for how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// French label.
    pub label: String,
    /// Channels it may leave by.
    pub channels: Vec<Channel>,
    /// Roles that may be told; any when empty.
    pub roles: Vec<RoleId>,
    /// Who is told that somebody could not be reached, instead of those of the whole doctrine; those when empty.
    pub undeliverable: Vec<Audience>,
    /// Days after closing until its personal text is destroyed.
    pub retention_days: u32,
}

impl Class {
    /// Whether it hides its incidents from some roles.
    pub fn withholds(&self) -> bool {
        !self.roles.is_empty()
    }

    /// Whether a role may know of incidents of this class.
    pub fn admits(&self, role: &RoleId) -> bool {
        self.roles.is_empty() || self.roles.contains(role)
    }
}

/// Who is told when something is new about an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewsRule {
    pub id: String,
    pub on: BTreeSet<NewsTrigger>,
    /// Kinds it is for; every kind when empty.
    pub kinds: Vec<Kind>,
    pub severities: Vec<Severity>,
    pub tell: Vec<Audience>,
    pub groups: BTreeSet<NewsGroup>,
    pub channels: Vec<Channel>,
    pub fallback: Vec<Channel>,
    /// At most one message of this rule in so many minutes.
    pub every_min: u32,
    pub origin: Origin,
}

/// A number the contract asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// French label.
    pub label: String,
    pub lines: String,
}

/// A number to call in an emergency, which Vigie is not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmergencyNumber {
    pub number: String,
    /// French label.
    pub label: String,
}

/// One fiche of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fiche {
    pub id: String,
    pub title: String,
    pub lines: String,
    /// Every circuit the contract describes there: each is carried, counted or not Vigie's.
    pub circuits: Vec<String>,
    pub origin: Origin,
}

/// A circuit of which Vigie keeps a number and no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedCircuit {
    pub id: String,
    pub fiche: String,
    pub title: String,
    pub lines: String,
    pub indicators: Vec<String>,
    /// Roles that may add to the number.
    pub by: Vec<RoleId>,
    /// Why only a number.
    pub reason: String,
    pub origin: Origin,
}

/// A circuit that is not Vigie's, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideCircuit {
    pub id: String,
    pub fiche: String,
    pub title: String,
    pub lines: String,
    pub reason: String,
    pub origin: Origin,
}

/// Something no circuit may do, whatever else is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    pub lines: String,
    pub because: String,
    /// Roles never told.
    pub tell: Vec<String>,
    /// Facts never collected, by code.
    pub collect: Vec<String>,
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
    pub kinds: Vec<Kind>,
    pub severities: Vec<Severity>,
    pub regimes: Vec<CrisisRegime>,
    /// All must hold.
    pub when: Vec<Condition>,
    /// Roles of raisers it is for; any when empty.
    pub raised_by: Vec<RoleId>,
    pub satisfied_by: SatisfiedBy,
    pub on_refusal: OnRefusal,
    pub handover_within_min: u32,
    pub stale: Option<StaleRule>,
    pub guidance: Option<String>,
    pub counts: Vec<String>,
    pub owed: Vec<OwedRule>,
    /// In the order of the file.
    pub steps: Vec<Step>,
    pub origin: Origin,
}

/// How long an acknowledgement stands without a sign of life, minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaleRule {
    /// Whoever took charge is asked to confirm after this.
    pub after_min: u32,
    /// Without an answer after this more, the circuit goes on.
    pub then_min: u32,
}

/// A fact about an incident that a circuit may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The place is a school or its surroundings.
    AtSchool,
    /// Another sector or a commune lies within reach.
    NearBorder,
    /// It is said when it will happen.
    Expected,
    /// It is played.
    Exercise,
    /// It is not played.
    Real,
}

/// Something a circuit says is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedRule {
    pub id: String,
    /// In French.
    pub what: String,
    pub lines: String,
    pub by: Audience,
    /// None: the raiser.
    pub to: Option<RoleId>,
    pub within: Within,
    /// Owed again, so many times after the first: `what` bears its number.
    pub repeat: Option<Repeat>,
    /// Its clock starts at the closing, not at the opening.
    pub from_closing: bool,
    pub blocks_closing: bool,
    pub may_be_unknown: bool,
    pub timing: Timing,
}

/// The length of an obligation's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    Minutes(u32),
    /// Calendar days, the first not counted: due at the end of the last, local time.
    Days(u32),
}

/// One step of a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub id: String,
    pub due: Due,
    pub repeat: Option<Repeat>,
    pub unless_acknowledged: bool,
    /// Skipped once this owed thing is given.
    pub unless_returned: Option<String>,
    pub survives_closing: bool,
    pub expects: Expects,
    pub tell: Vec<Audience>,
    pub channels: Vec<Channel>,
    pub fallback: Vec<Channel>,
    pub stale_after_min: u32,
    pub timing: Timing,
    pub origin: Origin,
}

/// It comes again, so many times after the first: a step, or what is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    pub every_min: u32,
    pub times: u32,
}

/// When a step is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Minutes after the plan was taken.
    AfterMin(u32),
    /// Minutes after the step before it in the file was due.
    AfterLastMin(u32),
    /// The next of these local times of day, for what can wait to be read together.
    NextLocal(Vec<Time>),
    /// Minutes before an announced event; at once when that is past.
    BeforeExpectedMin(u32),
    /// Minutes after an announced event.
    AfterExpectedMin(u32),
    /// A number of local days after the opening (that day not counted), at a local time.
    OnDay { day: u32, at: Time },
    /// Minutes after something owed was due.
    AfterOwedMin { owed: String, min: u32 },
    /// Minutes after a body of one of these roles took charge.
    AfterAcknowledgement { by: Vec<RoleId>, min: u32 },
    /// Minutes after the closing.
    AfterClosingMin(u32),
    /// A number of local days after the closing, at a local time.
    AfterClosingDay { day: u32, at: Time },
}

/// Where a timing comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    /// Only within this window of [`Doctrine::windows`].
    pub hours: Option<String>,
    pub outside: Outside,
}

/// What becomes of an audience outside its hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// It is not told by this step.
    Skip,
    /// It is told when the window opens.
    Wait,
    /// These are told instead.
    Tell(Vec<Audience>),
}

/// Where an audience is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    /// The body that raised the first signal, when it has this role.
    Raiser,
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

    /// The class of a kind; none when it is ordinary.
    pub fn class_of(&self, kind: &Kind) -> Option<&Class> {
        self.classes.get(self.kinds.get(kind)?.class.as_ref()?)
    }

    /// French label of a kind; its code when unknown.
    pub fn kind_label<'a>(&'a self, kind: &'a Kind) -> &'a str {
        self.kinds.get(kind).map_or(kind.as_str(), |rule| rule.label.as_str())
    }
}

impl KindRule {
    /// French labels of those of `codes` that messages may show, in the doctrine's order.
    pub fn shown(&self, codes: &[String]) -> Vec<String> {
        self.facts.iter().filter(|f| f.shown && codes.contains(&f.code)).map(|f| f.label.clone()).collect()
    }

    /// Those of `codes` that the kind knows, in the doctrine's order.
    pub fn known(&self, codes: &[String]) -> Vec<KnownFact> {
        let told = self.facts.iter().filter(|fact| codes.contains(&fact.code));
        told.map(|f| KnownFact { code: f.code.clone(), label: f.label.clone(), shown: f.shown, alarms: f.alarms })
            .collect()
    }
}
