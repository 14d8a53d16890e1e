//! What is new about an incident in hand, told to whom the doctrine names: at once the first time, then not more often than
//! its rule allows, together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_proto::{
    BodyId, RoleId,
    event::{News, Novelty, Occasion, Purpose, StepOutcome, StepSettledV1},
    plan::{NewsGroup, NewsTrigger, PlannedNews, Target},
};

use super::{Escalation, Settlement, named, seconds};

/// Begins the name under which the telling of news is settled: `news/<rule>`.
const NEWS: &str = "news/";

/// Where the telling of news stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct NewsState {
    /// By rule: what is not told yet.
    #[serde(default)]
    waiting: BTreeMap<String, Waiting>,
    /// By rule: when it last told something.
    #[serde(default)]
    last: BTreeMap<String, Timestamp>,
    /// Bodies told of the incident so far, each in the role in which it was.
    #[serde(default)]
    told: BTreeMap<BodyId, RoleId>,
}

/// Something new that a rule has not told yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Waiting {
    due_at: Timestamp,
    what: Vec<Novelty>,
    /// Whoever did it knows.
    by: BTreeSet<BodyId>,
    /// It is told after the closing too.
    over: bool,
}

/// Something new, as it was heard.
pub(super) struct Heard {
    on: Vec<NewsTrigger>,
    what: Vec<Novelty>,
    by: Option<BodyId>,
}

/// Whether a settled step told news, and not what the plan says.
pub fn is_news(step: &str) -> bool {
    step.starts_with(NEWS)
}

impl Heard {
    /// What a signal told.
    pub(super) fn of(news: &News) -> Self {
        let mut on = Vec::new();
        let mut what: Vec<Novelty> = Vec::new();
        for fact in &news.facts {
            on.push(NewsTrigger::NewFact);
            on.extend(fact.alarms.then_some(NewsTrigger::GraveFact));
            what.push(Novelty::Fact { label: fact.label.clone() });
        }
        if news.count.is_some() || news.weapons.is_some() {
            on.push(NewsTrigger::Number);
            what.push(Novelty::Number);
        }
        if news.announced {
            on.push(NewsTrigger::Announced);
            what.push(Novelty::Announced);
        }
        Self { on, what, by: None }
    }

    /// What `by` did.
    pub(super) fn done(on: NewsTrigger, what: Novelty, by: &BodyId) -> Self {
        Self { on: vec![on], what: vec![what], by: Some(by.clone()) }
    }
}

impl Escalation {
    /// Every rule that tells of it has it to tell.
    pub(super) fn note_news(&mut self, heard: &Heard, at: Timestamp) {
        for rule in self.plan.news.iter().filter(|rule| heard.on.iter().any(|on| rule.on.contains(on))) {
            let known = self.news.waiting.get(&rule.id);
            let mut by = known.map(|waiting| waiting.by.clone()).unwrap_or_default();
            by.extend(heard.by.clone());
            if rule.tell.is_empty() && self.group(&rule.groups).keys().all(|body| by.contains(body)) {
                continue;
            }
            let next = self.news.last.get(&rule.id).map(|last| *last + seconds(rule.every_s));
            let mut waiting = known.cloned().unwrap_or_else(|| Waiting {
                due_at: next.map_or(at, |next| next.max(at)),
                what: Vec::new(),
                by: BTreeSet::new(),
                over: false,
            });
            // Somebody who is told of more than its own act reads all of it.
            waiting.by = if known.is_some_and(|known| known.by != by) { BTreeSet::new() } else { by };
            for novelty in &heard.what {
                if !waiting.what.contains(novelty) {
                    waiting.what.push(novelty.clone());
                }
            }
            waiting.over |= heard.on.contains(&NewsTrigger::Over);
            if waiting.over {
                // Nobody is kept waiting to learn that it is over.
                waiting.due_at = at;
            }
            self.news.waiting.insert(rule.id.clone(), waiting);
        }
    }

    /// Bodies of `groups`, each with its role.
    fn group(&self, groups: &BTreeSet<NewsGroup>) -> BTreeMap<BodyId, RoleId> {
        let mut bodies = BTreeMap::new();
        if groups.contains(&NewsGroup::Alerted) {
            bodies.clone_from(&self.news.told);
        }
        if groups.contains(&NewsGroup::Asked) {
            let asked: BTreeSet<&BodyId> = self.asked.values().flatten().collect();
            let told = self.news.told.iter().filter(|(body, _)| asked.contains(body));
            bodies.extend(told.map(|(body, role)| (body.clone(), role.clone())));
        }
        if groups.contains(&NewsGroup::InCharge) {
            bodies.extend(self.acknowledgements.iter().map(|taken| (taken.body.clone(), taken.role.clone())));
        }
        bodies
    }

    /// When the next news are to be told; none when none wait.
    pub(super) fn next_news(&self) -> Option<Timestamp> {
        self.news.waiting.values().map(|waiting| waiting.due_at).min()
    }

    /// Tells the news due at `now`.
    pub(super) fn settle_news(&mut self, now: Timestamp) -> Vec<Settlement> {
        let due = self.news.waiting.iter().filter(|(_, waiting)| waiting.due_at <= now);
        let due: Vec<String> = due.map(|(rule, _)| rule.clone()).collect();
        due.into_iter().filter_map(|rule| self.tell_news(&rule, now)).collect()
    }

    fn tell_news(&mut self, id: &str, now: Timestamp) -> Option<Settlement> {
        let Waiting { due_at, what, by, .. } = self.news.waiting.remove(id)?;
        self.news.last.insert(id.to_owned(), now);
        let PlannedNews { tell, groups, rank, channels, fallback, .. } =
            self.plan.news.iter().find(|rule| rule.id == id)?;
        let of_groups = self.group(groups).into_iter().filter(|(body, _)| !by.contains(body));
        let tell: Vec<Target> = tell
            .iter()
            .cloned()
            .chain(of_groups.map(|(body, role)| Target { rank: *rank, ..named(body, role) }))
            .collect();
        Some(Settlement {
            generation: self.generation,
            step: format!("{NEWS}{id}"),
            due_at,
            outcome: StepOutcome::Fired,
            tell,
            except: by,
            channels: channels.clone(),
            fallback: fallback.clone(),
            purpose: Purpose::Inform,
            digest: false,
            owed: None,
            guidance: None,
            occasion: Some(Occasion::New { what }),
        })
    }

    /// `bodies` were told of the incident.
    pub fn told<'a>(&mut self, bodies: impl IntoIterator<Item = (&'a BodyId, &'a RoleId)>) {
        self.news.told.extend(bodies.into_iter().map(|(body, role)| (body.clone(), role.clone())));
    }

    /// What the journal says was told; whether it was news.
    pub(super) fn recall_news(&mut self, settled: &StepSettledV1) -> bool {
        self.told(&settled.told);
        let Some(rule) = settled.step.strip_prefix(NEWS) else { return false };
        self.news.waiting.remove(rule);
        self.news.last.insert(rule.to_owned(), settled.settled_at);
        true
    }

    /// Nobody is told anything more.
    pub(super) fn drop_all_news(&mut self) {
        self.news.waiting.clear();
    }

    /// The incident is closed: of what is new only that is still told.
    pub(super) fn drop_news(&mut self) {
        self.news.waiting.retain(|_, waiting| waiting.over);
    }
}
