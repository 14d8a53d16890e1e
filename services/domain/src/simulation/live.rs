//! An incident in hand, and what is awaited of whom.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vigie_proto::{
    BodyId, RoleId,
    event::Purpose,
    plan::{Expects, PlannedStep},
};

use super::chance::Chance;
use crate::{audience::Telling, doctrine::KindRule, escalation::Escalation, incident::Incident};

/// An incident and its answers.
#[derive(Debug)]
pub(super) struct Live<'a> {
    pub(super) incident: Incident,
    pub(super) rule: &'a KindRule,
    pub(super) chance: Chance,
    /// Answers that will come, by number.
    pub(super) awaited: Vec<Awaited>,
    /// How often each body was asked.
    asked: BTreeMap<BodyId, u64>,
    /// When its steps are next looked at.
    pub(super) looked_at: Option<Timestamp>,
    /// What is owed whose clock was started, by number.
    pub(super) clocks: Vec<bool>,
    /// When somebody last took charge.
    pub(super) taken_at: Option<Timestamp>,
    /// It would be closed, but for something owed.
    pub(super) held_open: bool,
    /// Plan number whose last step has been told without an answer.
    exhausted: u32,
}

/// An answer that will come.
#[derive(Debug, Clone)]
pub(super) struct Awaited {
    pub(super) body: BodyId,
    pub(super) role: RoleId,
    pub(super) refuses: bool,
    /// It says that it still is in charge.
    pub(super) confirms: bool,
}

impl<'a> Live<'a> {
    pub(super) fn new(incident: Incident, rule: &'a KindRule, chance: Chance) -> Self {
        Self {
            incident,
            rule,
            chance,
            awaited: Vec::new(),
            asked: BTreeMap::new(),
            looked_at: None,
            clocks: Vec::new(),
            taken_at: None,
            held_open: false,
            exhausted: 0,
        }
    }

    /// The chance of the answer of `body`, asked once more.
    pub(super) fn asks(&mut self, body: &BodyId) -> Chance {
        let turn = self.asked.entry(body.clone()).or_default();
        *turn += 1;
        self.chance.of(body.as_str().as_bytes()).turn(*turn)
    }

    /// Whether it has just come to the end of a plan that asks somebody, with nobody in charge; true once in a plan.
    pub(super) fn is_newly_exhausted(&mut self, plan: &Escalation) -> bool {
        let generation = plan.generation;
        if self.exhausted >= generation || !plan.acknowledgements.is_empty() {
            return false;
        }
        let mut any = false;
        for (c, circuit) in plan.plan.circuits.iter().enumerate() {
            for (s, _) in circuit.steps.iter().enumerate().filter(|(_, step)| asks(step)) {
                any = true;
                if !plan.settled.contains(&(c, s)) {
                    return false;
                }
            }
        }
        if any {
            self.exhausted = generation;
        }
        any
    }
}

/// Whether a step of the plan wants an answer.
fn asks(step: &PlannedStep) -> bool {
    step.expects == Expects::Acknowledgement && step.waits_for.is_none()
}

/// Whether a telling wants an answer.
pub(super) fn wants_answer(telling: &Telling) -> bool {
    match telling.purpose {
        Purpose::Acknowledge | Purpose::Confirm | Purpose::TakeOver => true,
        Purpose::Inform | Purpose::Undeliverable | Purpose::Return | Purpose::Mobilise => false,
    }
}
