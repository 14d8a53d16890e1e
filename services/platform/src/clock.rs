//! The one place that asks the machine for the time.

use std::{fmt::Debug, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

/// Tells the time. Tests pass their own.
pub trait Clock: Debug + Send + Sync {
    fn now(&self) -> Timestamp;
}

/// A clock shared by everything in the process.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        // Postgres keeps microseconds: what is written must compare equal when read back.
        Timestamp::from_microsecond(Timestamp::now().as_microsecond()).expect("the present is within jiff's range")
    }
}

/// How long from `now` until `due`; zero when it is past.
pub fn until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(now).max(SignedDuration::ZERO)).unwrap_or_default()
}
