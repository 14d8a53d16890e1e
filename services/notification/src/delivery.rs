//! One letter by one channel, and what an attempt to send it may end in.

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{
    Channel, ContactId, DeliveryId, EventId,
    event::{DeliveryFailure, FallbackContact},
};

use crate::letter::Letter;

/// An e-mail address or a number. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) String);

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(..)")
    }
}

/// A delivery claimed by this process for one attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    pub(crate) letter: Letter,
    pub(crate) channel: Channel,
    pub(crate) contact: ContactId,
    /// Where it goes instead of the contact's address in force: a probe of an address that waits, or serves no more.
    pub(crate) elsewhere: Option<Address>,
    /// Contacts of other channels still to be tried, in order.
    pub(crate) fallback: Vec<FallbackContact>,
    /// From 1. Results count only for the current attempt.
    pub(crate) attempt: u32,
    /// When another process may take it over.
    pub(crate) lease_until: Timestamp,
    /// The event that asked for it.
    pub(crate) cause: Option<EventId>,
    pub(crate) traceparent: Option<String>,
}

impl Delivery {
    /// True when an exchange of at most `exchange` begun at `now` ends before the lease does.
    pub(crate) fn has_time_for(&self, exchange: SignedDuration, now: Timestamp) -> bool {
        now + exchange <= self.lease_until
    }

    /// True when at `now` it must not leave any more.
    pub(crate) fn is_late(&self, now: Timestamp) -> bool {
        self.letter.expires_at().is_some_and(|expiry| now >= expiry)
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The next system took it, under these ids (none for e-mail: the Message-ID is ours); and the digest of what it shows.
    Taken { provider_ids: Vec<String>, shown: String },
    /// It did not, and may yet.
    NotNow(&'static str),
    /// It never will.
    Never(DeliveryFailure),
    /// Nothing was attempted: somebody else may at once.
    Untouched,
}

/// The end of an attempt, on its way to the recorder.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) delivery: Box<Delivery>,
    pub(crate) outcome: Outcome,
    /// The attempt's own trace position, for the facts that follow from it.
    pub(crate) traceparent: Option<String>,
}
