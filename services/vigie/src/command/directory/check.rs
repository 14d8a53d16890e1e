//! `vigie directory check`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use vigie_domain::directory::{self, Body, Directory, Fault, Gap, duty_channels, gaps};
use vigie_platform::config::PathsConfig;

use super::{local, period, zone};
use crate::{Outcome, city, moment::Moment};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder of the directory; the configured one when absent.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// First day or instant examined; now when absent.
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// Days examined.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// The findings as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(paths: &PathsConfig, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let files = city::directory(arguments.folder.as_ref().unwrap_or(&paths.directory))?;
    match directory::read(&files, &city::territory(&paths.territory)?) {
        Ok(directory) => holes(&directory, arguments),
        Err(error) => faults(&error.0, arguments.json),
    }
}

fn faults(faults: &[Fault], as_json: bool) -> anyhow::Result<Outcome> {
    if as_json {
        println!("{}", serde_json::to_string_pretty(&json!({ "faults": faults, "gaps": [] }))?);
    } else {
        for fault in faults {
            println!("{fault}");
        }
        println!("\n{} faults; rosters were not examined.", faults.len());
    }
    Ok(Outcome::Found)
}

fn holes(directory: &Directory, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let zone = zone(directory);
    let (from, until) = period(arguments.from, None, arguments.days, &zone)?;
    let rosters: Vec<&Body> = directory.bodies().filter(|body| body.roster.is_some()).collect();
    let gaps: Vec<Gap> = rosters.iter().flat_map(|body| gaps(body, &duty_channels(body), from, until)).collect();
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&json!({ "faults": [], "gaps": gaps }))?);
    } else {
        for Gap { body, from, until, lack } in &gaps {
            println!("{body}: from {} to {}, {lack}", local(*from, &zone), local(*until, &zone));
            println!("    {}", lack.remedy());
        }
        println!(
            "{} bodies, {} rosters: no fault, {} holes between {} and {}",
            directory.bodies().count(),
            rosters.len(),
            gaps.len(),
            local(from, &zone),
            local(until, &zone)
        );
    }
    Ok(if gaps.is_empty() { Outcome::Done } else { Outcome::Found })
}
