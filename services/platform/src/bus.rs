//! NATS JetStream: the nerves. Nothing here is the only copy of a fact.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use async_nats::{
    Client, ConnectOptions, Event as ClientEvent, HeaderMap,
    jetstream::{
        self,
        consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
        stream,
    },
};
use vigie_proto::subject;

use crate::{
    config::BusConfig,
    health::{Health, State},
    journal::Entry,
};

/// Beyond this the client drops what it cannot send; the journal keeps it, so nothing is lost.
const CLIENT_CAPACITY: usize = 16_384;

/// A connection to NATS that may be absent; cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    context: jetstream::Context,
    connected: Arc<AtomicBool>,
    config: Arc<BusConfig>,
}

impl Bus {
    /// Starts connecting, and goes on trying for ever: Vigie works without the bus, only slower.
    pub async fn connect(config: BusConfig, health: Health) -> anyhow::Result<Self> {
        let connected = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&connected);
        health.report("nats", State::Degraded("not connected yet; alerts go through the journal".to_owned()));
        let mut options = ConnectOptions::new()
            .name("vigie")
            .retry_on_initial_connect()
            .client_capacity(CLIENT_CAPACITY)
            .request_timeout(Some(Duration::from_secs(2)))
            .reconnect_delay_callback(|attempts| Duration::from_millis(50 << attempts.min(5)))
            .event_callback(move |event| {
                let (health, seen) = (health.clone(), Arc::clone(&seen));
                async move { observe(&event, &seen, &health) }
            });
        if let Some(seed) = &config.nkey_seed {
            options = options.nkey(seed.expose().to_owned());
        }
        let client = options
            .connect(config.url.as_str())
            .await
            .with_context(|| format!("bus.url `{}` cannot be used", config.url))?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(Duration::from_secs(2));
        Ok(Self { client, context, connected, config: Arc::new(config) })
    }

    /// False while NATS is out of reach.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Publishes a fact; resolves when JetStream has acknowledged it.
    pub async fn publish(&self, entry: &Entry) -> Result<jetstream::context::PublishAckFuture, PublishError> {
        let mut headers = HeaderMap::new();
        for (name, value) in entry.envelope.headers() {
            headers.insert(name, value.as_str());
        }
        self.context
            .publish_with_headers(entry.subject.clone(), headers, entry.data.clone().into())
            .await
            .map_err(|source| PublishError { subject: entry.subject.clone(), source: source.into() })
    }

    /// Creates or updates the one stream. Called again whenever it turns out to be gone.
    pub async fn ensure_stream(&self) -> anyhow::Result<stream::Stream> {
        let config = stream::Config {
            name: subject::STREAM.to_owned(),
            subjects: vec![subject::ALL.to_owned()],
            storage: stream::StorageType::File,
            discard: stream::DiscardPolicy::New,
            max_bytes: self.config.stream_max_bytes,
            max_age: Duration::from_secs(self.config.stream_max_age_s),
            duplicate_window: Duration::from_mins(2),
            num_replicas: self.config.stream_replicas,
            allow_direct: true,
            ..Default::default()
        };
        match self.context.get_stream(subject::STREAM).await {
            Ok(stream) => Ok(stream),
            Err(_) => self.context.create_stream(config).await.context("cannot create the stream VIGIE"),
        }
    }

    /// The durable pull consumer `name` of the given event types.
    pub async fn ensure_consumer(&self, name: &str, types: &[&str]) -> anyhow::Result<Consumer<pull::Config>> {
        let stream = self.ensure_stream().await?;
        let filters = types.iter().filter_map(|t| subject::filter_of(t)).collect();
        stream
            .get_or_create_consumer(
                name,
                pull::Config {
                    durable_name: Some(name.to_owned()),
                    filter_subjects: filters,
                    ack_policy: AckPolicy::Explicit,
                    deliver_policy: DeliverPolicy::All,
                    ack_wait: Duration::from_secs(30),
                    // Never given up by the bus: the inbox and the dead letters decide.
                    max_deliver: -1,
                    max_ack_pending: 20_000,
                    ..Default::default()
                },
            )
            .await
            .with_context(|| format!("cannot create consumer {name}"))
    }

    /// Sends what is buffered and closes.
    pub async fn drain(&self) {
        if let Err(error) = self.client.flush().await {
            tracing::debug!(error = %error, "nothing to flush on a closed bus");
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "everything but the connection is only logged")]
fn observe(event: &ClientEvent, connected: &AtomicBool, health: &Health) {
    match event {
        ClientEvent::Connected => {
            connected.store(true, Ordering::Relaxed);
            health.report("nats", State::Ok);
        }
        ClientEvent::Disconnected | ClientEvent::Closed => {
            connected.store(false, Ordering::Relaxed);
            health.report("nats", State::Degraded("out of reach; alerts go through the journal".to_owned()));
        }
        // A refused publish shows up only here, as "Permissions Violation".
        other => tracing::warn!(event = %other, "the NATS client reports"),
    }
}

/// A fact could not be handed to the bus; it stays pending in the journal.
#[derive(Debug, thiserror::Error)]
#[error("cannot publish on {subject}")]
pub struct PublishError {
    subject: String,
    source: async_nats::Error,
}
