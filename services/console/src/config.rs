//! `[console]`: limits on harm, which a person never comes near.

use serde::Deserialize;
use vigie_platform::config::Faults;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Acts by one link of a message, a minute.
    pub acts_per_link_per_minute: u32,
    /// Acts of one source, a minute.
    pub acts_per_source_per_minute: u32,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self { acts_per_link_per_minute: 6, acts_per_source_per_minute: 240 }
    }
}

impl ConsoleConfig {
    pub fn check(&self, faults: &mut Faults) {
        faults.require(
            self.acts_per_link_per_minute > 0 && self.acts_per_source_per_minute > 0,
            "console.acts_per_link_per_minute and acts_per_source_per_minute must be above 0",
        );
    }
}
