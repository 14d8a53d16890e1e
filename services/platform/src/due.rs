//! Sleeps until the next due time, claims what is due, settles it. Several replicas may run: claims are skipped, not
//! waited for.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{Context, clock, database};

/// How often what waits is counted, for the operator.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// Pause before looking again at what another replica is settling.
const CLAIMED_ELSEWHERE: Duration = Duration::from_millis(10);
/// Longest pause before something due is looked at again.
const LONGEST: Duration = Duration::from_secs(1);
/// Transactions that may deal with one instant before there are pauses between them.
const SAME_INSTANT: u32 = 64;
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

/// Settles what is due until stopped; `wake` tells that due times changed, which are looked at every `idle` without it.
pub async fn run(
    due: &impl Due,
    context: &Context,
    idle: Duration,
    wake: &Arc<Notify>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut counted = tokio::time::interval(COUNT_EVERY);
    counted.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stuck = Stuck::default();
    loop {
        let pause = pass(due, context.clock.now(), idle, &mut stuck).await.unwrap_or_else(|error| {
            if database::is_unavailable(&error) {
                context.metrics.writes_failed.inc();
                context.health.write_failed(&database::why_unavailable(&error));
            } else {
                tracing::warn!(what = name(due), error = %error, "what is due cannot be read or settled; trying again");
            }
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

/// How often the same instant was found due: what nobody settles must not be looked at without a pause.
#[derive(Debug, Default)]
struct Stuck {
    at: Option<Timestamp>,
    times: u32,
}

impl Stuck {
    /// How long to wait after `at` was dealt with; `claimed` when something was.
    fn pause(&mut self, at: Timestamp, claimed: bool) -> Duration {
        if self.at.replace(at) == Some(at) {
            self.times = self.times.saturating_add(1);
        } else {
            self.times = 0;
        }
        let free = if claimed { SAME_INSTANT } else { 0 };
        match self.times.checked_sub(free) {
            None => Duration::ZERO,
            Some(more) => (CLAIMED_ELSEWHERE * (1 << more.min(7))).min(LONGEST),
        }
    }
}

fn name<D: Due>(_: &D) -> &'static str {
    D::WHAT
}

/// One look: settles what is due, and returns how long to wait for the next.
async fn pass(due: &impl Due, now: Timestamp, idle: Duration, stuck: &mut Stuck) -> Result<Duration, sqlx::Error> {
    match due.next_due().await? {
        Some(at) if at <= now => {
            let claimed = due.settle().await?;
            Ok(stuck.pause(at, claimed))
        }
        Some(at) => Ok(clock::until(at, now).min(idle)),
        None => Ok(idle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_is_followed_at_once_and_what_never_is_ever_less_often() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut stuck = Stuck::default();
        assert!((0..1_000).all(|second| stuck.pause(at(second), true).is_zero()), "each is settled");
        assert!((0..SAME_INSTANT).all(|_| stuck.pause(at(5), true).is_zero()), "many are due at once");
        let pauses: Vec<Duration> = (0..12).map(|_| stuck.pause(at(5), true)).collect();
        assert!(pauses.is_sorted() && pauses[0] > Duration::ZERO && pauses[11] == LONGEST, "{pauses:?}");
        assert_eq!(stuck.pause(at(6), false), CLAIMED_ELSEWHERE, "another replica has it");
        assert!(stuck.pause(at(6), false) > CLAIMED_ELSEWHERE);
    }
}
