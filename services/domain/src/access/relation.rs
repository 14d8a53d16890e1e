//! How a body stands to an incident. What it may see and do follows from that, its role and the incident's class.

use std::collections::BTreeSet;

use vigie_proto::{BodyId, RoleId, SectorId, event::IncidentSnapshot, sensitivity::Sensitivity};

use super::Caller;
use crate::{
    directory::{Ambit, Body, Directory, Permission, Role, Sight},
    doctrine::{Class, Doctrine, Medium, Reading},
};

/// One way in which a body has to do with an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// A signal of its own is in it.
    Reporter,
    /// A message without a question about it went to the body.
    Informed,
    /// A question about it went to the body under the present plan, or a person called it.
    Asked,
    /// It concerns the body's sector, or its class is the body's affair.
    Concerned,
    /// The body conducts the incidents of the whole city.
    Operator,
}

impl Relation {
    pub const ALL: [Self; 5] = [Self::Reporter, Self::Informed, Self::Asked, Self::Concerned, Self::Operator];
}

/// A body in one of its functions, as far as deciding needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    pub body: &'a BodyId,
    pub role_id: &'a RoleId,
    pub role: &'a Role,
    pub ambit: &'a Ambit,
}

/// What the stores know of a body and an incident.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ties {
    /// A signal of the source, or of the body, is in it.
    pub reported: bool,
    /// An alert about it went to the body.
    pub told: bool,
    /// It is asked under the present plan: the state machine's own word.
    pub asked: bool,
}

/// A party before an incident of known class: what may be decided.
#[derive(Debug, Clone)]
pub struct Position<'a> {
    pub(super) party: Party<'a>,
    pub(super) relations: BTreeSet<Relation>,
    /// It goes there or sends somebody.
    pub(super) intervenes: bool,
    /// It answers for the place: its own sector owns the incident, or the class is its affair, or it operates.
    pub(super) answers_for_it: bool,
    /// Nobody who operates may know of this class: whoever answers for it decides what otherwise operators decide.
    pub(super) without_operator: bool,
}

impl<'a> Party<'a> {
    /// The party a source acts as.
    pub fn of_caller(caller: Caller<'a>) -> Self {
        let source = caller.source;
        Self { body: &source.body, role_id: &source.role, role: caller.role, ambit: &source.ambit }
    }

    /// The party a body is in its own role; none when its role is unknown.
    pub fn of_body(body: &'a Body, directory: &'a Directory) -> Option<Self> {
        let role = directory.role(&body.role)?;
        Some(Self { body: &body.id, role_id: &body.role, role, ambit: &body.ambit })
    }

    /// The party that acted as `body` in `role`: the body's own role, or that of a source of it. None when the directory
    /// knows neither.
    pub fn of_actor(body: &BodyId, role: &RoleId, directory: &'a Directory) -> Option<Self> {
        let own = directory.body(body).filter(|body| body.role == *role);
        own.and_then(|body| Self::of_body(body, directory)).or_else(|| {
            let source = directory.sources().find(|source| source.body == *body && source.role == *role)?;
            Some(Self::of_caller(Caller::of(source, directory)?))
        })
    }

    /// Conducts the incidents of the whole city.
    pub fn operates(&self) -> bool {
        self.role.operates()
    }

    fn sector(&self) -> Option<&SectorId> {
        match self.ambit {
            Ambit::Sector(sector) => Some(sector),
            Ambit::City | Ambit::School(_) => None,
        }
    }

    /// May its role know of incidents of this class at all?
    pub fn may_know(&self, class: Option<&Class>) -> bool {
        class.is_none_or(|class| class.admits(self.role_id))
    }
}

impl<'a> Position<'a> {
    /// How `party` stands to `incident`, by the doctrine's class of its kind and what the stores know.
    ///
    /// None when the class withholds the incident from the party's role: then it does not exist for it, whatever else
    /// ties the two.
    pub fn of(
        party: Party<'a>,
        incident: &IncidentSnapshot,
        ties: Ties,
        doctrine: &Doctrine,
        directory: &Directory,
    ) -> Option<Self> {
        let class = doctrine.class_of(&incident.kind);
        if !party.may_know(class) {
            return None;
        }
        let named = class.is_some_and(|class| class.roles.contains(party.role_id));
        let own_sector = party.sector().is_some_and(|own| *own == incident.sector);
        let in_its_sector = own_sector || party.sector().is_some_and(|own| incident.also_concerns.contains(own));
        // A class that names a role of the whole city makes its incidents that role's affair.
        let its_affair = named && *party.ambit == Ambit::City && party.role.sees != Sight::Nothing;
        let concerned = match party.role.sees {
            Sight::Everything => true,
            Sight::Sector => in_its_sector || its_affair,
            Sight::OwnSignals => its_affair,
            Sight::Nothing => false,
        };
        let operates = party.operates();
        let ways = [
            (Relation::Reporter, ties.reported),
            (Relation::Informed, ties.told),
            (Relation::Asked, ties.asked),
            (Relation::Concerned, concerned),
            (Relation::Operator, operates),
        ];
        let relations = ways.into_iter().filter(|(_, holds)| *holds).map(|(relation, _)| relation).collect();
        let without_operator =
            class.is_some_and(|class| !directory.role_rules().any(|(id, role)| role.operates() && class.admits(id)));
        let answers_for_it = operates || own_sector || its_affair;
        let intervenes = directory.intervenes(party.role_id);
        Some(Self { party, relations, intervenes, answers_for_it, without_operator })
    }

    pub fn relations(&self) -> &BTreeSet<Relation> {
        &self.relations
    }

    pub(super) fn is(&self, relation: Relation) -> bool {
        self.relations.contains(&relation)
    }

    /// How far it sees into the incident; none when it does not know that it exists.
    ///
    /// Whoever only reported knows the fate of its own signal, by the signal's own door, and nothing of the incident.
    pub fn clearance(&self) -> Option<Sensitivity> {
        let follows = self.is(Relation::Concerned) || self.is(Relation::Operator);
        if follows && self.weighs_words() {
            return Some(Sensitivity::Personal);
        }
        if follows {
            return Some(Sensitivity::Restricted);
        }
        if self.is(Relation::Asked) {
            return Some(Sensitivity::Operational);
        }
        self.is(Relation::Informed).then_some(Sensitivity::Public)
    }

    /// The incident as it reads it on `medium`: as far as it sees into it, and what the doctrine gives its role to know. None
    /// when it does not know that it exists.
    pub fn view(&self, incident: &IncidentSnapshot, doctrine: &Doctrine, medium: Medium) -> Option<IncidentSnapshot> {
        let clearance = self.clearance()?;
        Some(self.reading(incident, doctrine, medium).of(incident, clearance))
    }

    /// What the doctrine gives its role to know of `incident` on `medium`.
    fn reading(&self, incident: &IncidentSnapshot, doctrine: &Doctrine, medium: Medium) -> Reading {
        doctrine.reading(&incident.kind, self.party.role_id, self.intervenes, medium)
    }

    /// Whether it weighs what people wrote: whoever may change the severity, of the whole city or where it answers for the
    /// place. Reading it elsewhere is not needed to act.
    fn weighs_words(&self) -> bool {
        self.party.role.may.contains(&Permission::ChangeSeverity)
            && (self.answers_for_it || self.party.role.sees == Sight::Everything)
    }
}
