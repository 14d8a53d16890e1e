//! One commit for many signals: whatever has arrived while the last commit was under way shares the next.

use std::{
    iter, slice,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use vigie_platform::{Context, database};

use crate::{
    IntakeConfig,
    metrics::Metrics,
    store::{self, NewSignal, Stored},
};

/// Commits under way at once: one writes while the other's fsync is awaited.
const LOOPS: usize = 2;
/// Pauses between attempts while the database is out of reach: 50, 100 … 1,600 ms, some 3 s in all.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_millis(1_600);
/// How often a commit moves the counter of references on: another may move it back to before what it has not committed yet.
const MOVED_ON: u32 = 8;

/// Why a signal was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommitError {
    #[error("too many signals are waiting for a commit")]
    Full,
    #[error("the database did not take the commit")]
    Unavailable,
    #[error("the database refuses what the signal holds")]
    Refused,
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
pub(crate) struct Committer {
    queue: mpsc::Sender<Waiting>,
    metrics: Metrics,
}

impl Committer {
    /// Resolves once the signal is durable, or was already.
    pub(crate) async fn commit(&self, signal: NewSignal) -> Answer {
        let (answer, answered) = oneshot::channel();
        // A place first: once it is taken the signal is counted as waiting, before a loop may count it out.
        let place = self.queue.try_reserve().map_err(|_| CommitError::Full)?;
        self.metrics.waiting.inc();
        place.send(Waiting { signal, answer });
        answered.await.unwrap_or(Err(CommitError::Unavailable))
    }
}

/// The loops that empty the queue.
#[derive(Debug)]
pub(crate) struct CommitLoops {
    queue: Arc<Mutex<mpsc::Receiver<Waiting>>>,
    context: Context,
    metrics: Metrics,
    pool: PgPool,
    /// Signals that may share one commit.
    at_most: usize,
}

pub(crate) fn channel(
    context: &Context,
    metrics: &Metrics,
    config: &IntakeConfig,
    pool: PgPool,
) -> (Committer, CommitLoops) {
    let (sender, receiver) = mpsc::channel(config.queue);
    let (context, metrics) = (context.clone(), metrics.clone());
    let committer = Committer { queue: sender, metrics: metrics.clone() };
    let queue = Arc::new(Mutex::new(receiver));
    (committer, CommitLoops { queue, context, metrics, pool, at_most: config.commit_batch })
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
        let mut batch = Vec::with_capacity(self.at_most);
        loop {
            {
                let mut queue = self.queue.lock().await;
                tokio::select! {
                    biased;
                    _ = queue.recv_many(&mut batch, self.at_most) => {}
                    () = stop.cancelled() => {
                        // Nothing more is accepted; what was is still committed.
                        queue.close();
                        queue.recv_many(&mut batch, self.at_most).await;
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
        self.metrics.waiting.dec_by(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        let (signals, answers): (Vec<_>, Vec<_>) = waiting.into_iter().map(|w| (w.signal, w.answer)).unzip();
        match self.store(&signals).await {
            Ok(stored) => settle(answers, stored.into_iter().map(Ok)),
            Err(error) if signals.len() > 1 && !database::is_unreachable(&error) => {
                tracing::warn!(error = %store::cause(&error), signals = signals.len(), "a shared commit was refused; its signals are stored one by one");
                self.commit_one_by_one(&signals, answers).await;
            }
            Err(error) => settle(answers, iter::repeat(Err(self.failed(&error)))),
        }
    }

    /// Each in a commit of its own: whatever one of them holds harms that one alone.
    async fn commit_one_by_one(&self, signals: &[NewSignal], answers: Vec<oneshot::Sender<Answer>>) {
        let mut answers = answers.into_iter();
        for (signal, answer) in signals.iter().zip(answers.by_ref()) {
            let stored = self.store(slice::from_ref(signal)).await;
            let gone = stored.as_ref().is_err_and(database::is_unreachable);
            let outcome = stored.map_err(|error| self.failed(&error));
            settle(
                [answer],
                outcome.map_or_else(|error| vec![Err(error)], |stored| stored.into_iter().map(Ok).collect()),
            );
            if gone {
                break;
            }
        }
        // The database was waited for once: those still left are better told now.
        settle(answers, iter::repeat(Err(CommitError::Unavailable)));
    }

    /// What the senders are told when their commit failed with `error`, which is logged.
    fn failed(&self, error: &sqlx::Error) -> CommitError {
        let cause = store::cause(error);
        if store::refuses_content(error) {
            self.metrics.poisoned.inc();
            tracing::warn!(error = %cause, "the database refuses what a signal holds; its sender is told");
            return CommitError::Refused;
        }
        self.tell_unavailable(error);
        tracing::debug!(error = %cause, "signals could not be stored; their senders are told to retry");
        CommitError::Unavailable
    }

    /// `/readyz` says that writes fail, and the log once.
    fn tell_unavailable(&self, error: &sqlx::Error) {
        self.context.metrics.writes_failed.inc();
        self.context.health.write_failed(&database::why_unavailable(error));
    }

    /// Stores them in one commit, trying again for a moment when the database is out of reach: a restart of Postgres is
    /// then a delay for the senders, not a refusal. Safe, since a second attempt recognises what the first may have written.
    async fn store(&self, signals: &[NewSignal]) -> Result<Vec<Stored>, sqlx::Error> {
        let started = Instant::now();
        let now: Timestamp = self.context.clock.now();
        let (mut pause, mut moved) = (RETRY_FIRST, 0);
        let (stored, entries) = loop {
            match store::store(&self.pool, signals, now).await {
                Err(error) if store::is_number_taken(&error) && moved < MOVED_ON => {
                    tracing::warn!("the counter of references is behind its table; it is moved on");
                    store::move_counter_on(&self.pool, now).await?;
                    moved += 1;
                }
                Err(error) if database::is_unreachable(&error) && pause <= RETRY_LAST => {
                    self.tell_unavailable(&error);
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => break outcome?,
            }
        };
        self.metrics.commit.observe(started.elapsed().as_secs_f64());
        self.metrics.accepted.inc_by(entries.len() as u64);
        self.context.fresh.push(entries);
        Ok(stored)
    }
}

fn settle(answers: impl IntoIterator<Item = oneshot::Sender<Answer>>, outcomes: impl IntoIterator<Item = Answer>) {
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // The caller may have hung up; what is durable is so all the same.
        drop(answer.send(outcome));
    }
}
