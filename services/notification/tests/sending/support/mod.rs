//! A house of its own for one test: a real Postgres, the notification service, and peers that do as they are told.

pub(crate) mod mail;
pub(crate) mod phone;

use std::{os::unix::fs::MetadataExt, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection, PgConnection};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vigie_domain::{
    city::{City, InForce},
    directory::DirectoryFiles,
    link::Signer,
    territory::Territory,
};
use vigie_notification::{MailTls, NotificationConfig};
use vigie_platform::{
    Context,
    bus::{Bus, Watch},
    clock::{Clock, SystemClock},
    config::{PlatformConfig, Secret},
    database::{self, SchemaMigrations},
    health::Health,
    journal::{self, Entry},
    metrics::Metrics,
    relay,
};
use vigie_proto::{
    AlertId, Channel, ContactId, CrisisRegime, IncidentId, IncidentStatus, Nature, ProbeId, Severity,
    event::{
        AlertIssuedV1, Event, FallbackContact, IncidentSnapshot, Known, ProbeIssuedV1, ProbeOutcome, ProbePurpose,
        Purpose, Recipient, Whereabouts,
    },
};

use self::{mail::MailServer, phone::Gateway};

/// Signs the links of the house.
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Longest wait for anything a test expects.
const PATIENCE: Duration = Duration::from_secs(20);

/// A database, and the services started on it; all gone when dropped.
pub(crate) struct House {
    pub(crate) config: NotificationConfig,
    platform: PlatformConfig,
    _postgres: Child,
    _data: DataDirectory,
    services: JoinSet<()>,
    relay: Vec<relay::Relay>,
}

struct DataDirectory(PathBuf);

impl Drop for DataDirectory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told where the servers are")]
fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with ./deploy/local/test"))
}

/// `initdb` and `postgres` refuse to run as root: then they run in a user namespace where they are nobody.
fn postgres(program: &str) -> Command {
    let path = PathBuf::from(given("VIGIE_TEST_PG_BIN")).join(program);
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Command::new(path);
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-user=65534", "--map-group=65534", "--kill-child"]).arg(path);
    command
}

pub(crate) async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

impl House {
    /// A migrated database; `mail` and `phone` are the ports of the peers.
    pub(crate) async fn new(mail: u16, phone: u16) -> Self {
        let house = Self::unmigrated(mail, phone).await;
        house.migrate(vigie_notification::migrations()).await;
        house
    }

    /// An empty database.
    pub(crate) async fn unmigrated(mail: u16, phone: u16) -> Self {
        let data = DataDirectory(std::env::temp_dir().join(format!("vigie-notification-{}", Uuid::new_v4())));
        let port = free_port().await;
        let initialised = postgres("initdb")
            .args(["-N", "-U", "vigie", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data.0)
            .stdout(Stdio::null())
            .status();
        assert!(initialised.await.unwrap().success(), "initdb failed");
        let server = postgres("postgres")
            .arg("-D")
            .arg(&data.0)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("postgres://vigie@127.0.0.1:{port}/postgres");
        until("Postgres answers", async || PgConnection::connect(&url).await.ok()).await;

        let mut platform = PlatformConfig::default();
        platform.database.url = Secret::new(url);
        // Nothing listens there: the journal carries the alerts.
        platform.bus.url = format!("nats://127.0.0.1:{}", free_port().await);
        platform.bus.catch_up_without_bus_every_ms = 20;
        let mut config = NotificationConfig::default();
        config.links.key = Some(Secret::new(KEY));
        config.email.port = mail;
        config.email.tls = MailTls::None;
        // Nobody is slow but whom a test makes so: a machine that is busy must not look like it.
        config.email.timeout_s = 10;
        config.email.retry_first_ms = 200;
        config.sms.url = format!("smpp://127.0.0.1:{phone}");
        config.sms.timeout_s = 10;
        Self { config, platform, _postgres: server, _data: data, services: JoinSet::new(), relay: Vec::new() }
    }

    /// Brings the journal's tables up to date, the service's as far as `ours` go, and the one of the directory that it reads.
    pub(crate) async fn migrate(&self, ours: SchemaMigrations) {
        let url = self.platform.database.url.expose();
        database::migrate(url, &[database::journal_migrations(), ours]).await.unwrap();
        let mut connection = PgConnection::connect(url).await.unwrap();
        let known: bool = sqlx::query_scalar("select to_regclass('directory.probe_address') is not null")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        if !known {
            let of_directory = include_str!("../../../../directory/migrations/20261130000310_probe_address.sql");
            let statements = format!(
                "create role vigie_directory nologin; create schema directory;
                 grant usage on schema directory to vigie_notification; {of_directory}"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
        }
    }

    /// Starts the service; several may run.
    pub(crate) async fn serve(&mut self) {
        let (config, platform) = (self.config.clone(), self.platform.clone());
        let health = Health::default();
        let (fresh, relay) = relay::channel();
        self.relay.push(relay);
        let context = Context {
            bus: Bus::connect(&platform.bus, "notification", Watch::new(health.clone())).await.unwrap(),
            clock: Arc::new(SystemClock),
            fresh,
            health,
            metrics: Arc::new(Metrics::default()),
            config: Arc::new(platform),
        };
        self.services.spawn(async move {
            vigie_notification::run(context, config, InForce::new(city()), CancellationToken::new()).await.unwrap();
        });
    }

    /// Ends every service as a loss of power would: nothing is finished, nothing is said.
    pub(crate) async fn lose_power(&mut self) {
        self.services.shutdown().await;
    }

    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(self.platform.database.url.expose()).await.unwrap()
    }

    /// Writes facts as another service would.
    pub(crate) async fn append(&self, events: impl IntoIterator<Item = Event>) {
        let now = SystemClock.now();
        let entries: Vec<_> = events.into_iter().map(|e| Entry::new("escalation", &e, now, None, None)).collect();
        journal::append(&mut self.admin().await, &entries).await.unwrap();
    }

    /// The facts of `alert`'s incident that the service has written, in order.
    pub(crate) async fn told(&self, alert: &AlertIssuedV1) -> Vec<Event> {
        let story = journal::of_incident(&mut self.admin().await, alert.incident.id).await.unwrap();
        let ours = story.iter().filter(|entry| entry.envelope.source == "/vigie/notification");
        ours.map(|entry| Event::decode(&entry.envelope.type_name, &entry.data).unwrap()).collect()
    }

    /// Waits until a fact of type `type_name` about `alert` stands in the journal, and returns all.
    pub(crate) async fn told_until(&self, alert: &AlertIssuedV1, type_name: &str) -> Vec<Event> {
        until(type_name, async || {
            let told = self.told(alert).await;
            told.iter().any(|event| event.type_name() == type_name).then_some(told)
        })
        .await
    }

    /// How far `probe` came, by the facts the service has written, in order.
    pub(crate) async fn settled(&self, probe: &ProbeIssuedV1) -> Vec<ProbeOutcome> {
        let written = "select type, data::text from journal.entry where type = 'vigie.probe.settled.v1' order by seq";
        let rows: Vec<(String, String)> = sqlx::query_as(written).fetch_all(&mut self.admin().await).await.unwrap();
        rows.iter()
            .filter_map(|(name, data)| {
                let Event::ProbeSettled(settled) = Event::decode(name, data).unwrap() else { return None };
                (settled.probe_id == probe.probe_id).then(|| {
                    assert_eq!((&settled.contact, settled.channel), (&probe.contact, probe.channel));
                    settled.outcome
                })
            })
            .collect()
    }

    /// Waits until `probe` has come as far as `outcome`, and returns all it went through.
    pub(crate) async fn settled_until(&self, probe: &ProbeIssuedV1, outcome: ProbeOutcome) -> Vec<ProbeOutcome> {
        until(&format!("{outcome:?}"), async || {
            let settled = self.settled(probe).await;
            settled.contains(&outcome).then_some(settled)
        })
        .await
    }

    /// Number of rows `query` counts.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.admin().await).await.unwrap()
    }

    pub(crate) async fn state_of(&self, alert: &AlertIssuedV1, channel: Channel) -> Option<String> {
        sqlx::query_scalar("select state from notification.delivery where alert_id = $1 and channel = $2")
            .bind(alert.alert_id.0)
            .bind(channel.code())
            .fetch_optional(&mut self.admin().await)
            .await
            .unwrap()
    }
}

/// A house whose peers are in these moods.
pub(crate) async fn house(mail: mail::Mood, phone: phone::Mood) -> (House, MailServer, Gateway) {
    let (server, gateway) = (MailServer::start(mail).await, Gateway::start(phone).await);
    (House::new(server.port, gateway.port).await, server, gateway)
}

/// What signs the links and codes of every house.
pub(crate) fn signer() -> Signer {
    Signer::new(KEY.as_bytes())
}

/// Asks until there is an answer; panics with `what` when none comes.
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"))
}

/// One body with a mailbox and a telephone.
fn city() -> City {
    let files = DirectoryFiles {
        roles_toml: "[mairie]\nlabel = \"Mairie d'arrondissement\"\nintervenes = true\n".to_owned(),
        bodies_csv: "id,role,territory,name\nmairie-19,mairie,city,Mairie du 19e arrondissement\n".to_owned(),
        contacts_csv: "id,body,channel,address,duty\nmail,mairie-19,email,astreinte@mairie.example,\n\
                       phone,mairie-19,sms,+33199000019,\nboard,mairie-19,screen,,\n"
            .to_owned(),
        rosters_toml: "timezone = \"Europe/Paris\"\n".to_owned(),
        sources_csv: "id,role,body,territory,name\n".to_owned(),
        overrides_csv: String::new(),
    };
    let territory = include_bytes!("../../../../../config/territory/paris.territory");
    let doctrine = "timezone = \"Europe/Paris\"\nkinds = {}\n\n[undeliverable]\n\
                    tell = [{ role = \"mairie\", in = \"city\" }]\nchannels = [\"email\"]\n";
    let doctrine = [("doctrine.toml".to_owned(), doctrine.to_owned())].into();
    City::read(Territory::from_bytes(territory).unwrap(), &files, &doctrine).unwrap()
}

/// A fresh alert to that body, first by `channel`, then by `fallback`.
pub(crate) fn alert(channel: Channel, fallback: &[Channel]) -> AlertIssuedV1 {
    let now: Timestamp = SystemClock.now();
    let incident = IncidentSnapshot {
        id: IncidentId(Uuid::new_v4()),
        reference: "R-2026-000123".to_owned(),
        version: 1,
        kind: "rixe".parse().unwrap(),
        kind_label: "Rixe".to_owned(),
        severity: Severity::Serious,
        status: IncidentStatus::Open,
        sector: "paris-19".parse().unwrap(),
        sector_label: "19e arrondissement".to_owned(),
        also_concerns: Vec::new(),
        place_label: "abords d'un établissement scolaire".to_owned(),
        expected_at: None,
        opened_at: now,
        regime: CrisisRegime::None,
        nature: Nature::Real,
        precisions: Vec::new(),
        whereabouts: Whereabouts::default(),
        known: Known::default(),
    };
    let to = Recipient {
        body: "mairie-19".parse().unwrap(),
        role: "mairie".parse().unwrap(),
        contact: contact(channel),
        channel,
    };
    let (id, steps) = (AlertId(Uuid::new_v4()), vec!["boucle-rixe/appel".to_owned()]);
    AlertIssuedV1 {
        generation: 1,
        fallback: fallback.iter().map(|c| FallbackContact { channel: *c, contact: contact(*c) }).collect(),
        ..AlertIssuedV1::new(id, incident, Purpose::Acknowledge, steps, to, now)
    }
}

/// A fresh probe of that body's contact on `channel`, good for an hour.
pub(crate) fn probe(purpose: ProbePurpose, channel: Channel) -> ProbeIssuedV1 {
    let now: Timestamp = SystemClock.now();
    ProbeIssuedV1 {
        probe_id: ProbeId(Uuid::new_v4()),
        purpose,
        drill: None,
        body: "mairie-19".parse().unwrap(),
        role: "mairie".parse().unwrap(),
        contact: contact(channel),
        channel,
        issued_at: now,
        expires_at: now + SignedDuration::from_hours(1),
    }
}

fn contact(channel: Channel) -> ContactId {
    let id = match channel {
        Channel::Email => "mail",
        Channel::Sms => "phone",
        Channel::Screen => "board",
    };
    id.parse().unwrap()
}
