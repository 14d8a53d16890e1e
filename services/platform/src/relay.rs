//! Hands journal entries to the bus: those just committed at once, those left over by a sweep.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::PgPool;
use tokio::sync::mpsc;

use crate::{bus::Bus, clock::SharedClock, journal::Entry, metrics::Metrics};

/// How many fresh entries may wait; beyond, the sweep finds them.
const CAPACITY: usize = 8_192;
/// Entries published before their acknowledgements are awaited.
const BATCH: usize = 256;
/// An entry this old is no longer in the hands of the process that wrote it.
const ORPHANED_AFTER: SignedDuration = SignedDuration::from_millis(1_500);

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
    pub async fn run(
        mut self,
        pool: PgPool,
        bus: Bus,
        clock: SharedClock,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<()> {
        let mut sweep = tokio::time::interval(Duration::from_millis(500));
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                received = self.fresh.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        bus.drain().await;
                        return Ok(());
                    }
                    if bus.is_connected() {
                        publish(&pool, &bus, &batch, &metrics).await;
                    }
                    batch.clear();
                }
                _ = sweep.tick() => {
                    if let Err(error) = sweep_once(&pool, &bus, clock.now(), &metrics).await {
                        tracing::warn!(error = %error, "the relay cannot read the pending entries; it will try again");
                    }
                }
            }
        }
    }
}

/// Publishes the entries nobody holds any more, oldest first.
async fn sweep_once(pool: &PgPool, bus: &Bus, now: Timestamp, metrics: &Metrics) -> Result<(), sqlx::Error> {
    let depth: i64 = sqlx::query_scalar("select count(*) from journal.pending").fetch_one(pool).await?;
    metrics.outbox_depth.set(depth);
    if depth == 0 || !bus.is_connected() {
        return Ok(());
    }
    if let Err(error) = bus.ensure_stream().await {
        tracing::warn!(error = format!("{error:#}"), "the stream is missing and cannot be made");
        return Ok(());
    }
    loop {
        let rows = sqlx::query(
            "select e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause, e.traceparent, e.data::text as data
               from journal.pending p join journal.entry e using (event_id)
              where e.recorded_at < $1 order by e.seq limit $2",
        )
        .bind((now - ORPHANED_AFTER).to_sqlx())
        .bind(i64::try_from(BATCH).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
        let entries = rows.iter().map(Entry::from_row).collect::<Result<Vec<_>, _>>()?;
        let published = publish(pool, bus, &entries, metrics).await;
        if published < BATCH {
            return Ok(());
        }
    }
}

/// Publishes `entries` in order, awaits every acknowledgement, takes the acknowledged off the pending list.
async fn publish(pool: &PgPool, bus: &Bus, entries: &[Entry], metrics: &Metrics) -> usize {
    let mut waiting = Vec::with_capacity(entries.len());
    for entry in entries {
        match bus.publish(entry).await {
            Ok(acknowledgement) => waiting.push((entry.envelope.id.0, acknowledgement)),
            Err(error) => {
                tracing::debug!(error = %error, event.id = %entry.envelope.id, "not published, stays pending");
            }
        }
    }
    let acknowledged: Vec<_> = join_all(waiting.into_iter().map(|(id, ack)| async move { ack.await.ok().map(|_| id) }))
        .await
        .into_iter()
        .flatten()
        .collect();
    if acknowledged.is_empty() {
        return 0;
    }
    metrics.published.inc_by(acknowledged.len() as u64);
    let deleted =
        sqlx::query("delete from journal.pending where event_id = any($1)").bind(&acknowledged).execute(pool).await;
    if let Err(error) = deleted {
        // Published twice at worst: JetStream and the inboxes know the event id.
        tracing::warn!(error = %error, "published entries stay on the pending list for now");
    }
    acknowledged.len()
}
