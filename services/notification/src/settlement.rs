//! What an ended attempt changes: the row's next state, the facts to tell, the next channel. Pure.

use jiff::{SignedDuration, Timestamp};
use vigie_proto::event::{
    AlertIssuedV1, DeliveryDeadLetteredV1, DeliveryDeliveredV1, DeliveryFailedV1, DeliveryFailure, DeliverySentV1,
    Event, FallbackContact, ProbeIssuedV1, ProbeOutcome, ProbeSettledV1,
};

use crate::{
    delivery::{Delivery, Outcome},
    letter::Letter,
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
        Outcome::Taken { provider_ids, shown } => Settlement {
            wake_at: receipt_within.map(|within| now + within),
            provider_ids,
            events: vec![sent(delivery, Some(shown), now)],
            ..Settlement::of(State::Sent, delivery.attempt)
        },
        Outcome::NotNow(_) => {
            let wait = policy.wait_after(delivery.attempt, retry::jitter(delivery.id.0, delivery.attempt));
            match wait.map(|wait| now + wait).filter(|at| !delivery.is_late(*at)) {
                Some(at) => Settlement { wake_at: Some(at), ..Settlement::of(State::Due, delivery.attempt) },
                None => give_up(delivery, DeliveryFailure::Exhausted, now),
            }
        }
        Outcome::Never(failure) => give_up(delivery, failure, now),
        Outcome::Untouched => {
            Settlement { wake_at: Some(now), ..Settlement::of(State::Due, delivery.attempt.saturating_sub(1)) }
        }
    }
}

/// Gives a channel up. An alert takes the next one, or, when none is left, becomes a dead letter that somebody must be
/// told of; a probe has found what it was sent to find.
pub(crate) fn give_up(delivery: &Delivery, failure: DeliveryFailure, now: Timestamp) -> Settlement {
    let (events, next) = match &delivery.letter {
        Letter::Alert(alert) => give_up_alert(delivery, alert, failure),
        Letter::Probe(probe) => (vec![settled(probe, ProbeOutcome::Failed { failure }, now)], None),
    };
    Settlement { failure: Some(failure), events, next, ..Settlement::of(State::Failed, delivery.attempt) }
}

fn give_up_alert(delivery: &Delivery, alert: &AlertIssuedV1, failure: DeliveryFailure) -> (Vec<Event>, Option<Next>) {
    let AlertIssuedV1 { alert_id, incident, body, purpose, .. } = alert;
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
    (events, next)
}

/// The fact that the next system took a message that shows what `shown` is the digest of.
pub(crate) fn sent(delivery: &Delivery, shown: Option<String>, at: Timestamp) -> Event {
    match &delivery.letter {
        Letter::Alert(alert) => DeliverySentV1 {
            delivery_id: delivery.id,
            alert_id: alert.alert_id,
            incident_id: alert.incident.id,
            body: alert.body.clone(),
            channel: delivery.channel,
            attempt: delivery.attempt,
            shown,
            at,
        }
        .into(),
        Letter::Probe(probe) => settled(probe, ProbeOutcome::Sent, at),
    }
}

/// The fact that a message reached its device.
pub(crate) fn delivered(delivery: &Delivery, at: Timestamp) -> Event {
    match &delivery.letter {
        Letter::Alert(alert) => DeliveryDeliveredV1 {
            delivery_id: delivery.id,
            alert_id: alert.alert_id,
            incident_id: alert.incident.id,
            body: alert.body.clone(),
            channel: delivery.channel,
            at,
        }
        .into(),
        Letter::Probe(probe) => settled(probe, ProbeOutcome::Delivered, at),
    }
}

/// How far a probe came.
fn settled(probe: &ProbeIssuedV1, outcome: ProbeOutcome, at: Timestamp) -> Event {
    ProbeSettledV1 {
        probe_id: probe.probe_id,
        body: probe.body.clone(),
        contact: probe.contact.clone(),
        channel: probe.channel,
        outcome,
        at,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use vigie_proto::{
        Channel,
        event::{ProbePurpose, Purpose},
    };

    use super::*;
    use crate::sample;

    const POLICY: Policy =
        Policy { max_attempts: 6, first: SignedDuration::from_secs(60), cap: SignedDuration::from_secs(600) };

    fn not_now(delivery: &Delivery, now: Timestamp) -> Settlement {
        settle(delivery, Outcome::NotNow("later"), POLICY, None, now)
    }

    fn names(settlement: &Settlement) -> Vec<&'static str> {
        settlement.events.iter().map(Event::type_name).collect()
    }

    #[test]
    fn a_probe_is_tried_again_until_the_next_try_would_come_too_late() {
        let delivery = sample::delivery(sample::probe(ProbePurpose::Drill).into());
        let expiry = delivery.letter.expires_at().unwrap();
        let early = not_now(&delivery, expiry - SignedDuration::from_mins(5));
        assert_eq!((early.state, early.events), (State::Due, Vec::new()));
        assert!(early.wake_at.is_some_and(|at| at < expiry));
        let late = not_now(&delivery, expiry - SignedDuration::from_secs(30));
        assert_eq!((late.state, late.failure, late.wake_at), (State::Failed, Some(DeliveryFailure::Exhausted), None));
        assert_eq!(names(&late), ["vigie.probe.settled.v1"]);
    }

    #[test]
    fn an_alert_is_tried_again_however_late() {
        let delivery = sample::delivery(sample::alert(Purpose::Acknowledge).into());
        let settlement = not_now(&delivery, sample::now() + SignedDuration::from_hours(24 * 365));
        assert_eq!(settlement.state, State::Due);
    }

    #[test]
    fn a_state_is_called_as_the_table_calls_it() {
        let migrations = include_str!("../migrations/20261122000501_notification.sql");
        for state in [State::Due, State::Sent, State::Failed] {
            assert!(migrations.contains(&format!("'{}'", state.code())), "{state:?}");
        }
        assert_ne!(State::Due.code(), State::Sent.code());
        assert_ne!(State::Failed.code(), State::Sent.code());
    }

    #[test]
    fn what_was_taken_is_sent_under_the_ids_it_was_given_and_waits_for_its_receipt() {
        let delivery = sample::delivery(sample::alert(Purpose::Acknowledge).into());
        let taken = |within| {
            let outcome = Outcome::Taken { provider_ids: vec!["a7".to_owned()], shown: "d1".to_owned() };
            settle(&delivery, outcome, POLICY, within, sample::now())
        };
        let settlement = taken(Some(SignedDuration::from_mins(10)));
        assert_eq!((settlement.state, settlement.attempt), (State::Sent, 1));
        assert_eq!(settlement.provider_ids, ["a7"]);
        assert_eq!(settlement.wake_at, Some(sample::now() + SignedDuration::from_mins(10)));
        assert_eq!(names(&settlement), ["vigie.delivery.sent.v1"]);
        assert!(settlement.events[0].to_json().contains("\"shown\":\"d1\""));
        assert_eq!((taken(None).wake_at, taken(None).next), (None, None));
    }

    #[test]
    fn what_was_not_attempted_counts_for_nothing_and_is_due_at_once() {
        let mut delivery = sample::delivery(sample::alert(Purpose::Acknowledge).into());
        delivery.attempt = 3;
        let settlement = settle(&delivery, Outcome::Untouched, POLICY, None, sample::now());
        assert_eq!((settlement.state, settlement.attempt), (State::Due, 2));
        assert_eq!((settlement.wake_at, settlement.events), (Some(sample::now()), Vec::new()));
    }

    #[test]
    fn the_last_attempt_and_a_refusal_take_the_next_channel_and_keep_those_behind_it() {
        let way = |channel, contact: &str| FallbackContact { channel, contact: contact.parse().unwrap() };
        let mut delivery = sample::delivery(sample::alert(Purpose::Acknowledge).into());
        (delivery.attempt, delivery.fallback) = (6, vec![way(Channel::Sms, "one"), way(Channel::Screen, "two")]);
        let exhausted = not_now(&delivery, sample::now());
        assert_eq!((exhausted.state, exhausted.failure), (State::Failed, Some(DeliveryFailure::Exhausted)));
        let refused = settle(&delivery, Outcome::Never(DeliveryFailure::Refused), POLICY, None, sample::now());
        assert_eq!(refused.failure, Some(DeliveryFailure::Refused));
        for settlement in [exhausted, refused] {
            let next = settlement.next.clone().unwrap();
            assert_eq!((next.contact, next.rest), (way(Channel::Sms, "one"), vec![way(Channel::Screen, "two")]));
            assert_eq!(names(&settlement), ["vigie.delivery.failed.v1"], "somebody may still be reached");
        }
    }

    #[test]
    fn a_probe_that_fails_takes_no_other_channel_and_becomes_no_dead_letter() {
        let probe = sample::delivery(sample::probe(ProbePurpose::Drill).into());
        let settlement = give_up(&probe, DeliveryFailure::Refused, sample::now());
        assert_eq!((names(&settlement), &settlement.next), (vec!["vigie.probe.settled.v1"], &None));
        let alert = sample::delivery(sample::alert(Purpose::Acknowledge).into());
        let settlement = give_up(&alert, DeliveryFailure::Refused, sample::now());
        assert_eq!(names(&settlement), ["vigie.delivery.failed.v1", "vigie.delivery.dead-lettered.v1"]);
    }
}
