//! How the bus is reached, and what its stream keeps.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use vigie_proto::{consumer, permission};

use super::{Faults, Secret, host_of, is_local};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusConfig {
    /// `nats://`, or `tls://` for a bus on another machine; several of one cluster with commas between them.
    pub url: String,
    /// PEM file of the authority that signed the bus' certificate; those of this machine when absent.
    pub ca_file: Option<PathBuf>,
    /// Key of the relay's user; of everybody where `services` is empty.
    pub nkey_seed: Option<Secret>,
    pub nkey_seed_file: Option<PathBuf>,
    /// Key of each service that reads from the bus: the path of a file that holds its seed.
    pub services: BTreeMap<String, Secret>,
    pub stream_max_bytes: i64,
    pub stream_max_age_s: u64,
    pub stream_replicas: usize,
    /// How often a consumer looks in the journal for what the bus did not bring, milliseconds.
    pub catch_up_every_ms: u64,
    /// The same while NATS is out of reach.
    pub catch_up_without_bus_every_ms: u64,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:14222".into(),
            ca_file: None,
            nkey_seed: None,
            nkey_seed_file: None,
            services: BTreeMap::new(),
            stream_max_bytes: 4 * 1024 * 1024 * 1024,
            stream_max_age_s: 7 * 24 * 3600,
            stream_replicas: 1,
            catch_up_every_ms: 2_000,
            catch_up_without_bus_every_ms: 250,
        }
    }
}

impl BusConfig {
    /// The servers of `url`.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim)
    }

    /// The key of a user of the bus; none where the bus asks nobody who it is.
    pub fn seed_of(&self, user: &str) -> Option<&Secret> {
        if user == permission::RELAY || self.services.is_empty() {
            self.nkey_seed.as_ref()
        } else {
            self.services.get(user)
        }
    }

    pub fn check(&self, faults: &mut Faults) {
        let readers = consumer::services();
        for service in self.services.keys() {
            faults.require(
                readers.contains(&service.as_str()),
                format!("bus.services.{service} reads nothing from the bus: {}", readers.join(", ")),
            );
        }
        faults.require(
            self.services.is_empty() || self.nkey_seed.is_some(),
            "bus.services needs bus.nkey_seed_file: the relay has a key of its own",
        );
        faults.require(
            self.servers().all(|url| url.starts_with("nats://") || url.starts_with("tls://")),
            "bus.url must start with nats:// or tls://, each of its servers",
        );
        faults.require(
            self.servers().all(|url| !url.starts_with("nats://") || is_local(host_of(url))),
            "bus.url goes to another machine in clear: use tls://",
        );
    }
}
