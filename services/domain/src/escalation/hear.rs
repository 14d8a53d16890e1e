//! What the facts of the journal do to a plan: in one place, for whoever runs it, retries for it, explains it or plays it
//! again.

use vigie_proto::{
    BodyId, RoleId,
    envelope::Fact,
    event::{Event, IncidentOpenedV1, Novelty, Purpose, Replanning, StepSettledV1, TakenBack},
    plan::NewsTrigger,
};

use super::{Escalation, Settlement, TakingCharge, news::Heard};
use crate::directory::Directory;

/// Who is who, for facts of former releases, which do not say it themselves.
pub trait Cast {
    fn role_of(&self, body: &BodyId) -> Option<RoleId>;
    /// Whether the role goes there or sends somebody.
    fn intervenes(&self, role: &RoleId) -> bool;
}

impl Cast for Directory {
    fn role_of(&self, body: &BodyId) -> Option<RoleId> {
        self.body(body).map(|body| body.role.clone())
    }

    fn intervenes(&self, role: &RoleId) -> bool {
        self.intervenes(role)
    }
}

/// Nobody is known: for stories whose facts say everything.
impl Cast for () {
    fn role_of(&self, _: &BodyId) -> Option<RoleId> {
        None
    }

    fn intervenes(&self, _: &RoleId) -> bool {
        false
    }
}

impl Escalation {
    /// The plan of an incident that opens.
    pub fn begun(opened: &IncidentOpenedV1) -> Self {
        Self::start(opened.plan.clone(), opened.incident.version)
    }

    /// Hears `fact` at the time at which it was recorded, and returns what it settles.
    ///
    /// Hearing what this machine itself settled gives the state it had then: whoever runs the plan never does, whoever
    /// plays its story again always. Of `cast` only what facts of former releases do not say themselves is asked.
    pub fn hear(&mut self, fact: &Fact, cast: &impl Cast) -> Vec<Settlement> {
        let at = fact.at;
        match &fact.event {
            Event::IncidentAggravated(e) => {
                let settled = self.aggravate(e.plan.clone(), e.incident.version);
                self.note_news(&Heard::of(&e.news), at);
                return settled;
            }
            Event::IncidentEased(e) => return self.ease(e.plan.clone(), at),
            Event::IncidentReplanned(e) => {
                // A regime may end circuits; a sector brought in or a time announced only adds.
                let only_more = !matches!(e.because, Replanning::Regime { .. });
                let settled = self.replan(e.plan.clone(), only_more);
                self.note_news(&Heard::of(&e.news), at);
                return settled;
            }
            Event::IncidentAcknowledged(e) => {
                let taking = TakingCharge {
                    body: e.by.body.clone(),
                    role: &e.by.role,
                    intervenes: e.intervenes.unwrap_or_else(|| cast.intervenes(&e.by.role)),
                    seen_version: e.seen_version,
                    counts_for: e.counts_for.as_deref(),
                };
                let settled = self.acknowledge(taking, at);
                let what = Novelty::TakenCharge { by: e.by.body.clone() };
                self.note_news(&Heard::done(NewsTrigger::TakenCharge, what, &e.by.body), at);
                return settled;
            }
            Event::IncidentReinforced(e) => self.note_news(&Heard::of(&e.news), at),
            Event::IncidentRefused(e) => {
                self.refuse(&e.by.body, at);
                let what = Novelty::Refused { by: e.by.body.clone() };
                self.note_news(&Heard::done(NewsTrigger::Refused, what, &e.by.body), at);
            }
            Event::IncidentHandedOver(e) => {
                let role = e.to_role.clone().or_else(|| cast.role_of(&e.to)).unwrap_or_else(|| e.by.role.clone());
                self.hand_over(&e.by.body, e.to.clone(), role, at);
            }
            Event::IncidentCalled(e) => {
                if let Some(role) = e.to_role.clone().or_else(|| cast.role_of(&e.to)) {
                    self.call(&e.by.body, e.to.clone(), role, at);
                }
            }
            Event::ReturnGiven(e) => return self.give_back(&e.owed),
            Event::IncidentClosed(e) => {
                let settled = self.close(at);
                let what = Novelty::Over { reason: e.reason };
                self.note_news(&Heard::done(NewsTrigger::Over, what, &e.by.body), at);
                return settled;
            }
            Event::IncidentReopened(e) => {
                let settled = self.reopen(at);
                self.note_news(&Heard::done(NewsTrigger::Over, Novelty::Reopened, &e.by.body), at);
                return settled;
            }
            Event::IncidentTakenBack(e) => {
                self.take_back(&e.by.body, at);
                if e.what == TakenBack::Charge {
                    let what = Novelty::LetGo { by: e.by.body.clone() };
                    self.note_news(&Heard::done(NewsTrigger::TakenCharge, what, &e.by.body), at);
                }
            }
            Event::StepSettled(e) => self.recall(e),
            Event::ChargeLapsed(e) if e.generation == self.generation => {
                self.ask_for_confirmation(e.at);
                self.withdraw(&e.body, e.at);
            }
            // Facts of steps older than their list of bodies: only the alerts say who was asked.
            Event::AlertIssued(e) if e.purpose == Purpose::Acknowledge && e.generation == self.generation => {
                for step in &e.steps {
                    self.asked(step, [e.body.clone()]);
                }
            }
            Event::IncidentOpened(_)
            | Event::ChargeLapsed(_)
            | Event::AlertIssued(_)
            | Event::SignalRaised(_)
            | Event::IncidentSeen(_)
            | Event::IncidentNoted(_)
            | Event::IncidentSeparated(_)
            | Event::ActRecorded(_)
            | Event::ActRejected(_)
            | Event::DeliverySent(_)
            | Event::DeliveryDelivered(_)
            | Event::DeliveryFailed(_)
            | Event::DeliveryDeadLettered(_)
            | Event::IndicatorCounted(_)
            | Event::WordsRead(_)
            | Event::ConfigurationProposed(_)
            | Event::ConfigurationDecided(_)
            | Event::DoctrineActivated(_)
            | Event::DirectoryChanged(_)
            | Event::DutyHandedOver(_)
            | Event::ProbeIssued(_)
            | Event::ProbeSettled(_)
            | Event::ProbeAnswered(_)
            | Event::SecurityNoted(_)
            | Event::CrisisOpened(_)
            | Event::CrisisRegimeChanged(_)
            | Event::CrisisIncidentLinked(_)
            | Event::CrisisRolesSet(_)
            | Event::CrisisMobilisationMoved(_)
            | Event::CrisisCareMoved(_)
            | Event::CrisisReportMoved(_)
            | Event::CrisisRelayMoved(_)
            | Event::CrisisClosed(_)
            | Event::CrisisRetexMoved(_)
            | Event::CrisisExerciseMoved(_) => {}
        }
        Vec::new()
    }

    /// What became of a step then is what the fact says, whatever would be decided today.
    fn recall(&mut self, settled: &StepSettledV1) {
        if self.recall_news(settled) || settled.generation != self.generation {
            return;
        }
        if self.position_of(&settled.step).is_none() {
            // Only a question whether somebody still is in charge comes from no fact before it.
            self.ask_for_confirmation(settled.settled_at);
        }
        let Some(position) = self.position_of(&settled.step) else { return };
        self.mark(position, &settled.outcome);
        self.asked(&settled.step, settled.asked.iter().flatten().cloned());
        self.asked_in_charge(&settled.step, &settled.in_charge);
    }

    /// Where the step `circuit/step` stands in the plan.
    fn position_of(&self, step: &str) -> Option<super::Position> {
        let (circuit, step) = step.split_once('/')?;
        let circuit = self.plan.circuits.iter().position(|known| known.id == circuit)?;
        let step = self.plan.circuits[circuit].steps.iter().position(|known| known.id == step)?;
        Some((circuit, step))
    }
}
