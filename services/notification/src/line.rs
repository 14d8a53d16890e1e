//! The waiting lines between whoever claims a delivery and whoever sends it.
//!
//! Alerts and probes wait apart, and a sender looks at the alerts first. The probes' lines are short: a drill of a whole
//! city waits in the table, and what is claimed of it is soon sent.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::{Notify, mpsc};
use vigie_proto::Channel;

use crate::{delivery::Delivery, letter::LetterKind};

/// Alerts that may wait in one channel's line; beyond, they wait in the table.
const ALERTS: usize = 1_024;
/// Probes that may. They are sent one at a time, so the last waits for as many exchanges.
const PROBES: u16 = 16;
/// Beyond the exchanges themselves, how long a claim lasts.
const SLACK: SignedDuration = SignedDuration::from_secs(10);

/// The end of one channel's line at which deliveries enter.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) sender: mpsc::Sender<Box<Delivery>>,
    /// How long a claim lasts: the longest exchange and the longest wait in line.
    pub(crate) lease: SignedDuration,
}

/// The end at which senders take them.
pub(crate) type Waiting = mpsc::Receiver<Box<Delivery>>;

/// Every channel's line for one kind of letter.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    pub(crate) email: Queue,
    pub(crate) sms: Queue,
}

impl Queues {
    /// None for a screen: nothing leaves the house.
    pub(crate) fn of(&self, channel: Channel) -> Option<&Queue> {
        match channel {
            Channel::Email => Some(&self.email),
            Channel::Sms => Some(&self.sms),
            Channel::Screen => None,
        }
    }
}

/// An empty line for letters of `kind`, by a channel whose longest exchange is `exchange`.
pub(crate) fn open(kind: LetterKind, exchange: SignedDuration) -> (Queue, Waiting) {
    let (places, lease) = match kind {
        LetterKind::Alert => (ALERTS, exchange + SLACK),
        LetterKind::Probe => (usize::from(PROBES), exchange.saturating_mul(i32::from(PROBES) + 1) + SLACK),
    };
    let (sender, waiting) = mpsc::channel(places);
    (Queue { sender, lease }, waiting)
}

/// Rings for the sweep of a kind: something is due earlier than it knew.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bells {
    alerts: Arc<Notify>,
    probes: Arc<Notify>,
}

impl Bells {
    pub(crate) fn of(&self, kind: LetterKind) -> &Notify {
        match kind {
            LetterKind::Alert => &self.alerts,
            LetterKind::Probe => &self.probes,
        }
    }
}
