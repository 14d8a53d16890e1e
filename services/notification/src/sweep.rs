//! Finds what is due: retries, fallbacks, claims that ran out with their process, receipts that never came.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use vigie_domain::{city::InForce, directory::Directory};
use vigie_platform::{Context, clock, journal};
use vigie_proto::{Channel, DeliveryId, IncidentId, event::DeliveryFailure};

use crate::{
    delivery::Delivery,
    letter::{Letter, LetterKind},
    line::{Bells, Queues},
    metrics::Metrics,
    recorder::{Channels, Recording},
    settlement, standing, store,
};

/// Deliveries claimed in one transaction.
const BATCH: usize = 256;
/// Longest sleep: another process may have left something due.
const IDLE: Duration = Duration::from_secs(1);
/// Shortest sleep: what is overdue after a pass finds no room with the senders.
const SHORTEST: Duration = Duration::from_millis(20);
/// The same for probes. With the length of their line it bounds how fast a drill leaves: 80 a second by each channel.
const SHORTEST_OF_PROBES: Duration = Duration::from_millis(200);

/// The one loop for its kind of letter in a process; several processes share the work.
pub(crate) struct Sweep {
    pub(crate) kind: LetterKind,
    pub(crate) context: Context,
    pub(crate) metrics: Metrics,
    pub(crate) pool: PgPool,
    pub(crate) queues: Queues,
    pub(crate) bells: Bells,
    pub(crate) channels: Arc<Channels>,
    pub(crate) in_force: InForce,
    /// Number of this process.
    pub(crate) owner: i32,
}

impl Sweep {
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut orphans = tokio::time::interval(IDLE);
        orphans.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let pause = match self.pass().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "cannot look for due deliveries; trying again");
                    IDLE
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.bells.of(self.kind).notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = orphans.tick() => {
                    if let Err(error) = self.take_over().await {
                        tracing::debug!(error = format!("{error:#}"), "claims of dead processes wait until they run out");
                    }
                }
            }
        }
    }

    /// Looks for claims whose process has died, so that its messages leave again at once.
    async fn take_over(&self) -> anyhow::Result<()> {
        let mut connection = self.pool.acquire().await?;
        let taken = store::take_over(&mut connection, self.kind, self.owner, self.context.clock.now()).await?;
        if taken > 0 {
            tracing::warn!(deliveries = taken, "a process died with these in hand; they are tried again");
        }
        Ok(())
    }

    /// Deals with everything due and returns how long nothing will be.
    async fn pass(&self) -> anyhow::Result<Duration> {
        for channel in [Channel::Email, Channel::Sms] {
            self.claim(channel).await?;
        }
        self.give_up_unreceipted().await?;
        let mut connection = self.pool.acquire().await?;
        let next = store::next_wake(&mut connection, self.kind).await?;
        let shortest = match self.kind {
            LetterKind::Alert => SHORTEST,
            LetterKind::Probe => SHORTEST_OF_PROBES,
        };
        // What is overdue now waits for room with the senders.
        Ok(next.map_or(IDLE, |at| clock::until(at, self.context.clock.now()).clamp(shortest, IDLE)))
    }

    /// Claims due deliveries of `channel` while its senders have room.
    async fn claim(&self, channel: Channel) -> anyhow::Result<()> {
        let Some(queue) = self.queues.of(channel) else { return Ok(()) };
        loop {
            let room = queue.sender.capacity().min(BATCH);
            let Ok(mut places) = queue.sender.try_reserve_many(room) else { return Ok(()) };
            if room == 0 {
                return Ok(());
            }
            let now = self.context.clock.now();
            let mut tx = self.pool.begin().await?;
            let claimed =
                store::claim_due(&mut tx, (self.kind, channel), room, self.owner, now, now + queue.lease).await?;
            let count = claimed.len();
            let (wanted, settled) = split(&mut tx, claimed, &self.in_force.get().directory, now).await?;
            store::cancel(&mut tx, &settled, now).await?;
            // A delivery whose every attempt died with its process must not be tried for ever.
            let policy = self.channels.policy(channel);
            let is_spent = |d: &Delivery| d.attempt > policy.max_attempts || d.is_late(now);
            let (spent, wanted): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_spent);
            let mut recording = Recording::new(&self.context, &self.metrics, now);
            for delivery in &spent {
                let settlement = settlement::give_up(delivery, DeliveryFailure::Exhausted, now);
                recording.settle(&mut tx, vec![(delivery.clone(), settlement, None)], "sending").await?;
            }
            recording.write(&mut tx).await?;
            tx.commit().await?;
            recording.committed(&self.bells);
            for delivery in wanted {
                if let Some(place) = places.next() {
                    place.send(Box::new(delivery));
                }
            }
            if count < room {
                return Ok(());
            }
        }
    }

    /// Takes the next channel for messages whose receipt is overdue.
    async fn give_up_unreceipted(&self) -> anyhow::Result<()> {
        let now = self.context.clock.now();
        let mut tx = self.pool.begin().await?;
        let overdue = store::lock_unreceipted(&mut tx, self.kind, i64::try_from(BATCH)?, now).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        let mut recording = Recording::new(&self.context, &self.metrics, now);
        let settled = overdue
            .into_iter()
            .map(|delivery| {
                let settlement = settlement::give_up(&delivery, DeliveryFailure::NoReceipt, now);
                (delivery, settlement, None)
            })
            .collect();
        recording.settle(&mut tx, settled, "sent").await?;
        recording.write(&mut tx).await?;
        tx.commit().await?;
        recording.committed(&self.bells);
        Ok(())
    }
}

/// Parts what still needs telling at `now` from what its incidents' stories have settled.
async fn split(
    connection: &mut PgConnection,
    claimed: Vec<Delivery>,
    directory: &Directory,
    now: Timestamp,
) -> anyhow::Result<(Vec<Delivery>, Vec<DeliveryId>)> {
    let told_of = |delivery: &Delivery| match &delivery.letter {
        Letter::Alert(alert) => alert.told_of().map(|(incident, ..)| incident.id).collect(),
        Letter::Probe(_) => Vec::new(),
    };
    let incidents: BTreeSet<IncidentId> = claimed.iter().flat_map(told_of).collect();
    let incidents: Vec<_> = incidents.into_iter().collect();
    // Most have no answer yet: their stories need not be read.
    let mut stories = BTreeMap::new();
    for incident in store::answered(connection, &incidents).await? {
        match journal::facts(&journal::of_incident(connection, incident).await?) {
            Ok(story) => drop(stories.insert(incident, story)),
            // It must not silence an alert.
            Err(error) => tracing::error!(incident.id = %incident, error = %error, "a story cannot be read"),
        }
    }
    let is_settled = |delivery: &Delivery| match &delivery.letter {
        Letter::Alert(alert) => standing::is_settled(alert, &stories, directory, now),
        Letter::Probe(_) => false,
    };
    let (settled, wanted): (Vec<_>, Vec<_>) = claimed.into_iter().partition(is_settled);
    Ok((wanted, settled.into_iter().map(|delivery| delivery.id).collect()))
}
