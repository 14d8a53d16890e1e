//! What a round came to, written: plans, alerts and facts, in the caller's transaction.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use vigie_domain::{
    city::City,
    round::{self, Carried, Origin, Outcome, SettledStep},
};
use vigie_platform::{consumer::Outbox, ids};
use vigie_proto::{
    AlertId, IncidentId,
    event::{Event, StepOutcome},
};

use crate::{metrics::Metrics, store};

/// What is due within this time of the opening is told with it.
const FIRST: SignedDuration = SignedDuration::from_mins(1);

/// What a transaction settled, for the metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    outcomes: BTreeMap<&'static str, u64>,
    lateness_s: Vec<f64>,
}

/// Writes plans, facts, and the alerts that nobody was told before.
pub(crate) async fn save(
    tx: &mut PgConnection,
    city: &City,
    outcome: Outcome,
    now: Timestamp,
    outbox: &mut Outbox,
) -> Result<Counts, sqlx::Error> {
    let (alerts, digest) = outcome.alerts(city, now, || AlertId(ids::fresh()));
    store::save(tx, &outcome.plans, &relaunched(&outcome)).await?;
    let issued = round::grouped(store::record_told(tx, alerts).await?, &digest);
    for (origin, fact) in outcome.facts(now) {
        push(outbox, fact, Some(origin));
    }
    for alert in issued {
        let origin = outcome.origin_of(alert.incident.id);
        push(outbox, alert.into(), origin);
    }
    Ok(Counts::of(&outcome, now))
}

/// The incidents of which a step after the first was told: fired, and due more than a moment after the opening.
fn relaunched(outcome: &Outcome) -> BTreeSet<IncidentId> {
    let again = |carried: &&Carried| {
        let first = carried.incident.opened_at + FIRST;
        let fired = |settled: &SettledStep| settled.outcome == StepOutcome::Fired && settled.settlement.due_at > first;
        carried.settled.iter().any(fired)
    };
    outcome.carried.iter().filter(again).map(|carried| carried.incident.id).collect()
}

fn push(outbox: &mut Outbox, event: Event, origin: Option<&Origin>) {
    let (cause, traceparent) = origin.map(|origin| (origin.cause, origin.traceparent.clone())).unzip();
    outbox.push_spontaneous(event, cause, traceparent.flatten());
}

impl Counts {
    fn of(outcome: &Outcome, now: Timestamp) -> Self {
        let mut counts = Self::default();
        for carried in &outcome.carried {
            for settled in &carried.settled {
                let (step, due_at) = (&settled.settlement.step, settled.settlement.due_at);
                if settled.outcome == StepOutcome::NobodyFound {
                    let incident = carried.incident.id;
                    tracing::error!(incident.id = %incident, step, "a step found nobody to tell: check the directory");
                }
                *counts.outcomes.entry(name(&settled.outcome)).or_default() += 1;
                if settled.outcome == StepOutcome::Fired {
                    counts.lateness_s.push(now.duration_since(due_at).as_secs_f64());
                }
            }
        }
        counts
    }

    pub(crate) fn report(&self, metrics: &Metrics) {
        for (outcome, count) in &self.outcomes {
            metrics.settled.get_or_create(&[("outcome", outcome)]).inc_by(*count);
        }
        for seconds in &self.lateness_s {
            metrics.lateness.observe(*seconds);
        }
    }
}

fn name(outcome: &StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Fired => "fired",
        StepOutcome::Folded => "folded",
        StepOutcome::Expired => "expired",
        StepOutcome::Acknowledged => "acknowledged",
        StepOutcome::Returned => "returned",
        StepOutcome::Superseded => "superseded",
        StepOutcome::NobodyFound => "nobody-found",
    }
}
