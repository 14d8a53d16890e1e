//! Places by name: streets with their numbered addresses, stations, mairies and equipment, the schools, quartiers and
//! sectors; found by the words people write, and named from a position.

mod around;
mod build;
mod index;
mod nearby;
mod query;
mod search;
mod source;
#[cfg(test)]
mod tests;
mod understand;

use serde::Serialize;
use vigie_proto::{SectorId, Uai};

use super::{LonLat, Territory, point::Vertex, words};

pub use self::{
    around::{Bearing, Landmark},
    nearby::{Level, Named, Street as StreetNear},
    source::PlaceSources,
    understand::{TYPED_M, Understood},
};
pub(crate) use self::{
    build::{Placed, places},
    index::Index,
};

/// What sort of place an answer is, the most precise first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlaceKind {
    Address,
    School,
    Station,
    Mairie,
    Equipment,
    Street,
    Quartier,
    Sector,
}

/// How the words of a text and the name of a place agree, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Every word is one of the place's.
    Exact,
    /// The last word only begins one of the place's: somebody is still writing.
    Prefix,
    /// Some word is one of the place's but for a letter or two.
    Typos,
    /// Some word is not the place's, or the place lies elsewhere than the text says.
    Partial,
}

/// A place that answers a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    pub kind: PlaceKind,
    /// `20 rue de Crimée`, `Stalingrad`, `Collège Georges Brassens`.
    pub label: String,
    /// What tells it from another of that name: `19e, quartier Amérique`, `Aubervilliers (93)`.
    pub detail: String,
    pub at: LonLat,
    /// Metres around `at` within which the place is.
    pub accuracy_m: f64,
    /// The school that it is, or that has this address.
    pub school: Option<Uai>,
    /// The sector or commune `at` lies in.
    pub sector: SectorId,
    pub fit: Fit,
    /// Nothing else answers as well: it may be taken without asking whether it is meant.
    pub certain: bool,
}

/// How many places a territory has by name, besides its schools, quartiers and sectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PlaceCounts {
    /// The part of a street in each arrondissement or commune counts for itself.
    pub streets: usize,
    /// Those of schools included.
    pub addresses: usize,
    pub stations: usize,
    pub mairies: usize,
    pub equipment: usize,
}

impl Territory {
    pub fn place_counts(&self) -> PlaceCounts {
        let Index { streets, sites, .. } = &self.named_places;
        let of = |kind| sites.iter().filter(|site| site.kind == kind).count();
        PlaceCounts {
            streets: streets.len(),
            addresses: streets.iter().map(|street| street.houses.len()).sum(),
            stations: of(SiteKind::Station),
            mairies: of(SiteKind::Mairie),
            equipment: of(SiteKind::Equipment),
        }
    }
}

/// A street, or the part of it in one arrondissement or commune.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Street {
    pub(crate) name: String,
    /// INSEE code of the arrondissement (75101 to 75120) or of the commune.
    pub(crate) insee: u32,
    /// Where it is, when no house of it is known.
    pub(crate) at: Option<Vertex>,
    /// In order of number and repetition, each once.
    pub(crate) houses: Vec<House>,
}

/// A numbered address of a street.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct House {
    pub(crate) number: u32,
    /// `bis`, `ter`, `a`; empty for most.
    pub(crate) repetition: Box<str>,
    /// On the lattice of 1e-6 degree, to which addresses are published.
    pub(crate) at: Vertex,
}

/// What a named place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SiteKind {
    Station,
    Mairie,
    Equipment,
}

impl SiteKind {
    pub(crate) const ALL: [Self; 3] = [Self::Station, Self::Mairie, Self::Equipment];
}

/// A named place that is not a school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) kind: SiteKind,
    pub(crate) name: String,
    /// The lines of a station, `métro 2, 5, 7bis ; RER B`; the address of another place. May be empty.
    pub(crate) note: String,
    /// On the lattice of 1e-6 degree.
    pub(crate) at: Vertex,
}

/// `1er`, `19e`.
fn ordinal(arrondissement: u8) -> String {
    if arrondissement == 1 { "1er".to_owned() } else { format!("{arrondissement}e") }
}

/// The arrondissement of an INSEE code; nothing outside Paris.
fn arrondissement_of(insee: u32) -> Option<u8> {
    insee.checked_sub(75_100).and_then(|number| u8::try_from(number).ok()).filter(|number| (1..=20).contains(number))
}

/// `20 rue de Crimée`, `3 bis rue X`, `3b rue X`. An `e` stands apart: `12e` is an arrondissement.
fn as_label(number: u32, repetition: &str, street: &str) -> String {
    let apart = if repetition.is_empty() || (repetition.len() == 1 && repetition != "e") { "" } else { " " };
    format!("{number}{apart}{repetition} {}", as_name_in_sentence(street))
}

/// `Rue de Crimée` inside a sentence: `rue de Crimée`. A name that is no common word keeps its capital.
fn as_name_in_sentence(name: &str) -> String {
    let way = name.split(' ').next().unwrap_or_default();
    if words::words(way).first().is_some_and(|word| words::is_way(word)) {
        format!("{}{}", way.to_lowercase(), &name[way.len()..])
    } else {
        name.to_owned()
    }
}
