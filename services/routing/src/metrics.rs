//! What is counted of incidents.

use vigie_platform::metrics::{Counter, Registrar};

use crate::batch::Counts;

pub(crate) struct Metrics {
    located: Counter,
    opened: Counter,
    reinforced: Counter,
    aggravated: Counter,
    acknowledged: Counter,
    /// Alarm on any: an edge let an act through that its owner had to refuse, or somebody forged one.
    refused_acts: Counter,
}

impl Metrics {
    pub(crate) fn new(registrar: &Registrar) -> Self {
        Self {
            located: registrar.series("signals_located", "Signals given a sector"),
            opened: registrar.series("incidents_opened", "Incidents opened"),
            reinforced: registrar.series("incidents_reinforced", "Signals joined to an open incident"),
            aggravated: registrar.series("incidents_aggravated", "Incidents whose severity rose"),
            acknowledged: registrar.series("acknowledgements", "Acknowledgements applied"),
            refused_acts: registrar.series("acts_refused", "Recorded acts their owner refused: alarm on any"),
        }
    }

    /// Counts what a transaction did.
    pub(crate) fn add(&self, counts: &Counts) {
        self.located.inc_by(counts.located);
        self.opened.inc_by(counts.opened);
        self.reinforced.inc_by(counts.reinforced);
        self.aggravated.inc_by(counts.aggravated);
        self.acknowledged.inc_by(counts.acknowledged);
        self.refused_acts.inc_by(counts.refused_acts);
    }
}
