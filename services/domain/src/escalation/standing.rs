//! Where the circuits of a plan stand: whom each has asked, who counts, who is awaited.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vigie_proto::{
    BodyId, RoleId,
    plan::{Expects, PlannedCircuit, SatisfiedBy},
};

use super::{Acknowledgement, Escalation};

/// Where the circuits that ask somebody stand, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Plan number within the incident.
    pub generation: u32,
    /// Incident version the plan was taken at.
    pub version: u32,
    pub circuits: Vec<CircuitStanding>,
    /// Bodies that said they will not.
    #[serde(default)]
    pub refused: BTreeSet<BodyId>,
}

/// What somebody's taking charge does to what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A circuit is satisfied by it.
    Stops,
    /// It counts, beside others that are still awaited.
    Awaits,
    /// No circuit counts it: every step stays due.
    Nothing,
}

/// One circuit that asks somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitStanding {
    pub id: String,
    /// Bodies asked so far under this plan.
    pub asked: BTreeSet<BodyId>,
    /// Bodies that count for it, in the order in which they took charge.
    pub have: Vec<BodyId>,
    /// How many it takes.
    pub need: u32,
    /// Roles that can still make up what is missing; empty when any body asked that intervenes can, or none is missing.
    pub awaited: Vec<RoleId>,
    pub satisfied: bool,
    /// Steps that taking charge would stop are still to come.
    pub climbing: bool,
    /// Whose taking charge it accepts.
    pub rule: SatisfiedBy,
}

impl Standing {
    /// The circuits that asked `body` and accept `role`: those its taking charge counts for.
    pub fn counts_for(&self, body: &BodyId, role: &RoleId, intervenes: bool) -> Vec<String> {
        let counts = |circuit: &&CircuitStanding| circuit.asked.contains(body) && fits(&circuit.rule, role, intervenes);
        self.circuits.iter().filter(counts).map(|circuit| circuit.id.clone()).collect()
    }

    /// What `body` does to what is due when it takes charge: told of the plan, so that it is known before the plan has heard.
    pub fn effect_of(&self, body: &BodyId, role: &RoleId, intervenes: bool) -> Effect {
        let counted = self.counts_for(body, role, intervenes);
        let mut counted = self.circuits.iter().filter(|circuit| counted.contains(&circuit.id)).peekable();
        if counted.peek().is_none() {
            return Effect::Nothing;
        }
        if counted.any(|circuit| circuit.satisfied || circuit.need <= 1) { Effect::Stops } else { Effect::Awaits }
    }

    /// Whether any circuit asked `body`.
    pub fn asked(&self, body: &BodyId) -> bool {
        self.circuits.iter().any(|circuit| circuit.asked.contains(body))
    }

    /// Whether everybody whose answer was asked for has given it.
    pub fn is_answered(&self) -> bool {
        self.circuits.iter().all(|circuit| circuit.satisfied || circuit.asked.is_empty())
            && (self.circuits.is_empty() || self.circuits.iter().any(|circuit| circuit.satisfied))
    }

    /// Whether `body` may end the climbing otherwise than by taking charge: it would silence no circuit that others answer
    /// to, and nothing `grave` that not everybody asked has answered.
    pub fn may_be_ended_by(&self, body: &BodyId, grave: bool) -> bool {
        let others_climb = self.circuits.iter().any(|circuit| circuit.climbing && !circuit.asked.contains(body));
        !others_climb && (!grave || self.is_answered())
    }

    /// Whether anybody in charge counts for a circuit.
    pub fn anybody_counts(&self) -> bool {
        self.circuits.iter().any(|circuit| !circuit.have.is_empty())
    }

    /// Whether anybody but `body` counts for a circuit.
    pub fn counts_without(&self, body: &BodyId) -> bool {
        self.circuits.iter().flat_map(|circuit| &circuit.have).any(|counting| counting != body)
    }
}

/// A circuit in which some have taken charge and not yet enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    pub circuit: String,
    pub have: u32,
    pub need: u32,
    /// Roles that can make up what is missing; empty when any body asked that intervenes can.
    pub awaited: Vec<RoleId>,
}

impl Standing {
    /// Circuits in which some have taken charge and not yet enough.
    pub fn partial(&self) -> Vec<Partial> {
        let begun = self.circuits.iter().filter(|circuit| !circuit.satisfied && !circuit.have.is_empty());
        let partial = |circuit: &CircuitStanding| Partial {
            circuit: circuit.id.clone(),
            have: u32::try_from(circuit.have.len()).unwrap_or(u32::MAX).min(circuit.need.saturating_sub(1)),
            need: circuit.need,
            awaited: circuit.awaited.clone(),
        };
        begun.map(partial).collect()
    }
}

/// Whether taking charge in `role` can satisfy a circuit of this rule. A rule that names roles says itself who counts;
/// one that names none means those that intervene.
pub(super) fn fits(accepted: &SatisfiedBy, role: &RoleId, intervenes: bool) -> bool {
    match accepted {
        SatisfiedBy::Anyone | SatisfiedBy::EachAsked => intervenes,
        SatisfiedBy::AnyOf(roles) | SatisfiedBy::AllOf(roles) => roles.contains(role),
        SatisfiedBy::AtLeast { of, .. } if of.is_empty() => intervenes,
        SatisfiedBy::AtLeast { of, .. } => of.contains(role),
    }
}

impl Escalation {
    /// Where its circuits stand now; those that ask nobody are left out.
    pub fn standing(&self) -> Standing {
        let circuits = (0..self.plan.circuits.len()).filter(|circuit| self.asks(*circuit));
        Standing {
            generation: self.generation,
            version: self.version,
            circuits: circuits.map(|circuit| self.circuit_standing(circuit)).collect(),
            refused: self.refused.clone(),
        }
    }

    fn asks(&self, circuit: usize) -> bool {
        let asks = self.plan.circuits[circuit].steps.iter().any(|step| step.expects == Expects::Acknowledgement);
        asks || self.asked.contains_key(&circuit)
    }

    fn circuit_standing(&self, circuit: usize) -> CircuitStanding {
        let PlannedCircuit { id, satisfied_by, .. } = &self.plan.circuits[circuit];
        let taken: Vec<&Acknowledgement> = self.counting(circuit).collect();
        let missing = |roles: &[RoleId]| {
            let given = |role: &&RoleId| !taken.iter().any(|taken| taken.role == **role);
            roles.iter().filter(given).cloned().collect::<Vec<_>>()
        };
        let asked = self.asked.get(&circuit).cloned().unwrap_or_default();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let satisfied = self.is_satisfied(circuit);
        let (need, awaited) = match satisfied_by {
            SatisfiedBy::Anyone => (1, Vec::new()),
            SatisfiedBy::AnyOf(roles) => (1, roles.clone()),
            SatisfiedBy::AllOf(roles) => (count(roles.len()), missing(roles)),
            SatisfiedBy::EachAsked => (count(asked.len()), Vec::new()),
            SatisfiedBy::AtLeast { count, of } => (*count, missing(of)),
        };
        let climbing = self.open_steps().any(|((of, _), step)| of == circuit && step.unless_acknowledged);
        CircuitStanding {
            id: id.clone(),
            asked,
            have: taken.iter().map(|taken| taken.body.clone()).collect(),
            need,
            awaited: if satisfied { Vec::new() } else { awaited },
            satisfied,
            climbing: climbing && !satisfied,
            rule: satisfied_by.clone(),
        }
    }

    /// Who has taken charge and counts for a circuit.
    pub(super) fn counting(&self, circuit: usize) -> impl Iterator<Item = &Acknowledgement> {
        let PlannedCircuit { id, satisfied_by, .. } = &self.plan.circuits[circuit];
        self.acknowledgements.iter().filter(move |taken| match &taken.counts_for {
            Some(circuits) => circuits.contains(id),
            // Taken before circuits were told apart: what stopped then stays stopped.
            None => fits(satisfied_by, &taken.role, true),
        })
    }

    pub(super) fn is_satisfied(&self, circuit: usize) -> bool {
        let by = |role: &RoleId| self.counting(circuit).any(|taken| taken.role == *role);
        match &self.plan.circuits[circuit].satisfied_by {
            SatisfiedBy::Anyone => self.counting(circuit).next().is_some(),
            SatisfiedBy::AnyOf(roles) => roles.iter().any(by),
            SatisfiedBy::AllOf(roles) => roles.iter().all(by),
            SatisfiedBy::EachAsked => {
                let taken: BTreeSet<&BodyId> = self.counting(circuit).map(|taken| &taken.body).collect();
                let asked = self.asked.get(&circuit);
                asked.is_some_and(|asked| !asked.is_empty() && asked.iter().all(|body| taken.contains(body)))
            }
            SatisfiedBy::AtLeast { count, .. } => {
                u32::try_from(self.counting(circuit).count()).unwrap_or(u32::MAX) >= *count
            }
        }
    }
}

#[cfg(test)]
mod tests;
