//! The life of an incident's plan: which steps are due, what stops them, what is told.
//!
//! A pure state machine: the state and an input give the next state and settlements to carry out. Calling it twice,
//! late or early is harmless. A step is settled once, for one reason, and every due step ends settled.
//!
//! An acknowledgement stops a circuit's conditional steps; when it is withdrawn (refused after all, handed over without
//! being taken up, gone stale) those it had stopped come back, at the same distance from each other.

mod ahead;
mod answers;
mod ending;
mod hear;
mod news;
mod replay;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use vigie_proto::{
    BodyId, Channel, RoleId,
    event::{Occasion, Purpose, StepOutcome},
    plan::{Added, Expects, Plan, PlannedCircuit, PlannedStep, Rank, Scope, Target, Trigger, WaitsFor},
};

pub use ahead::Ahead;
pub use answers::TakingCharge;
pub use hear::Cast;
pub use news::is_news;
pub use replay::{Chapter, Replayed, replay};
pub use standing::{CircuitStanding, Effect, Partial, Standing};

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
    /// Bodies that have set a circuit off again by going back on their answer: each may once a generation.
    #[serde(default)]
    rearmed: BTreeMap<usize, BTreeSet<BodyId>>,
    /// What was owed and has been given.
    #[serde(default)]
    returned: BTreeSet<String>,
    /// Counts the steps added on the way, so that each has a name of its own.
    #[serde(default)]
    added: u32,
    #[serde(default)]
    closed: bool,
    /// What the closing ended, to go on if it is opened again.
    #[serde(default)]
    ended: Option<Ended>,
    /// The present plan is of a severity that a person lowered.
    #[serde(default)]
    eased: bool,
    /// What is new, and who was told of anything.
    #[serde(default)]
    news: news::NewsState,
}

/// What a closing ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ended {
    at: Timestamp,
    steps: BTreeSet<Position>,
    /// Steps whose time began to run with it.
    begun: BTreeSet<Position>,
}

/// A body in charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub body: BodyId,
    pub role: RoleId,
    pub at: Timestamp,
    /// Ids of the circuits it counts for: those that asked this body. None in states older than this field: those whose
    /// rule its role fits.
    #[serde(default)]
    pub counts_for: Option<BTreeSet<String>>,
    /// Its role goes there or sends somebody.
    #[serde(default)]
    intervenes: bool,
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
    /// Number of the plan whose step it is: what an aggravation replaces is of the plan before.
    pub generation: u32,
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
    /// What is owed, when that is what it reminds of.
    pub owed: Option<Reminded>,
    /// What the doctrine wants kept in mind.
    pub guidance: Option<String>,
    /// Why it comes now; none for what was not told.
    pub occasion: Option<Occasion>,
}

/// A debt somebody is reminded of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reminded {
    /// [`vigie_proto::plan::Owed::id`]
    pub id: String,
    /// In French.
    pub what: String,
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
            rearmed: BTreeMap::new(),
            returned: BTreeSet::new(),
            added: 0,
            closed: false,
            ended: None,
            eased: false,
            news: news::NewsState::default(),
        }
    }

    /// The earliest instant at which something is to be done; none when nothing is left to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        let steps = self.open_steps().filter_map(|(position, step)| self.due_at(position, step));
        let confirmations = self.acknowledgements.iter().filter_map(|a| a.lapses_at.or(a.confirm_at));
        steps.chain(confirmations.filter(|_| !self.closed)).chain(self.next_news()).min()
    }

    /// Settles every step due at `now`. None fires early.
    ///
    /// When several steps of one circuit are due together (an outage has passed), the latest fires and takes the
    /// recipients of the earlier ones with it: one message, not a backlog. A step overdue beyond its use expires.
    pub fn settle_due(&mut self, now: Timestamp) -> Vec<Settlement> {
        drop(self.lapse(now));
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
        settlements.extend(self.settle_news(now));
        settlements
    }

    /// `bodies` were asked to take charge by `step` (`circuit/step`): only they can satisfy its circuit, and refusals and
    /// quorums are counted against them.
    pub fn asked(&mut self, step: &str, bodies: impl IntoIterator<Item = BodyId>) {
        let mut bodies = bodies.into_iter().peekable();
        // A circuit that only informs asks nobody.
        if let Some(circuit) = self.circuit_of(step).filter(|_| bodies.peek().is_some()) {
            self.asked.entry(circuit).or_default().extend(bodies);
        }
    }

    /// `step` would have asked `bodies`, and did not since they are in charge already: that counts for its circuit too.
    pub fn asked_in_charge(&mut self, step: &str, bodies: &BTreeSet<BodyId>) {
        let Some(circuit) = self.circuit_of(step).filter(|_| !bodies.is_empty()) else { return };
        self.asked.entry(circuit).or_default().extend(bodies.iter().cloned());
        let PlannedCircuit { id, satisfied_by, .. } = &self.plan.circuits[circuit];
        for taken in self.acknowledgements.iter_mut().filter(|taken| bodies.contains(&taken.body)) {
            if let Some(counts_for) = &mut taken.counts_for
                && standing::fits(satisfied_by, &taken.role, taken.intervenes)
            {
                counts_for.insert(id.clone());
            }
        }
    }

    fn circuit_of(&self, step: &str) -> Option<usize> {
        let id = step.split('/').next().unwrap_or(step);
        self.plan.circuits.iter().position(|circuit| circuit.id == id)
    }

    /// Whether enough have taken charge for the circuit of this id; false when the plan has none.
    pub fn is_circuit_satisfied(&self, id: &str) -> bool {
        self.plan.circuits.iter().position(|circuit| circuit.id == id).is_some_and(|circuit| self.is_satisfied(circuit))
    }

    /// The incident worsened: a new plan, and everybody is asked again. What was given stays given.
    pub fn aggravate(&mut self, plan: Plan, version: u32) -> Vec<Settlement> {
        let superseded = self.supersede();
        let (returned, added) = (std::mem::take(&mut self.returned), self.added);
        let news = std::mem::take(&mut self.news);
        *self = Self { generation: self.generation + 1, returned, added, news, ..Self::start(plan, version) };
        superseded
    }

    /// The severity was lowered: the milder plan's future steps take over; what is past is not told again.
    ///
    /// Acknowledgements stand, since what they took charge of was worse.
    pub fn ease(&mut self, plan: Plan, now: Timestamp) -> Vec<Settlement> {
        let mut settlements = self.supersede();
        let acknowledgements = std::mem::take(&mut self.acknowledgements);
        let (returned, added) = (std::mem::take(&mut self.returned), self.added);
        // Whoever was asked of what was worse stays asked by the circuits that remain.
        let asked = std::mem::take(&mut self.asked).into_iter().filter_map(|(circuit, bodies)| {
            let id = &self.plan.circuits.get(circuit)?.id;
            Some((plan.circuits.iter().position(|remains| remains.id == *id)?, bodies))
        });
        let asked = asked.collect();
        *self = Self {
            generation: self.generation + 1,
            acknowledgements,
            returned,
            added,
            asked,
            eased: true,
            news: std::mem::take(&mut self.news),
            ..Self::start(plan, self.version)
        };
        self.plan_confirmations();
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
        for rule in plan.news {
            if !self.plan.news.iter().any(|known| known.id == rule.id) {
                self.plan.news.push(rule);
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

    fn supersede(&mut self) -> Vec<Settlement> {
        let open: Vec<Position> = self.open_steps().map(|(position, _)| position).collect();
        open.into_iter().map(|position| self.settle(position, StepOutcome::Superseded)).collect()
    }

    /// Makes due the steps that wait for an event `of_interest`; returns them.
    fn trigger(&mut self, now: Timestamp, of_interest: impl Fn(&Trigger) -> bool) -> Vec<Position> {
        let triggered: Vec<(Position, Timestamp)> = self
            .open_steps()
            .filter(|(position, _)| !self.moved.iter().any(|(known, _)| known == position))
            .filter_map(|(position, step)| {
                let WaitsFor { event, then } = step.waits_for.as_ref()?;
                of_interest(event).then(|| (position, then.after(now)))
            })
            .collect();
        let positions = triggered.iter().map(|(position, _)| *position).collect();
        self.moved.extend(triggered);
        positions
    }

    fn move_to(&mut self, position: Position, due_at: Timestamp) {
        self.moved.retain(|(known, _)| *known != position);
        self.moved.push((position, due_at));
    }

    /// Adds a step on the way, named `name~n`, `what` it was added for: by the channels the plan uses and no other, for what is confidential may
    /// not leave by all.
    fn add(
        &mut self,
        circuit: usize,
        (name, what): (&str, Option<Added>),
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
            added: what,
            requested_by: None,
        });
        (circuit, steps.len() - 1)
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
        self.mark(position, &outcome);
        let due_at = self.due_at(position, self.step(position));
        let planned = &self.plan.circuits[position.0];
        let step = &planned.steps[position.1];
        let told = matches!(outcome, StepOutcome::Fired | StepOutcome::Folded);
        let owed = step.unless_returned.as_ref().and_then(|id| self.plan.owed.iter().find(|owed| owed.id == *id));
        let purpose = match (added(step), step.expects) {
            (Some(Added::Confirm), _) => Purpose::Confirm,
            (Some(Added::TakeOver), _) => Purpose::TakeOver,
            _ if owed.is_some() => Purpose::Return,
            (_, Expects::Acknowledgement) => Purpose::Acknowledge,
            (_, Expects::Nothing) => Purpose::Inform,
        };
        let in_charge = || self.acknowledgements.iter().map(|known| known.body.clone()).collect();
        Settlement {
            generation: self.generation,
            step: format!("{}/{}", planned.id, step.id),
            due_at: due_at.unwrap_or(step.due_at),
            outcome,
            tell: if told { step.tell.clone() } else { Vec::new() },
            except: if step.unless_acknowledged { in_charge() } else { BTreeSet::new() },
            channels: step.channels.clone(),
            fallback: step.fallback.clone(),
            purpose,
            digest: step.digest,
            owed: owed.map(|owed| Reminded { id: owed.id.clone(), what: owed.what.clone() }),
            guidance: planned.guidance.clone(),
            occasion: told.then(|| self.occasion(position)),
        }
    }

    /// Why a step is told now.
    fn occasion(&self, position: Position) -> Occasion {
        let (circuit, step) = (position.0, self.step(position));
        match (added(step), &step.requested_by) {
            (Some(Added::TakeOver), Some(by)) => return Occasion::HandedOver { by: by.clone() },
            (Some(Added::Call), Some(by)) => return Occasion::Called { by: by.clone() },
            _ => {}
        }
        // Calls of one moment are one call.
        let due = self.due_at(position, step).unwrap_or(step.due_at);
        let calls: BTreeSet<Timestamp> = self.plan.circuits[circuit]
            .steps
            .iter()
            .enumerate()
            .filter(|(at, earlier)| self.settled.contains(&(circuit, *at)) && asks(earlier) && added(earlier).is_none())
            .map(|(at, earlier)| self.due_at((circuit, at), earlier).unwrap_or(earlier.due_at))
            .filter(|earlier| *earlier < due)
            .collect();
        match calls.first() {
            Some(since) if step.unless_acknowledged => Occasion::Again {
                calls: u32::try_from(calls.len()).unwrap_or(u32::MAX),
                since: *since,
                answered: self.counting(circuit).next().is_some(),
            },
            _ if self.generation > 1 && !self.eased => Occasion::Worse,
            _ => Occasion::First,
        }
    }

    /// Notes what became of a step.
    fn mark(&mut self, position: Position, outcome: &StepOutcome) {
        self.settled.insert(position);
        if *outcome == StepOutcome::Acknowledged {
            self.stopped.insert(position);
        } else {
            self.stopped.remove(&position);
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

/// What steps added on the way are called, and added for.
const CONFIRM: (&str, Option<Added>) = ("confirmation", Some(Added::Confirm));
const TAKE_OVER: (&str, Option<Added>) = ("releve", Some(Added::TakeOver));
const CALL: (&str, Option<Added>) = ("rappel", Some(Added::Call));

/// What a step was added for. In states older than that field its name says so; only added steps have a number after it.
pub(crate) fn added(step: &PlannedStep) -> Option<Added> {
    step.added.or_else(|| {
        let (name, _) = step.id.split_once('~')?;
        [CONFIRM, TAKE_OVER, CALL].into_iter().find(|(known, _)| *known == name)?.1
    })
}

/// A step of the doctrine that asks somebody to take charge.
fn asks(step: &PlannedStep) -> bool {
    step.expects == Expects::Acknowledgement && step.unless_returned.is_none()
}

/// A step that can be told together with a later one of its circuit: not one that speaks of something else.
fn may_fold(step: &PlannedStep) -> bool {
    step.unless_returned.is_none() && added(step).is_none()
}

fn named(body: BodyId, role: RoleId) -> Target {
    Target { role, scope: Scope::Bodies(vec![body]), rank: Rank::First, serves: None, otherwise: Vec::new() }
}

fn seconds(seconds: u32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(seconds))
}

#[cfg(test)]
mod tests;
