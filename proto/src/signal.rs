//! A signal as it is raised: the body of `POST /api/v1/signals`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Kind, SectorId, Severity, Uai};

/// One report, before anybody judged it. Unknown fields are refused: a typo must never be lost silently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalReport {
    /// A kind the doctrine declares, such as `rixe`.
    pub kind: Kind,
    /// The raiser's estimate; the doctrine's default for the kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Free text, at most 500 characters, no names. Never leaves the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    pub location: LocationFields,
    /// When it happened, RFC 3339. Now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub occurred_at: Option<Timestamp>,
    /// When it is expected to happen, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expected_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parties: Option<Parties>,
    /// Predefined facts, each a code the doctrine declares for the kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// When the raiser itself learnt of it, RFC 3339; measures how long it took to reach the operations room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub learnt_at: Option<Timestamp>,
    /// Played, not real: marked everywhere and counted apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exercise: bool,
}

/// Where, as given: exactly one of a point (`lon` and `lat`), `school`, `address` or `sector`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationFields {
    /// Degrees east, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// Degrees north, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Radius within which the true position lies, metres. 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub school: Option<Uai>,
    /// A place by name, found in our own territory and never sent outside: an address, a street, a school, a station, a
    /// mairie, a quartier, a sector, or latitude and longitude. One that is not certain is refused, with what may be meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<SectorId>,
}

/// Where, once validated: what events carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Location {
    /// A position, WGS 84 degrees, longitude first, true within `accuracy_m` metres.
    Point { lon: f64, lat: f64, accuracy_m: f64 },
    /// A school and its surroundings.
    School { uai: Uai },
    /// A whole sector, when nothing finer is known.
    Sector { sector: SectorId },
}

/// Who is said to take part: numbers and a flag, never an identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parties {
    /// Persons, 1 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weapons: Option<Weapons>,
}

/// What is known of weapons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weapons {
    None,
    Suspected,
    Seen,
    Unknown,
}

impl Weapons {
    /// French label shown to people; none where nothing is said.
    pub fn label(self) -> Option<&'static str> {
        match self {
            Self::None => Some("Aucune arme signalée"),
            Self::Suspected => Some("Armes évoquées"),
            Self::Seen => Some("Armes vues"),
            Self::Unknown => None,
        }
    }

    /// From what is not known to the worst.
    fn rank(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::None => 1,
            Self::Suspected => 2,
            Self::Seen => 3,
        }
    }

    /// The worse of the two: what was said once of weapons is not unsaid by who saw none.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}
