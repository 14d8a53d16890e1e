//! `vigie doctrine explain`: a plan as a timeline.

use anyhow::{anyhow, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp, Zoned};
use vigie_domain::{
    assess::{Assessment, assess},
    city::City,
    doctrine::Situation,
    timeline::{BodyTold, Debt, Moment, StepTold, Timeline, Told, timeline},
};
use vigie_platform::clock::{Clock, SystemClock};
use vigie_proto::{
    Channel, CrisisRegime, Kind, Nature, RoleId, SectorId, Severity, Uai,
    plan::{Expects, Rank},
    signal::Location,
};

use crate::{Outcome, city, config::PathsConfig};

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// As the doctrine names it; another word gets the list.
    #[arg(long)]
    kind: Kind,
    /// watch, tension, serious or fatal; or in French.
    #[arg(long)]
    severity: Severity,
    /// A sector (`paris-19`) or a school (UAI).
    #[arg(long, value_name = "SECTOR|UAI")]
    at: String,
    /// When the signal comes, RFC 3339; now when absent.
    #[arg(long, value_name = "TIME")]
    on: Option<Timestamp>,
    /// Role of the raiser.
    #[arg(long, value_name = "ROLE", default_value = "scop")]
    raised_by: RoleId,
    /// Crisis regime: none, local, city or national.
    #[arg(long, default_value = "none", value_parser = regime)]
    regime: CrisisRegime,
    /// When it is announced to happen, RFC 3339.
    #[arg(long, value_name = "TIME")]
    expected: Option<Timestamp>,
    /// It is an exercise.
    #[arg(long)]
    exercise: bool,
    /// The timeline as JSON.
    #[arg(long)]
    json: bool,
}

fn regime(text: &str) -> Result<CrisisRegime, String> {
    let known = CrisisRegime::ALL.map(CrisisRegime::code);
    let found = CrisisRegime::ALL.into_iter().find(|regime| regime.code() == text);
    found.ok_or_else(|| format!("there is no regime `{text}`: {}", known.join(", ")))
}

pub(super) fn run(paths: &PathsConfig, explain: &Explain) -> anyhow::Result<Outcome> {
    let city = city::read(paths)?;
    let situation = situation(explain, &city)?;
    let story = timeline(&city, &situation, explain.on.unwrap_or_else(|| SystemClock.now()));
    if explain.json {
        println!("{}", serde_json::to_string_pretty(&story)?);
    } else {
        print(&story, &situation, &city);
    }
    Ok(Outcome::Done)
}

fn situation(explain: &Explain, city: &City) -> anyhow::Result<Situation> {
    let rule = city.doctrine.kind(&explain.kind).ok_or_else(|| {
        let known: Vec<_> = city.doctrine.kinds.keys().map(Kind::as_str).collect();
        anyhow!("there is no kind `{}`: {}", explain.kind, known.join(", "))
    })?;
    if city.directory.role(&explain.raised_by).is_none() {
        let raises = |(_, role): &(&RoleId, &vigie_domain::directory::Role)| role.raises.contains(&explain.kind);
        let known: Vec<_> = city.directory.role_rules().filter(raises).map(|(id, _)| id.as_str()).collect();
        bail!("there is no role `{}`; {} is raised by: {}", explain.raised_by, explain.kind, known.join(", "));
    }
    let Assessment { sectors, neighbours, school, schools_around, .. } =
        assess(&location(explain, city)?, f64::INFINITY, rule, &city.territory)?;
    Ok(Situation {
        kind: explain.kind.clone(),
        severity: explain.severity,
        raised_by: explain.raised_by.clone(),
        sectors,
        neighbours,
        school,
        schools_around,
        raiser: None,
        regime: explain.regime,
        nature: if explain.exercise { Nature::Exercise } else { Nature::Real },
        expected_at: explain.expected,
    })
}

fn location(explain: &Explain, city: &City) -> anyhow::Result<Location> {
    if let Ok(uai) = Uai::new(explain.at.as_str()) {
        return Ok(Location::School { uai });
    }
    let sectors = city.territory.sectors();
    let known = sectors.iter().find(|sector| sector.id.as_str() == explain.at).map(|sector| sector.id.clone());
    let sector = known.ok_or_else(|| {
        let known: Vec<&str> = sectors.iter().filter(|s| s.in_paris).map(|s| s.id.as_str()).collect();
        anyhow!("there is no sector `{}`, and it is no UAI: {}", explain.at, known.join(", "))
    })?;
    Ok(Location::Sector { sector })
}

fn print(story: &Timeline, situation: &Situation, city: &City) {
    let sectors: Vec<&str> = situation.sectors.iter().map(SectorId::as_str).collect();
    let exercise = if situation.nature.is_exercise() { ", an exercise" } else { "" };
    println!(
        "{}, {}, in {}, raised by {}, regime {}{exercise}",
        situation.kind,
        situation.severity,
        sectors.join(", "),
        city.directory.role_label(&situation.raised_by),
        situation.regime
    );
    println!("opened on {}; doctrine {}", day_and_time(&story.opened), &story.doctrine);
    for circuit in &story.circuits {
        println!("\n{} {} (contract, lines {})", circuit.circuit, circuit.title, circuit.lines);
        println!("    who must take charge: {}", circuit.taken_charge_by);
        if let Some(guidance) = &circuit.guidance {
            println!("    kept in mind: {guidance}");
        }
    }
    if story.circuits.is_empty() {
        println!("\nNo circuit applies: nobody is told.");
    }
    let mut day = None;
    for moment in &story.moments {
        if day != Some(moment.at.date()) {
            day = Some(moment.at.date());
            println!("\n{}", moment.at.strftime("%A %-d %B %Y"));
        }
        print_moment(moment);
    }
    let (announced, others): (Vec<_>, Vec<_>) = story.waiting.iter().partition(|waits| waits.is_for_announced_time());
    for (title, waiting) in
        [("If a time were announced (--expected)", announced), ("After something else has happened", others)]
    {
        if !waiting.is_empty() {
            println!("\n{title}");
        }
        for waits in waiting {
            println!("  {}", waits.when);
            print_step(&waits.step);
        }
    }
    print_debts(&story.owed);
}

fn print_moment(moment: &Moment) {
    let offset = match moment.after_s {
        0 => "at once".to_owned(),
        seconds => format!("+{:#}", SignedDuration::from_secs(seconds)),
    };
    println!("  {}  {offset}", moment.at.strftime("%H:%M"));
    for step in &moment.steps {
        print_step(step);
    }
}

fn print_step(step: &StepTold) {
    println!("      {}/{}: {}{}", step.circuit, step.step, channels(step), conditions(step));
    for told in &step.tell {
        print_told(told, "          ");
    }
}

fn channels(step: &StepTold) -> String {
    let list = |channels: &[Channel], and: &str| channels.iter().map(|c| c.code()).collect::<Vec<_>>().join(and);
    let first = list(&step.channels, " and ");
    if step.fallback.is_empty() { first } else { format!("{first}, failing that {}", list(&step.fallback, ", then ")) }
}

fn conditions(step: &StepTold) -> String {
    let mut words = match step.expects {
        Expects::Acknowledgement => ", asked to take charge".to_owned(),
        Expects::Nothing => ", for information".to_owned(),
    };
    if step.unless_acknowledged {
        words.push_str(", unless somebody has taken charge");
    }
    if let Some(what) = &step.unless_returned {
        words = format!("{words}, unless « {what} » was given");
    }
    if step.digest {
        words.push_str(", read together with others of the hour");
    }
    if step.survives_closing {
        words.push_str(", also when closed");
    }
    words
}

fn print_told(told: &Told, indent: &str) {
    let rank = match told.rank {
        Rank::Desk => ", its desk",
        Rank::First => "",
        Rank::Second => ", second on duty",
        Rank::All => ", everybody on the roster",
    };
    let hours = told.hours.as_ref().map(|note| {
        let state = if note.open { "open" } else { "closed" };
        format!(" [{}, {}: {state}]", note.label, note.hours.join(" and "))
    });
    let hours = hours.unwrap_or_default();
    let closed = told.hours.as_ref().is_some_and(|note| !note.open);
    if told.bodies.is_empty() {
        let who =
            if closed { "not told at that hour".to_owned() } else { format!("nobody has this role {}", told.place) };
        println!("{indent}{}{rank}: {who}{hours}", told.label);
    }
    for body in &told.bodies {
        println!("{indent}{} ({}{rank}): {}{hours}", body.name, told.label, reached(body));
    }
    if closed && !told.instead.is_empty() {
        println!("{indent}  instead:");
        for other in &told.instead {
            print_told(other, &format!("{indent}    "));
        }
    }
}

/// `2 by sms, on duty a and b; 1 by email`.
fn reached(body: &BodyTold) -> String {
    if body.reached.is_empty() {
        return "NOBODY CAN BE REACHED THERE".to_owned();
    }
    let parts = body.reached.iter().map(|reached| {
        let fallback = if reached.by_fallback { " (fallback)" } else { "" };
        let duty = if reached.positions.is_empty() {
            String::new()
        } else {
            format!(", on duty {}", reached.positions.join(" and "))
        };
        format!("{} by {}{fallback}{duty}", reached.contacts, reached.channel)
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn print_debts(debts: &[Debt]) {
    if !debts.is_empty() {
        println!("\nOwed");
    }
    for debt in debts {
        let due = debt.due.as_ref().map_or_else(|| "once closed".to_owned(), |due| format!("by {}", day_and_time(due)));
        let blocks = if debt.blocks_closing { ", before it can be closed" } else { "" };
        let unknown = if debt.may_be_unknown { ", « no known outcome » settles it" } else { "" };
        println!(
            "  {due}: « {} », by {} to {}{blocks}{unknown} ({}, lines {})",
            debt.what, debt.by, debt.to, debt.circuit, debt.lines
        );
    }
}

fn day_and_time(at: &Zoned) -> String {
    at.strftime("%A %-d %B %Y %H:%M %Z").to_string()
}
