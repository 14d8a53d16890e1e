//! Plays one incident through the plan, the machine and the rosters, and judges every telling by its own lights.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use vigie_domain::{
    audience::Telling,
    city::City,
    doctrine::{Situation, freeze},
    escalation::{Escalation, Settlement},
    round::{Carried, Heard, InHand, Origin, Outcome, Round, SettledStep},
};
use vigie_proto::{
    ActId, BodyId, Channel, ContactId, EventId, IncidentId, IncidentStatus, RoleId, Severity, SignalId,
    envelope::Fact,
    event::{
        Actor, Cause, ClosingReason, Event, IncidentAcknowledgedV1, IncidentAggravatedV1, IncidentCalledV1,
        IncidentClosedV1, IncidentEasedV1, IncidentHandedOverV1, IncidentOpenedV1, IncidentRefusedV1,
        IncidentReinforcedV1, IncidentReopenedV1, IncidentReplannedV1, IncidentSnapshot, IncidentTakenBackV1, Known,
        KnownFact, News, Novelty, Occasion, Purpose, RefusalReason, Replanning, ReturnGivenV1, ReturnOutcome,
        StepOutcome, TakenBack, Through, Whereabouts,
    },
    plan::{Plan, PlannedStep, SatisfiedBy},
};

use super::script::{Happening, Script};

/// Days played after the opening: the last step of a plan comes within.
const PLAYED_DAYS: i64 = 3;

/// One plan of the incident, from its beginning, and what came of it.
#[derive(Debug)]
pub(crate) struct Chapter {
    pub(crate) severity: Severity,
    pub(crate) from: Timestamp,
    /// Somebody took charge, it was closed or it worsened: from then on nothing more is promised of this plan.
    pub(crate) excused: Option<Timestamp>,
    /// Tellings of proven contact points, and whether of a place manned at any hour.
    pub(crate) proven: Vec<(Timestamp, bool)>,
    /// A step was overdue beyond its use.
    pub(crate) expired: bool,
    told: BTreeSet<(String, ContactId)>,
    settled: BTreeSet<String>,
    asked: BTreeMap<String, BTreeSet<BodyId>>,
}

/// One incident being played.
pub(crate) struct Play<'a> {
    city: &'a City,
    script: &'a Script,
    pub(crate) situation: Situation,
    plan: InHand,
    now: Timestamp,
    /// Every fact of the incident, in the order in which they were recorded.
    pub(crate) journal: Vec<Fact>,
    pub(crate) chapters: Vec<Chapter>,
    /// Everybody told: by which plan, and when.
    pub(crate) tellings: Vec<(u32, Timestamp, Telling)>,
    /// Who is in charge, by the judge's own count.
    in_charge: BTreeMap<BodyId, RoleId>,
    /// By body: the circuits that had asked it when it took charge.
    counted: BTreeMap<BodyId, BTreeSet<String>>,
    /// Everybody asked to take charge, in order.
    called: Vec<(BodyId, RoleId)>,
    /// Steps' times may no longer be those of the plan.
    moved: bool,
    given: BTreeSet<String>,
    /// When each rule last told something new.
    news: BTreeMap<String, Timestamp>,
    closed: bool,
    pub(crate) outages: Vec<(Timestamp, Timestamp)>,
    dead: BTreeMap<Channel, Timestamp>,
    /// Messages that left by another channel, and those nobody got.
    pub(crate) fallen_back: usize,
    pub(crate) undelivered: usize,
    pub(crate) broken: Vec<String>,
}

impl<'a> Play<'a> {
    /// Plays `script` to its end.
    pub(crate) fn of(city: &'a City, script: &'a Script) -> Self {
        let (situation, now) = (script.situation(city), script.opens_at());
        let opened = IncidentOpenedV1 {
            incident: snapshot(&situation, now),
            signal_id: SignalId(Uuid::nil()),
            territory: String::new(),
            plan: freeze(&city.doctrine, &situation, now, 1.0),
            accumulated: Vec::new(),
            in_the_wake_of: None,
            separated_from: None,
        };
        let origin = Origin { cause: EventId(Uuid::nil()), traceparent: None };
        let mut play = Self {
            city,
            script,
            chapters: vec![Chapter::new(situation.severity, now)],
            situation,
            plan: InHand { snapshot: opened.incident.clone(), escalation: Escalation::begun(&opened), origin },
            now,
            journal: Vec::new(),
            tellings: Vec::new(),
            in_charge: BTreeMap::new(),
            counted: BTreeMap::new(),
            called: Vec::new(),
            moved: false,
            given: BTreeSet::new(),
            news: BTreeMap::new(),
            closed: false,
            outages: Vec::new(),
            dead: BTreeMap::new(),
            fallen_back: 0,
            undelivered: 0,
            broken: Vec::new(),
        };
        play.plan.origin.cause = play.record(opened.into(), None).id;
        let mut happenings = script.happenings().peekable();
        // What happens at the very opening may come before the plan is first looked at.
        while let Some((_, happening)) = happenings.next_if(|(at, _)| *at == now) {
            play.happens(happening);
        }
        for (at, happening) in happenings {
            play.until(at);
            play.happens(happening);
        }
        play.until(now + SignedDuration::from_hours(24 * PLAYED_DAYS));
        play
    }

    /// The plan as whoever runs it keeps it.
    pub(crate) fn kept(&self) -> &Escalation {
        &self.plan.escalation
    }

    /// Until when it was played.
    pub(crate) fn ended(&self) -> Timestamp {
        self.now
    }

    fn record(&mut self, event: Event, cause: Option<EventId>) -> Fact {
        let id = EventId(Uuid::from_u128(self.journal.len() as u128 + 1));
        let fact = Fact { id, cause, at: self.now, event };
        self.journal.push(fact.clone());
        fact
    }

    /// One round at this instant: the plan hears `fact`, if there is one, and does what is due.
    fn round(&mut self, fact: Option<&Fact>) {
        let mut round = Round::new(self.city, self.now, vec![self.plan.clone()]);
        if let Some(fact) = fact {
            assert_eq!(round.hear(fact, None), Heard::Done);
        }
        round.settle_due();
        let outcome = round.carry();
        let facts: Vec<(EventId, Event)> =
            outcome.facts(self.now).map(|(origin, event)| (origin.cause, event)).collect();
        for (cause, event) in facts {
            self.record(event, Some(cause));
        }
        let Outcome { plans, carried, .. } = outcome;
        self.plan = plans.into_iter().next().unwrap();
        let settled: Vec<&Settlement> =
            carried.iter().flat_map(|carried| &carried.settled).map(|step| &step.settlement).collect();
        self.lapses(&settled);
        for carried in &carried {
            let told = carried.tellings.iter().map(|telling| (carried.generation, self.now, telling.clone()));
            self.tellings.extend(told);
        }
        let generation = self.plan.escalation.generation;
        for carried in carried.iter().filter(|carried| carried.generation == generation) {
            self.carry(carried);
        }
        assert!(
            self.plan.escalation.next_due().is_none_or(|due| due > self.now),
            "{}: something due is left behind in {:?}",
            self.now,
            self.script
        );
    }

    /// Lets time pass until `end`; the plan is looked at whenever something is due, but not in an outage.
    fn until(&mut self, end: Timestamp) {
        let back = self.outages.last().map_or(self.now, |(_, until)| (*until).max(self.now));
        let next = |play: &Self| play.plan.escalation.next_due().map(|due| due.max(back));
        while let Some(due) = next(self).filter(|due| *due <= end.max(back)) {
            self.now = due.max(self.now);
            self.round(None);
        }
        self.now = end.max(back);
    }

    /// Something happens: it is recorded, and heard at once or late.
    fn happens(&mut self, happening: Happening) {
        if let Some(event) = self.event(happening) {
            let fact = self.record(event, None);
            if self.script.is_late(self.journal.len()) {
                self.until(self.now + SignedDuration::from_mins(7));
            }
            self.judge_by(happening, &fact.event);
            self.round(Some(&fact));
        }
    }

    /// What the owner of incidents makes of a happening; none when it would refuse it, or when it changes no incident.
    fn event(&mut self, happening: Happening) -> Option<Event> {
        let now = self.now;
        let any = |list: &[(BodyId, RoleId)], n: usize| list.get(n % list.len().max(1)).cloned();
        let by = |(body, role)| Actor { body, role, through: Through::Link };
        let desk = || by(("desk".parse().unwrap(), "desk".parse().unwrap()));
        let (act_id, incident) = (ActId(Uuid::nil()), self.plan.snapshot.clone());
        let open = !self.closed;
        Some(match happening {
            Happening::Acknowledge(n) => {
                let by = by(any(&self.called, n).filter(|_| open)?);
                let intervenes = Some(self.city.directory.intervenes(&by.role));
                let seen_version = incident.version;
                IncidentAcknowledgedV1 { incident, act_id, by, seen_version, counts_for: None, intervenes, at: now }
                    .into()
            }
            Happening::Refuse(n) => {
                let (by, reason) = (by(any(&self.called, n).filter(|_| open)?), RefusalReason::Unavailable);
                IncidentRefusedV1 { incident, act_id, by, reason, at: now }.into()
            }
            Happening::HandOver(n) => {
                let from = self.in_charge.iter().next().filter(|_| open)?;
                let (from, (to, role)) = ((from.0.clone(), from.1.clone()), any(&self.called, n)?);
                IncidentHandedOverV1 { incident, act_id, by: by(from), to, to_role: Some(role), at: now }.into()
            }
            Happening::Call(n) => {
                let (to, role) = any(&self.called, n).filter(|_| open)?;
                IncidentCalledV1 { incident, act_id, by: desk(), to, to_role: Some(role), at: now }.into()
            }
            Happening::Tell(n) => {
                let fact = KnownFact {
                    code: format!("fact-{n}"),
                    label: format!("Fact {n}"),
                    shown: true,
                    alarms: n % 2 == 0,
                };
                let (signal_id, mut incident) = (SignalId(Uuid::nil()), incident);
                incident.known.facts.push(fact.clone());
                let news = News { facts: vec![fact], count: (n > 2).then_some(n), ..News::default() };
                open.then_some(IncidentReinforcedV1 { incident, signal_id, news })?.into()
            }
            Happening::Outage(min) => {
                self.outages.push((now, now + SignedDuration::from_mins(min.into())));
                return None;
            }
            Happening::Dead(channel, min) => {
                self.dead.insert(channel, now + SignedDuration::from_mins(min.into()));
                return None;
            }
            Happening::Aggravate => {
                let from = self.situation.severity;
                let to = Severity::ALL.into_iter().find(|severity| *severity > from).filter(|_| open)?;
                let (incident, plan) = self.changed(to);
                let cause = Cause::Act { act_id, actor: desk() };
                IncidentAggravatedV1 { incident, from, cause, plan, news: News::default() }.into()
            }
            Happening::Ease => {
                let from = self.situation.severity;
                let to = Severity::ALL.into_iter().rev().find(|severity| *severity < from).filter(|_| open)?;
                let (incident, plan) = self.changed(to);
                IncidentEasedV1 { incident, from, act_id, by: desk(), plan }.into()
            }
            Happening::Regime(to) => {
                let from = std::mem::replace(&mut self.situation.regime, to);
                if from == to || !open {
                    return None;
                }
                let (incident, plan) = self.changed(self.situation.severity);
                let because = Replanning::Regime { act_id, actor: desk(), from };
                IncidentReplannedV1 { incident, because, plan, news: News::default() }.into()
            }
            Happening::GiveBack => {
                let owed = self.plan.escalation.plan.owed.first()?.id.clone();
                ReturnGivenV1 { incident, act_id, by: desk(), owed, outcome: ReturnOutcome::Communicated, at: now }
                    .into()
            }
            Happening::Close => {
                let reason = ClosingReason::Resolved;
                open.then(|| IncidentClosedV1 { incident, act_id, by: desk(), reason, at: now })?.into()
            }
            Happening::Reopen => {
                self.closed.then(|| IncidentReopenedV1 { incident, act_id, by: desk(), at: now })?.into()
            }
            Happening::TakeBack(n) => {
                let (body, role) = any(&self.called, n).filter(|_| open)?;
                let refused = self.plan.escalation.standing().refused.contains(&body);
                let what = if self.in_charge.contains_key(&body) {
                    TakenBack::Charge
                } else {
                    refused.then_some(TakenBack::Refusal)?
                };
                IncidentTakenBackV1 { incident, act_id, by: by((body, role)), what, at: now }.into()
            }
        })
    }

    /// The incident with another severity, and what the doctrine asks then.
    fn changed(&mut self, to: Severity) -> (IncidentSnapshot, Plan) {
        self.situation.severity = to;
        let plan = freeze(&self.city.doctrine, &self.situation, self.now, 1.0);
        let (version, regime) = (self.plan.snapshot.version + 1, self.situation.regime);
        (IncidentSnapshot { severity: to, version, regime, ..self.plan.snapshot.clone() }, plan)
    }

    /// What the judge makes of something that happens, before the plan hears of it.
    fn judge_by(&mut self, happening: Happening, event: &Event) {
        match (happening, event) {
            (Happening::Acknowledge(_), Event::IncidentAcknowledged(e)) => {
                let (body, role) = (e.by.body.clone(), e.by.role.clone());
                self.in_charge.insert(body.clone(), role);
                let asked = self.chapter().asked.clone();
                let by = asked.into_iter().filter(|(_, bodies)| bodies.contains(&body)).map(|(circuit, _)| circuit);
                let by = by.collect();
                self.counted.insert(body, by);
                self.excuse();
            }
            (Happening::Refuse(_), Event::IncidentRefused(e)) => {
                self.moved = true;
                self.in_charge.remove(&e.by.body);
            }
            (Happening::HandOver(_), Event::IncidentHandedOver(e)) => {
                self.moved = true;
                let circuits = self.plan.escalation.plan.circuits.iter().map(|circuit| circuit.id.clone());
                let circuits: Vec<String> = circuits.collect();
                let held: Vec<String> = circuits.iter().filter(|id| self.is_satisfied(id)).cloned().collect();
                self.in_charge.remove(&e.by.body);
                let mut released: Vec<String> = held.into_iter().filter(|id| !self.is_satisfied(id)).collect();
                if released.is_empty() {
                    released.extend(circuits.into_iter().take(1));
                }
                for circuit in released {
                    self.chapter().asked.entry(circuit).or_default().insert(e.to.clone());
                }
            }
            (Happening::Aggravate | Happening::Ease, _) => {
                self.excuse();
                self.in_charge.clear();
                self.moved = false;
                let chapter = Chapter::new(self.situation.severity, self.now);
                self.chapters.push(chapter);
            }
            (Happening::GiveBack, Event::ReturnGiven(e)) => drop(self.given.insert(e.owed.clone())),
            (Happening::Close, _) => {
                self.excuse();
                self.closed = true;
            }
            (Happening::Reopen, _) => self.closed = false,
            (Happening::TakeBack(_), Event::IncidentTakenBack(e)) => {
                self.moved = true;
                self.in_charge.remove(&e.by.body);
            }
            _ => {}
        }
    }

    fn excuse(&mut self) {
        let now = self.now;
        self.chapter().excused.get_or_insert(now);
    }

    fn chapter(&mut self) -> &mut Chapter {
        self.chapters.last_mut().unwrap()
    }

    /// An acknowledgement that lapsed no longer counts for the judge either: the machine's list is the record of it.
    fn lapses(&mut self, settled: &[&Settlement]) {
        let known: BTreeSet<&BodyId> = self.plan.escalation.acknowledgements.iter().map(|known| &known.body).collect();
        let before = self.in_charge.len();
        self.in_charge.retain(|body, _| known.contains(body));
        self.moved |= before != self.in_charge.len();
        self.moved |= settled.iter().any(|settlement| settlement.purpose == Purpose::Confirm);
    }

    /// Judges what was settled, and who was told.
    fn carry(&mut self, carried: &Carried) {
        for step in &carried.settled {
            self.judge(&step.settlement);
        }
        for SettledStep { settlement, asked, in_charge, .. } in &carried.settled {
            let circuit = settlement.step.split('/').next().unwrap().to_owned();
            self.chapter().asked.entry(circuit.clone()).or_default().extend(asked.iter().chain(in_charge).cloned());
            for body in in_charge {
                self.counted.entry(body.clone()).or_default().insert(circuit.clone());
            }
        }
        for telling in &carried.tellings {
            self.told(telling);
        }
    }

    fn judge(&mut self, settlement: &Settlement) {
        let (now, step) = (self.now, settlement.step.clone());
        let mut broken = Vec::new();
        if settlement.outcome == StepOutcome::Expired {
            self.chapter().expired = true;
        }
        if let Some(rule) = step.strip_prefix("news/") {
            broken.extend(self.judge_news(rule, settlement));
        } else if !settlement.tell.is_empty() {
            let planned = self.planned(&step);
            if settlement.due_at > now {
                broken.push(format!("{step} is told before {}", settlement.due_at));
            }
            if !self.moved && planned.waits_for.is_none() && settlement.due_at != planned.due_at {
                broken.push(format!("{step} was planned for {} and is told at {}", planned.due_at, settlement.due_at));
            }
            if planned.unless_acknowledged && self.is_satisfied(&step) {
                broken.push(format!("{step} is told although somebody is in charge: {:?}", self.in_charge));
            }
            if planned.unless_returned.as_ref().is_some_and(|id| self.given.contains(id)) {
                broken.push(format!("{step} reminds of what was given"));
            }
            if self.closed && !planned.survives_closing {
                broken.push(format!("{step} is told after the closing"));
            }
            if !self.chapter().settled.insert(step.clone()) {
                broken.push(format!("{step} is told twice"));
            }
        }
        self.broken.extend(broken.into_iter().map(|what| format!("{now}: {what}")));
    }

    /// News come at once and not more often than their rule says, but for the end, and never after it.
    fn judge_news(&mut self, rule: &str, settlement: &Settlement) -> Vec<String> {
        let (now, mut broken) = (self.now, Vec::new());
        let Some(Occasion::New { what }) = &settlement.occasion else {
            return vec![format!("{rule} says nothing new")];
        };
        let over = what.iter().any(|novelty| matches!(novelty, Novelty::Over { .. } | Novelty::Reopened));
        let every = self.plan.escalation.plan.news.iter().find(|known| known.id == rule).unwrap().every_s;
        let last = self.news.insert(rule.to_owned(), now);
        if !over && last.is_some_and(|last| now < last + SignedDuration::from_secs(every.into())) {
            broken.push(format!("news {rule} come again too soon"));
        }
        if self.closed && !over {
            broken.push(format!("news {rule} come after the closing"));
        }
        broken
    }

    fn planned(&self, step: &str) -> PlannedStep {
        let (circuit, id) = step.split_once('/').unwrap();
        let circuit = self.plan.escalation.plan.circuits.iter().find(|known| known.id == circuit).unwrap();
        circuit.steps.iter().find(|known| known.id == id).unwrap().clone()
    }

    /// Whether those in charge are enough for the circuit of a step, as the doctrine's words say it.
    fn is_satisfied(&self, step: &str) -> bool {
        let id = step.split('/').next().unwrap();
        let circuit = self.plan.escalation.plan.circuits.iter().find(|known| known.id == id).unwrap();
        let counts = |body: &BodyId| self.counted.get(body).is_some_and(|circuits| circuits.contains(id));
        let counting: Vec<(&BodyId, &RoleId)> = self.in_charge.iter().filter(|(body, _)| counts(body)).collect();
        let of = |role: &RoleId| counting.iter().any(|(_, known)| *known == role);
        let intervenes = |role: &RoleId| self.city.directory.role(role).is_some_and(|role| role.intervenes);
        match &circuit.satisfied_by {
            SatisfiedBy::Anyone => counting.iter().any(|(_, role)| intervenes(role)),
            SatisfiedBy::AnyOf(roles) => roles.iter().any(of),
            SatisfiedBy::AllOf(roles) => roles.iter().all(of),
            SatisfiedBy::EachAsked => {
                let asked = self.chapters.last().unwrap().asked.get(id);
                let taken = |body: &BodyId| counting.iter().any(|(known, role)| *known == body && intervenes(role));
                asked.is_some_and(|asked| !asked.is_empty() && asked.iter().all(taken))
            }
            SatisfiedBy::AtLeast { count, of } => {
                let fits = |role: &RoleId| if of.is_empty() { intervenes(role) } else { of.contains(role) };
                let counted = counting.iter().filter(|(_, role)| fits(role)).count();
                counted >= usize::try_from(*count).unwrap()
            }
        }
    }

    /// Judges one telling: who may have it, by which channel, once; and whether somebody gets it.
    fn told(&mut self, telling: &Telling) {
        let now = self.now;
        let known = self.city.directory.contact(&telling.contact).unwrap();
        if let Some(class) = self.city.doctrine.class_of(&self.situation.kind) {
            let channels = telling.fallback.iter().map(|spare| spare.channel).chain([telling.channel]);
            for channel in channels.filter(|channel| !class.channels.contains(channel)) {
                self.broken.push(format!("{now}: {:?} sends what is {} by {channel}", telling.steps, class.label));
            }
            if !class.roles.is_empty() && !class.roles.contains(&telling.role) {
                self.broken.push(format!("{now}: {:?} tells {} what is {}", telling.steps, telling.role, class.label));
            }
        }
        // News come as often as there is something new.
        for step in telling.steps.iter().filter(|step| !step.starts_with("news/")) {
            if !self.chapter().told.insert((step.clone(), telling.contact.clone())) {
                self.broken.push(format!("{now}: {step} tells {} twice", telling.contact));
            }
        }
        if telling.purpose == Purpose::Acknowledge && !self.called.iter().any(|(body, _)| *body == telling.body) {
            self.called.push((telling.body.clone(), telling.role.clone()));
        }
        let alert = matches!(telling.purpose, Purpose::Acknowledge | Purpose::Inform);
        if alert && known.contact.is_proven() {
            let manned = self.city.directory.role(&telling.role).is_some_and(|role| role.manned);
            self.chapter().proven.push((now, manned));
        }
        self.deliver(telling);
    }

    /// A message leaves by its channel or the next that works; when none does, whoever is to learn of it can be told.
    fn deliver(&mut self, telling: &Telling) {
        let now = self.now;
        let works = |channel: Channel| self.dead.get(&channel).is_none_or(|until| *until <= now);
        if works(telling.channel) {
            return;
        }
        if telling.fallback.iter().any(|spare| works(spare.channel)) {
            self.fallen_back += 1;
            return;
        }
        self.undelivered += 1;
        let city = self.city;
        let proven = city.undeliverable_targets(&self.situation).iter().any(|target| {
            let mut bodies = city.directory.bodies_of(target).into_iter();
            bodies.any(|body| {
                let mut channels = city.doctrine.undeliverable.channels.iter();
                channels.any(|channel| body.reach(*channel, target.rank, now).iter().any(|contact| contact.is_proven()))
            })
        });
        if !proven {
            self.broken.push(format!("{now}: that {} could not be reached reaches nobody", telling.body));
        }
    }
}

fn snapshot(situation: &Situation, now: Timestamp) -> IncidentSnapshot {
    IncidentSnapshot {
        id: IncidentId(Uuid::nil()),
        reference: "R-2027-000001".to_owned(),
        version: 1,
        kind: situation.kind.clone(),
        kind_label: String::new(),
        severity: situation.severity,
        status: IncidentStatus::Open,
        sector: situation.sectors[0].clone(),
        sector_label: String::new(),
        also_concerns: Vec::new(),
        place_label: String::new(),
        expected_at: situation.expected_at,
        opened_at: now,
        regime: situation.regime,
        nature: situation.nature,
        precisions: Vec::new(),
        whereabouts: Whereabouts::default(),
        known: Known::default(),
    }
}

impl Chapter {
    fn new(severity: Severity, from: Timestamp) -> Self {
        Self {
            severity,
            from,
            excused: None,
            proven: Vec::new(),
            expired: false,
            told: BTreeSet::new(),
            settled: BTreeSet::new(),
            asked: BTreeMap::new(),
        }
    }
}
