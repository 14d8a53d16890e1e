//! The one binary: runs the services, and the tools.

mod bench;
mod city;
mod command;
mod config;
mod http;
mod moment;
mod secret;
mod service;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::Config;

/// What a command ends with, as an exit code; 2 is for wrong usage or configuration, which is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Done, nothing to report: 0.
    Done,
    /// Done, and the check found something: 1.
    Found,
}

/// Something Vigie needs does not answer: exit code 3.
#[derive(Debug)]
struct Unreachable(anyhow::Error);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Unreachable {}

/// Alerting and dispatch for the Contrat Parisien de Prévention et de Sécurité.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Examples:
  vigie migrate && vigie serve                  every service in one process
  vigie serve --only intake,routing             some of them
  vigie serve --time-scale 60                   a drill: a minute of the doctrine lasts a second
  vigie database logins --out /etc/vigie/database && vigie keys nats --out /etc/vigie/nats
  vigie token issue --source scop               a token for the API
  vigie configuration publish                   the configured files come into force, everywhere at once
  vigie doctrine explain --kind rixe --severity serious --at paris-19
  vigie directory check                         its faults, and the holes of the coming month
  vigie locate 2.3791 48.8853
  vigie replay --csv accidents.csv --map config/replay/accidents.toml --out report/

Configuration: config/vigie.toml (every option with its default), overridden by VIGIE__SECTION__KEY.
Exit codes: 0 done, 1 the check found something, 2 wrong usage or configuration, 3 a dependency is unreachable."
)]
struct Arguments {
    /// Configuration file; the defaults when neither this nor `VIGIE_CONFIG` is given.
    #[arg(long, global = true, env = "VIGIE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the services.
    Serve(command::serve::Arguments),
    /// Bring the database up to date: schemas, roles, tables.
    Migrate,
    /// Make the database logins of the owner and of each service.
    #[command(subcommand)]
    Database(command::database::Command),
    /// Make the keys that services prove themselves to the bus with.
    #[command(subcommand)]
    Keys(command::keys::Command),
    /// Read the whole configuration and say what is wrong with it.
    CheckConfig,
    /// Publish, list and take back what is in force: doctrine, directory, territory.
    #[command(subcommand)]
    Configuration(command::configuration::Command),
    /// Issue and revoke credentials of sources.
    #[command(subcommand)]
    Token(command::token::Command),
    /// Check or explain the doctrine.
    #[command(subcommand)]
    Doctrine(command::doctrine::Command),
    /// Check, read, export and import the directory: bodies, contact points, rosters.
    #[command(subcommand)]
    Directory(command::directory::Command),
    /// Build or describe the territory: sectors, quartiers, communes and schools.
    #[command(subcommand)]
    Territory(command::territory::Command),
    /// Say where a position is: its sector, and what lies around it.
    Locate(command::locate::Arguments),
    /// Play a past stream of signals through the doctrine, in virtual time.
    Replay(Box<command::replay::Arguments>),
    /// Print the contract: JSON Schemas of the events, the OpenAPI document, or who may do what on the bus.
    #[command(subcommand)]
    Contract(command::contract::Command),
    /// Measure this machine, next to the limit found in the same run.
    #[command(subcommand)]
    Bench(bench::Command),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(error) => {
            eprintln!("vigie: {error:#}");
            ExitCode::from(if error.is::<Unreachable>() { 3 } else { 2 })
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    // One crypto provider for every TLS connection of the process.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = || Config::load(arguments.config.as_deref());
    match arguments.command {
        Command::Serve(serve) => command::serve::run(config()?, &serve),
        Command::Migrate => command::migrate::run(&config()?),
        Command::Database(database) => command::database::run(&config()?, &database),
        Command::Keys(keys) => command::keys::run(&keys),
        Command::CheckConfig => command::check_config::run(&config()?),
        Command::Configuration(command) => command::configuration::run(&config()?, &command),
        Command::Token(token) => command::token::run(&config()?, &token),
        Command::Doctrine(doctrine) => command::doctrine::run(&config()?, &doctrine),
        Command::Directory(directory) => command::directory::run(&config()?.paths, &directory),
        Command::Territory(territory) => command::territory::run(territory),
        Command::Locate(locate) => command::locate::run(&locate),
        Command::Replay(replay) => command::replay::run(&config()?, &replay),
        Command::Contract(contract) => command::contract::run(&contract),
        Command::Bench(bench) => bench::run(&bench, arguments.config.as_deref()),
    }
}

/// Runs `work` on a fresh runtime.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
