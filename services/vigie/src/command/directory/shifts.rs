//! `vigie directory shifts`.

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use vigie_domain::directory::{By, Shift, shifts};
use vigie_proto::BodyId;

use super::{body, local, period, print, print_json, read, zone};
use crate::{Outcome, config::PathsConfig, moment::Moment};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    body: BodyId,
    /// The shifts of one position only.
    #[arg(long)]
    position: Option<String>,
    /// First day or instant; now when absent.
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// End of the period, not included; 30 days later when absent.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// The same as JSON, in UTC.
    #[arg(long)]
    json: bool,
    /// Folder of the directory; the configured one when absent.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(paths: &PathsConfig, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let (_, directory) = read(paths, arguments.directory.as_ref())?;
    let (body, zone) = (body(&directory, &arguments.body)?, zone(&directory));
    anyhow::ensure!(body.roster.is_some(), "body `{}` has no roster", body.id);
    let (from, until) = period(arguments.from, arguments.until, 30, &zone)?;
    let wanted = |shift: &Shift| arguments.position.as_ref().is_none_or(|position| *position == shift.position);
    let shifts: Vec<Shift> = shifts(body, from, until).into_iter().filter(wanted).collect();
    if arguments.json {
        print_json(&shifts)?;
        return Ok(Outcome::Done);
    }
    let heading = format!("{:<24} {:<24} {:<5} {:<16} by\n", "from", "until", "rank", "position");
    print(&shifts.iter().map(|shift| row(shift, &zone)).fold(heading, |text, row| text + &row))?;
    Ok(Outcome::Done)
}

fn row(Shift { rank, position, from, until, by }: &Shift, zone: &TimeZone) -> String {
    let by = match by {
        By::Rotation => "rotation",
        By::Override(id) => id,
    };
    format!("{:<24} {:<24} {rank:<5} {position:<16} {by}\n", local(*from, zone), local(*until, zone))
}
