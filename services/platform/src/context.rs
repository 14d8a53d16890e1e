use std::sync::Arc;

use crate::{
    bus::Bus, clock::SharedClock, config::PlatformConfig, health::Health, metrics::Metrics, relay::FreshEntries,
};

/// What every service is given to work with; cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    pub config: Arc<PlatformConfig>,
    pub clock: SharedClock,
    pub bus: Bus,
    /// Hands entries just committed to the relay, ahead of its sweep.
    pub fresh: FreshEntries,
    pub health: Health,
    pub metrics: Arc<Metrics>,
}
