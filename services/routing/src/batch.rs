//! Applies several events in one transaction with a handful of statements, whatever their number.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::PgConnection;
use vigie_domain::{
    assess::{Assessment, assess},
    city::City,
    correlation,
    doctrine::KindRule,
    incident::{Incident, Joined, Names, Origin, Planner},
    pattern::Pattern,
};
use vigie_platform::{
    consumer::{Outbox, Received, Verdict},
    ids,
};
use vigie_proto::{
    IncidentId, IncidentStatus, Kind, SectorId, SignalId,
    event::{Act, ActRecordedV1, ActRejectedV1, Event, Rejection, SignalRaisedV1},
};

use crate::{
    judge::{Known, NotNow},
    store::{self, Remembered, Separable},
};

/// What a transaction did, for the metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) located: u64,
    pub(crate) opened: u64,
    pub(crate) reinforced: u64,
    pub(crate) aggravated: u64,
    pub(crate) acknowledged: u64,
    /// Acts that an edge should have refused.
    pub(crate) refused_acts: u64,
}

/// The events of one transaction, and the incidents they touch.
pub(crate) struct Batch<'a> {
    planner: Planner<'a>,
    incidents: Vec<Incident>,
    /// What signals before these left, of kinds whose signals may add up.
    remembered: Remembered,
    links: Vec<(SignalId, IncidentId)>,
    acknowledgements: Vec<ActRecordedV1>,
    /// Signals that are to be taken out of an incident.
    separable: Vec<Separable>,
    /// What the stores know of whoever acted.
    known: Known,
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
            remembered: Remembered::default(),
            links: Vec::new(),
            acknowledgements: Vec::new(),
            separable: Vec::new(),
            known: Known::default(),
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
            events.iter().map(|event| locate(&event.fact.event, city)).collect();
        let places: BTreeSet<(Kind, SectorId)> = located
            .iter()
            .flatten()
            .flatten()
            .flat_map(|l| l.place.may_join_in.iter().map(|sector| (l.signal.kind.clone(), sector.clone())))
            .collect();
        let acted_on: BTreeSet<IncidentId> = events.iter().filter_map(|event| acted_on(&event.fact.event)).collect();
        let separations: Vec<(IncidentId, SignalId)> =
            events.iter().filter_map(|event| separation(&event.fact.event)).collect();
        let opening = located.iter().flatten().flatten().count() + separations.len();
        let watched: BTreeSet<Kind> = located
            .iter()
            .flatten()
            .flatten()
            .filter(|l| l.rule.accumulation.is_some() || l.rule.retaliation.is_some())
            .map(|l| l.signal.kind.clone())
            .collect();
        let mut numbers = store::lock(tx, &places, &watched, opening).await?.into_iter();
        self.remembered = store::remember(tx, &watched, city, self.planner.now).await?;
        let oldest = self.planner.now - longest_window(city);
        self.incidents = store::load(tx, &places, &acted_on, oldest).await?;
        let acts: Vec<&ActRecordedV1> = events.iter().filter_map(|event| act_of(&event.fact.event)).collect();
        self.known = Known::load(tx, &acts, city).await?;
        for (incident, signal) in separations {
            self.separable.extend(store::separable(tx, incident, signal).await?);
        }

        let mut verdicts = Vec::with_capacity(events.len());
        for (received, located) in events.iter().zip(located) {
            let verdict = match (&received.fact.event, located) {
                (_, Some(Ok(located))) => {
                    let event = self.signal(located, numbers.next().unwrap_or_default());
                    outbox.push(event, received);
                    Verdict::Done
                }
                (_, Some(Err(why))) => Verdict::Dead(why),
                (Event::ActRecorded(recorded), None) => {
                    let number = separation(&received.fact.event).and_then(|_| numbers.next());
                    match self.act(recorded, number) {
                        Some(events) => {
                            for event in events {
                                outbox.push(event, received);
                            }
                            Verdict::Done
                        }
                        None => Verdict::Later("the plan that was answered has not begun yet"),
                    }
                }
                (other, None) => Verdict::Dead(format!("routing does not take {}", other.type_name())),
            };
            verdicts.push(verdict);
        }
        store::save(tx, &self.incidents, &self.links, &self.acknowledgements, self.planner.now).await?;
        store::save_traces(tx, &self.remembered).await?;
        Ok((verdicts, self.counts))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a join reinforces or aggravates")]
    fn signal(&mut self, located: Located<'_>, number: i64) -> Event {
        self.counts.located += 1;
        let Located { signal, rule, place } = located;
        let open = self
            .incidents
            .iter()
            .filter(|i| i.snapshot.kind == signal.kind && i.snapshot.nature == signal.nature)
            .filter(|i| i.snapshot.status != IncidentStatus::Closed);
        let candidates = open.map(Incident::candidate);
        let joined = correlation::join(candidates, place.at, place.owner(), self.planner.now, rule.correlation);
        let pattern = self.pattern(signal, rule, &place);
        if let Some(incident) = joined.and_then(|id| self.incidents.iter_mut().find(|i| i.snapshot.id == id)) {
            self.links.push((signal.signal_id, incident.snapshot.id));
            let event = incident.join(signal, (rule, &place), pattern, self.planner);
            match &event {
                Event::IncidentAggravated(_) => self.counts.aggravated += 1,
                _ => self.counts.reinforced += 1,
            }
            return event;
        }
        self.open(signal, rule, place, pattern, number)
    }

    fn open(
        &mut self,
        signal: &SignalRaisedV1,
        rule: &KindRule,
        place: Assessment,
        pattern: Option<Pattern>,
        number: i64,
    ) -> Event {
        let origin = pattern.map_or(Origin::Alone, Origin::Pattern);
        let (incident, event) = Incident::open(signal, rule, place, origin, self.names(number), self.planner);
        self.links.push((signal.signal_id, incident.snapshot.id));
        self.counts.opened += 1;
        self.incidents.push(incident);
        event
    }

    fn names(&self, number: i64) -> Names {
        let reference = format!("R-{}-{number:06}", self.planner.now.strftime("%Y"));
        Names { id: IncidentId(ids::fresh()), reference }
    }

    /// The pattern a signal completes, if its kind has any; remembers the signal for those after it.
    fn pattern(&mut self, signal: &SignalRaisedV1, rule: &KindRule, place: &Assessment) -> Option<Pattern> {
        let memory = self.remembered.entry((signal.kind.clone(), signal.nature)).or_default();
        // As they are after what came before in this batch.
        let of_kind = |i: &&Incident| i.snapshot.kind == signal.kind && i.snapshot.nature == signal.nature;
        for incident in self.incidents.iter().filter(of_kind) {
            memory.watch(incident.as_watched(), rule);
        }
        memory.complete(signal, place, rule, self.planner.now)
    }

    /// What an act makes happen; `number` names the incident a separation opens. None: it is to be shown again.
    fn act(&mut self, recorded: &ActRecordedV1, number: Option<i64>) -> Option<Vec<Event>> {
        let rejected = |why| ActRejectedV1 { act_id: recorded.act_id, incident_id: recorded.incident_id, why }.into();
        let Some(incident) = self.incidents.iter_mut().find(|i| i.snapshot.id == recorded.incident_id) else {
            return Some(vec![rejected(Rejection::UnknownIncident)]);
        };
        let judged = match self.known.judge(recorded, incident, self.planner.city, self.planner.now) {
            Ok(judged) => judged,
            Err(NotNow::Later) => return None,
            Err(NotNow::Rejected(why)) => {
                tracing::error!(act.id = %recorded.act_id, incident.id = %recorded.incident_id, body = %recorded.actor.body,
                    "an act was recorded that its body may not do: an edge let it through, or somebody forged it");
                self.counts.refused_acts += 1;
                return Some(vec![rejected(why)]);
            }
        };
        if let (Act::Separate { signal }, Some(number)) = (&recorded.act, number) {
            return Some(self.separate(recorded, *signal, number).unwrap_or_else(|why| vec![rejected(why)]));
        }
        let event = incident.act(recorded, judged, self.planner);
        if let (Event::IncidentAcknowledged(_), Act::Acknowledge { .. }) = (&event, &recorded.act) {
            self.counts.acknowledged += 1;
            self.acknowledgements.push(recorded.clone());
        }
        if matches!(event, Event::IncidentAggravated(_)) {
            self.counts.aggravated += 1;
        }
        Some(vec![event])
    }

    /// Takes `signal` out of the incident acted on and opens one for it.
    fn separate(&mut self, recorded: &ActRecordedV1, signal: SignalId, number: i64) -> Result<Vec<Event>, Rejection> {
        let city = self.planner.city;
        let names = self.names(number);
        let incident = self.incidents.iter_mut().find(|i| i.snapshot.id == recorded.incident_id);
        let incident = incident.ok_or(Rejection::UnknownIncident)?;
        let of_it = |s: &&Separable| s.incident == recorded.incident_id && s.signal == signal;
        let separable = self.separable.iter().find(of_it).ok_or(Rejection::NotJoined)?;
        let raised = separable.raised.as_ref().ok_or(Rejection::OpenedByIt)?;
        // The doctrine may have dropped the kind since; then there is nothing to plan with.
        let rule = city.doctrine.kind(&raised.kind).ok_or(Rejection::NotJoined)?;
        let bound_m = city.doctrine.accuracy.bound_m(&raised.source_role);
        let place = assess(&raised.location, bound_m, rule, &city.territory).map_err(|_| Rejection::NotJoined)?;
        let (separated, other, opened) =
            incident.separate(recorded, Joined { signal: raised, rule, place }, names, self.planner)?;
        self.links.push((signal, other.snapshot.id));
        self.counts.opened += 1;
        self.incidents.push(other);
        Ok(vec![separated, opened])
    }
}

/// The incident and the signal to take out of it; none for another event.
#[expect(clippy::wildcard_enum_match_arm, reason = "only one act separates")]
fn separation(event: &Event) -> Option<(IncidentId, SignalId)> {
    match event {
        Event::ActRecorded(recorded) => match &recorded.act {
            Act::Separate { signal } => Some((recorded.incident_id, *signal)),
            _ => None,
        },
        _ => None,
    }
}

/// The place of a signal; none for another event, an error's text for a signal that can no longer be located.
fn locate<'a>(event: &'a Event, city: &'a City) -> Option<Result<Located<'a>, String>> {
    let Event::SignalRaised(signal) = event else { return None };
    let Some(rule) = city.doctrine.kind(&signal.kind) else {
        return Some(Err(format!("kind {} is no longer in the doctrine", signal.kind)));
    };
    let place = assess(&signal.location, city.doctrine.accuracy.bound_m(&signal.source_role), rule, &city.territory);
    Some(
        place
            .map(|place| Located { signal, rule, place })
            .map_err(|error| format!("the signal cannot be located: {error}")),
    )
}

fn acted_on(event: &Event) -> Option<IncidentId> {
    act_of(event).map(|recorded| recorded.incident_id)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only one event is an act")]
fn act_of(event: &Event) -> Option<&ActRecordedV1> {
    match event {
        Event::ActRecorded(recorded) => Some(recorded),
        _ => None,
    }
}

fn longest_window(city: &City) -> jiff::SignedDuration {
    let minutes = city.doctrine.kinds.values().map(|rule| rule.correlation.window_min).max().unwrap_or(0);
    jiff::SignedDuration::from_mins(i64::from(minutes))
}
