//! Where the database is, and whom a process acts as there.

use std::{collections::BTreeMap, iter, path::PathBuf};

use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{Faults, Secret, is_local};
use crate::database::names::LOGINS;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// The login of the commands that prepare the database; also that of every service where `services` is empty.
    pub url: Secret,
    pub url_file: Option<PathBuf>,
    /// The login of each service, and of `relay`, `authenticator`, `porter` and `follower`: the path of a file that holds its URL,
    /// or the URL itself.
    pub services: BTreeMap<String, Secret>,
    /// Connections of each service's pool.
    pub connections: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: Secret::new("postgres://vigie@127.0.0.1:15432/vigie"),
            url_file: None,
            services: BTreeMap::new(),
            connections: 6,
        }
    }
}

impl DatabaseConfig {
    /// Whether a process with this configuration can act as `service`.
    pub fn has(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.contains_key(service)
    }

    pub fn check(&self, faults: &mut Faults) {
        faults.require((2..=200).contains(&self.connections), "database.connections must be 2 to 200");
        let of_services = self.services.iter().map(|(service, url)| (format!("database.services.{service}"), url));
        for (name, url) in iter::once(("database.url".to_owned(), &self.url)).chain(of_services) {
            let options = url.expose().parse::<PgConnectOptions>().ok();
            faults.require(
                options.is_some(),
                format!("{name} cannot be read as postgres://LOGIN:PASSWORD@HOST:PORT/DATABASE"),
            );
            faults.require(
                options.is_none_or(|options| is_safe(&options)),
                format!("{name} goes to another machine in clear: add ?sslmode=verify-full (or verify-ca, or require)"),
            );
        }
        for service in self.services.keys() {
            faults.require(
                LOGINS.contains(&service.as_str()),
                format!("database.services.{service} is no service: {}", LOGINS.join(", ")),
            );
        }
    }
}

/// Whether nothing goes to another machine in clear.
fn is_safe(options: &PgConnectOptions) -> bool {
    let encrypted = matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    options.get_socket().is_some() || is_local(options.get_host()) || encrypted
}

/// What is given for a service is its URL; else the path of the file that holds it.
pub fn is_postgres_url(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}
