//! Sleeps until the next due time, claims what is due, settles it. Several replicas may run: claims are skipped, not
//! waited for.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vigie_domain::city::City;
use vigie_platform::{Context, clock, consumer::Outbox, journal};

use crate::{round::Round, store};

pub(crate) struct Timers {
    pub(crate) context: Context,
    pub(crate) city: Arc<City>,
    pub(crate) pool: PgPool,
    pub(crate) wake: Arc<Notify>,
}

impl Timers {
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let pause = match self.pass().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(error = %error, "due steps cannot be read or settled; trying again");
                    Duration::from_millis(250)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Settles everything due, and returns how long nothing will be.
    async fn pass(&self) -> Result<Duration, sqlx::Error> {
        while self.settle_some().await? {}
        let (next, waiting) = store::next_due(&self.pool).await?;
        self.context.metrics.steps_due.set(waiting);
        let idle = Duration::from_millis(self.context.config.escalation.idle_ms);
        let now = self.context.clock.now();
        Ok(next.map_or(idle, |due| clock::until(due, now).min(idle)))
    }

    /// One claim and its transaction; true when there may be more.
    async fn settle_some(&self) -> Result<bool, sqlx::Error> {
        let now = self.context.clock.now();
        let limit = self.context.config.escalation.batch;
        let mut tx = self.pool.begin().await?;
        let due = store::claim_due(&mut tx, now, limit).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let claimed = due.len();
        let mut outbox = Outbox::new("escalation", now);
        let mut round = Round::new(&self.city, now, due);
        round.settle_due();
        let counts = round.write(&mut tx, &mut outbox).await?;
        journal::append(&mut tx, outbox.entries()).await?;
        tx.commit().await?;
        self.context.fresh.push(outbox.into_entries());
        counts.report(&self.context.metrics);
        Ok(claimed == limit)
    }
}
