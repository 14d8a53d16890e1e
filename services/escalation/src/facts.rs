//! Facts about incidents, heard by their plans.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use sqlx::PgConnection;
use tokio::sync::Notify;
use vigie_domain::{
    city::InForce,
    round::{Heard, Round},
};
use vigie_platform::consumer::{Handler, Outbox, Received, Verdict};
use vigie_proto::{
    IncidentId,
    consumer::{self, Consumer},
    event::Event,
};

use crate::{
    metrics::Metrics,
    save::{self, Counts},
    store,
};

pub(crate) struct Facts {
    pub(crate) in_force: InForce,
    /// Tells the timers that due times changed.
    pub(crate) wake: Arc<Notify>,
    pub(crate) metrics: Metrics,
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
        let ids: BTreeSet<IncidentId> = events.iter().filter_map(|e| e.fact.event.incident_id()).collect();
        let ids: Vec<IncidentId> = ids.into_iter().collect();
        let city = self.in_force.get();
        let mut round = Round::new(&city, now, store::load(tx, &ids).await?);
        let verdicts = events.iter().map(|received| hear(&mut round, received)).collect();
        round.settle_due();
        Ok((verdicts, save::save(tx, &city, round.carry(), now, outbox).await?))
    }

    fn committed(&self, counts: Counts) {
        counts.report(&self.metrics);
        self.wake.notify_one();
    }
}

fn hear(round: &mut Round<'_>, received: &Received) -> Verdict {
    if let Event::DeliveryDeadLettered(dead) = &received.fact.event
        && dead.purpose == vigie_proto::event::Purpose::Undeliverable
    {
        tracing::error!(incident.id = %dead.incident.id, "the alert that somebody could not be reached reached nobody either");
    }
    match round.hear(&received.fact, received.traceparent()) {
        Heard::Done => Verdict::Done,
        Heard::TooEarly => Verdict::Later("the incident's opening has not come yet"),
    }
}
