//! The one binary: runs the services, and the tools.

mod bench;
mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a command ends with, as an exit code; 2 is for wrong usage or configuration, which is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Done, nothing to report: 0.
    Done,
    /// Done, and the check found something: 1.
    Found,
}

/// Alerts the people concerned by what schools, the police and sensors report in Paris.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build or describe the territory: sectors, quartiers, communes and schools.
    #[command(subcommand)]
    Territory(command::territory::Command),
    /// Say where a position is: its sector, and what lies around it.
    Locate(command::locate::Arguments),
    /// Measure this machine, next to the limit found in the same run.
    #[command(subcommand)]
    Bench(bench::Command),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Territory(command) => command::territory::run(command),
        Command::Locate(arguments) => command::locate::run(&arguments),
        Command::Bench(command) => bench::run(&command),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(error) => {
            eprintln!("vigie: {error:#}");
            ExitCode::from(2)
        }
    }
}
