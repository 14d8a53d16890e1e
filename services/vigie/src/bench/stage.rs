//! The stage of a bench: scratch database, bus of its own, a served Vigie, a mail sink; all gone afterwards.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use async_nats::jetstream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};
use uuid::Uuid;
use vigie_directory::credential;
use vigie_edge::credential::{Purpose, fresh_secret};
use vigie_platform::{
    clock::{Clock, SystemClock},
    config::{BusConfig, DatabaseConfig},
    database,
};
use vigie_proto::{SourceId, subject::STREAM};

use super::{Staged, city, load::Poster, progress, report::Report, scratch::Scratch, sink::Sink};
use crate::{Unreachable, config::Config};

/// Longest wait for the served Vigie to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What a bench measures with.
pub(crate) struct Stage {
    pub(crate) scratch: Scratch,
    pub(crate) sink: Sink,
    pub(crate) bus: jetstream::Context,
    pub(crate) poster: Poster,
}

/// Whose city is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum City {
    /// Of one body: nothing but the path of a signal is measured.
    OfOneBody,
    /// Of the configuration, its delays divided by so much.
    Configured { time_scale: &'static str },
}

impl Stage {
    /// A personal link's secret, or a token, of `source` for the served Vigie.
    pub(crate) async fn secret(&self, source: &str, purpose: Purpose) -> anyhow::Result<String> {
        secret(self.scratch.logins(), source, purpose).await
    }
}

async fn secret(logins: &DatabaseConfig, source: &str, purpose: Purpose) -> anyhow::Result<String> {
    let pool = database::pool(logins, "directory", 2)?;
    let source = SourceId::new(source).context("a source's id")?;
    let secret = credential::issue(&pool, &source, purpose, None, false, SystemClock.now()).await?;
    pool.close().await;
    Ok(secret)
}

/// Prepares a stage, measures on it, and clears it whether that worked, failed or was interrupted.
pub(crate) async fn on(
    config_file: Option<&Path>,
    staged: &Staged,
    city: City,
    serve: &[&str],
    measure: impl AsyncFnOnce(&Stage) -> anyhow::Result<Report>,
) -> anyhow::Result<Report> {
    let config = Config::load(config_file)?;
    let bus = own_bus(&config.bus).await?;
    let id = Uuid::new_v4().simple().to_string();
    progress("preparing a scratch database");
    let scratch = Scratch::create(config.database.url.expose(), &id).await?;
    let folder = std::env::temp_dir().join(format!("vigie-bench-{id}"));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let work = async {
        let sink = Sink::start().await?;
        let (server, poster) =
            serve_city(&folder, config_file, (city, &staged.territory), serve, scratch.logins(), &sink).await?;
        let stage = Stage { scratch, sink, bus: bus.clone(), poster };
        let outcome = measure(&stage).await.with_context(|| server.log_tail());
        drop(server);
        outcome
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        _ = terminate.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
    };
    // Each is tried, whatever became of the others.
    let dropped = Scratch::remove(config.database.url.expose(), &id).await;
    let forgotten = bus.delete_stream(STREAM).await;
    let removed = fs::remove_dir_all(&folder);
    let report = outcome?;
    dropped?;
    forgotten.context("the stream of the bench stays on the bus")?;
    removed.with_context(|| format!("cannot remove {}", folder.display()))?;
    Ok(report)
}

/// Connects to the bus of the configuration and refuses one that another Vigie lives on: it would get our signals.
async fn own_bus(config: &BusConfig) -> anyhow::Result<jetstream::Context> {
    let mut options = async_nats::ConnectOptions::new().name("vigie bench");
    if let Some(seed) = &config.nkey_seed {
        options = options.nkey(seed.expose().to_owned());
    }
    let unreachable =
        |error: anyhow::Error| Unreachable(error.context("cannot reach NATS; `deploy/local/bench` starts its own"));
    let client = options.connect(config.url.as_str()).await.map_err(|error| unreachable(error.into()))?;
    let bus = jetstream::new(client);
    bus.query_account().await.map_err(|error| unreachable(error.into()))?;
    anyhow::ensure!(
        bus.get_stream(STREAM).await.is_err(),
        "the bus {} already carries a Vigie (stream {STREAM}); the bench needs one of its own: deploy/local/bench NAME",
        config.url
    );
    Ok(bus)
}

/// A served Vigie; killed when dropped.
struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// What it said last, for a person to see why it failed.
    fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("the served Vigie said last:\n{}", lines[lines.len().saturating_sub(8)..].join("\n"))
    }
}

/// Writes the city and the secrets, issues a token, starts `vigie serve` and waits until it is ready.
async fn serve_city(
    folder: &Path,
    config_file: Option<&Path>,
    (city, territory): (City, &Path),
    serve: &[&str],
    logins: &DatabaseConfig,
    sink: &Sink,
) -> anyhow::Result<(Server, Poster)> {
    city::write(folder)?;
    let address = free_address().await?;
    let key_file = private(folder, "link-key", &fresh_secret(Purpose::Link))?;
    let log = folder.join("serve.log");
    let output = fs::File::create(&log)?;
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    if let Some(config_file) = config_file {
        command.arg("--config").arg(config_file);
    }
    command.arg("serve").args(serve).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    command.kill_on_drop(true).envs([
        ("VIGIE__HTTP__LISTEN", address.to_string()),
        ("VIGIE__HTTP__PUBLIC_URL", format!("http://{address}")),
        ("VIGIE__HTTP__PRIVATE_LISTEN", String::new()),
        ("VIGIE__HTTP__CONNECTIONS", "4096".to_owned()),
        ("VIGIE__PATHS__TERRITORY", territory.display().to_string()),
        ("VIGIE__INTAKE__RATE_PER_MINUTE", "100000000".to_owned()),
        ("VIGIE__INTAKE__RATE_BURST", "1000000".to_owned()),
        ("VIGIE__EMAIL__HOST", sink.address().ip().to_string()),
        ("VIGIE__EMAIL__PORT", sink.address().port().to_string()),
        ("VIGIE__EMAIL__TLS", "none".to_owned()),
        ("VIGIE__LINKS__KEY_FILE", key_file.display().to_string()),
    ]);
    match city {
        City::OfOneBody => command
            .env("VIGIE__PATHS__DOCTRINE", folder.join("doctrine"))
            .env("VIGIE__PATHS__DIRECTORY", folder.join("directory")),
        City::Configured { time_scale } => command.env("VIGIE__ESCALATION__TIME_SCALE", time_scale),
    };
    for (service, url) in &logins.services {
        let path = private(folder, &format!("{service}.url"), url.expose())?;
        command.env(format!("VIGIE__DATABASE__SERVICES__{}", service.to_uppercase()), path);
    }
    let token = match city {
        City::OfOneBody => secret(logins, city::SOURCE, Purpose::Token).await?,
        City::Configured { .. } => String::new(),
    };
    progress("starting vigie serve");
    let mut server = Server { child: command.spawn().context("cannot start vigie serve")?, log };
    wait_ready(address, &mut server).await.with_context(|| server.log_tail())?;
    Ok((server, Poster { address, token, next: Arc::default() }))
}

/// Polls `/readyz` until it says 200.
async fn wait_ready(address: SocketAddr, server: &mut Server) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < READY_WITHIN {
        if let Some(status) = server.child.try_wait()? {
            anyhow::bail!("vigie serve ended at once: {status}");
        }
        if is_ready(address).await.unwrap_or(false) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("vigie serve is not ready after {} s", READY_WITHIN.as_secs())
}

async fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// A port nobody listens on now.
async fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?)
}

/// Writes a secret only its owner can read.
fn private(folder: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    use std::io::Write as _;
    let path = folder.join(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    Ok(path)
}
