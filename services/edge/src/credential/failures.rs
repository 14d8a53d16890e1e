//! How often logins may fail, by address and by source. Whoever has a credential that was good a moment ago is let in
//! all the same: others behind the same address must not lock them out.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DefaultKeyedStateStore,
};
use jiff::{SignedDuration, Timestamp};
use vigie_proto::SourceId;

/// Keys kept at most; those with nothing against them any more are forgotten then.
const MAX_KEPT: usize = 10_000;

#[derive(Debug)]
pub(super) struct Failures {
    by_address: Kept<IpAddr>,
    by_source: Kept<SourceId>,
}

#[derive(Debug)]
struct Kept<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>,
    /// Until when logins are not looked at.
    until: Mutex<HashMap<K, Timestamp>>,
}

impl Failures {
    /// `per_minute` failures each, half of them at once.
    pub(super) fn new(per_minute: u32) -> Self {
        Self { by_address: Kept::new(per_minute), by_source: Kept::new(per_minute) }
    }

    /// Seconds until the next login from there is looked at; none when it is at once.
    pub(super) fn wait(&self, from: IpAddr, now: Timestamp) -> Option<u64> {
        self.by_address.wait(&neighbourhood(from), now)
    }

    /// Counts a failure; seconds to wait when there were too many.
    pub(super) fn count(&self, from: IpAddr, who: Option<&SourceId>, now: Timestamp) -> Option<u64> {
        let there = self.by_address.count(&neighbourhood(from), now);
        let theirs = who.and_then(|who| self.by_source.count(who, now));
        there.max(theirs)
    }
}

impl<K: Hash + Eq + Clone> Kept<K> {
    fn new(per_minute: u32) -> Self {
        let positive = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(positive(per_minute)).allow_burst(positive(per_minute.div_ceil(2)));
        Self { limiter: RateLimiter::keyed(quota), until: Mutex::default() }
    }

    fn wait(&self, key: &K, now: Timestamp) -> Option<u64> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner).get(key)?;
        seconds(until.duration_since(now))
    }

    fn count(&self, key: &K, now: Timestamp) -> Option<u64> {
        if self.limiter.len() > MAX_KEPT {
            self.limiter.retain_recent();
        }
        let refused = self.limiter.check_key(key).err()?;
        let wait = SignedDuration::try_from(refused.wait_time_from(DefaultClock::default().now())).ok()?;
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.len() >= MAX_KEPT {
            until.retain(|_, until| *until > now);
        }
        if until.len() < MAX_KEPT {
            until.insert(key.clone(), now.checked_add(wait).unwrap_or(Timestamp::MAX));
        }
        Some(seconds(wait).unwrap_or(1))
    }
}

/// Whole seconds, at least one; none when it is over.
fn seconds(wait: SignedDuration) -> Option<u64> {
    wait.is_positive().then(|| wait.as_secs().unsigned_abs() + 1)
}

/// One address; of IPv6 the network of one household, whose addresses cost nothing.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_platform::clock::{Clock as _, SystemClock};

    #[test]
    fn too_many_failures_wait_and_other_addresses_and_sources_do_not() {
        let (failures, now) = (Failures::new(4), SystemClock.now());
        let [here, there]: [IpAddr; 2] = ["2001:db8::1".parse().unwrap(), "192.0.2.1".parse().unwrap()];
        let scop = SourceId::new("scop").unwrap();
        assert_eq!(failures.count(here, None, now), None);
        assert_eq!(failures.count("2001:db8::2".parse().unwrap(), None, now), None);
        assert!(failures.count(here, None, now).is_some_and(|wait| (1..=16).contains(&wait)));
        assert!(failures.wait(here, now).is_some() && failures.wait(there, now).is_none());
        assert_eq!(failures.wait(here, now + SignedDuration::from_secs(60)), None);
        for address in ["192.0.2.2", "192.0.2.3"] {
            assert_eq!(failures.count(address.parse().unwrap(), Some(&scop), now), None);
        }
        assert!(failures.count(there, Some(&scop), now).is_some(), "a source fails from many addresses");
    }
}
