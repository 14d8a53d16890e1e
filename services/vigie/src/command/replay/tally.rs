//! Counts what a run tells, whether it is simulated or what really happened.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use vigie_domain::{
    assess::Assessment,
    incident::Incident,
    simulation::{Answered, Due, Observer, Settled, Told, Unplaced},
};
use vigie_proto::{
    BodyId, Channel, IncidentId, Kind, Nature, RoleId, SectorId, Severity, SignalId,
    event::{Purpose, SignalRaisedV1, StepOutcome},
};

const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Messages by weekday (Monday first) and local hour.
pub(crate) type Week = [[u64; 24]; 7];

/// Everything counted of one run. What is real fills the fields; what is played is only numbered in `played`.
#[derive(Debug)]
pub(crate) struct Tally {
    zone: TimeZone,
    clock: Clock,
    /// Whom each incident told, and when first, is kept: needed to compare two runs.
    keeps_pairs: bool,
    pub(crate) signals: u64,
    pub(crate) by_kind: BTreeMap<(Kind, Severity), u64>,
    /// Signals that opened nothing, with the reason.
    pub(crate) unplaced: Vec<(String, String)>,
    pub(crate) reinforced: u64,
    pub(crate) aggravated: u64,
    pub(crate) closed: u64,
    pub(crate) incidents: HashMap<IncidentId, Story>,
    /// Tellings: one recipient, one channel, one incident.
    pub(crate) tellings: u64,
    /// Messages: tellings, those grouped in one message counted once.
    pub(crate) messages: u64,
    pub(crate) by_channel: BTreeMap<Channel, u64>,
    pub(crate) week: Week,
    /// Messages of each hour since 1970 in which there was one.
    pub(crate) hours: HashMap<i64, u32>,
    pub(crate) bodies: HashMap<BodyId, Load>,
    pub(crate) steps: BTreeMap<String, StepCount>,
    pub(crate) sectors: BTreeMap<SectorId, BTreeMap<Date, SectorMonth>>,
    pub(crate) refusals: u64,
    pub(crate) owed: Owing,
    pub(crate) played: Played,
    pub(crate) pairs: HashMap<(SignalId, BodyId), Pair>,
}

/// What was played, apart.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Played {
    pub(crate) signals: u64,
    pub(crate) incidents: u64,
    pub(crate) messages: u64,
}

/// What became of one incident.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) opened_at: Timestamp,
    /// The signal that opened it; the same in two runs of one stream.
    pub(crate) signal: Option<SignalId>,
    pub(crate) sector: SectorId,
    /// The gravest it was.
    pub(crate) severity: Severity,
    /// Somebody was asked to take charge.
    pub(crate) asked: bool,
    pub(crate) first_told: Option<Timestamp>,
    /// When a place manned at any hour was first told.
    pub(crate) manned_told: Option<Timestamp>,
    pub(crate) first_taken: Option<Timestamp>,
    /// Its last step was told with nobody in charge.
    pub(crate) exhausted: bool,
}

/// What one body receives.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) role: RoleId,
    pub(crate) messages: u64,
    pub(crate) by_channel: BTreeMap<Channel, u64>,
    /// Messages that ask it to take charge.
    pub(crate) asked: u64,
    pub(crate) incidents: u64,
    hours: HashMap<i64, u32>,
    /// The most messages of one incident within sixty minutes.
    pub(crate) one_event: u64,
    /// When it was told of which incident in the last sixty minutes.
    recent: VecDeque<(Timestamp, IncidentId)>,
    last_incident: Option<IncidentId>,
}

/// What one step did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct StepCount {
    pub(crate) tellings: u64,
    pub(crate) fired: u64,
    /// Not needed: somebody had taken charge.
    pub(crate) spared: u64,
    /// The directory has nobody for it.
    pub(crate) nobody: u64,
    pub(crate) bodies: BTreeSet<BodyId>,
}

/// One month of one sector.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SectorMonth {
    pub(crate) incidents: u64,
    pub(crate) messages: u64,
}

/// What was owed, and what became of it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Owing {
    pub(crate) owed: u64,
    pub(crate) given: u64,
    /// Not given when its time had passed.
    pub(crate) overdue: u64,
}

/// One body told of the incident that one signal opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) first_told: Timestamp,
    pub(crate) messages: u32,
}

/// One telling, wherever it is known from.
pub(crate) struct Message<'a> {
    pub(crate) at: Timestamp,
    pub(crate) incident: IncidentId,
    pub(crate) nature: Nature,
    pub(crate) body: &'a BodyId,
    pub(crate) role: &'a RoleId,
    pub(crate) channel: Channel,
    pub(crate) purpose: Purpose,
    pub(crate) steps: &'a [String],
    pub(crate) manned: bool,
    /// In the message of another incident, not one of its own.
    pub(crate) grouped: bool,
}

/// Local time of an hour, worked out once for all its messages.
#[derive(Debug, Clone, Copy)]
struct Clock {
    hour: i64,
    weekday: usize,
    local_hour: usize,
    month: Date,
}

/// Hours since 1970.
pub(crate) fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

impl Clock {
    /// Offsets of time zones change on the quarter of an hour at worst, and on the hour wherever this runs.
    fn at(hour: i64, zone: &TimeZone) -> Self {
        let local = Timestamp::from_second(hour * 3600).unwrap_or_default().to_zoned(zone.clone());
        let weekday = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
        let local_hour = usize::try_from(local.hour()).unwrap_or(0);
        Self { hour, weekday, local_hour, month: local.date().first_of_month() }
    }
}

impl Tally {
    pub(crate) fn new(zone: TimeZone, keeps_pairs: bool) -> Self {
        Self {
            clock: Clock::at(0, &zone),
            zone,
            keeps_pairs,
            signals: 0,
            by_kind: BTreeMap::new(),
            unplaced: Vec::new(),
            reinforced: 0,
            aggravated: 0,
            closed: 0,
            incidents: HashMap::new(),
            tellings: 0,
            messages: 0,
            by_channel: BTreeMap::new(),
            week: Week::default(),
            hours: HashMap::new(),
            bodies: HashMap::new(),
            steps: BTreeMap::new(),
            sectors: BTreeMap::new(),
            refusals: 0,
            owed: Owing::default(),
            played: Played::default(),
            pairs: HashMap::new(),
        }
    }

    /// A signal was received.
    pub(crate) fn signal(&mut self, signal: &SignalRaisedV1) {
        if signal.nature.is_exercise() {
            self.played.signals += 1;
        } else {
            self.signals += 1;
            *self.by_kind.entry((signal.kind.clone(), signal.severity)).or_default() += 1;
        }
    }

    /// An incident was opened, by `signal` when that is known.
    pub(crate) fn opening(
        &mut self,
        at: Timestamp,
        snapshot: &vigie_proto::event::IncidentSnapshot,
        signal: Option<SignalId>,
    ) {
        if snapshot.nature.is_exercise() {
            self.played.incidents += 1;
            return;
        }
        let story = Story {
            opened_at: at,
            signal,
            sector: snapshot.sector.clone(),
            severity: snapshot.severity,
            asked: false,
            first_told: None,
            manned_told: None,
            first_taken: None,
            exhausted: false,
        };
        self.month_of(at, &snapshot.sector).incidents += 1;
        self.incidents.insert(snapshot.id, story);
    }

    /// Somebody was told.
    pub(crate) fn telling(&mut self, message: &Message<'_>) {
        let own = !message.grouped;
        if message.nature.is_exercise() {
            self.played.messages += u64::from(own);
            return;
        }
        let (at, hour) = (message.at, hour_of(message.at));
        let asks = matches!(message.purpose, Purpose::Acknowledge | Purpose::TakeOver | Purpose::Confirm);
        self.tellings += 1;
        for step in message.steps {
            // Looked up before it is copied: the same few steps come again and again.
            if !self.steps.contains_key(step) {
                self.steps.insert(step.clone(), StepCount::default());
            }
            if let Some(count) = self.steps.get_mut(step) {
                count.tellings += 1;
                if !count.bodies.contains(message.body) {
                    count.bodies.insert(message.body.clone());
                }
            }
        }
        let load = match self.bodies.get_mut(message.body) {
            Some(load) => load,
            None => self.bodies.entry(message.body.clone()).or_insert_with(|| Load::new(message.role.clone())),
        };
        load.incidents += u64::from(load.last_incident.replace(message.incident) != Some(message.incident));
        load.asked += u64::from(asks);
        if own {
            load.messages += 1;
            load.tell_of(message.incident, at);
            *load.by_channel.entry(message.channel).or_default() += 1;
            *load.hours.entry(hour).or_default() += 1;
            self.messages += 1;
            *self.by_channel.entry(message.channel).or_default() += 1;
            *self.hours.entry(hour).or_default() += 1;
            let Clock { weekday, local_hour, .. } = self.clock(at);
            self.week[weekday][local_hour] += 1;
        }
        let Some(story) = self.incidents.get_mut(&message.incident) else { return };
        story.asked |= asks;
        story.first_told.get_or_insert(at);
        if message.manned {
            story.manned_told.get_or_insert(at);
        }
        if let Some(signal) = story.signal.filter(|_| self.keeps_pairs) {
            let pair = self.pairs.entry((signal, message.body.clone()));
            pair.or_insert(Pair { first_told: at, messages: 0 }).messages += 1;
        }
        if own {
            let sector = story.sector.clone();
            self.month_of(at, &sector).messages += 1;
        }
    }

    /// An incident became as grave as `severity`.
    pub(crate) fn worsening(&mut self, id: IncidentId, severity: Severity) {
        if let Some(story) = self.incidents.get_mut(&id) {
            story.severity = story.severity.max(severity);
            self.aggravated += 1;
        }
    }

    /// Somebody took charge of an incident.
    pub(crate) fn taking(&mut self, at: Timestamp, id: IncidentId) {
        if let Some(story) = self.incidents.get_mut(&id) {
            story.first_taken.get_or_insert(at);
        }
    }

    /// A step was dealt with.
    pub(crate) fn settling(&mut self, id: IncidentId, step: &str, outcome: &StepOutcome) {
        let counted = matches!(outcome, StepOutcome::Fired | StepOutcome::NobodyFound | StepOutcome::Acknowledged);
        if !counted || !self.incidents.contains_key(&id) {
            return;
        }
        if !self.steps.contains_key(step) {
            self.steps.insert(step.to_owned(), StepCount::default());
        }
        if let Some(count) = self.steps.get_mut(step) {
            count.fired += u64::from(*outcome == StepOutcome::Fired);
            count.nobody += u64::from(*outcome == StepOutcome::NobodyFound);
            count.spared += u64::from(*outcome == StepOutcome::Acknowledged);
        }
    }

    fn clock(&mut self, at: Timestamp) -> Clock {
        let hour = hour_of(at);
        if self.clock.hour != hour {
            self.clock = Clock::at(hour, &self.zone);
        }
        self.clock
    }

    fn month_of(&mut self, at: Timestamp, sector: &SectorId) -> &mut SectorMonth {
        let month = self.clock(at).month;
        if !self.sectors.contains_key(sector) {
            self.sectors.insert(sector.clone(), BTreeMap::new());
        }
        self.sectors.entry(sector.clone()).or_default().entry(month).or_default()
    }
}

impl Load {
    fn new(role: RoleId) -> Self {
        Self {
            role,
            messages: 0,
            by_channel: BTreeMap::new(),
            asked: 0,
            incidents: 0,
            hours: HashMap::new(),
            one_event: 0,
            recent: VecDeque::new(),
            last_incident: None,
        }
    }

    fn tell_of(&mut self, incident: IncidentId, at: Timestamp) {
        while self.recent.front().is_some_and(|(told, _)| at.duration_since(*told) >= AN_HOUR) {
            self.recent.pop_front();
        }
        self.recent.push_back((at, incident));
        let of_it = self.recent.iter().filter(|(_, known)| *known == incident).count();
        self.one_event = self.one_event.max(of_it as u64);
    }

    /// The hour (since 1970) of most messages, the first of several.
    pub(crate) fn worst_hour(&self) -> Option<(i64, u32)> {
        worst(&self.hours)
    }
}

/// The hour of most messages, the first of several.
pub(crate) fn worst(hours: &HashMap<i64, u32>) -> Option<(i64, u32)> {
    hours.iter().map(|(hour, count)| (*hour, *count)).max_by_key(|(hour, count)| (*count, -hour))
}

impl Observer for Tally {
    fn raised(&mut self, signal: &SignalRaisedV1, _: &Assessment) {
        self.signal(signal);
    }

    fn unplaced(&mut self, signal: &SignalRaisedV1, why: &Unplaced) {
        let mut text = why.to_string();
        let mut source = std::error::Error::source(why);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        self.unplaced.push((signal.reference.clone(), text));
    }

    fn opened(&mut self, at: Timestamp, incident: &Incident, signal: &SignalRaisedV1) {
        self.opening(at, &incident.snapshot, Some(signal.signal_id));
    }

    fn reinforced(&mut self, _: Timestamp, incident: &Incident) {
        self.reinforced += u64::from(!incident.snapshot.nature.is_exercise());
    }

    fn aggravated(&mut self, _: Timestamp, incident: &Incident) {
        self.worsening(incident.snapshot.id, incident.snapshot.severity);
    }

    fn settled(&mut self, settled: &Settled<'_>) {
        self.settling(settled.incident.snapshot.id, &settled.settlement.step, settled.outcome);
    }

    fn told(&mut self, told: &Told<'_>) {
        let (telling, snapshot) = (told.telling, &told.incident.snapshot);
        self.telling(&Message {
            at: told.at,
            incident: snapshot.id,
            nature: snapshot.nature,
            body: &telling.body,
            role: &telling.role,
            channel: telling.channel,
            purpose: telling.purpose,
            steps: &telling.steps,
            manned: told.manned,
            grouped: told.shares_message,
        });
    }

    fn took_charge(&mut self, answered: &Answered<'_>) {
        self.taking(answered.at, answered.incident.snapshot.id);
    }

    fn refused(&mut self, answered: &Answered<'_>) {
        self.refusals += u64::from(!answered.incident.snapshot.nature.is_exercise());
    }

    fn unanswered(&mut self, _: Timestamp, incident: &Incident) {
        if let Some(story) = self.incidents.get_mut(&incident.snapshot.id) {
            story.exhausted = true;
        }
    }

    fn owed(&mut self, due: &Due<'_>) {
        self.owed.owed += u64::from(!due.incident.snapshot.nature.is_exercise());
    }

    fn returned(&mut self, due: &Due<'_>) {
        self.owed.given += u64::from(!due.incident.snapshot.nature.is_exercise());
    }

    fn overdue(&mut self, due: &Due<'_>) {
        self.owed.overdue += u64::from(!due.incident.snapshot.nature.is_exercise());
    }

    fn closed(&mut self, _: Timestamp, incident: &Incident) {
        self.closed += u64::from(!incident.snapshot.nature.is_exercise());
    }
}
