//! Turns a batch of events into one transaction, and into acknowledgements once it is committed.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::{
    AckKind, Message,
    consumer::{Consumer, pull},
};
use jiff::{SignedDuration, Timestamp};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use sqlx::{PgConnection, PgPool};
use tokio::sync::OnceCell;
use uuid::Uuid;
use vigie_proto::{
    EventId,
    envelope::{Envelope, Fact},
    event::{DecodeError, Event},
};

use super::{BATCH, Handler, Outbox, Received, Verdict, inbox};
use crate::{
    Context,
    bus::Refusal,
    journal::{self, Entry},
    metrics::ByRefusal,
    telemetry,
};

/// While the bus serves this consumer, an entry younger than this is the bus's to bring.
const GRACE: SignedDuration = SignedDuration::from_secs(2);
/// An event that fails alone this often, with the database answering, is dead.
const ATTEMPTS: u32 = 5;
/// Inbox rows are kept this long beyond what the stream keeps.
const PURGE_MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// One event to look up in the journal, and the message that told of it when it came by the bus.
pub(super) struct Incoming {
    id: EventId,
    told: Option<Told>,
}

/// What a message says; believed only as far as the journal says the same.
struct Told {
    type_name: String,
    message: Message,
}

impl Told {
    /// Why it is not `entry`, if it is not.
    fn differs(&self, entry: &Entry) -> Option<Refusal> {
        if self.type_name != entry.envelope.type_name {
            Some(Refusal::Type)
        } else if self.message.subject.as_str() != entry.subject {
            Some(Refusal::Subject)
        } else if self.message.payload.as_ref() != entry.data.as_bytes() {
            Some(Refusal::Data)
        } else {
            None
        }
    }
}

/// What handling a batch led to, before it is committed.
struct Applied<After> {
    outbox: Outbox,
    after: After,
    /// To be shown again.
    later: Vec<Uuid>,
    /// Id, type and why of each event that can never be applied.
    dead: Vec<(EventId, String, String)>,
    /// Which of the batch are not what the journal holds: they leave nothing behind.
    refused: Vec<(usize, Refusal)>,
}

/// One consumer at work.
pub(super) struct Runner<H: Handler> {
    pub(super) context: Context,
    pub(super) pool: PgPool,
    pub(super) handler: Arc<H>,
    pub(super) recovered: Counter,
    pub(super) lag: Gauge,
    /// The watermark as last read; it only rises, and what lies below an older one is kept in the inbox far longer.
    pub(super) settled_below: OnceCell<AtomicI64>,
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
            batch.extend(self.incoming(message).await);
        }
        self.settle(batch).await;
    }

    /// Reads which event a message tells of; one that does not say so is refused.
    async fn incoming(&self, message: Message) -> Option<Incoming> {
        let headers = message.headers.as_ref();
        let read = Envelope::from_headers(|name| headers?.get(name).map(async_nats::HeaderValue::as_str));
        if let Ok(envelope) = read {
            return Some(Incoming { id: envelope.id, told: Some(Told { type_name: envelope.type_name, message }) });
        }
        self.refuse(&message, Refusal::Unreadable).await;
        None
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
    async fn settle(&self, batch: Vec<Incoming>) {
        if batch.is_empty() {
            return;
        }
        match self.apply(&batch).await {
            Ok(()) => {}
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

    async fn settle_alone(&self, incoming: Incoming) {
        let batch = [incoming];
        for attempt in 1..=ATTEMPTS {
            match self.apply(&batch).await {
                Ok(()) => return,
                Err(error) if is_temporary(&error) => {
                    // Neither acknowledged nor in the inbox: the bus or the journal brings it again.
                    negative(&batch[0], Duration::from_millis(500)).await;
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
        let applied = self.handle(&mut tx, batch, false, now).await?;
        inbox::leave_inbox::<H>(&mut tx, &applied.later).await?;
        for (id, type_name, reason) in &applied.dead {
            tracing::error!(event.id = %id, consumer = H::CONSUMER.name, reason, "an event went to the dead letters");
            inbox::write_dead_letter(&mut tx, H::CONSUMER.name, *id, type_name, reason, now).await?;
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
                _ if applied.later.contains(&incoming.id.0) => negative(incoming, Duration::from_millis(100)).await,
                _ => acknowledge(incoming).await,
            }
        }
        Ok(())
    }

    /// Enters a batch in the inbox and hands the handler what was not there yet, as the journal holds it.
    ///
    /// With `again`, what was dealt with long ago may be handled once more.
    async fn handle(
        &self,
        tx: &mut PgConnection,
        batch: &[Incoming],
        again: bool,
        now: Timestamp,
    ) -> anyhow::Result<Applied<H::After>> {
        // Each once: the second would find the first in the inbox.
        let ids: BTreeSet<Uuid> = batch.iter().map(|incoming| incoming.id.0).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let settled_below = if again { 0 } else { self.settled_below(tx).await? };
        let mut entered = inbox::enter_inbox::<H>(tx, &ids, settled_below, now).await?;
        let (mut events, mut dead, mut refused) = (Vec::with_capacity(entered.len()), Vec::new(), Vec::new());
        for (at, incoming) in batch.iter().enumerate() {
            let Some(known) = entered.get_mut(&incoming.id.0) else {
                refused.push((at, Refusal::Absent));
                continue;
            };
            let differs = incoming.told.as_ref().and_then(|told| told.differs(&known.entry));
            if let Some(why) = differs.or(known.is_replayed.then_some(Refusal::Watermark)) {
                refused.push((at, why));
            } else if std::mem::take(&mut known.is_fresh) {
                let envelope = &known.entry.envelope;
                match Event::decode(&envelope.type_name, &known.entry.data) {
                    Ok(event) => events.push(received::<H>(envelope, event)),
                    Err(error) => dead.push((envelope.id, envelope.type_name.clone(), why(&error))),
                }
            }
        }
        // Entered, but only forgeries or replays told of them: the true message is still to come, or came long ago.
        let forged: Vec<Uuid> = entered.iter().filter(|(_, known)| known.is_fresh).map(|(id, _)| *id).collect();
        inbox::leave_inbox::<H>(tx, &forged).await?;
        let mut outbox = Outbox::new(H::CONSUMER.service, now);
        let (verdicts, after) = if events.is_empty() {
            (Vec::new(), H::After::default())
        } else {
            self.handler.handle(tx, &events, now, &mut outbox).await?
        };
        anyhow::ensure!(
            verdicts.len() == events.len(),
            "{} gave {} verdicts for {} events",
            H::CONSUMER.name,
            verdicts.len(),
            events.len()
        );
        let mut later = Vec::new();
        for (event, verdict) in events.iter().zip(verdicts) {
            match verdict {
                Verdict::Done => {}
                Verdict::Later(reason) => {
                    tracing::debug!(event.id = %event.fact.id, reason, consumer = H::CONSUMER.name, "put off");
                    later.push(event.fact.id.0);
                }
                Verdict::Dead(reason) => dead.push((event.fact.id, event.fact.event.type_name().to_owned(), reason)),
            }
        }
        Ok(Applied { outbox, after, later, dead, refused })
    }

    /// Shows the handler again what it had set aside and somebody wants tried again.
    pub(super) async fn revive(&self) -> anyhow::Result<()> {
        let mut connection = self.pool.acquire().await?;
        let waiting = inbox::revivals::<H>(&mut connection).await?;
        drop(connection);
        for (id, event) in waiting {
            let incoming = Incoming { id: event, told: None };
            match self.apply_again(id, &incoming).await {
                Err(error) if !is_temporary(&error) => {
                    let mut connection = self.pool.acquire().await?;
                    let (now, why) = (self.context.clock.now(), format!("{error:#}"));
                    inbox::settle_revival(&mut connection, id, Some(&why), now).await?;
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// One transaction: out of the inbox, handled, and the wish settled. What is put off waits for the next look.
    async fn apply_again(&self, revival: i64, incoming: &Incoming) -> anyhow::Result<()> {
        let now = self.context.clock.now();
        let mut tx = self.pool.begin().await?;
        inbox::leave_inbox::<H>(&mut tx, &[incoming.id.0]).await?;
        let applied = self.handle(&mut tx, std::slice::from_ref(incoming), true, now).await?;
        if !applied.later.is_empty() {
            return Ok(tx.rollback().await?);
        }
        let why = applied.dead.first().map(|(_, _, why)| why.as_str());
        inbox::settle_revival(&mut tx, revival, why, now).await?;
        journal::append(&mut tx, applied.outbox.entries()).await?;
        tx.commit().await?;
        tracing::info!(event.id = %incoming.id, consumer = H::CONSUMER.name, applied = why.is_none(), "tried again");
        self.context.fresh.push(applied.outbox.into_entries());
        self.handler.committed(applied.after);
        Ok(())
    }

    async fn bury(&self, incoming: &Incoming, why: &str) {
        let now = self.context.clock.now();
        let buried = async {
            let mut tx = self.pool.begin().await?;
            let entered = inbox::enter_inbox::<H>(&mut tx, &[incoming.id.0], 0, now).await?;
            for known in entered.values() {
                let envelope = &known.entry.envelope;
                inbox::write_dead_letter(&mut tx, H::CONSUMER.name, envelope.id, &envelope.type_name, why, now).await?;
            }
            tx.commit().await
        };
        match buried.await {
            Ok(()) => {
                tracing::error!(event.id = %incoming.id, consumer = H::CONSUMER.name, why, "an event went to the dead letters");
                self.context.metrics.dead_letters.inc();
                acknowledge(incoming).await;
            }
            Err(error) => {
                tracing::error!(error = %error, "a dead letter could not be written; the event will come again");
                negative(incoming, Duration::from_secs(1)).await;
            }
        }
    }

    async fn settled_below(&self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        let read = async || inbox::watermark::<H>(connection).await.map(AtomicI64::new);
        Ok(self.settled_below.get_or_try_init(read).await?.load(Ordering::Relaxed))
    }

    /// Handles what the journal holds and the inbox lacks. True when there may be more at once.
    ///
    /// What was written since the bus serves this consumer, `served_since`, is left to the bus for a moment.
    pub(super) async fn catch_up(&self, served_since: Option<Timestamp>) -> anyhow::Result<bool> {
        let mut connection = self.pool.acquire().await?;
        let watermark = inbox::watermark::<H>(&mut connection).await?;
        let horizon = journal::horizon(&mut connection).await?;
        let owed = inbox::owed::<H>(&mut connection, watermark, horizon).await?;
        let now = self.context.clock.now();
        let before = served_since.map_or(Timestamp::MAX, |since| since.max(now - GRACE));
        let full = owed.len() >= BATCH;
        let lowest_left = owed.iter().filter(|(_, e)| e.envelope.time >= before).map(|(p, _)| p.tx).min();
        let lowest_owed = owed.iter().map(|(p, _)| p.tx).min();
        let due: Vec<_> = owed
            .into_iter()
            .filter(|(_, e)| e.envelope.time < before)
            .map(|(_, e)| Incoming { id: e.envelope.id, told: None })
            .collect();
        let taken = due.len();
        // Only what was settled in an earlier pass moves the mark, so that a failure here is looked at again.
        let mark = lowest_owed.unwrap_or(horizon);
        if mark > watermark {
            inbox::set_watermark::<H>(&mut connection, mark).await?;
        }
        if let Some(known) = self.settled_below.get() {
            known.fetch_max(mark.max(watermark), Ordering::Relaxed);
        }
        drop(connection);
        if taken > 0 {
            self.recovered.inc_by(taken as u64);
            self.settle(due).await;
        }
        Ok(full && taken > 0 && lowest_left.is_none())
    }
}

fn received<H: Handler>(envelope: &Envelope, event: Event) -> Received {
    let span = tracing::info_span!("handle", otel.name = format!("{} {}", H::CONSUMER.name, envelope.type_name), event.id = %envelope.id);
    telemetry::continue_trace(&span, envelope.traceparent.as_deref());
    let Envelope { id, cause, time, .. } = *envelope;
    Received { fact: Fact { id, cause, at: time, event }, span, traceparent: envelope.traceparent.clone() }
}

fn why(error: &DecodeError) -> String {
    match error {
        DecodeError::UnknownType(_) => error.to_string(),
        DecodeError::Malformed { source, .. } => format!("{error}: {source}"),
    }
}

/// A failure of the database's reach or of a lock, not of the event.
fn is_temporary(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<sqlx::Error>().is_some_and(crate::database::is_unreachable))
}

async fn acknowledge(incoming: &Incoming) {
    if let Some(told) = &incoming.told
        && let Err(error) = told.message.ack().await
    {
        tracing::debug!(error = %error, "not acknowledged; the inbox will recognise it");
    }
}

async fn negative(incoming: &Incoming, pause: Duration) {
    if let Some(told) = &incoming.told
        && let Err(error) = told.message.ack_with(AckKind::Nak(Some(pause))).await
    {
        tracing::debug!(error = %error, "not refused; it comes again after the acknowledgement wait");
    }
}
