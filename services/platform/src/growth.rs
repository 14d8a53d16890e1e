//! Keeps the journal and the inboxes ready for what is to come: partitions of the coming months, marks by which reads in order
//! leave out what is old, and an alarm when a fact's identifier fits no month.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    health::{Health, State},
    metrics::Metrics,
};

/// Name in `/readyz`.
const DEPENDENCY: &str = "journal";
/// Months that have their partitions before they begin.
const MONTHS_AHEAD: i32 = 3;
const EVERY: Duration = Duration::from_mins(10);
/// When it could not be done: mostly a long reader held the default partition.
const TRY_AGAIN: Duration = Duration::from_secs(20);

/// Keeps it so until stopped. `pool` is the relay's.
pub async fn watch(pool: PgPool, health: Health, metrics: Arc<Metrics>, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let kept = sqlx::query_scalar("select journal.keep($1)").bind(MONTHS_AHEAD).fetch_one(&pool).await;
        let pause = match kept {
            Ok(misplaced) => {
                metrics.facts_misplaced.set(misplaced);
                health.report(DEPENDENCY, state(misplaced));
                EVERY
            }
            Err(error) => {
                tracing::warn!(error = %error, "partitions of the coming months cannot be made now; trying again");
                TRY_AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn state(misplaced: i64) -> State {
    if misplaced == 0 {
        return State::Ok;
    }
    State::Degraded(format!(
        "{misplaced} facts bear a time that is months away: a machine's clock is wrong; they are read and sent like any other"
    ))
}
