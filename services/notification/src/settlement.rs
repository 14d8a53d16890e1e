//! What an ended attempt changes: the row's next state, the facts to tell, the next channel. Pure.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use vigie_proto::{
    Channel, DeliveryId,
    event::{
        AlertIssuedV1, DeliveryDeadLetteredV1, DeliveryDeliveredV1, DeliveryFailedV1, DeliveryFailure, DeliverySentV1,
        Event, FallbackContact,
    },
};

use crate::{
    delivery::{Delivery, Outcome},
    retry::{self, Policy},
};

/// States an attempt may leave `delivery.state` in, as the migration lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Due,
    Sent,
    Failed,
}

impl State {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// The code of a failure in SQL; the same word as in the event.
pub(crate) fn failure_code(failure: DeliveryFailure) -> &'static str {
    match failure {
        DeliveryFailure::Refused => "refused",
        DeliveryFailure::Exhausted => "exhausted",
        DeliveryFailure::NoReceipt => "no-receipt",
        DeliveryFailure::Undelivered => "undelivered",
        DeliveryFailure::UnknownContact => "unknown-contact",
    }
}

/// Everything that follows from the end of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settlement {
    pub(crate) state: State,
    /// Attempts counted so far.
    pub(crate) attempt: u32,
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) failure: Option<DeliveryFailure>,
    pub(crate) provider_ids: Vec<String>,
    pub(crate) events: Vec<Event>,
    /// The next way to reach the same recipient, to be tried at once.
    pub(crate) next: Option<Next>,
}

/// The fallback to insert.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Next {
    pub(crate) contact: FallbackContact,
    /// What remains after it.
    pub(crate) rest: Vec<FallbackContact>,
}

impl Settlement {
    fn of(state: State, attempt: u32) -> Self {
        Self { state, attempt, wake_at: None, failure: None, provider_ids: Vec::new(), events: Vec::new(), next: None }
    }
}

/// Settles an attempt that ended in `outcome`. A receipt is owed `receipt_within` after sending, if it is given.
pub(crate) fn settle(
    delivery: &Delivery,
    outcome: Outcome,
    policy: Policy,
    receipt_within: Option<SignedDuration>,
    now: Timestamp,
) -> Settlement {
    match outcome {
        Outcome::Taken(provider_ids) => Settlement {
            wake_at: receipt_within.map(|within| now + within),
            provider_ids,
            events: vec![sent(delivery, now)],
            ..Settlement::of(State::Sent, delivery.attempt)
        },
        Outcome::NotNow(_) => {
            match policy.wait_after(delivery.attempt, retry::jitter(delivery.id.0, delivery.attempt)) {
                Some(wait) => Settlement { wake_at: Some(now + wait), ..Settlement::of(State::Due, delivery.attempt) },
                None => give_up(delivery, DeliveryFailure::Exhausted),
            }
        }
        Outcome::Never(failure) => give_up(delivery, failure),
        Outcome::Untouched => {
            Settlement { wake_at: Some(now), ..Settlement::of(State::Due, delivery.attempt.saturating_sub(1)) }
        }
    }
}

/// Gives a channel up: the next one, or, when none is left, a dead letter that somebody must be told of.
pub(crate) fn give_up(delivery: &Delivery, failure: DeliveryFailure) -> Settlement {
    let AlertIssuedV1 { alert_id, incident, body, purpose, .. } = &delivery.alert;
    let next =
        delivery.fallback.split_first().map(|(first, rest)| Next { contact: first.clone(), rest: rest.to_vec() });
    let mut events: Vec<Event> = vec![
        DeliveryFailedV1 {
            delivery_id: delivery.id,
            alert_id: *alert_id,
            incident_id: incident.id,
            body: body.clone(),
            channel: delivery.channel,
            attempt: delivery.attempt,
            failure,
            next: next.as_ref().map(|next| next.contact.channel),
        }
        .into(),
    ];
    if next.is_none() {
        events.push(
            DeliveryDeadLetteredV1 {
                alert_id: *alert_id,
                incident: incident.clone(),
                purpose: *purpose,
                body: body.clone(),
                channel: delivery.channel,
                failure,
            }
            .into(),
        );
    }
    Settlement { failure: Some(failure), events, next, ..Settlement::of(State::Failed, delivery.attempt) }
}

/// The fact that the next system took a message.
pub(crate) fn sent(delivery: &Delivery, at: Timestamp) -> Event {
    DeliverySentV1 {
        delivery_id: delivery.id,
        alert_id: delivery.alert.alert_id,
        incident_id: delivery.alert.incident.id,
        body: delivery.alert.body.clone(),
        channel: delivery.channel,
        attempt: delivery.attempt,
        at,
    }
    .into()
}

/// The fact that a message reached its device.
pub(crate) fn delivered(id: Uuid, alert: &AlertIssuedV1, channel: Channel, at: Timestamp) -> Event {
    DeliveryDeliveredV1 {
        delivery_id: DeliveryId(id),
        alert_id: alert.alert_id,
        incident_id: alert.incident.id,
        body: alert.body.clone(),
        channel,
        at,
    }
    .into()
}
