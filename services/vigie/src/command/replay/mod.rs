//! `vigie replay`: what the doctrine would have done with a real stream of signals, in virtual time.

mod differences;
mod figures;
mod french;
mod headline;
mod list;
mod page;
mod picture;
mod report;
mod source;
mod table;
mod tally;
mod wording;

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Args;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use vigie_domain::{
    assess::assess,
    city::City,
    simulation::{Answers, Observer, Simulation},
};
use vigie_proto::event::SignalRaisedV1;

use self::{
    differences::Differences,
    figures::{Days, Figures},
    list::List,
    report::{FORMAT, Report, Setting, Speed, Stream},
    source::{csv, journal, mapping::Mapping},
    tally::Tally,
};
use crate::{Outcome, block_on, city, config::Config, moment::Moment};

/// How bodies are supposed to answer when nothing else is said.
const USUAL_ANSWERS: &str = include_str!("../../../../../config/replay/answers.toml");

/// Time played after the last signal: long enough for every reminder and return.
const AFTERWARDS: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Play a past stream of signals through the doctrine, in virtual time, and report who would have been told, and when.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vigie replay --csv accidents.csv --map config/replay/accidents.toml --until 2013-01-01 --out report/
  vigie replay --csv accidents.csv --map config/replay/accidents.toml --against draft-doctrine/ --nobody-answers
  vigie replay --csv dmr.csv --map config/replay/dmr.toml --seed 7 --json > report.json
  vigie replay --csv accidents.csv --map config/replay/accidents.toml --told told.csv
  vigie replay --journal --from 2026-11-01 --until 2026-12-01 --out report/
  vigie replay --csv accidents.csv --map config/replay/accidents.toml --speed-report

Nothing is sent and nothing is written but the report. Same inputs and same seed, same report, byte for byte.
How a mapping and a file of answers are written, and what the JSON means: services/vigie/REPLAY.md.
Exit codes: 0 done; 1 rows could not be read and --strict was given: nothing was played; 2 wrong usage or
configuration; 3 the database is unreachable.")]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a command")]
pub(crate) struct Arguments {
    /// Signals from this CSV file; --map says how to read it.
    #[arg(
        long,
        value_name = "FILE",
        requires = "map",
        conflicts_with = "journal",
        required_unless_present = "journal"
    )]
    csv: Option<PathBuf>,
    /// How the columns of the CSV file make signals.
    #[arg(long, value_name = "TOML", requires = "csv")]
    map: Option<PathBuf>,
    /// Signals from the journal, compared with what really happened.
    #[arg(long)]
    journal: bool,
    /// Folder of the doctrine; the configured one when absent.
    #[arg(long, value_name = "DIR")]
    doctrine: Option<PathBuf>,
    /// Folder of another doctrine, to compare with.
    #[arg(long, value_name = "DIR", conflicts_with = "journal")]
    against: Option<PathBuf>,
    /// Folder of the directory; the configured one when absent.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Signals from this day (local midnight) or instant (RFC 3339) on.
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// Signals before this day or instant.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// How bodies answer; config/replay/answers.toml when absent.
    #[arg(long, value_name = "TOML", conflicts_with = "nobody_answers")]
    answers: Option<PathBuf>,
    /// Nobody answers: every escalation goes to its last step.
    #[arg(long)]
    nobody_answers: bool,
    /// What every draw follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Play nothing when a row cannot be read.
    #[arg(long)]
    strict: bool,
    /// Also say how fast it went and where the time was spent.
    #[arg(long)]
    speed_report: bool,
    /// Also write report.html, report.json and the pictures (SVG) into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write every telling into this CSV file: when, whom, by which step and channel.
    #[arg(long, value_name = "FILE")]
    told: Option<PathBuf>,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Show progress on standard error; shown anyway on a terminal when it takes long.
    #[arg(long)]
    progress: bool,
}

/// What is to be played.
struct Source {
    name: String,
    signals: Vec<SignalRaisedV1>,
    rows: u64,
    skipped: u64,
    bad: Vec<csv::BadRow>,
    /// What really happened, when the journal says, and until when it does.
    real: Option<(Tally, Timestamp)>,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let city = read_city(config, arguments, arguments.doctrine.as_deref())?;
    let against = arguments.against.as_deref().map(|folder| read_city(config, arguments, Some(folder))).transpose()?;
    let city_s = started.elapsed();
    let answers = read_answers(arguments, &city)?;
    let started = Instant::now();
    let source = read_source(config, arguments, &city)?;
    let stream_s = started.elapsed();
    if arguments.strict && !source.bad.is_empty() {
        for row in &source.bad {
            eprintln!("line {}: {}", row.line, row.why);
        }
        eprintln!("vigie: {} rows cannot be read: nothing was played (--strict)", source.bad.len());
        return Ok(Outcome::Found);
    }
    let (Some(first), Some(last)) = (source.signals.first(), source.signals.last()) else {
        anyhow::bail!(
            "no signal to play: check the file, the mapping's filters, --from and --until{}",
            first_bad(&source.bad)
        );
    };
    let zone = &city.doctrine.zone;
    let (first, last) = (first.received_at, last.received_at);
    let days = days(arguments, (first, last), zone)?;
    let keeps_pairs = against.is_some() || source.real.is_some();
    let played_until = source.real.as_ref().map_or(last + AFTERWARDS, |(_, until)| *until);
    let player = Player { signals: &source.signals, answers: &answers, seed: arguments.seed, until: played_until };
    let started = Instant::now();
    let (tally, progress) = (Tally::new(zone.clone(), keeps_pairs), Progress::new(arguments.progress));
    let tally = match &arguments.told {
        None => player.play(&city, tally, &progress)?,
        Some(file) => {
            let (tally, told) = player.play(&city, (tally, List::create(file, zone.clone())?), &progress)?;
            told.finish().with_context(|| format!("cannot write {}", file.display()))?;
            tally
        }
    };
    let counted_s = started.elapsed();
    let started = Instant::now();
    let run = Figures::of(&tally, &city, days);
    let figures_s = started.elapsed();
    let other = match (&against, source.real) {
        (Some(other), _) => {
            let told = player.play(other, Tally::new(zone.clone(), true), &Progress::new(arguments.progress))?;
            let folder = arguments.against.as_deref().unwrap_or(Path::new("")).display();
            Some((format!("la doctrine {folder}"), Figures::of(&told, other, days), told))
        }
        (None, Some((real, _))) => {
            Some(("ce qui s'est passé (journal)".to_owned(), Figures::of(&real, &city, days), real))
        }
        (None, None) => None,
    };
    let differences = other
        .as_ref()
        .map(|(with, figures, told)| Differences::between(with.clone(), &city, (&tally, &run), (told, figures)));
    let speed = if arguments.speed_report {
        let (locating_s, simulating_s) = player.measure(&city)?;
        Some(Speed {
            signals: figures::size(source.signals.len()),
            tellings: run.tellings,
            city_s: city_s.as_secs_f64(),
            stream_s: stream_s.as_secs_f64(),
            locating_s: locating_s.as_secs_f64(),
            simulating_s: simulating_s.as_secs_f64(),
            counted_s: counted_s.as_secs_f64(),
            figures_s: figures_s.as_secs_f64(),
            signals_a_second: per_second(figures::size(source.signals.len()), counted_s.as_secs_f64()),
        })
    } else {
        None
    };
    let report = Report {
        format: FORMAT,
        stream: Stream {
            name: source.name,
            rows: source.rows,
            skipped: source.skipped,
            bad_rows: source.bad,
            unplaced: tally.unplaced.clone(),
            first,
            last,
            days: days.number(),
        },
        setting: Setting {
            doctrine: city.doctrine.hash().to_owned(),
            directory: city.directory.hash().to_owned(),
            territory: city.territory.hash().to_owned(),
            answers: answers_name(arguments),
            seed: arguments.seed,
        },
        run,
        differences,
        speed,
    };
    if let Some(folder) = &arguments.out {
        write(folder, &report, other.as_ref().map(|(_, figures, _)| figures), &city)?;
    }
    if arguments.json {
        println!("{:#}", serde_json::to_value(&report)?);
    } else {
        table::print(&report, &mut io::stdout().lock())?;
    }
    Ok(Outcome::Done)
}

/// Writes the page, the JSON and the pictures.
fn write(folder: &Path, report: &Report, other: Option<&Figures>, city: &City) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let pictures = picture::all(report, other, city);
    for picture in &pictures {
        write(&format!("{}.svg", picture.name), &picture.svg)?;
    }
    write("report.json", &format!("{:#}\n", serde_json::to_value(report)?))?;
    write("report.html", &page::page(report, &pictures))?;
    eprintln!("written: {}", folder.join("report.html").display());
    Ok(())
}

fn read_city(config: &Config, arguments: &Arguments, doctrine: Option<&Path>) -> anyhow::Result<City> {
    let mut paths = config.paths.clone();
    if let Some(folder) = doctrine {
        folder.clone_into(&mut paths.doctrine);
    }
    if let Some(folder) = &arguments.directory {
        paths.directory.clone_from(folder);
    }
    city::read(&paths).with_context(|| format!("with the doctrine of {}", paths.doctrine.display()))
}

fn read_answers(arguments: &Arguments, city: &City) -> anyhow::Result<Answers> {
    if arguments.nobody_answers {
        return Ok(Answers::nobody());
    }
    let Some(file) = &arguments.answers else {
        return Answers::read(USUAL_ANSWERS, &city.directory).context("in the usual answers");
    };
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Answers::read(&text, &city.directory).with_context(|| format!("in {}", file.display()))
}

fn answers_name(arguments: &Arguments) -> String {
    match &arguments.answers {
        _ if arguments.nobody_answers => "personne ne répond".to_owned(),
        Some(file) => format!("réponses supposées selon {}", file.display()),
        None => "réponses supposées par défaut".to_owned(),
    }
}

fn read_source(config: &Config, arguments: &Arguments, city: &City) -> anyhow::Result<Source> {
    let zone = &city.doctrine.zone;
    let from = arguments.from.map(|moment| moment.at(zone)).transpose()?;
    let until = arguments.until.map(|moment| moment.at(zone)).transpose()?;
    let Some((file, map)) = arguments.csv.as_ref().zip(arguments.map.as_ref()) else {
        let past = block_on(journal::read(&config.database, city, (from, until)))?;
        let rows = figures::size(past.signals.len());
        let name = "Signaux du journal de Vigie".to_owned();
        return Ok(Source {
            name,
            signals: past.signals,
            rows,
            skipped: 0,
            bad: Vec::new(),
            real: Some((past.real, past.until)),
        });
    };
    let mapping = Mapping::read(map, city)?;
    let mut rows = csv::read(file, &mapping, city, arguments.seed)?;
    let read = rows.signals.len();
    rows.signals.retain(|signal| {
        from.is_none_or(|from| from <= signal.received_at) && until.is_none_or(|until| signal.received_at < until)
    });
    let outside = figures::size(read - rows.signals.len());
    Ok(Source {
        name: mapping.name,
        signals: rows.signals,
        rows: rows.read,
        skipped: rows.skipped + outside,
        bad: rows.bad,
        real: None,
    })
}

fn first_bad(bad: &[csv::BadRow]) -> String {
    bad.first().map_or_else(String::new, |row| {
        format!("; {} rows cannot be read, the first at line {}: {}", bad.len(), row.line, row.why)
    })
}

/// The local days of the report: those asked for, else those of the signals.
fn days(arguments: &Arguments, (first, last): (Timestamp, Timestamp), zone: &TimeZone) -> anyhow::Result<Days> {
    let local = |instant: Timestamp| instant.to_zoned(zone.clone()).date();
    let from = arguments.from.map(|moment| moment.at(zone)).transpose()?;
    let until = arguments.until.map(|moment| moment.at(zone)).transpose()?;
    let until = until.map(|until| until - SignedDuration::from_nanos(1));
    Ok(Days { first: local(from.unwrap_or(first)), last: local(until.unwrap_or(last)).max(local(last)) })
}

/// One stream and its answers, to be played through one city or another.
struct Player<'a> {
    signals: &'a [SignalRaisedV1],
    answers: &'a Answers,
    seed: u64,
    until: Timestamp,
}

impl Player<'_> {
    fn play<O: Observer>(&self, city: &City, observer: O, progress: &Progress) -> anyhow::Result<O> {
        let mut simulation = Simulation::new(city, self.answers, self.seed, observer);
        for (number, signal) in self.signals.iter().enumerate() {
            simulation.signal(signal)?;
            progress.show(number + 1, self.signals.len());
        }
        Ok(simulation.finish(self.until))
    }

    /// How long locating alone takes, and simulating without counting.
    fn measure(&self, city: &City) -> anyhow::Result<(Duration, Duration)> {
        let started = Instant::now();
        for signal in self.signals {
            if let Some(rule) = city.doctrine.kind(&signal.kind) {
                std::hint::black_box(assess(&signal.location, 150.0, rule, &city.territory).is_ok());
            }
        }
        let locating = started.elapsed();
        let started = Instant::now();
        self.play(city, Ignore, &Progress::new(false))?;
        Ok((locating, started.elapsed()))
    }
}

/// Takes note of nothing.
struct Ignore;

impl Observer for Ignore {}

/// A line on standard error while it lasts.
struct Progress {
    started: Instant,
    shown: bool,
}

impl Progress {
    fn new(asked: bool) -> Self {
        Self { started: Instant::now(), shown: asked || io::stderr().is_terminal() }
    }

    /// After the first second, every thousand signals.
    fn show(&self, played: usize, all: usize) {
        if !self.shown || (!played.is_multiple_of(1_000) && played != all) {
            return;
        }
        if self.started.elapsed() >= Duration::from_secs(1) || played == all {
            let percent = played * 100 / all.max(1);
            eprint!("\r{played} signals of {all} played ({percent} %)");
            if played == all {
                eprintln!();
            }
        }
    }
}

/// `number` over `seconds`.
fn per_second(number: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let number = number as f64;
    number / seconds.max(1e-9)
}

#[cfg(test)]
mod tests;
