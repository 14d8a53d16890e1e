//! One request for a resource: requested, accepted, under way, on site, released; each wait has an end.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_proto::{
    BodyId, IncidentId, MobilisationId, RoleId, SectorId,
    crisis::{CrisisMobilisationMovedV1, CrisisSnapshot, Mobilised},
    event::{Actor, IncidentSnapshot, RefusalReason, ResourceRequest},
};

use super::{Crisis, Effect, Moment, Notice, Refused, ResourceRule, Tell, allowed, sectors_of};

/// One request, with the rules as they were when it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mobilisation {
    pub id: MobilisationId,
    pub rule: ResourceRule,
    pub incident: IncidentId,
    pub sectors: Vec<SectorId>,
    pub requested_by: BodyId,
    /// Who accepted, when it was the provider itself that said so.
    pub provider: Option<BodyId>,
    pub stage: Stage,
    /// Of the last change.
    pub since: Timestamp,
    /// Who can take part of it may do from now on is told by these roles.
    conducted_by: Vec<RoleId>,
    unanswered: Notice,
    /// Notices given so far.
    told: u32,
    /// Roles of the choice asked now that have refused: the next is asked when all of them have.
    #[serde(default)]
    refused: BTreeSet<RoleId>,
}

/// Where a mobilisation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Stage {
    /// Waits for whom it goes through; no due time once they were told again.
    Passing {
        due_at: Option<Timestamp>,
    },
    /// A choice of providers, from 0, answers before `due_at`.
    Asked {
        choice: usize,
        due_at: Timestamp,
    },
    /// Every choice was asked in vain: somebody decides.
    Unanswered,
    /// No due time once its lateness was said.
    Accepted {
        due_at: Option<Timestamp>,
    },
    UnderWay {
        due_at: Option<Timestamp>,
    },
    OnSite,
    Released,
}

impl Stage {
    /// Stable code, as in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Passing { .. } => "passing",
            Self::Asked { .. } => "asked",
            Self::Unanswered => "unanswered",
            Self::Accepted { .. } => "accepted",
            Self::UnderWay { .. } => "under-way",
            Self::OnSite => "on-site",
            Self::Released => "released",
        }
    }

    /// French label shown to people.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Passing { .. } => "À transmettre",
            Self::Asked { .. } => "Demandé",
            Self::Unanswered => "Sans réponse",
            Self::Accepted { .. } => "Accepté",
            Self::UnderWay { .. } => "En route",
            Self::OnSite => "Sur place",
            Self::Released => "Libéré",
        }
    }
}

/// What somebody does to a mobilisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do", deny_unknown_fields)]
pub enum Move {
    /// Asks the first choice, by whom the request goes through.
    PassOn,
    Accept,
    /// The next choice is asked at once.
    Refuse {
        reason: RefusalReason,
    },
    Leave,
    Arrive,
    Release,
}

impl Crisis {
    /// Asks for a resource where an incident of the crisis is.
    ///
    /// Errors when the role may not ask for it, or the incident is another crisis'.
    pub fn request(
        &mut self,
        id: MobilisationId,
        resource: &str,
        incident: &IncidentSnapshot,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<Vec<Effect>, Refused> {
        self.still_open()?;
        let rule = at.rules.resource(resource).ok_or(Refused::Unknown("resource"))?;
        allowed(by, &rule.asked_by)?;
        if !self.incidents.contains(&incident.id) {
            return Err(Refused::NotLinked);
        }
        let mut mobilisation = Mobilisation {
            id,
            rule: rule.clone(),
            incident: incident.id,
            sectors: sectors_of(incident),
            requested_by: by.body.clone(),
            provider: None,
            stage: Stage::Passing { due_at: None },
            since: at.now,
            conducted_by: at.rules.conducted_by.clone(),
            unanswered: at.rules.unanswered.clone(),
            told: 0,
            refused: BTreeSet::new(),
        };
        let mut effects = vec![mobilisation.fact(&self.snapshot, Mobilised::Requested, Some(by), at)];
        match &rule.through {
            Some(through) if !through.roles.contains(&by.role) => {
                mobilisation.stage = Stage::Passing { due_at: Some(at.in_minutes(through.within_min)) };
                effects.push(mobilisation.tell(&through.notice));
            }
            _ => effects.extend(mobilisation.ask(0, &self.snapshot, Some(by), at)),
        }
        self.mobilisations.push(mobilisation);
        Ok(effects)
    }

    /// Moves a mobilisation on.
    pub fn mobilise(
        &mut self,
        id: MobilisationId,
        step: Move,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<Vec<Effect>, Refused> {
        self.still_open()?;
        let mobilisation =
            self.mobilisations.iter_mut().find(|m| m.id == id).ok_or(Refused::Unknown("mobilisation"))?;
        mobilisation.go(step, &self.snapshot, by, at)
    }

    /// Requests for a resource that hold a unit of it.
    pub fn engaged<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a Mobilisation> {
        self.mobilisations.iter().filter(move |m| m.rule.id == resource && m.is_engaged())
    }
}

impl Mobilisation {
    /// Nothing more happens to it.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Released
    }

    /// It holds a unit.
    pub fn is_engaged(&self) -> bool {
        matches!(self.stage, Stage::Accepted { .. } | Stage::UnderWay { .. } | Stage::OnSite)
    }

    pub fn due_at(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Asked { due_at, .. } => Some(due_at),
            Stage::Passing { due_at } | Stage::Accepted { due_at } | Stage::UnderWay { due_at } => due_at,
            Stage::Unanswered | Stage::OnSite | Stage::Released => None,
        }
    }

    /// What a body of `role` may do to it now.
    pub fn moves(&self, role: &RoleId, body: &BodyId) -> Vec<Move> {
        let unavailable = Move::Refuse { reason: RefusalReason::Unavailable };
        let all = [Move::PassOn, Move::Accept, unavailable, Move::Leave, Move::Arrive, Move::Release];
        all.into_iter().filter(|step| self.fits(*step) && self.lets(*step, role, body)).collect()
    }

    /// Whether it is a body of `role`'s to do this. What one provider accepted is no other provider's to carry on.
    fn lets(&self, step: Move, role: &RoleId, body: &BodyId) -> bool {
        let others = self.provider.as_ref().is_some_and(|provider| provider != body);
        self.who(step).contains(role) && (!others || self.conducted_by.contains(role))
    }

    /// The choice of providers that is asked, from 0.
    pub fn choice(&self) -> Option<usize> {
        if let Stage::Asked { choice, .. } = self.stage { Some(choice) } else { None }
    }

    /// Roles whose answer is waited for; none unless a choice of providers is asked.
    pub fn asked(&self) -> &[super::Telling] {
        let Stage::Asked { choice, .. } = self.stage else { return &[] };
        self.rule.choices.get(choice).map_or(&[], |choice| &choice.notice.tell)
    }

    fn fits(&self, step: Move) -> bool {
        match step {
            Move::PassOn => matches!(self.stage, Stage::Passing { .. }),
            Move::Accept => matches!(self.stage, Stage::Asked { .. } | Stage::Unanswered),
            Move::Refuse { .. } => matches!(self.stage, Stage::Asked { .. }),
            Move::Leave => matches!(self.stage, Stage::Accepted { .. }),
            Move::Arrive => matches!(self.stage, Stage::Accepted { .. } | Stage::UnderWay { .. }),
            Move::Release => self.stage != Stage::Released,
        }
    }

    /// The roles that may do this: whoever was asked so far, and whoever conducts, for answers given by telephone.
    fn who(&self, step: Move) -> Vec<RoleId> {
        if step == Move::PassOn {
            return self.rule.through.iter().flat_map(|through| through.roles.clone()).collect();
        }
        let providers = self.providers();
        self.conducted_by.iter().chain(providers.map(|telling| &telling.role)).cloned().collect()
    }

    /// Whoever was asked so far.
    fn providers(&self) -> impl Iterator<Item = &super::Telling> {
        let so_far = match self.stage {
            Stage::Passing { .. } => 0,
            Stage::Asked { choice, .. } => choice + 1,
            Stage::Unanswered | Stage::Accepted { .. } | Stage::UnderWay { .. } | Stage::OnSite | Stage::Released => {
                self.rule.choices.len()
            }
        };
        self.rule.choices.iter().take(so_far).flat_map(|choice| &choice.notice.tell)
    }

    fn go(&mut self, step: Move, crisis: &CrisisSnapshot, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        allowed(by, &self.who(step))?;
        if !self.fits(step) || !self.lets(step, &by.role, &by.body) {
            return Err(Refused::NotNow);
        }
        let arrives_by = at.in_minutes(self.rule.on_site_within_min);
        let (stage, moved) = match step {
            Move::PassOn => return Ok(self.ask(0, crisis, Some(by), at)),
            Move::Refuse { reason } => {
                let mut effects = vec![self.fact(crisis, Mobilised::Refused { reason }, Some(by), at)];
                self.refused.insert(by.role.clone());
                // Whoever conducts refuses for everybody asked: nobody of them can come.
                let all = self.asked().iter().all(|telling| self.refused.contains(&telling.role));
                if all || self.conducted_by.contains(&by.role) {
                    effects.extend(self.ask_next(crisis, at));
                }
                return Ok(effects);
            }
            Move::Accept => {
                // Noted for somebody else when it is not one of those asked.
                let own = self.providers().any(|telling| telling.role == by.role);
                self.provider = own.then(|| by.body.clone());
                (Stage::Accepted { due_at: Some(arrives_by) }, Mobilised::Accepted)
            }
            // The time to arrive runs from the acceptance.
            Move::Leave => (Stage::UnderWay { due_at: self.due_at() }, Mobilised::UnderWay),
            Move::Arrive => (Stage::OnSite, Mobilised::OnSite),
            Move::Release => (Stage::Released, Mobilised::Released),
        };
        self.stage = stage;
        self.since = at.now;
        Ok(vec![self.fact(crisis, moved, Some(by), at)])
    }

    /// What a due time that has come does to it.
    pub(super) fn settle_due(&mut self, crisis: &CrisisSnapshot, at: Moment<'_>) -> Vec<Effect> {
        let Some(due_at) = self.due_at().filter(|due| *due <= at.now) else { return Vec::new() };
        let mut effects = vec![self.fact(crisis, Mobilised::Overdue { due_at }, None, at)];
        match self.stage {
            Stage::Asked { .. } => effects.extend(self.ask_next(crisis, at)),
            Stage::Passing { .. } => {
                self.stage = Stage::Passing { due_at: None };
                let overdue = self.rule.through.as_ref().map(|through| through.overdue.clone());
                effects.extend(overdue.map(|notice| self.tell(&notice)));
            }
            Stage::Accepted { .. } => self.stage = Stage::Accepted { due_at: None },
            Stage::UnderWay { .. } => self.stage = Stage::UnderWay { due_at: None },
            Stage::Unanswered | Stage::OnSite | Stage::Released => {}
        }
        effects
    }

    fn ask_next(&mut self, crisis: &CrisisSnapshot, at: Moment<'_>) -> Vec<Effect> {
        let Stage::Asked { choice, .. } = self.stage else { return Vec::new() };
        self.ask(choice + 1, crisis, None, at)
    }

    /// Asks a choice of providers; when there is none left, whoever conducts decides.
    ///
    /// Their time runs from now, even after an outage: it is theirs to answer in.
    fn ask(&mut self, choice: usize, crisis: &CrisisSnapshot, by: Option<&Actor>, at: Moment<'_>) -> Vec<Effect> {
        self.since = at.now;
        self.refused.clear();
        let Some(rule) = self.rule.choices.get(choice).cloned() else {
            self.stage = Stage::Unanswered;
            let unanswered = self.unanswered.clone();
            return vec![self.fact(crisis, Mobilised::Unanswered, by, at), self.tell(&unanswered)];
        };
        let due_at = at.in_minutes(rule.within_min);
        self.stage = Stage::Asked { choice, due_at };
        let number = u32::try_from(choice + 1).unwrap_or(u32::MAX);
        let asked = self.fact(crisis, Mobilised::Asked { choice: number, due_at }, by, at);
        let request = ResourceRequest {
            mobilisation: self.id,
            what: self.rule.label.clone(),
            short: self.rule.short.clone().unwrap_or_else(|| self.rule.label.clone()),
            answer_by: due_at,
        };
        vec![asked, Effect::Tell(Tell { request: Some(request), ..self.telling(&rule.notice) })]
    }

    fn tell(&mut self, notice: &Notice) -> Effect {
        Effect::Tell(self.telling(notice))
    }

    fn telling(&mut self, notice: &Notice) -> Tell {
        self.told += 1;
        Tell {
            incident: self.incident,
            step: format!("mobilisation/{}/{}", self.id, self.told),
            targets: notice.targets(&self.sectors),
            channels: notice.channels.clone(),
            say: notice.say.clone(),
            request: None,
        }
    }

    fn fact(&self, crisis: &CrisisSnapshot, moved: Mobilised, by: Option<&Actor>, at: Moment<'_>) -> Effect {
        let fact = CrisisMobilisationMovedV1 {
            crisis: crisis.clone(),
            mobilisation: self.id,
            resource: self.rule.id.clone(),
            incident: self.incident,
            moved,
            by: by.cloned(),
            at: at.now,
        };
        Effect::Fact(fact.into())
    }
}
