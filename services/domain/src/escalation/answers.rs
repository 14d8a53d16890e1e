//! What people answer: they take charge, refuse, hand over, give what is owed, have somebody called, or fall silent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use vigie_proto::{
    BodyId, RoleId,
    event::StepOutcome,
    plan::{OnRefusal, PlannedStep, Staleness, Trigger},
};

use super::{
    Acknowledgement, CALL, CONFIRM, Escalation, Position, Settlement, TAKE_OVER, named, seconds, standing::fits,
};

/// Somebody takes charge.
#[derive(Debug, Clone)]
pub struct TakingCharge<'a> {
    pub body: BodyId,
    pub role: &'a RoleId,
    /// Its role goes there or sends somebody.
    pub intervenes: bool,
    /// Incident version under the person's eyes.
    pub seen_version: u32,
    /// The circuits its owner says it counts for; None in facts older than that, then the machine decides alone.
    pub counts_for: Option<&'a [String]>,
}

impl Escalation {
    /// A body took charge at `now` of the incident as it stood at `seen_version`.
    ///
    /// It counts for the circuits that asked this body and accept its role, whatever the fact says besides: only who was
    /// asked stops the climbing, and only of the circuit that asked. Settles the conditional steps of every circuit this
    /// satisfies, and makes due those that waited for it. An acknowledgement of an incident that has worsened since changes
    /// nothing: it is asked again.
    pub fn acknowledge(&mut self, taking: TakingCharge<'_>, now: Timestamp) -> Vec<Settlement> {
        let TakingCharge { body, role, intervenes, seen_version, counts_for } = taking;
        if seen_version < self.version || self.closed {
            return Vec::new();
        }
        let counted: BTreeSet<String> = (0..self.plan.circuits.len())
            .filter(|circuit| self.asked.get(circuit).is_some_and(|asked| asked.contains(&body)))
            .map(|circuit| &self.plan.circuits[circuit])
            .filter(|circuit| fits(&circuit.satisfied_by, role, intervenes))
            .filter(|circuit| counts_for.is_none_or(|said| said.contains(&circuit.id)))
            .map(|circuit| circuit.id.clone())
            .collect();
        self.refused.remove(&body);
        self.acknowledgements.retain(|known| known.body != body);
        let counts = !counted.is_empty();
        self.acknowledgements.push(Acknowledgement {
            body,
            role: role.clone(),
            at: now,
            counts_for: Some(counted),
            intervenes,
            confirm_at: self.stale().map(|(_, stale)| now + seconds(stale.after_s)),
            lapses_at: None,
        });
        if counts {
            self.trigger(now, |event| matches!(event, Trigger::AcknowledgedBy(roles) if roles.contains(role)));
        }
        self.stop_satisfied()
    }

    /// `body` was asked and will not take charge.
    ///
    /// What it had taken charge of goes on at once; where it was only asked, the next step comes at once if the circuit
    /// says so. Either happens once for a body in a generation: whoever answers back and forth alarms nobody any more.
    pub fn refuse(&mut self, body: &BodyId, now: Timestamp) {
        if self.closed {
            return;
        }
        self.refused.insert(body.clone());
        self.withdraw(body, now);
        for circuit in 0..self.plan.circuits.len() {
            let none = BTreeSet::new();
            let asked = self.asked.get(&circuit).unwrap_or(&none);
            let advance = asked.contains(body)
                && match self.plan.circuits[circuit].on_refusal {
                    OnRefusal::Wait => false,
                    OnRefusal::Advance => true,
                    OnRefusal::AdvanceWhenAll => asked.is_subset(&self.refused),
                };
            if advance && !self.is_satisfied(circuit) && self.may_rearm(circuit, body) {
                self.advance(circuit, now);
            }
        }
    }

    /// `body` takes its answer back: as if it had not given it, it may answer again, and what its answer had stopped goes on.
    pub fn take_back(&mut self, body: &BodyId, now: Timestamp) {
        if self.closed {
            return;
        }
        self.refused.remove(body);
        self.withdraw(body, now);
    }

    /// Whether `body` may set this circuit off again: the first time it asks, and no more under this plan.
    fn may_rearm(&mut self, circuit: usize, body: &BodyId) -> bool {
        self.rearmed.entry(circuit).or_default().insert(body.clone())
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
            // It is asked for all that is handed to it, by one message.
            for circuit in released.iter().copied().chain([circuit]) {
                self.asked.entry(circuit).or_default().insert(to.clone());
            }
            let target = named(to, role);
            let (circuit, step) = self.add(circuit, TAKE_OVER, now, vec![target], false);
            self.plan.circuits[circuit].steps[step].requested_by = Some(from.clone());
        }
    }

    /// `by` has `body`, of `role`, asked now, whatever the plan says: it was not reached, or not thought of.
    pub fn call(&mut self, by: &BodyId, body: BodyId, role: RoleId, now: Timestamp) {
        if self.closed || self.plan.circuits.is_empty() {
            return;
        }
        let asked = self.asked.iter().find(|(_, asked)| asked.contains(&body)).map(|(circuit, _)| *circuit);
        let circuit = asked.unwrap_or_default();
        self.asked.entry(circuit).or_default().insert(body.clone());
        let (circuit, step) = self.add(circuit, CALL, now, vec![named(body, role)], false);
        self.plan.circuits[circuit].steps[step].requested_by = Some(by.clone());
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

    pub(super) fn stop_satisfied(&mut self) -> Vec<Settlement> {
        let stopped: Vec<Position> = self
            .open_steps()
            .filter(|((circuit, _), step)| step.unless_acknowledged && self.is_satisfied(*circuit))
            .map(|(position, _)| position)
            .collect();
        stopped.into_iter().map(|position| self.settle(position, StepOutcome::Acknowledged)).collect()
    }

    /// The acknowledgement of `body` no longer counts: circuits it alone satisfied go on at `now`.
    pub(super) fn withdraw(&mut self, body: &BodyId, now: Timestamp) {
        let held: Vec<usize> = (0..self.plan.circuits.len()).filter(|c| self.is_satisfied(*c)).collect();
        self.acknowledgements.retain(|known| known.body != *body);
        for circuit in held {
            if self.is_satisfied(circuit) {
                continue;
            }
            if !self.may_rearm(circuit, body) {
                self.bring_back(circuit);
            } else if !self.resume(circuit, now) {
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

    /// The steps an acknowledgement had stopped come back at their own times, past ones at once.
    fn bring_back(&mut self, circuit: usize) {
        let back: Vec<Position> = self.stopped.iter().filter(|(c, _)| *c == circuit).copied().collect();
        for position in back {
            self.stopped.remove(&position);
            self.settled.remove(&position);
        }
    }

    /// Every step had been told before it was taken charge of: the last is told again.
    fn call_again(&mut self, circuit: usize, now: Timestamp) {
        let conditional = |step: &&PlannedStep| step.unless_acknowledged && step.waits_for.is_none();
        let last = self.plan.circuits[circuit].steps.iter().filter(conditional).max_by_key(|step| step.due_at).cloned();
        if let Some(step) = last {
            let position = self.add(circuit, (&step.id, None), now, step.tell.clone(), true);
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

    /// Asks whoever has been in charge for long whether it still is, and lets go of those who did not answer that: returns
    /// them. [`Escalation::settle_due`] does this too, and tells nobody.
    pub fn lapse(&mut self, now: Timestamp) -> Vec<Acknowledgement> {
        self.ask_for_confirmation(now);
        // Nobody is called again to what is over.
        if self.closed {
            return Vec::new();
        }
        let late = |known: &&Acknowledgement| known.lapses_at.is_some_and(|lapses| lapses <= now);
        let lapsed: Vec<Acknowledgement> = self.acknowledgements.iter().filter(late).cloned().collect();
        for taken in &lapsed {
            self.withdraw(&taken.body, now);
        }
        lapsed
    }

    /// Whoever is in charge is asked by the plan as it is now, or not at all; a question that was asked stands.
    pub(super) fn plan_confirmations(&mut self) {
        let after = self.stale().map(|(_, stale)| seconds(stale.after_s));
        for taken in self.acknowledgements.iter_mut().filter(|taken| taken.lapses_at.is_none()) {
            taken.confirm_at = after.map(|after| taken.at + after);
        }
    }

    /// The circuit that first asks whether whoever took charge still is, and when.
    fn stale(&self) -> Option<(usize, Staleness)> {
        let circuits = self.plan.circuits.iter().enumerate();
        circuits.filter_map(|(at, circuit)| Some((at, circuit.stale?))).min_by_key(|(_, stale)| stale.after_s)
    }

    pub(super) fn ask_for_confirmation(&mut self, now: Timestamp) {
        if self.closed {
            return;
        }
        let Some((circuit, stale)) = self.stale() else { return self.plan_confirmations() };
        for index in 0..self.acknowledgements.len() {
            let asked = &mut self.acknowledgements[index];
            if let Some(due) = asked.confirm_at.filter(|due| asked.lapses_at.is_none() && *due <= now) {
                asked.lapses_at = Some(due.max(now) + seconds(stale.then_s));
                let target = named(asked.body.clone(), asked.role.clone());
                self.add(circuit, CONFIRM, due, vec![target], false);
            }
        }
    }
}
