//! Takes alerts in: a row for each, already claimed where a sender is free, so that no second commit is needed.

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use tokio::sync::mpsc;
use vigie_platform::{
    consumer::{Handler, Outbox, Received, Verdict},
    ids,
};
use vigie_proto::{
    Channel, DeliveryId,
    consumer::{self, Consumer},
    event::Event,
};

use crate::{
    delivery::Delivery,
    letter::{Letter, LetterKind},
    line::{Bells, Queues},
    metrics::{self, Metrics},
    settlement,
    store::{self, Fresh},
};

/// An alert issued longer ago than this may have been answered meanwhile: the sweep looks before it is sent.
const BELATED: SignedDuration = SignedDuration::from_secs(2);

/// The consumer of `vigie.alert.issued.v1`.
#[derive(Debug)]
pub(crate) struct Alerts {
    /// Number of this process.
    pub(crate) owner: i32,
    pub(crate) queues: Queues,
    pub(crate) bells: Bells,
    pub(crate) metrics: Metrics,
}

/// What to do once the rows are committed.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    /// Claimed deliveries, each with its place in line.
    claimed: Vec<(mpsc::OwnedPermit<Box<Delivery>>, Box<Delivery>)>,
    /// True when some are left to the sweep.
    left_over: bool,
    on_screen: u64,
}

impl Handler for Alerts {
    const CONSUMER: Consumer = consumer::NOTIFICATION;
    type After = Handover;

    async fn handle(
        &self,
        tx: &mut PgConnection,
        events: &[Received],
        now: Timestamp,
        outbox: &mut Outbox,
    ) -> anyhow::Result<(Vec<Verdict>, Handover)> {
        let mut verdicts = Vec::with_capacity(events.len());
        let mut taken = Vec::with_capacity(events.len());
        for received in events {
            let Event::AlertIssued(alert) = &received.fact.event else {
                verdicts.push(Verdict::Dead(format!("{} is not an alert", received.fact.event.type_name())));
                continue;
            };
            verdicts.push(Verdict::Done);
            let queue = self.queues.of(alert.channel);
            let permit = queue
                .filter(|_| now.duration_since(alert.issued_at) < BELATED)
                .and_then(|queue| queue.sender.clone().try_reserve_owned().ok());
            let delivery = Box::new(Delivery {
                id: DeliveryId(ids::fresh()),
                letter: Letter::Alert(alert.clone()),
                channel: alert.channel,
                contact: alert.contact.clone(),
                elsewhere: None,
                fallback: alert.fallback.clone(),
                attempt: u32::from(permit.is_some() || queue.is_none()),
                lease_until: queue.map_or(now, |queue| now + queue.lease),
                cause: Some(received.fact.id),
                traceparent: received.traceparent(),
            });
            taken.push((permit, delivery, received));
        }
        let rows: Vec<_> = taken.iter().map(|(permit, delivery, _)| row(permit.is_some(), delivery, now)).collect();
        let fresh = store::insert(tx, &rows, self.owner, now).await?;
        let mut after = Handover::default();
        for (permit, delivery, received) in taken {
            if !fresh.contains(&delivery.id) {
                continue;
            }
            match permit {
                Some(permit) => after.claimed.push((permit, delivery)),
                None if delivery.channel == Channel::Screen => {
                    outbox.push(settlement::sent(&delivery, None, now), received);
                    after.on_screen += 1;
                }
                None => after.left_over = true,
            }
        }
        Ok((verdicts, after))
    }

    fn committed(&self, after: Handover) {
        for (permit, delivery) in after.claimed {
            permit.send(delivery);
        }
        if after.left_over {
            self.bells.of(LetterKind::Alert).notify_one();
        }
        self.metrics.sent.get_or_create(&metrics::by(Channel::Screen)).inc_by(after.on_screen);
    }
}

fn row(claimed: bool, delivery: &Delivery, now: Timestamp) -> Fresh<'_> {
    match delivery.channel {
        Channel::Screen => Fresh { delivery, state: "sent", wake_at: None },
        Channel::Email | Channel::Sms if claimed => {
            Fresh { delivery, state: "sending", wake_at: Some(delivery.lease_until) }
        }
        Channel::Email | Channel::Sms => Fresh { delivery, state: "due", wake_at: Some(now) },
    }
}
