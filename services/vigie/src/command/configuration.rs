//! `vigie configuration`: what is in force, published, taken back, written out.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use sqlx::PgPool;
use vigie_directory::{
    in_force,
    publication::{self, Demand, Draft, PublishError, Published},
    version::{self, Author, What},
};
use vigie_domain::city::{City, CityFiles};
use vigie_platform::{clock::SystemClock, database};

use crate::{Outcome, Unreachable, block_on, city, config::Config};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prove files and put them in force in every running process at once.
    #[command(
        after_help = "Refused whole, with every fault, when the files cannot be read or do not keep what they promise
(see `vigie doctrine check`). Incidents in flight keep the plan they have.

Examples:
  vigie configuration publish                           all three, from the configured paths
  vigie configuration publish --doctrine config/doctrine --note 'relances plus courtes, décision du comité'
  vigie configuration publish --doctrine draft/ --only-try"
    )]
    Publish(Publish),
    /// Say what is in force, and what came into force when.
    #[command(
        after_help = "Examples:\n  vigie configuration list\n  vigie configuration list --what doctrine --limit 5 --json"
    )]
    List(List),
    /// Put an earlier version back in force.
    #[command(
        after_help = "Examples:\n  vigie configuration rollback doctrine\n  vigie configuration rollback directory 4ea6c818"
    )]
    Rollback(Rollback),
    /// Write the files of what is in force into a folder.
    #[command(after_help = "Example:\n  vigie configuration export --out backup/")]
    Export {
        /// Folder to make; it must not exist yet.
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// Folder of a doctrine.
    #[arg(long, value_name = "DIR")]
    doctrine: Option<PathBuf>,
    /// Folder of a directory.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Packed territory.
    #[arg(long, value_name = "FILE")]
    territory: Option<PathBuf>,
    /// Why, for the history: functions, never names.
    #[arg(long)]
    note: Option<String>,
    /// Prove it and say what would change; put nothing in force.
    #[arg(long)]
    only_try: bool,
    /// Leave out what was in force before: later changes of it, made otherwise, stay.
    #[arg(long)]
    if_new: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only one of the three.
    #[arg(long)]
    what: Option<Which>,
    /// Activations shown, newest first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    what: Which,
    /// First digits of its hash, at least 6; the version before the present one when absent.
    hash: Option<String>,
    /// Why, for the history: functions, never names.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Which {
    Doctrine,
    Directory,
    Territory,
}

impl From<Which> for What {
    fn from(which: Which) -> Self {
        match which {
            Which::Doctrine => Self::Doctrine,
            Which::Directory => Self::Directory,
            Which::Territory => Self::Territory,
        }
    }
}

pub(crate) fn run(config: &Config, command: &Command) -> anyhow::Result<Outcome> {
    block_on(async {
        let pool = database::pool(&config.database, "directory", 2)?;
        match command {
            Command::Publish(options) => publish(config, &pool, options).await,
            Command::List(options) => list(&pool, options).await,
            Command::Rollback(options) => {
                let author = Author { note: options.note.clone(), ..Author::default() };
                let (what, hash) = (options.what.into(), options.hash.as_deref());
                told(publication::roll_back(&pool, what, hash, &author, &SystemClock).await, false)
            }
            Command::Export { out } => {
                let files = in_force::files(&pool).await.map_err(unreachable)?;
                write(&files.context("nothing is in force yet")?, out)
            }
        }
    })
}

async fn publish(config: &Config, pool: &PgPool, options: &Publish) -> anyhow::Result<Outcome> {
    let mut draft = draft(config, options)?;
    if options.if_new {
        let known =
            in_force::known(pool, &draft.over(Some(in_force_or(config, pool).await?))?).await.map_err(unreachable)?;
        for what in known {
            match what {
                What::Doctrine => draft.doctrine = None,
                What::Directory => draft.directory = None,
                What::Territory => draft.territory = None,
            }
        }
        if draft.doctrine.is_none() && draft.directory.is_none() && draft.territory.is_none() {
            eprintln!("nothing new: these files were in force before");
            return Ok(Outcome::Done);
        }
    }
    let author = Author { note: options.note.clone(), ..Author::default() };
    let change = |present: Option<CityFiles>| draft.over(present);
    let published = publication::publish(pool, change, Demand::Sound, &author, options.only_try, &SystemClock);
    told(published.await, options.only_try)
}

/// What is in force, or the configured files where nothing is.
async fn in_force_or(config: &Config, pool: &PgPool) -> anyhow::Result<CityFiles> {
    match in_force::files(pool).await.map_err(unreachable)? {
        Some(files) => Ok(files),
        None => city::files(&config.paths),
    }
}

/// The files named; all three of the configured paths when none is.
fn draft(config: &Config, options: &Publish) -> anyhow::Result<Draft> {
    let all = options.doctrine.is_none() && options.directory.is_none() && options.territory.is_none();
    let or_all = |given: &Option<PathBuf>, configured: &PathBuf| match given {
        Some(path) => Some(path.clone()),
        None => all.then(|| configured.clone()),
    };
    let paths = &config.paths;
    Ok(Draft {
        doctrine: or_all(&options.doctrine, &paths.doctrine).map(|path| city::doctrine(&path)).transpose()?,
        directory: or_all(&options.directory, &paths.directory).map(|path| city::directory(&path)).transpose()?,
        territory: or_all(&options.territory, &paths.territory).map(|path| city::territory(&path)).transpose()?,
    })
}

fn told(published: Result<Published, PublishError>, only_tried: bool) -> anyhow::Result<Outcome> {
    let Published { changed, touches, report, .. } = match published {
        Ok(published) => published,
        Err(error @ (PublishError::Faults(_) | PublishError::DoesNotHold(_))) => {
            eprintln!("{error}\n\nnothing was changed");
            return Ok(Outcome::Found);
        }
        Err(PublishError::Stored(error)) => return Err(unreachable(error.into())),
        Err(error) => return Err(error.into()),
    };
    for finding in &report.findings {
        println!("{finding}\n");
    }
    let names: Vec<&str> = changed.iter().map(|what| what.code()).collect();
    match (changed.is_empty(), only_tried) {
        (true, _) => println!("all of it is in force already"),
        (false, true) => println!("it holds; it would change: {}", names.join(", ")),
        (false, false) => println!("in force now: {}", names.join(", ")),
    }
    if !touches.is_empty() && !changed.is_empty() {
        let touches = touches.iter().map(|matter| matter.code()).collect::<Vec<_>>().join(", ");
        let done = if only_tried { "would be" } else { "is" };
        println!(
            "this changes who may do what ({touches}): from here it {done} in force at once and journalled as done by whoever \
             administers the machine; over HTTP a second administrator must approve it"
        );
    }
    Ok(Outcome::Done)
}

async fn list(pool: &PgPool, options: &List) -> anyhow::Result<Outcome> {
    let history = version::history(pool, options.what.map(What::from), options.limit).await;
    let history = history.map_err(|error| unreachable(error.into()))?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&history)?);
        return Ok(Outcome::Done);
    }
    for activation in &history {
        println!(
            "{}  {:<9} {}  {}{}{}",
            activation.at.strftime("%Y-%m-%d %H:%M:%SZ"),
            activation.what,
            activation.hash.get(..12).unwrap_or(&activation.hash),
            activation.by.as_deref().unwrap_or("(this machine)"),
            if activation.rolled_back { "  taken back" } else { "" },
            activation.note.as_deref().map(|note| format!("  {note}")).unwrap_or_default(),
        );
    }
    if history.is_empty() {
        println!("nothing is in force yet: start Vigie, or `vigie configuration publish`");
    }
    Ok(Outcome::Done)
}

fn write(files: &CityFiles, out: &PathBuf) -> anyhow::Result<Outcome> {
    let city = City::of(files)?;
    fs::create_dir(out).with_context(|| format!("cannot make {}", out.display()))?;
    let folder = |name: &str, texts: &BTreeMap<String, String>| {
        let folder = out.join(name);
        fs::create_dir(&folder)?;
        texts.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
    };
    folder("doctrine", &files.doctrine)?;
    folder("directory", &files.directory.named())?;
    fs::write(out.join("territory"), &files.territory)?;
    let hashes = city.hashes();
    println!("doctrine  {}\ndirectory {}\nterritory {}", hashes.doctrine, hashes.directory, hashes.territory);
    Ok(Outcome::Done)
}

/// Exit code 3 when the database is what is missing.
fn unreachable(error: anyhow::Error) -> anyhow::Error {
    Unreachable(error.context("the database did not answer: is it up, and has `vigie migrate` run?")).into()
}
