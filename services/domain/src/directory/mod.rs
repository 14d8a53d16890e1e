//! Who can be told, how, and who is on duty: the city's bodies, their contact points, rosters and sources.
//!
//! Immutable once read: a changed directory is another [`Directory`]. Functions rather than persons wherever possible.

pub mod calendar;
mod changes;
mod draft;
mod edit;
mod fault;
mod files;
mod local_time;
mod reachability;
mod read;
mod roster;
mod rows;
mod shifts;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use vigie_proto::{
    BodyId, Channel, ContactId, RoleId, SectorId, SourceId, Uai,
    plan::{Rank, Scope, Target},
};

pub use changes::{Change, Verb, changes};
pub use draft::{Draft, Salvaged, salvage};
pub use edit::{Edit, EditError, Refusal, Replacement, apply};
pub use fault::{DirectoryError, Fault};
pub use files::{DirectoryFiles, NotADirectory};
pub use local_time::LocalTime;
pub use reachability::Reachability;
pub use read::{read, read_shared};
pub use roster::{Override, Roster};
pub use shifts::{By, Gap, Lack, Shift, duty_channels, gaps, shifts};

/// Where a body acts, or a source may raise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ambit {
    City,
    Sector(SectorId),
    School(Uai),
}

/// A body that can be told or can acknowledge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub id: BodyId,
    pub role: RoleId,
    pub ambit: Ambit,
    /// French name, shown to the bodies concerned.
    pub name: String,
    /// In the order of the file.
    pub contacts: Vec<Contact>,
    pub roster: Option<Roster>,
}

/// One way to reach a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: ContactId,
    pub channel: Channel,
    /// An e-mail address, an E.164 number, or a screen's name. Never logged.
    pub address: String,
    /// Position in the duty roster it belongs to; a permanent contact point when absent.
    pub duty: Option<String>,
    /// The day a message to it was last answered; never when absent.
    pub verified: Option<jiff::civil::Date>,
}

impl Contact {
    /// Whether a message there is known to reach somebody: it was answered, or nothing has to leave the house.
    pub fn is_proven(&self) -> bool {
        self.verified.is_some() || self.channel == Channel::Screen
    }
}

/// Whoever may raise signals or act with a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub id: SourceId,
    pub role: RoleId,
    pub body: BodyId,
    pub ambit: Ambit,
    /// French name of the function, never of a person.
    pub name: String,
}

/// What a role may do, from `roles.toml`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// French name.
    pub label: String,
    /// Kinds it may raise.
    #[serde(default)]
    pub raises: Vec<vigie_proto::Kind>,
    /// Distance around its school, or beyond its sector's border, within which it may raise, metres.
    #[serde(default)]
    pub surroundings_m: u32,
    /// Which incidents it sees.
    #[serde(default)]
    pub sees: Sight,
    /// Acts it may do on an incident it sees.
    #[serde(default)]
    pub may: Vec<Permission>,
    /// Its bodies are manned 24 hours a day.
    #[serde(default)]
    pub manned: bool,
    /// It goes there or sends somebody: its taking charge may stop a circuit that asks it. Others only watch.
    #[serde(default)]
    pub intervenes: bool,
    /// Hours after which a browser's session ends; the configuration's when absent.
    #[serde(default)]
    pub session_hours: Option<std::num::NonZeroU16>,
}

impl Role {
    /// Conducts the incidents of the whole city.
    pub fn operates(&self) -> bool {
        self.sees == Sight::Everything && self.may.contains(&Permission::ChangeSeverity)
    }

    /// Watches over the house, and takes no part in any incident: it audits or administers, and follows none.
    pub fn only_oversees(&self) -> bool {
        let oversees = [Permission::Audit, Permission::Administer];
        self.sees == Sight::Nothing && !self.intervenes && self.may.iter().any(|may| oversees.contains(may))
    }
}

/// Which incidents a role sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    #[default]
    Nothing,
    /// The incidents its own signals belong to, in the least form.
    OwnSignals,
    /// Those its sector owns or is concerned by.
    Sector,
    Everything,
}

/// Something a role may do on an incident it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    Acknowledge,
    Note,
    ChangeSeverity,
    Close,
    /// Sets the crisis regime.
    SetRegime,
    /// Brings other sectors in.
    Involve,
    /// Takes a signal out of an incident it joined by mistake.
    Separate,
    /// Plays exercises: raises what is not real.
    Exercise,
    /// Reads the journal, not the content.
    Audit,
    /// Keeps its own body's contact points and roster.
    KeepRoster,
    /// Publishes and takes back configurations, keeps every body's contact points and rosters, holds drills.
    Administer,
}

/// A recipient a step resolves to: one body, and its contact points for one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient<'a> {
    pub body: &'a Body,
    pub contact: &'a Contact,
}

/// Everybody Vigie can reach, at one version.
#[derive(Debug, Clone)]
pub struct Directory {
    hash: String,
    bodies: BTreeMap<BodyId, Body>,
    /// Bodies by role and place, each list in order of id.
    by_place: BTreeMap<(RoleId, Place), Vec<BodyId>>,
    contacts: BTreeMap<ContactId, BodyId>,
    sources: BTreeMap<SourceId, Source>,
    roles: BTreeMap<RoleId, Role>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    City,
    Sector(SectorId),
    School(Uai),
}

impl From<&Ambit> for Place {
    fn from(ambit: &Ambit) -> Self {
        match ambit {
            Ambit::City => Self::City,
            Ambit::Sector(id) => Self::Sector(id.clone()),
            Ambit::School(uai) => Self::School(uai.clone()),
        }
    }
}

impl Directory {
    /// SHA-256 of the files it was read from, 64 hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub fn bodies(&self) -> impl Iterator<Item = &Body> {
        self.bodies.values()
    }

    pub fn body(&self, id: &BodyId) -> Option<&Body> {
        self.bodies.get(id)
    }

    pub fn source(&self, id: &SourceId) -> Option<&Source> {
        self.sources.get(id)
    }

    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    pub fn role(&self, id: &RoleId) -> Option<&Role> {
        self.roles.get(id)
    }

    /// Every role that exists.
    pub fn roles(&self) -> impl Iterator<Item = &RoleId> {
        self.roles.keys()
    }

    /// Every role with its rules.
    pub fn role_rules(&self) -> impl Iterator<Item = (&RoleId, &Role)> {
        self.roles.iter()
    }

    /// Whether `roles.toml` says who intervenes: files older than that word do not.
    pub fn says_who_intervenes(&self) -> bool {
        self.roles.values().any(|role| role.intervenes)
    }

    /// Whether a role goes there or sends somebody, so that its taking charge may stop what asks it.
    ///
    /// Where the files do not say it of anybody, those that follow incidents beyond their own signals are taken to.
    pub fn intervenes(&self, role: &RoleId) -> bool {
        self.roles.get(role).is_some_and(|role| {
            role.intervenes
                || (!self.says_who_intervenes()
                    && role.may.contains(&Permission::Acknowledge)
                    && matches!(role.sees, Sight::Sector | Sight::Everything))
        })
    }

    /// Roles whose bodies are manned 24 hours a day.
    pub fn manned_roles(&self) -> BTreeSet<RoleId> {
        self.role_rules().filter(|(_, role)| role.manned).map(|(id, _)| id.clone()).collect()
    }

    /// French name of a role; its id when unknown.
    pub fn role_label<'a>(&'a self, id: &'a RoleId) -> &'a str {
        self.roles.get(id).map_or(id.as_str(), |role| role.label.as_str())
    }

    /// The contact point and the body it belongs to.
    pub fn contact(&self, id: &ContactId) -> Option<Recipient<'_>> {
        let body = self.bodies.get(self.contacts.get(id)?)?;
        let contact = body.contacts.iter().find(|contact| contact.id == *id)?;
        Some(Recipient { body, contact })
    }

    /// The bodies a target names, each once, in order of id within each place.
    pub fn bodies_of(&self, target: &Target) -> Vec<&Body> {
        let places: Vec<Place> = match &target.scope {
            Scope::Bodies(ids) => return ids.iter().filter_map(|id| self.bodies.get(id)).collect(),
            Scope::City => vec![Place::City],
            Scope::Sectors(ids) => ids.iter().cloned().map(Place::Sector).collect(),
            Scope::Schools(uais) => uais.iter().cloned().map(Place::School).collect(),
        };
        let mut found: Vec<&Body> = Vec::new();
        for place in places {
            for id in self.by_place.get(&(target.role.clone(), place)).into_iter().flatten() {
                if let Some(body) = self.bodies.get(id)
                    && !found.iter().any(|known| known.id == body.id)
                {
                    found.push(body);
                }
            }
        }
        found
    }
}

impl Body {
    /// The instants between `from` and `until` at which whoever is on duty may change.
    pub fn changes(&self, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.roster.iter().flat_map(move |roster| roster.changes(from, until))
    }

    /// The contact points of `channel` to use at `now` for a step reaching `rank` deep into the roster.
    ///
    /// The first rank is the permanent points and whoever is first on duty; the second, whoever is second on duty; all,
    /// everything.
    pub fn reach(&self, channel: Channel, rank: Rank, now: Timestamp) -> Vec<&Contact> {
        let on_duty = |position: usize| self.roster.as_ref().and_then(|roster| roster.on_duty(position, now));
        let has_desk = || self.contacts.iter().any(|contact| contact.channel == channel && contact.duty.is_none());
        if rank == Rank::Desk && !has_desk() {
            return self.reach(channel, Rank::First, now);
        }
        let wanted = |contact: &Contact| match (&contact.duty, rank) {
            (_, Rank::All) | (None, Rank::First | Rank::Desk) => true,
            (Some(duty), Rank::First) => on_duty(0) == Some(duty.as_str()),
            (Some(duty), Rank::Second) => on_duty(1) == Some(duty.as_str()),
            (Some(_), Rank::Desk) | (None, Rank::Second) => false,
        };
        self.contacts.iter().filter(|contact| contact.channel == channel && wanted(contact)).collect()
    }
}
