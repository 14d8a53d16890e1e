//! What is said in the log, and where traces go.

use serde::Deserialize;

use super::{Faults, host_of, is_local};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Filter, as `info,vigie_intake=debug`.
    pub log: String,
    /// `json` or `text`.
    pub log_format: String,
    /// Base URL of an OTLP/HTTP collector; traces are not exported when absent.
    pub otlp_endpoint: Option<String>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log: "info".into(), log_format: "json".into(), otlp_endpoint: None }
    }
}

impl TelemetryConfig {
    pub fn check(&self, faults: &mut Faults) {
        let endpoint = self.otlp_endpoint.as_deref();
        faults.require(
            endpoint.is_none_or(|url| url.starts_with("https://") || is_local(host_of(url))),
            "telemetry.otlp_endpoint goes to another machine in clear: use https://",
        );
        faults.require(
            self.log_format == "json" || self.log_format == "text",
            "telemetry.log_format must be json or text",
        );
    }
}
