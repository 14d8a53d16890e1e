//! What is counted of crises.

use vigie_platform::metrics::{Gauge, Labelled, Registrar};

#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) open: Labelled<Gauge>,
    pub(crate) mobilisations: Labelled<Gauge>,
    pub(crate) reports: Labelled<Gauge>,
}

impl Metrics {
    pub(crate) fn new(registrar: &Registrar) -> Self {
        Self {
            open: registrar.series("crisis_open", "Crises that are not closed, by nature"),
            mobilisations: registrar
                .series("crisis_mobilisations", "Mobilisations of real crises that wait for somebody, by state"),
            reports: registrar.series("crisis_reports", "Situation reports of real crises that are owed, by state"),
        }
    }
}
