//! Turns a batch of events into one transaction, and into acknowledgements once it is committed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::jetstream::{
    AckKind, Message,
    consumer::{Consumer, pull},
};
use jiff::SignedDuration;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use sqlx::{PgConnection, PgPool};
use tokio::sync::OnceCell;

use super::{
    Handler, batch,
    inbox::{self, DeadLetter},
    incoming::Incoming,
};
use crate::{
    Context,
    bus::Refusal,
    journal::{self, Position},
    metrics::ByRefusal,
};

/// An event that fails alone this often, with the database answering, is dead.
const ATTEMPTS: u32 = 5;
/// How long an event is left alone after the database could not do its work.
const UNAVAILABLE_FOR: Duration = Duration::from_millis(500);
/// Inbox rows are kept this long beyond what the stream keeps.
const PURGE_MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// One consumer at work.
pub(super) struct Runner<H: Handler> {
    pub(super) context: Context,
    pub(super) pool: PgPool,
    pub(super) handler: Arc<H>,
    pub(super) recovered: Counter,
    pub(super) lag: Gauge,
    /// The watermark as last read; it only rises, and what lies before an older one is kept in the inbox far longer.
    pub(super) settled_before: OnceCell<Mutex<Position>>,
}

impl<H: Handler> Runner<H> {
    pub(super) async fn subscribe(&self) -> Option<pull::Stream> {
        let opened = async {
            let consumer: Consumer<pull::Config> = self.context.bus.consumer(H::CONSUMER.name).await?;
            let stream = consumer
                .stream()
                .max_messages_per_batch(1_024)
                .expires(Duration::from_secs(10))
                .heartbeat(Duration::from_secs(3))
                .messages()
                .await?;
            anyhow::Ok(stream)
        };
        match opened.await {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::debug!(
                    error = format!("{error:#}"),
                    consumer = H::CONSUMER.name,
                    "not subscribed; the journal serves meanwhile"
                );
                None
            }
        }
    }

    /// Every message says how many are behind it.
    pub(super) fn note_lag(&self, last: Option<&Message>) {
        if let Some(info) = last.and_then(|message| message.info().ok()) {
            self.lag.set(i64::try_from(info.pending).unwrap_or(i64::MAX));
        }
    }

    /// Forgets inbox rows that neither the bus nor the journal can bring again.
    pub(super) async fn purge(&self) -> anyhow::Result<()> {
        let mut connection = self.pool.acquire().await?;
        let kept_by_bus = SignedDuration::try_from(Duration::from_secs(self.context.config.bus.stream_max_age_s))?;
        let before = self.context.clock.now() - kept_by_bus - PURGE_MARGIN;
        let purged = inbox::purge::<H>(&mut connection, before).await?;
        tracing::debug!(consumer = H::CONSUMER.name, purged, "old inbox rows are gone");
        Ok(())
    }

    /// Handles messages as they came from the bus.
    pub(super) async fn take(&self, messages: Vec<Message>) {
        let mut batch = Vec::with_capacity(messages.len());
        for message in messages {
            match Incoming::read(message) {
                Ok(incoming) => batch.push(incoming),
                Err(message) => self.refuse(&message, Refusal::Unreadable).await,
            }
        }
        self.settle(batch).await;
    }

    /// Takes a message off the consumer for good: it is none of ours, whoever published it.
    async fn refuse(&self, message: &Message, why: Refusal) {
        let label = ByRefusal { consumer: H::CONSUMER.name, why: why.code() };
        self.context.metrics.bus_refused.get_or_create(&label).inc();
        self.context.bus.watch().refused(H::CONSUMER.name, why);
        if let Err(error) = message.ack_with(AckKind::Term).await {
            tracing::debug!(error = %error, "it will be shown again");
        }
    }

    /// Handles a batch; when it fails, each event alone, so that one bad event cannot hold the others.
    pub(super) async fn settle(&self, batch: Vec<Incoming>) {
        if batch.is_empty() {
            return;
        }
        match self.apply(&batch).await {
            Ok(()) => {}
            // Each alone would fail the same way: the bus or the journal brings them again.
            Err(error) if is_temporary(&error) && !is_conflict(&error) => {
                self.tell_unavailable(&error);
                for incoming in &batch {
                    incoming.put_off(UNAVAILABLE_FOR).await;
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    consumer = H::CONSUMER.name,
                    events = batch.len(),
                    "a batch failed; trying one by one"
                );
                for incoming in batch {
                    self.settle_alone(incoming).await;
                }
            }
        }
    }

    /// The database cannot do its work now: `/readyz` says so, and the log once.
    fn tell_unavailable(&self, error: &anyhow::Error) {
        let failed = error.chain().find_map(|cause| cause.downcast_ref::<sqlx::Error>());
        if let Some(error) = failed.filter(|error| !crate::database::is_conflict(error)) {
            self.context.metrics.writes_failed.inc();
            self.context.health.write_failed(&crate::database::why_unavailable(error));
        }
    }

    async fn settle_alone(&self, incoming: Incoming) {
        let batch = [incoming];
        for attempt in 1..=ATTEMPTS {
            match self.apply(&batch).await {
                Ok(()) => return,
                Err(error) if is_temporary(&error) => {
                    // Neither acknowledged nor in the inbox: the bus or the journal brings it again.
                    self.tell_unavailable(&error);
                    batch[0].put_off(UNAVAILABLE_FOR).await;
                    return;
                }
                Err(error) if attempt == ATTEMPTS => {
                    self.bury(&batch[0], &format!("{error:#}")).await;
                    return;
                }
                Err(error) => tracing::warn!(
                    error = format!("{error:#}"),
                    attempt,
                    consumer = H::CONSUMER.name,
                    "an event failed; trying again"
                ),
            }
        }
    }

    /// One transaction: inbox rows, the handler, its new facts. Then acknowledgements and the fresh entries.
    async fn apply(&self, batch: &[Incoming]) -> anyhow::Result<()> {
        let now = self.context.clock.now();
        let mut tx = self.pool.begin().await?;
        let settled_before = self.settled_before(&mut tx).await?;
        let applied = batch::handle(&*self.handler, &mut tx, batch, settled_before, now).await?;
        inbox::leave_inbox::<H>(&mut tx, &applied.later.keys().copied().collect::<Vec<_>>()).await?;
        for dead in &applied.dead {
            let (id, reason) = (dead.id, &dead.why);
            tracing::error!(event.id = %id, consumer = H::CONSUMER.name, reason, "an event went to the dead letters");
            inbox::write_dead_letter(&mut tx, H::CONSUMER.name, dead, now).await?;
        }
        // What the bus brings comes in time; what is found later may be what others waited for.
        if batch.iter().any(|incoming| incoming.told.is_none()) {
            inbox::call_waiting::<H>(&mut tx, &applied.incidents, now).await?;
        }
        journal::append(&mut tx, applied.outbox.entries()).await?;
        tx.commit().await?;

        self.context.metrics.dead_letters.inc_by(applied.dead.len() as u64);
        self.context.fresh.push(applied.outbox.into_entries());
        self.handler.committed(applied.after);
        for (at, incoming) in batch.iter().enumerate() {
            let refused = applied.refused.iter().find(|(position, _)| *position == at);
            match (refused, &incoming.told) {
                (Some((_, why)), Some(told)) => self.refuse(&told.message, *why).await,
                _ if applied.later.contains_key(&incoming.id.0) => {
                    incoming.put_off(applied.later[&incoming.id.0]).await;
                }
                _ => incoming.acknowledge().await,
            }
        }
        Ok(())
    }

    async fn bury(&self, incoming: &Incoming, why: &str) {
        let now = self.context.clock.now();
        let buried = async {
            let mut tx = self.pool.begin().await?;
            let entered = inbox::enter_inbox::<H>(&mut tx, &[incoming.id.0], Position::default(), now).await?;
            for known in entered.values() {
                let envelope = &known.entry.envelope;
                let (id, type_name, why) = (envelope.id, envelope.type_name.clone(), why.to_owned());
                let dead = DeadLetter { id, type_name, why, waits: false };
                inbox::write_dead_letter(&mut tx, H::CONSUMER.name, &dead, now).await?;
            }
            tx.commit().await
        };
        match buried.await {
            Ok(()) => {
                tracing::error!(event.id = %incoming.id, consumer = H::CONSUMER.name, why, "an event went to the dead letters");
                self.context.metrics.dead_letters.inc();
                incoming.acknowledge().await;
            }
            Err(error) => {
                tracing::error!(error = %error, "a dead letter could not be written; the event will come again");
                incoming.put_off(Duration::from_secs(1)).await;
            }
        }
    }

    async fn settled_before(&self, connection: &mut PgConnection) -> Result<Position, sqlx::Error> {
        let read = async || inbox::watermark::<H>(connection).await.map(Mutex::new);
        let known = self.settled_before.get_or_try_init(read).await?;
        Ok(*known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A failure of the database's reach or of a lock, not of the event.
pub(super) fn is_temporary(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<sqlx::Error>().is_some_and(crate::database::is_unavailable))
}

fn is_conflict(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<sqlx::Error>().is_some_and(crate::database::is_conflict))
}
