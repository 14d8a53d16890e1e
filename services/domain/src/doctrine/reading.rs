//! Need to know: what of an incident somebody reads, by role, class and what it is read on.

use serde::Deserialize;
use vigie_proto::{
    Channel, Kind, RoleId,
    event::{IncidentSnapshot, Known, Whereabouts},
    sensitivity::{Sensitive, Sensitivity},
};

use super::{Doctrine, Origin};

/// What something is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    Email,
    Sms,
    /// The page a message's signed link opens.
    Link,
    /// Pages and the API, behind a session or token.
    Screen,
}

impl Medium {
    pub const ALL: [Self; 4] = [Self::Email, Self::Sms, Self::Link, Self::Screen];
}

impl From<Channel> for Medium {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Email => Self::Email,
            Channel::Sms => Self::Sms,
            Channel::Screen => Self::Screen,
        }
    }
}

/// How fine a place is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceLevel {
    Sector,
    Quartier,
    Exact,
}

/// Which predefined facts are told, and with them what is known of weapons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactsLevel {
    None,
    /// Those the kind marks `shown`.
    Shown,
    All,
}

/// How much of an incident is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub struct Reading {
    pub place: PlaceLevel,
    pub facts: FactsLevel,
    /// How many persons.
    pub number: bool,
    /// For when it is announced.
    pub announced: bool,
    /// What people wrote, for those who weigh it besides ([`crate::access`]).
    pub words: bool,
}

/// Who reads so much. What is left out holds for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingRule {
    pub who: Option<Who>,
    pub roles: Vec<RoleId>,
    /// Classes of [`Doctrine::classes`].
    pub classes: Vec<String>,
    pub on: Vec<Medium>,
    pub gives: Reading,
    pub origin: Origin,
}

/// Roles by whether they go there or send somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    Intervenes,
    Watches,
}

impl Reading {
    /// What a doctrine older than these rules means: messages say what they said then, pages show those who intervene where.
    fn former(intervenes: bool, medium: Medium) -> Self {
        let whole = intervenes && medium == Medium::Screen;
        Self {
            place: if whole { PlaceLevel::Exact } else { PlaceLevel::Sector },
            facts: if whole { FactsLevel::All } else { FactsLevel::Shown },
            number: whole,
            announced: true,
            words: medium == Medium::Screen,
        }
    }

    /// What both let be read.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        Self {
            place: self.place.min(other.place),
            facts: self.facts.min(other.facts),
            number: self.number && other.number,
            announced: self.announced && other.announced,
            words: self.words && other.words,
        }
    }

    /// The incident as it is read, by whoever sees as far as `clearance`; the rest is left blank.
    #[must_use]
    pub fn of(self, incident: &IncidentSnapshot, clearance: Sensitivity) -> IncidentSnapshot {
        let Whereabouts { quartier, exact, at } = &incident.whereabouts;
        let Known { count, weapons, facts } = &incident.known;
        let (is_exact, tells_facts) = (self.place == PlaceLevel::Exact, self.facts > FactsLevel::None);
        IncidentSnapshot {
            whereabouts: Whereabouts {
                quartier: quartier.clone().filter(|_| self.place >= PlaceLevel::Quartier),
                exact: exact.clone().filter(|_| is_exact),
                at: at.filter(|_| is_exact),
            },
            known: Known {
                count: count.filter(|_| self.number),
                weapons: weapons.filter(|_| tells_facts),
                facts: facts.iter().filter(|fact| self.tells(fact.shown)).cloned().collect(),
            },
            precisions: if tells_facts { incident.precisions.clone() } else { Vec::new() },
            expected_at: incident.expected_at.filter(|_| self.announced),
            ..incident.clone().redacted(clearance)
        }
    }

    fn tells(self, shown: bool) -> bool {
        match self.facts {
            FactsLevel::None => false,
            FactsLevel::Shown => shown,
            FactsLevel::All => true,
        }
    }
}

impl ReadingRule {
    fn holds(&self, class: Option<&str>, role: &RoleId, intervenes: bool, medium: Medium) -> bool {
        let who = self.who.is_none_or(|who| (who == Who::Intervenes) == intervenes);
        let class_fits = self.classes.is_empty() || class.is_some_and(|class| self.classes.iter().any(|c| c == class));
        who && class_fits
            && (self.roles.is_empty() || self.roles.contains(role))
            && (self.on.is_empty() || self.on.contains(&medium))
    }

    /// Whether it holds for everybody and everything.
    pub(super) fn is_last(&self) -> bool {
        self.who.is_none() && self.roles.is_empty() && self.classes.is_empty() && self.on.is_empty()
    }
}

impl Doctrine {
    /// How much of incidents of `kind` a role, which `intervenes` or not, reads on `medium`: what the first rule says that
    /// holds.
    pub fn reading(&self, kind: &Kind, role: &RoleId, intervenes: bool, medium: Medium) -> Reading {
        let class = self.kind(kind).and_then(|rule| rule.class.as_deref());
        let first = self.reads.iter().find(|known| known.holds(class, role, intervenes, medium));
        first.map_or_else(|| Reading::former(intervenes, medium), |known| known.gives)
    }
}
