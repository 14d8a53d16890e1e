//! One transaction of the escalation: settlements in, state, alerts and facts out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sqlx::PgConnection;
use vigie_domain::{audience, audience::Resolved, city::City, escalation::Settlement};
use vigie_platform::{consumer::Outbox, metrics::ByOutcome, metrics::Metrics};
use vigie_proto::{
    AlertId, ContactId, IncidentId,
    event::{AlertIssuedV1, AlsoTold, Purpose, StepOutcome, StepSettledV1},
};

use crate::{store, store::PlanRow};

/// What a transaction settled, for the metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    outcomes: BTreeMap<&'static str, u64>,
    lateness_s: Vec<f64>,
}

impl Counts {
    pub(crate) fn report(&self, metrics: &Metrics) {
        for (outcome, count) in &self.outcomes {
            metrics.steps_settled.get_or_create(&ByOutcome { outcome }).inc_by(*count);
        }
        for seconds in &self.lateness_s {
            metrics.step_lateness.observe(*seconds);
        }
    }
}

/// Plans in hand and what was settled of each.
pub(crate) struct Round<'a> {
    city: &'a City,
    now: Timestamp,
    plans: BTreeMap<IncidentId, PlanRow>,
    /// Settlements with the plan generation they belong to.
    settled: Vec<(IncidentId, u32, Vec<Settlement>)>,
    /// Alerts outside any plan (somebody could not be reached).
    extra: Vec<AlertIssuedV1>,
    counts: Counts,
}

impl<'a> Round<'a> {
    pub(crate) fn new(city: &'a City, now: Timestamp, plans: Vec<PlanRow>) -> Self {
        let plans = plans.into_iter().map(|plan| (plan.snapshot.id, plan)).collect();
        Self { city, now, plans, settled: Vec::new(), extra: Vec::new(), counts: Counts::default() }
    }

    pub(crate) fn plan(&mut self, id: IncidentId) -> Option<&mut PlanRow> {
        self.plans.get_mut(&id)
    }

    pub(crate) fn begin(&mut self, plan: PlanRow) {
        self.plans.insert(plan.snapshot.id, plan);
    }

    /// Keeps what the machine settled of plan number `generation`.
    pub(crate) fn keep(&mut self, id: IncidentId, generation: u32, settlements: Vec<Settlement>) {
        if !settlements.is_empty() {
            self.settled.push((id, generation, settlements));
        }
    }

    pub(crate) fn alert(&mut self, alert: AlertIssuedV1) {
        self.extra.push(alert);
    }

    /// Settles everything due now, in every plan in hand.
    pub(crate) fn settle_due(&mut self) {
        let ids: Vec<IncidentId> = self.plans.keys().copied().collect();
        for id in ids {
            if let Some(plan) = self.plans.get_mut(&id) {
                let generation = plan.escalation.generation;
                let settlements = plan.escalation.settle_due(self.now);
                self.keep(id, generation, settlements);
            }
        }
    }

    /// Writes state, alerts and facts.
    pub(crate) async fn write(mut self, tx: &mut PgConnection, outbox: &mut Outbox) -> Result<Counts, sqlx::Error> {
        let mut alerts = std::mem::take(&mut self.extra);
        let mut facts = Vec::new();
        let mut digest = BTreeSet::new();
        for (id, generation, settlements) in std::mem::take(&mut self.settled) {
            let Some(plan) = self.plans.get_mut(&id) else { continue };
            let Resolved { tellings, nobody, in_charge } =
                audience::resolve(&settlements, &self.city.directory, self.now);
            for settlement in &settlements {
                let told = tellings.iter().filter(|t| t.steps.contains(&settlement.step)).count();
                facts.push((id, self.counts.settled(settlement, generation, told, &nobody, id, self.now)));
            }
            if generation == plan.escalation.generation {
                for settlement in settlements.iter().filter(|s| s.purpose == Purpose::Acknowledge) {
                    let told = tellings.iter().filter(|t| t.steps.contains(&settlement.step));
                    plan.escalation.asked(&settlement.step, told.map(|t| t.body.clone()));
                }
                for (step, bodies) in &in_charge {
                    plan.escalation.asked_in_charge(step, bodies);
                }
            }
            for telling in tellings {
                let alert_id = store::alert_id();
                if telling.digest {
                    digest.insert(alert_id);
                }
                alerts.push(AlertIssuedV1 {
                    alert_id,
                    incident: plan.snapshot.clone(),
                    purpose: telling.purpose,
                    generation,
                    steps: telling.steps,
                    body: telling.body,
                    role: telling.role,
                    contact: telling.contact,
                    channel: telling.channel,
                    fallback: telling.fallback,
                    unreachable: None,
                    also: Vec::new(),
                    owed: telling.owed,
                    guidance: telling.guidance,
                    request: None,
                    issued_at: self.now,
                });
            }
        }
        let plans: Vec<PlanRow> = self.plans.values().cloned().collect();
        store::save(tx, &plans).await?;
        let issued = grouped(store::record_told(tx, alerts).await?, &digest);
        for (id, fact) in facts {
            let (cause, traceparent) = self.origin(id);
            outbox.push_spontaneous(fact, cause, traceparent);
        }
        for alert in issued {
            let (cause, traceparent) = self.origin(alert.incident.id);
            outbox.push_spontaneous(alert, cause, traceparent);
        }
        Ok(self.counts)
    }

    fn origin(&self, id: IncidentId) -> (Option<vigie_proto::EventId>, Option<String>) {
        self.plans.get(&id).map_or((None, None), |plan| (Some(plan.cause), plan.traceparent.clone()))
    }
}

/// One message for all the incidents of `digest` that a contact point is told at once: the first carries the others.
fn grouped(alerts: Vec<AlertIssuedV1>, digest: &BTreeSet<AlertId>) -> Vec<AlertIssuedV1> {
    let mut messages: Vec<AlertIssuedV1> = Vec::with_capacity(alerts.len());
    // An exercise never shares a message with what is real.
    let mut first: BTreeMap<(ContactId, vigie_proto::Nature), usize> = BTreeMap::new();
    for alert in alerts {
        if !digest.contains(&alert.alert_id) {
            messages.push(alert);
            continue;
        }
        let message = (alert.contact.clone(), alert.incident.nature);
        if let Some(position) = first.get(&message) {
            messages[*position].also.push(AlsoTold { alert_id: alert.alert_id, incident: alert.incident });
        } else {
            first.insert(message, messages.len());
            messages.push(alert);
        }
    }
    messages
}

impl Counts {
    fn settled(
        &mut self,
        settlement: &Settlement,
        generation: u32,
        told: usize,
        nobody: &[String],
        incident_id: IncidentId,
        now: Timestamp,
    ) -> StepSettledV1 {
        let outcome = if nobody.contains(&settlement.step) {
            tracing::error!(incident.id = %incident_id, step = settlement.step, "a step found nobody to tell: check the directory");
            StepOutcome::NobodyFound
        } else {
            settlement.outcome.clone()
        };
        *self.outcomes.entry(name(&outcome)).or_default() += 1;
        if outcome == StepOutcome::Fired {
            self.lateness_s.push(now.duration_since(settlement.due_at).as_secs_f64());
        }
        StepSettledV1 {
            incident_id,
            generation,
            step: settlement.step.clone(),
            due_at: settlement.due_at,
            settled_at: now,
            outcome,
            alerts: u32::try_from(told).unwrap_or(u32::MAX),
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
