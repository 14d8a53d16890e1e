//! Facts about incidents, as inputs of the state machine.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use sqlx::PgConnection;
use tokio::sync::Notify;
use vigie_domain::{
    city::{City, InForce},
    directory::Directory,
    doctrine::Situation,
    escalation::{Escalation, TakingCharge},
};
use vigie_platform::{
    consumer::{Handler, Outbox, Received, Verdict},
    metrics::Metrics,
};
use vigie_proto::{
    IncidentId,
    consumer::{self, Consumer},
    event::{AlertIssuedV1, DeliveryDeadLetteredV1, Event, IncidentSnapshot, Purpose, Replanning},
    plan::Plan,
};

use crate::{
    round::{Counts, Round},
    store::{self, PlanRow},
};

pub(crate) struct Facts {
    pub(crate) in_force: InForce,
    /// Tells the timers that due times changed.
    pub(crate) wake: Arc<Notify>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Handler for Facts {
    const CONSUMER: Consumer = consumer::ESCALATION;
    type After = Counts;

    async fn handle(
        &self,
        tx: &mut PgConnection,
        events: &[Received],
        now: Timestamp,
        outbox: &mut Outbox,
    ) -> anyhow::Result<(Vec<Verdict>, Counts)> {
        let ids: BTreeSet<IncidentId> = events.iter().filter_map(|e| e.event.incident_id()).collect();
        let ids: Vec<IncidentId> = ids.into_iter().collect();
        let city = self.in_force.get();
        let mut round = Round::new(&city, now, store::load(tx, &ids).await?);
        let verdicts = events.iter().map(|received| apply(&city, &mut round, received, now)).collect();
        round.settle_due();
        Ok((verdicts, round.write(tx, outbox).await?))
    }

    fn committed(&self, counts: Counts) {
        counts.report(&self.metrics);
        self.wake.notify_one();
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the consumer asks for these types only")]
fn apply(city: &City, round: &mut Round<'_>, received: &Received, now: Timestamp) -> Verdict {
    match &received.event {
        Event::IncidentOpened(e) => {
            if round.plan(e.incident.id).is_none() {
                round.begin(opened(&e.incident, &e.plan, received));
            }
            Verdict::Done
        }
        Event::IncidentAggravated(e) => {
            change(round, &e.incident, received, |plan| plan.escalation.aggravate(e.plan.clone(), e.incident.version))
        }
        Event::IncidentEased(e) => {
            change(round, &e.incident, received, |plan| plan.escalation.ease(e.plan.clone(), now))
        }
        Event::IncidentAcknowledged(e) => change(round, &e.incident, received, |plan| {
            let taking = TakingCharge {
                body: e.by.body.clone(),
                role: &e.by.role,
                intervenes: city.directory.intervenes(&e.by.role),
                seen_version: e.seen_version,
                counts_for: e.counts_for.as_deref(),
            };
            plan.escalation.acknowledge(taking, now)
        }),
        Event::IncidentReplanned(e) => change(round, &e.incident, received, |plan| {
            // A regime may end circuits; a sector brought in or a time announced only adds.
            let only_more = !matches!(e.because, Replanning::Regime { .. });
            plan.escalation.replan(e.plan.clone(), only_more)
        }),
        Event::IncidentRefused(e) => change(round, &e.incident, received, |plan| {
            plan.escalation.refuse(&e.by.body, now);
            Vec::new()
        }),
        Event::IncidentHandedOver(e) => {
            let role = city.directory.body(&e.to).map_or_else(|| e.by.role.clone(), |body| body.role.clone());
            change(round, &e.incident, received, |plan| {
                plan.escalation.hand_over(&e.by.body, e.to.clone(), role, now);
                Vec::new()
            })
        }
        Event::IncidentCalled(e) => {
            let Some(body) = city.directory.body(&e.to) else { return Verdict::Done };
            let role = body.role.clone();
            change(round, &e.incident, received, |plan| {
                plan.escalation.call(e.to.clone(), role, now);
                Vec::new()
            })
        }
        Event::ReturnGiven(e) => change(round, &e.incident, received, |plan| plan.escalation.give_back(&e.owed)),
        Event::IncidentClosed(e) => change(round, &e.incident, received, |plan| plan.escalation.close(now)),
        Event::DeliveryDeadLettered(e) => {
            for alert in undeliverable(e, city, now) {
                round.alert(alert);
            }
            Verdict::Done
        }
        other => Verdict::Dead(format!("escalation does not take {}", other.type_name())),
    }
}

fn opened(incident: &IncidentSnapshot, plan: &Plan, received: &Received) -> PlanRow {
    PlanRow {
        snapshot: incident.clone(),
        escalation: Escalation::start(plan.clone(), incident.version),
        cause: received.id,
        traceparent: received.traceparent(),
    }
}

/// Applies a change to a plan in hand; when its opening has not come yet, the fact waits for it.
fn change(
    round: &mut Round<'_>,
    incident: &IncidentSnapshot,
    received: &Received,
    apply: impl FnOnce(&mut PlanRow) -> Vec<vigie_domain::escalation::Settlement>,
) -> Verdict {
    let Some(plan) = round.plan(incident.id) else { return Verdict::Later("the incident's opening has not come yet") };
    let generation = plan.escalation.generation;
    let settlements = apply(plan);
    if incident.version >= plan.snapshot.version {
        plan.snapshot = incident.clone();
    }
    plan.cause = received.id;
    plan.traceparent = received.traceparent();
    round.keep(incident.id, generation, settlements);
    Verdict::Done
}

/// Alerts that somebody could not be reached; none about such an alert itself, or it would never end.
fn undeliverable(dead: &DeliveryDeadLetteredV1, city: &City, now: Timestamp) -> Vec<AlertIssuedV1> {
    if dead.purpose == Purpose::Undeliverable {
        tracing::error!(incident.id = %dead.incident.id, "the alert that somebody could not be reached reached nobody either");
        return Vec::new();
    }
    let situation = Situation {
        kind: dead.incident.kind.clone(),
        severity: dead.incident.severity,
        raised_by: dead_role(&city.directory, dead),
        sectors: vec![dead.incident.sector.clone()],
        neighbours: Vec::new(),
        school: None,
        schools_around: Vec::new(),
        raiser: None,
        regime: dead.incident.regime,
        nature: dead.incident.nature,
        expected_at: None,
    };
    // Once for a body and an incident, however many of its contact points failed.
    let step = format!("undeliverable/{}", dead.body);
    let mut alerts = Vec::new();
    for target in city.undeliverable_targets(&situation) {
        for body in city.directory.bodies_of(&target) {
            for channel in &city.undeliverable_channels(&situation.kind) {
                for contact in body.reach(*channel, target.rank, now) {
                    alerts.push(AlertIssuedV1 {
                        alert_id: store::alert_id(),
                        incident: dead.incident.clone(),
                        purpose: Purpose::Undeliverable,
                        generation: 0,
                        steps: vec![step.clone()],
                        body: body.id.clone(),
                        role: body.role.clone(),
                        contact: contact.id.clone(),
                        channel: contact.channel,
                        fallback: Vec::new(),
                        unreachable: Some(dead.body.clone()),
                        also: Vec::new(),
                        owed: None,
                        guidance: Vec::new(),
                        request: None,
                        issued_at: now,
                    });
                }
            }
        }
    }
    alerts
}

fn dead_role(directory: &Directory, dead: &DeliveryDeadLetteredV1) -> vigie_proto::RoleId {
    directory
        .body(&dead.body)
        .map_or_else(|| vigie_proto::RoleId::new("unknown").expect("a plain word is a token"), |body| body.role.clone())
}
