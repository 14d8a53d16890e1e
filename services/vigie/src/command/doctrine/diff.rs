//! `vigie doctrine diff`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use vigie_domain::diff::diff;
use vigie_platform::clock::{Clock, SystemClock};

use crate::{Outcome, city, config::PathsConfig};

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Folder of the doctrine as it was.
    before: PathBuf,
    /// Folder of the doctrine as it will be; the configured one when absent.
    after: Option<PathBuf>,
    /// Folder of the directory as it was; the same as after when absent.
    #[arg(long, value_name = "FOLDER")]
    directory_before: Option<PathBuf>,
    /// Folder of the directory as it will be; the configured one when absent.
    #[arg(long, value_name = "FOLDER")]
    directory_after: Option<PathBuf>,
    /// Duty rosters are compared over the thirty days from this instant, RFC 3339; now when absent.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Every change as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(mut paths: PathsConfig, options: &Diff) -> anyhow::Result<Outcome> {
    if let Some(directory) = &options.directory_after {
        paths.directory.clone_from(directory);
    }
    let before = PathsConfig {
        doctrine: options.before.clone(),
        directory: options.directory_before.clone().unwrap_or_else(|| paths.directory.clone()),
        ..paths.clone()
    };
    if let Some(after) = &options.after {
        paths.doctrine.clone_from(after);
    }
    let read = |paths: &PathsConfig| {
        let folders = || format!("{} with {}", paths.doctrine.display(), paths.directory.display());
        city::read(paths).with_context(|| format!("{} cannot be compared", folders()))
    };
    let differences = diff(&read(&before)?, &read(&paths)?, options.from.unwrap_or_else(|| SystemClock.now()));
    if options.json {
        println!("{}", serde_json::to_string_pretty(&differences)?);
    } else {
        println!("{differences}");
    }
    Ok(if differences.is_empty() { Outcome::Done } else { Outcome::Found })
}
