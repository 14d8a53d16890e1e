//! Two runs of one stream side by side: who is told more, less, earlier, later.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vigie_domain::city::City;
use vigie_proto::BodyId;

use super::{
    figures::{Figures, Quantiles, size},
    tally::{StepCount, Tally},
};

/// Tellings nearer in time than this are at the same time, seconds: doctrines count in minutes.
const SAME_TIME_S: i64 = 60;

/// What `this` run does otherwise than the `other`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Differences {
    /// What it is compared with, in French.
    pub(crate) with: String,
    pub(crate) same: bool,
    pub(crate) incidents: Both<u64>,
    pub(crate) messages: Both<u64>,
    pub(crate) taken: Both<u64>,
    pub(crate) exhausted: Both<u64>,
    pub(crate) taking_charge: Both<Quantiles>,
    pub(crate) manned_told: Both<Quantiles>,
    /// Steps that tell more, less, or others.
    pub(crate) steps: Vec<StepDifference>,
    /// Bodies told otherwise, the most changed first.
    pub(crate) bodies: Vec<BodyDifference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Both<T> {
    pub(crate) this: T,
    pub(crate) other: T,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StepDifference {
    /// `circuit/step`.
    pub(crate) step: String,
    pub(crate) tellings: Both<u64>,
    /// Different bodies told.
    pub(crate) bodies: Both<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BodyDifference {
    pub(crate) body: BodyId,
    pub(crate) name: String,
    pub(crate) messages: Both<u64>,
    /// Incidents of which only this run tells it.
    pub(crate) only_this: u64,
    pub(crate) only_other: u64,
    /// Incidents of which this run tells it a minute earlier or more.
    pub(crate) earlier: u64,
    pub(crate) later: u64,
    /// Of those it is told of at another time: later when positive.
    pub(crate) median_shift_s: Option<i64>,
}

impl Differences {
    pub(crate) fn between(
        with: String,
        city: &City,
        (this, this_figures): (&Tally, &Figures),
        (other, other_figures): (&Tally, &Figures),
    ) -> Self {
        let (a, b) = (this_figures, other_figures);
        let steps = steps(this, other);
        let bodies = bodies(this, other, city);
        let incidents = Both { this: a.incidents, other: b.incidents };
        Self {
            with,
            same: steps.is_empty() && bodies.is_empty() && incidents.this == incidents.other,
            incidents,
            messages: Both { this: a.messages, other: b.messages },
            taken: Both { this: a.escalations.taken, other: b.escalations.taken },
            exhausted: Both { this: a.escalations.exhausted, other: b.escalations.exhausted },
            taking_charge: Both { this: a.escalations.taking_charge, other: b.escalations.taking_charge },
            manned_told: Both { this: a.escalations.manned_told, other: b.escalations.manned_told },
            steps,
            bodies,
        }
    }
}

fn steps(this: &Tally, other: &Tally) -> Vec<StepDifference> {
    let names: BTreeSet<&String> = this.steps.keys().chain(other.steps.keys()).collect();
    let nothing = StepCount::default();
    names
        .into_iter()
        .map(|step| (step, this.steps.get(step).unwrap_or(&nothing), other.steps.get(step).unwrap_or(&nothing)))
        .filter(|(_, here, there)| here.tellings != there.tellings || here.bodies != there.bodies)
        .map(|(step, here, there)| StepDifference {
            step: step.clone(),
            tellings: Both { this: here.tellings, other: there.tellings },
            bodies: Both { this: size(here.bodies.len()), other: size(there.bodies.len()) },
        })
        .collect()
}

fn bodies(this: &Tally, other: &Tally, city: &City) -> Vec<BodyDifference> {
    let mut found: BTreeMap<&BodyId, (BodyDifference, Vec<i64>)> = BTreeMap::new();
    let messages = |tally: &Tally, body: &BodyId| tally.bodies.get(body).map_or(0, |load| load.messages);
    for body in this.bodies.keys().chain(other.bodies.keys()) {
        found.entry(body).or_insert_with(|| {
            let name = city.directory.body(body).map_or_else(|| body.to_string(), |body| body.name.clone());
            let messages = Both { this: messages(this, body), other: messages(other, body) };
            (BodyDifference::none_yet(body.clone(), name, messages), Vec::new())
        });
    }
    for ((signal, body), pair) in &this.pairs {
        let Some((difference, shifts)) = found.get_mut(body) else { continue };
        let Some(there) = other.pairs.get(&(*signal, body.clone())) else {
            difference.only_this += 1;
            continue;
        };
        let shift = pair.first_told.duration_since(there.first_told).as_secs();
        if shift.abs() >= SAME_TIME_S {
            difference.earlier += u64::from(shift < 0);
            difference.later += u64::from(shift > 0);
            shifts.push(shift);
        }
    }
    for (_, body) in other.pairs.keys().filter(|key| !this.pairs.contains_key(key)) {
        if let Some((difference, _)) = found.get_mut(body) {
            difference.only_other += 1;
        }
    }
    let mut differences: Vec<BodyDifference> = found
        .into_values()
        .map(|(difference, mut shifts)| {
            shifts.sort_unstable();
            BodyDifference { median_shift_s: shifts.get(shifts.len() / 2).copied(), ..difference }
        })
        .filter(BodyDifference::is_any)
        .collect();
    differences.sort_by_key(|d| (std::cmp::Reverse(d.weight()), d.body.clone()));
    differences
}

impl BodyDifference {
    fn none_yet(body: BodyId, name: String, messages: Both<u64>) -> Self {
        Self { body, name, messages, only_this: 0, only_other: 0, earlier: 0, later: 0, median_shift_s: None }
    }

    fn is_any(&self) -> bool {
        self.messages.this != self.messages.other || self.weight() > 0
    }

    fn weight(&self) -> u64 {
        let moved = self.only_this + self.only_other + self.earlier + self.later;
        self.messages.this.abs_diff(self.messages.other) + moved
    }
}

impl Differences {
    /// Bodies told more than by the other run, and bodies told less.
    pub(crate) fn more_and_less(&self) -> (u64, u64) {
        let count = |of: &dyn Fn(&BodyDifference) -> bool| size(self.bodies.iter().filter(|d| of(d)).count());
        (count(&|d| d.messages.this > d.messages.other), count(&|d| d.messages.this < d.messages.other))
    }
}
