//! `vigie bench`: figures of this machine, each next to what it is compared with in the same run.
//!
//! `geofence` and `places` measure a function. `intake` and `end-to-end` measure the real thing: a [`stage::Stage`] starts
//! `vigie serve` on a scratch database with a city of one body, [`load`] posts signals to it, [`sink`] takes its mails,
//! [`limit`] finds what the same servers do at most, and [`report`] puts the two side by side.

mod city;
mod end_to_end;
mod geofence;
mod grown;
mod intake;
mod limit;
mod load;
mod places;
mod report;
mod scratch;
mod sink;
mod stage;

use std::{path::Path, time::Duration};

use anyhow::Context;
use clap::{Args, Subcommand};

use stage::City;

use crate::{Outcome, block_on, command::territory::DEFAULT_FILE};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure how many signals are accepted (committed) a second, next to Postgres' own transactions.
    #[command(after_help = "Examples:
  deploy/local/bench intake              on scratch servers of its own
  vigie bench intake --seconds 20 --json on those of the configuration (a scratch database, a bus without Vigie)")]
    Intake(Staged),
    /// Measure the time from a signal to the e-mail handed over, next to the sum of its unavoidable parts.
    #[command(after_help = "Examples:
  deploy/local/bench end-to-end
  deploy/local/bench end-to-end --calm   to compare two builds, in alternation
  vigie bench end-to-end --seconds 20 --json")]
    EndToEnd {
        #[command(flatten)]
        staged: Staged,
        /// Only the latency at 50 signals a second, not the rate that is sustained.
        #[arg(long)]
        calm: bool,
    },
    /// Measure what each page and list takes after years of service, next to 50 ms.
    #[command(after_help = "Takes a quarter of an hour and 10 GB of disk for 5 million facts.

Examples:
  deploy/local/bench grown
  deploy/local/bench grown --incidents 20000 --times 5")]
    Grown {
        #[command(flatten)]
        staged: Staged,
        /// Incidents there are to be.
        #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
        incidents: u32,
        /// How often each address is asked for.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        times: u16,
    },
    /// Measure how long an exact answer to "where is this point" takes, next to rstar with geo.
    Geofence(geofence::Arguments),
    /// Measure how long a place takes to be found by name, over the territory and over 150,000 addresses.
    Places(places::Arguments),
}

/// Options of the benches that start servers.
#[derive(Debug, Args)]
pub(crate) struct Staged {
    /// Seconds of measuring for each figure.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Territory to use.
    #[arg(long, default_value = DEFAULT_FILE)]
    territory: std::path::PathBuf,
}

impl Staged {
    fn budget(&self) -> anyhow::Result<Duration> {
        anyhow::ensure!((0.5..=600.0).contains(&self.seconds), "--seconds must be 0.5 to 600");
        Duration::try_from_secs_f64(self.seconds).context("--seconds")
    }
}

/// `config_file` is what `--config` gave: the servers are those of the configuration.
pub(crate) fn run(command: &Command, config_file: Option<&Path>) -> anyhow::Result<Outcome> {
    let (staged, report) = match command {
        Command::Geofence(arguments) => return geofence::run(arguments),
        Command::Places(arguments) => return places::run(arguments),
        Command::Intake(staged) => {
            let (budget, serve) = (staged.budget()?, &["--only", "intake"]);
            (
                staged,
                block_on(stage::on(config_file, staged, City::OfOneBody, serve, async |stage| {
                    intake::measure(stage, budget).await
                }))?,
            )
        }
        Command::EndToEnd { staged, calm } => {
            let (budget, rates) = (staged.budget()?, if *calm { &[] } else { end_to_end::RATES_PER_S.as_slice() });
            let measure = async |stage: &_| end_to_end::measure(stage, budget, rates).await;
            (staged, block_on(stage::on(config_file, staged, City::OfOneBody, &[], measure))?)
        }
        Command::Grown { staged, incidents, times } => {
            let city = City::Configured { time_scale: grown::TIME_SCALE };
            let measure = async |stage: &_| grown::measure(stage, *incidents, usize::from(*times)).await;
            (staged, block_on(stage::on(config_file, staged, city, &[], measure))?)
        }
    };
    report.print(staged.json)?;
    Ok(Outcome::Done)
}

/// Says on standard error what is being measured, so that the wait is understood; standard output holds figures only.
fn progress(what: &str) {
    eprintln!("  {what} ...");
}
