//! Everything a city configures, read together and consistent: territory, directory, doctrine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use vigie_proto::{
    Channel, ContactId, Kind, RoleId, SectorId,
    event::{IncidentSnapshot, Recipient},
    plan::Target,
    sensitivity::Sensitivity,
};

use crate::{
    directory::{self, Directory, DirectoryError, DirectoryFiles, Reachability},
    doctrine::{self, Doctrine, Medium, Reading, Situation},
    territory::Territory,
};

/// The text of everything a city configures: what versions are made of.
#[derive(Debug, Clone, Default)]
pub struct CityFiles {
    /// Packed, as `vigie territory build` writes it.
    pub territory: Vec<u8>,
    pub directory: DirectoryFiles,
    /// File names and texts.
    pub doctrine: BTreeMap<String, String>,
}

/// Hashes of the three, each 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CityHashes {
    pub doctrine: String,
    pub directory: String,
    pub territory: String,
}

/// One consistent configuration; shared, never changed in place.
#[derive(Debug, Clone)]
pub struct City {
    pub territory: Arc<Territory>,
    pub directory: Arc<Directory>,
    pub doctrine: Arc<Doctrine>,
}

/// The configuration in force in a process, replaced as a whole while it runs.
///
/// Whoever works takes the city once per piece of work, so that a request or a transaction sees one version throughout.
#[derive(Debug, Clone)]
pub struct InForce(Arc<RwLock<Arc<City>>>);

impl InForce {
    pub fn new(city: City) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(city))))
    }

    /// The city as it stands now.
    pub fn get(&self) -> Arc<City> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Work begun from now on uses `city`.
    pub fn replace(&self, city: City) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(city);
    }
}

/// Every fault of the configuration at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the city's configuration has faults:\n{}", .0.join("\n"))]
pub struct CityError(pub Vec<String>);

impl City {
    /// Reads and cross-checks the three from their files.
    pub fn of(files: &CityFiles) -> Result<Self, CityError> {
        let territory =
            Territory::from_bytes(&files.territory).map_err(|error| CityError(vec![format!("territory: {error}")]))?;
        Self::read(territory, &files.directory, &files.doctrine)
    }

    /// The same version of which no addresses are seen: `files` has them taken out, `directory` is the hash it was published
    /// under.
    pub fn of_shared(files: &CityFiles, directory: &str) -> Result<Self, CityError> {
        let territory =
            Territory::from_bytes(&files.territory).map_err(|error| CityError(vec![format!("territory: {error}")]))?;
        let read = directory::read_shared(&files.directory, &territory, directory);
        Self::assemble(territory, read, &files.doctrine)
    }

    pub fn hashes(&self) -> CityHashes {
        CityHashes {
            doctrine: self.doctrine.hash().to_owned(),
            directory: self.directory.hash().to_owned(),
            territory: self.territory.hash().to_owned(),
        }
    }

    /// Reads and cross-checks the three. `doctrine` is file names and texts.
    pub fn read(
        territory: Territory,
        directory: &DirectoryFiles,
        doctrine: &BTreeMap<String, String>,
    ) -> Result<Self, CityError> {
        let read = directory::read(directory, &territory);
        Self::assemble(territory, read, doctrine)
    }

    fn assemble(
        territory: Territory,
        read: Result<Directory, DirectoryError>,
        doctrine: &BTreeMap<String, String>,
    ) -> Result<Self, CityError> {
        let (directory, mut faults) = match read {
            Ok(directory) => (Some(directory), Vec::new()),
            Err(error) => (None, error.0.iter().map(ToString::to_string).collect()),
        };
        let Some(directory) = directory else {
            faults.push("the doctrine was not checked: it needs the directory's roles".to_owned());
            return Err(CityError(faults));
        };
        let roles: BTreeSet<_> = directory.roles().cloned().collect();
        let doctrine = doctrine::read(doctrine, &roles).map_err(|error| CityError(error.0))?;
        Ok(Self { territory: Arc::new(territory), directory: Arc::new(directory), doctrine: Arc::new(doctrine) })
    }

    /// Whom to tell, anywhere in the city, that an alert reached nobody: of those the incident's class admits.
    pub fn undeliverable_targets(&self, situation: &Situation) -> Vec<Target> {
        let class = self.doctrine.class_of(&situation.kind);
        let own = class.map(|class| class.undeliverable.as_slice()).unwrap_or_default();
        let tell = if own.is_empty() { self.doctrine.undeliverable.tell.as_slice() } else { own };
        let admitted = |audience: &&doctrine::Audience| class.is_none_or(|class| class.admits(&audience.role));
        tell.iter().filter(admitted).filter_map(|audience| doctrine::target(audience, situation)).collect()
    }

    /// By which channels that is told of an incident of this kind: those its class may leave by.
    pub fn undeliverable_channels(&self, kind: &Kind) -> Vec<Channel> {
        let class = self.doctrine.class_of(kind);
        let may = |channel: &&Channel| class.is_none_or(|class| class.channels.contains(channel));
        self.doctrine.undeliverable.channels.iter().filter(may).copied().collect()
    }

    /// The incident as a message to `to` may tell it: what the doctrine gives its role to know on the channel it goes by and
    /// on each of those tried after it.
    ///
    /// [`crate::access`] says what the same role sees on pages.
    pub fn told(&self, incident: &IncidentSnapshot, to: &Recipient, fallback: &[Channel]) -> IncidentSnapshot {
        let on = |channel: Channel| self.reading(&incident.kind, &to.role, channel.into());
        let reading = fallback.iter().fold(on(to.channel), |reading, channel| reading.meet(on(*channel)));
        // A message is of no use to whoever may not know which sectors it concerns.
        reading.of(incident, Sensitivity::Operational)
    }

    /// How much of incidents of `kind` a role reads on `medium`.
    pub fn reading(&self, kind: &Kind, role: &RoleId, medium: Medium) -> Reading {
        self.doctrine.reading(kind, role, self.directory.intervenes(role), medium)
    }

    /// French label of a sector; its id when unknown.
    pub fn sector_label<'a>(&'a self, id: &'a SectorId) -> &'a str {
        self.territory.sector(id).map_or(id.as_str(), |sector| sector.label.as_str())
    }
}

impl City {
    /// The same city, its contact points as drills and verifications found them.
    #[must_use]
    pub fn with_reachability(&self, found: &BTreeMap<ContactId, Reachability>) -> Self {
        if found.is_empty() {
            return self.clone();
        }
        Self { directory: Arc::new(self.directory.with_reachability(found)), ..self.clone() }
    }
}
