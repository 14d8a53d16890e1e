//! Sleeps until the next due time, claims what is due, settles it. Several replicas may run: claims are skipped, not
//! waited for.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vigie_domain::city::InForce;
use vigie_platform::{Context, clock, consumer::Outbox, journal};

use crate::{round::Round, store};

/// How often the plans that wait are counted, for the operator.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// Pause before looking again at what another replica is settling.
const CLAIMED_ELSEWHERE: Duration = Duration::from_millis(10);

pub(crate) struct Timers {
    pub(crate) context: Context,
    pub(crate) in_force: InForce,
    pub(crate) pool: PgPool,
    pub(crate) wake: Arc<Notify>,
}

impl Timers {
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut counted = tokio::time::interval(COUNT_EVERY);
        counted.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
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
                _ = counted.tick() => {
                    if let Ok(waiting) = store::waiting(&self.pool).await {
                        self.context.metrics.steps_due.set(waiting);
                    }
                }
            }
        }
    }

    /// Settles everything due, and returns how long nothing will be.
    async fn pass(&self) -> Result<Duration, sqlx::Error> {
        let idle = Duration::from_millis(self.context.config.escalation.idle_ms);
        loop {
            let next = store::next_due(&self.pool).await?;
            let now = self.context.clock.now();
            match next {
                Some(due) if due <= now => {
                    if !self.settle_some().await? {
                        // Another replica has claimed what is due.
                        return Ok(CLAIMED_ELSEWHERE);
                    }
                }
                Some(due) => return Ok(clock::until(due, now).min(idle)),
                None => return Ok(idle),
            }
        }
    }

    /// One claim and its transaction; false when there was nothing to claim.
    async fn settle_some(&self) -> Result<bool, sqlx::Error> {
        let now = self.context.clock.now();
        let limit = self.context.config.escalation.batch;
        let mut tx = self.pool.begin().await?;
        let due = store::claim_due(&mut tx, now, limit).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let mut outbox = Outbox::new("escalation", now);
        let city = self.in_force.get();
        let mut round = Round::new(&city, now, due);
        round.settle_due();
        let counts = round.write(&mut tx, &mut outbox).await?;
        journal::append(&mut tx, outbox.entries()).await?;
        tx.commit().await?;
        self.context.fresh.push(outbox.into_entries());
        counts.report(&self.context.metrics);
        Ok(true)
    }
}
