//! Hands journal entries to the bus: those just committed at once, those left over by a sweep.
//!
//! Four loops side by side, so that no entry waits for another's acknowledgement or for a commit: one publishes what is
//! fresh, one takes off the pending list what the bus has acknowledged, one sweeps, and one sees to it that the stream and
//! the consumers of the house are there, since nobody else may make them.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::PgPool;
use tokio::sync::mpsc;
use uuid::Uuid;
use vigie_proto::consumer::Consumer;

use crate::{bus::Bus, clock::SharedClock, journal::Entry, metrics::Metrics};

/// How many fresh entries may wait; beyond, the sweep finds them.
const CAPACITY: usize = 8_192;
/// Fresh entries that may await their acknowledgement at once.
const IN_FLIGHT: usize = 2_048;
/// Entries taken at a time.
const BATCH: usize = 256;
/// Between two deletions from the pending list: what is acknowledged meanwhile shares the next commit. Much shorter than
/// [`ORPHANED_AFTER`], so that the sweep does not publish again what only waits to be taken off.
const TIDY_EVERY: Duration = Duration::from_millis(50);
/// An entry this old is no longer in the hands of the process that wrote it.
const ORPHANED_AFTER: SignedDuration = SignedDuration::from_millis(1_500);
/// So many facts that wait for a bus that is there are told.
const MANY: i64 = 10_000;
/// Between two looks whether the stream and its consumers are there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Before they are asked for again when the bus refused.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// Where a service drops the entries it has just committed.
#[derive(Debug, Clone)]
pub struct FreshEntries(mpsc::Sender<Entry>);

impl FreshEntries {
    /// Never blocks: what does not fit is found by the sweep.
    pub fn push(&self, entries: Vec<Entry>) {
        for entry in entries {
            if self.0.try_send(entry).is_err() {
                return;
            }
        }
    }
}

/// The relay's end of [`FreshEntries`].
#[derive(Debug)]
pub struct Relay {
    fresh: mpsc::Receiver<Entry>,
}

/// A relay and the handle to feed it.
pub fn channel() -> (FreshEntries, Relay) {
    let (sender, fresh) = mpsc::channel(CAPACITY);
    (FreshEntries(sender), Relay { fresh })
}

impl Relay {
    /// Publishes until every [`FreshEntries`] is gone: it outlives the services, so that what they wrote last leaves too.
    /// Keeps the stream and `consumers` in being.
    pub async fn run(
        self,
        pool: PgPool,
        bus: Bus,
        consumers: &[Consumer],
        clock: SharedClock,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<()> {
        let (acknowledged, taken) = mpsc::channel(CAPACITY);
        let publishing = async {
            tokio::select! {
                () = publish_fresh(self.fresh, &bus, acknowledged, &metrics) => {}
                () = sweep(&pool, &bus, &clock, &metrics) => {}
                () = keep(&bus, consumers) => {}
            }
            bus.drain().await;
        };
        tokio::join!(publishing, tidy(&pool, taken));
        Ok(())
    }
}

/// Publishes in the order of arrival, without waiting for the acknowledgement of one before the next.
async fn publish_fresh(
    mut fresh: mpsc::Receiver<Entry>,
    bus: &Bus,
    acknowledged: mpsc::Sender<Uuid>,
    metrics: &Metrics,
) {
    let mut in_flight = FuturesUnordered::new();
    let mut batch = Vec::with_capacity(BATCH);
    let mut open = true;
    while open || !in_flight.is_empty() {
        tokio::select! {
            Some(id) = in_flight.next() => {
                if let Some(id) = id {
                    metrics.published.inc();
                    // Full only when the database does not answer: the sweep takes it off later.
                    if acknowledged.try_send(id).is_err() {
                        tracing::debug!(event.id = %id, "acknowledged, but stays pending for now");
                    }
                }
            }
            received = fresh.recv_many(&mut batch, BATCH), if open && in_flight.len() < IN_FLIGHT => {
                open = received > 0;
                for entry in batch.drain(..).filter(|_| bus.is_connected()) {
                    match bus.publish(&entry).await {
                        Ok(acknowledgement) => {
                            let id = entry.envelope.id.0;
                            in_flight.push(async move { acknowledgement.await.ok().map(|_| id) });
                        }
                        Err(error) => {
                            tracing::debug!(error = %error, event.id = %entry.envelope.id, "not published, stays pending");
                        }
                    }
                }
            }
        }
    }
}

/// Takes acknowledged entries off the pending list until nobody acknowledges any more.
async fn tidy(pool: &PgPool, mut acknowledged: mpsc::Receiver<Uuid>) {
    let mut ids = Vec::with_capacity(CAPACITY);
    while acknowledged.recv_many(&mut ids, CAPACITY).await > 0 {
        take_off(pool, &ids).await;
        ids.clear();
        tokio::time::sleep(TIDY_EVERY).await;
    }
}

/// Makes the stream and the consumers when the bus is there (again), and whenever they turn out to be gone, for ever.
async fn keep(bus: &Bus, consumers: &[Consumer]) {
    loop {
        let mut pause = LOOK_EVERY;
        if bus.is_connected()
            && let Err(error) = bus.ensure(consumers).await
        {
            tracing::warn!(error = format!("{error:#}"), "the stream or a consumer is missing and cannot be made");
            pause = TRY_AGAIN;
        }
        tokio::select! {
            () = bus.reconnected() => {}
            () = gone(bus, consumers, pause) => {}
        }
    }
}

/// Resolves after `pause` at the earliest, once something is missing.
async fn gone(bus: &Bus, consumers: &[Consumer], pause: Duration) {
    tokio::time::sleep(pause).await;
    while bus.is_connected() && bus.is_whole(consumers).await {
        tokio::time::sleep(pause).await;
    }
}

/// Looks for entries left over, for ever.
async fn sweep(pool: &PgPool, bus: &Bus, clock: &SharedClock, metrics: &Metrics) {
    let mut every = tokio::time::interval(Duration::from_millis(500));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = sweep_once(pool, bus, clock.now(), metrics).await {
            tracing::warn!(error = %error, "the relay cannot read the pending entries; it will try again");
        }
    }
}

/// Publishes the entries nobody holds any more, oldest first.
async fn sweep_once(pool: &PgPool, bus: &Bus, now: Timestamp, metrics: &Metrics) -> Result<(), sqlx::Error> {
    let depth: i64 = sqlx::query_scalar("select count(*) from journal.pending").fetch_one(pool).await?;
    metrics.outbox_depth.set(depth);
    if depth == 0 || !bus.is_connected() {
        bus.watch().outbox(None);
        return Ok(());
    }
    let mut why = (depth > MANY).then(|| format!("more than {MANY} facts wait for it"));
    loop {
        let rows = sqlx::query(
            "select e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause, e.traceparent, e.data::text as data
               from journal.entry e
              where e.event_id in (select event_id from journal.pending order by event_id limit $2) and e.recorded_at < $1
              order by e.seq",
        )
        // Planned anew each time: the list is empty when a process starts, and a plan made then reads the whole journal.
        .persistent(false)
        .bind((now - ORPHANED_AFTER).to_sqlx())
        .bind(i64::try_from(BATCH).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
        let entries = rows.iter().map(Entry::from_row).collect::<Result<Vec<_>, _>>()?;
        let Published { acknowledged, refused } = publish(pool, bus, &entries, metrics).await;
        if acknowledged == 0
            && let Some(refused) = refused
        {
            why = Some(format!("it takes no facts, alerts go through the journal: {refused}"));
        }
        if acknowledged < BATCH {
            bus.watch().outbox(why);
            return Ok(());
        }
    }
}

/// What became of entries handed to the bus.
struct Published {
    acknowledged: usize,
    /// Why one was not taken, if any was not.
    refused: Option<String>,
}

/// Publishes `entries` in order, awaits every acknowledgement, takes the acknowledged off the pending list.
async fn publish(pool: &PgPool, bus: &Bus, entries: &[Entry], metrics: &Metrics) -> Published {
    let mut refused = None;
    let mut waiting = Vec::with_capacity(entries.len());
    for entry in entries {
        match bus.publish(entry).await {
            Ok(acknowledgement) => waiting.push((entry.envelope.id.0, acknowledgement)),
            Err(error) => {
                refused = Some(error.to_string());
            }
        }
    }
    let mut acknowledged = Vec::with_capacity(waiting.len());
    for (id, outcome) in join_all(waiting.into_iter().map(|(id, ack)| async move { (id, ack.await) })).await {
        match outcome {
            Ok(_) => acknowledged.push(id),
            Err(error) => refused = Some(error.to_string()),
        }
    }
    metrics.publishes_refused.inc_by((entries.len() - acknowledged.len()) as u64);
    if !acknowledged.is_empty() {
        metrics.published.inc_by(acknowledged.len() as u64);
        take_off(pool, &acknowledged).await;
    }
    Published { acknowledged: acknowledged.len(), refused }
}

async fn take_off(pool: &PgPool, ids: &[Uuid]) {
    let deleted = sqlx::query("delete from journal.pending where event_id = any($1)").bind(ids).execute(pool).await;
    if let Err(error) = deleted {
        // Published twice at worst: JetStream and the inboxes know the event id.
        tracing::warn!(error = %error, "published entries stay on the pending list for now");
    }
}
