//! Schools, and what they are called.

use serde::Serialize;
use vigie_proto::{SectorId, Uai};

use super::{LonLat, words::as_name};

/// What a school teaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SchoolKind {
    College,
    Lycee,
    Elementaire,
    Maternelle,
    Polyvalente,
}

impl SchoolKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::College, Self::Lycee, Self::Elementaire, Self::Maternelle, Self::Polyvalente];

    /// The word the sources use, without accents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::College => "college",
            Self::Lycee => "lycee",
            Self::Elementaire => "elementaire",
            Self::Maternelle => "maternelle",
            Self::Polyvalente => "polyvalente",
        }
    }
}

/// A school as its publisher lists it, with its place in the territory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct School {
    /// Its national identifier; the source of the écoles has none.
    pub uai: Option<Uai>,
    /// The UAI, or the local identifier of an école.
    pub id: String,
    pub name: String,
    pub kind: SchoolKind,
    pub public: bool,
    pub address: String,
    pub postal_code: String,
    pub at: LonLat,
    pub sector: SectorId,
    pub arrondissement: u8,
    pub quartier: u8,
    /// A doubt that the source states about the row.
    pub flag: Option<String>,
}

impl School {
    /// Its name as people say it: `Collège Claude Chappe`; of an école, which its publisher writes `ALOUETTES (5) ELEM`,
    /// `École élémentaire Alouettes (5)`.
    pub fn label(&self) -> String {
        let kind = match self.kind {
            SchoolKind::Elementaire => "École élémentaire",
            SchoolKind::Maternelle => "École maternelle",
            SchoolKind::Polyvalente => "École polyvalente",
            SchoolKind::Lycee if self.name.is_empty() => return format!("Lycée, {}", self.address),
            SchoolKind::College | SchoolKind::Lycee => return self.name.clone(),
        };
        let parts = self.name.split(' ').filter(|part| !matches!(*part, "ELEM" | "MAT" | "POLY"));
        format!("{kind} {}", as_name(&parts.collect::<Vec<_>>().join(" ")))
    }
}
