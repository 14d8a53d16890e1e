//! Whose claims are whose: a process that dies must not keep its messages until their claims run out.
//!
//! Each process holds an advisory lock under a number of its own for as long as its session lives; its claims carry that
//! number. Postgres lets go of the lock when the session ends, so a claim whose lock nobody holds has lost its process.

use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// First key of these locks, `vig` in ASCII; the second is the process's number.
pub(crate) const LOCK_CLASS: i32 = 0x0076_6967;
/// Claims nothing: what is only due.
pub(crate) const NOBODY: i32 = 0;
/// How often the session is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The number of this process, drawn at random: positive, so that it is also an oid.
pub(crate) fn draw() -> i32 {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    i32::try_from(high >> 34).unwrap_or(1)
}

/// Holds the lock of `owner` until stopped, and takes it again when the session was lost.
pub(crate) async fn hold(pool: PgPool, owner: i32, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let lost = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            lost = hold_session(&pool, owner) => lost,
        };
        if let Err(error) = lost {
            tracing::debug!(error = %error, "the session that vouches for this process's claims was lost; taking it again");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Ends only with the session.
async fn hold_session(pool: &PgPool, owner: i32) -> Result<(), sqlx::Error> {
    // Its own connection, not the pool's: the lock goes with it.
    let mut session: PgConnection = pool.acquire().await?.detach();
    sqlx::query!("select pg_advisory_lock($1, $2)", LOCK_CLASS, owner).execute(&mut session).await?;
    loop {
        tokio::time::sleep(EVERY).await;
        session.ping().await?;
    }
}
