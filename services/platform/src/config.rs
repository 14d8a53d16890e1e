//! `vigie.toml` and its environment overrides: the only reader of either.
//!
//! Every option has a default, a unit in its name and a line in `config/vigie.toml`. Unknown keys are errors. The
//! variable `VIGIE__SECTION__KEY` overrides `key` of `[section]`. A secret is given by the environment or by the path
//! of a file (`…_file`), never in `vigie.toml`.

mod http;
mod map;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

pub use http::HttpConfig;
pub use map::MapConfig;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use toml::{Table, Value};
use vigie_proto::{consumer, permission};

use crate::database::names::LOGINS;

/// Prefix of the variables that override an option.
const PREFIX: &str = "VIGIE__";

/// Everything an installation may set.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub http: HttpConfig,
    pub database: DatabaseConfig,
    pub bus: BusConfig,
    pub paths: PathsConfig,
    pub intake: IntakeConfig,
    pub escalation: EscalationConfig,
    pub console: ConsoleConfig,
    pub directory: DirectoryConfig,
    pub email: EmailConfig,
    pub sms: SmsConfig,
    pub links: LinksConfig,
    pub map: MapConfig,
    pub telemetry: TelemetryConfig,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
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
            url: Secret("postgres://vigie@127.0.0.1:15432/vigie".into()),
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
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
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
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PathsConfig {
    pub territory: PathBuf,
    pub doctrine: PathBuf,
    pub directory: PathBuf,
    /// Scripts of exercises, one file each.
    pub exercises: PathBuf,
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

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntakeConfig {
    /// Signals one source may raise per minute, once its burst is spent.
    pub rate_per_minute: u32,
    /// Signals one source may raise at once.
    pub rate_burst: u32,
    /// Signals that may share one commit.
    pub commit_batch: usize,
    /// Signals that may wait for a commit before 503 is answered.
    pub queue: usize,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self { rate_per_minute: 30, rate_burst: 20, commit_batch: 512, queue: 4_096 }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EscalationConfig {
    /// Divides every delay of the doctrine: 60 makes a minute last a second. For demonstrations and drills only.
    pub time_scale: f64,
    /// Longest sleep between two looks at the due steps, milliseconds.
    pub idle_ms: u64,
    /// Incidents whose steps may be settled in one transaction.
    pub batch: usize,
}

impl Default for EscalationConfig {
    fn default() -> Self {
        Self { time_scale: 1.0, idle_ms: 1_000, batch: 64 }
    }
}

/// Limits on harm: a person never comes near them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Acts by one link of a message, a minute.
    pub acts_per_link_per_minute: u32,
    /// Acts of one source, a minute.
    pub acts_per_source_per_minute: u32,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self { acts_per_link_per_minute: 6, acts_per_source_per_minute: 240 }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectoryConfig {
    /// Day of the month on which every contact point is tried, 1 to 28; never when 0.
    pub drill_day: i8,
    /// Hour of that day, local, 0 to 23.
    pub drill_hour: i8,
    /// Hours a contact point has to answer a drill or a verification.
    pub answer_within_h: i64,
    /// Codes that one address is sent in 24 hours, whoever asks.
    pub codes_per_number_and_day: u32,
    /// Codes that one source asks for in 24 hours, whatever the address.
    pub codes_per_source_and_day: u32,
    /// Days after which a session opened by a personal link ends.
    pub session_days: i64,
    /// Seconds after the start before the configuration in force is proved for the first time.
    pub prove_after_s: u64,
    /// Hours between two proofs of what is in force.
    pub prove_every_h: u64,
}

impl Default for DirectoryConfig {
    fn default() -> Self {
        Self {
            drill_day: 0,
            drill_hour: 10,
            answer_within_h: 72,
            codes_per_number_and_day: 3,
            codes_per_source_and_day: 20,
            session_days: 180,
            prove_after_s: 60,
            prove_every_h: 24,
        }
    }
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// In clear: only for a server on this machine.
    None,
    /// STARTTLS, required.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailConfig {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    /// PEM file of the authority that signed the server's certificate; the public ones when absent.
    pub ca_file: Option<PathBuf>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub from: String,
    pub reply_to: String,
    /// Connections kept open to the server.
    pub connections: u32,
    pub timeout_s: u64,
    /// Tries on this channel before the next is taken.
    pub max_attempts: u32,
    /// Wait before the second attempt; doubles each time.
    pub retry_first_ms: u64,
    pub retry_max_ms: u64,
}

impl Default for EmailConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 12525,
            tls: MailTls::Starttls,
            ca_file: None,
            username: None,
            password: None,
            password_file: None,
            from: "Vigie <vigie@example.org>".into(),
            reply_to: "SCOP <scop@example.org>".into(),
            connections: 8,
            timeout_s: 15,
            max_attempts: 6,
            retry_first_ms: 2_000,
            retry_max_ms: 300_000,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmsConfig {
    /// `smpp://host:port` or, over TLS, `smpps://host:port`.
    pub url: String,
    pub system_id: String,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    /// Sender shown on the telephone: up to 11 letters and digits, or a number.
    pub sender: String,
    pub timeout_s: u64,
    pub max_attempts: u32,
    pub retry_first_ms: u64,
    pub retry_max_ms: u64,
    /// Without a receipt after this time, the next channel is tried.
    pub receipt_within_s: u64,
    /// Submissions that may await their answer at once.
    pub window: usize,
}

impl Default for SmsConfig {
    fn default() -> Self {
        Self {
            url: "smpp://127.0.0.1:12775".into(),
            system_id: "vigie".into(),
            password: None,
            password_file: None,
            sender: "VIGIE".into(),
            timeout_s: 10,
            max_attempts: 5,
            retry_first_ms: 1_000,
            retry_max_ms: 60_000,
            receipt_within_s: 300,
            window: 32,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinksConfig {
    /// Key that signs acknowledgement links, at least 32 bytes.
    pub key: Option<Secret>,
    pub key_file: Option<PathBuf>,
    /// Hours a link stays good. 72 when absent.
    pub valid_hours: Option<i64>,
}

impl LinksConfig {
    /// Hours a link stays good.
    pub fn valid_for(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_hours(self.valid_hours.unwrap_or(72))
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
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

/// A text that never shows in a log.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("<secret>")
    }
}

/// What is wrong with the configuration; all faults at once.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}; give the path with --config or VIGIE_CONFIG")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Invalid { path: String, message: String },
    #[error("the configuration has faults:\n{}", .0.iter().map(|f| format!("  - {f}")).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<String>),
}

impl Config {
    /// Reads `path` (the defaults when none), applies `environment`, reads the secret files, checks the whole.
    pub fn load(path: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let shown = path.map_or_else(|| "the environment".to_owned(), |p| p.display().to_string());
        let text = match path {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?,
            None => String::new(),
        };
        let invalid = |path: &str, error: &toml::de::Error| ConfigError::Invalid {
            path: path.to_owned(),
            message: error.to_string(),
        };
        // Once for the file alone, so that its faults carry line and column.
        toml::from_str::<Self>(&text).map_err(|e| invalid(&shown, &e))?;
        let mut table: Table = toml::from_str(&text).map_err(|e| invalid(&shown, &e))?;
        for (name, value) in environment {
            if let Some(keys) = name.strip_prefix(PREFIX) {
                override_with(&mut table, keys, &value);
                // After each, so that the message names the variable at fault.
                table.clone().try_into::<Self>().map_err(|e| invalid(&name, &e))?;
            }
        }
        let mut config: Self = table.try_into().map_err(|e| invalid(&shown, &e))?;
        config.read_secret_files()?;
        config.check()?;
        Ok(config)
    }

    /// [`Config::load`] with the environment of this process.
    pub fn from_process(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load(path, std::env::vars())
    }

    fn read_secret_files(&mut self) -> Result<(), ConfigError> {
        let read = |path: &PathBuf| match std::fs::read_to_string(path) {
            Ok(text) => Ok(Secret(text.trim().to_owned())),
            Err(source) => Err(ConfigError::Unreadable { path: path.clone(), source }),
        };
        if let Some(path) = &self.database.url_file {
            self.database.url = read(path)?;
        }
        for secret in self.database.services.values_mut() {
            if !is_postgres_url(secret.expose()) {
                *secret = read(&PathBuf::from(secret.expose()))?;
            }
        }
        for secret in self.bus.services.values_mut() {
            *secret = read(&PathBuf::from(secret.expose()))?;
        }
        for (file, secret) in [
            (&self.bus.nkey_seed_file, &mut self.bus.nkey_seed),
            (&self.email.password_file, &mut self.email.password),
            (&self.sms.password_file, &mut self.sms.password),
            (&self.links.key_file, &mut self.links.key),
        ] {
            if let Some(path) = file {
                *secret = Some(read(path)?);
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        self.http.check(&mut require);
        require((2..=200).contains(&self.database.connections), "database.connections must be 2 to 200");
        for (name, url) in std::iter::once(("database.url".to_owned(), &self.database.url))
            .chain(self.database.services.iter().map(|(service, url)| (format!("database.services.{service}"), url)))
        {
            match PgConnectOptions::from_str(url.expose()) {
                Ok(options) => require(
                    options.get_socket().is_some()
                        || is_local(options.get_host())
                        || matches!(
                            options.get_ssl_mode(),
                            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
                        ),
                    &format!(
                        "{name} goes to another machine in clear: add ?sslmode=verify-full (or verify-ca, or require)"
                    ),
                ),
                Err(_) => {
                    require(false, &format!("{name} cannot be read as postgres://LOGIN:PASSWORD@HOST:PORT/DATABASE"));
                }
            }
        }
        for service in self.database.services.keys() {
            require(
                LOGINS.contains(&service.as_str()),
                &format!("database.services.{service} is no service: {}", LOGINS.join(", ")),
            );
        }
        let readers = consumer::services();
        for service in self.bus.services.keys() {
            require(
                readers.contains(&service.as_str()),
                &format!("bus.services.{service} reads nothing from the bus: {}", readers.join(", ")),
            );
        }
        require(
            self.bus.services.is_empty() || self.bus.nkey_seed.is_some(),
            "bus.services needs bus.nkey_seed_file: the relay has a key of its own",
        );
        require(
            self.bus.servers().all(|url| url.starts_with("nats://") || url.starts_with("tls://")),
            "bus.url must start with nats:// or tls://, each of its servers",
        );
        require(
            self.bus.servers().all(|url| !url.starts_with("nats://") || is_local(host_of(url))),
            "bus.url goes to another machine in clear: use tls://",
        );
        require(
            self.intake.rate_per_minute > 0 && self.intake.rate_burst > 0,
            "intake.rate_per_minute and rate_burst must be above 0",
        );
        require((1..=10_000).contains(&self.intake.commit_batch), "intake.commit_batch must be 1 to 10,000");
        require(self.intake.queue >= self.intake.commit_batch, "intake.queue must be at least intake.commit_batch");
        require((0.1..=10_000.0).contains(&self.escalation.time_scale), "escalation.time_scale must be 0.1 to 10,000");
        require(
            self.console.acts_per_link_per_minute > 0 && self.console.acts_per_source_per_minute > 0,
            "console.acts_per_link_per_minute and acts_per_source_per_minute must be above 0",
        );
        require((0..=28).contains(&self.directory.drill_day), "directory.drill_day must be 1 to 28, or 0 for never");
        require((0..=23).contains(&self.directory.drill_hour), "directory.drill_hour must be 0 to 23");
        require((1..=720).contains(&self.directory.answer_within_h), "directory.answer_within_h must be 1 to 720");
        require(
            self.directory.codes_per_number_and_day > 0 && self.directory.codes_per_source_and_day > 0,
            "directory.codes_per_number_and_day and codes_per_source_and_day must be above 0",
        );
        require((1..=366).contains(&self.directory.session_days), "directory.session_days must be 1 to 366");
        require((1..=168).contains(&self.directory.prove_every_h), "directory.prove_every_h must be 1 to 168");
        require(
            self.email.tls != MailTls::None || is_local(&self.email.host),
            "email.tls = \"none\" is for a server on this machine only: use \"starttls\" or \"tls\"",
        );
        require(
            self.email.username.is_none() || self.email.password.is_some(),
            "email.username needs email.password_file",
        );
        require(
            self.sms.url.starts_with("smpp://") || self.sms.url.starts_with("smpps://"),
            "sms.url must start with smpp:// or smpps://",
        );
        require(
            !self.sms.url.starts_with("smpp://") || is_local(host_of(&self.sms.url)),
            "sms.url goes to another machine in clear: use smpps://",
        );
        require(
            self.telemetry
                .otlp_endpoint
                .as_deref()
                .is_none_or(|url| url.starts_with("https://") || is_local(host_of(url))),
            "telemetry.otlp_endpoint goes to another machine in clear: use https://",
        );
        require(
            self.map.tiles.is_empty() || self.map.origin().is_some(),
            "map.tiles must be https://HOST/…{z}…{x}…{y}… (http:// on this machine only), or empty",
        );
        require(
            self.map.tiles.is_empty() || !self.map.attribution.is_empty(),
            "map.tiles needs map.attribution: whoever publishes tiles is named beside them",
        );
        require(
            self.telemetry.log_format == "json" || self.telemetry.log_format == "text",
            "telemetry.log_format must be json or text",
        );
        require(
            self.links.key.as_ref().is_none_or(|key| key.expose().len() >= 32),
            "links.key_file must hold at least 32 characters: `openssl rand -hex 32`",
        );
        if faults.is_empty() { Ok(()) } else { Err(ConfigError::Faults(faults)) }
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host of `scheme://user:password@host:port/…`; what stands in its place when that is something else.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((inner, _)) => inner,
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_postgres_url(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

/// Sets `SECTION__KEY`, or `SECTION__TABLE__KEY`; numbers and booleans are recognised, anything else is text.
fn override_with(table: &mut Table, keys: &str, value: &str) {
    let lowered = keys.to_lowercase();
    let (sections, key) = lowered.rsplit_once("__").unwrap_or(("", &lowered));
    let parsed = toml::from_str::<Table>(&format!("v = {value}"))
        .ok()
        .and_then(|mut t| t.remove("v"))
        .filter(|v| v.is_integer() || v.is_float() || v.is_bool())
        .unwrap_or_else(|| Value::String(value.to_owned()));
    // `time_scale = 60` reads as a float, `password = 1234` as a text.
    let typed = match (&parsed, key) {
        (Value::Integer(n), "time_scale") => n.to_string().parse().map_or(parsed, Value::Float),
        (_, "password" | "system_id" | "url" | "key" | "username" | "host" | "sender") => {
            Value::String(value.to_owned())
        }
        _ => parsed,
    };
    let mut at = table;
    for section in sections.split("__").filter(|section| !section.is_empty()) {
        let entry = at.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if !entry.is_table() {
            // Something else stands there: reading the whole says so, and names the variable.
            *entry = typed;
            return;
        }
        let Value::Table(section) = entry else { return };
        at = section;
    }
    at.insert(key.to_owned(), typed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(None, variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_shipped_file_states_every_default() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/vigie.toml");
        let config = Config::load(Some(&shipped), std::iter::empty()).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn the_environment_overrides_and_a_typo_in_it_is_named() {
        let config = with(&[("VIGIE__ESCALATION__TIME_SCALE", "60"), ("VIGIE__SMS__PASSWORD", "1234")]).unwrap();
        assert!((config.escalation.time_scale - 60.0).abs() < f64::EPSILON);
        assert_eq!(config.sms.password.unwrap().expose(), "1234");
        let error = with(&[("VIGIE__ESCALATION__TIMESCALE", "60")]).unwrap_err().to_string();
        assert!(error.contains("VIGIE__ESCALATION__TIMESCALE") && error.contains("time_scale"), "{error}");
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

    #[test]
    fn a_secret_never_shows() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "<secret>");
    }
}
