//! Plans with a step that is due: claimed together, settled in one transaction.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vigie_domain::{city::InForce, round::Round};
use vigie_platform::{
    Context,
    consumer::Outbox,
    due::{self, Due},
    journal,
};

use crate::{EscalationConfig, metrics::Metrics, save, store};

pub(crate) struct Timers {
    pub(crate) context: Context,
    pub(crate) config: EscalationConfig,
    pub(crate) metrics: Metrics,
    pub(crate) in_force: InForce,
    pub(crate) pool: PgPool,
    pub(crate) wake: Arc<Notify>,
}

impl Timers {
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        due::run(&self, &self.context, self.config.idle(), &self.wake, stop).await
    }
}

impl Due for Timers {
    const WHAT: &'static str = "steps of plans";

    async fn next_due(&self) -> Result<Option<Timestamp>, sqlx::Error> {
        store::next_due(&self.pool).await
    }

    async fn settle(&self) -> Result<bool, sqlx::Error> {
        let now = self.context.clock.now();
        let mut tx = self.pool.begin().await?;
        let due = store::claim_due(&mut tx, now, self.config.batch).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let mut outbox = Outbox::new("escalation", now);
        let city = self.in_force.get();
        let mut round = Round::new(&city, now, due);
        round.settle_due();
        let counts = save::save(&mut tx, &city, round.carry(), now, &mut outbox).await?;
        journal::append(&mut tx, outbox.entries()).await?;
        tx.commit().await?;
        self.context.fresh.push(outbox.into_entries());
        counts.report(&self.metrics);
        Ok(true)
    }

    async fn count(&self) -> Result<(), sqlx::Error> {
        self.metrics.due.set(store::waiting(&self.pool).await?);
        Ok(())
    }
}
