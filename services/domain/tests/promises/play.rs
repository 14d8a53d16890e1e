//! Plays one incident through the plan, the machine and the rosters, and judges every telling by its own lights.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use vigie_domain::{
    audience::{Resolved, Telling, resolve},
    city::City,
    doctrine::{Situation, freeze},
    escalation::{Escalation, Settlement, TakingCharge},
};
use vigie_proto::{
    BodyId, Channel, ContactId, RoleId, Severity,
    event::{Purpose, StepOutcome},
    plan::{PlannedStep, SatisfiedBy},
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
    situation: Situation,
    escalation: Escalation,
    version: u32,
    now: Timestamp,
    pub(crate) chapters: Vec<Chapter>,
    /// Who is in charge, by the judge's own count.
    in_charge: BTreeMap<BodyId, RoleId>,
    /// By body: the circuits that had asked it when it took charge.
    counted: BTreeMap<BodyId, BTreeSet<String>>,
    /// Everybody asked to take charge, in order.
    called: Vec<(BodyId, RoleId)>,
    /// Steps' times may no longer be those of the plan.
    moved: bool,
    given: BTreeSet<String>,
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
    pub(crate) fn of(city: &'a City, script: &Script) -> Self {
        let (situation, now) = (script.situation(city), script.opens_at());
        let escalation = Escalation::start(freeze(&city.doctrine, &situation, now, 1.0), 1);
        let mut play = Self {
            city,
            chapters: vec![Chapter::new(situation.severity, now)],
            situation,
            escalation,
            version: 1,
            now,
            in_charge: BTreeMap::new(),
            counted: BTreeMap::new(),
            called: Vec::new(),
            moved: false,
            given: BTreeSet::new(),
            closed: false,
            outages: Vec::new(),
            dead: BTreeMap::new(),
            fallen_back: 0,
            undelivered: 0,
            broken: Vec::new(),
        };
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

    /// Lets time pass until `end`; the plan is looked at whenever something is due, but not in an outage.
    fn until(&mut self, end: Timestamp) {
        let back = self.outages.last().map_or(self.now, |(_, until)| (*until).max(self.now));
        while let Some(due) = self.escalation.next_due().map(|due| due.max(back)).filter(|due| *due <= end.max(back)) {
            self.now = due.max(self.now);
            let settlements = self.escalation.settle_due(self.now);
            if self.escalation.next_due().is_some_and(|due| due <= self.now) {
                self.broken.push(format!("{}: something due is left behind", self.now));
                return;
            }
            self.lapses(&settlements);
            self.carry(&settlements);
        }
        self.now = end.max(back);
    }

    fn happens(&mut self, happening: Happening) {
        let now = self.now;
        let any = |list: &[(BodyId, RoleId)], n: usize| list.get(n % list.len().max(1)).cloned();
        match happening {
            Happening::Acknowledge(n) => {
                if let Some((body, role)) = any(&self.called, n).filter(|_| !self.closed) {
                    self.in_charge.insert(body.clone(), role.clone());
                    let asked = self.chapter().asked.clone();
                    let by = asked.into_iter().filter(|(_, bodies)| bodies.contains(&body)).map(|(circuit, _)| circuit);
                    self.counted.insert(body.clone(), by.collect());
                    self.excuse();
                    let intervenes = self.city.directory.role(&role).is_some_and(|role| role.intervenes);
                    let seen_version = self.version;
                    let taking = TakingCharge { body, role: &role, intervenes, seen_version, counts_for: None };
                    let settlements = self.escalation.acknowledge(taking, now);
                    self.carry(&settlements);
                }
            }
            Happening::Refuse(n) => {
                if let Some((body, _)) = any(&self.called, n).filter(|_| !self.closed) {
                    self.moved = true;
                    self.in_charge.remove(&body);
                    self.escalation.refuse(&body, now);
                }
            }
            Happening::HandOver(n) => {
                let from = self.in_charge.keys().next().cloned().filter(|_| !self.closed);
                if let (Some(from), Some((to, role))) = (from, any(&self.called, n)) {
                    self.moved = true;
                    let circuits: Vec<String> =
                        self.escalation.plan.circuits.iter().map(|circuit| circuit.id.clone()).collect();
                    let held: Vec<String> = circuits.iter().filter(|id| self.is_satisfied(id)).cloned().collect();
                    self.in_charge.remove(&from);
                    let mut released: Vec<String> = held.into_iter().filter(|id| !self.is_satisfied(id)).collect();
                    if released.is_empty() {
                        released.extend(circuits.into_iter().take(1));
                    }
                    for circuit in released {
                        self.chapter().asked.entry(circuit).or_default().insert(to.clone());
                    }
                    self.escalation.hand_over(&from, to, role, now);
                }
            }
            Happening::Outage(min) => self.outages.push((now, now + SignedDuration::from_mins(min.into()))),
            Happening::Dead(channel, min) => {
                self.dead.insert(channel, now + SignedDuration::from_mins(min.into()));
            }
            Happening::Aggravate => self.aggravate(),
            Happening::GiveBack => {
                let owed = self.escalation.plan.owed.first().map(|owed| owed.id.clone());
                if let Some(owed) = owed {
                    self.given.insert(owed.clone());
                    let settlements = self.escalation.give_back(&owed);
                    self.carry(&settlements);
                }
            }
            Happening::Close => {
                if !self.closed {
                    self.excuse();
                    self.closed = true;
                    let settlements = self.escalation.close(now);
                    self.carry(&settlements);
                }
            }
        }
    }

    fn aggravate(&mut self) {
        let graver = Severity::ALL.into_iter().find(|severity| *severity > self.situation.severity);
        let Some(graver) = graver.filter(|_| !self.closed) else { return };
        self.excuse();
        self.version += 1;
        self.situation.severity = graver;
        self.in_charge.clear();
        self.moved = false;
        let plan = freeze(&self.city.doctrine, &self.situation, self.now, 1.0);
        let settlements = self.escalation.aggravate(plan, self.version);
        if settlements.iter().any(|settlement| !settlement.tell.is_empty()) {
            self.broken.push(format!("{}: a plan that is replaced tells somebody", self.now));
        }
        self.chapters.push(Chapter::new(graver, self.now));
    }

    fn excuse(&mut self) {
        let now = self.now;
        self.chapter().excused.get_or_insert(now);
    }

    fn chapter(&mut self) -> &mut Chapter {
        self.chapters.last_mut().unwrap()
    }

    /// An acknowledgement that lapsed no longer counts for the judge either: the machine's list is the record of it.
    fn lapses(&mut self, settlements: &[Settlement]) {
        let known: BTreeSet<&BodyId> = self.escalation.acknowledgements.iter().map(|known| &known.body).collect();
        let before = self.in_charge.len();
        self.in_charge.retain(|body, _| known.contains(body));
        self.moved |= before != self.in_charge.len();
        self.moved |= settlements.iter().any(|settlement| settlement.purpose == Purpose::Confirm);
    }

    /// Judges what was settled, and tells.
    fn carry(&mut self, settlements: &[Settlement]) {
        for settlement in settlements {
            self.judge(settlement);
        }
        let Resolved { tellings, in_charge, .. } = resolve(settlements, &self.city.directory, self.now);
        for (step, bodies) in &in_charge {
            self.escalation.asked_in_charge(step, bodies);
            let circuit = step.split('/').next().unwrap().to_owned();
            self.chapter().asked.entry(circuit.clone()).or_default().extend(bodies.clone());
            for body in bodies {
                self.counted.entry(body.clone()).or_default().insert(circuit.clone());
            }
        }
        for settlement in settlements.iter().filter(|settlement| settlement.purpose == Purpose::Acknowledge) {
            let told = tellings.iter().filter(|telling| telling.steps.contains(&settlement.step));
            let bodies: BTreeSet<BodyId> = told.map(|telling| telling.body.clone()).collect();
            self.escalation.asked(&settlement.step, bodies.clone());
            let circuit = settlement.step.split('/').next().unwrap().to_owned();
            self.chapter().asked.entry(circuit).or_default().extend(bodies);
        }
        for telling in &tellings {
            self.told(telling);
        }
    }

    fn judge(&mut self, settlement: &Settlement) {
        let (now, step) = (self.now, settlement.step.clone());
        let mut broken = Vec::new();
        if settlement.outcome == StepOutcome::Expired {
            self.chapter().expired = true;
        }
        if !settlement.tell.is_empty() {
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

    fn planned(&self, step: &str) -> PlannedStep {
        let (circuit, id) = step.split_once('/').unwrap();
        let circuit = self.escalation.plan.circuits.iter().find(|known| known.id == circuit).unwrap();
        circuit.steps.iter().find(|known| known.id == id).unwrap().clone()
    }

    /// Whether those in charge are enough for the circuit of a step, as the doctrine's words say it.
    fn is_satisfied(&self, step: &str) -> bool {
        let id = step.split('/').next().unwrap();
        let circuit = self.escalation.plan.circuits.iter().find(|known| known.id == id).unwrap();
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
        for step in &telling.steps {
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
