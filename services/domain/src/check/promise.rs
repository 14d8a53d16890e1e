//! What is promised at every minute: somebody is told, and a place manned 24 hours a day within the bound.
//!
//! Each situation a signal can make is told apart by the circuits that apply to it; each is then examined at every minute
//! of the period, as sets of minutes: the reach of a step, shifted by its delay.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use jiff::SignedDuration;
use vigie_proto::{CrisisRegime, Kind, Nature, RoleId, SectorId, Severity, plan::local_day};

use super::{
    finding::{Draft, Findings, Level, Promise},
    minutes::Minutes,
    reach::{Need, Reach},
};
use crate::doctrine::{AudiencePlace, Circuit, Due, Situation, Step, freeze};

/// How many minutes after the opening a step comes, when nobody answers.
#[derive(Clone)]
enum Delay {
    Constant(usize),
    /// For each minute of opening.
    PerMinute(Rc<Vec<usize>>),
}

/// Everything examined over all situations.
pub(super) struct Examined {
    pub(super) promises: Vec<Promise>,
    pub(super) situations: usize,
}

/// A step of a situation: its delay and the minutes at which it reaches somebody of each need.
struct Coming {
    delay: Delay,
    proven: Minutes,
    manned: Minutes,
}

pub(super) fn examine(reach: &Reach<'_>, sectors: &[SectorId], findings: &mut Findings) -> Examined {
    let mut examiner = Examiner { reach, findings, delays: HashMap::new() };
    let doctrine = &reach.city.doctrine;
    let (mut promises, mut situations) = (Vec::new(), 0);
    for (kind, rule) in &doctrine.kinds {
        let raisers: Vec<&RoleId> = reach
            .city
            .directory
            .role_rules()
            .filter(|(_, role)| role.raises.contains(kind))
            .map(|(id, _)| id)
            .collect();
        for severity in Severity::ALL {
            let within_min = rule.manned_within_min.get(&severity).copied();
            let mut promise = Promise {
                kind: kind.clone(),
                severity,
                within_min,
                worst_min: Some(0),
                worst_at: None,
                worst_in: None,
            };
            let mut carried = false;
            for sets in distinct(&doctrine.circuits, kind, severity, &raisers) {
                for sector in sectors {
                    situations += 1;
                    carried |= !sets.circuits.is_empty();
                    examiner.situation(kind, severity, &sets, sector, &mut promise);
                }
            }
            let grave = severity >= Severity::Serious && carried;
            if grave && within_min.is_none() && rule.class.as_ref().is_none_or(|class| !examiner.is_judicial(class)) {
                let what = format!("`{kind}` says nothing of how soon a manned place is told at {severity}");
                let remedy = "add the severity to manned_within_min of the kind";
                let draft = Draft {
                    level: Level::Error,
                    code: "bound-undeclared",
                    origin: rule.origin.clone(),
                    message: what,
                    sector: None,
                    when: None,
                    remedy,
                };
                examiner.findings.add(draft, &doctrine.zone);
            }
            if carried {
                promises.push(promise);
            }
        }
    }
    examiner.windows();
    examiner.undeliverable(sectors);
    Examined { promises, situations }
}

/// Circuits that apply together, and whom that is so for.
struct Applying<'a> {
    circuits: Vec<&'a Circuit>,
    raised_by: RoleId,
    regime: CrisisRegime,
}

/// Every distinct set of circuits that a signal of a kind and severity can meet: over regimes, raisers and conditions.
fn distinct<'a>(circuits: &'a [Circuit], kind: &Kind, severity: Severity, raisers: &[&RoleId]) -> Vec<Applying<'a>> {
    let mut seen: BTreeSet<Vec<usize>> = BTreeSet::new();
    let mut found = Vec::new();
    for regime in CrisisRegime::ALL {
        for raiser in raisers {
            for conditions in 0..16_u8 {
                let situation = blank(kind, severity, raiser, regime, conditions);
                let applying: Vec<usize> = circuits
                    .iter()
                    .enumerate()
                    .filter(|(_, circuit)| freeze::applies(circuit, &situation))
                    .map(|(position, _)| position)
                    .collect();
                if seen.insert(applying.clone()) {
                    let circuits = applying.into_iter().map(|position| &circuits[position]).collect();
                    found.push(Applying { circuits, raised_by: (*raiser).clone(), regime });
                }
            }
        }
    }
    found
}

/// A situation in which exactly the conditions of `bits` hold.
fn blank(kind: &Kind, severity: Severity, raised_by: &RoleId, regime: CrisisRegime, bits: u8) -> Situation {
    let holds = |bit: u8| bits >> bit & 1 == 1;
    let somewhere = || SectorId::new("elsewhere").into_iter().collect::<Vec<_>>();
    Situation {
        kind: kind.clone(),
        severity,
        raised_by: raised_by.clone(),
        raiser: None,
        sectors: Vec::new(),
        neighbours: if holds(0) { somewhere() } else { Vec::new() },
        school: if holds(1) { vigie_proto::Uai::new("0750001A").ok() } else { None },
        schools_around: Vec::new(),
        regime,
        nature: if holds(2) { Nature::Exercise } else { Nature::Real },
        expected_at: holds(3).then_some(jiff::Timestamp::UNIX_EPOCH),
    }
}

struct Examiner<'a, 'r, 'f> {
    reach: &'r Reach<'a>,
    findings: &'f mut Findings,
    delays: HashMap<String, Rc<Vec<usize>>>,
}

impl Examiner<'_, '_, '_> {
    fn is_judicial(&self, class: &str) -> bool {
        // A class that names its roles without any manned place cannot promise one.
        let directory = &self.reach.city.directory;
        let roles = self.reach.city.doctrine.classes.get(class).map(|class| class.roles.as_slice()).unwrap_or_default();
        !roles.is_empty() && !roles.iter().any(|role| directory.role(role).is_some_and(|role| role.manned))
    }

    fn situation(
        &mut self,
        kind: &Kind,
        severity: Severity,
        applying: &Applying<'_>,
        sector: &SectorId,
        promise: &mut Promise,
    ) {
        let opening = self.reach.period.opening;
        let mut coming = Vec::new();
        for circuit in &applying.circuits {
            let mut last = Some(Delay::Constant(0));
            for step in &circuit.steps {
                let Some(delay) = self.delay(step, circuit, &mut last) else { continue };
                let proven = self.reach.step(step, sector, Need::Proven);
                let manned = self.reach.step(step, sector, Need::Manned);
                self.look(circuit, step, &delay, sector);
                coming.push(Coming { delay, proven, manned });
            }
        }
        let origin = applying
            .circuits
            .first()
            .map_or_else(|| self.reach.city.doctrine.kinds[kind].origin.clone(), |circuit| circuit.origin.clone());
        let mut untold = Minutes::all(opening);
        for step in &coming {
            untold.and_not(&told(step, &step.proven, opening));
        }
        if let Some(first) = untold.earliest() {
            let what = format!(
                "a signal of {kind}, {severity}, raised by {} under the regime {} reaches nobody by a proven contact point",
                applying.raised_by, applying.regime
            );
            let when = (self.reach.period.at(first), untold.run_from(first));
            self.add(
                Level::Error,
                "nobody-told",
                &origin,
                what,
                Some(sector),
                Some(when),
                "tell somebody who is there at that hour, on a contact point that was answered",
            );
        }
        self.bound(&coming, &origin, sector, promise);
    }

    /// How long until a manned place is told, at worst.
    fn bound(&mut self, coming: &[Coming], origin: &crate::doctrine::Origin, sector: &SectorId, promise: &mut Promise) {
        let opening = self.reach.period.opening;
        let worst = worst(coming, opening);
        let Some((minutes, at)) = worst else {
            if promise.within_min.is_some() {
                let mut open = Minutes::all(opening);
                for step in coming {
                    open.and_not(&told(step, &step.manned, opening));
                }
                let first = open.earliest().unwrap_or(0);
                let when = (self.reach.period.at(first), open.run_from(first));
                let what =
                    format!("{}, {}: no place manned 24 hours a day is told for sure", promise.kind, promise.severity);
                self.add(
                    Level::Error,
                    "bound-exceeded",
                    origin,
                    what,
                    Some(sector),
                    Some(when),
                    "add a step that tells a manned place, without hours",
                );
            }
            promise.worst_min = None;
            return;
        };
        let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
        if promise.worst_min.is_some_and(|known| minutes > known || promise.worst_at.is_none()) {
            promise.worst_min = Some(minutes);
            promise.worst_at = Some(self.reach.period.at(at));
            promise.worst_in = Some(sector.clone());
        }
        if let Some(within) = promise.within_min.filter(|within| minutes > *within) {
            let what = format!(
                "{}, {}: a manned place is told after {minutes} min when nobody answers, and {within} are promised",
                promise.kind, promise.severity
            );
            let when = (self.reach.period.at(at), 1);
            self.add(
                Level::Error,
                "bound-exceeded",
                origin,
                what,
                Some(sector),
                Some(when),
                "tell it sooner, or declare the longer bound in manned_within_min",
            );
        }
    }

    /// A step that at some minute tells nobody, or a body nobody answers for.
    fn look(&mut self, circuit: &Circuit, step: &Step, delay: &Delay, sector: &SectorId) {
        let period = self.reach.period;
        let name = format!("{}/{}", circuit.id, step.id);
        let depends = |place: AudiencePlace| !matches!(place, AudiencePlace::City | AudiencePlace::Sector);
        for audience in &step.tell {
            for body in self.reach.bodies(audience, sector) {
                let present = self.reach.body(body, audience.rank, step, Need::Present);
                let proven = self.reach.body(body, audience.rank, step, Need::Proven);
                let mut hole = Minutes::all(period.telling);
                hole.and_not(&present);
                if let Some(first) = hole.earliest() {
                    let what = format!("{name}: nobody answers for {} at that rank on these channels", body.id);
                    let when = (period.at(first), hole.run_from(first));
                    self.add(
                        Level::Error,
                        "nobody-on-duty",
                        &step.origin,
                        what,
                        Some(sector),
                        Some(when),
                        "fill the roster, give its contact points the channel, or add a fallback channel to the step",
                    );
                    continue;
                }
                let mut unproven = Minutes::all(period.telling);
                unproven.and_not(&proven);
                if let Some(first) = unproven.earliest() {
                    let what = format!("{name}: no contact point of {} there was ever answered", body.id);
                    let when = (period.at(first), unproven.run_from(first));
                    self.add(
                        Level::Warning,
                        "unproven-contact",
                        &step.origin,
                        what,
                        Some(sector),
                        Some(when),
                        "verify the contact point, or run a reachability drill",
                    );
                }
            }
        }
        let waits = step.tell.iter().any(|audience| audience.outside == crate::doctrine::Outside::Wait);
        if waits || step.tell.iter().any(|audience| depends(audience.place)) {
            return;
        }
        let reached = self.reach.step(step, sector, Need::Present);
        let mut silent = Minutes::all(period.opening);
        let coming = Coming { delay: delay.clone(), proven: reached.clone(), manned: Minutes::none(0) };
        silent.and_not(&told(&coming, &reached, period.opening));
        let bodies = step.tell.iter().any(|audience| !self.reach.bodies(audience, sector).is_empty());
        if let (Some(first), true) = (silent.earliest(), bodies) {
            let what = format!("{name} tells nobody at some hours");
            let when = (period.at(first), silent.run_from(first));
            self.add(
                Level::Error,
                "silent-step",
                &step.origin,
                what,
                Some(sector),
                Some(when),
                "say whom to tell outside those hours: outside = { tell = [...] }",
            );
        }
    }

    fn windows(&mut self) {
        let doctrine = &self.reach.city.doctrine;
        for (name, window) in &doctrine.windows {
            if self.reach.window(name).is_empty() {
                let origin = crate::doctrine::Origin { file: "doctrine.toml".to_owned(), line: 1 };
                let what = format!("window `{name}` ({}) does not open in the period", window.label);
                self.add(Level::Error, "window-never-opens", &origin, what, None, None, "correct its hours or not_on");
            }
        }
    }

    /// The alert that somebody could not be reached reaches somebody at every minute.
    fn undeliverable(&mut self, sectors: &[SectorId]) {
        let doctrine = &self.reach.city.doctrine;
        let origin = crate::doctrine::Origin { file: "doctrine.toml".to_owned(), line: 1 };
        let step = Step {
            id: "undeliverable".to_owned(),
            due: Due::AfterMin(0),
            repeat: None,
            unless_acknowledged: false,
            unless_returned: None,
            survives_closing: false,
            expects: vigie_proto::plan::Expects::Nothing,
            tell: doctrine.undeliverable.tell.clone(),
            channels: doctrine.undeliverable.channels.clone(),
            fallback: Vec::new(),
            stale_after_min: 0,
            timing: crate::doctrine::Timing::Default,
            origin: origin.clone(),
        };
        for sector in sectors {
            let mut silent = Minutes::all(self.reach.period.telling);
            silent.and_not(&self.reach.step(&step, sector, Need::Proven));
            if let Some(first) = silent.earliest() {
                let what = "that somebody could not be reached is told to nobody at some hours".to_owned();
                let when = (self.reach.period.at(first), silent.run_from(first));
                self.add(
                    Level::Error,
                    "undeliverable-silent",
                    &origin,
                    what,
                    Some(sector),
                    Some(when),
                    "let [undeliverable] tell a place manned 24 hours a day on a proven channel",
                );
            }
        }
    }

    /// When a step comes after the opening; none when something must happen first, or an hour be announced.
    ///
    /// `last` is when the one before came for the last time, as the plan counts it; none when that is not known.
    fn delay(&mut self, step: &Step, circuit: &Circuit, last: &mut Option<Delay>) -> Option<Delay> {
        let zone = self.reach.city.doctrine.zone.clone();
        let delay = match &step.due {
            Due::AfterMin(min) => Some(Delay::Constant(minutes(*min))),
            Due::AfterLastMin(min) => last.as_ref().map(|last| last.later(minutes(*min))),
            Due::NextLocal(times) => {
                let next = |at| freeze::next_local(times, &zone, at);
                Some(Delay::PerMinute(self.per_minute(format!("{times:?}"), next)))
            }
            Due::OnDay { day, at } => {
                let next = |now| local_day(now, *day, *at, &zone).unwrap_or(now).max(now);
                Some(Delay::PerMinute(self.per_minute(format!("{day} {at}"), next)))
            }
            // They come, at a time of their own, or do not: what follows them is not known.
            Due::BeforeExpectedMin(_) | Due::AfterExpectedMin(_) => None,
            Due::AfterOwedMin { owed, .. } if !from_closing(circuit, owed) => None,
            // What follows them follows the one before.
            Due::AfterOwedMin { .. }
            | Due::AfterAcknowledgement { .. }
            | Due::AfterClosingMin(_)
            | Due::AfterClosingDay { .. } => return None,
        };
        let turns = step.repeat.map_or(0, |repeat| minutes(repeat.every_min) * minutes(repeat.times));
        *last = delay.as_ref().map(|delay| delay.later(turns));
        delay
    }

    fn per_minute(&mut self, key: String, due: impl Fn(jiff::Timestamp) -> jiff::Timestamp) -> Rc<Vec<usize>> {
        let period = self.reach.period;
        let compute = || {
            (0..period.opening)
                .map(|minute| {
                    let at = period.at(minute);
                    let delay: SignedDuration = due(at).duration_since(at);
                    usize::try_from(delay.as_secs().max(0) / 60).unwrap_or(usize::MAX)
                })
                .collect()
        };
        Rc::clone(self.delays.entry(key).or_insert_with(|| Rc::new(compute())))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a finding")]
    fn add(
        &mut self,
        level: Level,
        code: &'static str,
        origin: &crate::doctrine::Origin,
        message: String,
        sector: Option<&SectorId>,
        when: Option<(jiff::Timestamp, usize)>,
        remedy: &'static str,
    ) {
        let draft = Draft { level, code, origin: origin.clone(), message, sector: sector.cloned(), when, remedy };
        self.findings.add(draft, &self.reach.city.doctrine.zone);
    }
}

impl Delay {
    /// So many minutes later.
    fn later(&self, more: usize) -> Self {
        match self {
            Self::Constant(minutes) => Self::Constant(minutes + more),
            Self::PerMinute(delays) if more == 0 => Self::PerMinute(Rc::clone(delays)),
            Self::PerMinute(delays) => Self::PerMinute(Rc::new(delays.iter().map(|delay| delay + more).collect())),
        }
    }
}

/// Whether the clock of something a circuit says is owed starts at the closing.
fn from_closing(circuit: &Circuit, owed: &str) -> bool {
    circuit.owed.iter().any(|rule| rule.id == owed && rule.from_closing)
}

fn minutes(minutes: u32) -> usize {
    usize::try_from(minutes).unwrap_or(usize::MAX)
}

/// Minutes of opening at which a step that reaches somebody at `reached` tells them.
fn told(step: &Coming, reached: &Minutes, opening: usize) -> Minutes {
    match &step.delay {
        Delay::Constant(minutes) => reached.later(*minutes).first(opening),
        Delay::PerMinute(delays) => {
            let mut told = Minutes::none(opening);
            for (minute, delay) in delays.iter().enumerate() {
                if reached.contains(minute + delay) {
                    told.insert(minute);
                }
            }
            told
        }
    }
}

/// The longest wait for a manned place, and the minute of opening it is for; none when some minute has no end to it.
fn worst(coming: &[Coming], opening: usize) -> Option<(usize, usize)> {
    let mut constant: Vec<(usize, &Coming)> = coming
        .iter()
        .filter_map(|step| match step.delay {
            Delay::Constant(minutes) if !step.manned.is_empty() => Some((minutes, step)),
            Delay::Constant(_) | Delay::PerMinute(_) => None,
        })
        .collect();
    constant.sort_by_key(|(minutes, _)| *minutes);
    let mut open = Minutes::all(opening);
    let mut worst = None;
    for (minutes, step) in constant {
        let Some(first) = open.earliest() else { break };
        let mut reached = told(step, &step.manned, opening);
        reached.and(&open);
        if let Some(at) = reached.earliest() {
            worst = Some((minutes, at.max(first)));
            open.and_not(&reached);
        }
    }
    // Steps at an hour of the day: for the minutes no constant one covers.
    let mut late: BTreeMap<usize, usize> = BTreeMap::new();
    for minute in open.iter() {
        let soonest = coming.iter().filter_map(|step| match &step.delay {
            Delay::PerMinute(delays) => Some(delays[minute]).filter(|delay| step.manned.contains(minute + delay)),
            Delay::Constant(_) => None,
        });
        late.insert(minute, soonest.min()?);
    }
    let longest = late.into_iter().map(|(minute, delay)| (delay, minute)).max();
    longest.max(worst).or(worst)
}
