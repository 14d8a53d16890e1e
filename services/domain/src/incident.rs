//! One incident in hand: its state, and how a signal or an act changes it. No IO.

use jiff::Timestamp;
use vigie_proto::{
    ActId, BodyId, CrisisRegime, IncidentId, IncidentStatus, RoleId, SectorId, Severity,
    event::{
        Act, ActRecordedV1, ActRejectedV1, Actor, Cause, Event, IncidentAcknowledgedV1, IncidentAggravatedV1,
        IncidentCalledV1, IncidentClosedV1, IncidentEasedV1, IncidentHandedOverV1, IncidentNotedV1, IncidentOpenedV1,
        IncidentRefusedV1, IncidentReinforcedV1, IncidentReplannedV1, IncidentSeenV1, IncidentSeparatedV1,
        IncidentSnapshot, Known, KnownFact, News, Rejection, Replanning, ReturnGivenV1, ReturnOutcome, SignalRaisedV1,
    },
    plan::{Owed, Plan},
};

use crate::{
    assess::Assessment,
    city::City,
    correlation::Candidate,
    doctrine::{KindRule, Situation, freeze, involve},
    escalation::Standing,
    pattern::{GraveIncident, Pattern},
    territory::LonLat,
};

/// An incident being worked on.
#[derive(Debug, Clone)]
pub struct Incident {
    pub snapshot: IncidentSnapshot,
    /// Version at which its severity last rose.
    pub asked_version: u32,
    pub situation: Situation,
    pub at: Option<LonLat>,
    pub last_signal_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// What is owed because of it.
    pub owed: Vec<Debt>,
    /// Bodies in charge, the latest last.
    pub in_charge: Vec<BodyId>,
    pub change: Change,
}

/// Something owed, and whether it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debt {
    pub owed: Owed,
    pub given: Option<Given>,
    pub change: Change,
}

/// How something owed was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub by: BodyId,
    pub outcome: ReturnOutcome,
    pub at: Timestamp,
}

/// What has to be written of an incident in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Untouched,
    New,
    Updated,
}

/// What plans are made with.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    pub city: &'a City,
    pub time_scale: f64,
    pub now: Timestamp,
}

impl Planner<'_> {
    pub fn plan(&self, situation: &Situation) -> Plan {
        freeze(&self.city.doctrine, situation, self.now, self.time_scale)
    }

    fn role_of(&self, body: &BodyId) -> Option<RoleId> {
        self.city.directory.body(body).map(|body| body.role.clone())
    }

    /// What bringing `sectors` in adds.
    fn involving(&self, situation: &Situation, sectors: &[SectorId]) -> Plan {
        involve(&self.city.doctrine, situation, sectors, self.now, self.time_scale)
    }
}

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

/// Names of a new incident, which its owner draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub id: IncidentId,
    /// What people say on the telephone.
    pub reference: String,
}

/// Why a signal opens an incident of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing open was the same event.
    Alone,
    /// It completes a pattern, which makes it graver than it says.
    Pattern(Pattern),
    /// It had joined that incident by mistake.
    Separation(IncidentId),
}

/// A signal that joined an incident, as far as separating it needs to know.
#[derive(Debug)]
pub struct Joined<'a> {
    pub signal: &'a SignalRaisedV1,
    pub rule: &'a KindRule,
    pub place: Assessment,
}

impl Incident {
    /// The incident `signal` opens at `place`, because of `origin`.
    pub fn open(
        signal: &SignalRaisedV1,
        rule: &KindRule,
        place: Assessment,
        origin: Origin,
        names: Names,
        planner: Planner<'_>,
    ) -> (Self, Event) {
        let severity = match &origin {
            Origin::Pattern(pattern) => pattern.becomes().max(signal.severity),
            Origin::Alone | Origin::Separation(_) => signal.severity,
        };
        let (city, now) = (planner.city, planner.now);
        let snapshot = IncidentSnapshot {
            id: names.id,
            reference: names.reference,
            version: 1,
            kind: signal.kind.clone(),
            kind_label: rule.label.clone(),
            severity,
            status: IncidentStatus::Open,
            sector: place.owner().clone(),
            sector_label: city.sector_label(place.owner()).to_owned(),
            also_concerns: place.sectors[1..].to_vec(),
            place_label: place.place_label().to_owned(),
            expected_at: signal.expected_at,
            opened_at: now,
            regime: CrisisRegime::None,
            nature: signal.nature,
            precisions: rule.shown(&signal.facts),
            whereabouts: place.whereabouts,
            known: told_by(signal, rule),
        };
        let situation = Situation {
            kind: signal.kind.clone(),
            severity,
            raised_by: signal.source_role.clone(),
            raiser: signal.source_body.clone(),
            sectors: place.sectors,
            neighbours: place.neighbours,
            school: place.school,
            schools_around: place.schools_around,
            regime: CrisisRegime::None,
            nature: signal.nature,
            expected_at: signal.expected_at,
        };
        let plan = planner.plan(&situation);
        let (mut accumulated, mut in_the_wake_of, mut separated_from) = (Vec::new(), None, None);
        match origin {
            Origin::Alone => {}
            Origin::Pattern(Pattern::Accumulation { with, .. }) => accumulated = with,
            Origin::Pattern(Pattern::Retaliation { after, .. }) => in_the_wake_of = Some(after),
            Origin::Separation(from) => separated_from = Some(from),
        }
        let mut incident = Self {
            snapshot: snapshot.clone(),
            asked_version: 1,
            situation,
            at: place.at,
            last_signal_at: now,
            closed_at: None,
            owed: Vec::new(),
            in_charge: Vec::new(),
            change: Change::New,
        };
        incident.owe(&plan);
        let event = IncidentOpenedV1 {
            incident: snapshot,
            signal_id: signal.signal_id,
            territory: city.territory.hash().to_owned(),
            plan,
            accumulated,
            in_the_wake_of,
            separated_from,
        };
        (incident, event.into())
    }

    /// As far as reprisals are watched for.
    pub fn as_watched(&self) -> GraveIncident {
        let (id, severity) = (self.snapshot.id, self.snapshot.severity);
        GraveIncident { id, severity, at: self.at, last_signal_at: self.last_signal_at }
    }

    /// What correlation needs to know of it.
    pub fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: self.snapshot.id,
            sector: &self.snapshot.sector,
            at: self.at,
            last_signal_at: self.last_signal_at,
        }
    }

    /// A signal joined it: reinforced, aggravated when the signal is graver or completes a `pattern`, planned again when
    /// it tells the time expected.
    pub fn join(
        &mut self,
        signal: &SignalRaisedV1,
        (rule, place): (&KindRule, &Assessment),
        pattern: Option<Pattern>,
        planner: Planner<'_>,
    ) -> Event {
        self.touch();
        self.last_signal_at = planner.now;
        let announced = self.snapshot.expected_at.is_none() && signal.expected_at.is_some();
        self.snapshot.expected_at = self.snapshot.expected_at.or(signal.expected_at);
        self.situation.expected_at = self.snapshot.expected_at;
        for label in rule.shown(&signal.facts) {
            if !self.snapshot.precisions.contains(&label) {
                self.snapshot.precisions.push(label);
            }
        }
        let news = News { announced, ..self.learn(told_by(signal, rule)) };
        if self.snapshot.whereabouts.is_empty() {
            self.snapshot.whereabouts = place.whereabouts.clone();
        }
        let signal_id = signal.signal_id;
        if signal.severity > self.snapshot.severity {
            return self.aggravate(signal.severity, Cause::Signal { signal_id }, news, planner);
        }
        if let Some(pattern) = pattern.filter(|pattern| pattern.becomes() > self.snapshot.severity) {
            let becomes = pattern.becomes();
            let cause = match pattern {
                Pattern::Accumulation { with, .. } => Cause::Accumulation { signal_id, with },
                Pattern::Retaliation { .. } => Cause::Signal { signal_id },
            };
            return self.aggravate(becomes, cause, news, planner);
        }
        if announced && self.snapshot.status != IncidentStatus::Closed {
            let plan = planner.plan(&self.situation);
            self.owe(&plan);
            let because = Replanning::Expected { signal_id };
            return IncidentReplannedV1 { incident: self.snapshot.clone(), because, plan, news }.into();
        }
        IncidentReinforcedV1 { incident: self.snapshot.clone(), signal_id, news }.into()
    }

    /// Adds what a further signal says, the latest number, the worst of weapons, facts not told yet; returns what of it is
    /// new.
    fn learn(&mut self, told: Known) -> News {
        let known = &mut self.snapshot.known;
        let before = known.clone();
        known.count = told.count.or(known.count);
        known.weapons = match (known.weapons, told.weapons) {
            (Some(before), Some(now)) => Some(before.or_worse(now)),
            (before, now) => now.or(before),
        };
        let fresh = told.facts.into_iter().filter(|fact| !known.facts.iter().any(|known| known.code == fact.code));
        let facts: Vec<KnownFact> = fresh.collect();
        known.facts.extend(facts.iter().cloned());
        News {
            facts,
            count: known.count.filter(|_| known.count != before.count),
            weapons: known.weapons.filter(|_| known.weapons != before.weapons),
            announced: false,
        }
    }

    /// Applies what a person did, or says why not. Whether that person may is decided before, by [`crate::access`].
    pub fn act(&mut self, recorded: &ActRecordedV1, judged: Judged<'_>, planner: Planner<'_>) -> Event {
        let reject = |why| ActRejectedV1 { act_id: recorded.act_id, incident_id: recorded.incident_id, why }.into();
        let after_closing = matches!(recorded.act, Act::Note | Act::See { .. } | Act::Return { .. });
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

    fn aggravate(&mut self, to: Severity, cause: Cause, news: News, planner: Planner<'_>) -> Event {
        let from = self.set_severity(to);
        self.snapshot.status = IncidentStatus::Open;
        self.asked_version = self.snapshot.version;
        self.in_charge.clear();
        let plan = planner.plan(&self.situation);
        self.owe(&plan);
        IncidentAggravatedV1 { incident: self.snapshot.clone(), from, cause, plan, news }.into()
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

    /// Takes on what `plan` says is owed; what was owed or given before stays.
    fn owe(&mut self, plan: &Plan) {
        for owed in &plan.owed {
            if !self.owed.iter().any(|debt| debt.owed.id == owed.id) {
                self.owed.push(Debt { owed: owed.clone(), given: None, change: Change::New });
            }
        }
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

    /// Clocks that run from the closing start.
    fn start_clocks(&mut self, at: Timestamp) {
        for debt in self.owed.iter_mut().filter(|debt| debt.owed.due_at.is_none()) {
            if let Some(offset) = &debt.owed.from_closing {
                debt.owed.due_at = Some(offset.after(at));
                debt.change = Change::Updated;
            }
        }
    }

    fn set_severity(&mut self, to: Severity) -> Severity {
        self.touch();
        self.snapshot.version += 1;
        self.situation.severity = to;
        std::mem::replace(&mut self.snapshot.severity, to)
    }

    fn set_status(&mut self, status: IncidentStatus) {
        self.touch();
        self.snapshot.version += 1;
        self.snapshot.status = status;
    }

    fn touch(&mut self) {
        if self.change == Change::Untouched {
            self.change = Change::Updated;
        }
    }
}

/// What a signal says of its incident.
fn told_by(signal: &SignalRaisedV1, rule: &KindRule) -> Known {
    let parties = signal.parties.clone().unwrap_or_default();
    Known { count: parties.estimated_count, weapons: parties.weapons, facts: rule.known(&signal.facts) }
}
