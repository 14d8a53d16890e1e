//! A consumer is woken by a message and by a clock.
//!
//! It takes events from JetStream, or, when the bus is silent or lost them, finds in the journal those it owes: of its
//! types, without an inbox row of its own. Both ways end in the same handler, made idempotent by the inbox row written
//! in the handler's transaction. Nothing is acknowledged to NATS before the commit.
//!
//! A message only wakes. What the handler is shown is what the journal holds, read by the statement that enters the event
//! in the inbox; a message that is not in the journal, or says otherwise, is refused, counted and told, and leaves nothing.
//!
//! The cast: a service brings a [`Handler`]; [`run`] waits for either wake-up; [`runner`] turns a batch into one
//! transaction; [`inbox`] holds what a consumer has had.

mod batch;
mod catch_up;
mod inbox;
mod incoming;
mod runner;

use std::{future::Future, sync::Arc, time::Duration};

use async_nats::jetstream::{Message, consumer::pull};
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use vigie_proto::{EventId, consumer::Consumer, envelope::Fact, event::Event};

use crate::{Context, journal::Entry, metrics::ByConsumer, telemetry};
use runner::Runner;

/// Events taken in one transaction.
const BATCH: usize = 256;
/// How often old inbox rows are looked for.
const PURGE_EVERY: Duration = Duration::from_hours(1);

/// An event to handle, with the span its handling is traced under.
#[derive(Debug, Clone)]
pub struct Received {
    pub fact: Fact,
    pub span: Span,
    traceparent: Option<String>,
}

impl Received {
    /// The `traceparent` to keep for what follows from it later, outside its transaction.
    pub fn traceparent(&self) -> Option<String> {
        telemetry::traceparent_of(&self.span, self.traceparent.as_deref())
    }
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Applied; never shown again.
    Done,
    /// What it depends on is not there yet: show it again.
    Later(&'static str),
    /// It can never be applied: keep it aside, visibly.
    Dead(String),
}

/// New facts that follow from the events of one transaction.
#[derive(Debug)]
pub struct Outbox {
    service: &'static str,
    now: Timestamp,
    entries: Vec<Entry>,
}

impl Outbox {
    pub fn new(service: &'static str, now: Timestamp) -> Self {
        Self { service, now, entries: Vec::new() }
    }

    /// Adds a fact that follows from `cause`.
    pub fn push(&mut self, event: impl Into<Event>, cause: &Received) {
        self.entries.push(Entry::new(self.service, &event.into(), self.now, Some(cause.fact.id), cause.traceparent()));
    }

    /// Adds a fact that follows from no event (a due time came).
    pub fn push_spontaneous(&mut self, event: impl Into<Event>, cause: Option<EventId>, traceparent: Option<String>) {
        self.entries.push(Entry::new(self.service, &event.into(), self.now, cause, traceparent));
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// What a service does with events, inside a transaction that also holds their inbox rows.
pub trait Handler: Send + Sync + 'static {
    /// Its durable consumer, as the house lists it: the name is also the key of its inbox, the service its schema.
    const CONSUMER: Consumer;
    /// What must happen once the transaction is committed.
    type After: Send + Default;

    /// Applies `events` and returns one verdict for each, in order. An error rolls everything back.
    fn handle(
        &self,
        tx: &mut PgConnection,
        events: &[Received],
        now: Timestamp,
        outbox: &mut Outbox,
    ) -> impl Future<Output = anyhow::Result<(Vec<Verdict>, Self::After)>> + Send;

    /// Runs after the commit; must not block.
    fn committed(&self, _after: Self::After) {}
}

/// Runs `handler` until stopped.
pub async fn run<H: Handler>(
    context: Context,
    pool: PgPool,
    handler: Arc<H>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let label = ByConsumer { consumer: H::CONSUMER.name };
    let recovered = context.metrics.consumer_recovered.get_or_create(&label).clone();
    let lag = context.metrics.consumer_lag.get_or_create(&label).clone();
    let runner = Runner { context, pool, handler, recovered, lag, settled_before: OnceCell::new() };
    let mut purge_at = tokio::time::Instant::now();
    let mut messages: Option<pull::Stream> = None;
    // Beside the journal, never before it: a bus that dies while it is being asked lets the request hang for seconds.
    let mut subscribing = None;
    let mut may_subscribe = true;
    // Since when the bus brings this consumer what is published; being connected is not enough.
    let mut served_since = None;
    let mut catch_up_at = tokio::time::Instant::now();
    let mut after = None;
    loop {
        if messages.is_none() && subscribing.is_none() && may_subscribe && runner.context.bus.is_connected() {
            may_subscribe = false;
            subscribing = Some(Box::pin(runner.subscribe()));
        }
        if messages.is_none() || !runner.context.bus.is_connected() {
            served_since = None;
        } else if served_since.is_none() {
            // Subscribed, or connected again: what was written meanwhile is looked for at once.
            served_since = Some(runner.context.clock.now());
            catch_up_at = tokio::time::Instant::now();
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            opened = end_of(&mut subscribing) => {
                subscribing = None;
                // Refused, it is asked for again at the next look into the journal; lost later, at once.
                may_subscribe = opened.is_some();
                messages = opened;
            }
            first = next_of(&mut messages) => match first {
                Some(Ok(first)) => {
                    let batch = drain_ready(first, messages.as_mut());
                    runner.note_lag(batch.last());
                    runner.take(batch).await;
                }
                Some(Err(error)) => {
                    tracing::warn!(error = %error, consumer = H::CONSUMER.name, "the consumer lost its stream and will subscribe again");
                    messages = None;
                }
                None => messages = None,
            },
            () = tokio::time::sleep_until(purge_at) => {
                purge_at = tokio::time::Instant::now() + PURGE_EVERY;
                if let Err(error) = runner.purge().await {
                    tracing::debug!(error = format!("{error:#}"), consumer = H::CONSUMER.name, "old inbox rows stay for now");
                }
            }
            () = tokio::time::sleep_until(catch_up_at) => {
                may_subscribe = true;
                runner.context.bus.watch().look();
                let every = &runner.context.config.bus;
                if let Err(error) = runner.revive().await {
                    tracing::warn!(error = format!("{error:#}"), consumer = H::CONSUMER.name, "what is to be tried again waits");
                }
                let pause = if served_since.is_some() { every.catch_up_every_ms } else { every.catch_up_without_bus_every_ms };
                match runner.catch_up(after.take(), served_since).await {
                    // The next page at once.
                    Ok(Some(last)) => after = Some(last),
                    Ok(None) => catch_up_at = tokio::time::Instant::now() + Duration::from_millis(pause),
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), consumer = H::CONSUMER.name, "cannot look into the journal; trying again");
                        catch_up_at = tokio::time::Instant::now() + Duration::from_millis(pause);
                    }
                }
            }
        }
    }
}

async fn end_of<T>(work: &mut Option<impl Future<Output = T> + Unpin>) -> T {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

async fn next_of(messages: &mut Option<pull::Stream>) -> Option<Result<Message, pull::MessagesError>> {
    match messages {
        Some(messages) => messages.next().await,
        None => std::future::pending().await,
    }
}

/// `first` and whatever else has already arrived, up to [`BATCH`].
fn drain_ready(first: Message, messages: Option<&mut pull::Stream>) -> Vec<Message> {
    let mut batch = vec![first];
    if let Some(messages) = messages {
        while batch.len() < BATCH {
            match messages.next().now_or_never() {
                Some(Some(Ok(message))) => batch.push(message),
                // An error will be met again at the next wait.
                _ => break,
            }
        }
    }
    batch
}
