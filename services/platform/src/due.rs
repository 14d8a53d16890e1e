//! Sleeps until the next due time, claims what is due, settles it. Several replicas may run: claims are skipped, not
//! waited for.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{Context, clock};

/// How often what waits is counted, for the operator.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// Pause before looking again at what another replica is settling.
const CLAIMED_ELSEWHERE: Duration = Duration::from_millis(10);
/// Pause after a failure.
const RETRY: Duration = Duration::from_millis(250);

/// Something with due times in a database.
pub trait Due: Sync {
    /// What it is, for the operator's log: `due steps`.
    const WHAT: &'static str;

    /// The earliest due time of all.
    fn next_due(&self) -> impl Future<Output = Result<Option<Timestamp>, sqlx::Error>> + Send;

    /// One claim and its transaction; false when there was nothing to claim.
    fn settle(&self) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Counts what waits, into the metrics.
    fn count(&self) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// Settles what is due until stopped; `wake` tells that due times changed.
pub async fn run(due: &impl Due, context: &Context, wake: &Arc<Notify>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut counted = tokio::time::interval(COUNT_EVERY);
    counted.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let pause = pass(due, context).await.unwrap_or_else(|error| {
            tracing::warn!(what = name(due), error = %error, "what is due cannot be read or settled; trying again");
            RETRY
        });
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
            _ = counted.tick() => {
                if let Err(error) = due.count().await {
                    tracing::debug!(what = name(due), error = %error, "what waits cannot be counted");
                }
            }
        }
    }
}

fn name<D: Due>(_: &D) -> &'static str {
    D::WHAT
}

/// Settles everything due, and returns how long nothing will be.
async fn pass(due: &impl Due, context: &Context) -> Result<Duration, sqlx::Error> {
    let idle = Duration::from_millis(context.config.escalation.idle_ms);
    loop {
        let next = due.next_due().await?;
        let now = context.clock.now();
        match next {
            Some(at) if at <= now => {
                if !due.settle().await? {
                    return Ok(CLAIMED_ELSEWHERE);
                }
            }
            Some(at) => return Ok(clock::until(at, now).min(idle)),
            None => return Ok(idle),
        }
    }
}
