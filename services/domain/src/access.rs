//! Who may raise what and where, and who sees which incident.

use vigie_proto::{Kind, SectorId, crisis::CrisisSnapshot, event::IncidentSnapshot};

use crate::{
    assess::Assessment,
    directory::{Ambit, Directory, Permission, Role, Sight, Source},
    territory::Territory,
};

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
}

impl<'a> Caller<'a> {
    /// The caller `source` is; none when its role is unknown.
    pub fn of(source: &'a Source, directory: &'a Directory) -> Option<Self> {
        Some(Self { source, role: directory.role(&source.role)? })
    }

    /// May it raise a signal of `kind` at the place assessed?
    pub fn may_raise(&self, kind: &Kind, place: &Assessment, territory: &Territory) -> Result<(), Refusal> {
        if !self.role.raises.contains(kind) {
            return Err(Refusal::Kind);
        }
        let within = match &self.source.ambit {
            Ambit::City => true,
            Ambit::Sector(sector) => place.sectors.contains(sector),
            Ambit::School(uai) => {
                let own = place.school.as_ref() == Some(uai);
                let near = territory.school(uai).zip(place.at).is_some_and(|(school, at)| {
                    Territory::distance_m(school.at, at) <= f64::from(self.role.surroundings_m)
                });
                own || near
            }
        };
        if within { Ok(()) } else { Err(Refusal::Place) }
    }

    /// Does it see this incident? `raised_by_it`: one of its own signals belongs to it.
    pub fn sees(&self, incident: &IncidentSnapshot, raised_by_it: bool) -> bool {
        match self.role.sees {
            Sight::Nothing => false,
            Sight::OwnSignals => raised_by_it,
            Sight::Sector => raised_by_it || self.sector().is_some_and(|own| concerns(incident, own)),
            Sight::Everything => true,
        }
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
        self.role.sees == Sight::Everything && self.may(Permission::ChangeSeverity)
    }

    /// May it read what people wrote about an incident it sees: a signal's free text, notes?
    ///
    /// Only those who weigh what was said, where they answer for it: whoever may change the severity, of the whole city
    /// or of the sector that owns the incident. Reading it elsewhere is not needed to act.
    pub fn reads_words(&self, incident: &IncidentSnapshot) -> bool {
        self.may(Permission::ChangeSeverity)
            && match self.role.sees {
                Sight::Everything => true,
                Sight::Sector => self.sector() == Some(&incident.sector),
                Sight::OwnSignals | Sight::Nothing => false,
            }
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

fn concerns(incident: &IncidentSnapshot, sector: &SectorId) -> bool {
    incident.sector == *sector || incident.also_concerns.contains(sector)
}
