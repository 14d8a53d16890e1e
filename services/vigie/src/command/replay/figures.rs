//! The figures of one run, sorted and labelled, from its tally. They are the `run` of the JSON report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::Serialize;
use vigie_domain::city::City;
use vigie_proto::{BodyId, Channel, Kind, RoleId, SectorId, Severity};

use super::{
    french,
    tally::{Owing, Played, Story, Tally, Week, worst},
};

/// What a run comes to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) signals: u64,
    pub(crate) by_kind: Vec<KindCount>,
    pub(crate) incidents: u64,
    pub(crate) reinforced: u64,
    pub(crate) aggravated: u64,
    pub(crate) closed: u64,
    pub(crate) messages: u64,
    pub(crate) tellings: u64,
    pub(crate) messages_a_day: f64,
    pub(crate) by_channel: BTreeMap<Channel, u64>,
    /// Messages of one event that one body may get within sixty minutes, by the doctrine.
    pub(crate) messages_per_hour: u32,
    /// Messages by weekday (Monday first) and local hour.
    pub(crate) week: Week,
    pub(crate) worst_hour: Option<HourCount>,
    pub(crate) busiest_day: Option<DayCount>,
    pub(crate) quietest_day: Option<DayCount>,
    /// Days without any message.
    pub(crate) silent_days: u64,
    /// Most messages first.
    pub(crate) bodies: Vec<BodyLoad>,
    pub(crate) circuits: Vec<CircuitCount>,
    pub(crate) steps: Vec<StepLine>,
    /// Sectors of Paris and communes with an incident, in order of id.
    pub(crate) sectors: Vec<SectorCount>,
    pub(crate) escalations: Escalations,
    pub(crate) refusals: u64,
    pub(crate) owed: Owing,
    pub(crate) played: Played,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct KindCount {
    pub(crate) kind: Kind,
    pub(crate) label: String,
    pub(crate) severity: Severity,
    pub(crate) signals: u64,
}

/// An hour and its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HourCount {
    pub(crate) from: Timestamp,
    /// In French, local.
    pub(crate) label: String,
    pub(crate) messages: u64,
}

/// A local day and its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DayCount {
    pub(crate) day: Date,
    pub(crate) label: String,
    pub(crate) messages: u64,
}

/// What one body receives.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BodyLoad {
    pub(crate) body: BodyId,
    pub(crate) name: String,
    pub(crate) role: RoleId,
    pub(crate) role_label: String,
    pub(crate) messages: u64,
    pub(crate) messages_a_day: f64,
    pub(crate) by_channel: BTreeMap<Channel, u64>,
    /// Tellings that ask it to take charge.
    pub(crate) asked: u64,
    pub(crate) incidents: u64,
    pub(crate) worst_hour: Option<HourCount>,
    /// The most messages of one event within sixty minutes; the doctrine's `[thread]` says how many are too many.
    pub(crate) one_event: u64,
}

/// What one circuit of the doctrine does.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CircuitCount {
    pub(crate) circuit: String,
    pub(crate) fiche: String,
    pub(crate) title: String,
    pub(crate) tellings: u64,
    /// Different bodies told.
    pub(crate) bodies: u64,
    /// Steps the directory had nobody for.
    pub(crate) nobody: u64,
}

/// What one step does.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StepLine {
    /// `circuit/step`.
    pub(crate) step: String,
    pub(crate) fired: u64,
    pub(crate) spared: u64,
    pub(crate) nobody: u64,
    pub(crate) tellings: u64,
    pub(crate) bodies: u64,
}

/// One sector.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SectorCount {
    pub(crate) sector: SectorId,
    pub(crate) label: String,
    pub(crate) short: String,
    pub(crate) in_paris: bool,
    pub(crate) incidents: u64,
    pub(crate) messages: u64,
    pub(crate) months: Vec<MonthCount>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct MonthCount {
    /// Its first day.
    pub(crate) month: Date,
    pub(crate) incidents: u64,
    pub(crate) messages: u64,
}

/// How incidents that ask somebody are answered.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Escalations {
    /// Incidents that ask somebody to take charge.
    pub(crate) asking: u64,
    pub(crate) taken: u64,
    /// Told to their last step before anybody answered.
    pub(crate) exhausted: u64,
    /// From opening to somebody in charge; of those taken.
    pub(crate) taking_charge: Quantiles,
    /// From opening to a place manned at any hour being told.
    pub(crate) manned_told: Quantiles,
    /// Asking incidents of which no manned place was told.
    pub(crate) manned_never: u64,
    /// Seconds until somebody was in charge, sorted: for the picture.
    #[serde(skip)]
    pub(crate) taking_s: Vec<i64>,
    #[serde(skip)]
    pub(crate) manned_s: Vec<i64>,
    pub(crate) by_severity: Vec<SeverityAnswer>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct SeverityAnswer {
    pub(crate) severity: Severity,
    pub(crate) asking: u64,
    pub(crate) taken: u64,
    pub(crate) exhausted: u64,
    pub(crate) taking_charge: Quantiles,
}

/// Seconds that half, nine in ten and ninety-nine in a hundred do not exceed; none of nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) p50_s: Option<i64>,
    pub(crate) p90_s: Option<i64>,
    pub(crate) p99_s: Option<i64>,
    pub(crate) max_s: Option<i64>,
}

impl Quantiles {
    /// Of sorted durations.
    fn of(sorted: &[i64]) -> Self {
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied()
        };
        Self { count: size(sorted.len()), p50_s: at(50), p90_s: at(90), p99_s: at(99), max_s: sorted.last().copied() }
    }
}

/// The local days of a stream, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) first: Date,
    pub(crate) last: Date,
}

impl Days {
    pub(crate) fn number(self) -> u64 {
        u64::try_from((self.last - self.first).get_days()).unwrap_or(0) + 1
    }

    fn all(self) -> impl Iterator<Item = Date> {
        self.first.series(1.day()).take_while(move |day| *day <= self.last)
    }
}

impl Figures {
    pub(crate) fn of(tally: &Tally, city: &City, days: Days) -> Self {
        let zone = &city.doctrine.zone;
        let daily = daily(tally, zone, days);
        let day =
            |(day, messages): (&Date, &u64)| DayCount { day: *day, label: french::day(*day), messages: *messages };
        Self {
            signals: tally.signals,
            by_kind: tally
                .by_kind
                .iter()
                .map(|((kind, severity), signals)| KindCount {
                    kind: kind.clone(),
                    label: city.doctrine.kind_label(kind).to_owned(),
                    severity: *severity,
                    signals: *signals,
                })
                .collect(),
            incidents: size(tally.incidents.len()),
            reinforced: tally.reinforced,
            aggravated: tally.aggravated,
            closed: tally.closed,
            messages: tally.messages,
            tellings: tally.tellings,
            messages_a_day: french::ratio(tally.messages, days.number()),
            by_channel: tally.by_channel.clone(),
            week: tally.week,
            messages_per_hour: city.doctrine.thread.messages_per_hour,
            worst_hour: worst(&tally.hours).map(|worst| hour(worst, zone)),
            busiest_day: daily.iter().rev().max_by_key(|(_, messages)| **messages).map(day),
            quietest_day: daily.iter().min_by_key(|(_, messages)| **messages).map(day),
            silent_days: size(daily.values().filter(|messages| **messages == 0).count()),
            bodies: bodies(tally, city, days),
            circuits: circuits(tally, city),
            steps: steps(tally),
            sectors: sectors(tally, city, days),
            escalations: escalations(tally),
            refusals: tally.refusals,
            owed: tally.owed,
            played: tally.played,
        }
    }
}

pub(crate) fn size(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn hour((hour, messages): (i64, u32), zone: &TimeZone) -> HourCount {
    HourCount {
        from: Timestamp::from_second(hour * 3_600).unwrap_or_default(),
        label: french::hour(hour, zone),
        messages: u64::from(messages),
    }
}

/// Messages of each day of the stream, those without any included.
fn daily(tally: &Tally, zone: &TimeZone, days: Days) -> BTreeMap<Date, u64> {
    let mut daily: BTreeMap<Date, u64> = days.all().map(|day| (day, 0)).collect();
    for (hour, messages) in &tally.hours {
        let local = Timestamp::from_second(hour * 3_600).unwrap_or_default().to_zoned(zone.clone());
        if let Some(day) = daily.get_mut(&local.date()) {
            *day += u64::from(*messages);
        }
    }
    daily
}

fn bodies(tally: &Tally, city: &City, days: Days) -> Vec<BodyLoad> {
    let directory = &city.directory;
    let mut loads: Vec<BodyLoad> = tally
        .bodies
        .iter()
        .map(|(id, load)| BodyLoad {
            body: id.clone(),
            name: directory.body(id).map_or_else(|| id.to_string(), |body| body.name.clone()),
            role: load.role.clone(),
            role_label: directory.role_label(&load.role).to_owned(),
            messages: load.messages,
            messages_a_day: french::ratio(load.messages, days.number()),
            by_channel: load.by_channel.clone(),
            asked: load.asked,
            incidents: load.incidents,
            worst_hour: load.worst_hour().map(|worst| hour(worst, &city.doctrine.zone)),
            one_event: load.one_event,
        })
        .collect();
    loads.sort_by(|a, b| b.messages.cmp(&a.messages).then_with(|| a.body.cmp(&b.body)));
    loads
}

fn circuits(tally: &Tally, city: &City) -> Vec<CircuitCount> {
    let mut found: BTreeMap<&str, (CircuitCount, BTreeSet<&BodyId>)> = BTreeMap::new();
    for (step, count) in &tally.steps {
        let id = step.split('/').next().unwrap_or(step);
        let known = city.doctrine.circuits.iter().find(|circuit| circuit.id == id);
        let (circuit, bodies) = found.entry(id).or_insert_with(|| {
            let circuit = CircuitCount {
                circuit: id.to_owned(),
                fiche: known.map_or_else(String::new, |circuit| circuit.fiche.clone()),
                title: known.map_or_else(String::new, |circuit| circuit.title.clone()),
                tellings: 0,
                bodies: 0,
                nobody: 0,
            };
            (circuit, BTreeSet::new())
        });
        circuit.tellings += count.tellings;
        circuit.nobody += count.nobody;
        bodies.extend(&count.bodies);
    }
    let counted = found.into_values();
    counted.map(|(circuit, bodies)| CircuitCount { bodies: size(bodies.len()), ..circuit }).collect()
}

fn steps(tally: &Tally) -> Vec<StepLine> {
    let line = |(step, count): (&String, &super::tally::StepCount)| StepLine {
        step: step.clone(),
        fired: count.fired,
        spared: count.spared,
        nobody: count.nobody,
        tellings: count.tellings,
        bodies: size(count.bodies.len()),
    };
    tally.steps.iter().map(line).collect()
}

fn sectors(tally: &Tally, city: &City, days: Days) -> Vec<SectorCount> {
    let months: BTreeSet<Date> = days.all().map(Date::first_of_month).collect();
    let counted = city.territory.sectors().iter().filter(|s| s.in_paris || tally.sectors.contains_key(&s.id));
    counted
        .map(|sector| {
            let counts = tally.sectors.get(&sector.id);
            let months = months.iter().map(|month| {
                let count = counts.and_then(|counts| counts.get(month)).copied().unwrap_or_default();
                MonthCount { month: *month, incidents: count.incidents, messages: count.messages }
            });
            let all = counts.into_iter().flat_map(BTreeMap::values);
            SectorCount {
                sector: sector.id.clone(),
                label: sector.label.clone(),
                short: sector.short.clone(),
                in_paris: sector.in_paris,
                incidents: all.clone().map(|count| count.incidents).sum(),
                messages: all.map(|count| count.messages).sum(),
                months: months.collect(),
            }
        })
        .collect()
}

fn escalations(tally: &Tally) -> Escalations {
    let asking = || tally.incidents.values().filter(|story| story.asked);
    let since = |story: &Story, at: Option<Timestamp>| Some(at?.duration_since(story.opened_at).as_secs());
    let sorted = |of: &dyn Fn(&Story) -> Option<i64>, severity: Option<Severity>| {
        let kept = asking().filter(|story| severity.is_none_or(|severity| story.severity == severity));
        let mut seconds: Vec<i64> = kept.filter_map(of).collect();
        seconds.sort_unstable();
        seconds
    };
    let taken = |story: &Story| since(story, story.first_taken);
    let (taking_s, manned_s) = (sorted(&taken, None), sorted(&|story| since(story, story.manned_told), None));
    let by_severity = Severity::ALL.into_iter().filter_map(|severity| {
        let of = || asking().filter(|story| story.severity == severity);
        let taking = sorted(&taken, Some(severity));
        (of().count() > 0).then(|| SeverityAnswer {
            severity,
            asking: size(of().count()),
            taken: size(taking.len()),
            exhausted: size(of().filter(|story| story.exhausted).count()),
            taking_charge: Quantiles::of(&taking),
        })
    });
    Escalations {
        asking: size(asking().count()),
        taken: size(taking_s.len()),
        exhausted: size(asking().filter(|story| story.exhausted).count()),
        taking_charge: Quantiles::of(&taking_s),
        manned_told: Quantiles::of(&manned_s),
        manned_never: size(asking().filter(|story| story.manned_told.is_none()).count()),
        by_severity: by_severity.collect(),
        taking_s,
        manned_s,
    }
}
