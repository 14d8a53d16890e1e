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
use vigie_edge::{Desk, credential::Authenticator, door::Doors};
use vigie_platform::{
    Context,
    bus::{Bus, Watch},
    clock::SystemClock,
    config::BusConfig,
    database::{self, ServingError},
    growth,
    health::{Health, State},
    metrics::Metrics,
    relay::{self, Relay},
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
    let watch = Watch::new(health.clone());
    let bus = Bus::connect(&config.bus, permission::RELAY, watch.clone()).await?;
    let (fresh, relay) = relay::channel();
    let authenticator = Authenticator::new(database::pool(database, database::AUTHENTICATOR, 2)?, &config.http);
    let context = Context {
        config: Arc::new(config.platform()),
        clock: Arc::new(SystemClock),
        bus,
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
    let house = House { config: &config, context, authenticator, in_force, stop };
    house.watch(relay, &mut supervisor)?;
    // Every process that shows a page serves what its maps are made of.
    let mut edges = vigie_map::router(house.desk(house.context.clone()), config.map.clone());
    for service in only {
        // Each service reads from the bus as itself, where it has a key of its own.
        let bus = bus_of(*service, &config.bus, &house.context.bus, &watch).await?;
        if let Some(doors) = house.start(*service, bus, &mut supervisor)? {
            edges = edges.merge(doors);
        }
    }
    let House { context, authenticator, stop, .. } = house;
    let card = vigie_notification::card(&config.notification());
    let router = http::router(edges, &context, authenticator, &config.map, card);
    supervisor.start("HTTP", server::serve(router, TcpListener::from_std(listener)?, limits, stop));
    serving.begins();
    // The relay ends when nobody can hand it entries any more.
    drop(context);
    tracing::info!(listen = config.http.listen, services = ?only, "Vigie is running");
    supervisor.run(GRACE).await
}

/// What the services of this process are built from.
struct House<'a> {
    config: &'a Config,
    context: Context,
    authenticator: Authenticator,
    in_force: InForce,
    stop: CancellationToken,
}

impl House<'_> {
    fn desk(&self, context: Context) -> Desk {
        Desk { context, authenticator: self.authenticator.clone(), in_force: self.in_force.clone(), own: () }
    }

    /// Starts what every process does besides its services: it looks after the database, relays facts and notes what
    /// happens at its doors.
    fn watch(&self, relay: Relay, supervisor: &mut Supervisor) -> anyhow::Result<()> {
        let Context { health, metrics, clock, bus, fresh, .. } = self.context.clone();
        let database = &self.config.database;
        let pool = database::pool(database, database::RELAY, 2)?;
        let every = Duration::from_secs(2);
        let reached = database::watch(pool.clone(), health.clone(), every, self.stop.clone());
        supervisor.start("the database watch", reached);
        let growth = growth::watch(pool.clone(), health, Arc::clone(&metrics), self.stop.clone());
        supervisor.start("the watch of growth", growth);
        let relaying = relay.run(pool, bus, &consumer::ALL, Arc::clone(&clock), Arc::clone(&metrics));
        supervisor.start("the relay", relaying);
        let porter = database::pool(database, database::PORTER, 1)?;
        let notes = self.authenticator.notes().clone();
        let noting = vigie_edge::security::write(notes, porter, clock, fresh, metrics, self.stop.clone());
        supervisor.start("the notes of the doors", noting);
        Ok(())
    }

    /// Starts a service, which reads from `bus`; its doors, if it has any.
    fn start(&self, service: Service, bus: Bus, supervisor: &mut Supervisor) -> anyhow::Result<Option<Doors>> {
        let Self { config, in_force, stop, .. } = self;
        let (context, in_force, stop) = (Context { bus, ..self.context.clone() }, in_force.clone(), stop.clone());
        let pool = || database::pool(&config.database, service.name(), config.database.connections);
        let (pace, name) = (&config.escalation, service.name());
        let doors = match service {
            Service::Intake => {
                let intake = vigie_intake::Intake::new(self.desk(context), &config.intake, pool()?);
                let doors = intake.router();
                supervisor.start(name, intake.run(stop));
                doors
            }
            Service::Console => {
                let signer = config.links.signer()?;
                let console = vigie_console::Console::new(self.desk(context), &config.console, pool()?, signer);
                let doors = console.router();
                supervisor.start(name, console.run(stop));
                doors
            }
            Service::Directory => {
                let (own, signer) = (config.directory.clone(), config.links.signer()?);
                let directory = vigie_directory::Service::new(self.desk(context), own, pool()?, signer);
                let doors = directory.router();
                supervisor.start(name, directory.run(stop));
                doors
            }
            Service::Crisis => {
                let (scripts, signer) = (city::exercises(&config.paths.exercises)?, config.links.signer()?);
                let pace = vigie_crisis::Pace { time_scale: pace.time_scale, idle: pace.idle() };
                let crisis = vigie_crisis::Service::new(self.desk(context), pace, pool()?, scripts, signer);
                let doors = crisis.router();
                supervisor.start(name, crisis.run(stop));
                doors
            }
            Service::Routing => {
                supervisor.start(name, vigie_routing::run(context, pace.time_scale, in_force, pool()?, stop));
                return Ok(None);
            }
            Service::Escalation => {
                supervisor.start(name, vigie_escalation::run(context, pace.clone(), in_force, pool()?, stop));
                return Ok(None);
            }
            Service::Notification => {
                supervisor.start(name, vigie_notification::run(context, config.notification(), in_force, stop));
                return Ok(None);
            }
        };
        Ok(Some(doors))
    }
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
