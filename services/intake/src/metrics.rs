//! What is counted of signals coming in.

use vigie_platform::metrics::{Counter, Gauge, Histogram, Labelled, Registrar};

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) accepted: Counter,
    pub(crate) refused: Labelled<Counter>,
    pub(crate) poisoned: Counter,
    pub(crate) waiting: Gauge,
    pub(crate) commit: Histogram,
}

impl Metrics {
    pub(crate) fn new(registrar: &Registrar) -> Self {
        Self {
            accepted: registrar.series("signals_accepted", "Signals durable and answered 202"),
            refused: registrar.series("signals_refused", "Requests refused, by problem code"),
            poisoned: registrar
                .series("signals_poisoned", "Signals the database refused for what they hold, each alone"),
            waiting: registrar.series("signals_waiting", "Signals waiting for a commit"),
            commit: registrar.durations("intake_commit", "Duration of a shared commit"),
        }
    }
}
