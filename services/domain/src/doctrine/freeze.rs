//! Applies the doctrine to one incident: times and places are worked out, only duty rosters are left for later.

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use vigie_proto::{
    BodyId, Channel, CrisisRegime, Kind, Nature, RoleId, SectorId, Severity, Uai,
    plan::{
        Expects, Offset, Owed, OwedTo, Plan, PlannedCircuit, PlannedNews, PlannedStep, Scope, Span, Staleness, Target,
        Trigger, WaitsFor, local_day,
    },
};

use super::{
    Audience, AudiencePlace, Circuit, Condition, Doctrine, Due, NewsRule, Outside, OwedRule, Repeat, Step, Window,
    Within,
};

/// What the doctrine needs to know of an incident.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Situation {
    pub kind: Kind,
    pub severity: Severity,
    /// Role of whoever raised the first signal.
    pub raised_by: RoleId,
    /// The body it was raised by, when known.
    #[serde(default)]
    pub raiser: Option<BodyId>,
    /// Owner first, then the sectors its uncertainty touches.
    pub sectors: Vec<SectorId>,
    /// Sectors and communes within reach, nearest first, none of `sectors`.
    pub neighbours: Vec<SectorId>,
    /// The school concerned.
    pub school: Option<Uai>,
    /// Schools around, nearest first, the one concerned included.
    pub schools_around: Vec<Uai>,
    #[serde(default)]
    pub regime: CrisisRegime,
    #[serde(default)]
    pub nature: Nature,
    #[serde(default)]
    pub expected_at: Option<Timestamp>,
}

impl Situation {
    /// The sector that owns the incident.
    pub fn owner(&self) -> &SectorId {
        &self.sectors[0]
    }
}

/// The plan `doctrine` gives to `situation` from `now` on, every delay divided by `time_scale`.
///
/// Steps whose audience has no place here (no neighbour, no school) are left out, as are those that count from something
/// this incident has not (an expected time); circuits left without steps too.
pub fn freeze(doctrine: &Doctrine, situation: &Situation, now: Timestamp, time_scale: f64) -> Plan {
    let planner = Planner { doctrine, situation, now, time_scale };
    let applying = doctrine.circuits.iter().filter(|circuit| applies(circuit, situation));
    let news = doctrine.news.iter().filter_map(|rule| planner.news(rule)).collect();
    let mut plan = Plan {
        doctrine: doctrine.hash().to_owned(),
        circuits: Vec::new(),
        owed: Vec::new(),
        news,
        one_message_by: doctrine.thread.one_message_by.clone(),
    };
    for circuit in applying {
        let owed: Vec<Owed> = circuit.owed.iter().flat_map(|rule| planner.owed(circuit, rule)).collect();
        if let Some(circuit) = planner.circuit(circuit, &owed) {
            plan.owed.extend(owed);
            plan.circuits.push(circuit);
        }
    }
    plan
}

/// What bringing `sectors` in adds to the plan of `situation`: the steps that tell neighbours, for those only.
///
/// Steps are named after the first sector, so that sectors may be brought in one after the other.
pub fn involve(
    doctrine: &Doctrine,
    situation: &Situation,
    sectors: &[SectorId],
    now: Timestamp,
    time_scale: f64,
) -> Plan {
    let situation = Situation { neighbours: sectors.to_vec(), ..situation.clone() };
    let mut plan = freeze(doctrine, &situation, now, time_scale);
    let suffix = sectors.first().map_or("", SectorId::as_str);
    for circuit in &mut plan.circuits {
        circuit.steps.retain_mut(|step| {
            step.tell.retain(|target| target.scope == Scope::Sectors(sectors.to_vec()));
            step.id = format!("{}@{suffix}", step.id);
            !step.tell.is_empty()
        });
    }
    plan.circuits.retain(|circuit| !circuit.steps.is_empty());
    plan.owed.clear();
    plan
}

/// Whether a circuit is for this situation.
pub(crate) fn applies(circuit: &Circuit, situation: &Situation) -> bool {
    circuit.kinds.contains(&situation.kind)
        && circuit.severities.contains(&situation.severity)
        && circuit.regimes.contains(&situation.regime)
        && circuit.when.iter().all(|condition| holds(*condition, situation))
        && (circuit.raised_by.is_empty() || circuit.raised_by.contains(&situation.raised_by))
}

/// Whether a condition holds of this situation.
pub(crate) fn holds(condition: Condition, situation: &Situation) -> bool {
    match condition {
        Condition::AtSchool => situation.school.is_some(),
        Condition::NearBorder => !situation.neighbours.is_empty() || situation.sectors.len() > 1,
        Condition::Expected => situation.expected_at.is_some(),
        Condition::Exercise => situation.nature.is_exercise(),
        Condition::Real => !situation.nature.is_exercise(),
    }
}

struct Planner<'a> {
    doctrine: &'a Doctrine,
    situation: &'a Situation,
    now: Timestamp,
    time_scale: f64,
}

/// When a step comes: at an instant, or some time after something.
enum Coming {
    At(Timestamp),
    After(WaitsFor),
}

impl Planner<'_> {
    fn circuit(&self, circuit: &Circuit, owed: &[Owed]) -> Option<PlannedCircuit> {
        let mut steps: Vec<PlannedStep> = Vec::new();
        // True times of the doctrine; drills divide them at the end.
        let mut last = self.now;
        for step in &circuit.steps {
            let Some(coming) = self.coming(step, circuit, last) else { continue };
            let repeat = repeat(step, circuit);
            for turn in 0..=repeat.map_or(0, |repeat| repeat.times) {
                let later = repeat.map_or(SignedDuration::ZERO, |repeat| mins(repeat.every_min))
                    * i32::try_from(turn).unwrap_or(i32::MAX);
                let coming = match &coming {
                    Coming::At(instant) => {
                        last = *instant + later;
                        Coming::At(last)
                    }
                    Coming::After(waits) => Coming::After(self.delayed(waits, later)),
                };
                steps.extend(self.steps(step, turn, &coming, owed));
            }
        }
        steps.sort_by_key(|step| step.due_at);
        (!steps.is_empty()).then(|| PlannedCircuit {
            id: circuit.id.clone(),
            lines: circuit.lines.clone(),
            satisfied_by: circuit.satisfied_by.clone(),
            steps,
            on_refusal: circuit.on_refusal,
            handover_within_s: self.seconds(circuit.handover_within_min),
            stale: circuit
                .stale
                .map(|rule| Staleness { after_s: self.seconds(rule.after_min), then_s: self.seconds(rule.then_min) }),
            guidance: circuit.guidance.clone(),
            counts: circuit.counts.clone(),
        })
    }

    /// Who is told of news of this incident by `rule`: nobody its class does not admit, by no channel it does not leave by.
    fn news(&self, rule: &NewsRule) -> Option<PlannedNews> {
        let Situation { kind, severity, .. } = self.situation;
        if !(rule.kinds.is_empty() || rule.kinds.contains(kind)) || !rule.severities.contains(severity) {
            return None;
        }
        let class = self.doctrine.class_of(kind);
        let admitted = |audience: &&Audience| class.is_none_or(|class| class.admits(&audience.role));
        let leaves = |channels: &[Channel]| -> Vec<Channel> {
            channels.iter().filter(|c| class.is_none_or(|class| class.channels.contains(c))).copied().collect()
        };
        let tell = rule.tell.iter().filter(admitted);
        let tell = tell.filter_map(|audience| target(audience, self.situation));
        let channels = leaves(&rule.channels);
        (!channels.is_empty()).then(|| PlannedNews {
            id: rule.id.clone(),
            on: rule.on.clone(),
            tell: tell.collect(),
            groups: rule.groups.clone(),
            rank: rule.rank,
            channels,
            fallback: leaves(&rule.fallback),
            every_s: self.seconds(rule.every_min),
        })
    }

    /// When `step` comes; none when it counts from something this incident has not.
    fn coming(&self, step: &Step, circuit: &Circuit, last: Timestamp) -> Option<Coming> {
        let zone = &self.doctrine.zone;
        Some(match &step.due {
            Due::AfterMin(minutes) => Coming::At(self.now + mins(*minutes)),
            Due::AfterLastMin(minutes) => Coming::At(last + mins(*minutes)),
            Due::NextLocal(times) => Coming::At(next_local(times, zone, self.now)),
            Due::BeforeExpectedMin(minutes) => Coming::At((self.situation.expected_at? - mins(*minutes)).max(self.now)),
            Due::AfterExpectedMin(minutes) => Coming::At((self.situation.expected_at? + mins(*minutes)).max(self.now)),
            Due::OnDay { day, at } => Coming::At(local_day(self.now, *day, *at, zone)?.max(self.now)),
            Due::AfterOwedMin { owed, min } => {
                let rule = circuit.owed.iter().find(|rule| rule.id == *owed)?;
                if rule.from_closing {
                    let then = self.within(rule.within);
                    let waits = WaitsFor { event: Trigger::Closed, then };
                    Coming::After(self.delayed(&waits, mins(*min)))
                } else {
                    Coming::At(self.owed_at(rule.within)? + mins(*min))
                }
            }
            Due::AfterAcknowledgement { by, min } => Coming::After(WaitsFor {
                event: Trigger::AcknowledgedBy(by.clone()),
                then: Offset::Seconds(u64::from(self.seconds(*min))),
            }),
            Due::AfterClosingMin(min) => {
                Coming::After(WaitsFor { event: Trigger::Closed, then: Offset::Seconds(u64::from(self.seconds(*min))) })
            }
            Due::AfterClosingDay { day, at } => {
                Coming::After(WaitsFor { event: Trigger::Closed, then: self.local_day(*day, *at) })
            }
        })
    }

    /// The step, and a later one for those whose hours have not begun.
    fn steps(&self, step: &Step, turn: u32, coming: &Coming, owed: &[Owed]) -> Vec<PlannedStep> {
        let id = numbered(&step.id, turn);
        let owed = |id: &String| {
            let of = |id: &str| owed.iter().find(|owed| owed.id.ends_with(&format!("/{id}")));
            of(&numbered(id, turn)).or_else(|| of(id)).map(|owed| owed.id.clone())
        };
        let (due_at, waits_for) = match coming {
            Coming::At(instant) => (*instant, None),
            Coming::After(waits) => (self.now, Some(waits.clone())),
        };
        let stale_after = mins(step.stale_after_min);
        let (mut now_told, mut later_told): (Vec<Target>, Vec<(Timestamp, Target)>) = (Vec::new(), Vec::new());
        for audience in &step.tell {
            let waiting = waits_for.is_none().then(|| self.opens_later(audience, due_at)).flatten();
            match waiting {
                Some(opens) => later_told.extend(self.target(audience, opens, stale_after).map(|t| (opens, t))),
                None => now_told.extend(self.target(audience, due_at, stale_after)),
            }
        }
        let planned = |id: String, due_at: Timestamp, tell: Vec<Target>| PlannedStep {
            id,
            due_at: self.scaled(due_at),
            unless_acknowledged: step.unless_acknowledged,
            expects: step.expects,
            tell,
            channels: step.channels.clone(),
            fallback: step.fallback.clone(),
            stale_after_s: step.stale_after_min.saturating_mul(60),
            unless_returned: step.unless_returned.as_ref().and_then(owed),
            waits_for: waits_for.clone(),
            survives_closing: step.survives_closing,
            digest: matches!(step.due, Due::NextLocal(_)),
            added: None,
            requested_by: None,
        };
        let mut steps = Vec::new();
        let touched = self.situation.sectors.get(1..).unwrap_or_default();
        if step.expects == Expects::Acknowledgement && !touched.is_empty() {
            // The owner is asked; the sectors the point's uncertainty only touches are informed, once.
            let also = self.also_told(&mut now_told, touched);
            for (_, target) in &mut later_told {
                owner_only(target, self.situation.owner());
            }
            if !also.is_empty() && !step.unless_acknowledged {
                let informed = planned(format!("{id}{TOUCHED}"), due_at, also);
                steps.push(PlannedStep { expects: Expects::Nothing, ..informed });
            }
        }
        if !now_told.is_empty() {
            steps.push(planned(id.clone(), due_at, now_told));
        }
        later_told.sort_by_key(|(opens, _)| *opens);
        for group in later_told.chunk_by(|(a, _), (b, _)| a == b) {
            let tell = group.iter().map(|(_, target)| target.clone()).collect();
            let local = group[0].0.to_zoned(self.doctrine.zone.clone());
            steps.push(planned(format!("{id}+{}", local.strftime("%H:%M")), group[0].0, tell));
        }
        steps
    }

    /// Narrows `told` to the sector that owns the incident, and returns the same audiences in the sectors `touched`.
    fn also_told(&self, told: &mut [Target], touched: &[SectorId]) -> Vec<Target> {
        let mut also = Vec::new();
        for target in told {
            let before = target.clone();
            if owner_only(target, self.situation.owner()) {
                also.push(Target { scope: Scope::Sectors(touched.to_vec()), otherwise: Vec::new(), ..before });
            }
        }
        also
    }

    /// When the hours of an audience that waits for them begin; none when it is told at `due_at`.
    fn opens_later(&self, audience: &Audience, due_at: Timestamp) -> Option<Timestamp> {
        if audience.outside != Outside::Wait {
            return None;
        }
        let (zone, calendar) = (&self.doctrine.zone, &self.doctrine.calendar);
        let window = self.window(audience)?;
        if window.serves(zone, calendar, due_at) { None } else { window.next_opening(zone, calendar, due_at) }
    }

    fn window(&self, audience: &Audience) -> Option<&Window> {
        self.doctrine.windows.get(audience.hours.as_ref()?)
    }

    /// Where an audience stands, with the hours it serves from `due_at` until the step is stale.
    fn target(&self, audience: &Audience, due_at: Timestamp, stale_after: SignedDuration) -> Option<Target> {
        let spans = self.window(audience).map(|window| {
            let spans = window.spans(&self.doctrine.zone, &self.doctrine.calendar, due_at, due_at + stale_after);
            spans
                .into_iter()
                .map(|span| Span { from: self.scaled(span.from), until: self.scaled(span.until) })
                .collect::<Vec<_>>()
        });
        let otherwise = match &audience.outside {
            Outside::Tell(others) => {
                others.iter().filter_map(|other| self.target(other, due_at, stale_after)).collect()
            }
            Outside::Skip | Outside::Wait => Vec::new(),
        };
        match target(audience, self.situation) {
            Some(target) => Some(Target { serves: spans, otherwise, ..target }),
            // It has no place here, but those told instead may have one.
            None => otherwise.into_iter().next(),
        }
    }

    /// What a rule asks for: once, or as many times as it says. Nothing when nobody here can owe it.
    fn owed(&self, circuit: &Circuit, rule: &OwedRule) -> Vec<Owed> {
        let Some(by) = target(&rule.by, self.situation) else { return Vec::new() };
        let times = rule.repeat.map_or(0, |repeat| repeat.times);
        let one = |turn: u32| {
            let later = rule.repeat.map_or(0, |repeat| repeat.every_min).saturating_mul(turn);
            let due_at = self.owed_at(rule.within).map(|due| self.scaled(due + mins(later)));
            let numbered_what = format!("{} ({}/{})", rule.what, turn + 1, times + 1);
            Owed {
                id: format!("{}/{}", circuit.id, numbered(&rule.id, turn)),
                circuit: circuit.id.clone(),
                lines: rule.lines.clone(),
                what: if times == 0 { rule.what.clone() } else { numbered_what },
                by: by.clone(),
                to: rule.to.clone().map_or(OwedTo::Raiser, OwedTo::Role),
                due_at: due_at.filter(|_| !rule.from_closing),
                from_closing: rule.from_closing.then(|| self.within(rule.within)),
                blocks_closing: rule.blocks_closing,
                may_be_unknown: rule.may_be_unknown,
            }
        };
        (0..=times).map(one).collect()
    }

    /// The end of an obligation's clock that starts now: days end with the last local one.
    fn owed_at(&self, within: Within) -> Option<Timestamp> {
        match within {
            Within::Minutes(minutes) => Some(self.now + mins(minutes)),
            Within::Days(days) => local_day(self.now, days + 1, Time::midnight(), &self.doctrine.zone),
        }
    }

    fn within(&self, within: Within) -> Offset {
        match within {
            Within::Minutes(minutes) => Offset::Seconds(u64::from(self.seconds(minutes))),
            Within::Days(days) => self.local_day(days + 1, Time::midnight()),
        }
    }

    fn local_day(&self, days: u32, at: Time) -> Offset {
        let zone = self.doctrine.zone.iana_name().unwrap_or("UTC").to_owned();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a scale is 0.1 to 10,000")]
        let hastened = self.time_scale.round().max(1.0) as u32;
        Offset::LocalDay { days, at, zone, hastened }
    }

    fn delayed(&self, waits: &WaitsFor, later: SignedDuration) -> WaitsFor {
        let more = u64::try_from(divided(later, self.time_scale).as_secs()).unwrap_or(0);
        let then = match &waits.then {
            Offset::Seconds(seconds) => Offset::Seconds(seconds + more),
            // Days are not shifted by minutes: the reminder comes with the day.
            day @ Offset::LocalDay { .. } => day.clone(),
        };
        WaitsFor { event: waits.event.clone(), then }
    }

    fn seconds(&self, minutes: u32) -> u32 {
        u32::try_from(divided(mins(minutes), self.time_scale).as_secs()).unwrap_or(u32::MAX)
    }

    fn scaled(&self, instant: Timestamp) -> Timestamp {
        self.now + divided(instant.duration_since(self.now), self.time_scale)
    }
}

/// Where an audience stands for this incident; none when the incident has no such place.
pub(crate) fn target(audience: &Audience, situation: &Situation) -> Option<Target> {
    let scope = match audience.place {
        AudiencePlace::City => Scope::City,
        AudiencePlace::Sector => Scope::Sectors(situation.sectors.clone()),
        AudiencePlace::Neighbours if situation.neighbours.is_empty() => return None,
        AudiencePlace::Neighbours => Scope::Sectors(situation.neighbours.clone()),
        AudiencePlace::School => Scope::Schools(vec![situation.school.clone()?]),
        AudiencePlace::SchoolsAround if situation.schools_around.is_empty() => return None,
        AudiencePlace::SchoolsAround => Scope::Schools(situation.schools_around.clone()),
        AudiencePlace::Raiser if situation.raised_by != audience.role => return None,
        AudiencePlace::Raiser => Scope::Bodies(vec![situation.raiser.clone()?]),
    };
    Some(Target { role: audience.role.clone(), scope, rank: audience.rank, serves: None, otherwise: Vec::new() })
}

/// The rhythm of a step: its own, or that of what it follows.
fn repeat(step: &Step, circuit: &Circuit) -> Option<Repeat> {
    let Due::AfterOwedMin { owed, .. } = &step.due else { return step.repeat };
    step.repeat.or_else(|| circuit.owed.iter().find(|rule| rule.id == *owed)?.repeat)
}

/// Ends the name of a step that informs sectors a point's uncertainty touches.
const TOUCHED: &str = "@abords";

/// Narrows a target that reaches several sectors, and those told instead of it, to `owner`; whether it did.
fn owner_only(target: &mut Target, owner: &SectorId) -> bool {
    for other in &mut target.otherwise {
        owner_only(other, owner);
    }
    match &mut target.scope {
        Scope::Sectors(sectors) if sectors.len() > 1 && sectors.contains(owner) => {
            *sectors = vec![owner.clone()];
            true
        }
        Scope::Sectors(_) | Scope::City | Scope::Schools(_) | Scope::Bodies(_) => false,
    }
}

/// The name of the turn after so many: `name`, `name#2`, `name#3`.
fn numbered(name: &str, turn: u32) -> String {
    if turn == 0 { name.to_owned() } else { format!("{name}#{}", turn + 1) }
}

fn mins(minutes: u32) -> SignedDuration {
    SignedDuration::from_mins(i64::from(minutes))
}

fn divided(delay: SignedDuration, scale: f64) -> SignedDuration {
    if (scale - 1.0).abs() < f64::EPSILON {
        return delay;
    }
    SignedDuration::from_secs_f64((delay.as_secs_f64() / scale * 1e6).round() / 1e6)
}

/// The first instant after `now` at which the wall clock of `zone` shows one of `times`.
///
/// A time that a clock change skips is taken right after the gap; one that comes twice, at its first coming.
pub(crate) fn next_local(times: &[Time], zone: &TimeZone, now: Timestamp) -> Timestamp {
    let today = now.to_zoned(zone.clone()).date();
    (0..=2)
        .filter_map(|days| today.checked_add(jiff::Span::new().days(days)).ok())
        .flat_map(|day| times.iter().filter_map(move |time| day.to_datetime(*time).to_zoned(zone.clone()).ok()))
        .map(|zoned| zoned.timestamp())
        .filter(|instant| *instant > now)
        .min()
        .unwrap_or(now)
}
