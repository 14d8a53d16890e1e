//! NATS JetStream: the nerves. Nothing here is the only copy of a fact, and nothing it says is believed: a message only
//! wakes, what it tells of is read from the journal.
//!
//! [`Bus`] is one connection, of one user; [`watch`] tells `/readyz` how all of a process' connections are, and what
//! consumers refused.

mod watch;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use async_nats::{
    Client, ConnectOptions, Event as ClientEvent, HeaderMap, ServerAddr,
    jetstream::{
        self,
        consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
        stream,
    },
};
use futures::future::join_all;
use tokio::sync::Notify;
use vigie_proto::{consumer::Consumer as Durable, permission, subject};

pub(crate) use watch::Refusal;
pub use watch::Watch;

use crate::{config::BusConfig, journal::Entry};

/// Beyond this the client drops what it cannot send; the journal keeps it, so nothing is lost.
const CLIENT_CAPACITY: usize = 16_384;

/// A connection to NATS that may be absent; cheap to clone, which those of the library are not.
#[derive(Debug, Clone)]
pub struct Bus(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    client: Client,
    context: jetstream::Context,
    connected: Arc<AtomicBool>,
    /// Told of every (re)connection.
    reconnected: Arc<Notify>,
    config: BusConfig,
    watch: Watch,
}

impl Bus {
    /// Starts connecting as `user`, and goes on trying for ever: Vigie works without the bus, only slower.
    ///
    /// Without a key of that user the connection is an anonymous one, for a bus that asks nobody who it is.
    pub async fn connect(config: &BusConfig, user: &'static str, watch: Watch) -> anyhow::Result<Self> {
        let connected = Arc::new(AtomicBool::new(false));
        let reconnected = Arc::new(Notify::new());
        watch.lost(user);
        let mut options = ConnectOptions::new()
            .name(format!("vigie-{user}"))
            .custom_inbox_prefix(permission::inbox_of(user))
            .require_tls(config.servers().any(|url| url.starts_with("tls://")))
            .retry_on_initial_connect()
            .client_capacity(CLIENT_CAPACITY)
            .request_timeout(Some(Duration::from_secs(2)))
            .reconnect_delay_callback(|attempts| Duration::from_millis(50 << attempts.min(5)))
            .event_callback({
                let (seen, told, watch) = (Arc::clone(&connected), Arc::clone(&reconnected), watch.clone());
                move |event| {
                    let (seen, told, watch) = (Arc::clone(&seen), Arc::clone(&told), watch.clone());
                    async move { observe(&event, user, &seen, &told, &watch) }
                }
            });
        if let Some(path) = &config.ca_file {
            options = options.add_root_certificates(path.clone());
        }
        if let Some(seed) = config.seed_of(user) {
            options = options.nkey(seed.expose().to_owned());
        }
        let unusable = || format!("bus.url `{}` cannot be used as {user}", config.url);
        let servers: Vec<ServerAddr> =
            config.servers().map(str::parse).collect::<Result<_, _>>().with_context(unusable)?;
        let client = options.connect(servers).await.with_context(unusable)?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(Duration::from_secs(2));
        Ok(Self(Arc::new(Connection { client, context, connected, reconnected, config: config.clone(), watch })))
    }

    /// False while NATS is out of reach.
    pub fn is_connected(&self) -> bool {
        self.0.connected.load(Ordering::Relaxed)
    }

    /// Resolves when the connection is there again, at once when that was so since the last time it was asked.
    pub(crate) async fn reconnected(&self) {
        self.0.reconnected.notified().await;
    }

    /// What `/readyz` is told of the bus.
    pub(crate) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// Publishes a fact; resolves when JetStream has acknowledged it. Only the relay's user may.
    pub async fn publish(&self, entry: &Entry) -> Result<jetstream::context::PublishAckFuture, PublishError> {
        let mut headers = HeaderMap::new();
        for (name, value) in entry.envelope.headers() {
            headers.insert(name, value.as_str());
        }
        self.0
            .context
            .publish_with_headers(entry.subject.clone(), headers, entry.data.clone().into())
            .await
            .map_err(|source| PublishError { subject: entry.subject.clone(), source: source.into() })
    }

    /// Makes the stream and `consumers` where they are missing, and brings them up to date with this build and configuration. Only the relay's user may.
    pub async fn ensure(&self, consumers: &[Durable]) -> anyhow::Result<()> {
        let stream = self.stream().await?;
        for consumer in consumers {
            stream
                .create_consumer(consumer_config(consumer))
                .await
                .with_context(|| format!("cannot make the consumer {} of the stream VIGIE", consumer.name))?;
        }
        Ok(())
    }

    /// Whether the stream and `consumers` are there.
    pub(crate) async fn is_whole(&self, consumers: &[Durable]) -> bool {
        if consumers.is_empty() {
            return self.0.context.get_stream(subject::STREAM).await.is_ok();
        }
        let found = consumers.iter().map(|consumer| self.consumer(consumer.name));
        join_all(found).await.iter().all(Result::is_ok)
    }

    async fn stream(&self) -> anyhow::Result<stream::Stream> {
        let config = stream::Config {
            name: subject::STREAM.to_owned(),
            subjects: vec![subject::ALL.to_owned()],
            storage: stream::StorageType::File,
            discard: stream::DiscardPolicy::New,
            max_bytes: self.0.config.stream_max_bytes,
            max_age: Duration::from_secs(self.0.config.stream_max_age_s),
            duplicate_window: Duration::from_mins(2),
            num_replicas: self.0.config.stream_replicas,
            allow_direct: true,
            ..Default::default()
        };
        let Ok(stream) = self.0.context.get_stream(subject::STREAM).await else {
            return self.0.context.create_stream(config).await.context("cannot create the stream VIGIE");
        };
        let held = &stream.cached_info().config;
        // What an operator set beside (placement, mirrors) stays.
        let wanted = stream::Config {
            subjects: config.subjects,
            discard: config.discard,
            max_bytes: config.max_bytes,
            max_age: config.max_age,
            duplicate_window: config.duplicate_window,
            num_replicas: config.num_replicas,
            allow_direct: config.allow_direct,
            ..held.clone()
        };
        if wanted != *held {
            let updated = self.0.context.update_stream(&wanted).await;
            updated.context("cannot bring the limits of the stream VIGIE up to date")?;
            tracing::info!("the limits of the stream VIGIE are those of the configuration again");
        }
        Ok(stream)
    }

    /// The durable pull consumer of that name, made by whoever runs the relay.
    pub(crate) async fn consumer(&self, name: &str) -> anyhow::Result<Consumer<pull::Config>> {
        let stream =
            self.0.context.get_stream_no_info(subject::STREAM).await.context("the stream VIGIE has no name")?;
        let found = stream.get_consumer(name).await;
        found.map_err(|error| anyhow::anyhow!("the consumer {name} is not there (does a relay run?): {error}"))
    }

    /// Sends what is buffered and closes.
    pub async fn drain(&self) {
        if let Err(error) = self.0.client.flush().await {
            tracing::debug!(error = %error, "nothing to flush on a closed bus");
        }
    }
}

fn consumer_config(consumer: &Durable) -> pull::Config {
    pull::Config {
        durable_name: Some(consumer.name.to_owned()),
        filter_subjects: consumer.types.iter().filter_map(|name| subject::filter_of(name)).collect(),
        ack_policy: AckPolicy::Explicit,
        deliver_policy: DeliverPolicy::All,
        ack_wait: Duration::from_secs(30),
        // Never given up by the bus: the inbox and the dead letters decide.
        max_deliver: -1,
        max_ack_pending: 20_000,
        ..Default::default()
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "everything but the connection is only logged")]
fn observe(event: &ClientEvent, user: &'static str, connected: &AtomicBool, reconnected: &Notify, watch: &Watch) {
    match event {
        ClientEvent::Connected => {
            connected.store(true, Ordering::Relaxed);
            reconnected.notify_one();
            watch.found(user);
        }
        ClientEvent::Disconnected | ClientEvent::Closed => {
            connected.store(false, Ordering::Relaxed);
            watch.lost(user);
        }
        // A refused publish shows up only here, as "Permissions Violation".
        other => tracing::warn!(event = %other, user, "the NATS client reports"),
    }
}

/// A fact could not be handed to the bus; it stays pending in the journal.
#[derive(Debug, thiserror::Error)]
#[error("cannot publish on {subject}")]
pub struct PublishError {
    subject: String,
    source: async_nats::Error,
}
