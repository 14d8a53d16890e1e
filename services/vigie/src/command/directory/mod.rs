//! `vigie directory`: its faults and holes, who is on duty, and the way in and out for people who keep it elsewhere.

mod check;
mod duty;
mod export;
mod import;
mod shifts;
mod store;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Subcommand;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::Serialize;
use vigie_domain::{
    directory::{self, Body, Directory, DirectoryFiles},
    territory::Territory,
};
use vigie_platform::clock::{Clock, SystemClock};
use vigie_proto::BodyId;

use crate::{Outcome, city, config::PathsConfig, moment::Moment};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List every fault of the directory, and the holes its rosters will have.
    #[command(
        after_help = "A hole is a time at which nobody is first on duty, or whoever is has no contact by a channel that its roster uses, or
none that was ever answered.

Examples:
  vigie directory check
  vigie directory check drafts/directory --from 2027-03-15 --days 60
  vigie directory check --json | jq '.gaps[] | {body, from, what}'

Exit codes: 0 nothing found, 1 faults or holes, 2 wrong usage or unreadable files."
    )]
    Check(check::Arguments),
    /// Say who is on duty, by function and channel.
    #[command(after_help = "Examples:
  vigie directory duty --body emas
  vigie directory duty --sector paris-19 --at 2026-12-24T22:00:00+01:00
  vigie directory duty --body emas --addresses")]
    Duty(duty::Arguments),
    /// List the shifts of a body's roster.
    #[command(after_help = "Examples:
  vigie directory shifts --body emas
  vigie directory shifts --body emas --position b --from 2026-12-01 --until 2027-01-01 --json")]
    Shifts(shifts::Arguments),
    /// Write the directory's files into a folder, or a roster as iCalendar.
    #[command(after_help = "Examples:
  vigie directory export --out copy/
  vigie directory export --ics --body emas --out emas.ics
  vigie directory export --ics --body emas --position b --days 90 --out emas-b.ics

The files are those the configuration names, checked first. A calendar has the shifts from the beginning of last month on, in
UTC, by function: no address and no name of a person.")]
    Export(export::Arguments),
    /// Take a directory, a file of it or a calendar into a directory's folder.
    #[command(after_help = "Examples:
  vigie directory import contacts.csv --into config/directory --dry-run
  vigie directory import contacts.csv --into config/directory --take-good
  vigie directory import winter.csv --as overrides.csv --into config/directory
  vigie directory import another-city/ --into config/directory
  vigie directory import emas.ics --ics --body emas --into config/directory

Of a CSV file (bodies, contacts, overrides, sources), rows with a known id replace, new ids are added, other rows stay;
--replace-all replaces the file. A folder replaces the whole directory. Of a calendar (RFC 5545), each event becomes an
override of the body's roster: X-VIGIE-POSITION names the position, else a category, else the summary; X-VIGIE-RANK the rank,
0 being first. Recurrences are followed for --days. A calendar imported again replaces what it had brought.

Every bad row is listed and nothing is changed, unless --take-good leaves the bad ones out.
Exit codes: 0 done, 1 bad rows and nothing changed, 2 wrong usage or unreadable files.")]
    Import(import::Arguments),
}

pub(crate) fn run(paths: &PathsConfig, command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Check(arguments) => check::run(paths, arguments),
        Command::Duty(arguments) => duty::run(paths, arguments),
        Command::Shifts(arguments) => shifts::run(paths, arguments),
        Command::Export(arguments) => export::run(paths, arguments),
        Command::Import(arguments) => import::run(paths, arguments),
    }
}

/// The directory in `folder`, or the configured one, with its files.
fn read(paths: &PathsConfig, folder: Option<&PathBuf>) -> anyhow::Result<(DirectoryFiles, Directory)> {
    let folder = folder.map_or(paths.directory.as_path(), PathBuf::as_path);
    let files = city::directory(folder)?;
    let directory = directory::read(&files, &territory(paths)?).with_context(|| in_folder(folder))?;
    Ok((files, directory))
}

fn territory(paths: &PathsConfig) -> anyhow::Result<Territory> {
    let bytes = city::territory(&paths.territory)?;
    Territory::from_bytes(&bytes).with_context(|| format!("in {}", paths.territory.display()))
}

fn in_folder(folder: &Path) -> String {
    format!("in {}", folder.display())
}

fn body<'a>(directory: &'a Directory, id: &BodyId) -> anyhow::Result<&'a Body> {
    directory.body(id).with_context(|| format!("there is no body `{id}` in the directory"))
}

/// The time zone of the rosters.
fn zone(directory: &Directory) -> TimeZone {
    let roster = directory.bodies().find_map(|body| body.roster.as_ref());
    roster.map_or(TimeZone::UTC, |roster| roster.zone.clone())
}

/// Prints it. Whoever reads may stop reading: that is no fault.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot print"),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// `1 change`, `2 changes`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// From `from`, now when absent, to `until`, or some days later.
fn period(
    from: Option<Moment>,
    until: Option<Moment>,
    days: u32,
    zone: &TimeZone,
) -> anyhow::Result<(Timestamp, Timestamp)> {
    let from = from.map_or_else(|| Ok(SystemClock.now()), |from| from.at(zone))?;
    let until = match until {
        Some(until) => until.at(zone)?,
        None => from.to_zoned(zone.clone()).checked_add(i64::from(days).days()).context("too many days")?.timestamp(),
    };
    anyhow::ensure!(from < until, "the period ends before it begins: give --until after --from");
    Ok((from, until))
}

/// `Mon 30 Nov 2026 08:00`, on the clock of `zone`; with the offset where the clock shows it twice.
fn local(at: Timestamp, zone: &TimeZone) -> String {
    let zoned = at.to_zoned(zone.clone());
    let twice =
        matches!(zone.to_ambiguous_timestamp(zoned.datetime()).offset(), jiff::tz::AmbiguousOffset::Fold { .. });
    zoned.strftime(if twice { "%a %e %b %Y %H:%M%:z" } else { "%a %e %b %Y %H:%M" }).to_string()
}
