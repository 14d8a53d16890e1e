//! `vigie bench`: figures of this machine, each next to what it is compared with in the same run.

mod geofence;

use clap::Subcommand;

use crate::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure how long an exact answer to "where is this point" takes, next to rstar with geo.
    Geofence(geofence::Arguments),
}

pub(crate) fn run(command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Geofence(arguments) => geofence::run(arguments),
    }
}
