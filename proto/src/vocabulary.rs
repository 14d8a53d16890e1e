//! Closed word lists shared by every service.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

/// Years that a day or an instant somebody gives may lie in: within reach of arithmetic, of every zone and of the database.
pub const YEARS: RangeInclusive<i16> = 2000..=2199;

/// How grave, in rising order.
///
/// French labels are accepted on input: people and partners say them (Veille, Tension, Grave, Mortel).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Weak signal: keep an eye on it.
    #[serde(alias = "veille")]
    Watch,
    /// Plausible within hours or days: mobilise presence.
    Tension,
    /// Violence under way or imminent, weapon, injured.
    #[serde(alias = "grave")]
    Serious,
    /// Death or vital prognosis.
    #[serde(alias = "mortel")]
    Fatal,
}

/// A severity word that is neither a code nor a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown severity `{0}`: use watch, tension, serious or fatal (veille, tension, grave, mortel)")]
pub struct UnknownSeverity(pub String);

crate::coded! { pub Severity {
    Watch = "watch",
    Tension = "tension",
    Serious = "serious",
    Fatal = "fatal",
} }

impl Severity {
    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Watch => "Veille",
            Self::Tension => "Tension",
            Self::Serious => "Grave",
            Self::Fatal => "Mortel",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.to_lowercase();
        Self::ALL
            .into_iter()
            .find(|s| s.code() == wanted || s.label().to_lowercase() == wanted)
            .ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

/// A way to reach a recipient.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Email,
    Sms,
    /// The recipient's live board; shown by the console, nothing leaves the house.
    Screen,
}

crate::coded! { pub Channel {
    Email = "email",
    Sms = "sms",
    Screen = "screen",
} }

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    /// Nobody has taken charge of its present severity.
    Open,
    /// At least one body asked has taken charge.
    Acknowledged,
    /// Ended with a reason.
    Closed,
}

crate::coded! { pub IncidentStatus {
    Open = "open",
    Acknowledged = "acknowledged",
    Closed = "closed",
} }

impl IncidentStatus {
    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open => "Ouvert",
            Self::Acknowledged => "Pris en compte",
            Self::Closed => "Clos",
        }
    }
}

impl fmt::Display for IncidentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Who directs when an event is more than an event: an axis apart from severity.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CrisisRegime {
    #[default]
    None,
    /// « crise localisée »: managed in its arrondissement.
    Local,
    /// The City's Cellule Centrale de Crise sits.
    City,
    /// Attack or disaster of great extent: national authorities direct.
    National,
}

crate::coded! { pub CrisisRegime {
    None = "none",
    Local = "local",
    City = "city",
    National = "national",
} }

impl CrisisRegime {
    /// French label shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "Aucun",
            Self::Local => "Crise localisée",
            Self::City => "Crise parisienne",
            Self::National => "Crise nationale",
        }
    }
}

impl fmt::Display for CrisisRegime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whether something happens or is played. A type, so that nobody has to remember it.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    #[default]
    Real,
    /// Marks every event, page, subject line and SMS; counted apart; never joined with the real.
    Exercise,
}

crate::coded! { pub Nature {
    Real = "real",
    Exercise = "exercise",
} }

impl Nature {
    pub fn is_exercise(self) -> bool {
        self == Self::Exercise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_rise_and_read_by_code_or_label() {
        assert!(Severity::Watch < Severity::Tension && Severity::Serious < Severity::Fatal);
        for severity in Severity::ALL {
            assert_eq!(severity.code().parse(), Ok(severity));
            assert_eq!(severity.label().parse(), Ok(severity));
            let by_label = format!("\"{}\"", severity.label().to_lowercase());
            assert_eq!(serde_json::from_str::<Severity>(&by_label).unwrap(), severity);
        }
        assert!("gravissime".parse::<Severity>().is_err());
    }
}
