//! How often one source may raise: limits protect from a runaway client, never hold back one person's alerts.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use vigie_proto::SourceId;

use crate::IntakeConfig;

/// A quota per source.
#[derive(Debug)]
pub(crate) struct Limiter {
    by_source: DefaultKeyedRateLimiter<SourceId>,
}

impl Limiter {
    pub(crate) fn new(config: &IntakeConfig) -> Self {
        let positive = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(positive(config.rate_per_minute)).allow_burst(positive(config.rate_burst));
        Self { by_source: RateLimiter::keyed(quota) }
    }

    /// Takes one from `source`'s quota, or says after how many seconds there will be one.
    pub(crate) fn take(&self, source: &SourceId) -> Result<(), u64> {
        self.by_source
            .check_key(source)
            .map_err(|not_until| not_until.wait_time_from(governor::clock::DefaultClock::default().now()).as_secs() + 1)
    }
}
