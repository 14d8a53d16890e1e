//! How Vigie is reached, and how much of it anybody may take.

use std::{net::IpAddr, time::Duration};

use serde::Deserialize;

use super::Faults;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    pub listen: String,
    /// Where metrics and the details of readiness are told; nowhere when empty.
    pub private_listen: String,
    /// Scheme, host and port that people's links start with, without a final slash.
    pub public_url: String,
    /// Addresses of the proxies whose `X-Forwarded-For` is believed, separated by commas; none when empty.
    pub trusted_proxies: String,
    pub body_limit_bytes: usize,
    pub request_timeout_s: u64,
    /// Time a client has to send the head of a request, from its first byte.
    pub header_timeout_s: u64,
    /// A connection on which nothing moved for so long is closed.
    pub idle_timeout_s: u64,
    /// Connections kept open at once. Beyond, the one that has waited longest without a request is closed.
    pub connections: usize,
    /// Live streams one source may keep open at once, in one process.
    pub streams_per_source: usize,
    /// Wrong tokens, links and cookies after which an address, or a source, is asked to wait; half of them at once.
    pub failed_logins_per_minute: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            private_listen: "127.0.0.1:9464".into(),
            public_url: "http://127.0.0.1:8080".into(),
            trusted_proxies: String::new(),
            body_limit_bytes: 16_384,
            request_timeout_s: 10,
            header_timeout_s: 10,
            idle_timeout_s: 75,
            connections: 512,
            streams_per_source: 20,
            failed_logins_per_minute: 60,
        }
    }
}

impl HttpConfig {
    /// Browsers reach Vigie over TLS.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_s)
    }

    /// A request that takes as long as it may does not stand still.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_s.max(self.request_timeout_s.saturating_add(self.header_timeout_s)))
    }

    /// The proxies whose word is taken for the address of the client.
    pub fn proxies(&self) -> Vec<IpAddr> {
        self.named_proxies().filter_map(|name| name.parse().ok()).collect()
    }

    fn named_proxies(&self) -> impl Iterator<Item = &str> {
        self.trusted_proxies.split(',').map(str::trim).filter(|name| !name.is_empty())
    }

    pub fn check(&self, faults: &mut Faults) {
        let Self { public_url, body_limit_bytes, .. } = self;
        let origin = public_url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
        faults.require(origin.is_some(), "http.public_url must start with http:// or https://");
        faults.require(!public_url.ends_with('/'), "http.public_url must not end with a slash");
        faults.require(
            origin.is_none_or(|(_, authority)| !authority.contains(['/', '?', '#', '@'])),
            "http.public_url must be scheme, host and port only: browsers are recognised by it",
        );
        faults.require(
            self.named_proxies().all(|name| name.parse::<IpAddr>().is_ok()),
            "http.trusted_proxies must be IP addresses, separated by commas",
        );
        faults.require(
            (1_024..=1_048_576).contains(body_limit_bytes),
            "http.body_limit_bytes must be 1,024 to 1,048,576",
        );
        faults.require((1..=120).contains(&self.header_timeout_s), "http.header_timeout_s must be 1 to 120");
        faults.require(
            (10..=3_600).contains(&self.idle_timeout_s),
            "http.idle_timeout_s must be 10 to 3,600: a quiet stream speaks every 5 s",
        );
        faults.require((16..=65_536).contains(&self.connections), "http.connections must be 16 to 65,536");
        faults.require((1..=1_000).contains(&self.streams_per_source), "http.streams_per_source must be 1 to 1,000");
        faults.require(self.failed_logins_per_minute > 0, "http.failed_logins_per_minute must be above 0");
        faults.require(self.private_listen != self.listen, "http.private_listen must differ from http.listen");
    }
}
