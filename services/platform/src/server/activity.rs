//! What one connection is doing, and since when.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::Limits;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between two requests.
    Quiet,
    /// A request's head is coming in; a connection just opened owes one too.
    Head,
    /// A request is being answered.
    Busy,
}

/// Shared by the socket, which sees bytes, and the service, which sees requests.
#[derive(Debug)]
pub(super) struct Activity(Mutex<(Phase, Instant)>);

/// Keeps a connection busy until dropped.
#[derive(Debug)]
pub(super) struct Answered(Arc<Activity>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new((Phase::Head, Instant::now())))
    }
}

impl Activity {
    /// The head is whole.
    pub(super) fn request_begins(self: &Arc<Self>) -> Answered {
        self.enter(Phase::Busy);
        Answered(Arc::clone(self))
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        self.with(|state| match state.0 {
            Phase::Quiet => *state = (Phase::Head, Instant::now()),
            // Its time runs from the first byte, however many more come.
            Phase::Head => {}
            Phase::Busy => state.1 = Instant::now(),
        });
    }

    /// Bytes went out.
    pub(super) fn sent(&self) {
        self.with(|state| {
            if state.0 != Phase::Head {
                state.1 = Instant::now();
            }
        });
    }

    /// When it will have taken too long.
    pub(super) fn deadline(&self, limits: Limits) -> Instant {
        self.with(|(phase, since)| {
            *since
                + match phase {
                    Phase::Head => limits.header_timeout,
                    Phase::Quiet | Phase::Busy => limits.idle_timeout,
                }
        })
    }

    /// Since when no request has been under way; none while one is.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.with(|(phase, since)| (*phase != Phase::Busy).then_some(*since))
    }

    fn enter(&self, phase: Phase) {
        self.with(|state| *state = (phase, Instant::now()));
    }

    fn with<T>(&self, f: impl FnOnce(&mut (Phase, Instant)) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.enter(Phase::Quiet);
    }
}
