//! `vigie directory duty`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::directory::{Ambit, Body, Directory};
use vigie_platform::clock::{Clock, SystemClock};
use vigie_proto::{BodyId, Channel, SectorId};

use super::{body, local, print, print_json, read, zone};
use crate::{Outcome, config::PathsConfig, moment::Moment};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// One body; every body with a roster when neither this nor --sector is given.
    #[arg(long, conflicts_with = "sector")]
    body: Option<BodyId>,
    /// The bodies of a sector.
    #[arg(long)]
    sector: Option<SectorId>,
    /// A day or an instant; now when absent.
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// Also show numbers and addresses: they are personal, keep the output to yourself.
    #[arg(long)]
    addresses: bool,
    /// The same as JSON.
    #[arg(long)]
    json: bool,
    /// Folder of the directory; the configured one when absent.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// One rank of one body, or its permanent contact points.
#[derive(Debug, Serialize)]
struct Line<'a> {
    body: &'a BodyId,
    name: &'a str,
    /// 0 is first on duty; absent for permanent contact points.
    rank: Option<usize>,
    position: Option<&'a str>,
    contacts: Vec<Way<'a>>,
}

#[derive(Debug, Serialize)]
struct Way<'a> {
    channel: Channel,
    proven: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
}

pub(crate) fn run(paths: &PathsConfig, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let (_, directory) = read(paths, arguments.directory.as_ref())?;
    let zone = zone(&directory);
    let at = arguments.at.map_or_else(|| Ok(SystemClock.now()), |at| at.at(&zone))?;
    let bodies = bodies(&directory, arguments)?;
    let lines: Vec<Line<'_>> = bodies.into_iter().flat_map(|body| lines(body, at, arguments.addresses)).collect();
    if arguments.json {
        print_json(&lines)?;
        return Ok(Outcome::Done);
    }
    let (mut text, mut last) = (vec![format!("on {}", local(at, &zone))], None);
    for line in &lines {
        if last.replace(line.body) != Some(line.body) {
            text.push(format!("\n{} ({})", line.name, line.body));
        }
        text.push(format!("  {}", said(line)));
    }
    print(&(text.join("\n") + "\n"))?;
    Ok(Outcome::Done)
}

fn bodies<'a>(directory: &'a Directory, arguments: &Arguments) -> anyhow::Result<Vec<&'a Body>> {
    if let Some(id) = &arguments.body {
        return Ok(vec![body(directory, id)?]);
    }
    let Some(sector) = &arguments.sector else {
        return Ok(directory.bodies().filter(|body| body.roster.is_some()).collect());
    };
    let ambit = Ambit::Sector(sector.clone());
    let bodies: Vec<&Body> = directory.bodies().filter(|body| body.ambit == ambit).collect();
    (!bodies.is_empty()).then_some(bodies).with_context(|| format!("no body of the directory acts in `{sector}`"))
}

fn lines(body: &Body, at: Timestamp, addresses: bool) -> Vec<Line<'_>> {
    let ways = |position: Option<&str>| {
        let own = body.contacts.iter().filter(|contact| contact.duty.as_deref() == position);
        own.map(|contact| Way {
            channel: contact.channel,
            proven: contact.is_proven(),
            address: addresses.then_some(contact.address.as_str()),
        })
        .collect()
    };
    let line = |rank, position| Line { body: &body.id, name: &body.name, rank, position, contacts: ways(position) };
    let ranks = body.roster.iter().flat_map(|roster| {
        roster.ranks().into_iter().filter_map(move |rank| Some(line(Some(rank), Some(roster.on_duty(rank, at)?))))
    });
    let permanent = body.contacts.iter().any(|contact| contact.duty.is_none()).then(|| line(None, None));
    permanent.into_iter().chain(ranks).collect()
}

fn said(line: &Line<'_>) -> String {
    let who = match (line.rank, line.position) {
        (Some(rank), Some(position)) => format!("rank {rank}, position {position}"),
        _ => "permanent".to_owned(),
    };
    let way = |way: &Way<'_>| {
        let address = way.address.map_or_else(String::new, |address| format!(" {address}"));
        format!("{}{address}{}", way.channel, if way.proven { "" } else { " (never answered)" })
    };
    let ways: Vec<String> = line.contacts.iter().map(way).collect();
    let ways = if ways.is_empty() { "no contact".to_owned() } else { ways.join(", ") };
    format!("{who:<22} {ways}")
}
