//! `vigie doctrine check`.

use std::{path::PathBuf, time::Instant};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use vigie_domain::{
    check::{self, Promise},
    city::City,
};
use vigie_platform::{
    clock::{Clock, SystemClock},
    database,
};

use crate::{Outcome, Unreachable, block_on, city, config::Config};

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Folder of the doctrine; the configured one when absent.
    directory: Option<PathBuf>,
    /// First instant examined, RFC 3339; now when absent.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Days examined.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Prove what is in force, with what drills and verifications found, instead of files.
    #[arg(long, conflicts_with = "directory")]
    in_force: bool,
    /// The whole report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, options: &Check) -> anyhow::Result<Outcome> {
    if options.in_force {
        return prove(&in_force(config)?, options);
    }
    let mut paths = config.paths.clone();
    if let Some(directory) = &options.directory {
        paths.doctrine.clone_from(directory);
    }
    match city::read(&paths) {
        Ok(city) => prove(&city, options),
        Err(error) => {
            eprintln!("{error:#}");
            Ok(Outcome::Found)
        }
    }
}

/// What is in force, as its contact points answered.
fn in_force(config: &Config) -> anyhow::Result<City> {
    let loaded = block_on(async {
        let pool = database::pool(&config.database, "directory", 1)?;
        vigie_directory::in_force::load_as_reached(&pool, SystemClock.now()).await.map_err(|error| {
            Unreachable(error.context("the database did not answer: is it up, and has `vigie migrate` run?")).into()
        })
    })?;
    loaded.context("nothing is in force yet: start Vigie, or `vigie configuration publish`")
}

fn prove(city: &City, options: &Check) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let report = check::check(city, options.from.unwrap_or_else(|| SystemClock.now()), options.days);
    let errors = report.errors().count();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        for finding in &report.findings {
            println!("{finding}\n");
        }
        println!("Until a place manned 24 hours a day is told, when nobody answers:");
        for promise in &report.promises {
            println!("  {}", line(promise, city));
        }
        let warnings = report.findings.len() - errors;
        println!(
            "\n{errors} errors, {warnings} warnings. {} fiches: {} circuits carried, {} counted, {} not Vigie's.",
            report.fiches, report.carried, report.counted, report.outside
        );
        println!(
            "{} situations at each of {} minutes in {:.2} s, doctrine {}",
            report.situations,
            report.minutes,
            started.elapsed().as_secs_f64(),
            report.doctrine
        );
    }
    Ok(if errors == 0 { Outcome::Done } else { Outcome::Found })
}

fn line(promise: &Promise, city: &City) -> String {
    let bound = promise.within_min.map_or_else(|| "no bound".to_owned(), |min| format!("bound {min} min"));
    let worst = match (promise.worst_min, promise.worst_at, &promise.worst_in) {
        (Some(minutes), Some(at), Some(sector)) => {
            let local = at.to_zoned(city.doctrine.zone.clone()).strftime("%a %-d %b %H:%M").to_string();
            format!("at worst {minutes} min ({sector}, {local})")
        }
        (Some(_) | None, _, _) => "not told for sure".to_owned(),
    };
    format!("{:<18} {:<8} {bound:<14} {worst}", promise.kind.as_str(), promise.severity.code())
}
