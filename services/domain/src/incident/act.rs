//! What people do to an incident, applied, or why it is not.

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{
    ActId, BodyId, CrisisRegime, IncidentStatus, SectorId, Severity,
    event::{
        Act, ActRecordedV1, ActRejectedV1, Actor, Cause, Event, IncidentAcknowledgedV1, IncidentCalledV1,
        IncidentClosedV1, IncidentEasedV1, IncidentHandedOverV1, IncidentNotedV1, IncidentRefusedV1,
        IncidentReopenedV1, IncidentReplannedV1, IncidentSeenV1, IncidentSeparatedV1, IncidentTakenBackV1, News,
        Rejection, Replanning, ReturnGivenV1, ReturnOutcome, SignalRaisedV1, TakenBack,
    },
};

use super::{Change, Given, Incident, Names, Origin, Planner};
use crate::{assess::Assessment, doctrine::KindRule, escalation::Standing};

/// What the owner knows of whoever acted, beyond the act itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Judged<'a> {
    /// Where the plan stands; none while its owner has not begun it.
    pub standing: Option<&'a Standing>,
    /// The role goes there or sends somebody.
    pub intervenes: bool,
    /// It may close or lower what not everybody asked has answered.
    pub may_end_unanswered: bool,
}

impl Judged<'_> {
    /// May `body` end what is left of the plan?
    fn may_end(&self, body: &BodyId, severity: Severity) -> bool {
        let grave = severity >= Severity::Serious;
        self.may_end_unanswered || self.standing.is_some_and(|standing| standing.may_be_ended_by(body, grave))
    }
}

/// A signal that joined an incident, as far as separating it needs to know.
#[derive(Debug)]
pub struct Joined<'a> {
    pub signal: &'a SignalRaisedV1,
    pub rule: &'a KindRule,
    pub place: Assessment,
}

impl Incident {
    /// Applies what a person did, or says why not. Whether that person may is decided before, by [`crate::access`].
    pub fn act(&mut self, recorded: &ActRecordedV1, judged: Judged<'_>, planner: Planner<'_>) -> Event {
        let reject = |why| ActRejectedV1 { act_id: recorded.act_id, incident_id: recorded.incident_id, why }.into();
        let after_closing = matches!(recorded.act, Act::Note | Act::See { .. } | Act::Return { .. } | Act::Reopen);
        if self.snapshot.status == IncidentStatus::Closed && !after_closing {
            return reject(Rejection::Closed);
        }
        let (act_id, by, at) = (recorded.act_id, recorded.actor.clone(), recorded.at);
        match &recorded.act {
            Act::Acknowledge { version, .. } | Act::See { version, .. } if *version > self.snapshot.version => {
                reject(Rejection::FromTheFuture)
            }
            Act::See { version, .. } => {
                IncidentSeenV1 { incident: self.snapshot.clone(), act_id, by, seen_version: *version, at }.into()
            }
            Act::Acknowledge { version, .. } if *version < self.asked_version => reject(Rejection::Stale),
            Act::Acknowledge { version, .. } => {
                let counts_for =
                    judged.standing.map(|standing| standing.counts_for(&by.body, &by.role, judged.intervenes));
                // Whoever takes charge unasked is shown, and stops nothing: the incident stays to be taken charge of.
                let counts = counts_for.as_ref().is_none_or(|circuits| !circuits.is_empty());
                if counts && self.snapshot.status == IncidentStatus::Open {
                    self.set_status(IncidentStatus::Acknowledged);
                }
                self.touch();
                self.in_charge.retain(|body| *body != by.body);
                self.in_charge.push(by.body.clone());
                let incident = self.snapshot.clone();
                let intervenes = Some(judged.intervenes);
                IncidentAcknowledgedV1 { incident, act_id, by, seen_version: *version, counts_for, intervenes, at }
                    .into()
            }
            Act::Note => IncidentNotedV1 { incident: self.snapshot.clone(), act_id, by, over: false }.into(),
            Act::SayOver => IncidentNotedV1 { incident: self.snapshot.clone(), act_id, by, over: true }.into(),
            Act::ChangeSeverity { to } if *to == self.snapshot.severity => reject(Rejection::Unchanged),
            Act::ChangeSeverity { to } if *to > self.snapshot.severity => {
                self.aggravate(*to, Cause::Act { act_id, actor: by }, News::default(), planner)
            }
            Act::ChangeSeverity { .. } if !judged.may_end(&by.body, self.snapshot.severity) => {
                reject(Rejection::Unanswered)
            }
            Act::ChangeSeverity { to } => {
                let from = self.set_severity(*to);
                let plan = planner.plan(&self.situation);
                self.owe(&plan);
                IncidentEasedV1 { incident: self.snapshot.clone(), from, act_id, by, plan }.into()
            }
            Act::Refuse { reason, .. } => {
                self.release(&by.body, judged);
                IncidentRefusedV1 { incident: self.snapshot.clone(), act_id, by, reason: *reason, at }.into()
            }
            Act::HandOver { .. } if !self.in_charge.contains(&by.body) => reject(Rejection::NotInCharge),
            Act::HandOver { to } => {
                self.release(&by.body, judged);
                let (incident, to_role) = (self.snapshot.clone(), planner.role_of(to));
                IncidentHandedOverV1 { incident, act_id, by, to: to.clone(), to_role, at }.into()
            }
            Act::SetRegime { to } if *to == self.snapshot.regime => reject(Rejection::Unchanged),
            Act::SetRegime { .. } if !judged.may_end(&by.body, self.snapshot.severity) => reject(Rejection::Unanswered),
            Act::SetRegime { to } => self.set_regime(*to, act_id, by, planner),
            Act::Involve { sectors } => self.involve(sectors, act_id, by, planner).unwrap_or_else(reject),
            Act::Call { to } => {
                let (incident, to_role) = (self.snapshot.clone(), planner.role_of(to));
                IncidentCalledV1 { incident, act_id, by, to: to.clone(), to_role, at }.into()
            }
            // It takes the signal, its place and a new name: whoever owns the incident calls `separate`.
            Act::Separate { .. } => reject(Rejection::NotJoined),
            Act::Return { owed, outcome } => {
                let given = Given { by: by.body.clone(), outcome: *outcome, at };
                match self.give_back(owed, given) {
                    Ok(()) => {
                        let (incident, owed) = (self.snapshot.clone(), owed.clone());
                        ReturnGivenV1 { incident, act_id, by, owed, outcome: *outcome, at }.into()
                    }
                    Err(why) => reject(why),
                }
            }
            Act::Close { .. } if self.owed.iter().any(|debt| debt.owed.blocks_closing && debt.given.is_none()) => {
                reject(Rejection::ReturnOwed)
            }
            Act::Close { .. } if !judged.may_end(&by.body, self.snapshot.severity) => reject(Rejection::Unanswered),
            Act::TakeBack => match self.take_back(&by.body, judged) {
                Some(what) => IncidentTakenBackV1 { incident: self.snapshot.clone(), act_id, by, what, at }.into(),
                None => reject(Rejection::NothingSaid),
            },
            Act::Reopen => match self.reopen(at, judged, planner) {
                Ok(()) => IncidentReopenedV1 { incident: self.snapshot.clone(), act_id, by, at }.into(),
                Err(why) => reject(why),
            },
            Act::Close { reason } => {
                self.set_status(IncidentStatus::Closed);
                self.closed_at = Some(at);
                self.start_clocks(at);
                IncidentClosedV1 { incident: self.snapshot.clone(), act_id, by, reason: *reason, at }.into()
            }
        }
    }

    /// Takes a signal out that had joined by mistake: it opens an incident under `names`, with a plan that begins now.
    ///
    /// This incident stays as it is: a severity that the signal had raised is lowered by a person, who knows why.
    /// Returns what happened to this incident, the new one, and its opening.
    pub fn separate(
        &mut self,
        recorded: &ActRecordedV1,
        joined: Joined<'_>,
        names: Names,
        planner: Planner<'_>,
    ) -> Result<(Event, Self, Event), Rejection> {
        if self.snapshot.status == IncidentStatus::Closed {
            return Err(Rejection::Closed);
        }
        let Joined { signal, rule, place } = joined;
        let origin = Origin::Separation(self.snapshot.id);
        let (other, opened) = Self::open(signal, rule, place, origin, names, planner);
        let separated = IncidentSeparatedV1 {
            incident: self.snapshot.clone(),
            signal_id: signal.signal_id,
            act_id: recorded.act_id,
            by: recorded.actor.clone(),
            becomes: other.snapshot.id,
            becomes_reference: other.snapshot.reference.clone(),
            at: recorded.at,
        };
        Ok((separated.into(), other, opened))
    }

    /// `body` is no longer in charge; without anybody who counts, the incident is open again.
    fn release(&mut self, body: &BodyId, judged: Judged<'_>) {
        self.touch();
        self.in_charge.retain(|known| known != body);
        let nobody = self.in_charge.is_empty() || judged.standing.is_some_and(|s| !s.counts_without(body));
        if nobody && self.snapshot.status == IncidentStatus::Acknowledged {
            self.set_status(IncidentStatus::Open);
        }
    }

    /// What `body` had answered is as if it had not.
    fn take_back(&mut self, body: &BodyId, judged: Judged<'_>) -> Option<TakenBack> {
        if self.in_charge.contains(body) {
            self.release(body, judged);
            return Some(TakenBack::Charge);
        }
        judged.standing.is_some_and(|standing| standing.refused.contains(body)).then_some(TakenBack::Refusal)
    }

    /// Opens again what was closed, if that is not too long ago. Whoever was in charge still is; what was owed from the
    /// closing on is not owed yet.
    fn reopen(&mut self, at: Timestamp, judged: Judged<'_>, planner: Planner<'_>) -> Result<(), Rejection> {
        let closed_at = self.closed_at.filter(|_| self.snapshot.status == IncidentStatus::Closed);
        let closed_at = closed_at.ok_or(Rejection::NotClosed)?;
        let within = SignedDuration::from_hours(i64::from(planner.city.doctrine.thread.reopen_within_h));
        if at.duration_since(closed_at) > within {
            return Err(Rejection::TooLate);
        }
        let counts = judged.standing.is_some_and(Standing::anybody_counts);
        self.set_status(if counts { IncidentStatus::Acknowledged } else { IncidentStatus::Open });
        self.closed_at = None;
        for debt in self.owed.iter_mut().filter(|debt| debt.owed.from_closing.is_some() && debt.given.is_none()) {
            debt.owed.due_at = None;
            debt.change = Change::Updated;
        }
        Ok(())
    }

    fn set_regime(&mut self, to: CrisisRegime, act_id: ActId, actor: Actor, planner: Planner<'_>) -> Event {
        self.touch();
        self.snapshot.version += 1;
        let from = std::mem::replace(&mut self.snapshot.regime, to);
        self.situation.regime = to;
        let plan = planner.plan(&self.situation);
        self.owe(&plan);
        let because = Replanning::Regime { from, act_id, actor };
        IncidentReplannedV1 { incident: self.snapshot.clone(), because, plan, news: News::default() }.into()
    }

    /// Brings in those of `sectors` that are not in yet.
    fn involve(
        &mut self,
        sectors: &[SectorId],
        act_id: ActId,
        actor: Actor,
        planner: Planner<'_>,
    ) -> Result<Event, Rejection> {
        let in_already = |sector: &SectorId| {
            self.situation.sectors.contains(sector)
                || (self.situation.neighbours.contains(sector) && self.snapshot.also_concerns.contains(sector))
        };
        let fresh: Vec<SectorId> = sectors.iter().filter(|sector| !in_already(sector)).cloned().collect();
        if fresh.is_empty() {
            return Err(Rejection::Unchanged);
        }
        self.touch();
        let plan = planner.involving(&self.situation, &fresh);
        self.situation
            .neighbours
            .extend(fresh.iter().filter(|s| !self.situation.neighbours.contains(s)).cloned().collect::<Vec<_>>());
        self.snapshot.also_concerns.extend(fresh.iter().cloned());
        let because = Replanning::Involvement { sectors: fresh, act_id, actor };
        Ok(IncidentReplannedV1 { incident: self.snapshot.clone(), because, plan, news: News::default() }.into())
    }

    fn give_back(&mut self, id: &str, given: Given) -> Result<(), Rejection> {
        let debt = self.owed.iter_mut().find(|debt| debt.owed.id == id && debt.given.is_none());
        let debt = debt.ok_or(Rejection::NotOwed)?;
        if given.outcome == ReturnOutcome::NoneKnown && !debt.owed.may_be_unknown {
            return Err(Rejection::OutcomeNeeded);
        }
        debt.given = Some(given);
        debt.change = Change::Updated;
        self.touch();
        Ok(())
    }
}
