//! Runs the plan of every incident until somebody has acknowledged.
//!
//! The rules are `domain::escalation`, a pure state machine. Inputs come from two sides: facts about the incident (opened,
//! aggravated, acknowledged …) and due times. Both end in the same `domain::round`: this service loads and locks plans,
//! lets the round decide and look up who is on duty now, and saves plans, alerts and facts in one transaction.

mod config;
mod facts;
mod metrics;
mod save;
mod store;
mod timers;

use std::sync::Arc;

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vigie_domain::city::InForce;
use vigie_platform::{Context, consumer, database::SchemaMigrations};

pub use config::EscalationConfig;

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "escalation", migrator: sqlx::migrate!("./migrations") }
}

/// Follows incidents and fires due steps until stopped.
pub async fn run(
    context: Context,
    config: EscalationConfig,
    in_force: InForce,
    pool: PgPool,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let wake = Arc::new(Notify::new());
    let metrics = metrics::Metrics::new(&context.metrics.registrar);
    let facts = facts::Facts { in_force: in_force.clone(), wake: Arc::clone(&wake), metrics: metrics.clone() };
    let timers = timers::Timers { context: context.clone(), config, metrics, in_force, pool: pool.clone(), wake };
    let by_fact = consumer::run(context, pool, Arc::new(facts), stop.clone());
    let by_time = timers.run(stop);
    tokio::try_join!(by_fact, by_time)?;
    Ok(())
}
