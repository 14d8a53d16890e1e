//! Writes down how attempts ended and what receipts say: many in one transaction, with the facts that follow.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use vigie_platform::{Context, consumer::Outbox, database, ids, journal};
use vigie_proto::{
    Channel, DeliveryId,
    event::{DeliveryFailure, Event},
};

use crate::{
    NotificationConfig, claimant,
    delivery::{Delivery, Outcome, Report},
    letter::LetterKind,
    line::Bells,
    metrics::{self, Metrics},
    retry::Policy,
    settlement::{self, Settlement, State},
    sms::{
        message_id,
        receipt::{Fate, Receipt},
    },
    store::{self, Fresh},
};

/// Results written in one transaction.
const BATCH: usize = 256;
/// How often a receipt that matches no message is looked up again: it may have overtaken the submission's record.
const LOOKUPS: u32 = 20;
/// Wait between two tries, of such a receipt or of a transaction the database refused.
const PAUSE: Duration = Duration::from_millis(100);
/// Wait when nothing waits.
const IDLE: Duration = Duration::from_hours(1);
/// Tries to write a batch once told to stop; then the claims run out and another process takes over.
const LAST_TRIES: u32 = 20;

/// Something to write down.
#[derive(Debug)]
pub(crate) enum Note {
    Attempt(Report),
    Receipt(ReceiptNote),
}

/// A receipt and whom to tell that it is committed (or that it is none of ours).
#[derive(Debug)]
pub(crate) struct ReceiptNote {
    pub(crate) receipt: Receipt,
    pub(crate) settled: oneshot::Sender<()>,
    pub(crate) lookups: u32,
}

/// The rules of each channel.
#[derive(Debug)]
pub(crate) struct Channels {
    email: Policy,
    sms: Policy,
    receipt_within: SignedDuration,
}

impl Channels {
    pub(crate) fn new(config: &NotificationConfig) -> Self {
        let (email, sms) = (&config.email, &config.sms);
        Self {
            email: Policy::new(email.max_attempts, email.retry_first_ms, email.retry_max_ms),
            sms: Policy::new(sms.max_attempts, sms.retry_first_ms, sms.retry_max_ms),
            receipt_within: SignedDuration::from_secs(i64::try_from(sms.receipt_within_s).unwrap_or(i64::MAX / 2)),
        }
    }

    pub(crate) fn policy(&self, channel: Channel) -> Policy {
        match channel {
            Channel::Email | Channel::Screen => self.email,
            Channel::Sms => self.sms,
        }
    }

    fn receipt_within(&self, channel: Channel) -> Option<SignedDuration> {
        (channel == Channel::Sms).then_some(self.receipt_within)
    }
}

/// One delivery, what it comes to, and the trace it happened in.
pub(crate) type Settled = (Delivery, Settlement, Option<String>);

/// The facts of one transaction, and what is counted once it is committed.
pub(crate) struct Recording<'a> {
    context: &'a Context,
    metrics: &'a Metrics,
    now: Timestamp,
    outbox: Outbox,
    events: Vec<Event>,
    /// Channels of the alerts that are to be tried again.
    retried: Vec<Channel>,
    due_earlier: BTreeSet<LetterKind>,
}

impl<'a> Recording<'a> {
    pub(crate) fn new(context: &'a Context, metrics: &'a Metrics, now: Timestamp) -> Self {
        let outbox = Outbox::new("notification", now);
        Self { context, metrics, now, outbox, events: Vec::new(), retried: Vec::new(), due_earlier: BTreeSet::new() }
    }

    /// Writes `settled`, whose rows must still be in state `from`, with their facts and their fallbacks.
    pub(crate) async fn settle(
        &mut self,
        tx: &mut PgConnection,
        settled: Vec<Settled>,
        from: &'static str,
    ) -> anyhow::Result<()> {
        let rows: Vec<_> = settled.iter().map(|(delivery, settlement, _)| (delivery, settlement)).collect();
        let counted = store::settle(tx, &rows, from, self.now).await?;
        let mut fallbacks = Vec::new();
        for (delivery, settlement, traceparent) in settled {
            if !counted.contains(&delivery.id) {
                continue;
            }
            let traceparent = traceparent.or_else(|| delivery.traceparent.clone());
            for event in settlement.events {
                self.tell(event, &delivery, traceparent.clone());
            }
            if settlement.state == State::Due {
                let kind = delivery.letter.kind();
                if settlement.attempt == delivery.attempt && kind == LetterKind::Alert {
                    self.retried.push(delivery.channel);
                }
                self.due_earlier.insert(kind);
            }
            if let Some(next) = settlement.next {
                fallbacks.push(Delivery {
                    id: DeliveryId(ids::fresh()),
                    channel: next.contact.channel,
                    contact: next.contact.contact,
                    fallback: next.rest,
                    attempt: u32::from(next.contact.channel == Channel::Screen),
                    traceparent,
                    ..delivery
                });
            }
        }
        self.insert_fallbacks(tx, &fallbacks).await
    }

    async fn insert_fallbacks(&mut self, tx: &mut PgConnection, fallbacks: &[Delivery]) -> anyhow::Result<()> {
        let rows: Vec<_> = fallbacks
            .iter()
            .map(|delivery| match delivery.channel {
                Channel::Screen => Fresh { delivery, state: "sent", wake_at: None },
                Channel::Email | Channel::Sms => Fresh { delivery, state: "due", wake_at: Some(self.now) },
            })
            .collect();
        let fresh = store::insert(tx, &rows, claimant::NOBODY, self.now).await?;
        for delivery in fallbacks.iter().filter(|delivery| fresh.contains(&delivery.id)) {
            if delivery.channel == Channel::Screen {
                self.tell(settlement::sent(delivery, None, self.now), delivery, delivery.traceparent.clone());
            } else {
                self.due_earlier.insert(delivery.letter.kind());
            }
        }
        Ok(())
    }

    fn tell(&mut self, event: Event, delivery: &Delivery, traceparent: Option<String>) {
        self.outbox.push_spontaneous(event.clone(), delivery.cause, traceparent);
        self.events.push(event);
    }

    /// Appends the facts to the journal: the last thing before the commit.
    pub(crate) async fn write(&self, tx: &mut PgConnection) -> anyhow::Result<()> {
        journal::append(tx, self.outbox.entries()).await?;
        Ok(())
    }

    /// Counts what was written of alerts, hands the facts to the relay and rings for the sweeps.
    pub(crate) fn committed(self, bells: &Bells) {
        for event in &self.events {
            #[expect(clippy::wildcard_enum_match_arm, reason = "only these are counted")]
            match event {
                Event::DeliverySent(e) => _ = self.metrics.sent.get_or_create(&metrics::by(e.channel)).inc(),
                Event::DeliveryFailed(e) => _ = self.metrics.failed.get_or_create(&metrics::by(e.channel)).inc(),
                Event::DeliveryDeadLettered(e) => {
                    self.context.metrics.dead_letters.inc();
                    tracing::error!(alert.id = %e.alert_id, incident.id = %e.incident.id, channel = %e.channel, "an alert reached nobody: every channel of a recipient failed");
                }
                _ => {}
            }
        }
        for channel in self.retried {
            self.metrics.retries.get_or_create(&metrics::by(channel)).inc();
        }
        self.context.fresh.push(self.outbox.into_entries());
        for kind in self.due_earlier {
            bells.of(kind).notify_one();
        }
    }
}

/// The loop that writes.
pub(crate) struct Recorder {
    pub(crate) context: Context,
    pub(crate) metrics: Metrics,
    pub(crate) pool: PgPool,
    pub(crate) channels: Arc<Channels>,
    pub(crate) bells: Bells,
}

impl Recorder {
    /// Writes until every sender has gone: the senders stop first, and their last results are kept.
    pub(crate) async fn run(self, mut notes: mpsc::Receiver<Note>, stop: CancellationToken) -> anyhow::Result<()> {
        let mut waiting: Vec<ReceiptNote> = Vec::new();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let pause = if waiting.is_empty() { IDLE } else { PAUSE };
            tokio::select! {
                taken = notes.recv_many(&mut batch, BATCH) => if taken == 0 { return Ok(()) },
                () = tokio::time::sleep(pause) => {}
            }
            let (mut reports, mut receipts) = (Vec::new(), std::mem::take(&mut waiting));
            for note in batch.drain(..) {
                match note {
                    Note::Attempt(report) => reports.push(report),
                    Note::Receipt(receipt) => receipts.push(receipt),
                }
            }
            let unmatched = self.write_stubbornly(&reports, &receipts, &stop).await?;
            for (mut receipt, matched) in receipts.into_iter().zip(unmatched.into_iter().map(|missing| !missing)) {
                receipt.lookups += 1;
                if matched || receipt.lookups >= LOOKUPS {
                    // Gone when the connection it came by is closed: the gateway will repeat it.
                    receipt.settled.send(()).unwrap_or_default();
                } else {
                    waiting.push(receipt);
                }
            }
        }
    }

    /// Writes a batch, however long the database is away; when something else is wrong with it, each alone, so that
    /// one bad result cannot hold the others.
    async fn write_stubbornly(
        &self,
        reports: &[Report],
        receipts: &[ReceiptNote],
        stop: &CancellationToken,
    ) -> anyhow::Result<Vec<bool>> {
        let mut tries = 0;
        loop {
            match self.write(reports, receipts).await {
                Ok(unmatched) => return Ok(unmatched),
                Err(error) if is_temporary(&error) => {
                    tries += u32::from(stop.is_cancelled());
                    if tries > LAST_TRIES {
                        return Err(error.context("the last results could not be written; their claims run out"));
                    }
                    tracing::warn!(error = format!("{error:#}"), "results could not be written; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) if reports.len() + receipts.len() <= 1 => {
                    // Its claim runs out, and the attempt is made again.
                    tracing::error!(error = format!("{error:#}"), "a result cannot be written");
                    return Ok(vec![true; receipts.len()]);
                }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "results could not be written together; one by one");
                    break;
                }
            }
        }
        for report in reports {
            Box::pin(self.write_stubbornly(std::slice::from_ref(report), &[], stop)).await?;
        }
        let mut unmatched = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            unmatched.extend(Box::pin(self.write_stubbornly(&[], std::slice::from_ref(receipt), stop)).await?);
        }
        Ok(unmatched)
    }

    /// One transaction. Returns, for each receipt, whether its message was not found.
    async fn write(&self, reports: &[Report], receipts: &[ReceiptNote]) -> anyhow::Result<Vec<bool>> {
        let now = self.context.clock.now();
        let mut tx = self.pool.begin().await?;
        let mut recording = Recording::new(&self.context, &self.metrics, now);
        let settled = reports
            .iter()
            .map(|Report { delivery, outcome, traceparent }| {
                let (policy, within) =
                    (self.channels.policy(delivery.channel), self.channels.receipt_within(delivery.channel));
                if let Outcome::NotNow(why) = outcome {
                    tracing::info!(delivery.id = %delivery.id, delivery.attempt = delivery.attempt, channel = %delivery.channel, why, "not sent yet");
                }
                let settlement = settlement::settle(delivery, outcome.clone(), policy, within, now);
                ((**delivery).clone(), settlement, traceparent.clone())
            })
            .collect();
        recording.settle(&mut tx, settled, "sending").await?;
        let mut missing = Vec::with_capacity(receipts.len());
        for note in receipts {
            missing.push(!receive(&mut tx, &mut recording, note, now).await?);
        }
        recording.write(&mut tx).await?;
        tx.commit().await?;
        recording.committed(&self.bells);
        Ok(missing)
    }
}

/// The database is away or two transactions met: the same writing may succeed later.
fn is_temporary(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<sqlx::Error>().is_some_and(database::is_unavailable))
}

/// Applies one receipt. False when no message has its id (yet).
async fn receive(
    tx: &mut PgConnection,
    recording: &mut Recording<'_>,
    ReceiptNote { receipt, lookups, .. }: &ReceiptNote,
    now: Timestamp,
) -> anyhow::Result<bool> {
    let mut names = message_id::looked_up(&receipt.provider_id, lookups + 1 >= LOOKUPS).into_iter();
    let (name, found) = loop {
        let Some(name) = names.next() else { return Ok(false) };
        if let Some(found) = store::lock_by_provider_id(tx, &name).await? {
            break (name, found);
        }
    };
    let open = found.state == "sent" || found.state == "failed";
    match receipt.fate {
        // Even after the next channel was taken: that it arrived is worth knowing.
        Fate::Delivered if open && !found.delivered_ids.contains(&name) => {
            let whole = found.delivered_ids.len() + 1 >= found.provider_ids.len();
            store::note_receipt(tx, found.delivery.id, &name, whole, now).await?;
            if whole {
                let event = settlement::delivered(&found.delivery, now);
                recording.tell(event, &found.delivery, found.delivery.traceparent.clone());
            }
        }
        Fate::Undelivered if found.state == "sent" => {
            let settlement = settlement::give_up(&found.delivery, DeliveryFailure::Undelivered, now);
            recording.settle(tx, vec![(found.delivery, settlement, None)], "sent").await?;
        }
        Fate::Delivered | Fate::Undelivered => {}
    }
    Ok(true)
}
