//! `vigie.toml` and its environment: how they are read, and the sections that the platform itself follows.
//!
//! Every option has a default, a unit in its name and a line in `config/vigie.toml`. Each service owns the type, the
//! defaults and the checks of its section; the program composes them into what [`read()`] reads.

mod address;
mod bus;
mod database;
mod faults;
mod http;
mod read;
mod secret;
mod telemetry;

pub use address::{host_of, is_local};
pub use bus::BusConfig;
pub use database::{DatabaseConfig, is_postgres_url};
pub use faults::Faults;
pub use http::HttpConfig;
pub use read::{ConfigError, read};
pub use secret::Secret;
pub use telemetry::TelemetryConfig;

/// What every service follows, whatever it does.
#[derive(Debug, Clone, Default)]
pub struct PlatformConfig {
    pub http: HttpConfig,
    pub database: DatabaseConfig,
    pub bus: BusConfig,
}
