//! How a crisis is conducted, as the doctrine says it: the `[crisis]` section of a fiche. Unknown keys are errors.

use std::collections::BTreeSet;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use vigie_proto::{
    Channel, CrisisRegime, RoleId, SectorId,
    plan::{Rank, Scope, Target},
};

use super::{Never, Timing};

/// Everything the city has decided about crises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub lines: String,
    /// Who opens, links, sets regime and roles, passes requests on, notes answers given by telephone, closes.
    pub conducted_by: Vec<RoleId>,
    /// Who may be the one correspondent of the authority that gathers what concerns victims.
    pub correspondents: Vec<RoleId>,
    /// Whose bodies may sit in the City's crisis cell; anybody's when empty.
    #[serde(default)]
    pub cell: Vec<RoleId>,
    /// Told when a mobilisation found nobody.
    pub unanswered: Notice,
    #[serde(rename = "regime")]
    pub regimes: Vec<RegimeRule>,
    #[serde(rename = "resource")]
    pub resources: Vec<ResourceRule>,
    pub care: CareRules,
    pub report: ReportRules,
    /// None: no text is kept for others to relay.
    #[serde(default)]
    pub relay: Option<RelayRules>,
    pub retex: RetexRules,
}

/// Who directs under a regime, and what to keep in mind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegimeRule {
    pub regime: CrisisRegime,
    pub lines: String,
    /// In French.
    pub directed_by: String,
    /// French sentences shown wherever the crisis is.
    #[serde(default)]
    pub guidance: Vec<String>,
}

/// Whom to tell, how, and what: the sentence is the doctrine's, so that no message can carry a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    pub tell: Vec<Telling>,
    pub channels: Vec<Channel>,
    /// French.
    pub say: String,
}

/// Bodies of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telling {
    pub role: RoleId,
    #[serde(rename = "in")]
    pub place: Place,
    #[serde(default = "first")]
    pub rank: Rank,
}

/// Where the bodies are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    City,
    /// The sectors of the incident, or the sector that owes.
    Sector,
}

fn first() -> Rank {
    Rank::First
}

/// Something that can be mobilised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceRule {
    pub id: String,
    /// French.
    pub label: String,
    /// French, short enough for an SMS beside a link; the label when absent.
    #[serde(default)]
    pub short: Option<String>,
    pub lines: String,
    /// How many the city has.
    pub units: u32,
    pub asked_by: Vec<RoleId>,
    /// A request by anybody but these goes through them first.
    #[serde(default)]
    pub through: Option<ThroughRule>,
    /// Asked one after the other until somebody accepts.
    #[serde(rename = "choice")]
    pub choices: Vec<ChoiceRule>,
    /// From accepting to arriving.
    pub on_site_within_min: u32,
    pub timing: Timing,
    /// Another resource whose state is shown beside this one's.
    #[serde(default)]
    pub coordinated_with: Option<String>,
    /// French, shown with it.
    #[serde(default)]
    pub guidance: Option<String>,
}

/// Through whom a request goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThroughRule {
    pub roles: Vec<RoleId>,
    pub within_min: u32,
    pub notice: Notice,
    /// Told again when they let the time pass.
    pub overdue: Notice,
}

/// One choice of providers, and the time they have to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceRule {
    pub within_min: u32,
    pub notice: Notice,
}

/// Reception centres.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CareRules {
    pub lines: String,
    pub opened_by: Vec<RoleId>,
    #[serde(rename = "place")]
    pub places: Vec<Labelled>,
    /// What may be inside.
    #[serde(rename = "inside")]
    pub inside: Vec<Labelled>,
    #[serde(rename = "task")]
    pub tasks: Vec<TaskRule>,
    #[serde(rename = "category")]
    pub categories: Vec<CategoryRule>,
    /// All of them must hold for a centre to close.
    #[serde(rename = "closes_when")]
    pub closes_when: Vec<Labelled>,
}

/// A word of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    pub id: String,
    /// French.
    pub label: String,
    #[serde(default)]
    pub lines: Option<String>,
}

/// What one body does in a centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRule {
    pub id: String,
    pub role: RoleId,
    /// French.
    pub label: String,
    pub lines: String,
}

/// A category of persons, known as a number only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryRule {
    pub id: String,
    /// French, plural.
    pub label: String,
    pub lines: String,
    /// Who may give the number.
    pub counted_by: Vec<RoleId>,
}

/// Situation reports owed by every sector concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRules {
    pub lines: String,
    pub regimes: Vec<CrisisRegime>,
    pub given_by: Vec<RoleId>,
    pub every_min: u32,
    /// After the due time.
    pub reminder_after_min: u32,
    /// What circuits say is owed because of the crisis' events (`circuit/owed`), and a report gives: it is owed once.
    #[serde(default)]
    pub settles: Vec<String>,
    pub timing: Timing,
    pub due: Notice,
    pub overdue: Notice,
    #[serde(rename = "field")]
    pub fields: Vec<FieldRule>,
}

/// A predefined question of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    pub id: String,
    /// French.
    pub label: String,
    pub options: Vec<Labelled>,
}

/// Texts of the authority that alone speaks to the population, for others to relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayRules {
    pub lines: String,
    /// French: whose texts they are.
    pub from: String,
    /// Who writes down what was received, and withdraws it.
    pub kept_by: Vec<RoleId>,
    /// Who reads it, besides; in its own sectors, or in the city when it is the city's.
    pub shown_to: Vec<RoleId>,
    /// Told that there is one, never what it says.
    pub notice: Notice,
    /// Told that one is no longer to be relayed.
    pub withdrawn: Notice,
}

/// What is learnt from every crisis and exercise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetexRules {
    pub lines: String,
    /// Who writes and completes it.
    pub written_by: Vec<RoleId>,
    /// What circuits say is owed because of the crisis' events (`circuit/owed`), and the completed feedback gives.
    #[serde(default)]
    pub settles: Vec<String>,
    #[serde(rename = "section")]
    pub sections: Vec<Labelled>,
    /// While it is not complete.
    #[serde(rename = "reminder")]
    pub reminders: Vec<ReminderRule>,
}

/// A reminder, so many local days after the closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReminderRule {
    pub day: u32,
    pub at: Time,
    pub timing: Timing,
    pub notice: Notice,
}

impl Rules {
    pub fn resource(&self, id: &str) -> Option<&ResourceRule> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    /// Whether bodies of a role may sit in the crisis cell.
    pub fn may_sit(&self, role: &RoleId) -> bool {
        self.cell.is_empty() || self.cell.contains(role)
    }

    pub fn regime(&self, regime: CrisisRegime) -> Option<&RegimeRule> {
        self.regimes.iter().find(|rule| rule.regime == regime)
    }

    /// Everything wrong with them, given the directory's roles and what the doctrine never tells.
    pub(crate) fn faults(&self, roles: &BTreeSet<RoleId>, never: &[Never]) -> Vec<String> {
        let mut faults = Vec::new();
        for role in self.roles() {
            if !roles.contains(role) {
                faults.push(format!("crisis: role `{role}` is not in the directory's roles.toml"));
            }
        }
        for notice in self.notices() {
            for telling in &notice.tell {
                if let Some(never) = never.iter().find(|never| never.tell.iter().any(|r| r == telling.role.as_str())) {
                    faults.push(format!(
                        "crisis: `{}` is never told: {} (contract, lines {})",
                        telling.role, never.because, never.lines
                    ));
                }
            }
            if notice.tell.is_empty() || notice.channels.is_empty() {
                faults.push(format!("crisis: « {} » tells nobody, or by no channel", notice.say));
            }
        }
        self.resource_faults(&mut faults);
        for regime in CrisisRegime::ALL.into_iter().filter(|regime| *regime != CrisisRegime::None) {
            if self.regimes.iter().filter(|rule| rule.regime == regime).count() != 1 {
                faults.push(format!("crisis: say once who directs under the regime `{regime}`"));
            }
        }
        if self.report.every_min == 0 {
            faults.push("crisis: report.every_min is 0".to_owned());
        }
        let care = &self.care;
        twice("resource", self.resources.iter().map(|r| &r.id), &mut faults);
        twice("care.task", care.tasks.iter().map(|t| &t.id), &mut faults);
        twice("care.category", care.categories.iter().map(|c| &c.id), &mut faults);
        twice("care.place", care.places.iter().map(|p| &p.id), &mut faults);
        twice("care.closes_when", care.closes_when.iter().map(|c| &c.id), &mut faults);
        twice("report.field", self.report.fields.iter().map(|f| &f.id), &mut faults);
        twice("retex.section", self.retex.sections.iter().map(|s| &s.id), &mut faults);
        faults
    }

    fn resource_faults(&self, faults: &mut Vec<String>) {
        for resource in &self.resources {
            let id = &resource.id;
            if resource.choices.is_empty() {
                faults
                    .push(format!("crisis: resource `{id}` has nobody to provide it: add [[crisis.resource.choice]]"));
            }
            if let Some(other) = &resource.coordinated_with
                && self.resource(other).is_none()
            {
                faults.push(format!("crisis: resource `{id}` is coordinated with `{other}`, which is not declared"));
            }
        }
    }

    fn notices(&self) -> impl Iterator<Item = &Notice> {
        let resources = self.resources.iter().flat_map(|resource| {
            let through = resource.through.iter().flat_map(|through| [&through.notice, &through.overdue]);
            through.chain(resource.choices.iter().map(|choice| &choice.notice))
        });
        [&self.unanswered, &self.report.due, &self.report.overdue]
            .into_iter()
            .chain(resources)
            .chain(self.relay.iter().flat_map(|relay| [&relay.notice, &relay.withdrawn]))
            .chain(self.retex.reminders.iter().map(|reminder| &reminder.notice))
    }

    fn roles(&self) -> BTreeSet<&RoleId> {
        let resources = self.resources.iter().flat_map(|resource| {
            let through = resource.through.iter().flat_map(|through| &through.roles);
            resource.asked_by.iter().chain(through)
        });
        let told = self.notices().flat_map(|notice| notice.tell.iter().map(|telling| &telling.role));
        let lists = [
            &self.conducted_by,
            &self.correspondents,
            &self.cell,
            &self.care.opened_by,
            &self.report.given_by,
            &self.retex.written_by,
        ];
        let care = self.care.tasks.iter().map(|task| &task.role);
        let counted = self.care.categories.iter().flat_map(|category| &category.counted_by);
        let relay = self.relay.iter().flat_map(|relay| relay.kept_by.iter().chain(&relay.shown_to));
        lists.into_iter().flatten().chain(relay).chain(resources).chain(told).chain(care).chain(counted).collect()
    }
}

impl FieldRule {
    /// French name of an option; its id when unknown.
    pub fn option_label<'a>(&'a self, id: &'a str) -> &'a str {
        self.options.iter().find(|option| option.id == id).map_or(id, |option| &option.label)
    }
}

impl Notice {
    /// Whom it comes down to around `sectors`.
    pub(crate) fn targets(&self, sectors: &[SectorId]) -> Vec<Target> {
        let scope = |place| match place {
            Place::City => Scope::City,
            Place::Sector => Scope::Sectors(sectors.to_vec()),
        };
        let target = |telling: &Telling| Target {
            role: telling.role.clone(),
            scope: scope(telling.place),
            rank: telling.rank,
            serves: None,
            otherwise: Vec::new(),
        };
        self.tell.iter().map(target).collect()
    }
}

fn twice<'a>(what: &str, ids: impl Iterator<Item = &'a String>, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            faults.push(format!("crisis: {what} `{id}` is declared twice"));
        }
    }
}
