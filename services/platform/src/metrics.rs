//! Prometheus metrics an operator needs. Names never carry a person, a body or a sector of unbounded number.
//!
//! Here stand the series of the platform itself; each service registers its own with the [`Registrar`].

use std::sync::{Arc, Mutex, PoisonError};

pub use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::histogram::exponential_buckets,
    registry::{Metric, Registry, Unit},
};

/// Series told apart by one label: its name and its value.
pub type Labelled<M> = Family<[(&'static str, &'static str); 1], M>;

/// Label of a per-consumer series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByConsumer {
    pub consumer: &'static str,
}

/// Label of what a consumer refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByRefusal {
    pub consumer: &'static str,
    pub why: &'static str,
}

/// Label of a refusal, by stable problem code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByCode {
    pub code: &'static str,
}

/// Label of what is noted at the doors.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByMatter {
    pub matter: &'static str,
}

/// Makes the series of a process and tells them all; cheap to clone.
#[derive(Debug, Clone)]
pub struct Registrar(Arc<Mutex<Registry>>);

impl Registrar {
    /// A series of its own under `vigie_<name>`.
    pub fn series<M: Metric + Clone + Default>(&self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.registry(|registry| registry.register(name, help, metric.clone()));
        metric
    }

    /// The durations of something, in seconds.
    pub fn durations(&self, name: &str, help: &str) -> Histogram {
        let metric = Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        self.registry(|registry| registry.register_with_unit(name, help, Unit::Seconds, metric.clone()));
        metric
    }

    /// The `OpenMetrics` text of every series.
    pub fn render(&self) -> String {
        let mut text = String::new();
        self.registry(|registry| encode(&mut text, registry)).expect("writing to a String cannot fail");
        text
    }

    fn registry<T>(&self, act: impl FnOnce(&mut Registry) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The platform's own series.
#[derive(Debug)]
pub struct Metrics {
    pub registrar: Registrar,
    pub dead_letters: Counter,
    pub writes_failed: Counter,
    pub facts_misplaced: Gauge,
    pub published: Counter,
    pub publishes_refused: Counter,
    pub outbox_depth: Gauge,
    pub consumer_lag: Family<ByConsumer, Gauge>,
    pub consumer_recovered: Family<ByConsumer, Counter>,
    pub bus_refused: Family<ByRefusal, Counter>,
    pub security_events: Family<ByMatter, Counter>,
    pub requests_refused: Family<ByCode, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let registrar = Registrar(Arc::new(Mutex::new(Registry::with_prefix("vigie"))));
        Self {
            dead_letters: registrar.series("dead_letters", "Alerts or events nobody could deliver or read"),
            facts_misplaced: registrar.series(
                "facts_misplaced",
                "Facts whose identifier lies in no month that has a partition: a clock is wrong",
            ),
            writes_failed: registrar.series("writes_failed", "Writes the database could not do then, each tried again"),
            published: registrar.series("published", "Entries acknowledged by JetStream"),
            publishes_refused: registrar.series("publishes_refused", "Facts JetStream did not take, each tried again"),
            outbox_depth: registrar.series("outbox_depth", "Entries not yet on the bus"),
            consumer_lag: registrar.series("consumer_lag", "Messages a consumer has still to take"),
            consumer_recovered: registrar.series("consumer_recovered", "Entries found in the journal, not on the bus"),
            bus_refused: registrar
                .series("bus_refused", "Messages of the bus that are not what the journal holds, by reason"),
            security_events: registrar.series("security_events", "What was noted at the doors, such as failed logins"),
            requests_refused: registrar
                .series("requests_refused", "Requests refused before their handler, by problem code"),
            registrar,
        }
    }
}
