//! Follows the journal, and tells whoever listens in this process.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use vigie_platform::{journal, journal::Entry, journal::Position};

/// Entries a slow listener may lag behind; beyond, it reads them again from the journal.
const CAPACITY: usize = 4_096;
/// Facts certain within this time reach the listeners; the journal is asked this often.
const EVERY: Duration = Duration::from_millis(100);
const LIMIT: i64 = 500;

/// The live end of the journal.
#[derive(Debug, Clone)]
pub(crate) struct Live(broadcast::Sender<Arc<(Position, Entry)>>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Live {
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<(Position, Entry)>> {
        self.0.subscribe()
    }
}

/// Reads what became certain and tells it, in order, until stopped.
pub(crate) async fn follow(pool: &PgPool, live: &Live, stop: CancellationToken) -> anyhow::Result<()> {
    let mut position = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
        if live.0.receiver_count() == 0 {
            // Nobody listens: begin again from the end when somebody does.
            position = None;
            continue;
        }
        if let Err(error) = advance(pool, live, &mut position).await {
            tracing::warn!(error = %error, "the journal cannot be followed; live streams are late");
        }
    }
}

async fn advance(pool: &PgPool, live: &Live, position: &mut Option<Position>) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let from = if let Some(known) = *position {
        known
    } else {
        // A little before the end: a listener may have subscribed since the last pass.
        let end = journal::horizon(&mut connection).await?;
        Position { tx: end.saturating_sub(1_000), seq: 0 }
    };
    let entries = journal::read_after(&mut connection, from, LIMIT).await?;
    *position = Some(entries.last().map_or(from, |(at, _)| *at));
    for entry in entries {
        // No listener any more is not an error.
        drop(live.0.send(Arc::new(entry)));
    }
    Ok(())
}
