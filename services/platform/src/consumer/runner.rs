//! Turns a batch of events into one transaction, and into acknowledgements once it is committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
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

use super::{
    BATCH, Handler, Outbox, Received, Verdict,
    inbox::{self, DeadLetter},
};
use crate::{
    Context,
    bus::Refusal,
    journal::{self, Entry, Position},
    metrics::ByRefusal,
    telemetry,
};

/// While the bus serves this consumer, an entry younger than this is the bus's to bring.
const GRACE: SignedDuration = SignedDuration::from_secs(2);
/// An event that fails alone this often, with the database answering, is dead.
const ATTEMPTS: u32 = 5;
/// How long an event is left alone after the database could not do its work.
const UNAVAILABLE_FOR: Duration = Duration::from_millis(500);
/// An event that is put off goes to the dead letters after this long, and comes back from there with what it waits for.
const PUT_OFF_FOR: SignedDuration = SignedDuration::from_hours(1);
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
    /// To be shown again, each after a while.
    later: BTreeMap<Uuid, Duration>,
    /// Those that can never be applied, or have waited too long.
    dead: Vec<DeadLetter>,
    /// Incidents of those that were applied.
    incidents: Vec<Uuid>,
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
            // Each alone would fail the same way: the bus or the journal brings them again.
            Err(error) if is_temporary(&error) && !is_conflict(&error) => {
                self.tell_unavailable(&error);
                for incoming in &batch {
                    negative(incoming, UNAVAILABLE_FOR).await;
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
                    negative(&batch[0], UNAVAILABLE_FOR).await;
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
                    negative(incoming, applied.later[&incoming.id.0]).await;
                }
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
        let settled_before = if again { Position::default() } else { self.settled_before(tx).await? };
        let mut entered = inbox::enter_inbox::<H>(tx, &ids, settled_before, now).await?;
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
                    Err(error) => dead.push(DeadLetter {
                        id: envelope.id,
                        type_name: envelope.type_name.clone(),
                        why: why(&error),
                        waits: false,
                    }),
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
        let (mut later, mut incidents) = (BTreeMap::new(), Vec::new());
        for (received, verdict) in events.iter().zip(verdicts) {
            let Fact { id, at, event, .. } = &received.fact;
            let set_aside = |why, waits| DeadLetter { id: *id, type_name: event.type_name().to_owned(), why, waits };
            let age = now.duration_since(*at);
            match verdict {
                Verdict::Done => {
                    let known = entered.get(&id.0).and_then(|known| known.entry.incident_id);
                    incidents.extend(known.map(|id| id.0));
                }
                Verdict::Later(reason) if age > PUT_OFF_FOR => {
                    dead.push(set_aside(format!("waited for more than {PUT_OFF_FOR:#}: {reason}"), true));
                }
                Verdict::Later(reason) => {
                    tracing::debug!(event.id = %id, reason, consumer = H::CONSUMER.name, "put off");
                    later.insert(id.0, pause_after(age));
                }
                Verdict::Dead(reason) => dead.push(set_aside(reason, false)),
            }
        }
        Ok(Applied { outbox, after, later, dead, incidents, refused })
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
        let why = applied.dead.first().map(|dead| dead.why.as_str());
        inbox::settle_revival(&mut tx, revival, why, now).await?;
        inbox::call_waiting::<H>(&mut tx, &applied.incidents, now).await?;
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
                acknowledge(incoming).await;
            }
            Err(error) => {
                tracing::error!(error = %error, "a dead letter could not be written; the event will come again");
                negative(incoming, Duration::from_secs(1)).await;
            }
        }
    }

    async fn settled_before(&self, connection: &mut PgConnection) -> Result<Position, sqlx::Error> {
        let read = async || inbox::watermark::<H>(connection).await.map(Mutex::new);
        let known = self.settled_before.get_or_try_init(read).await?;
        Ok(*known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Handles a page of what the journal holds and the inbox lacks: the first, or the one `after` an earlier. Where the next
    /// begins, when there may be more: what is put off and stays hides nothing behind it.
    ///
    /// What was written since the bus serves this consumer, `served_since`, is left to the bus for a moment.
    pub(super) async fn catch_up(
        &self,
        after: Option<Position>,
        served_since: Option<Timestamp>,
    ) -> anyhow::Result<Option<Position>> {
        let mut connection = self.pool.acquire().await?;
        let watermark = inbox::watermark::<H>(&mut connection).await?;
        let horizon = journal::horizon(&mut connection).await?;
        // Numbers of entries begin at 1.
        let owed = inbox::owed::<H>(&mut connection, after.unwrap_or(watermark), horizon).await?;
        if after.is_none() {
            // Only what was settled in an earlier pass moves the mark, so that a failure here is looked at again.
            let mark = owed.first().map_or(horizon, |(position, _)| Position { seq: 0, ..*position });
            if mark > watermark {
                inbox::set_watermark::<H>(&mut connection, mark).await?;
            }
            if let Some(known) = self.settled_before.get() {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                *known = mark.max(watermark).max(*known);
            }
        }
        drop(connection);
        let before = served_since.map_or(Timestamp::MAX, |since| since.max(self.context.clock.now() - GRACE));
        // Behind what is left to the bus there is only what is younger still.
        let last = owed.last().filter(|(_, entry)| owed.len() >= BATCH && entry.envelope.time < before);
        let next = last.map(|(position, _)| *position);
        let due = owed.into_iter().filter(|(_, entry)| entry.envelope.time < before);
        let due: Vec<_> = due.map(|(_, entry)| Incoming { id: entry.envelope.id, told: None }).collect();
        if !due.is_empty() {
            self.recovered.inc_by(due.len() as u64);
            self.settle(due).await;
        }
        Ok(next)
    }
}

/// How long an event of this age is left alone that waits for another: mostly that one is on its way.
fn pause_after(age: SignedDuration) -> Duration {
    Duration::try_from(age / 10).unwrap_or_default().clamp(Duration::from_millis(100), Duration::from_secs(30))
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
    error.chain().any(|cause| cause.downcast_ref::<sqlx::Error>().is_some_and(crate::database::is_unavailable))
}

fn is_conflict(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<sqlx::Error>().is_some_and(crate::database::is_conflict))
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
