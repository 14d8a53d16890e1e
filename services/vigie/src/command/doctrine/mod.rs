//! `vigie doctrine`: check it, explain a plan, print the table of circuits.

use std::{path::PathBuf, time::Instant};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use vigie_domain::{
    assess::{Assessment, assess},
    city::City,
    doctrine::{
        Situation,
        check::{self, Promise},
        freeze, table,
    },
};
use vigie_platform::{
    clock::{Clock, SystemClock},
    config::Config,
};
use vigie_proto::{
    Kind, RoleId, SectorId, Severity, Uai,
    plan::{Plan, PlannedStep, Rank, Scope, Target},
    signal::Location,
};

use crate::{Outcome, city};

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
  vigie doctrine check --json | jq '.findings[] | select(.level == \"error\")'"
    )]
    Check(Check),
    /// Print who would be told, when, by which channel, and by which circuit.
    #[command(after_help = "Examples:
  vigie doctrine explain --kind rixe --severity serious --at paris-19
  vigie doctrine explain --kind rixe --severity tension --at 0750507U --raised-by etablissement --on 2026-11-23T16:00:00+01:00")]
    Explain(Explain),
    /// Print every circuit of the contract and what Vigie does with it, in Markdown.
    Table,
}

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
    /// The whole report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[arg(long)]
    kind: Kind,
    #[arg(long)]
    severity: Severity,
    /// A sector (`paris-19`) or a school (UAI).
    #[arg(long)]
    at: String,
    /// When the signal comes, RFC 3339; now when absent.
    #[arg(long)]
    on: Option<Timestamp>,
    /// Role of the raiser.
    #[arg(long, default_value = "scop")]
    raised_by: RoleId,
}

pub(crate) fn run(config: &Config, command: &Command) -> anyhow::Result<Outcome> {
    let mut paths = config.paths.clone();
    match command {
        Command::Check(options) => {
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
        Command::Table => {
            print!("{}", table(&city::read(&paths)?.doctrine));
            Ok(Outcome::Done)
        }
        Command::Explain(explain) => {
            let city = city::read(&paths)?;
            let now = explain.on.unwrap_or_else(|| SystemClock.now());
            let situation = situation(explain, &city)?;
            print(&freeze(&city.doctrine, &situation, now, 1.0), &city, now);
            Ok(Outcome::Done)
        }
    }
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

fn situation(explain: &Explain, city: &City) -> anyhow::Result<Situation> {
    let rule = city.doctrine.kind(&explain.kind).ok_or_else(|| {
        let known: Vec<_> = city.doctrine.kinds.keys().map(Kind::as_str).collect();
        anyhow::anyhow!("kind `{}` is not in the doctrine: {}", explain.kind, known.join(", "))
    })?;
    let location = match Uai::new(explain.at.as_str()) {
        Ok(uai) => Location::School { uai },
        Err(_) => Location::Sector { sector: SectorId::new(explain.at.as_str())? },
    };
    let Assessment { sectors, neighbours, school, schools_around, .. } = assess(&location, rule, &city.territory)?;
    Ok(Situation {
        kind: explain.kind.clone(),
        severity: explain.severity,
        raised_by: explain.raised_by.clone(),
        sectors,
        neighbours,
        school,
        schools_around,
        raiser: None,
        regime: vigie_proto::CrisisRegime::None,
        nature: vigie_proto::Nature::Real,
        expected_at: None,
    })
}

fn print(plan: &Plan, city: &City, now: Timestamp) {
    println!("doctrine {}", plan.doctrine);
    for circuit in &plan.circuits {
        println!("\n{} (contract, lines {})", circuit.id, circuit.lines);
        for step in &circuit.steps {
            let after = step.due_at.duration_since(now);
            let unless = if step.unless_acknowledged { ", unless acknowledged" } else { "" };
            println!("  +{after:#}{unless}: {} by {}", step.id, channels(step));
            for target in &step.tell {
                for body in city.directory.bodies_of(target) {
                    println!("      {} — {}{}", body.name, city.directory.role_label(&body.role), depth(target));
                }
                if city.directory.bodies_of(target).is_empty() {
                    println!("      nobody: no body of role {} {}", target.role, scope(&target.scope));
                }
            }
        }
    }
}

fn channels(step: &PlannedStep) -> String {
    let list = |channels: &[vigie_proto::Channel]| channels.iter().map(|c| c.code()).collect::<Vec<_>>().join(" + ");
    if step.fallback.is_empty() {
        list(&step.channels)
    } else {
        format!("{}, failing that {}", list(&step.channels), list(&step.fallback))
    }
}

fn depth(target: &Target) -> &'static str {
    match target.rank {
        Rank::First => "",
        Rank::Second => ", second on duty",
        Rank::All => ", everybody on the roster",
    }
}

fn scope(scope: &Scope) -> String {
    match scope {
        Scope::City => "in the city".to_owned(),
        Scope::Sectors(ids) => format!("in {}", ids.iter().map(SectorId::as_str).collect::<Vec<_>>().join(", ")),
        Scope::Bodies(ids) => format!("among {} named bodies", ids.len()),
        Scope::Schools(uais) => format!("for {} schools", uais.len()),
    }
}
