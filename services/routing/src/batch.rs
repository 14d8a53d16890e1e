//! Applies several events in one transaction with a handful of statements, whatever their number.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::PgConnection;
use vigie_domain::{
    assess::{Assessment, assess},
    city::City,
    correlation,
    doctrine::{KindRule, Situation},
};
use vigie_platform::{
    consumer::{Outbox, Received, Verdict},
    ids,
};
use vigie_proto::{
    IncidentId, IncidentStatus, Kind, SectorId, SignalId,
    event::{Act, ActRecordedV1, ActRejectedV1, Event, IncidentOpenedV1, IncidentSnapshot, Rejection, SignalRaisedV1},
};

use crate::{
    incident::{Change, Incident, Planner},
    store,
};

/// What a transaction did, for the metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) located: u64,
    pub(crate) opened: u64,
    pub(crate) reinforced: u64,
    pub(crate) aggravated: u64,
    pub(crate) acknowledged: u64,
}

/// The events of one transaction, and the incidents they touch.
pub(crate) struct Batch<'a> {
    planner: Planner<'a>,
    incidents: Vec<Incident>,
    links: Vec<(SignalId, IncidentId)>,
    acknowledgements: Vec<ActRecordedV1>,
    counts: Counts,
}

/// A signal with its place.
struct Located<'a> {
    signal: &'a SignalRaisedV1,
    rule: &'a KindRule,
    place: Assessment,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(city: &'a City, time_scale: f64, now: Timestamp) -> Self {
        Self {
            planner: Planner { city, time_scale, now },
            incidents: Vec::new(),
            links: Vec::new(),
            acknowledgements: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Locks, reads, decides in memory, writes.
    pub(crate) async fn apply(
        mut self,
        tx: &mut PgConnection,
        events: &[Received],
        outbox: &mut Outbox,
    ) -> anyhow::Result<(Vec<Verdict>, Counts)> {
        let city = self.planner.city;
        let located: Vec<Option<Result<Located<'_>, String>>> =
            events.iter().map(|event| locate(&event.event, city)).collect();
        let places: BTreeSet<(Kind, SectorId)> = located
            .iter()
            .flatten()
            .flatten()
            .flat_map(|l| l.place.may_join_in.iter().map(|sector| (l.signal.kind.clone(), sector.clone())))
            .collect();
        let acted_on: BTreeSet<IncidentId> = events.iter().filter_map(|event| acted_on(&event.event)).collect();
        let opening = located.iter().flatten().flatten().count();
        let mut numbers = store::lock(tx, &places, opening).await?.into_iter();
        let oldest = self.planner.now - longest_window(city);
        self.incidents = store::load(tx, &places, &acted_on, oldest).await?;

        let mut verdicts = Vec::with_capacity(events.len());
        for (received, located) in events.iter().zip(located) {
            let verdict = match (&received.event, located) {
                (_, Some(Ok(located))) => {
                    let event = self.signal(located, numbers.next().unwrap_or_default());
                    outbox.push(event, received);
                    Verdict::Done
                }
                (_, Some(Err(why))) => Verdict::Dead(why),
                (Event::ActRecorded(recorded), None) => {
                    outbox.push(self.act(recorded), received);
                    Verdict::Done
                }
                (other, None) => Verdict::Dead(format!("routing does not take {}", other.type_name())),
            };
            verdicts.push(verdict);
        }
        store::save(tx, &self.incidents, &self.links, &self.acknowledgements, self.planner.now).await?;
        Ok((verdicts, self.counts))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a join reinforces or aggravates")]
    fn signal(&mut self, located: Located<'_>, number: i64) -> Event {
        self.counts.located += 1;
        let Located { signal, rule, place } = located;
        let open = self
            .incidents
            .iter()
            .filter(|i| i.snapshot.kind == signal.kind && i.snapshot.status != IncidentStatus::Closed);
        let candidates = open.map(Incident::candidate);
        let joined = correlation::join(candidates, place.at, place.owner(), self.planner.now, rule.correlation);
        if let Some(incident) = joined.and_then(|id| self.incidents.iter_mut().find(|i| i.snapshot.id == id)) {
            self.links.push((signal.signal_id, incident.snapshot.id));
            let event = incident.join(signal, self.planner);
            match &event {
                Event::IncidentAggravated(_) => self.counts.aggravated += 1,
                _ => self.counts.reinforced += 1,
            }
            return event;
        }
        self.open(signal, rule, place, number)
    }

    fn open(&mut self, signal: &SignalRaisedV1, rule: &KindRule, place: Assessment, number: i64) -> Event {
        let (city, now) = (self.planner.city, self.planner.now);
        let snapshot = IncidentSnapshot {
            id: IncidentId(ids::fresh()),
            reference: format!("R-{}-{number:06}", now.strftime("%Y")),
            version: 1,
            kind: signal.kind.clone(),
            kind_label: rule.label.clone(),
            severity: signal.severity,
            status: IncidentStatus::Open,
            sector: place.owner().clone(),
            sector_label: city.sector_label(place.owner()).to_owned(),
            also_concerns: place.sectors[1..].to_vec(),
            place_label: place.place_label().to_owned(),
            expected_at: signal.expected_at,
            opened_at: now,
        };
        let situation = Situation {
            kind: signal.kind.clone(),
            severity: signal.severity,
            raised_by: signal.source_role.clone(),
            sectors: place.sectors,
            neighbours: place.neighbours,
            school: place.school,
            schools_around: place.schools_around,
        };
        let plan = self.planner.plan(&situation);
        self.links.push((signal.signal_id, snapshot.id));
        self.counts.opened += 1;
        self.incidents.push(Incident {
            snapshot: snapshot.clone(),
            asked_version: 1,
            situation,
            at: place.at,
            last_signal_at: now,
            closed_at: None,
            change: Change::New,
        });
        let territory = city.territory.hash().to_owned();
        IncidentOpenedV1 { incident: snapshot, signal_id: signal.signal_id, territory, plan }.into()
    }

    fn act(&mut self, recorded: &ActRecordedV1) -> Event {
        let Some(incident) = self.incidents.iter_mut().find(|i| i.snapshot.id == recorded.incident_id) else {
            let why = Rejection::UnknownIncident;
            return ActRejectedV1 { act_id: recorded.act_id, incident_id: recorded.incident_id, why }.into();
        };
        let event = incident.act(recorded, self.planner);
        if let (Event::IncidentAcknowledged(_), Act::Acknowledge { .. }) = (&event, &recorded.act) {
            self.counts.acknowledged += 1;
            self.acknowledgements.push(recorded.clone());
        }
        if matches!(event, Event::IncidentAggravated(_)) {
            self.counts.aggravated += 1;
        }
        event
    }
}

/// The place of a signal; none for another event, an error's text for a signal that can no longer be located.
fn locate<'a>(event: &'a Event, city: &'a City) -> Option<Result<Located<'a>, String>> {
    let Event::SignalRaised(signal) = event else { return None };
    let Some(rule) = city.doctrine.kind(&signal.kind) else {
        return Some(Err(format!("kind {} is no longer in the doctrine", signal.kind)));
    };
    let place = assess(&signal.location, rule, &city.territory);
    Some(
        place
            .map(|place| Located { signal, rule, place })
            .map_err(|error| format!("the signal cannot be located: {error}")),
    )
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only acts name an incident acted on")]
fn acted_on(event: &Event) -> Option<IncidentId> {
    match event {
        Event::ActRecorded(recorded) => Some(recorded.incident_id),
        _ => None,
    }
}

fn longest_window(city: &City) -> jiff::SignedDuration {
    let minutes = city.doctrine.kinds.values().map(|rule| rule.correlation.window_min).max().unwrap_or(0);
    jiff::SignedDuration::from_mins(i64::from(minutes))
}
