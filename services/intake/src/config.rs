//! `[intake]`: how much may come in at once.

use serde::Deserialize;
use vigie_platform::config::Faults;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntakeConfig {
    /// Signals one source may raise per minute, once its burst is spent.
    pub rate_per_minute: u32,
    /// Signals one source may raise at once.
    pub rate_burst: u32,
    /// Signals that may share one commit.
    pub commit_batch: usize,
    /// Signals that may wait for a commit before 503 is answered.
    pub queue: usize,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self { rate_per_minute: 30, rate_burst: 20, commit_batch: 512, queue: 4_096 }
    }
}

impl IntakeConfig {
    pub fn check(&self, faults: &mut Faults) {
        faults.require(
            self.rate_per_minute > 0 && self.rate_burst > 0,
            "intake.rate_per_minute and rate_burst must be above 0",
        );
        faults.require((1..=10_000).contains(&self.commit_batch), "intake.commit_batch must be 1 to 10,000");
        faults.require(self.queue >= self.commit_batch, "intake.queue must be at least intake.commit_batch");
    }
}
