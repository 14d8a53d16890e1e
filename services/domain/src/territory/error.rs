//! What can be wrong with a position, with a territory file, and with the sources it is built from.

use std::fmt;

use vigie_proto::{SectorId, UaiError};

/// Why a position has no place in the territory.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LocateError {
    /// Not numbers, or beyond 180 degrees of longitude or 90 of latitude.
    #[error("the position {lon}, {lat} is nowhere on Earth: give longitude and latitude in decimal degrees")]
    NotFinite { lon: f64, lat: f64 },
    #[error("the position {lon}, {lat} looks swapped: give the longitude first, {lat}, {lon}")]
    LooksSwapped { lon: f64, lat: f64 },
    #[error(
        "the position {lon}, {lat} is outside the territory, {distance_m:.0} m from {nearest}: check it, or raise the signal with an address"
    )]
    Outside {
        lon: f64,
        lat: f64,
        /// The sector or commune whose border is nearest.
        nearest: SectorId,
        /// Metres to that border.
        distance_m: f64,
    },
}

impl LocateError {
    /// The same for whoever gave the position, in French.
    pub fn in_french(&self) -> &'static str {
        match self {
            Self::LooksSwapped { .. } => {
                "lon et lat semblent inversées : à Paris, lon est proche de 2,35 et lat de 48,86."
            }
            Self::NotFinite { .. } => "lon et lat doivent être des nombres en degrés.",
            Self::Outside { .. } => {
                "Ce point est hors de Paris et des communes limitrophes. Appelez le 17 en cas d'urgence."
            }
        }
    }
}

/// Why a territory cannot be read or built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TerritoryError {
    #[error("this is not a territory file: build one with `vigie territory build`")]
    NotATerritory,
    #[error("this territory file has version {found}, this program reads version {expected}: build it again")]
    Version { found: u8, expected: u8 },
    #[error("the territory file is damaged ({0}): build it again or restore it")]
    Damaged(&'static str),
    #[error("the sources of the territory hold {} fault(s):{}", .0.len(), Listing(.0))]
    Sources(Vec<Fault>),
}

/// One thing to repair in the sources; a build reports all of them at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Name of the file.
    pub file: String,
    /// Where in it: a feature or a row, counted from 1, the header of a CSV being row 1.
    pub at: String,
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.file, self.at, self.problem)
    }
}

struct Listing<'a>(&'a [Fault]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// What is wrong, and what to do about it. Positions are degrees, longitude first.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    #[error("cannot be read ({0}): repair the syntax")]
    Unreadable(String),
    #[error("has no usable property or column `{0}`: add it")]
    Missing(&'static str),
    #[error("`{column}` holds `{value}`: give {expected}")]
    BadValue { column: &'static str, value: String, expected: &'static str },
    #[error("repeats `{0}`, which an earlier one already has: remove one of the two")]
    Repeated(String),
    #[error("does not say who publishes it: name them, with the licence, in `--attribution`")]
    Unattributed,
    #[error("is not a polygon: give a Polygon or a MultiPolygon")]
    NotAPolygon,
    #[error("has a ring that does not end where it starts, or has fewer than three corners: close it")]
    OpenRing,
    #[error("has a corner that is not a longitude and a latitude in degrees: correct it")]
    NotAPosition,
    #[error("crosses or covers itself near {lon}, {lat}: untangle its ring")]
    SelfCrossing { lon: f64, lat: f64 },
    #[error("overlaps {with} by {area_m2:.0} m2 near {lon}, {lat}: correct one of the two borders")]
    Overlap { with: String, area_m2: f64, lon: f64, lat: f64 },
    #[error("leaves a hole of {area_m2:.0} m2 beside it near {lon}, {lat}: extend a neighbour over it")]
    Gap { area_m2: f64, lon: f64, lat: f64 },
    #[error("has {area_m2:.0} m2 that none of its quartiers covers, near {lon}, {lat}: extend one of them")]
    Uncovered { area_m2: f64, lon: f64, lat: f64 },
    #[error("touches no other polygon: a territory is in one piece, remove it or add what lies between")]
    Detached,
    #[error("has borders that cannot be matched to its neighbours': simplify them")]
    Tangled,
    #[error(transparent)]
    Uai(#[from] UaiError),
    #[error(
        "states arrondissement {stated}, but its position lies in {found}: correct the position or the arrondissement"
    )]
    ElsewhereThanStated { stated: u8, found: String },
    #[error("{0}")]
    Unlocated(#[from] LocateError),
}
