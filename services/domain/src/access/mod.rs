//! Who may do what: one policy for every door, and for the owner of the state behind it.
//!
//! A [`Party`] before an incident has a [`Position`]: its [`Relation`]s, from who was told and asked, where it acts and
//! what it raised. [`Position::clearance`] says how far it sees, [`Position::may`] what it may do. Raising is judged here,
//! by [`Caller::may_raise`]: before that there is no incident.

mod deed;
mod relation;

use vigie_proto::{
    Kind, SectorId,
    crisis::CrisisSnapshot,
    event::{Actor, IncidentSnapshot, Through},
    sensitivity::Sensitivity,
};

use crate::{
    assess::Assessment,
    city::City,
    directory::{Ambit, Directory, Permission, Role, Sight, Source},
    doctrine::{Doctrine, Medium, Reading},
    territory::Territory,
};

pub use deed::{Deed, Denial};
pub use relation::{Party, Position, Relation, Ties};

/// A source with the role that says what it may do.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    pub source: &'a Source,
    pub role: &'a Role,
}

/// A page somebody may work at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    pub path: String,
    /// In French.
    pub label: &'static str,
}

/// Why a source may not raise a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its role does not raise this kind.
    Kind,
    /// The place is outside its sector, or its school and surroundings.
    Place,
    /// Its role does not play exercises.
    Exercise,
}

impl<'a> Caller<'a> {
    /// The caller `source` is; none when its role is unknown.
    pub fn of(source: &'a Source, directory: &'a Directory) -> Option<Self> {
        Some(Self { source, role: directory.role(&source.role)? })
    }

    /// As whoever acts in this body's name, through the API and its pages.
    pub fn actor(self) -> Actor {
        Actor { body: self.source.body.clone(), role: self.source.role.clone(), through: Through::Api }
    }

    /// May it raise a signal of `kind` at the place assessed?
    ///
    /// Judged by the point alone: how vague it is opens nothing. A role may reach a little beyond its sector's border.
    pub fn may_raise(
        &self,
        kind: &Kind,
        place: &Assessment,
        exercise: bool,
        territory: &Territory,
    ) -> Result<(), Refusal> {
        if !self.role.raises.contains(kind) {
            return Err(Refusal::Kind);
        }
        if exercise && !self.may(Permission::Exercise) {
            return Err(Refusal::Exercise);
        }
        let reach_m = f64::from(self.role.surroundings_m);
        let within = match &self.source.ambit {
            Ambit::City => true,
            Ambit::Sector(sector) => {
                let beyond = |at| reach_m > 0.0 && territory.lies_within_m_of(at, sector, reach_m);
                place.owner() == sector || place.at.is_some_and(beyond)
            }
            Ambit::School(uai) => {
                let school = territory.school(uai).zip(place.at);
                school.is_some_and(|(school, at)| Territory::distance_m(school.at, at) <= reach_m)
            }
        };
        if within { Ok(()) } else { Err(Refusal::Place) }
    }

    /// Kinds that are its affair wherever they happen, since their class names its role.
    pub fn affairs<'d>(&self, doctrine: &'d Doctrine) -> Vec<&'d Kind> {
        if self.source.ambit != Ambit::City || self.role.sees == Sight::Nothing {
            return Vec::new();
        }
        let named = |kind: &Kind| doctrine.class_of(kind).is_some_and(|class| class.roles.contains(&self.source.role));
        doctrine.kinds.keys().filter(|kind| named(kind)).collect()
    }

    /// What it is when it acts.
    pub fn party(&self) -> Party<'a> {
        Party::of_caller(*self)
    }

    /// Does it follow how this incident is conducted, by its role and where it acts? Who was told or asked is not looked at.
    pub fn follows(&self, incident: &IncidentSnapshot, city: &City) -> bool {
        let position = Position::of(self.party(), incident, Ties::default(), &city.doctrine, &city.directory);
        position.and_then(|position| position.clearance()).is_some_and(|clearance| clearance >= Sensitivity::Restricted)
    }

    /// The incident as its pages and the API show it, to a caller that sees as far as `clearance`.
    pub fn shown(&self, incident: &IncidentSnapshot, clearance: Sensitivity, city: &City) -> IncidentSnapshot {
        self.reading(incident, city).of(incident, clearance)
    }

    /// How much of `incident` the doctrine lets it read on pages.
    pub fn reading(&self, incident: &IncidentSnapshot, city: &City) -> Reading {
        city.reading(&incident.kind, &self.source.role, Medium::Screen)
    }

    /// Kinds it may know nothing of, by their class.
    pub fn withheld<'d>(&self, doctrine: &'d Doctrine) -> Vec<&'d Kind> {
        let party = self.party();
        doctrine.kinds.keys().filter(|kind| !party.may_know(doctrine.class_of(kind))).collect()
    }

    /// Does it see this crisis?
    pub fn sees_crisis(&self, crisis: &CrisisSnapshot) -> bool {
        match self.role.sees {
            Sight::Everything => true,
            Sight::Sector => self.sector().is_some_and(|own| crisis.sectors.contains(own)),
            Sight::Nothing | Sight::OwnSignals => false,
        }
    }

    /// The one sector it is confined to, if any.
    pub fn sector(&self) -> Option<&SectorId> {
        match &self.source.ambit {
            Ambit::Sector(sector) => Some(sector),
            Ambit::City | Ambit::School(_) => None,
        }
    }

    /// Does it conduct the incidents of the whole city?
    pub fn operates(&self) -> bool {
        self.role.operates()
    }

    /// The pages it may work at, most used first.
    pub fn desks(&self) -> Vec<Desk> {
        let everything = self.role.sees == Sight::Everything;
        let raises = !self.role.raises.is_empty();
        let sector = self.sector().filter(|_| self.role.sees == Sight::Sector);
        let desk = |path: &str, label| Desk { path: path.to_owned(), label };
        let mut desks = Vec::new();
        desks.extend(self.operates().then(|| desk("/scop", "Salle de commandement")));
        desks.extend(sector.map(|sector| desk(&format!("/cellule/{sector}"), "Cellule de veille")));
        desks.extend(raises.then(|| desk("/signaler", "Signaler")));
        let follows = (everything || sector.is_some()) && self.may(Permission::Acknowledge);
        desks.extend(follows.then(|| desk("/crises", "Crises")));
        desks.extend((everything || self.may(Permission::Audit)).then(|| desk("/observatoire", "Observatoire")));
        let keeps = self.may(Permission::KeepRoster) && !self.may(Permission::Administer);
        desks.extend(keeps.then(|| desk(&format!("/annuaire/{}", self.source.body), "Astreintes")));
        desks.extend(self.may(Permission::Administer).then(|| desk("/administration", "Administration")));
        desks
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.role.may.contains(&permission)
    }
}
