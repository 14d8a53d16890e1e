//! The sections that say how messages are sent: `[email]`, `[sms]`, and `[links]`, which are signed here; whoever opens the
//! page of a link checks it by the same key.

use std::path::PathBuf;

use anyhow::Context as _;
use jiff::SignedDuration;
use serde::Deserialize;
use vigie_domain::link::Signer;
use vigie_platform::config::{Faults, Secret, host_of, is_local};

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct NotificationConfig {
    pub email: EmailConfig,
    pub sms: SmsConfig,
    pub links: LinksConfig,
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

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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

impl EmailConfig {
    pub fn check(&self, faults: &mut Faults) {
        faults.require(
            self.tls != MailTls::None || is_local(&self.host),
            "email.tls = \"none\" is for a server on this machine only: use \"starttls\" or \"tls\"",
        );
        faults.require(self.username.is_none() || self.password.is_some(), "email.username needs email.password_file");
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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

impl SmsConfig {
    pub fn check(&self, faults: &mut Faults) {
        faults.require(
            self.url.starts_with("smpp://") || self.url.starts_with("smpps://"),
            "sms.url must start with smpp:// or smpps://",
        );
        faults.require(
            !self.url.starts_with("smpp://") || is_local(host_of(&self.url)),
            "sms.url goes to another machine in clear: use smpps://",
        );
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinksConfig {
    /// Key that signs acknowledgement links, at least 32 bytes.
    pub key: Option<Secret>,
    pub key_file: Option<PathBuf>,
    /// Hours a link stays good. 72 when absent.
    pub valid_hours: Option<i64>,
}

impl LinksConfig {
    /// Errors when there is no key.
    pub fn signer(&self) -> anyhow::Result<Signer> {
        let key = self.key.as_ref();
        let key = key.context("links.key_file is not set: make one with `openssl rand -hex 32 > link.key`")?;
        Ok(Signer::new(key.expose().as_bytes()))
    }

    /// How long a link stays good.
    pub(crate) fn valid_for(&self) -> SignedDuration {
        SignedDuration::from_hours(self.valid_hours.unwrap_or(72))
    }

    pub fn check(&self, faults: &mut Faults) {
        faults.require(
            self.key.as_ref().is_none_or(|key| key.expose().len() >= 32),
            "links.key_file must hold at least 32 characters: `openssl rand -hex 32`",
        );
    }
}
