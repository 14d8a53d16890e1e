//! `[directory]`: when contact points are tried and what is in force is proved; how many codes are sent; how long sessions last.

use jiff::SignedDuration;
use serde::Deserialize;
use vigie_platform::config::Faults;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectoryConfig {
    /// Day of the month on which every contact point is tried, 1 to 28; never when 0.
    pub drill_day: i8,
    /// Hour of that day, local, 0 to 23.
    pub drill_hour: i8,
    /// Hours a contact point has to answer a drill or a verification.
    pub answer_within_h: i64,
    /// Codes that one address is sent in 24 hours, whoever asks.
    pub codes_per_number_and_day: u32,
    /// Codes that one source asks for in 24 hours, whatever the address.
    pub codes_per_source_and_day: u32,
    /// Days after which a session opened by a personal link ends.
    pub session_days: i64,
    /// Seconds after the start before the configuration in force is proved for the first time.
    pub prove_after_s: u64,
    /// Hours between two proofs of what is in force.
    pub prove_every_h: u64,
}

impl Default for DirectoryConfig {
    fn default() -> Self {
        Self {
            drill_day: 0,
            drill_hour: 10,
            answer_within_h: 72,
            codes_per_number_and_day: 3,
            codes_per_source_and_day: 20,
            session_days: 180,
            prove_after_s: 60,
            prove_every_h: 24,
        }
    }
}

impl DirectoryConfig {
    /// How long a contact point has to answer.
    pub(crate) fn answer_within(&self) -> SignedDuration {
        SignedDuration::from_hours(self.answer_within_h)
    }

    pub fn check(&self, faults: &mut Faults) {
        faults.require((0..=28).contains(&self.drill_day), "directory.drill_day must be 1 to 28, or 0 for never");
        faults.require((0..=23).contains(&self.drill_hour), "directory.drill_hour must be 0 to 23");
        faults.require((1..=720).contains(&self.answer_within_h), "directory.answer_within_h must be 1 to 720");
        faults.require(
            self.codes_per_number_and_day > 0 && self.codes_per_source_and_day > 0,
            "directory.codes_per_number_and_day and codes_per_source_and_day must be above 0",
        );
        faults.require((1..=366).contains(&self.session_days), "directory.session_days must be 1 to 366");
        faults.require((1..=168).contains(&self.prove_every_h), "directory.prove_every_h must be 1 to 168");
    }
}
