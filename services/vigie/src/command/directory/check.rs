//! `vigie directory check`.

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;
use vigie_domain::directory::{self, Body, Directory, Fault, Gap, duty_channels, gaps};

use super::{count, local, period, print, print_json, territory, zone};
use crate::{Outcome, city, config::PathsConfig, moment::Moment};

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
    match directory::read(&files, &territory(paths)?) {
        Ok(directory) => holes(&directory, arguments),
        Err(error) => faults(&error.0, arguments.json),
    }
}

fn faults(faults: &[Fault], as_json: bool) -> anyhow::Result<Outcome> {
    if as_json {
        print_json(&json!({ "faults": faults, "gaps": [] }))?;
    } else {
        let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
        print(&format!("{}\n\n{}; rosters were not examined\n", lines.join("\n"), count(lines.len(), "fault")))?;
    }
    Ok(Outcome::Found)
}

fn holes(directory: &Directory, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let zone = zone(directory);
    let (from, until) = period(arguments.from, None, arguments.days, &zone)?;
    let rosters: Vec<&Body> = directory.bodies().filter(|body| body.roster.is_some()).collect();
    let gaps: Vec<Gap> = rosters.iter().flat_map(|body| gaps(body, &duty_channels(body), from, until)).collect();
    if arguments.json {
        print_json(&json!({ "faults": [], "gaps": gaps }))?;
    } else {
        let lines: String = gaps.iter().map(|gap| said(gap, &zone)).collect();
        print(&format!(
            "{lines}{} bodies, {}: no fault, {} between {} and {}\n",
            directory.bodies().count(),
            count(rosters.len(), "roster"),
            count(gaps.len(), "hole"),
            local(from, &zone),
            local(until, &zone)
        ))?;
    }
    Ok(if gaps.is_empty() { Outcome::Done } else { Outcome::Found })
}

fn said(Gap { body, from, until, lack }: &Gap, zone: &TimeZone) -> String {
    let (from, until) = (local(*from, zone), local(*until, zone));
    format!("{body}: from {from} to {until}, {lack}\n    {}\n", lack.remedy())
}
