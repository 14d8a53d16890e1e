//! The doctrine's files as people write them. Unknown keys are errors: a typo in a rule must never widen it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;
use vigie_proto::{
    Channel, CrisisRegime, Severity,
    plan::{Expects, NewsGroup, NewsTrigger, OnRefusal, Rank},
};

use super::{
    Accuracy, AudiencePlace, Condition, DayKind, EmergencyNumber, FactsLevel, Medium, Pictogram, PlaceLevel, Repeat,
    StaleRule, Thread, Timing, Who,
};

/// `doctrine.toml`: what holds for every fiche.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommonFile {
    pub(super) timezone: Spanned<String>,
    #[serde(default)]
    pub(super) fiches: Vec<String>,
    #[serde(default)]
    pub(super) emergency: Vec<EmergencyNumber>,
    #[serde(default)]
    pub(super) accuracy: Option<Spanned<Accuracy>>,
    #[serde(default)]
    pub(super) thread: Thread,
    #[serde(default)]
    pub(super) calendar: CalendarSection,
    #[serde(default)]
    pub(super) windows: BTreeMap<String, WindowSection>,
    #[serde(default)]
    pub(super) classes: BTreeMap<String, ClassSection>,
    #[serde(default)]
    pub(super) reads: Vec<Spanned<ReadingSection>>,
    #[serde(default)]
    pub(super) news: Vec<NewsSection>,
    #[serde(default)]
    pub(super) indicators: BTreeMap<String, IndicatorSection>,
    #[serde(default)]
    pub(super) never: Vec<NeverSection>,
    pub(super) kinds: BTreeMap<Spanned<String>, KindSection>,
    pub(super) undeliverable: UndeliverableSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarSection {
    #[serde(default)]
    pub(super) public_holidays: Vec<Date>,
    #[serde(default)]
    pub(super) school_holidays: Vec<HolidaySection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HolidaySection {
    #[expect(dead_code, reason = "for the people who read the file")]
    pub(super) label: String,
    pub(super) from: Spanned<Date>,
    pub(super) until: Date,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowSection {
    pub(super) label: String,
    #[serde(default)]
    pub(super) lines: Option<String>,
    /// Each `"16:30-04:30"`.
    pub(super) hours: Spanned<Vec<String>>,
    #[serde(default)]
    pub(super) not_on: Vec<DayKind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassSection {
    pub(super) label: String,
    pub(super) channels: Vec<Channel>,
    #[serde(default)]
    pub(super) roles: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) undeliverable: Vec<AudienceSection>,
    pub(super) retention_days: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadingSection {
    #[serde(default)]
    pub(super) who: Option<Who>,
    #[serde(default)]
    pub(super) roles: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) classes: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) on: Vec<Medium>,
    pub(super) place: PlaceLevel,
    pub(super) facts: FactsLevel,
    pub(super) number: bool,
    pub(super) announced: bool,
    #[serde(default)]
    pub(super) words: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewsSection {
    pub(super) id: Spanned<String>,
    pub(super) on: BTreeSet<NewsTrigger>,
    #[serde(default)]
    pub(super) kinds: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) severities: Option<Vec<Severity>>,
    #[serde(default)]
    pub(super) tell: Vec<AudienceSection>,
    #[serde(default)]
    pub(super) groups: BTreeSet<NewsGroup>,
    pub(super) channels: Spanned<Vec<Channel>>,
    #[serde(default)]
    pub(super) fallback: Vec<Channel>,
    pub(super) every_min: Spanned<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndicatorSection {
    pub(super) label: String,
    pub(super) lines: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NeverSection {
    pub(super) lines: String,
    pub(super) because: String,
    #[serde(default)]
    pub(super) tell: Vec<String>,
    #[serde(default)]
    pub(super) collect: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindSection {
    pub(super) label: String,
    #[serde(default)]
    pub(super) pictogram: Option<Pictogram>,
    pub(super) default_severity: Severity,
    #[serde(default)]
    pub(super) facts: Vec<FactSection>,
    #[serde(default)]
    pub(super) one_fact_of: Vec<Spanned<String>>,
    pub(super) correlation: CorrelationSection,
    pub(super) schools_within_m: u32,
    pub(super) neighbours_within_m: u32,
    #[serde(default)]
    pub(super) class: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) manned_within_min: BTreeMap<Severity, u32>,
    #[serde(default)]
    pub(super) accumulation: Option<Spanned<AccumulationSection>>,
    #[serde(default)]
    pub(super) retaliation: Option<Spanned<RetaliationSection>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactSection {
    pub(super) code: Spanned<String>,
    pub(super) label: String,
    #[serde(default)]
    pub(super) shown: bool,
    #[serde(default)]
    pub(super) alarms: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CorrelationSection {
    pub(super) radius_m: u32,
    pub(super) window_min: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccumulationSection {
    pub(super) severity: Severity,
    pub(super) count: u32,
    pub(super) within_days: u32,
    pub(super) radius_m: u32,
    pub(super) becomes: Severity,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetaliationSection {
    pub(super) after: Vec<Severity>,
    pub(super) days: u32,
    pub(super) radius_m: u32,
    pub(super) becomes: Severity,
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
    pub(super) fiche: Spanned<FicheSection>,
    #[serde(default)]
    pub(super) circuit: Vec<CircuitSection>,
    #[serde(default)]
    pub(super) counted: Vec<CountedSection>,
    #[serde(default)]
    pub(super) outside: Vec<OutsideSection>,
    #[serde(default)]
    pub(super) crisis: Option<Spanned<crate::doctrine::crises::Rules>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FicheSection {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) lines: String,
    /// Every circuit the contract describes in this fiche.
    #[serde(default)]
    pub(super) circuits: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CircuitSection {
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    pub(super) lines: String,
    pub(super) kinds: Vec<Spanned<String>>,
    pub(super) severities: Spanned<Vec<Severity>>,
    #[serde(default = "every_regime")]
    pub(super) regimes: Vec<CrisisRegime>,
    #[serde(default)]
    pub(super) when: Vec<Condition>,
    #[serde(default)]
    pub(super) raised_by: Vec<Spanned<String>>,
    pub(super) satisfied_by: SatisfiedBySection,
    #[serde(default = "advance_when_all")]
    pub(super) on_refusal: OnRefusal,
    #[serde(default = "ten")]
    pub(super) handover_within_min: u32,
    #[serde(default)]
    pub(super) stale: Option<StaleRule>,
    #[serde(default)]
    pub(super) guidance: Option<String>,
    #[serde(default)]
    pub(super) counts: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) owed: Vec<OwedSection>,
    pub(super) step: Spanned<Vec<StepSection>>,
}

fn every_regime() -> Vec<CrisisRegime> {
    CrisisRegime::ALL.to_vec()
}

fn advance_when_all() -> OnRefusal {
    OnRefusal::AdvanceWhenAll
}

fn ten() -> u32 {
    10
}

/// `"anyone"`, `"each-asked"`, `{ any_of = [roles] }`, `{ all_of = [roles] }` or
/// `{ at_least = { count = 2, of = [roles] } }`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SatisfiedBySection {
    Anyone,
    #[serde(rename = "each-asked")]
    EachAsked,
    AnyOf(Vec<Spanned<String>>),
    AllOf(Vec<Spanned<String>>),
    AtLeast(AtLeastSection),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AtLeastSection {
    pub(super) count: Spanned<u32>,
    #[serde(default)]
    pub(super) of: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwedSection {
    pub(super) id: Spanned<String>,
    pub(super) what: String,
    pub(super) lines: String,
    pub(super) by: AudienceSection,
    /// `"raiser"` or a role.
    pub(super) to: Spanned<String>,
    #[serde(default)]
    pub(super) within_min: Option<u32>,
    #[serde(default)]
    pub(super) within_days: Option<u32>,
    #[serde(default)]
    pub(super) repeat: Option<Repeat>,
    #[serde(default)]
    pub(super) from_closing: bool,
    #[serde(default)]
    pub(super) blocks_closing: bool,
    #[serde(default)]
    pub(super) may_be_unknown: bool,
    pub(super) timing: Timing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepSection {
    pub(super) id: Spanned<String>,
    #[serde(default)]
    pub(super) after_min: Option<u32>,
    #[serde(default)]
    pub(super) after_last_min: Option<u32>,
    #[serde(default)]
    pub(super) next_local: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) before_expected_min: Option<u32>,
    #[serde(default)]
    pub(super) after_expected_min: Option<u32>,
    #[serde(default)]
    pub(super) on_day: Option<DaySection>,
    #[serde(default)]
    pub(super) after_owed: Option<AfterOwedSection>,
    #[serde(default)]
    pub(super) after_acknowledgement: Option<AfterAcknowledgementSection>,
    #[serde(default)]
    pub(super) after_closing_min: Option<u32>,
    #[serde(default)]
    pub(super) after_closing: Option<DaySection>,
    #[serde(default)]
    pub(super) repeat: Option<Repeat>,
    #[serde(default)]
    pub(super) unless: Option<UnlessSection>,
    #[serde(default)]
    pub(super) survives_closing: bool,
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
#[serde(deny_unknown_fields)]
pub(super) struct DaySection {
    pub(super) day: u32,
    pub(super) at: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AfterOwedSection {
    pub(super) id: Spanned<String>,
    pub(super) min: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AfterAcknowledgementSection {
    pub(super) by: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) min: u32,
}

/// `"acknowledged"` or `{ returned = "id" }`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UnlessSection {
    Acknowledged,
    Returned(Spanned<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountedSection {
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    pub(super) lines: String,
    pub(super) indicators: Vec<Spanned<String>>,
    pub(super) by: Vec<Spanned<String>>,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutsideSection {
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    pub(super) lines: String,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AudienceSection {
    pub(super) role: Spanned<String>,
    #[serde(rename = "in")]
    pub(super) place: AudiencePlace,
    #[serde(default = "first")]
    pub(super) rank: Rank,
    #[serde(default)]
    pub(super) hours: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) outside: Option<OutsideHoursSection>,
}

impl AudienceSection {
    /// The role told, and those told instead.
    pub(super) fn roles(&self) -> Vec<&Spanned<String>> {
        let instead: &[Self] = match &self.outside {
            Some(OutsideHoursSection::Tell(others)) => others,
            Some(OutsideHoursSection::Skip | OutsideHoursSection::Wait) | None => &[],
        };
        std::iter::once(&self.role).chain(instead.iter().flat_map(Self::roles)).collect()
    }
}

/// `"skip"`, `"wait"`, or `{ tell = [those told instead] }`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OutsideHoursSection {
    Skip,
    Wait,
    Tell(Vec<AudienceSection>),
}

fn first() -> Rank {
    Rank::First
}
