//! `[escalation]`: how fast plans run.

use std::time::Duration;

use serde::Deserialize;
use vigie_platform::config::Faults;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EscalationConfig {
    /// Divides every delay of the doctrine: 60 makes a minute last a second. For demonstrations and drills only.
    pub time_scale: f64,
    /// Longest sleep between two looks at the due steps, milliseconds.
    pub idle_ms: u64,
    /// Incidents whose steps may be settled in one transaction.
    pub batch: usize,
}

impl Default for EscalationConfig {
    fn default() -> Self {
        Self { time_scale: 1.0, idle_ms: 1_000, batch: 64 }
    }
}

impl EscalationConfig {
    /// Longest sleep between two looks at what is due.
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }

    pub fn check(&self, faults: &mut Faults) {
        faults.require((0.1..=10_000.0).contains(&self.time_scale), "escalation.time_scale must be 0.1 to 10,000");
    }
}
