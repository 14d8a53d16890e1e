//! What is counted of plans.

use vigie_platform::metrics::{Counter, Gauge, Histogram, Labelled, Registrar};

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) due: Gauge,
    pub(crate) settled: Labelled<Counter>,
    pub(crate) lateness: Histogram,
}

impl Metrics {
    pub(crate) fn new(registrar: &Registrar) -> Self {
        Self {
            due: registrar.series("steps_due", "Steps waiting for their due time"),
            settled: registrar.series("steps_settled", "Steps dealt with, by outcome"),
            lateness: registrar.durations("step_lateness", "From due time to firing"),
        }
    }
}
