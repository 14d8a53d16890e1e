//! Takes probes in: a row for each, left to the sweep of probes, so that a drill of a whole city enters at once and
//! leaves little by little.
//!
//! A consumer of its own, not another type of the alerts' one: an alert is not handled behind a thousand probes; its
//! watermark starts at the beginning of the journal, so that no probe written earlier is passed over; and a process of
//! an earlier version is never shown an event it cannot read.

use jiff::Timestamp;
use sqlx::PgConnection;
use vigie_platform::{
    consumer::{Handler, Outbox, Received, Verdict},
    ids,
};
use vigie_proto::{
    Channel, DeliveryId,
    consumer::{self, Consumer},
    event::{Event, ProbeIssuedV1},
};

use crate::{
    claimant,
    delivery::Delivery,
    letter::{Letter, LetterKind},
    line::Bells,
    settlement,
    store::{self, Fresh},
};

/// The consumer of `vigie.probe.issued.v1`.
#[derive(Debug)]
pub(crate) struct Probes {
    pub(crate) bells: Bells,
}

impl Handler for Probes {
    const CONSUMER: Consumer = consumer::NOTIFICATION_PROBES;
    /// True when something is left to the sweep.
    type After = bool;

    async fn handle(
        &self,
        tx: &mut PgConnection,
        events: &[Received],
        now: Timestamp,
        outbox: &mut Outbox,
    ) -> anyhow::Result<(Vec<Verdict>, bool)> {
        let mut verdicts = Vec::with_capacity(events.len());
        let mut taken = Vec::with_capacity(events.len());
        for received in events {
            let Event::ProbeIssued(probe) = &received.fact.event else {
                verdicts.push(Verdict::Dead(format!("{} is not a probe", received.fact.event.type_name())));
                continue;
            };
            verdicts.push(Verdict::Done);
            taken.push((delivery(probe, received, now), received));
        }
        let rows: Vec<_> = taken.iter().map(|(delivery, _)| row(delivery, now)).collect();
        let fresh = store::insert(tx, &rows, claimant::NOBODY, now).await?;
        let mut left = false;
        for (delivery, received) in taken.iter().filter(|(delivery, _)| fresh.contains(&delivery.id)) {
            if delivery.channel == Channel::Screen {
                outbox.push(settlement::sent(delivery, None, now), received);
            } else {
                left = true;
            }
        }
        Ok((verdicts, left))
    }

    fn committed(&self, left: bool) {
        if left {
            self.bells.of(LetterKind::Probe).notify_one();
        }
    }
}

fn delivery(probe: &ProbeIssuedV1, received: &Received, now: Timestamp) -> Delivery {
    Delivery {
        id: DeliveryId(ids::fresh()),
        letter: Letter::Probe(Box::new(probe.clone())),
        channel: probe.channel,
        contact: probe.contact.clone(),
        elsewhere: None,
        fallback: Vec::new(),
        attempt: u32::from(probe.channel == Channel::Screen),
        lease_until: now,
        cause: Some(received.fact.id),
        traceparent: received.traceparent(),
    }
}

fn row(delivery: &Delivery, now: Timestamp) -> Fresh<'_> {
    match delivery.channel {
        Channel::Screen => Fresh { delivery, state: "sent", wake_at: None },
        Channel::Email | Channel::Sms => Fresh { delivery, state: "due", wake_at: Some(now) },
    }
}
