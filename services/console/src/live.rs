//! Follows the journal, and tells whoever listens in this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::PgPool;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use vigie_platform::{
    journal::{self, Entry, Position},
    metrics::{Gauge, Registrar},
};
use vigie_proto::SourceId;

/// Entries a slow listener may lag behind; beyond, it reads them again from the journal.
const CAPACITY: usize = 4_096;
/// Facts certain within this time reach the listeners; the journal is asked this often.
const EVERY: Duration = Duration::from_millis(100);
const LIMIT: i64 = 500;

/// The live end of the journal, and who listens to it.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    told: broadcast::Sender<Arc<(Position, Entry)>>,
    streams: Streams,
    /// How many are open, for the metrics.
    open: Gauge,
}

/// How many streams each source has open.
type Streams = Arc<Mutex<HashMap<SourceId, usize>>>;

/// A stream that is counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    streams: Streams,
    source: SourceId,
    open: Gauge,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = streams.get_mut(&self.source) {
            *open -= 1;
            if *open == 0 {
                streams.remove(&self.source);
            }
        }
        self.open.dec();
    }
}

impl Live {
    pub(crate) fn new(registrar: &Registrar) -> Self {
        let open = registrar.series("streams_open", "Live streams that are open");
        Self { told: broadcast::Sender::new(CAPACITY), streams: Streams::default(), open }
    }

    /// A seat for one more stream of `source`; none when it has `at_most` already.
    pub(crate) fn seat(&self, source: &SourceId, at_most: usize) -> Option<Seat> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(source.clone()).or_default();
        if *open >= at_most {
            return None;
        }
        *open += 1;
        self.open.inc();
        Some(Seat { streams: Arc::clone(&self.streams), source: source.clone(), open: self.open.clone() })
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<(Position, Entry)>> {
        self.told.subscribe()
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
        if live.told.receiver_count() == 0 {
            // Nobody listens: begin again from the end when somebody does.
            position = None;
            continue;
        }
        // What fills a page has more behind it, which is not left to the next look: that would be a limit on facts a second.
        while advance(pool, live, &mut position).await.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "the journal cannot be followed; live streams are late");
            false
        }) && !stop.is_cancelled()
        {}
    }
}

/// One page more; whether it was full.
async fn advance(pool: &PgPool, live: &Live, position: &mut Option<Position>) -> Result<bool, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let from = if let Some(known) = *position {
        known
    } else {
        // A little before the end: a listener may have subscribed since the last pass.
        let end = journal::horizon(&mut connection).await?;
        Position { tx: end.tx.saturating_sub(1_000), ..end }
    };
    let entries = journal::read_after(&mut connection, from, LIMIT).await?;
    *position = Some(entries.last().map_or(from, |(at, _)| *at));
    let full = i64::try_from(entries.len()).is_ok_and(|read| read >= LIMIT);
    for entry in entries {
        // No listener any more is not an error.
        drop(live.told.send(Arc::new(entry)));
    }
    Ok(full)
}
