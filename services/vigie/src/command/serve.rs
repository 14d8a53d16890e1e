//! `vigie serve`: composes the services into one process.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Args;
use sqlx::PgPool;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use vigie_directory::in_force::{self, Sight, differing, is_unreachable, load_or_adopt};
use vigie_domain::city::{City, InForce};
use vigie_edge::{Desk, credential::Authenticator};
use vigie_platform::{
    Context,
    bus::{Bus, Watch},
    clock::SystemClock,
    config::BusConfig,
    database::{self, ServingError},
    growth,
    health::{Health, State},
    metrics::Metrics,
    relay,
    server::{self, Limits},
    supervisor::Supervisor,
    telemetry::Telemetry,
};
use vigie_proto::{consumer, permission};

use crate::{
    Outcome, block_on, city,
    config::{Config, PathsConfig},
    http,
    service::Service,
};

/// How long loops get to finish what is in flight.
const GRACE: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vigie serve
  vigie serve --only intake,console
  VIGIE__HTTP__LISTEN=127.0.0.1:9000 vigie serve --time-scale 60")]
pub(crate) struct Arguments {
    /// Services to run in this process; all when absent.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Service>,
    /// Divides every delay of the doctrine, for drills; overrides `escalation.time_scale`.
    #[arg(long)]
    time_scale: Option<f64>,
}

pub(crate) fn run(mut config: Config, arguments: &Arguments) -> anyhow::Result<Outcome> {
    if let Some(scale) = arguments.time_scale {
        anyhow::ensure!((0.1..=10_000.0).contains(&scale), "--time-scale must be 0.1 to 10,000");
        config.escalation.time_scale = scale;
    }
    let telemetry = Telemetry::start(&config.telemetry)?;
    let only = if arguments.only.is_empty() { all() } else { arguments.only.clone() };
    let outcome = block_on(serve(config, &only));
    // On every path, also when a service failed: the last spans tell why.
    telemetry.flush();
    outcome.map(|()| Outcome::Done)
}

fn all() -> Vec<Service> {
    use clap::ValueEnum;
    Service::value_variants().to_vec()
}

async fn serve(config: Config, only: &[Service]) -> anyhow::Result<()> {
    if (config.escalation.time_scale - 1.0).abs() > f64::EPSILON {
        tracing::warn!(time_scale = config.escalation.time_scale, "the doctrine's delays are divided: this is a drill");
    }
    let (health, metrics) = (Health::default(), Arc::new(Metrics::default()));
    let database = &config.database;
    let pool = |service: &str| database::pool(database, service, database.connections);
    let watch = Watch::new(health.clone());
    let bus = Bus::connect(&config.bus, permission::RELAY, watch.clone()).await?;
    let (fresh, relay) = relay::channel();
    let authenticator = Authenticator::new(database::pool(database, database::AUTHENTICATOR, 2)?, &config.http);
    let context = Context {
        config: Arc::new(config.platform()),
        clock: Arc::new(SystemClock),
        bus: bus.clone(),
        fresh,
        health: health.clone(),
        metrics: Arc::clone(&metrics),
    };
    // Before the loops start, so that a busy port is the first thing said.
    let listener = listen(&config.http.listen).await?;
    let limits = Limits::from(&config.http);

    let stop = CancellationToken::new();
    let mut supervisor = Supervisor::new(stop.clone());
    supervisor.start("the signal handler", stop_on_signal(stop.clone()));
    let serving = http::Serving::default();
    if !config.http.private_listen.is_empty() {
        let told = http::private(health.clone(), serving.clone(), metrics.registrar.clone());
        let private = listen(&config.http.private_listen).await?;
        supervisor.start("the private HTTP", server::serve(told, private, limits, stop.clone()));
    }
    let (sight, follower) = follower(only);
    let following = database::pool(database, follower, 2)?;
    let listener = listener.into_std()?;
    let waiting = CancellationToken::new();
    let begun = async {
        let begun = begin(&context, &config.paths, only, &following, &stop).await;
        waiting.cancel();
        begun
    };
    let early = TcpListener::from_std(listener.try_clone()?)?;
    let desk = server::serve(http::waiting(), early, limits, waiting.clone());
    let (begun, served) = tokio::join!(begun, desk);
    served?;
    let Some(city) = begun? else { return Ok(()) };
    let in_force = InForce::new(city);
    let follow = in_force::follow(following, sight, in_force.clone(), health.clone(), stop.clone());
    supervisor.start("the watch of what is in force", follow);
    // What is in force was just read from it: ready is not said before somebody knows how the database is.
    health.report(database::DEPENDENCY, State::Ok);
    let relay_pool = database::pool(database, database::RELAY, 2)?;
    supervisor.start(
        "the database watch",
        database::watch(relay_pool.clone(), health.clone(), Duration::from_secs(2), stop.clone()),
    );
    supervisor.start(
        "the watch of growth",
        growth::watch(relay_pool.clone(), health.clone(), Arc::clone(&metrics), stop.clone()),
    );
    let (clock, of_relay) = (Arc::clone(&context.clock), bus.clone());
    let relaying = relay.run(relay_pool, of_relay, &consumer::ALL, clock, Arc::clone(&metrics));
    supervisor.start("the relay", relaying);
    let noting = vigie_edge::security::write(
        authenticator.notes().clone(),
        database::pool(database, database::PORTER, 1)?,
        Arc::clone(&context.clock),
        context.fresh.clone(),
        Arc::clone(&metrics),
        stop.clone(),
    );
    supervisor.start("the notes of the doors", noting);
    let city_of = || in_force.clone();
    let desk = |context| Desk { context, authenticator: authenticator.clone(), in_force: city_of(), own: () };
    // Every process that shows a page serves what its maps are made of.
    let mut edges = vigie_map::router(desk(context.clone()), config.map.clone());
    for service in only {
        // Each service reads from the bus as itself, where it has a key of its own.
        let bus = bus_of(*service, &config.bus, &bus, &watch).await?;
        let (context, stop) = (Context { bus, ..context.clone() }, stop.clone());
        match service {
            Service::Intake => {
                let intake = vigie_intake::Intake::new(desk(context), &config.intake, pool("intake")?);
                edges = edges.merge(intake.router());
                supervisor.start("intake", intake.run(stop));
            }
            Service::Console => {
                let signer = config.links.signer()?;
                let console = vigie_console::Console::new(desk(context), &config.console, pool("console")?, signer);
                edges = edges.merge(console.router());
                supervisor.start("console", console.run(stop));
            }
            Service::Routing => {
                supervisor.start(
                    "routing",
                    vigie_routing::run(context, config.escalation.time_scale, city_of(), pool("routing")?, stop),
                );
            }
            Service::Escalation => {
                supervisor.start(
                    "escalation",
                    vigie_escalation::run(context, config.escalation.clone(), city_of(), pool("escalation")?, stop),
                );
            }
            Service::Notification => {
                supervisor
                    .start("notification", vigie_notification::run(context, config.notification(), city_of(), stop));
            }
            Service::Directory => {
                let (pool, signer) = (pool("directory")?, config.links.signer()?);
                let directory = vigie_directory::Service::new(desk(context), config.directory.clone(), pool, signer);
                edges = edges.merge(directory.router());
                supervisor.start("directory", directory.run(stop));
            }
            Service::Crisis => {
                let (scripts, signer) = (city::exercises(&config.paths.exercises)?, config.links.signer()?);
                let pace =
                    vigie_crisis::Pace { time_scale: config.escalation.time_scale, idle: config.escalation.idle() };
                let crisis = vigie_crisis::Service::new(desk(context), pace, pool("crisis")?, scripts, signer);
                edges = edges.merge(crisis.router());
                supervisor.start("crisis", crisis.run(stop));
            }
        }
    }
    let router = http::router(edges, &context, authenticator.clone(), &config.map);
    supervisor.start("HTTP", server::serve(router, TcpListener::from_std(listener)?, limits, stop.clone()));
    serving.begins();
    // The relay ends when nobody can hand it entries any more.
    drop(context);
    tracing::info!(listen = config.http.listen, services = ?only, "Vigie is running");
    supervisor.run(GRACE).await
}

async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}: is the port busy?"))
}

/// What a process sees of what is in force, and whom it reads it as. Only who sends or keeps the directory needs addresses,
/// and who reads personal links: they are bound to the address they were sent to.
fn follower(only: &[Service]) -> (Sight, &'static str) {
    let whole = |service: &Service| {
        matches!(service, Service::Directory | Service::Notification | Service::Console | Service::Crisis)
    };
    if only.iter().any(whole) {
        (Sight::Whole, database::CONTACTS)
    } else {
        (Sight::WithoutAddresses, database::FOLLOWER)
    }
}

/// The connection by which a service reads from the bus: its own where services have keys, else everybody's.
async fn bus_of(service: Service, config: &BusConfig, shared: &Bus, watch: &Watch) -> anyhow::Result<Bus> {
    let name = service.name();
    if config.services.is_empty() || !consumer::services().contains(&name) {
        return Ok(shared.clone());
    }
    anyhow::ensure!(
        config.services.contains_key(name),
        "bus.services.{name} is missing: this process reads from the bus as {name}; `vigie keys nats` makes its file"
    );
    Bus::connect(config, name, watch.clone()).await
}

/// What is in force, or the files of the configuration where nothing is; none when told to stop before the database
/// answered.
async fn begin(
    context: &Context,
    paths: &PathsConfig,
    only: &[Service],
    following: &PgPool,
    stop: &CancellationToken,
) -> anyhow::Result<Option<City>> {
    let database = &context.config.database;
    let (sight, follower) = follower(only);
    let apart = [database::RELAY, database::AUTHENTICATOR, follower];
    let names: Vec<&str> = only.iter().map(|service| service.name()).chain(apart).collect();
    // Only whoever writes the directory can adopt the files; others wait until something is in force.
    let writing = database.has("directory").then(|| database::pool(database, "directory", 1)).transpose()?;
    let attempt = async || {
        database::check_serving(database, &names).await?;
        if let Some(city) = in_force::load_seen(following, sight).await? {
            return anyhow::Ok(Some(city));
        }
        let Some(writing) = &writing else { return Ok(None) };
        let files = || city::files(paths);
        let (_, entries) = load_or_adopt(writing, files, context.clock.now()).await?;
        context.fresh.push(entries);
        in_force::load_seen(following, sight).await
    };
    loop {
        match attempt().await {
            Ok(Some(city)) => {
                warn_of_files(paths, &city);
                return Ok(Some(city));
            }
            Ok(None) => context
                .health
                .report("doctrine", State::Failed("nothing is in force yet: `vigie configuration publish`".to_owned())),
            Err(error) if is_unreachable(&error) => {
                context.health.report(database::DEPENDENCY, State::Failed(format!("{error:#}")));
            }
            Err(error) if error.is::<ServingError>() => return Err(error),
            Err(error) => {
                return Err(error.context("the configuration cannot be put in force: has `vigie migrate` run?"));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

/// Whoever edits the files and starts again may believe that they count.
fn warn_of_files(paths: &PathsConfig, in_force: &City) {
    let Ok(files) = city::read(paths) else { return };
    for what in differing(&files, in_force) {
        tracing::warn!(%what, "the files differ from what is in force: `vigie configuration publish` puts them in force");
    }
}

/// SIGTERM or SIGINT stops the loops; the relay ends last, when they are gone.
async fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stop.cancelled() => {}
    }
    tracing::info!("stopping: finishing what is in flight");
    stop.cancel();
    Ok(())
}
