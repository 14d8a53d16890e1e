//! One commit for many signals: whatever has arrived while the last commit was under way shares the next.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use vigie_platform::{Context, database, journal::Entry};

use crate::store::{self, NewSignal, Stored};

/// Commits under way at once: one writes while the other's fsync is awaited.
const LOOPS: usize = 2;
/// Pauses between attempts while the database is out of reach: 50, 100 … 1,600 ms, some 3 s in all.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_millis(1_600);

/// Why a signal was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommitError {
    #[error("too many signals are waiting for a commit")]
    Full,
    #[error("the database did not take the commit")]
    Unavailable,
}

type Answer = Result<Stored, CommitError>;

/// A signal waiting for its commit, and where to answer.
#[derive(Debug)]
struct Waiting {
    signal: NewSignal,
    answer: oneshot::Sender<Answer>,
}

/// Hands signals to the commit loops; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Committer(mpsc::Sender<Waiting>);

impl Committer {
    /// Resolves once the signal is durable, or was already.
    pub(crate) async fn commit(&self, signal: NewSignal) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Waiting { signal, answer }).map_err(|_| CommitError::Full)?;
        answered.await.unwrap_or(Err(CommitError::Unavailable))
    }
}

/// The loops that empty the queue.
#[derive(Debug)]
pub(crate) struct CommitLoops {
    queue: Arc<Mutex<mpsc::Receiver<Waiting>>>,
    context: Context,
    pool: PgPool,
}

pub(crate) fn channel(context: &Context, pool: PgPool) -> (Committer, CommitLoops) {
    let (sender, receiver) = mpsc::channel(context.config.intake.queue);
    (Committer(sender), CommitLoops { queue: Arc::new(Mutex::new(receiver)), context: context.clone(), pool })
}

impl CommitLoops {
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let loops = std::array::from_fn::<_, LOOPS, _>(|_| self.commit_until(&stop));
        for outcome in futures::future::join_all(loops).await {
            outcome?;
        }
        Ok(())
    }

    async fn commit_until(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let limit = self.context.config.intake.commit_batch;
        let mut batch = Vec::with_capacity(limit);
        loop {
            {
                let mut queue = self.queue.lock().await;
                tokio::select! {
                    biased;
                    _ = queue.recv_many(&mut batch, limit) => {}
                    () = stop.cancelled() => {
                        // Nothing more is accepted; what was is still committed.
                        queue.close();
                        queue.recv_many(&mut batch, limit).await;
                    }
                }
            }
            if batch.is_empty() {
                return Ok(());
            }
            self.commit(std::mem::take(&mut batch)).await;
        }
    }

    async fn commit(&self, waiting: Vec<Waiting>) {
        let started = Instant::now();
        let now: Timestamp = self.context.clock.now();
        let (signals, answers): (Vec<_>, Vec<_>) = waiting.into_iter().map(|w| (w.signal, w.answer)).unzip();
        match self.store(&signals, now).await {
            Ok((stored, entries)) => {
                self.context.metrics.intake_commit.observe(started.elapsed().as_secs_f64());
                self.context.metrics.signals_accepted.inc_by(entries.len() as u64);
                self.context.fresh.push(entries);
                for (answer, stored) in answers.into_iter().zip(stored) {
                    // The caller may have hung up; the signal is durable all the same.
                    drop(answer.send(Ok(stored)));
                }
            }
            Err(error) => {
                tracing::error!(error = %error, signals = answers.len(), "signals could not be stored; their senders are told to retry");
                for answer in answers {
                    drop(answer.send(Err(CommitError::Unavailable)));
                }
            }
        }
    }

    /// Stores them, trying again for a moment when the database is out of reach: a restart of Postgres is then a delay for
    /// the senders, not a refusal. Safe, since a second attempt recognises what the first may have written.
    async fn store(&self, signals: &[NewSignal], now: Timestamp) -> Result<(Vec<Stored>, Vec<Entry>), sqlx::Error> {
        let mut pause = RETRY_FIRST;
        loop {
            match store::store(&self.pool, signals, now).await {
                Err(error) if database::is_unreachable(&error) && pause <= RETRY_LAST => {
                    tracing::warn!(error = %error, "the database is out of reach; trying the commit again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }
}
