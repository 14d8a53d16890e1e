//! How often one link or one source may act: a person never comes near it, a runaway client is stopped.

use std::num::NonZeroU32;

use axum::http::StatusCode;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use vigie_edge::problem::Problem;
use vigie_proto::{AlertId, SourceId};

use crate::ConsoleConfig;

/// A quota per link and one per source.
#[derive(Debug)]
pub(crate) struct Limits {
    by_link: DefaultKeyedRateLimiter<AlertId>,
    by_source: DefaultKeyedRateLimiter<SourceId>,
}

impl Limits {
    pub(crate) fn new(config: &ConsoleConfig) -> Self {
        let quota = |per_minute: u32| Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self {
            by_link: RateLimiter::keyed(quota(config.acts_per_link_per_minute)),
            by_source: RateLimiter::keyed(quota(config.acts_per_source_per_minute)),
        }
    }

    /// Takes one act from the quota of the link of `alert`.
    pub(crate) fn take_for_link(&self, alert: AlertId) -> Result<(), Problem> {
        taken(&self.by_link, &alert)
    }

    /// Takes one act from the quota of `source`.
    pub(crate) fn take_for_source(&self, source: &SourceId) -> Result<(), Problem> {
        taken(&self.by_source, source)
    }
}

fn taken<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), Problem> {
    limiter.check_key(key).map_err(|not_until| {
        let seconds = not_until.wait_time_from(governor::clock::DefaultClock::default().now()).as_secs() + 1;
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-acts", "Trop d'actes en peu de temps")
            .detail(format!("Réessayez dans {seconds} s. En cas d'urgence, appelez le 17."))
            .retry_after(seconds)
    })
}
