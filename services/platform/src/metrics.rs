//! Prometheus metrics an operator needs. Names never carry a person, a body or a sector of unbounded number.

use std::sync::{Mutex, PoisonError};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// Label of a per-channel series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByChannel {
    pub channel: &'static str,
}

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

/// Label of a finding of the prover: `error` or `warning`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByLevel {
    pub level: &'static str,
}

/// Label of crises: `real` or `exercise`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByNature {
    pub nature: &'static str,
}

/// Label of what a crisis waits for: `waiting` or `late`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByState {
    pub state: &'static str,
}

/// Label of what is noted at the doors.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByMatter {
    pub matter: &'static str,
}

/// Label of a settled step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByOutcome {
    pub outcome: &'static str,
}

/// Every series of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    pub signals_accepted: Counter,
    pub signals_refused: Family<ByCode, Counter>,
    pub signals_poisoned: Counter,
    pub signals_waiting: Gauge,
    pub signals_located: Counter,
    pub incidents_opened: Counter,
    pub incidents_reinforced: Counter,
    pub incidents_aggravated: Counter,
    pub acknowledgements: Counter,
    /// Alarm on any: an edge let an act through that its owner had to refuse, or somebody forged one.
    pub acts_refused: Counter,
    pub steps_due: Gauge,
    pub steps_settled: Family<ByOutcome, Counter>,
    pub step_lateness: Histogram,
    pub deliveries_sent: Family<ByChannel, Counter>,
    pub deliveries_failed: Family<ByChannel, Counter>,
    pub delivery_retries: Family<ByChannel, Counter>,
    pub dead_letters: Counter,
    pub doctrine_findings: Family<ByLevel, Gauge>,
    pub writes_failed: Counter,
    pub facts_misplaced: Gauge,
    pub published: Counter,
    pub publishes_refused: Counter,
    pub outbox_depth: Gauge,
    pub consumer_lag: Family<ByConsumer, Gauge>,
    pub consumer_recovered: Family<ByConsumer, Counter>,
    pub bus_refused: Family<ByRefusal, Counter>,
    pub intake_commit: Histogram,
    pub configuration_proposals_waiting: Gauge,
    pub crisis_open: Family<ByNature, Gauge>,
    pub crisis_mobilisations: Family<ByState, Gauge>,
    pub crisis_reports: Family<ByState, Gauge>,
    pub security_events: Family<ByMatter, Counter>,
    pub requests_refused: Family<ByCode, Counter>,
    pub streams_open: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("vigie");
        let latency = || Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        macro_rules! series {
            ($name:literal, $help:literal, $metric:expr) => {{
                let metric = $metric;
                registry.register($name, $help, metric.clone());
                metric
            }};
        }
        let lateness = latency();
        registry.register_with_unit("step_lateness", "From due time to firing", Unit::Seconds, lateness.clone());
        let commit = latency();
        registry.register_with_unit("intake_commit", "Duration of a shared commit", Unit::Seconds, commit.clone());
        Self {
            signals_accepted: series!("signals_accepted", "Signals durable and answered 202", Counter::default()),
            signals_refused: series!("signals_refused", "Requests refused, by problem code", Family::default()),
            signals_poisoned: series!(
                "signals_poisoned",
                "Signals the database refused for what they hold, each alone",
                Counter::default()
            ),
            signals_waiting: series!("signals_waiting", "Signals waiting for a commit", Gauge::default()),
            signals_located: series!("signals_located", "Signals given a sector", Counter::default()),
            incidents_opened: series!("incidents_opened", "Incidents opened", Counter::default()),
            incidents_reinforced: series!(
                "incidents_reinforced",
                "Signals joined to an open incident",
                Counter::default()
            ),
            incidents_aggravated: series!("incidents_aggravated", "Incidents whose severity rose", Counter::default()),
            acknowledgements: series!("acknowledgements", "Acknowledgements applied", Counter::default()),
            acts_refused: series!(
                "acts_refused",
                "Recorded acts their owner refused: alarm on any",
                Counter::default()
            ),
            steps_due: series!("steps_due", "Steps waiting for their due time", Gauge::default()),
            steps_settled: series!("steps_settled", "Steps dealt with, by outcome", Family::default()),
            step_lateness: lateness,
            deliveries_sent: series!("deliveries_sent", "Messages of alerts the next system took", Family::default()),
            deliveries_failed: series!(
                "deliveries_failed",
                "Messages of alerts given up on a channel",
                Family::default()
            ),
            delivery_retries: series!(
                "delivery_retries",
                "Attempts at alerts that will be repeated",
                Family::default()
            ),
            dead_letters: series!("dead_letters", "Alerts or events nobody could deliver or read", Counter::default()),
            doctrine_findings: series!(
                "doctrine_findings",
                "What the prover found in force, by level",
                Family::default()
            ),
            facts_misplaced: series!(
                "facts_misplaced",
                "Facts whose identifier lies in no month that has a partition: a clock is wrong",
                Gauge::default()
            ),
            writes_failed: series!(
                "writes_failed",
                "Writes the database could not do then, each tried again",
                Counter::default()
            ),
            publishes_refused: series!(
                "publishes_refused",
                "Facts JetStream did not take, each tried again",
                Counter::default()
            ),
            published: series!("published", "Entries acknowledged by JetStream", Counter::default()),
            outbox_depth: series!("outbox_depth", "Entries not yet on the bus", Gauge::default()),
            consumer_lag: series!("consumer_lag", "Messages a consumer has still to take", Family::default()),
            consumer_recovered: series!(
                "consumer_recovered",
                "Entries found in the journal, not on the bus",
                Family::default()
            ),
            bus_refused: series!(
                "bus_refused",
                "Messages of the bus that are not what the journal holds, by reason",
                Family::default()
            ),
            intake_commit: commit,
            configuration_proposals_waiting: series!(
                "configuration_proposals_waiting",
                "Changes of who may do what that wait for a second administrator",
                Gauge::default()
            ),
            crisis_open: series!("crisis_open", "Crises that are not closed, by nature", Family::default()),
            crisis_mobilisations: series!(
                "crisis_mobilisations",
                "Mobilisations of real crises that wait for somebody, by state",
                Family::default()
            ),
            crisis_reports: series!(
                "crisis_reports",
                "Situation reports of real crises that are owed, by state",
                Family::default()
            ),
            security_events: series!(
                "security_events",
                "What was noted at the doors, such as failed logins",
                Family::default()
            ),
            requests_refused: series!(
                "requests_refused",
                "Requests refused before their handler, by problem code",
                Family::default()
            ),
            streams_open: series!("streams_open", "Live streams that are open", Gauge::default()),
            registry: Mutex::new(registry),
        }
    }
}

impl Metrics {
    /// The `OpenMetrics` text of every series.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        encode(&mut text, &registry).expect("writing to a String cannot fail");
        text
    }
}
