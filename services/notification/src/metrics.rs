//! What is counted of alerts leaving the house. Probes are not: they are no alerts.

use vigie_platform::metrics::{Counter, Labelled, Registrar};
use vigie_proto::Channel;

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) sent: Labelled<Counter>,
    pub(crate) failed: Labelled<Counter>,
    pub(crate) retries: Labelled<Counter>,
}

impl Metrics {
    pub(crate) fn new(registrar: &Registrar) -> Self {
        Self {
            sent: registrar.series("deliveries_sent", "Messages of alerts the next system took"),
            failed: registrar.series("deliveries_failed", "Messages of alerts given up on a channel"),
            retries: registrar.series("delivery_retries", "Attempts at alerts that will be repeated"),
        }
    }
}

/// The label of a channel.
pub(crate) fn by(channel: Channel) -> [(&'static str, &'static str); 1] {
    [("channel", channel.code())]
}
