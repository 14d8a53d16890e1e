//! The doctrine's files as people write them. Unknown keys are errors: a typo in a rule must never widen it.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use vigie_proto::{Channel, Severity, plan::Expects, plan::Rank};

use super::{AudiencePlace, Condition, Timing};

/// `doctrine.toml`: what holds for every fiche.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommonFile {
    pub(super) timezone: Spanned<String>,
    pub(super) kinds: BTreeMap<Spanned<String>, KindSection>,
    pub(super) undeliverable: UndeliverableSection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindSection {
    pub(super) label: String,
    pub(super) default_severity: Severity,
    #[serde(default)]
    pub(super) facts: Vec<FactSection>,
    pub(super) correlation: CorrelationSection,
    pub(super) schools_within_m: u32,
    pub(super) neighbours_within_m: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactSection {
    pub(super) code: Spanned<String>,
    pub(super) label: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CorrelationSection {
    pub(super) radius_m: u32,
    pub(super) window_min: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UndeliverableSection {
    pub(super) tell: Vec<AudienceSection>,
    pub(super) channels: Vec<Channel>,
}

/// One fiche of the contract.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FicheFile {
    pub(super) fiche: FicheSection,
    #[serde(default)]
    pub(super) circuit: Vec<CircuitSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FicheSection {
    pub(super) id: String,
    #[expect(dead_code, reason = "for the people who read the file; required so that nobody forgets it")]
    pub(super) title: String,
    #[expect(dead_code, reason = "for the people who read the file; required so that nobody forgets it")]
    pub(super) lines: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CircuitSection {
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    pub(super) lines: String,
    pub(super) kind: Spanned<String>,
    pub(super) severities: Spanned<Vec<Severity>>,
    #[serde(default)]
    pub(super) when: Vec<Condition>,
    #[serde(default)]
    pub(super) raised_by: Vec<Spanned<String>>,
    pub(super) satisfied_by: SatisfiedBySection,
    pub(super) step: Spanned<Vec<StepSection>>,
}

/// `"anyone"`, `{ any_of = [roles] }` or `{ all_of = [roles] }`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SatisfiedBySection {
    Anyone,
    AnyOf(Vec<Spanned<String>>),
    AllOf(Vec<Spanned<String>>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepSection {
    pub(super) id: Spanned<String>,
    #[serde(default)]
    pub(super) after_min: Option<u32>,
    #[serde(default)]
    pub(super) next_local: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) unless: Option<UnlessSection>,
    pub(super) expects: Expects,
    pub(super) tell: Spanned<Vec<AudienceSection>>,
    pub(super) channels: Spanned<Vec<Channel>>,
    #[serde(default)]
    pub(super) fallback: Vec<Channel>,
    #[serde(default = "a_day")]
    pub(super) stale_after_min: u32,
    pub(super) timing: Timing,
}

fn a_day() -> u32 {
    24 * 60
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UnlessSection {
    Acknowledged,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AudienceSection {
    pub(super) role: Spanned<String>,
    #[serde(rename = "in")]
    pub(super) place: AudiencePlace,
    #[serde(default = "first")]
    pub(super) rank: Rank,
}

fn first() -> Rank {
    Rank::First
}
