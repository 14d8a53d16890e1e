//! Owns the incident.
//!
//! Takes signals and acts from the journal, in batches: locates each signal, joins it to an open incident or opens one,
//! applies what people did, and writes the new state with the facts that tell of it in one transaction. It decides
//! nothing about whom to tell: the doctrine's plan, frozen here, goes with the event.

mod batch;
mod judge;
mod metrics;
mod store;

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use vigie_domain::city::InForce;
use vigie_platform::{
    Context, consumer,
    consumer::{Handler, Outbox, Received, Verdict},
    database::SchemaMigrations,
};
use vigie_proto::consumer::Consumer;

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "routing", migrator: sqlx::migrate!("./migrations") }
}

/// Routes signals and applies acts until stopped; `time_scale` divides the delays of the plans it freezes.
pub async fn run(
    context: Context,
    time_scale: f64,
    in_force: InForce,
    pool: PgPool,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let routing = Routing { time_scale, metrics: metrics::Metrics::new(&context.metrics.registrar), in_force };
    consumer::run(context, pool, Arc::new(routing), stop).await
}

struct Routing {
    in_force: InForce,
    time_scale: f64,
    metrics: metrics::Metrics,
}

impl Handler for Routing {
    const CONSUMER: Consumer = vigie_proto::consumer::ROUTING;
    type After = batch::Counts;

    async fn handle(
        &self,
        tx: &mut PgConnection,
        events: &[Received],
        now: Timestamp,
        outbox: &mut Outbox,
    ) -> anyhow::Result<(Vec<Verdict>, Self::After)> {
        let city = self.in_force.get();
        batch::Batch::new(&city, self.time_scale, now).apply(tx, events, outbox).await
    }

    fn committed(&self, counts: batch::Counts) {
        self.metrics.add(&counts);
    }
}
