//! What a plan still has to do, for those who watch it.

use jiff::Timestamp;
use vigie_proto::{
    Channel, RoleId,
    plan::{Expects, PlannedStep},
};

use super::{Escalation, Position};

/// Something a plan still has to do, unless it is stopped before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// None while it waits for something to happen.
    pub due_at: Option<Timestamp>,
    /// `circuit/step`; none when it asks whoever took charge whether they still are.
    pub step: Option<String>,
    /// Roles it will tell, without repetition. Outside their hours others may be told instead.
    pub roles: Vec<RoleId>,
    pub channels: Vec<Channel>,
    /// Somebody taking charge stops it.
    pub unless_acknowledged: bool,
    /// It asks to take charge, and does not only inform.
    pub asks: bool,
}

impl Escalation {
    /// What is still to come, by due time; what waits for something comes last.
    pub fn ahead(&self) -> Vec<Ahead> {
        let steps = self.open_steps().map(|(position, step)| self.step_ahead(position, step));
        let confirmations = self.acknowledgements.iter().filter(|_| !self.closed).filter_map(|taken| {
            Some(Ahead {
                due_at: Some(taken.lapses_at.or(taken.confirm_at)?),
                step: None,
                roles: vec![taken.role.clone()],
                channels: Vec::new(),
                unless_acknowledged: false,
                asks: true,
            })
        });
        let mut ahead: Vec<Ahead> = steps.chain(confirmations).collect();
        ahead.sort_by_key(|coming| (coming.due_at.is_none(), coming.due_at));
        ahead
    }

    fn step_ahead(&self, position: Position, step: &PlannedStep) -> Ahead {
        let mut roles: Vec<RoleId> = Vec::new();
        for target in &step.tell {
            if !roles.contains(&target.role) {
                roles.push(target.role.clone());
            }
        }
        Ahead {
            due_at: self.due_at(position, step),
            step: Some(format!("{}/{}", self.plan.circuits[position.0].id, step.id)),
            roles,
            channels: step.channels.clone(),
            unless_acknowledged: step.unless_acknowledged,
            asks: step.expects == Expects::Acknowledgement,
        }
    }
}
