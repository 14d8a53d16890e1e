//! One round of escalation, pure: facts and due times in; plans, step facts and alerts out.
//!
//! A round has the plans of several incidents in hand, so that what one contact point is told of them at once can be one
//! message. Whoever runs it loads them, lets them hear and settle, and saves what comes of it in one transaction.

mod undeliverable;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use vigie_proto::{
    AlertId, BodyId, Channel, ContactId, EventId, IncidentId, Nature, RoleId,
    envelope::Fact,
    event::{
        AlertIssuedV1, AlsoTold, ChargeLapsedV1, DeliveryDeadLetteredV1, Event, IncidentSnapshot, Novelty, Occasion,
        Purpose, Recipient, StepOutcome, StepSettledV1,
    },
};

use crate::{
    audience::{self, Resolved, Telling},
    city::City,
    escalation::{Acknowledgement, Escalation, Settlement, is_news},
};

/// What things follow from: the fact heard last, and its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub cause: EventId,
    pub traceparent: Option<String>,
}

/// An incident's plan in hand.
#[derive(Debug, Clone)]
pub struct InHand {
    pub snapshot: IncidentSnapshot,
    pub escalation: Escalation,
    pub origin: Origin,
}

/// What hearing a fact led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Done,
    /// Its incident's opening has not been heard yet: the fact waits for it.
    TooEarly,
}

/// Plans in hand and what was settled of each.
pub struct Round<'a> {
    city: &'a City,
    now: Timestamp,
    plans: BTreeMap<IncidentId, InHand>,
    parts: Vec<Part>,
    unreachable: Vec<DeliveryDeadLetteredV1>,
}

/// What one fact, or the time, settled of one plan.
struct Part {
    incident: IncidentId,
    generation: u32,
    origin: Origin,
    settlements: Vec<Settlement>,
    lapsed: Vec<Acknowledgement>,
}

/// What a round came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Every plan in hand, as it is now.
    pub plans: Vec<InHand>,
    pub carried: Vec<Carried>,
    /// Of whom somebody must be told that they could not be reached.
    pub unreachable: Vec<DeliveryDeadLetteredV1>,
}

/// Settlements of one plan, carried out.
#[derive(Debug)]
pub struct Carried {
    pub incident: IncidentSnapshot,
    pub generation: u32,
    pub origin: Origin,
    pub lapsed: Vec<Acknowledgement>,
    pub settled: Vec<SettledStep>,
    pub tellings: Vec<Telling>,
}

/// One step dealt with.
#[derive(Debug)]
pub struct SettledStep {
    pub settlement: Settlement,
    /// [`StepOutcome::NobodyFound`] when the directory had nobody to tell.
    pub outcome: StepOutcome,
    /// Contact points told.
    pub told: usize,
    /// Bodies they belong to, each with its role.
    pub bodies: BTreeMap<BodyId, RoleId>,
    /// Bodies asked to take charge.
    pub asked: BTreeSet<BodyId>,
    /// Bodies it would have asked, had they not been in charge.
    pub in_charge: BTreeSet<BodyId>,
}

impl<'a> Round<'a> {
    pub fn new(city: &'a City, now: Timestamp, plans: Vec<InHand>) -> Self {
        let plans = plans.into_iter().map(|plan| (plan.snapshot.id, plan)).collect();
        Self { city, now, plans, parts: Vec::new(), unreachable: Vec::new() }
    }

    /// Lets the plan of its incident hear `fact`.
    pub fn hear(&mut self, fact: &Fact, traceparent: Option<String>) -> Heard {
        let origin = Origin { cause: fact.id, traceparent };
        if let Event::DeliveryDeadLettered(dead) = &fact.event {
            self.unreachable.push((**dead).clone());
            return Heard::Done;
        }
        let Some((id, snapshot)) = fact.event.incident_id().map(|id| (id, fact.event.snapshot())) else {
            return Heard::Done;
        };
        let Some(plan) = self.plans.get_mut(&id) else {
            let Event::IncidentOpened(opened) = &fact.event else { return Heard::TooEarly };
            let (snapshot, escalation) = (opened.incident.clone(), Escalation::begun(opened));
            self.plans.insert(id, InHand { snapshot, escalation, origin });
            return Heard::Done;
        };
        let settlements = plan.escalation.hear(fact, self.city.directory.as_ref());
        if let Some(snapshot) = snapshot.filter(|snapshot| snapshot.version >= plan.snapshot.version) {
            plan.snapshot = snapshot.clone();
        }
        plan.origin = origin.clone();
        let generation = plan.escalation.generation;
        self.keep(Part { incident: id, generation, origin, settlements, lapsed: Vec::new() });
        Heard::Done
    }

    /// Settles everything due now, in every plan in hand.
    pub fn settle_due(&mut self) {
        let mut parts = Vec::new();
        for (incident, InHand { escalation, origin, .. }) in &mut self.plans {
            let lapsed = escalation.lapse(self.now);
            let settlements = escalation.settle_due(self.now);
            let (incident, generation) = (*incident, escalation.generation);
            parts.push(Part { incident, generation, origin: origin.clone(), settlements, lapsed });
        }
        for part in parts {
            self.keep(part);
        }
    }

    fn keep(&mut self, part: Part) {
        if !part.settlements.is_empty() || !part.lapsed.is_empty() {
            self.parts.push(part);
        }
    }

    /// Looks up who is on duty now, and lets each plan know whom it has asked.
    pub fn carry(mut self) -> Outcome {
        let mut carried = Vec::with_capacity(self.parts.len());
        for Part { incident, generation, origin, settlements, lapsed } in self.parts {
            let Some(plan) = self.plans.get_mut(&incident) else { continue };
            let Resolved { mut tellings, nobody, mut in_charge } =
                audience::resolve(&settlements, &self.city.directory, self.now);
            // Whoever may not know what is new is not told that something is.
            tellings.retain_mut(|telling| readable(telling, &plan.snapshot, self.city));
            let settled = settlements.into_iter().map(|settlement| {
                let told: Vec<&Telling> = tellings.iter().filter(|t| t.steps.contains(&settlement.step)).collect();
                let asks = settlement.purpose == Purpose::Acknowledge;
                let asked = told.iter().filter(|_| asks).map(|telling| telling.body.clone()).collect();
                let in_charge = in_charge.remove(&settlement.step).unwrap_or_default();
                let missed = nobody.contains(&settlement.step);
                let outcome = if missed { StepOutcome::NobodyFound } else { settlement.outcome.clone() };
                let bodies = told.iter().map(|telling| (telling.body.clone(), telling.role.clone())).collect();
                SettledStep { told: told.len(), bodies, settlement, outcome, asked, in_charge }
            });
            let settled: Vec<SettledStep> = settled.collect();
            for step in &settled {
                plan.escalation.told(&step.bodies);
            }
            let current = plan.escalation.generation;
            let of_current = settled.iter().filter(|settled| settled.settlement.generation == current);
            for SettledStep { settlement, asked, in_charge, .. } in of_current {
                plan.escalation.asked(&settlement.step, asked.iter().cloned());
                plan.escalation.asked_in_charge(&settlement.step, in_charge);
            }
            carried.push(Carried { incident: plan.snapshot.clone(), generation, origin, lapsed, settled, tellings });
        }
        Outcome { plans: self.plans.into_values().collect(), carried, unreachable: self.unreachable }
    }
}

impl Outcome {
    /// One alert for each recipient and channel, ungrouped, named by `fresh`; and which of them may share a message.
    pub fn alerts(
        &self,
        city: &City,
        now: Timestamp,
        mut fresh: impl FnMut() -> AlertId,
    ) -> (Vec<AlertIssuedV1>, BTreeSet<AlertId>) {
        let mut digest = BTreeSet::new();
        let mut alerts = Vec::new();
        for dead in &self.unreachable {
            let known = self.plans.iter().find(|plan| plan.snapshot.id == dead.incident.id);
            let incident = known.map_or(&dead.incident, |plan| &plan.snapshot);
            alerts.extend(undeliverable::alerts(dead, incident, city, now, &mut fresh));
        }
        for carried in &self.carried {
            for telling in &carried.tellings {
                let alert = carried.alert(telling, city, fresh(), now);
                if telling.digest {
                    digest.insert(alert.alert_id);
                }
                alerts.push(alert);
            }
        }
        (alerts, digest)
    }

    /// What the journal is told of plans, each with what it follows from.
    pub fn facts(&self, now: Timestamp) -> impl Iterator<Item = (&Origin, Event)> {
        self.carried.iter().flat_map(move |carried| carried.facts(now).map(move |fact| (&carried.origin, fact)))
    }

    /// What an alert about `incident` follows from.
    pub fn origin_of(&self, incident: IncidentId) -> Option<&Origin> {
        self.plans.iter().find(|plan| plan.snapshot.id == incident).map(|plan| &plan.origin)
    }
}

impl Carried {
    fn facts(&self, now: Timestamp) -> impl Iterator<Item = Event> {
        let (incident_id, generation) = (self.incident.id, self.generation);
        let lapsed = self.lapsed.iter().map(move |taken| {
            let (body, role) = (taken.body.clone(), taken.role.clone());
            ChargeLapsedV1 { incident_id, generation, body, role, at: now }.into()
        });
        let settled = self.settled.iter().map(move |settled| {
            let SettledStep { settlement, outcome, told, bodies, asked, in_charge } = settled;
            StepSettledV1 {
                incident_id,
                generation: settlement.generation,
                step: settlement.step.clone(),
                due_at: settlement.due_at,
                settled_at: now,
                outcome: outcome.clone(),
                alerts: u32::try_from(*told).unwrap_or(u32::MAX),
                asked: Some(asked.clone()),
                in_charge: in_charge.clone(),
                told: bodies.clone(),
            }
            .into()
        });
        lapsed.chain(settled)
    }

    fn alert(&self, telling: &Telling, city: &City, alert_id: AlertId, now: Timestamp) -> AlertIssuedV1 {
        let Telling { body, role, contact, channel, fallback, purpose, owed, guidance, steps, digest: _, occasion } =
            telling.clone();
        let to = Recipient { body, role, contact, channel };
        let by: Vec<Channel> = fallback.iter().map(|next| next.channel).collect();
        let incident = city.told(&self.incident, &to, &by);
        let (owed, owed_id) = owed.map(|owed| (owed.what, owed.id)).unzip();
        AlertIssuedV1 {
            generation: self.generation,
            fallback,
            owed,
            owed_id,
            guidance,
            occasion: Some(occasion),
            ..AlertIssuedV1::new(alert_id, incident, purpose, steps, to, now)
        }
    }
}

/// Leaves of what is new only what the reader of `telling` may know; whether anything is left to tell.
fn readable(telling: &mut Telling, incident: &IncidentSnapshot, city: &City) -> bool {
    if !matches!(telling.occasion, Occasion::New { .. }) {
        return true;
    }
    let Telling { body, role, contact, channel, fallback, .. } = &telling;
    let to = Recipient { body: body.clone(), role: role.clone(), contact: contact.clone(), channel: *channel };
    let by: Vec<Channel> = fallback.iter().map(|next| next.channel).collect();
    let read = city.told(incident, &to, &by);
    let Occasion::New { what } = &mut telling.occasion else { return true };
    what.retain(|novelty| match novelty {
        Novelty::Fact { label } => read.known.facts.iter().any(|fact| fact.label == *label),
        Novelty::Number => read.known.count.is_some() || read.known.weapons.is_some(),
        Novelty::Announced => read.expected_at.is_some(),
        Novelty::TakenCharge { .. }
        | Novelty::Refused { .. }
        | Novelty::LetGo { .. }
        | Novelty::Over { .. }
        | Novelty::Reopened => true,
    });
    if !what.is_empty() {
        return true;
    }
    // What the plan tells in the same message is told all the same.
    telling.occasion = Occasion::First;
    !telling.steps.iter().all(|step| is_news(step))
}

/// One message for all the incidents of `digest` that a contact point is told at once: the first carries the others.
pub fn grouped(alerts: Vec<AlertIssuedV1>, digest: &BTreeSet<AlertId>) -> Vec<AlertIssuedV1> {
    let mut messages: Vec<AlertIssuedV1> = Vec::with_capacity(alerts.len());
    // An exercise never shares a message with what is real.
    let mut first: BTreeMap<(ContactId, Nature), usize> = BTreeMap::new();
    for alert in alerts {
        if !digest.contains(&alert.alert_id) {
            messages.push(alert);
            continue;
        }
        let message = (alert.contact.clone(), alert.incident.nature);
        if let Some(position) = first.get(&message) {
            let AlertIssuedV1 { alert_id, incident, generation, steps, .. } = alert;
            messages[*position].also.push(AlsoTold { alert_id, incident, generation, steps });
        } else {
            first.insert(message, messages.len());
            messages.push(alert);
        }
    }
    messages
}
