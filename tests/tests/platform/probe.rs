//! The platform without any service: a consumer that does as its events tell it, on a real database and bus.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vigie_platform::{
    Context,
    bus::{Bus, Watch},
    clock::{Clock, SystemClock},
    config::{PlatformConfig, Secret},
    consumer::{self, Handler, Outbox, Received, Verdict},
    database, growth,
    health::Health,
    journal::{self, Entry},
    metrics::Metrics,
    relay,
};
use vigie_proto::{
    IncidentId,
    consumer::Consumer,
    event::{DirectoryChangedV1, DoctrineActivatedV1, Event},
};
use vigie_tests::Stack;

const SCHEMA: &str = "
    create schema probe;
    create role vigie_probe nologin;
    grant vigie_service to vigie_probe;
    grant usage on schema probe to vigie_probe;
    create table probe.inbox (consumer text, event_id uuid, at timestamptz, primary key (consumer, event_id));
    create table probe.watermark (consumer text primary key, epoch int not null default 1, tx bigint not null);
    grant select, insert, update, delete on all tables in schema probe to vigie_probe;
    create policy probe on journal.entry for insert to vigie_probe with check (true);";

/// What it was shown, in order.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    shown: Mutex<Vec<String>>,
    mended: AtomicBool,
}

impl Probe {
    pub(crate) fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was of no use can be applied from now on.
    pub(crate) fn mend(&self) {
        self.mended.store(true, Ordering::SeqCst);
    }

    pub(crate) fn times(&self, text: &str) -> usize {
        self.shown().iter().filter(|shown| *shown == text).count()
    }
}

impl Handler for Probe {
    const CONSUMER: Consumer = Consumer { name: "probe", service: "probe", types: &["vigie.directory.changed.v1"] };
    type After = ();

    /// Does what the event's text says, and tells a fact of each event.
    async fn handle(
        &self,
        _tx: &mut PgConnection,
        events: &[Received],
        _now: Timestamp,
        outbox: &mut Outbox,
    ) -> anyhow::Result<(Vec<Verdict>, ())> {
        let mut verdicts = Vec::new();
        for received in events {
            let Event::DirectoryChanged(event) = &received.fact.event else { anyhow::bail!("not what was asked for") };
            let text = event.directory.clone();
            self.shown.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
            let fact =
                DoctrineActivatedV1 { doctrine: text.clone(), territory: String::new(), by: None, rolled_back: false };
            match text.as_str() {
                "later" if self.times("later") < 3 => verdicts.push(Verdict::Later("not yet")),
                "waits" if !self.mended.load(Ordering::SeqCst) => verdicts.push(Verdict::Later("not yet")),
                "dead" if !self.mended.load(Ordering::SeqCst) => verdicts.push(Verdict::Dead("of no use".to_owned())),
                "fails" => anyhow::bail!("always"),
                _ => {
                    outbox.push(fact, received);
                    verdicts.push(Verdict::Done);
                }
            }
        }
        Ok((verdicts, ()))
    }
}

/// The platform's parts, and loops that end with the test.
pub(crate) struct House {
    pub(crate) stack: Stack,
    pub(crate) pool: PgPool,
    pub(crate) bus: Bus,
    pub(crate) context: Context,
    relay: Option<relay::Relay>,
    loops: JoinSet<anyhow::Result<()>>,
}

impl House {
    pub(crate) async fn new(stack: Stack) -> Self {
        let url = stack.postgres.url();
        database::migrate(&url, &[database::journal_migrations()]).await.expect("the journal is made");
        let pool = PgPool::connect(&url).await.expect("Postgres answers");
        pool.execute(SCHEMA).await.expect("the probe's schema is made");
        let mut config = PlatformConfig::default();
        config.bus.url = stack.nats.url();
        config.database.url = Secret::new(url);
        config.bus.catch_up_every_ms = 200;
        let health = Health::default();
        let bus = Bus::connect(&config.bus, "probe", Watch::new(health.clone())).await.expect("the bus may be absent");
        let (fresh, relay) = relay::channel();
        let context = Context {
            config: Arc::new(config),
            clock: Arc::new(SystemClock),
            bus: bus.clone(),
            fresh,
            health,
            metrics: Arc::new(Metrics::default()),
        };
        Self { stack, pool, bus, context, relay: Some(relay), loops: JoinSet::new() }
    }

    /// Starts the consumer.
    pub(crate) fn consume(&mut self) -> Arc<Probe> {
        let probe = Arc::new(Probe::default());
        let pool = database::pool(&self.context.config.database, "probe", 4).expect("the URL is ours");
        let running = consumer::run(self.context.clone(), pool, Arc::clone(&probe), CancellationToken::new());
        self.loops.spawn(running);
        probe
    }

    /// Starts the relay.
    pub(crate) fn relay(&mut self) {
        let pool = database::pool(&self.context.config.database, database::RELAY, 2).expect("the URL is ours");
        let relay = self.relay.take().expect("one relay");
        let (clock, metrics) = (Arc::clone(&self.context.clock), Arc::clone(&self.context.metrics));
        let bus = self.bus.clone();
        self.loops.spawn(async move { relay.run(pool, bus, &[Probe::CONSUMER], clock, metrics).await });
    }

    /// Starts what keeps partitions ahead.
    pub(crate) fn watch_growth(&mut self) {
        let pool = database::pool(&self.context.config.database, database::RELAY, 1).expect("the URL is ours");
        let (health, metrics) = (self.context.health.clone(), Arc::clone(&self.context.metrics));
        self.loops.spawn(growth::watch(pool, health, metrics, CancellationToken::new()));
    }

    pub(crate) async fn append(&self, entry: &Entry) {
        let mut connection = self.pool.acquire().await.expect("Postgres answers");
        journal::append(&mut connection, std::slice::from_ref(entry)).await.expect("the journal takes it");
    }

    /// Journals a fact that says `text`.
    pub(crate) async fn journal(&self, text: &str) -> Entry {
        let entry = fact(text);
        self.append(&entry).await;
        entry
    }

    /// Journals a fact about `incident` that is `hours` old.
    pub(crate) async fn journal_old(&self, text: &str, incident: Uuid, hours: i64) -> Entry {
        let mut entry = fact(text);
        entry.incident_id = Some(IncidentId(incident));
        entry.envelope.time -= SignedDuration::from_hours(hours);
        self.append(&entry).await;
        entry
    }

    /// Journals a fact and hands it to the bus, as the relay would.
    pub(crate) async fn publish(&self, text: &str) -> Entry {
        let entry = self.journal(text).await;
        self.publish_again(&entry).await;
        entry
    }

    pub(crate) async fn publish_again(&self, entry: &Entry) {
        self.bus.publish(entry).await.expect("the bus takes it").await.expect("the bus keeps it");
    }

    pub(crate) async fn count(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await.expect("Postgres answers")
    }
}

/// A fact that says `text`.
pub(crate) fn fact(text: &str) -> Entry {
    let event = DirectoryChangedV1 { directory: text.to_owned(), by: None, rolled_back: false };
    Entry::new("test", &event.into(), SystemClock.now(), None, None)
}
