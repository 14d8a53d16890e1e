//! The life of an incident's plan: which steps are due, what stops them, what is told.
//!
//! A pure state machine: the state and an input give the next state and settlements to carry out. Calling it twice,
//! late or early is harmless. A step is settled once, for one reason, and every due step ends settled.
//!
//! An acknowledgement stops a circuit's conditional steps; when it is withdrawn (refused after all, handed over without
//! being taken up, gone stale) those it had stopped come back, at the same distance from each other.

mod ahead;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use vigie_proto::{
    BodyId, Channel, RoleId,
    event::{Purpose, StepOutcome},
    plan::{
        Expects, OnRefusal, Plan, PlannedCircuit, PlannedStep, Rank, SatisfiedBy, Scope, Target, Trigger, WaitsFor,
    },
};

pub use ahead::Ahead;

/// A step's circuit and place in the plan.
type Position = (usize, usize);

/// Where an incident's plan stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Escalation {
    /// Plan number within the incident, from 1.
    pub generation: u32,
    /// Incident version the plan was taken at: an acknowledgement of an older one does not count.
    pub version: u32,
    pub plan: Plan,
    /// Who has taken charge in this generation, in order.
    #[serde(default)]
    pub acknowledgements: Vec<Acknowledgement>,
    /// Steps settled, by circuit and step position in the plan.
    pub settled: BTreeSet<Position>,
    /// Those of `settled` that an acknowledgement stopped: they come back when it is withdrawn.
    #[serde(default)]
    stopped: BTreeSet<Position>,
    /// Due times that are no longer those of the plan.
    #[serde(default)]
    moved: Vec<(Position, Timestamp)>,
    /// Bodies asked to take charge, by circuit.
    #[serde(default)]
    asked: BTreeMap<usize, BTreeSet<BodyId>>,
    /// Bodies that said they will not.
    #[serde(default)]
    refused: BTreeSet<BodyId>,
    /// What was owed and has been given.
    #[serde(default)]
    returned: BTreeSet<String>,
    /// Counts the steps added on the way, so that each has a name of its own.
    #[serde(default)]
    added: u32,
    #[serde(default)]
    closed: bool,
}

/// A body in charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub body: BodyId,
    pub role: RoleId,
    pub at: Timestamp,
    /// When it is asked whether it still is.
    #[serde(default)]
    confirm_at: Option<Timestamp>,
    /// When it lapses, once that was asked.
    #[serde(default)]
    lapses_at: Option<Timestamp>,
}

/// One step dealt with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// `circuit/step`.
    pub step: String,
    pub due_at: Timestamp,
    pub outcome: StepOutcome,
    /// Whom to tell: empty unless the step fired or was folded into one that did.
    pub tell: Vec<Target>,
    /// Not told again: they have taken charge.
    pub except: BTreeSet<BodyId>,
    pub channels: Vec<Channel>,
    pub fallback: Vec<Channel>,
    pub purpose: Purpose,
    /// Told together with other incidents of the hour.
    pub digest: bool,
    /// What is owed, in French, when that is what it reminds of.
    pub owed: Option<String>,
    /// What the doctrine wants kept in mind.
    pub guidance: Option<String>,
}

impl Escalation {
    /// Starts on `plan`, taken at incident version `version`.
    pub fn start(plan: Plan, version: u32) -> Self {
        Self {
            generation: 1,
            version,
            plan,
            acknowledgements: Vec::new(),
            settled: BTreeSet::new(),
            stopped: BTreeSet::new(),
            moved: Vec::new(),
            asked: BTreeMap::new(),
            refused: BTreeSet::new(),
            returned: BTreeSet::new(),
            added: 0,
            closed: false,
        }
    }

    /// The earliest instant at which something is to be done; none when nothing is left to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        let steps = self.open_steps().filter_map(|(position, step)| self.due_at(position, step));
        let confirmations = self.acknowledgements.iter().filter_map(|a| a.lapses_at.or(a.confirm_at));
        steps.chain(confirmations.filter(|_| !self.closed)).min()
    }

    /// Settles every step due at `now`. None fires early.
    ///
    /// When several steps of one circuit are due together (an outage has passed), the latest fires and takes the
    /// recipients of the earlier ones with it: one message, not a backlog. A step overdue beyond its use expires.
    pub fn settle_due(&mut self, now: Timestamp) -> Vec<Settlement> {
        self.ask_for_confirmation(now);
        self.let_lapse(now);
        let due: Vec<Position> = self
            .open_steps()
            .filter(|(position, step)| self.due_at(*position, step).is_some_and(|due| due <= now))
            .map(|(position, _)| position)
            .collect();
        let mut settlements = Vec::with_capacity(due.len());
        for &position in &due {
            let outcome = self.outcome_of(position, &due, now);
            settlements.push(self.settle(position, outcome));
        }
        settlements
    }

    /// `bodies` were asked to take charge by `step` (`circuit/step`): what quorums and refusals are counted against.
    pub fn asked(&mut self, step: &str, bodies: impl IntoIterator<Item = BodyId>) {
        let id = step.split('/').next().unwrap_or(step);
        if let Some(circuit) = self.plan.circuits.iter().position(|circuit| circuit.id == id) {
            self.asked.entry(circuit).or_default().extend(bodies);
        }
    }

    /// Whether enough have taken charge for the circuit of this id; false when the plan has none.
    pub fn is_circuit_satisfied(&self, id: &str) -> bool {
        self.plan.circuits.iter().position(|circuit| circuit.id == id).is_some_and(|circuit| self.is_satisfied(circuit))
    }

    /// Bodies asked so far by the circuit of this id.
    pub fn asked_by(&self, circuit: &str) -> impl Iterator<Item = &BodyId> {
        let position = self.plan.circuits.iter().position(|known| known.id == circuit);
        position.and_then(|position| self.asked.get(&position)).into_iter().flatten()
    }

    /// `body`, of `role`, took charge at `now` of the incident as it stood at `seen_version`.
    ///
    /// Settles the conditional steps of every circuit this satisfies, and makes due those that waited for it. An
    /// acknowledgement of an incident that has worsened since changes nothing: it is asked again.
    pub fn acknowledge(&mut self, body: BodyId, role: &RoleId, seen_version: u32, now: Timestamp) -> Vec<Settlement> {
        if seen_version < self.version || self.closed {
            return Vec::new();
        }
        self.refused.remove(&body);
        self.acknowledgements.retain(|known| known.body != body);
        let stale = self.plan.circuits.iter().filter_map(|circuit| circuit.stale).min_by_key(|stale| stale.after_s);
        self.acknowledgements.push(Acknowledgement {
            body,
            role: role.clone(),
            at: now,
            confirm_at: stale.map(|stale| now + seconds(stale.after_s)),
            lapses_at: None,
        });
        self.trigger(now, |event| matches!(event, Trigger::AcknowledgedBy(roles) if roles.contains(role)));
        self.stop_satisfied()
    }

    /// `body` was asked and will not take charge.
    ///
    /// What it had taken charge of goes on at once; where it was only asked, the next step comes at once if the circuit
    /// says so.
    pub fn refuse(&mut self, body: &BodyId, now: Timestamp) {
        if self.closed {
            return;
        }
        self.refused.insert(body.clone());
        self.withdraw(body, now);
        for circuit in 0..self.plan.circuits.len() {
            let none = BTreeSet::new();
            let asked = self.asked.get(&circuit).unwrap_or(&none);
            let advance = match self.plan.circuits[circuit].on_refusal {
                OnRefusal::Wait => false,
                OnRefusal::Advance => asked.contains(body),
                OnRefusal::AdvanceWhenAll => asked.contains(body) && asked.is_subset(&self.refused),
            };
            if advance && !self.is_satisfied(circuit) {
                self.advance(circuit, now);
            }
        }
    }

    /// `from` hands the incident on to `to`, of `role`: it is asked, and the circuits go on unless it takes charge in
    /// the time they give.
    pub fn hand_over(&mut self, from: &BodyId, to: BodyId, role: RoleId, now: Timestamp) {
        if self.closed {
            return;
        }
        let held: Vec<usize> = (0..self.plan.circuits.len()).filter(|c| self.is_satisfied(*c)).collect();
        self.acknowledgements.retain(|known| known.body != *from);
        let released: Vec<usize> = held.into_iter().filter(|c| !self.is_satisfied(*c)).collect();
        for &circuit in &released {
            let resume = now + seconds(self.plan.circuits[circuit].handover_within_s);
            self.resume(circuit, resume);
        }
        let asking = released.first().copied().or_else(|| (!self.plan.circuits.is_empty()).then_some(0));
        if let Some(circuit) = asking {
            self.asked.entry(circuit).or_default().insert(to.clone());
            let target = named(to, role);
            self.add(circuit, TAKE_OVER, now, vec![target], false);
        }
    }

    /// What was owed under `id` was given: its reminders stop.
    pub fn give_back(&mut self, id: &str) -> Vec<Settlement> {
        self.returned.insert(id.to_owned());
        let stopped: Vec<Position> = self
            .open_steps()
            .filter(|(_, step)| step.unless_returned.as_deref() == Some(id))
            .map(|(position, _)| position)
            .collect();
        stopped.into_iter().map(|position| self.settle(position, StepOutcome::Returned)).collect()
    }

    /// The incident worsened: a new plan, and everybody is asked again. What was given stays given.
    pub fn aggravate(&mut self, plan: Plan, version: u32) -> Vec<Settlement> {
        let superseded = self.supersede();
        let (returned, added) = (std::mem::take(&mut self.returned), self.added);
        *self = Self { generation: self.generation + 1, returned, added, ..Self::start(plan, version) };
        superseded
    }

    /// The severity was lowered: the milder plan's future steps take over; what is past is not told again.
    ///
    /// Acknowledgements stand, since what they took charge of was worse.
    pub fn ease(&mut self, plan: Plan, now: Timestamp) -> Vec<Settlement> {
        let mut settlements = self.supersede();
        let acknowledgements = std::mem::take(&mut self.acknowledgements);
        let (returned, added) = (std::mem::take(&mut self.returned), self.added);
        *self = Self {
            generation: self.generation + 1,
            acknowledgements,
            returned,
            added,
            ..Self::start(plan, self.version)
        };
        let past: Vec<Position> = self
            .open_steps()
            .filter(|(position, step)| self.due_at(*position, step).is_some_and(|due| due <= now))
            .map(|(position, _)| position)
            .collect();
        settlements.extend(past.into_iter().map(|position| self.settle(position, StepOutcome::Superseded)));
        settlements.extend(self.stop_satisfied());
        settlements
    }

    /// The doctrine asks more, or less, without the severity changing: `plan` is what it asks now.
    ///
    /// Circuits and steps it does not know are added, circuits it no longer has are dropped, what is in hand keeps its
    /// times. With `only_more`, nothing is dropped.
    pub fn replan(&mut self, plan: Plan, only_more: bool) -> Vec<Settlement> {
        let mut dropped = Vec::new();
        if !only_more {
            for (position, circuit) in self.plan.circuits.iter().enumerate() {
                if !plan.circuits.iter().any(|asked| asked.id == circuit.id) {
                    dropped.push(position);
                }
            }
        }
        for asked in plan.circuits {
            match self.plan.circuits.iter_mut().find(|known| known.id == asked.id) {
                Some(known) => {
                    let fresh = asked.steps.into_iter().filter(|s| !known.steps.iter().any(|k| k.id == s.id));
                    let fresh: Vec<PlannedStep> = fresh.collect();
                    known.steps.extend(fresh);
                }
                None => self.plan.circuits.push(asked),
            }
        }
        for owed in plan.owed {
            if !self.plan.owed.iter().any(|known| known.id == owed.id) {
                self.plan.owed.push(owed);
            }
        }
        let gone: Vec<Position> = self.open_steps().map(|(p, _)| p).filter(|(c, _)| dropped.contains(c)).collect();
        let mut settlements: Vec<Settlement> =
            gone.into_iter().map(|position| self.settle(position, StepOutcome::Superseded)).collect();
        settlements.extend(self.stop_satisfied());
        settlements
    }

    /// The incident was closed: nothing more is told, but what the doctrine wants after a closing.
    pub fn close(&mut self, now: Timestamp) -> Vec<Settlement> {
        self.closed = true;
        self.trigger(now, |event| *event == Trigger::Closed);
        let over: Vec<Position> = self
            .open_steps()
            .filter(|(position, step)| !step.survives_closing || self.due_at(*position, step).is_none())
            .map(|(position, _)| position)
            .collect();
        over.into_iter().map(|position| self.settle(position, StepOutcome::Superseded)).collect()
    }

    fn supersede(&mut self) -> Vec<Settlement> {
        let open: Vec<Position> = self.open_steps().map(|(position, _)| position).collect();
        open.into_iter().map(|position| self.settle(position, StepOutcome::Superseded)).collect()
    }

    fn stop_satisfied(&mut self) -> Vec<Settlement> {
        let stopped: Vec<Position> = self
            .open_steps()
            .filter(|((circuit, _), step)| step.unless_acknowledged && self.is_satisfied(*circuit))
            .map(|(position, _)| position)
            .collect();
        stopped
            .into_iter()
            .map(|position| {
                self.stopped.insert(position);
                self.settle(position, StepOutcome::Acknowledged)
            })
            .collect()
    }

    /// Makes due the steps that wait for an event `of_interest`.
    fn trigger(&mut self, now: Timestamp, of_interest: impl Fn(&Trigger) -> bool) {
        let triggered: Vec<(Position, Timestamp)> = self
            .open_steps()
            .filter(|(position, _)| !self.moved.iter().any(|(known, _)| known == position))
            .filter_map(|(position, step)| {
                let WaitsFor { event, then } = step.waits_for.as_ref()?;
                of_interest(event).then(|| (position, then.after(now)))
            })
            .collect();
        self.moved.extend(triggered);
    }

    /// The acknowledgement of `body` no longer counts: circuits it alone satisfied go on at `now`.
    fn withdraw(&mut self, body: &BodyId, now: Timestamp) {
        let held: Vec<usize> = (0..self.plan.circuits.len()).filter(|c| self.is_satisfied(*c)).collect();
        self.acknowledgements.retain(|known| known.body != *body);
        for circuit in held {
            if !self.is_satisfied(circuit) && !self.resume(circuit, now) {
                self.call_again(circuit, now);
            }
        }
    }

    /// Brings back the steps an acknowledgement had stopped, the first of them at `first`, sooner or later than planned:
    /// whoever said "I have it" and let go has cost time. False when there was none.
    fn resume(&mut self, circuit: usize, first: Timestamp) -> bool {
        let back: Vec<(Position, Timestamp)> = self
            .stopped
            .iter()
            .filter(|(c, _)| *c == circuit)
            .filter_map(|position| Some((*position, self.due_at(*position, self.step(*position))?)))
            .collect();
        let Some(earliest) = back.iter().map(|(_, due)| *due).min() else { return false };
        let shift = first.duration_since(earliest);
        for (position, due) in back {
            self.stopped.remove(&position);
            self.settled.remove(&position);
            self.move_to(position, due + shift);
        }
        true
    }

    /// Every step had been told before it was taken charge of: the last is told again.
    fn call_again(&mut self, circuit: usize, now: Timestamp) {
        let conditional = |step: &&PlannedStep| step.unless_acknowledged && step.waits_for.is_none();
        let last = self.plan.circuits[circuit].steps.iter().filter(conditional).max_by_key(|step| step.due_at).cloned();
        if let Some(step) = last {
            let position = self.add(circuit, &step.id, now, step.tell.clone(), true);
            let added = &mut self.plan.circuits[position.0].steps[position.1];
            added.channels = step.channels;
            added.fallback = step.fallback;
        }
    }

    /// The next conditional step of a circuit comes at `now`.
    fn advance(&mut self, circuit: usize, now: Timestamp) {
        let next = self
            .open_steps()
            .filter(|((c, _), step)| *c == circuit && step.unless_acknowledged)
            .filter_map(|(position, step)| Some((self.due_at(position, step)?, position)))
            .min();
        if let Some((due, position)) = next
            && due > now
        {
            self.move_to(position, now);
        }
    }

    fn move_to(&mut self, position: Position, due_at: Timestamp) {
        self.moved.retain(|(known, _)| *known != position);
        self.moved.push((position, due_at));
    }

    /// Adds a step on the way, named `name~n`: by the channels the plan uses and no other, for what is confidential may
    /// not leave by all.
    fn add(
        &mut self,
        circuit: usize,
        name: &str,
        due_at: Timestamp,
        tell: Vec<Target>,
        unless_acknowledged: bool,
    ) -> Position {
        self.added += 1;
        let planned = self.plan.circuits.iter().flat_map(|circuit| &circuit.steps);
        let used: BTreeSet<Channel> =
            planned.flat_map(|step| step.channels.iter().chain(&step.fallback)).copied().collect();
        let steps = &mut self.plan.circuits[circuit].steps;
        steps.push(PlannedStep {
            id: format!("{name}~{}", self.added),
            due_at,
            unless_acknowledged,
            expects: Expects::Acknowledgement,
            tell,
            channels: used.into_iter().collect(),
            fallback: Vec::new(),
            stale_after_s: 24 * 3600,
            unless_returned: None,
            waits_for: None,
            survives_closing: false,
            digest: false,
        });
        (circuit, steps.len() - 1)
    }

    /// Asks whoever has been in charge for long whether it still is.
    fn ask_for_confirmation(&mut self, now: Timestamp) {
        if self.closed {
            return;
        }
        let Some((circuit, stale)) = self
            .plan
            .circuits
            .iter()
            .enumerate()
            .filter_map(|(position, circuit)| Some((position, circuit.stale?)))
            .min_by_key(|(_, stale)| stale.after_s)
        else {
            return;
        };
        for index in 0..self.acknowledgements.len() {
            let asked = &mut self.acknowledgements[index];
            if let Some(due) = asked.confirm_at.filter(|due| asked.lapses_at.is_none() && *due <= now) {
                asked.lapses_at = Some(due.max(now) + seconds(stale.then_s));
                let target = named(asked.body.clone(), asked.role.clone());
                self.add(circuit, CONFIRM, due, vec![target], false);
            }
        }
    }

    fn let_lapse(&mut self, now: Timestamp) {
        // Nobody is called again to what is over.
        if self.closed {
            return;
        }
        let lapsed: Vec<BodyId> = self
            .acknowledgements
            .iter()
            .filter(|known| known.lapses_at.is_some_and(|lapses| lapses <= now))
            .map(|known| known.body.clone())
            .collect();
        for body in lapsed {
            self.withdraw(&body, now);
        }
    }

    fn outcome_of(&self, position: Position, due: &[Position], now: Timestamp) -> StepOutcome {
        let (circuit, step) = (position.0, self.step(position));
        if step.unless_acknowledged && self.is_satisfied(circuit) {
            return StepOutcome::Acknowledged;
        }
        if step.unless_returned.as_ref().is_some_and(|id| self.returned.contains(id)) {
            return StepOutcome::Returned;
        }
        let due_at = |position: Position| self.due_at(position, self.step(position)).unwrap_or(now);
        if now.duration_since(due_at(position)) > seconds(step.stale_after_s) {
            return StepOutcome::Expired;
        }
        let of_circuit = due.iter().filter(|(c, s)| *c == circuit && may_fold(self.step((*c, *s))));
        let latest = of_circuit.map(|other| due_at(*other)).max();
        if may_fold(step) && latest.is_some_and(|latest| due_at(position) < latest) {
            StepOutcome::Folded
        } else {
            StepOutcome::Fired
        }
    }

    fn settle(&mut self, position: Position, outcome: StepOutcome) -> Settlement {
        self.settled.insert(position);
        let due_at = self.due_at(position, self.step(position));
        let planned = &self.plan.circuits[position.0];
        let step = &planned.steps[position.1];
        let told = matches!(outcome, StepOutcome::Fired | StepOutcome::Folded);
        let owed = step.unless_returned.as_ref().and_then(|id| self.plan.owed.iter().find(|owed| owed.id == *id));
        let purpose = match step.expects {
            _ if step.id.starts_with(CONFIRM) => Purpose::Confirm,
            _ if step.id.starts_with(TAKE_OVER) => Purpose::TakeOver,
            _ if owed.is_some() => Purpose::Return,
            Expects::Acknowledgement => Purpose::Acknowledge,
            Expects::Nothing => Purpose::Inform,
        };
        let in_charge = || self.acknowledgements.iter().map(|known| known.body.clone()).collect();
        Settlement {
            step: format!("{}/{}", planned.id, step.id),
            due_at: due_at.unwrap_or(step.due_at),
            outcome,
            tell: if told { step.tell.clone() } else { Vec::new() },
            except: if step.unless_acknowledged { in_charge() } else { BTreeSet::new() },
            channels: step.channels.clone(),
            fallback: step.fallback.clone(),
            purpose,
            digest: step.digest,
            owed: owed.map(|owed| owed.what.clone()),
            guidance: planned.guidance.clone(),
        }
    }

    fn is_satisfied(&self, circuit: usize) -> bool {
        let by = |role: &RoleId| self.acknowledgements.iter().any(|known| known.role == *role);
        match &self.plan.circuits[circuit].satisfied_by {
            SatisfiedBy::Anyone => !self.acknowledgements.is_empty(),
            SatisfiedBy::AnyOf(roles) => roles.iter().any(by),
            SatisfiedBy::AllOf(roles) => roles.iter().all(by),
            SatisfiedBy::EachAsked => {
                let asked = self.asked.get(&circuit);
                asked.is_some_and(|asked| {
                    !asked.is_empty()
                        && asked.iter().all(|b| self.acknowledgements.iter().any(|known| known.body == *b))
                })
            }
            SatisfiedBy::AtLeast { count, of } => {
                let counted = |known: &&Acknowledgement| of.is_empty() || of.contains(&known.role);
                u32::try_from(self.acknowledgements.iter().filter(counted).count()).unwrap_or(u32::MAX) >= *count
            }
        }
    }

    fn step(&self, position: Position) -> &PlannedStep {
        &self.plan.circuits[position.0].steps[position.1]
    }

    /// When a step is due; none while what it waits for has not happened.
    fn due_at(&self, position: Position, step: &PlannedStep) -> Option<Timestamp> {
        let moved = self.moved.iter().find(|(known, _)| *known == position).map(|(_, due)| *due);
        moved.or_else(|| step.waits_for.is_none().then_some(step.due_at))
    }

    fn open_steps(&self) -> impl Iterator<Item = (Position, &PlannedStep)> {
        let with_position = |(c, circuit): (usize, &'_ PlannedCircuit)| (c, circuit.steps.len());
        self.plan
            .circuits
            .iter()
            .enumerate()
            .map(with_position)
            .flat_map(|(c, steps)| (0..steps).map(move |s| (c, s)))
            .filter(|position| !self.settled.contains(position))
            .map(|position| (position, self.step(position)))
    }
}

/// Names of the steps added on the way.
const CONFIRM: &str = "confirmation";
const TAKE_OVER: &str = "releve";

/// A step that can be told together with a later one of its circuit: not one that speaks of something else.
fn may_fold(step: &PlannedStep) -> bool {
    step.unless_returned.is_none() && !step.id.starts_with(CONFIRM) && !step.id.starts_with(TAKE_OVER)
}

fn named(body: BodyId, role: RoleId) -> Target {
    Target { role, scope: Scope::Bodies(vec![body]), rank: Rank::First, serves: None, otherwise: Vec::new() }
}

fn seconds(seconds: u32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vigie_proto::plan::{Offset, Owed, OwedTo, Staleness};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn role(name: &str) -> RoleId {
        RoleId::new(name).unwrap()
    }

    fn step(id: &str, due: i64, unless_acknowledged: bool) -> PlannedStep {
        PlannedStep {
            id: id.into(),
            due_at: at(due),
            unless_acknowledged,
            expects: Expects::Acknowledgement,
            tell: vec![target(id)],
            channels: vec![Channel::Email],
            fallback: Vec::new(),
            stale_after_s: 86_400,
            unless_returned: None,
            waits_for: None,
            survives_closing: false,
            digest: false,
        }
    }

    fn plan(satisfied_by: SatisfiedBy, steps: Vec<PlannedStep>) -> Plan {
        Plan { doctrine: "d".into(), circuits: vec![circuit("C", satisfied_by, steps)], owed: Vec::new() }
    }

    fn circuit(id: &str, satisfied_by: SatisfiedBy, steps: Vec<PlannedStep>) -> PlannedCircuit {
        PlannedCircuit {
            id: id.into(),
            lines: "1".into(),
            satisfied_by,
            steps,
            on_refusal: OnRefusal::AdvanceWhenAll,
            handover_within_s: 600,
            stale: None,
            guidance: None,
            counts: Vec::new(),
        }
    }

    fn target(name: &str) -> Target {
        Target { role: role(name), scope: Scope::City, rank: Rank::First, serves: None, otherwise: Vec::new() }
    }

    fn body(name: &str) -> BodyId {
        BodyId::new(name).unwrap()
    }

    /// `name` takes charge at `second`, of the incident at `version`.
    fn answers(escalation: &mut Escalation, name: &str, version: u32, second: i64) -> Vec<Settlement> {
        escalation.acknowledge(body(name), &role(name), version, at(second))
    }

    fn ladder() -> Escalation {
        let steps = vec![step("loop", 0, false), step("second", 300, true), step("central", 900, true)];
        Escalation::start(plan(SatisfiedBy::Anyone, steps), 1)
    }

    fn outcomes(settlements: &[Settlement]) -> Vec<(&str, StepOutcome)> {
        settlements.iter().map(|s| (s.step.as_str(), s.outcome.clone())).collect()
    }

    #[test]
    fn unanswered_steps_fire_at_their_due_times_and_not_before() {
        let mut escalation = ladder();
        assert_eq!(outcomes(&escalation.settle_due(at(0))), [("C/loop", StepOutcome::Fired)]);
        assert_eq!(escalation.next_due(), Some(at(300)));
        assert!(escalation.settle_due(at(299)).is_empty());
        assert_eq!(outcomes(&escalation.settle_due(at(300))), [("C/second", StepOutcome::Fired)]);
        assert!(escalation.settle_due(at(300)).is_empty(), "a step is settled once");
        assert_eq!(outcomes(&escalation.settle_due(at(900))), [("C/central", StepOutcome::Fired)]);
        assert_eq!(escalation.next_due(), None);
    }

    #[test]
    fn what_is_ahead_is_what_will_be_done_in_that_order() {
        let mut escalation = Escalation::start(
            Plan {
                circuits: vec![PlannedCircuit {
                    stale: Some(Staleness { after_s: 3_600, then_s: 900 }),
                    ..circuit("C", SatisfiedBy::Anyone, vec![step("central", 900, true), step("loop", 0, false)])
                }],
                ..plan(SatisfiedBy::Anyone, Vec::new())
            },
            1,
        );
        let names = |ahead: Vec<Ahead>| ahead.into_iter().map(|a| (a.step, a.due_at)).collect::<Vec<_>>();
        assert_eq!(
            names(escalation.ahead()),
            [(Some("C/loop".to_owned()), Some(at(0))), (Some("C/central".to_owned()), Some(at(900)))]
        );
        escalation.settle_due(at(0));
        answers(&mut escalation, "loop", 1, 10);
        assert_eq!(names(escalation.ahead()), [(None, Some(at(3_610)))], "whoever took charge is asked again");
        assert_eq!(escalation.ahead()[0].roles, [role("loop")]);
        escalation.close(at(20));
        assert!(escalation.ahead().is_empty());
    }

    #[test]
    fn an_acknowledgement_stops_every_later_step() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        let stopped = answers(&mut escalation, "loop", 1, 0);
        assert_eq!(
            outcomes(&stopped),
            [("C/second", StepOutcome::Acknowledged), ("C/central", StepOutcome::Acknowledged)]
        );
        assert!(stopped.iter().all(|s| s.tell.is_empty()));
        assert_eq!(escalation.next_due(), None);
    }

    #[test]
    fn after_an_outage_one_message_replaces_the_backlog() {
        let mut escalation = ladder();
        let late = escalation.settle_due(at(1_000));
        assert_eq!(
            outcomes(&late),
            [("C/loop", StepOutcome::Folded), ("C/second", StepOutcome::Folded), ("C/central", StepOutcome::Fired)]
        );
        assert!(late.iter().all(|s| !s.tell.is_empty()), "recipients of folded steps are told with the last");
    }

    #[test]
    fn a_step_overdue_beyond_its_use_expires_and_tells_nobody() {
        let mut escalation = ladder();
        let late = escalation.settle_due(at(86_401 + 900));
        assert!(late.iter().all(|s| s.outcome == StepOutcome::Expired && s.tell.is_empty()));
    }

    #[test]
    fn when_it_worsens_a_former_acknowledgement_no_longer_counts() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        answers(&mut escalation, "loop", 1, 0);
        escalation.aggravate(plan(SatisfiedBy::Anyone, vec![step("loop", 50, false), step("central", 60, true)]), 2);
        assert_eq!(escalation.generation, 2);
        assert!(answers(&mut escalation, "loop", 1, 0).is_empty(), "it was of the milder incident");
        assert_eq!(outcomes(&escalation.settle_due(at(50))), [("C/loop", StepOutcome::Fired)]);
        assert_eq!(outcomes(&answers(&mut escalation, "loop", 2, 0)), [("C/central", StepOutcome::Acknowledged)]);
    }

    #[test]
    fn a_circuit_that_needs_two_roles_is_not_stopped_by_one() {
        let both = SatisfiedBy::AllOf(vec![role("scop"), role("mairie")]);
        let mut escalation = Escalation::start(plan(both, vec![step("next", 10, true)]), 1);
        assert!(answers(&mut escalation, "scop", 1, 0).is_empty());
        assert!(answers(&mut escalation, "parquet", 1, 0).is_empty());
        assert_eq!(outcomes(&answers(&mut escalation, "mairie", 1, 0)), [("C/next", StepOutcome::Acknowledged)]);
    }

    #[test]
    fn easing_takes_the_milder_plans_future_and_tells_nothing_twice() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        let eased = escalation
            .ease(plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("later", 1_800, true)]), at(100));
        assert!(eased.iter().all(|s| s.outcome == StepOutcome::Superseded));
        assert_eq!(escalation.next_due(), Some(at(1_800)));
    }

    #[test]
    fn closing_silences_everything() {
        let mut escalation = ladder();
        assert_eq!(escalation.close(at(0)).len(), 3);
        assert!(escalation.settle_due(at(10_000)).is_empty());
    }

    #[test]
    fn a_quorum_counts_bodies_and_each_asked_means_every_one_of_them() {
        let two = SatisfiedBy::AtLeast { count: 2, of: vec![role("mairie"), role("scop")] };
        let mut escalation = Escalation::start(plan(two, vec![step("next", 10, true)]), 1);
        assert!(answers(&mut escalation, "scop", 1, 0).is_empty());
        assert!(answers(&mut escalation, "scop", 1, 1).is_empty(), "the same body twice is one");
        assert!(answers(&mut escalation, "parquet", 1, 1).is_empty(), "another role does not count");
        assert_eq!(outcomes(&answers(&mut escalation, "mairie", 1, 2)), [("C/next", StepOutcome::Acknowledged)]);

        let steps = vec![step("loop", 0, false), step("next", 10, true)];
        let mut each = Escalation::start(plan(SatisfiedBy::EachAsked, steps), 1);
        each.settle_due(at(0));
        each.asked("C/loop", [body("a"), body("b")]);
        assert!(answers(&mut each, "a", 1, 1).is_empty());
        let next = each.settle_due(at(10));
        assert_eq!(outcomes(&next), [("C/next", StepOutcome::Fired)]);
        assert_eq!(next[0].except, [body("a")].into(), "who has answered is not asked again");
    }

    #[test]
    fn when_all_who_were_asked_refuse_the_next_step_comes_at_once_and_later_ones_keep_their_times() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        escalation.asked("C/loop", [body("a"), body("b")]);
        escalation.refuse(&body("a"), at(20));
        assert_eq!(escalation.next_due(), Some(at(300)), "b may still answer");
        escalation.refuse(&body("b"), at(30));
        assert_eq!(escalation.next_due(), Some(at(30)));
        assert_eq!(outcomes(&escalation.settle_due(at(30))), [("C/second", StepOutcome::Fired)]);
        assert_eq!(escalation.next_due(), Some(at(900)));
    }

    #[test]
    fn whoever_refuses_after_having_taken_charge_sets_the_ladder_going_again_at_its_pace() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        answers(&mut escalation, "a", 1, 10);
        assert_eq!(escalation.next_due(), None);
        escalation.refuse(&body("a"), at(2_000));
        assert_eq!(outcomes(&escalation.settle_due(at(2_000))), [("C/second", StepOutcome::Fired)]);
        assert_eq!(escalation.next_due(), Some(at(2_600)), "six hundred seconds later, as in the plan");
    }

    #[test]
    fn a_hand_over_asks_the_next_body_and_resumes_unless_it_answers() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        answers(&mut escalation, "a", 1, 10);
        escalation.hand_over(&body("a"), body("b"), role("b"), at(100));
        let asked = escalation.settle_due(at(100));
        assert_eq!(asked.len(), 1);
        assert_eq!((asked[0].purpose, &asked[0].tell[0].scope), (Purpose::TakeOver, &Scope::Bodies(vec![body("b")])));
        assert_eq!(escalation.next_due(), Some(at(700)), "ten minutes to take over");
        let mut silent = escalation.clone();
        answers(&mut escalation, "b", 1, 400);
        assert_eq!(escalation.next_due(), None);
        assert_eq!(outcomes(&silent.settle_due(at(700))), [("C/second", StepOutcome::Fired)]);
    }

    #[test]
    fn what_is_asked_on_the_way_leaves_by_the_channels_of_the_plan_and_no_other() {
        let mut by_mail = plan(SatisfiedBy::Anyone, vec![step("loop", 0, false)]);
        by_mail.circuits[0].stale = Some(Staleness { after_s: 1_000, then_s: 200 });
        let mut escalation = Escalation::start(by_mail, 1);
        escalation.settle_due(at(0));
        answers(&mut escalation, "a", 1, 10);
        assert_eq!(escalation.settle_due(at(1_010))[0].channels, [Channel::Email], "a question");
        escalation.hand_over(&body("a"), body("b"), role("b"), at(1_100));
        assert_eq!(escalation.settle_due(at(1_100))[0].channels, [Channel::Email], "a hand-over");
    }

    #[test]
    fn an_acknowledgement_gone_stale_is_questioned_then_lapses() {
        let mut plan = plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("second", 300, true)]);
        plan.circuits[0].stale = Some(Staleness { after_s: 1_000, then_s: 200 });
        let mut escalation = Escalation::start(plan, 1);
        escalation.settle_due(at(0));
        answers(&mut escalation, "a", 1, 10);
        assert_eq!(escalation.next_due(), Some(at(1_010)));
        let question = escalation.settle_due(at(1_010));
        assert_eq!(
            (question[0].purpose, &question[0].tell[0].scope),
            (Purpose::Confirm, &Scope::Bodies(vec![body("a")]))
        );
        let mut confirmed = escalation.clone();
        answers(&mut confirmed, "a", 1, 1_100);
        assert_eq!(confirmed.next_due(), Some(at(2_100)), "good for another while");
        assert_eq!(outcomes(&escalation.settle_due(at(1_210))), [("C/second", StepOutcome::Fired)]);
    }

    #[test]
    fn an_acknowledgement_that_would_lapse_after_the_closing_calls_nobody() {
        let mut later = step("later", 5_000, false);
        later.survives_closing = true;
        let mut plan = plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("second", 300, true), later]);
        plan.circuits[0].stale = Some(Staleness { after_s: 1_000, then_s: 200 });
        let mut escalation = Escalation::start(plan, 1);
        escalation.settle_due(at(300));
        answers(&mut escalation, "a", 1, 310);
        assert_eq!(escalation.settle_due(at(1_310))[0].purpose, Purpose::Confirm);
        escalation.close(at(1_400));
        assert_eq!(outcomes(&escalation.settle_due(at(5_000))), [("C/later", StepOutcome::Fired)]);
        assert_eq!(escalation.next_due(), None);
    }

    #[test]
    fn when_every_step_was_told_before_a_lapse_calls_the_last_again() {
        let mut escalation = ladder();
        escalation.settle_due(at(900));
        answers(&mut escalation, "a", 1, 910);
        escalation.refuse(&body("a"), at(1_000));
        let again = escalation.settle_due(at(1_000));
        assert_eq!(again.len(), 1);
        assert!(again[0].step.starts_with("C/central~"), "{}", again[0].step);
        assert_eq!(again[0].tell, [target("central")]);
    }

    #[test]
    fn a_step_that_waits_for_somebody_comes_when_that_role_takes_charge() {
        let mut waiting = step("umip", 0, false);
        waiting.waits_for =
            Some(WaitsFor { event: Trigger::AcknowledgedBy(vec![role("scop")]), then: Offset::Seconds(60) });
        let mut escalation = Escalation::start(plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), waiting]), 1);
        escalation.settle_due(at(0));
        answers(&mut escalation, "mairie", 1, 10);
        assert_eq!(escalation.next_due(), None);
        answers(&mut escalation, "scop", 1, 20);
        assert_eq!(escalation.next_due(), Some(at(80)));
        assert_eq!(outcomes(&escalation.settle_due(at(80))), [("C/umip", StepOutcome::Fired)]);
    }

    #[test]
    fn what_the_doctrine_wants_after_a_closing_comes_and_stops_when_it_is_given() {
        let mut review = step("retex", 0, false);
        review.waits_for = Some(WaitsFor { event: Trigger::Closed, then: Offset::Seconds(1_000) });
        review.survives_closing = true;
        review.unless_returned = Some("C/retex".into());
        let mut plan = plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("second", 300, true), review]);
        plan.owed.push(Owed {
            id: "C/retex".into(),
            circuit: "C".into(),
            lines: "1".into(),
            what: "Retour d'expérience".into(),
            by: target("scop"),
            to: OwedTo::Role(role("scop")),
            due_at: None,
            from_closing: Some(Offset::Seconds(500)),
            blocks_closing: false,
            may_be_unknown: false,
        });
        let mut escalation = Escalation::start(plan, 1);
        escalation.settle_due(at(0));
        assert_eq!(outcomes(&escalation.close(at(100))), [("C/second", StepOutcome::Superseded)]);
        assert_eq!(escalation.next_due(), Some(at(1_100)));
        let mut given = escalation.clone();
        assert_eq!(outcomes(&given.give_back("C/retex")), [("C/retex", StepOutcome::Returned)]);
        let reminder = escalation.settle_due(at(1_100));
        assert_eq!((reminder[0].purpose, reminder[0].owed.as_deref()), (Purpose::Return, Some("Retour d'expérience")));
    }

    #[test]
    fn planning_again_adds_and_drops_circuits_and_leaves_what_is_in_hand() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        let more = circuit("CITY", SatisfiedBy::Anyone, vec![step("report", 60, false)]);
        let mut both = plan(SatisfiedBy::Anyone, vec![step("loop", 50, false), step("second", 350, true)]);
        both.circuits.push(more);
        assert!(escalation.replan(both, true).is_empty());
        assert_eq!(escalation.next_due(), Some(at(60)), "the loop was told and is not told again");
        let without = plan(SatisfiedBy::Anyone, Vec::new());
        assert_eq!(outcomes(&escalation.replan(without, false)), [("CITY/report", StepOutcome::Superseded)]);
        assert_eq!(escalation.next_due(), Some(at(300)));
    }

    #[derive(Debug, Clone)]
    enum Happening {
        Tick(i64),
        Acknowledge(u32),
        Refuse,
        HandOver,
        Aggravate,
        Close,
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let one = prop_oneof![
            6 => (0i64..400).prop_map(Happening::Tick),
            2 => (1u32..4).prop_map(Happening::Acknowledge),
            1 => Just(Happening::Refuse),
            1 => Just(Happening::HandOver),
            1 => Just(Happening::Aggravate),
            1 => Just(Happening::Close),
        ];
        proptest::collection::vec(one, 1..30)
    }

    proptest! {
        /// No step early, none twice, nothing told after the acknowledgement that satisfies its circuit or after closing,
        /// and nothing due left behind.
        #[test]
        fn whatever_happens_no_step_is_lost_doubled_or_early(script in happenings()) {
            let mut escalation = ladder();
            let (mut now, mut version, mut closed) = (0, 1, false);
            let mut told = BTreeSet::new();
            for happening in script {
                let generation = escalation.generation;
                let settlements = match happening {
                    Happening::Tick(seconds) => {
                        now += seconds;
                        escalation.settle_due(at(now))
                    }
                    Happening::Acknowledge(seen) => answers(&mut escalation, "loop", seen.min(version), now),
                    Happening::Refuse => {
                        escalation.refuse(&body("loop"), at(now));
                        Vec::new()
                    }
                    Happening::HandOver => {
                        escalation.hand_over(&body("loop"), body("other"), role("other"), at(now));
                        Vec::new()
                    }
                    Happening::Aggravate if closed => Vec::new(),
                    Happening::Aggravate => {
                        version += 1;
                        let steps = vec![step("loop", now, false), step("central", now + 300, true)];
                        escalation.aggravate(plan(SatisfiedBy::Anyone, steps), version)
                    }
                    Happening::Close => {
                        closed = true;
                        escalation.close(at(0))
                    }
                };
                for settlement in &settlements {
                    if !settlement.tell.is_empty() {
                        let first = told.insert((generation, settlement.step.clone()));
                        prop_assert!(first, "told twice: {settlement:?}");
                        prop_assert!(settlement.due_at <= at(now), "fired early: {settlement:?}");
                        prop_assert!(!closed, "told after closing");
                        let conditional = settlement.step.starts_with("C/second") || settlement.step.starts_with("C/central");
                        prop_assert!(!conditional || escalation.acknowledgements.is_empty(), "told after an acknowledgement");
                    }
                }
                if matches!(happening, Happening::Tick(_)) {
                    prop_assert!(escalation.next_due().is_none_or(|due| due > at(now)), "a due step was left behind");
                }
            }
        }
    }
}
