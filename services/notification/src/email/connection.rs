//! One SMTP connection, kept open.
//!
//! Not lettre's own pool: that asks NOOP before every message and leaves Nagle's algorithm on, which costs up to 40 ms
//! at the end of each body. Here a worker owns its connection and `TCP_NODELAY` is set.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use lettre::{
    Message,
    transport::smtp::{
        self,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        extension::ClientId,
    },
};
use tokio::{net::TcpStream, time::timeout};
use vigie_platform::health::{Health, State};

use crate::{EmailConfig, MailTls};

/// Name under which `/readyz` shows the mail server.
pub(crate) const DEPENDENCY: &str = "smtp";

/// The mail server and how to reach it; shared by the workers.
pub(crate) struct Server {
    host: String,
    port: u16,
    security: MailTls,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    hello: ClientId,
    pub(crate) timeout: Duration,
    health: Health,
}

/// Why no connection could be opened; never the fault of a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot reach the mail server")]
    Unreachable(#[source] std::io::Error),
    #[error("the mail server did not agree to a session")]
    Refused(#[source] smtp::Error),
    #[error("the mail server did not answer in time")]
    Slow,
}

impl Server {
    pub(crate) fn new(config: &EmailConfig, health: Health) -> anyhow::Result<Self> {
        let mut tls = TlsParameters::builder(config.host.clone());
        if let Some(path) = &config.ca_file {
            let pem = std::fs::read(path).with_context(|| format!("cannot read email.ca_file {}", path.display()))?;
            let authority = Certificate::from_pem(&pem).context("email.ca_file holds no certificate")?;
            tls = tls.add_root_certificate(authority);
        }
        let credentials = config.username.clone().map(|name| {
            Credentials::new(name, config.password.as_ref().map_or_else(String::new, |p| p.expose().to_owned()))
        });
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            security: config.tls,
            tls: tls.build().context("email.tls cannot be set up")?,
            credentials,
            hello: ClientId::default(),
            timeout: Duration::from_secs(config.timeout_s.max(1)),
            health,
        })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, ConnectError> {
        let opened = timeout(self.timeout, self.open()).await.unwrap_or(Err(ConnectError::Slow));
        self.health.report(
            DEPENDENCY,
            match &opened {
                Ok(_) => State::Ok,
                // The text goes to the log once per change: it names the server's answer to us, before any recipient.
                Err(error) => {
                    State::Degraded(format!("{:#}; e-mails wait and are tried again", anyhow::anyhow!(chain(error))))
                }
            },
        );
        opened
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, ConnectError> {
        let mut connection = if self.security == MailTls::Tls {
            AsyncSmtpConnection::connect_tokio1(
                (self.host.as_str(), self.port),
                Some(self.timeout),
                &self.hello,
                Some(self.tls.clone()),
                None,
            )
            .await
            .map_err(ConnectError::Refused)?
        } else {
            let stream =
                TcpStream::connect((self.host.as_str(), self.port)).await.map_err(ConnectError::Unreachable)?;
            stream.set_nodelay(true).map_err(ConnectError::Unreachable)?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello)
                .await
                .map_err(ConnectError::Refused)?
        };
        if self.security == MailTls::Starttls {
            connection.starttls(self.tls.clone(), &self.hello).await.map_err(ConnectError::Refused)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(ConnectError::Refused)?;
        }
        Ok(connection)
    }
}

fn chain(error: &ConnectError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// How an exchange failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the mail server did not take the message")]
    Exchange(#[source] smtp::Error),
    #[error("the exchange took too long")]
    Slow,
}

/// A worker's connection: opened when needed, opened again when it broke.
pub(crate) struct Line {
    server: Arc<Server>,
    connection: Option<AsyncSmtpConnection>,
}

impl Line {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self { server, connection: None }
    }

    /// Opens the line, or finds out that the server hung up: then opens it again.
    pub(crate) async fn keep_warm(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && timeout(self.server.timeout, connection.test_connected()).await == Ok(true)
        {
            self.connection = Some(connection);
            return;
        }
        // A failure shows in /readyz; the next message tries again.
        self.connection = self.server.connect().await.ok();
    }

    /// Hands `message` over within the server's time-out, opening included.
    pub(crate) async fn send(&mut self, message: &Message) -> Result<(), SendError> {
        let server = Arc::clone(&self.server);
        // An exchange that is cut short takes its connection with it.
        timeout(server.timeout, self.hand_over(message)).await.unwrap_or_else(|_| {
            server.health.report(
                DEPENDENCY,
                State::Degraded("the mail server took too long; e-mails are tried again".to_owned()),
            );
            Err(SendError::Slow)
        })
    }

    async fn hand_over(&mut self, message: &Message) -> Result<(), SendError> {
        let body = message.formatted();
        if let Some(connection) = self.connection.take() {
            match self.exchange(connection, message, &body).await {
                // The server had hung up meanwhile: says nothing of the message.
                Err(SendError::Exchange(error)) if error.status().is_none() => {}
                other => return other,
            }
        }
        let connection = self.server.connect().await?;
        self.exchange(connection, message, &body).await
    }

    async fn exchange(
        &mut self,
        mut connection: AsyncSmtpConnection,
        message: &Message,
        body: &[u8],
    ) -> Result<(), SendError> {
        connection.send(message.envelope(), body).await.map_err(SendError::Exchange)?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Says goodbye; a server that no longer listens is no matter.
    pub(crate) async fn close(self) {
        if let Some(mut connection) = self.connection {
            timeout(Duration::from_secs(1), connection.abort()).await.unwrap_or_default();
        }
    }
}
