//! Sleeps until the next due time of any crisis, claims what is due, settles it. Several replicas may run.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vigie_domain::city::InForce;
use vigie_platform::{Context, clock};

use crate::{carry::Carrier, moment, store};

/// Pause before looking again at what another replica is settling.
const CLAIMED_ELSEWHERE: Duration = Duration::from_millis(10);
/// Pause after a failure.
const RETRY: Duration = Duration::from_millis(250);

pub(crate) struct Timers {
    pub(crate) context: Context,
    pub(crate) in_force: InForce,
    pub(crate) pool: PgPool,
    /// Told when due times changed.
    pub(crate) wake: Arc<Notify>,
}

impl Timers {
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let pause = self.pass().await.unwrap_or_else(|error| {
                tracing::warn!(error = %error, "what is due in a crisis cannot be read or settled; trying again");
                RETRY
            });
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Settles everything due, and returns how long nothing will be.
    async fn pass(&self) -> Result<Duration, sqlx::Error> {
        let idle = Duration::from_millis(self.context.config.escalation.idle_ms);
        loop {
            let next = store::next_due(&mut *self.pool.acquire().await?).await?;
            let now = self.context.clock.now();
            match next {
                Some(due) if due <= now => {
                    if !self.settle_one().await? {
                        return Ok(CLAIMED_ELSEWHERE);
                    }
                }
                Some(due) => return Ok(clock::until(due, now).min(idle)),
                None => return Ok(idle),
            }
        }
    }

    /// One crisis and its transaction; false when there was none to claim.
    async fn settle_one(&self) -> Result<bool, sqlx::Error> {
        let (city, now) = (self.in_force.get(), self.context.clock.now());
        let mut tx = self.pool.begin().await?;
        let Some(mut crisis) = store::claim_due(&mut tx, now).await? else { return Ok(false) };
        // A doctrine without crises came into force meanwhile: what is due waits for one that has them.
        let Some(at) = moment(&city, &self.context.config, now) else { return Ok(false) };
        let effects = crisis.settle_due(at);
        let entries = Carrier::new(&city, at, None).carry_out(&mut tx, &crisis, effects).await?;
        tx.commit().await?;
        self.context.fresh.push(entries);
        Ok(true)
    }
}
