//! An incident as its facts tell it: what it takes to render, route and authorise without asking its owner.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CrisisRegime, IncidentId, IncidentStatus, Kind, Nature, SectorId, Severity, signal::Weapons, subject};

/// An incident as it stood after the fact: enough to render, route and authorise without asking its owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentSnapshot {
    pub id: IncidentId,
    /// What people say on the telephone, `R-2026-000123`.
    pub reference: String,
    /// Counts every change of severity or status, from 1.
    pub version: u32,
    pub kind: Kind,
    /// French label of the kind, from the doctrine.
    pub kind_label: String,
    pub severity: Severity,
    pub status: IncidentStatus,
    /// The sector that owns it.
    pub sector: SectorId,
    /// French label of the sector, as `19e arrondissement`.
    pub sector_label: String,
    /// Other sectors concerned: the point's accuracy crosses their border.
    #[serde(default)]
    pub also_concerns: Vec<SectorId>,
    /// Kind of place, in French, without naming it: `abords d'un établissement scolaire`.
    pub place_label: String,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub expected_at: Option<Timestamp>,
    #[schemars(with = "String")]
    pub opened_at: Timestamp,
    #[serde(default)]
    pub regime: CrisisRegime,
    #[serde(default)]
    pub nature: Nature,
    /// French labels of the predefined facts the doctrine lets messages show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precisions: Vec<String>,
    /// Where, finer than the sector.
    #[serde(default, skip_serializing_if = "Whereabouts::is_empty")]
    pub whereabouts: Whereabouts,
    /// What its signals say of it.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub known: Known,
}

crate::sensitivity! {
    IncidentSnapshot {
        Public: id, reference, version, kind, kind_label, severity, status, sector, sector_label, place_label, expected_at,
            opened_at, nature, precisions;
        Operational: also_concerns, regime, whereabouts, known;
    }
}

impl IncidentSnapshot {
    /// The place in French, as fine as is told: by its name, by its quartier, or by its kind.
    pub fn place_in_words(&self) -> String {
        let Whereabouts { quartier, exact, .. } = &self.whereabouts;
        match (exact, quartier) {
            (Some(exact), Some(quartier)) => format!("{exact}, {quartier}"),
            (Some(exact), None) => exact.clone(),
            (None, Some(quartier)) => format!("{quartier}, {}", self.place_label),
            (None, None) => self.place_label.clone(),
        }
    }

    /// The finest name of the place that is told; none when only its kind is.
    pub fn spot(&self) -> Option<&str> {
        let Whereabouts { quartier, exact, .. } = &self.whereabouts;
        exact.as_deref().or(quartier.as_deref())
    }

    /// What is known of it, in French, a short phrase each: predefined facts, numbers, weapons.
    pub fn facts_in_words(&self) -> Vec<String> {
        let mut phrases: Vec<String> = self.known.facts.iter().map(|fact| fact.label.clone()).collect();
        // Facts of former releases have these alone.
        phrases.extend(
            self.precisions.iter().filter(|label| !self.known.facts.iter().any(|f| f.label == **label)).cloned(),
        );
        phrases.extend(self.known.in_words());
        phrases
    }
}

/// Where an incident is, from the coarser to the finer, each as far as it is known and its reader may know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct Whereabouts {
    /// The quartier or the commune, in French: `quartier Amérique`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quartier: Option<String>,
    /// The place by its name, in French: `Collège Georges Brassens`, `20 rue de Crimée`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    /// The position, for a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Spot>,
}

impl Whereabouts {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A position, WGS 84 degrees, true within `accuracy_m` metres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct Spot {
    pub lon: f64,
    pub lat: f64,
    pub accuracy_m: f64,
}

/// What the signals of an incident say of it, together: numbers and predefined facts, never who.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct Known {
    /// Persons, by the latest signal that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The worst that was said of weapons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weapons: Option<Weapons>,
    /// Predefined facts told so far, in the order in which they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<KnownFact>,
}

impl Known {
    /// What is known of numbers and weapons, in French, a short phrase each.
    pub fn in_words(&self) -> Vec<String> {
        let count = self.count.map(|count| match count {
            1 => "1 personne".to_owned(),
            many => format!("{many} personnes"),
        });
        count.into_iter().chain(self.weapons.and_then(Weapons::label).map(str::to_owned)).collect()
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What became known of an incident that was not before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct News {
    /// Predefined facts told for the first time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<KnownFact>,
    /// The number of persons, when it is another than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// What is known of weapons, when it is worse than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weapons: Option<Weapons>,
    /// It is announced for a time for the first time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announced: bool,
}

impl News {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the doctrine wants somebody startled by it.
    pub fn alarms(&self) -> bool {
        self.facts.iter().any(|fact| fact.alarms)
    }
}

/// A predefined fact that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct KnownFact {
    /// The doctrine's code of it.
    pub code: String,
    /// In French.
    pub label: String,
    /// A message may show it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown: bool,
    /// When it becomes known of an incident in hand, it rings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alarms: bool,
}

impl IncidentSnapshot {
    pub(super) fn subject(&self, verb: &str) -> String {
        subject::incident(verb, &self.sector, &self.kind)
    }
}
