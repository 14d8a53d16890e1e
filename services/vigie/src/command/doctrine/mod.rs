//! `vigie doctrine`: check it, explain a plan, compare two, print the table of circuits.

mod check;
mod diff;
mod explain;

use clap::Subcommand;
use vigie_domain::doctrine::table;

use crate::{Outcome, city, config::Config};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prove the doctrine with its directory and territory, at every minute of the coming days.
    #[command(
        after_help = "Every kind, severity, crisis regime, sector, raiser and minute is examined: somebody proven is told, a place manned
24 hours a day within the bound the kind declares, no step without a target, no loop, nothing confidential where it may
not go. Errors keep a doctrine from being activated; warnings are worth a look.

Examples:
  vigie doctrine check
  vigie doctrine check config/doctrine --from 2027-03-15T00:00:00+01:00 --days 30
  vigie doctrine check --in-force                  as drills found the contact points
  vigie doctrine check --json | jq '.findings[] | select(.level == \"error\")'"
    )]
    Check(check::Check),
    /// Say what changes, and for whom, between two doctrines or directories.
    #[command(
        after_help = "Every kind, severity, crisis regime and sector is laid out before and after; a same change in many is said
once: who is told newly, no longer, sooner or later, by other channels, in other hours; whose answer ends it; what is
owed; then the rules that no plan shows. Comments, the order of files and the names of steps change nothing.

Exit codes: 0 nothing changes, 1 something does, 2 one of the two cannot be read.

Examples:
  vigie doctrine diff /srv/vigie/doctrine-in-force
  vigie doctrine diff old/doctrine new/doctrine --directory-before old/directory --directory-after new/directory
  vigie doctrine diff old/doctrine --json | jq '.plans[] | select(.change.is == \"no-longer-told\")'"
    )]
    Diff(diff::Diff),
    /// Print who would be told, when, by which channel, and by which circuit, in order of time.
    #[command(
        after_help = "What waits for something (an answer, the closing, an announced time) and what is owed stand in their own
parts. Duty positions are those of the moment the step comes; persons are never named.

Examples:
  vigie doctrine explain --kind rixe --severity serious --at paris-19
  vigie doctrine explain --kind rixe --severity tension --at 0750507U --on 2026-11-23T23:00:00+01:00
  vigie doctrine explain --kind rixe --severity serious --at paris-19 --expected 2026-11-23T17:00:00+01:00
  vigie doctrine explain --kind crisis-event --severity fatal --at paris-11 --regime national --exercise --json"
    )]
    Explain(explain::Explain),
    /// Print every circuit of the contract and what Vigie does with it, in Markdown.
    Table,
}

pub(crate) fn run(config: &Config, command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Check(options) => check::run(config, options),
        Command::Diff(options) => diff::run(config.paths.clone(), options),
        Command::Explain(options) => explain::run(&config.paths, options),
        Command::Table => {
            print!("{}", table(&city::read(&config.paths)?.doctrine));
            Ok(Outcome::Done)
        }
    }
}
