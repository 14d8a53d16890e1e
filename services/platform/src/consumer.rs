//! A consumer is woken by a message and by a clock.
//!
//! It takes events from JetStream, or, when the bus is silent or lost them, finds in the journal those it owes: of its
//! types, without an inbox row of its own. Both ways end in the same handler, made idempotent by the inbox row written
//! in the handler's transaction. Nothing is acknowledged to NATS before the commit.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_nats::jetstream::{
    AckKind, Message,
    consumer::{Consumer, pull},
};
use futures::{FutureExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use tokio_util::sync::CancellationToken;
use tracing::Span;
use uuid::Uuid;
use vigie_proto::{
    EventId,
    envelope::Envelope,
    event::{DecodeError, Event},
};

use crate::{
    Context,
    journal::{self, Entry, Position},
    metrics::ByConsumer,
    telemetry,
};

/// Events taken in one transaction.
const BATCH: usize = 256;
/// While the bus works, an entry younger than this is the bus's to bring.
const GRACE: SignedDuration = SignedDuration::from_secs(2);
/// An event that fails alone this often, with the database answering, is dead.
const ATTEMPTS: u32 = 5;

/// An event to handle, with the span its handling is traced under.
#[derive(Debug, Clone)]
pub struct Received {
    pub id: EventId,
    pub time: Timestamp,
    pub event: Event,
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
        self.entries.push(Entry::new(self.service, &event.into(), self.now, Some(cause.id), cause.traceparent()));
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
    /// Durable name, unique in the house; also the key of the inbox.
    const NAME: &'static str;
    /// The service, which is also its schema.
    const SERVICE: &'static str;
    /// Event types it takes.
    const TYPES: &'static [&'static str];
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

/// One event as it came, with the message to acknowledge when it came by the bus.
struct Incoming {
    envelope: Envelope,
    data: String,
    message: Option<Message>,
}

/// Runs `handler` until stopped.
pub async fn run<H: Handler>(
    context: Context,
    pool: PgPool,
    handler: Arc<H>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let label = ByConsumer { consumer: H::NAME };
    let recovered = context.metrics.consumer_recovered.get_or_create(&label).clone();
    let runner = Runner { context, pool, handler, recovered };
    let mut messages: Option<pull::Stream> = None;
    let mut catch_up_at = tokio::time::Instant::now();
    loop {
        if messages.is_none() && runner.context.bus.is_connected() {
            messages = runner.subscribe().await;
        }
        let connected = runner.context.bus.is_connected();
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            first = next_of(&mut messages) => match first {
                Some(Ok(first)) => {
                    let batch = drain_ready(first, messages.as_mut());
                    let bodies = batch.into_iter().filter_map(|m| runner.incoming(m)).collect();
                    runner.settle(bodies).await;
                }
                Some(Err(error)) => {
                    tracing::warn!(error = %error, consumer = H::NAME, "the consumer lost its stream and will subscribe again");
                    messages = None;
                }
                None => messages = None,
            },
            () = tokio::time::sleep_until(catch_up_at) => {
                let every = &runner.context.config.bus;
                let pause = if connected { every.catch_up_every_ms } else { every.catch_up_without_bus_every_ms };
                match runner.catch_up(connected).await {
                    Ok(true) => {}
                    Ok(false) => catch_up_at = tokio::time::Instant::now() + Duration::from_millis(pause),
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), consumer = H::NAME, "cannot look into the journal; trying again");
                        catch_up_at = tokio::time::Instant::now() + Duration::from_millis(pause);
                    }
                }
            }
        }
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

struct Runner<H: Handler> {
    context: Context,
    pool: PgPool,
    handler: Arc<H>,
    recovered: prometheus_client::metrics::counter::Counter,
}

impl<H: Handler> Runner<H> {
    async fn subscribe(&self) -> Option<pull::Stream> {
        let opened = async {
            let consumer: Consumer<pull::Config> = self.context.bus.ensure_consumer(H::NAME, H::TYPES).await?;
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
                    consumer = H::NAME,
                    "not subscribed; the journal serves meanwhile"
                );
                None
            }
        }
    }

    /// Reads the headers of a message; one that is not ours is dropped from the stream, loudly.
    fn incoming(&self, message: Message) -> Option<Incoming> {
        let headers = message.headers.as_ref();
        let envelope = Envelope::from_headers(|name| headers?.get(name).map(async_nats::HeaderValue::as_str));
        match envelope {
            Ok(envelope) => {
                let data = String::from_utf8_lossy(&message.payload).into_owned();
                Some(Incoming { envelope, data, message: Some(message) })
            }
            Err(error) => {
                tracing::error!(error = %error, subject = %message.subject, "a message on our stream is not an event of ours");
                self.context.metrics.dead_letters.inc();
                None
            }
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
                    consumer = H::NAME,
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
                    consumer = H::NAME,
                    "an event failed; trying again"
                ),
            }
        }
    }

    /// One transaction: inbox rows, the handler, its new facts. Then acknowledgements and the fresh entries.
    async fn apply(&self, batch: &[Incoming]) -> anyhow::Result<()> {
        let now = self.context.clock.now();
        let mut tx = self.pool.begin().await?;
        let fresh = enter_inbox::<H>(&mut tx, batch, now).await?;
        let mut events = Vec::with_capacity(fresh.len());
        let mut dead = Vec::new();
        for incoming in batch.iter().filter(|i| fresh.contains(&i.envelope.id.0)) {
            match Event::decode(&incoming.envelope.type_name, &incoming.data) {
                Ok(event) if events.iter().all(|e: &Received| e.id != incoming.envelope.id) => {
                    events.push(received::<H>(&incoming.envelope, event));
                }
                Ok(_) => {}
                Err(error) => dead.push((incoming.envelope.id, incoming.envelope.type_name.clone(), why(&error))),
            }
        }
        let mut outbox = Outbox::new(H::SERVICE, now);
        let (verdicts, after) = if events.is_empty() {
            (Vec::new(), H::After::default())
        } else {
            self.handler.handle(&mut tx, &events, now, &mut outbox).await?
        };
        anyhow::ensure!(
            verdicts.len() == events.len(),
            "{} gave {} verdicts for {} events",
            H::NAME,
            verdicts.len(),
            events.len()
        );
        let mut later = Vec::new();
        for (event, verdict) in events.iter().zip(verdicts) {
            match verdict {
                Verdict::Done => {}
                Verdict::Later(reason) => {
                    tracing::debug!(event.id = %event.id, reason, consumer = H::NAME, "put off");
                    later.push(event.id.0);
                }
                Verdict::Dead(reason) => dead.push((event.id, event.event.type_name().to_owned(), reason)),
            }
        }
        leave_inbox::<H>(&mut tx, &later).await?;
        for (id, type_name, reason) in &dead {
            tracing::error!(event.id = %id, consumer = H::NAME, reason, "an event went to the dead letters");
            write_dead_letter(&mut tx, H::NAME, *id, type_name, reason, now).await?;
        }
        journal::append(&mut tx, outbox.entries()).await?;
        tx.commit().await?;

        self.context.metrics.dead_letters.inc_by(dead.len() as u64);
        self.context.fresh.push(outbox.into_entries());
        self.handler.committed(after);
        for incoming in batch {
            if later.contains(&incoming.envelope.id.0) {
                negative(incoming, Duration::from_millis(100)).await;
            } else {
                acknowledge(incoming).await;
            }
        }
        Ok(())
    }

    async fn bury(&self, incoming: &Incoming, why: &str) {
        let now = self.context.clock.now();
        let buried = async {
            let mut tx = self.pool.begin().await?;
            enter_inbox::<H>(&mut tx, std::slice::from_ref(incoming), now).await?;
            write_dead_letter(&mut tx, H::NAME, incoming.envelope.id, &incoming.envelope.type_name, why, now).await?;
            tx.commit().await
        };
        match buried.await {
            Ok(()) => {
                tracing::error!(event.id = %incoming.envelope.id, consumer = H::NAME, why, "an event went to the dead letters");
                self.context.metrics.dead_letters.inc();
                acknowledge(incoming).await;
            }
            Err(error) => {
                tracing::error!(error = %error, "a dead letter could not be written; the event will come again");
                negative(incoming, Duration::from_secs(1)).await;
            }
        }
    }

    /// Handles what the journal holds and the inbox lacks. True when there may be more at once.
    async fn catch_up(&self, connected: bool) -> anyhow::Result<bool> {
        let mut connection = self.pool.acquire().await?;
        let watermark = watermark::<H>(&mut connection).await?;
        let horizon = journal::horizon(&mut connection).await?;
        let owed = owed::<H>(&mut connection, watermark, horizon).await?;
        let before = if connected { self.context.clock.now() - GRACE } else { Timestamp::MAX };
        let full = owed.len() >= BATCH;
        let lowest_left = owed.iter().filter(|(_, e)| e.envelope.time >= before).map(|(p, _)| p.tx).min();
        let lowest_owed = owed.iter().map(|(p, _)| p.tx).min();
        let due: Vec<_> = owed
            .into_iter()
            .filter(|(_, e)| e.envelope.time < before)
            .map(|(_, e)| Incoming { envelope: e.envelope, data: e.data, message: None })
            .collect();
        let taken = due.len();
        // Only what was settled in an earlier pass moves the mark, so that a failure here is looked at again.
        let mark = lowest_owed.unwrap_or(horizon);
        if mark > watermark {
            set_watermark::<H>(&mut connection, mark).await?;
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
    let span = tracing::info_span!("handle", otel.name = format!("{} {}", H::NAME, envelope.type_name), event.id = %envelope.id);
    telemetry::continue_trace(&span, envelope.traceparent.as_deref());
    Received { id: envelope.id, time: envelope.time, event, span, traceparent: envelope.traceparent.clone() }
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
    if let Some(message) = &incoming.message
        && let Err(error) = message.ack().await
    {
        tracing::debug!(error = %error, "not acknowledged; the inbox will recognise it");
    }
}

async fn negative(incoming: &Incoming, pause: Duration) {
    if let Some(message) = &incoming.message
        && let Err(error) = message.ack_with(AckKind::Nak(Some(pause))).await
    {
        tracing::debug!(error = %error, "not refused; it comes again after the acknowledgement wait");
    }
}

/// Writes inbox rows and returns the ids that were not there yet.
async fn enter_inbox<H: Handler>(
    tx: &mut PgConnection,
    batch: &[Incoming],
    now: Timestamp,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let statement = format!(
        "insert into {}.inbox (consumer, event_id, at)
         select $1, id, $3 from unnest($2::uuid[]) as id on conflict do nothing returning event_id",
        H::SERVICE
    );
    sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(H::NAME)
        .bind(batch.iter().map(|i| i.envelope.id.0).collect::<Vec<_>>())
        .bind(now.to_sqlx())
        .fetch_all(tx)
        .await
}

async fn leave_inbox<H: Handler>(tx: &mut PgConnection, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let statement = format!("delete from {}.inbox where consumer = $1 and event_id = any($2)", H::SERVICE);
    sqlx::query(AssertSqlSafe(statement)).bind(H::NAME).bind(ids).execute(tx).await?;
    Ok(())
}

async fn write_dead_letter(
    tx: &mut PgConnection,
    consumer: &str,
    id: EventId,
    type_name: &str,
    why: &str,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("insert into journal.dead_letter (consumer, event_id, type, why, at) values ($1, $2, $3, $4, $5) on conflict do nothing")
        .bind(consumer)
        .bind(id.0)
        .bind(type_name)
        .bind(why)
        .bind(at.to_sqlx())
        .execute(tx)
        .await?;
    Ok(())
}

/// Below this transaction number every entry of the consumer's types is in its inbox.
async fn watermark<H: Handler>(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let statement = format!("select tx from {}.watermark where consumer = $1", H::SERVICE);
    Ok(sqlx::query_scalar(AssertSqlSafe(statement)).bind(H::NAME).fetch_optional(connection).await?.unwrap_or(0))
}

async fn set_watermark<H: Handler>(connection: &mut PgConnection, tx: i64) -> Result<(), sqlx::Error> {
    let statement = format!(
        "insert into {}.watermark (consumer, tx) values ($1, $2)
         on conflict (consumer) do update set tx = greatest(watermark.tx, excluded.tx)",
        H::SERVICE
    );
    sqlx::query(AssertSqlSafe(statement)).bind(H::NAME).bind(tx).execute(connection).await?;
    Ok(())
}

async fn owed<H: Handler>(
    connection: &mut PgConnection,
    from: i64,
    below: i64,
) -> anyhow::Result<Vec<(Position, Entry)>> {
    let statement = format!(
        "select e.tx, e.seq, e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause, e.traceparent,
                e.data::text as data
           from journal.entry e
          where e.tx >= $1 and e.tx < $2 and e.type = any($3)
            and not exists (select 1 from {}.inbox i where i.consumer = $4 and i.event_id = e.event_id)
          order by e.tx, e.seq limit $5",
        H::SERVICE
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        // Planned anew each time: a plan kept from when the tables were small compares every entry with every inbox row.
        .persistent(false)
        .bind(from)
        .bind(below)
        .bind(H::TYPES.to_vec())
        .bind(H::NAME)
        .bind(i64::try_from(BATCH).context("batch size")?)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((Position { tx: row.try_get("tx")?, seq: row.try_get("seq")? }, Entry::from_row(row)?)))
        .collect()
}
