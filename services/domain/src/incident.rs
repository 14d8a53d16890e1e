//! One incident in hand: its state, and how a signal changes it. No IO.

mod act;

use jiff::Timestamp;
use vigie_proto::{
    BodyId, CrisisRegime, IncidentId, IncidentStatus, RoleId, SectorId, Severity,
    event::{
        Cause, Event, IncidentAggravatedV1, IncidentOpenedV1, IncidentReinforcedV1, IncidentReplannedV1,
        IncidentSnapshot, Known, KnownFact, News, Replanning, ReturnOutcome, SignalRaisedV1,
    },
    plan::{Owed, Plan},
};

use crate::{
    assess::Assessment,
    city::City,
    correlation::Candidate,
    doctrine::{KindRule, Situation, freeze, involve},
    pattern::{GraveIncident, Pattern},
    territory::LonLat,
};

pub use act::{Joined, Judged};

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

    fn aggravate(&mut self, to: Severity, cause: Cause, news: News, planner: Planner<'_>) -> Event {
        let from = self.set_severity(to);
        self.snapshot.status = IncidentStatus::Open;
        self.asked_version = self.snapshot.version;
        self.in_charge.clear();
        let plan = planner.plan(&self.situation);
        self.owe(&plan);
        IncidentAggravatedV1 { incident: self.snapshot.clone(), from, cause, plan, news }.into()
    }

    /// Takes on what `plan` says is owed; what was owed or given before stays.
    fn owe(&mut self, plan: &Plan) {
        for owed in &plan.owed {
            if !self.owed.iter().any(|debt| debt.owed.id == owed.id) {
                self.owed.push(Debt { owed: owed.clone(), given: None, change: Change::New });
            }
        }
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
