//! `vigie directory export`.

use std::path::PathBuf;

use clap::Args;
use vigie_domain::directory::calendar;
use vigie_platform::clock::{Clock, SystemClock};
use vigie_proto::BodyId;

use super::{body, count, period, print, read, store, zone};
use crate::{Outcome, config::PathsConfig};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder for the files; with --ics, the file.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Write a roster as iCalendar.
    #[arg(long, requires = "body")]
    ics: bool,
    /// Whose roster.
    #[arg(long, requires = "ics")]
    body: Option<BodyId>,
    /// The shifts of one position only.
    #[arg(long, requires = "ics")]
    position: Option<String>,
    /// Days from now that the calendar covers.
    #[arg(long, requires = "ics", default_value_t = 366, value_parser = clap::value_parser!(u32).range(1..=1100))]
    days: u32,
    /// Folder of the directory; the configured one when absent.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(paths: &PathsConfig, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let (files, directory) = read(paths, arguments.directory.as_ref())?;
    let Some(id) = &arguments.body else {
        let written = store::write(&arguments.out, None, &files)?;
        print(&format!("{} in {}\n", count(written.len(), "file"), arguments.out.display()))?;
        return Ok(Outcome::Done);
    };
    let body = body(&directory, id)?;
    anyhow::ensure!(body.roster.is_some(), "body `{id}` has no roster");
    if let Some(position) = &arguments.position {
        let is_known = body.contacts.iter().any(|contact| contact.duty.as_ref() == Some(position));
        anyhow::ensure!(is_known, "no contact of `{id}` has duty `{position}`");
    }
    let (from, until) = period(None, None, arguments.days, &zone(&directory))?;
    let text = calendar::export(body, arguments.position.as_deref(), from, until, SystemClock.now());
    store::replace(&arguments.out, &text)?;
    print(&format!("{} in {}\n", count(text.matches("BEGIN:VEVENT").count(), "event"), arguments.out.display()))?;
    Ok(Outcome::Done)
}
