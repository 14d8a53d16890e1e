//! Everything an installation may set: the sections of the platform and of each service.
//!
//! A secret is given by the environment or by the path of a file (`…_file`), never in `vigie.toml`; the files are read here.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use vigie_console::ConsoleConfig;
use vigie_directory::DirectoryConfig;
use vigie_escalation::EscalationConfig;
use vigie_intake::IntakeConfig;
use vigie_map::MapConfig;
use vigie_notification::{EmailConfig, LinksConfig, NotificationConfig, SmsConfig};
use vigie_platform::config::{
    BusConfig, ConfigError, DatabaseConfig, Faults, HttpConfig, PlatformConfig, Secret, TelemetryConfig,
    is_postgres_url, read,
};

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) http: HttpConfig,
    pub(crate) database: DatabaseConfig,
    pub(crate) bus: BusConfig,
    pub(crate) paths: PathsConfig,
    pub(crate) intake: IntakeConfig,
    pub(crate) escalation: EscalationConfig,
    pub(crate) console: ConsoleConfig,
    pub(crate) directory: DirectoryConfig,
    pub(crate) email: EmailConfig,
    pub(crate) sms: SmsConfig,
    pub(crate) links: LinksConfig,
    pub(crate) map: MapConfig,
    pub(crate) telemetry: TelemetryConfig,
}

/// The city's files, which come into force when nothing is yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PathsConfig {
    pub(crate) territory: PathBuf,
    pub(crate) doctrine: PathBuf,
    pub(crate) directory: PathBuf,
    /// Scripts of exercises, one file each.
    pub(crate) exercises: PathBuf,
}

impl Default for PathsConfig {
    fn default() -> Self {
        Self {
            territory: "config/territory/paris.territory".into(),
            doctrine: "config/doctrine".into(),
            directory: "config/directory".into(),
            exercises: "config/exercises".into(),
        }
    }
}

impl Config {
    /// Reads `path` (the defaults when none) and the environment of this process, then the secret files; checks the whole.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::with(path, std::env::vars())
    }

    fn with(path: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut config: Self = read(path, environment)?;
        config.read_secret_files()?;
        config.check()?;
        Ok(config)
    }

    fn read_secret_files(&mut self) -> Result<(), ConfigError> {
        if let Some(path) = &self.database.url_file {
            self.database.url = Secret::read(path)?;
        }
        let logins = self.database.services.values_mut().filter(|login| !is_postgres_url(login.expose()));
        for path in logins.chain(self.bus.services.values_mut()) {
            *path = Secret::read(Path::new(path.expose()))?;
        }
        for (file, secret) in [
            (&self.bus.nkey_seed_file, &mut self.bus.nkey_seed),
            (&self.email.password_file, &mut self.email.password),
            (&self.sms.password_file, &mut self.sms.password),
            (&self.links.key_file, &mut self.links.key),
        ] {
            if let Some(path) = file {
                *secret = Some(Secret::read(path)?);
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let mut faults = Faults::default();
        self.http.check(&mut faults);
        self.database.check(&mut faults);
        self.bus.check(&mut faults);
        self.intake.check(&mut faults);
        self.escalation.check(&mut faults);
        self.console.check(&mut faults);
        self.directory.check(&mut faults);
        self.email.check(&mut faults);
        self.sms.check(&mut faults);
        self.links.check(&mut faults);
        self.map.check(&mut faults);
        self.telemetry.check(&mut faults);
        faults.told()
    }

    /// What every service follows.
    pub(crate) fn platform(&self) -> PlatformConfig {
        PlatformConfig { http: self.http.clone(), database: self.database.clone(), bus: self.bus.clone() }
    }

    /// What `notification` follows.
    pub(crate) fn notification(&self) -> NotificationConfig {
        NotificationConfig { email: self.email.clone(), sms: self.sms.clone(), links: self.links.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::with(None, variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_shipped_file_states_every_default() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/vigie.toml");
        let config = Config::with(Some(&shipped), std::iter::empty()).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let error = with(&[
            ("VIGIE__EMAIL__TLS", "none"),
            ("VIGIE__EMAIL__HOST", "mail.example.org"),
            ("VIGIE__SMS__URL", "http://x"),
        ]);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("email.tls") && text.contains("sms.url"), "{text}");
    }

    #[test]
    fn nothing_leaves_this_machine_in_clear() {
        let remote = with(&[
            ("VIGIE__BUS__URL", "nats://user:pw@bus.example.org:4222"),
            ("VIGIE__SMS__URL", "smpp://sms.example.org:2775"),
            ("VIGIE__DATABASE__URL", "postgres://vigie@db.example.org/vigie"),
            ("VIGIE__DATABASE__SERVICES__INTAKE", "postgres://vigie_intake@db.example.org/vigie?sslmode=prefer"),
            ("VIGIE__TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1.example.org:4318"),
            ("VIGIE__EMAIL__TLS", "none"),
            ("VIGIE__EMAIL__HOST", "mail.example.org"),
        ]);
        let text = remote.unwrap_err().to_string();
        for option in ["bus.url", "sms.url", "database.url", "database.services.intake", "telemetry.otlp", "email.tls"]
        {
            assert!(text.contains(&format!("  - {option}")), "{option}: {text}");
        }
        with(&[
            ("VIGIE__BUS__URL", "tls://bus.example.org:4222"),
            ("VIGIE__SMS__URL", "smpps://sms.example.org:2775"),
            ("VIGIE__DATABASE__URL", "postgres://vigie@db.example.org/vigie?sslmode=verify-full"),
            ("VIGIE__TELEMETRY__OTLP_ENDPOINT", "https://otlp.example.org"),
        ])
        .unwrap();
        with(&[
            ("VIGIE__BUS__URL", "nats://[::1]:4222"),
            ("VIGIE__SMS__URL", "smpp://localhost:2775"),
            ("VIGIE__DATABASE__URL", "postgres://vigie@127.0.0.2/vigie"),
            ("VIGIE__TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:4318"),
        ])
        .unwrap();
    }

    #[test]
    fn a_login_or_a_key_of_nobody_is_named() {
        let error = with(&[
            ("VIGIE__DATABASE__SERVICES__INTAK", "postgres://x@127.0.0.1/vigie"),
            ("VIGIE__DATABASE__SERVICES__RELAY", "postgres://x@127.0.0.1/vigie"),
        ]);
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("database.services.intak is no service") && !text.contains("services.relay is"),
            "{text}"
        );
    }
}
