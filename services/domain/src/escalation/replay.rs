//! The life of a plan, played again from the facts of its incident.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use vigie_proto::{
    BodyId, EventId,
    envelope::Fact,
    event::{Event, StepSettledV1},
    plan::Plan,
};

use super::{Cast, Escalation};

/// One plan of an incident and what became of it: aggravation and easing start the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Chapter {
    /// From 1.
    pub generation: u32,
    /// As it ended, with what was added on the way.
    pub plan: Plan,
    pub settled: Vec<StepSettledV1>,
    /// Bodies in charge when it began, and those that took charge during it, in order.
    pub acknowledgements: Vec<(BodyId, Timestamp)>,
    pub began: Timestamp,
    /// When the incident was closed under it.
    pub closed: Option<Timestamp>,
}

/// A story played again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replayed {
    /// The plan as it stands; none when the incident never opened.
    pub escalation: Option<Escalation>,
    pub chapters: Vec<Chapter>,
}

/// Plays again the facts of one incident, given in the journal's order.
///
/// Whatever fired, stopped or lapsed is what the facts say; only after the last of them is worked out what comes due until
/// `until`, if that is given.
pub fn replay(story: &[Fact], until: Option<Timestamp>, cast: &impl Cast) -> Replayed {
    let mut replayed = Replayed::default();
    for fact in as_heard(story) {
        replayed.hear(fact, cast);
    }
    if let (Some(escalation), Some(until)) = (&mut replayed.escalation, until) {
        escalation.settle_due(until);
    }
    replayed.keep_plan();
    replayed
}

impl Replayed {
    /// The next fact of the story.
    pub fn hear(&mut self, fact: &Fact, cast: &impl Cast) {
        let Some(escalation) = &mut self.escalation else {
            if let Event::IncidentOpened(opened) = &fact.event {
                self.escalation = Some(Escalation::begun(opened));
                self.begin(fact.at);
            }
            return;
        };
        let generation = escalation.generation;
        if matches!(fact.event, Event::IncidentAggravated(_) | Event::IncidentEased(_))
            && let Some(chapter) = self.chapters.last_mut()
        {
            chapter.plan = escalation.plan.clone();
        }
        escalation.hear(fact, cast);
        if escalation.generation != generation {
            self.begin(fact.at);
        }
        self.note(&fact.event, fact.at);
    }

    fn begin(&mut self, began: Timestamp) {
        let Some(Escalation { generation, plan, acknowledgements, .. }) = &self.escalation else { return };
        self.chapters.push(Chapter {
            generation: *generation,
            plan: plan.clone(),
            settled: Vec::new(),
            acknowledgements: acknowledgements.iter().map(|taken| (taken.body.clone(), taken.at)).collect(),
            began,
            closed: None,
        });
    }

    fn keep_plan(&mut self) {
        if let (Some(escalation), Some(chapter)) = (&self.escalation, self.chapters.last_mut()) {
            chapter.plan = escalation.plan.clone();
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a chapter keeps these; what they do is heard above")]
    fn note(&mut self, event: &Event, at: Timestamp) {
        let Some(latest) = self.chapters.last_mut() else { return };
        match event {
            Event::StepSettled(e) => {
                if let Some(chapter) = self.chapters.iter_mut().find(|chapter| chapter.generation == e.generation) {
                    chapter.settled.push((**e).clone());
                }
            }
            Event::IncidentAcknowledged(e) => latest.acknowledgements.push((e.by.body.clone(), e.at)),
            Event::IncidentClosed(_) => latest.closed = Some(at),
            _ => {}
        }
    }
}

/// The facts in the order in which the plan heard them: the journal's, but what the plan itself settled stands right after
/// the fact it had heard last. A fact recorded meanwhile was heard after that.
fn as_heard(story: &[Fact]) -> Vec<&Fact> {
    let is_its_own = |fact: &&Fact| matches!(fact.event, Event::StepSettled(_) | Event::ChargeLapsed(_));
    let mut following: BTreeMap<EventId, Vec<&Fact>> = BTreeMap::new();
    let known: BTreeSet<EventId> = story.iter().map(|fact| fact.id).collect();
    for fact in story.iter().filter(is_its_own) {
        if let Some(cause) = fact.cause.filter(|cause| known.contains(cause)) {
            following.entry(cause).or_default().push(fact);
        }
    }
    let mut heard = Vec::with_capacity(story.len());
    for fact in story {
        if is_its_own(&fact) {
            // Of no cause in this story: where it stands.
            if !fact.cause.is_some_and(|cause| known.contains(&cause)) {
                heard.push(fact);
            }
            continue;
        }
        heard.push(fact);
        heard.extend(following.remove(&fact.id).into_iter().flatten());
    }
    heard
}
