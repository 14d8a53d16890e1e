//! Plays a stream of signals in virtual time, with the rules the services use, and shows what would have happened.
//!
//! [`Simulation::signal`] does what routing does of a signal, [`Simulation::advance`] what escalation does of time, with
//! the same functions: assessment, patterns, correlation, the incident, the frozen plan, the state machine, the roster at
//! that instant. Answers come from [`Answers`], drawn from a seed. An [`Observer`] takes note. No IO, no clock.
//!
//! Not simulated: channels that fail and what follows from it; acts other than taking charge, refusing, giving what is
//! owed and closing.

mod agenda;
mod answers;
mod chance;
mod live;
mod memory;
mod observer;

use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use vigie_proto::{
    ActId, BodyId, ContactId, EventId, IncidentId, IncidentStatus, Nature, RoleId,
    envelope::Fact,
    event::{
        Act, ActRecordedV1, Actor, ClosingReason, Event, Purpose, RefusalReason, ReturnOutcome, SignalRaisedV1, Through,
    },
};

use self::{
    agenda::{Agenda, Slot, Task},
    answers::Answer,
    live::{Awaited, Live, wants_answer},
    memory::Memory,
};
pub use self::{
    answers::{Answering, Answers, AnswersError, Closing, Hours, Returning},
    chance::Chance,
    observer::{Answered, Due, Observer, Settled, Told, Unplaced},
};
use crate::{
    assess::{Assessment, assess},
    audience::Telling,
    city::City,
    correlation,
    doctrine::KindRule,
    incident::{Incident, Judged, Names, Origin, Planner},
    pattern::Pattern,
    round::{Carried, InHand, Outcome, Round, SettledStep},
};

/// A city whose signals are played.
pub struct Simulation<'a, O> {
    city: &'a City,
    answers: &'a Answers,
    chance: Chance,
    /// Roles of places manned at any hour.
    manned: BTreeSet<RoleId>,
    observer: O,
    agenda: Agenda,
    /// None once nothing more can happen to it.
    incidents: Vec<Option<Box<Live<'a>>>>,
    /// Their plans; none while a round has it in hand, too.
    plans: Vec<Option<InHand>>,
    memory: Memory,
    now: Timestamp,
}

/// A signal older than one already played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signal of {at} comes after one of {now}: give them in order of time")]
pub struct OutOfOrder {
    pub at: Timestamp,
    pub now: Timestamp,
}

impl<'a, O: Observer> Simulation<'a, O> {
    /// Nothing has happened yet. Every draw follows from `seed`.
    pub fn new(city: &'a City, answers: &'a Answers, seed: u64, observer: O) -> Self {
        Self {
            city,
            answers,
            chance: Chance::new(seed),
            manned: city.directory.manned_roles(),
            observer,
            agenda: Agenda::default(),
            incidents: Vec::new(),
            plans: Vec::new(),
            memory: Memory::default(),
            now: Timestamp::MIN,
        }
    }

    /// Plays everything due before `signal`, then takes it.
    pub fn signal(&mut self, signal: &SignalRaisedV1) -> Result<(), OutOfOrder> {
        if signal.received_at < self.now {
            return Err(OutOfOrder { at: signal.received_at, now: self.now });
        }
        self.advance(signal.received_at);
        let city = self.city;
        let located =
            city.doctrine.kind(&signal.kind).ok_or_else(|| Unplaced::UnknownKind(signal.kind.clone())).and_then(
                |rule| {
                    let bound_m = city.doctrine.accuracy.bound_m(&signal.source_role);
                    Ok((rule, assess(&signal.location, bound_m, rule, &city.territory)?))
                },
            );
        match located {
            Ok((rule, place)) => self.take(signal, rule, place),
            Err(why) => self.observer.unplaced(signal, &why),
        }
        Ok(())
    }

    /// Plays everything due up to `to`, included.
    pub fn advance(&mut self, to: Timestamp) {
        while let Some(at) = self.agenda.next().filter(|at| *at <= to) {
            self.now = at;
            let mut slots = Vec::new();
            while let Some(Task::Steps(slot)) = self.agenda.take(at, |task| matches!(task, Task::Steps(_))) {
                slots.push(slot);
            }
            if slots.is_empty() {
                if let Some(task) = self.agenda.take(at, |_| true) {
                    self.carry_out(task);
                }
            } else {
                slots.sort_unstable();
                slots.dedup();
                self.settle(&slots, None);
            }
        }
        self.now = self.now.max(to);
    }

    /// Plays what is left up to `until` and gives the observer back.
    pub fn finish(mut self, until: Timestamp) -> O {
        self.advance(until);
        self.observer
    }

    fn planner(&self) -> Planner<'a> {
        Planner { city: self.city, time_scale: 1.0, now: self.now }
    }

    /// Joins a located signal to its incident, or opens one.
    fn take(&mut self, signal: &SignalRaisedV1, rule: &'a KindRule, place: Assessment) {
        self.observer.raised(signal, &place);
        let joined = self.joins(signal, rule, &place);
        let pattern = self.memory.pattern(signal, rule, &place, self.now);
        match joined {
            Some(slot) => self.join(slot, signal, (rule, &place), pattern),
            None => self.open(signal, rule, place, pattern),
        }
    }

    fn joins(&mut self, signal: &SignalRaisedV1, rule: &KindRule, place: &Assessment) -> Option<Slot> {
        let (incidents, now) = (&self.incidents, self.now);
        let oldest = now - SignedDuration::from_mins(i64::from(rule.correlation.window_min));
        let open = |slot: Slot| incidents[slot].as_ref().filter(|live| is_open(&live.incident));
        let is_over = |slot: Slot| open(slot).is_none_or(|live| live.incident.last_signal_at < oldest);
        let slots = self.memory.candidates(signal, place, is_over);
        let candidates = slots.iter().filter_map(|slot| Some(open(*slot)?.incident.candidate()));
        let id = correlation::join(candidates, place.at, place.owner(), now, rule.correlation)?;
        slots.into_iter().find(|slot| open(*slot).is_some_and(|live| live.incident.snapshot.id == id))
    }

    fn open(&mut self, signal: &SignalRaisedV1, rule: &'a KindRule, place: Assessment, pattern: Option<Pattern>) {
        let slot = self.incidents.len();
        let number = slot + 1;
        let names = Names { id: id_of(slot), reference: format!("R-{}-{number:06}", self.now.strftime("%Y")) };
        let (incident, event) =
            Incident::open(signal, rule, place, pattern.map_or(Origin::Alone, Origin::Pattern), names, self.planner());
        let chance = self.chance.of(signal.signal_id.0.as_bytes());
        self.memory.opened(slot, &incident, rule);
        self.observer.opened(self.now, &incident, signal);
        self.incidents.push(Some(Box::new(Live::new(incident, rule, chance))));
        self.plans.push(None);
        self.note_closing(slot, self.answers.closing.unanswered_after_min);
        self.settle(&[slot], Some(event));
    }

    fn join(
        &mut self,
        slot: Slot,
        signal: &SignalRaisedV1,
        (rule, place): (&KindRule, &Assessment),
        pattern: Option<Pattern>,
    ) {
        let planner = self.planner();
        let Some(live) = self.incidents[slot].as_mut() else { return };
        let event = live.incident.join(signal, (rule, place), pattern, planner);
        self.memory.changed(&live.incident, rule);
        self.apply(slot, event);
    }

    /// Takes note of a fact about an incident, and lets its plan hear it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other facts do not concern plans")]
    fn apply(&mut self, slot: Slot, event: Event) {
        let now = self.now;
        let Some(live) = &self.incidents[slot] else { return };
        let incident = &live.incident;
        let answered = |body, role, first| Answered { at: now, incident, body, role, first };
        match &event {
            Event::IncidentReinforced(_) => self.observer.reinforced(now, incident),
            Event::IncidentAggravated(_) => self.observer.aggravated(now, incident),
            Event::IncidentReplanned(_) => {}
            Event::IncidentAcknowledged(e) => {
                let first = incident.in_charge.len() == 1;
                self.observer.took_charge(&answered(&e.by.body, &e.by.role, first));
            }
            Event::IncidentRefused(e) => self.observer.refused(&answered(&e.by.body, &e.by.role, false)),
            Event::ReturnGiven(e) => {
                if let Some(debt) = incident.owed.iter().find(|debt| debt.owed.id == e.owed) {
                    self.observer.returned(&Due { at: now, incident, debt });
                }
            }
            Event::IncidentClosed(_) => self.observer.closed(now, incident),
            _ => return,
        }
        self.settle(&[slot], Some(event));
    }

    /// One round of escalation: the plans of `slots` hear what has just happened, if anything has, and do what is due.
    fn settle(&mut self, slots: &[Slot], event: Option<Event>) {
        let plans = slots.iter().filter_map(|slot| self.plans[*slot].take()).collect();
        let mut round = Round::new(self.city, self.now, plans);
        if let Some(event) = event {
            round.hear(&Fact { id: EventId(Uuid::nil()), cause: None, at: self.now, event }, None);
        }
        round.settle_due();
        let Outcome { plans, carried, .. } = round.carry();
        for plan in plans {
            let slot = slot_of(plan.snapshot.id);
            self.plans[slot] = Some(plan);
        }
        let mut messages = HashSet::new();
        for carried in &carried {
            self.observe(carried, &mut messages);
        }
        for &slot in slots {
            self.note_clocks(slot);
            self.note_steps(slot);
            self.let_go(slot);
        }
    }

    /// Shows what was carried out of a plan, and has those who were asked answer; `messages` are the grouped ones of the
    /// round.
    fn observe(&mut self, carried: &Carried, messages: &mut HashSet<(ContactId, Nature)>) {
        let (now, slot) = (self.now, slot_of(carried.incident.id));
        let Some(live) = &self.incidents[slot] else { return };
        let incident = &live.incident;
        for SettledStep { settlement, outcome, told, .. } in &carried.settled {
            self.observer.settled(&Settled { at: now, incident, settlement, outcome, told: *told });
        }
        for telling in &carried.tellings {
            let key = || (telling.contact.clone(), incident.snapshot.nature);
            self.observer.told(&Told {
                at: now,
                incident,
                generation: carried.generation,
                telling,
                manned: self.manned.contains(&telling.role),
                shares_message: telling.digest && !messages.insert(key()),
            });
        }
        self.ask(slot, &carried.tellings);
        if let (Some(live), Some(plan)) = (self.incidents[slot].as_mut(), &self.plans[slot])
            && carried.settled.iter().any(|settled| !settled.settlement.tell.is_empty())
            && live.is_newly_exhausted(&plan.escalation)
        {
            self.observer.unanswered(now, &live.incident);
        }
    }

    /// Draws the answers of those who were asked, each body once whatever the number of its contact points.
    fn ask(&mut self, slot: Slot, tellings: &[Telling]) {
        let Some(live) = self.incidents[slot].as_mut() else { return };
        let doctrine = &self.city.doctrine;
        let mut asked: Vec<&BodyId> = Vec::new();
        for telling in tellings.iter().filter(|telling| wants_answer(telling)) {
            if asked.contains(&&telling.body) {
                continue;
            }
            asked.push(&telling.body);
            let (chance, manned) = (live.asks(&telling.body), self.manned.contains(&telling.role));
            let local = (&doctrine.zone, &doctrine.calendar);
            let (at, refuses) = match self.answers.answer(&telling.role, manned, self.now, chance, local) {
                Answer::TakesCharge(at) => (at, false),
                Answer::Refuses(at) => (at, true),
                Answer::Silence => continue,
            };
            self.agenda.note(at, Task::Answer(slot, live.awaited.len()));
            live.awaited.push(Awaited {
                body: telling.body.clone(),
                role: telling.role.clone(),
                refuses,
                confirms: telling.purpose == Purpose::Confirm,
            });
        }
    }

    fn carry_out(&mut self, task: Task) {
        match task {
            Task::Steps(slot) => self.settle(&[slot], None),
            Task::Answer(slot, number) => self.answer(slot, number),
            Task::GiveBack(slot, number) => self.give_back(slot, number),
            Task::Overdue(slot, number) => {
                if let Some(live) = &self.incidents[slot]
                    && let Some(debt) = live.incident.owed.get(number).filter(|debt| debt.given.is_none())
                {
                    self.observer.overdue(&Due { at: self.now, incident: &live.incident, debt });
                }
            }
            Task::Close(slot) => self.close(slot),
        }
    }

    fn answer(&mut self, slot: Slot, number: usize) {
        let Some(live) = self.incidents[slot].as_mut().filter(|live| is_open(&live.incident)) else { return };
        let Awaited { body, role, refuses, confirms } = live.awaited[number].clone();
        if !confirms && live.incident.in_charge.contains(&body) {
            return;
        }
        let act = if refuses {
            Act::Refuse { reason: RefusalReason::Unavailable, alert_id: None }
        } else {
            live.taken_at = Some(self.now);
            Act::Acknowledge { version: live.incident.snapshot.version, alert_id: None }
        };
        self.act(slot, body, role, act);
        if !refuses {
            self.note_closing(slot, self.answers.closing.after_min);
        }
    }

    fn give_back(&mut self, slot: Slot, number: usize) {
        let Some(live) = &self.incidents[slot] else { return };
        let Some(debt) = live.incident.owed.get(number).filter(|debt| debt.given.is_none()) else { return };
        let by = self.city.directory.bodies_of(&debt.owed.by).first().map(|body| body.id.clone());
        let (role, held_open) = (debt.owed.by.role.clone(), live.held_open);
        let act = Act::Return { owed: debt.owed.id.clone(), outcome: ReturnOutcome::Communicated };
        self.act(slot, by.unwrap_or_else(nobody_in_particular), role, act);
        if held_open {
            self.close(slot);
        }
    }

    /// Closes an incident that is over; looks again later at one that is not yet.
    fn close(&mut self, slot: Slot) {
        let Some(live) = self.incidents[slot].as_mut().filter(|live| is_open(&live.incident)) else { return };
        let closing = &self.answers.closing;
        let (since, minutes) = match live.taken_at {
            Some(taken) if !live.incident.in_charge.is_empty() => {
                (taken.max(live.incident.last_signal_at), closing.after_min)
            }
            Some(_) | None => (live.incident.last_signal_at, closing.unanswered_after_min),
        };
        let over_at = since + SignedDuration::from_mins(i64::from(minutes));
        if over_at > self.now {
            self.agenda.note(over_at, Task::Close(slot));
            return;
        }
        live.held_open = live.incident.owed.iter().any(|debt| debt.owed.blocks_closing && debt.given.is_none());
        let by = live.incident.in_charge.last().cloned();
        let role = by.as_ref().and_then(|body| self.city.directory.body(body)).map(|body| body.role.clone());
        let role = role.unwrap_or_else(|| live.incident.situation.raised_by.clone());
        if !live.held_open {
            let act = Act::Close { reason: ClosingReason::Resolved };
            self.act(slot, by.unwrap_or_else(nobody_in_particular), role, act);
        }
    }

    fn act(&mut self, slot: Slot, body: BodyId, role: RoleId, act: Act) {
        let planner = self.planner();
        let Some(live) = self.incidents[slot].as_mut() else { return };
        let recorded = ActRecordedV1 {
            act_id: ActId(Uuid::nil()),
            incident_id: live.incident.snapshot.id,
            actor: Actor { body, role, through: Through::Link },
            act,
            at: self.now,
        };
        let Some(plan) = &self.plans[slot] else { return };
        let standing = plan.escalation.standing();
        let intervenes = self.city.directory.intervenes(&recorded.actor.role);
        // Who closes in a simulation is nobody in particular: whether it may is not what is simulated.
        let judged = Judged { standing: Some(&standing), intervenes, may_end_unanswered: true };
        let event = live.incident.act(&recorded, judged, planner);
        self.memory.changed(&live.incident, live.rule);
        self.apply(slot, event);
    }

    fn note_closing(&mut self, slot: Slot, minutes: u32) {
        self.agenda.note(self.now + SignedDuration::from_mins(i64::from(minutes)), Task::Close(slot));
    }

    /// Looks at the plan's steps when the next is due.
    fn note_steps(&mut self, slot: Slot) {
        let (Some(live), Some(plan)) = (self.incidents[slot].as_mut(), &self.plans[slot]) else { return };
        let next = plan.escalation.next_due();
        let noted = live.looked_at.filter(|at| *at > self.now);
        if let Some(due) = next
            && noted.is_none_or(|at| due < at)
        {
            live.looked_at = Some(due);
            self.agenda.note(due, Task::Steps(slot));
        }
    }

    /// Starts the clock of what has become owed.
    fn note_clocks(&mut self, slot: Slot) {
        let Some(live) = self.incidents[slot].as_mut() else { return };
        live.clocks.resize(live.incident.owed.len(), false);
        for (number, debt) in live.incident.owed.iter().enumerate() {
            let Some(due_at) = debt.owed.due_at.filter(|_| !live.clocks[number]) else { continue };
            live.clocks[number] = true;
            self.observer.owed(&Due { at: self.now, incident: &live.incident, debt });
            self.agenda.note(due_at.max(self.now), Task::Overdue(slot, number));
            let chance = live.chance.of(debt.owed.id.as_bytes());
            if let Some(at) = self.answers.given_at(self.now, chance) {
                self.agenda.note(at, Task::GiveBack(slot, number));
            }
        }
    }

    /// Forgets an incident to which nothing more can happen.
    fn let_go(&mut self, slot: Slot) {
        let over = self.incidents[slot].as_ref().zip(self.plans[slot].as_ref()).is_some_and(|(live, plan)| {
            !is_open(&live.incident)
                && plan.escalation.next_due().is_none()
                && live.incident.owed.iter().all(|debt| debt.given.is_some())
        });
        if over {
            self.incidents[slot] = None;
            self.plans[slot] = None;
        }
    }
}

fn is_open(incident: &Incident) -> bool {
    incident.snapshot.status != IncidentStatus::Closed
}

/// Incidents are named by their place, from 1.
fn id_of(slot: Slot) -> IncidentId {
    IncidentId(Uuid::from_u128(slot as u128 + 1))
}

/// The place of an incident of [`id_of`].
fn slot_of(id: IncidentId) -> Slot {
    usize::try_from(id.0.as_u128()).unwrap_or_default().saturating_sub(1)
}

/// Whoever closes what nobody took charge of.
fn nobody_in_particular() -> BodyId {
    BodyId::new("simulation").expect("a plain word is a token")
}
