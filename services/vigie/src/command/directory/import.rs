//! `vigie directory import`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use vigie_domain::{
    directory::{Change, DirectoryError, DirectoryFiles, Draft, Fault, Salvaged, Verb, apply, calendar, changes, read},
    territory::Territory,
};
use vigie_proto::BodyId;

use super::{body, count, in_folder, period, print, store, territory, zone};
use crate::{Outcome, city, config::PathsConfig, moment::Moment};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a command")]
pub(crate) struct Arguments {
    /// A directory's folder, a CSV file of one, or with --ics a calendar.
    #[arg(value_name = "DIR-OR-FILE")]
    from: PathBuf,
    /// Folder of the directory to change.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Which file of the directory the CSV file is; by its name when absent.
    #[arg(long = "as", value_name = "NAME", conflicts_with = "ics")]
    name: Option<String>,
    /// Leave bad rows out, and what stands on them.
    #[arg(long, conflicts_with = "ics")]
    take_good: bool,
    /// The CSV file replaces the present one, rows it does not have included.
    #[arg(long, conflicts_with = "ics")]
    replace_all: bool,
    /// Take a calendar into the roster of --body.
    #[arg(long, requires = "body")]
    ics: bool,
    #[arg(long, requires = "ics")]
    body: Option<BodyId>,
    /// First day or instant that the calendar is taken for; now when absent.
    #[arg(long, value_name = "TIME", requires = "ics")]
    since: Option<Moment>,
    /// Days that the calendar is taken for.
    #[arg(long, requires = "ics", default_value_t = 366, value_parser = clap::value_parser!(u32).range(1..=1100))]
    days: u32,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The directory as it will be, and why rows were left out.
type Taken = Result<Salvaged, Vec<Fault>>;

pub(crate) fn run(paths: &PathsConfig, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let territory = territory(paths)?;
    let is_folder = arguments.from.is_dir();
    let is_whole = is_folder && (arguments.name.is_some() || arguments.replace_all || arguments.ics);
    anyhow::ensure!(!is_whole, "a folder is taken whole: --as, --replace-all and --ics are for a file");
    let is_new = is_folder && !arguments.into.join("roles.toml").exists();
    let before = if is_new { DirectoryFiles::default() } else { city::directory(&arguments.into)? };
    let taken = match &arguments.body {
        Some(id) => events(arguments, id, &before, &territory)?,
        None if is_folder => rows(arguments, Draft::new(&city::directory(&arguments.from)?), &territory),
        None => match csv(arguments, &before)? {
            Ok(draft) => rows(arguments, draft, &territory),
            Err(DirectoryError(faults)) => Err(faults),
        },
    };
    match taken {
        Ok(Salvaged { files, dropped }) => {
            tell(&dropped);
            finish(arguments, &before, &files, dropped.len())
        }
        Err(faults) => {
            tell(&faults);
            eprintln!("{}: nothing was changed", count(faults.len(), "fault"));
            Ok(Outcome::Found)
        }
    }
}

fn tell(faults: &[Fault]) {
    for fault in faults {
        eprintln!("{fault}");
    }
}

/// The present directory with the rows of a CSV file over it.
fn csv(arguments: &Arguments, before: &DirectoryFiles) -> anyhow::Result<Result<Draft, DirectoryError>> {
    let label = label(&arguments.from);
    let name = arguments.name.as_ref().unwrap_or(&label);
    anyhow::ensure!(
        Draft::takes(name),
        "`{name}` is not bodies.csv, contacts.csv, overrides.csv or sources.csv: say which one it is with --as, or --ics"
    );
    let text = text(&arguments.from)?;
    let mut draft = Draft::new(before);
    Ok(draft.import(name, &label, &text, arguments.replace_all).map(|()| draft))
}

fn rows(arguments: &Arguments, draft: Draft, territory: &Territory) -> Taken {
    if arguments.take_good {
        return draft.salvage(territory).map_err(|error| error.0);
    }
    draft.read(territory).map_err(|error| error.0)?;
    Ok(Salvaged { files: draft.files(), dropped: Vec::new() })
}

/// The present directory with a calendar's events as overrides.
fn events(arguments: &Arguments, id: &BodyId, before: &DirectoryFiles, territory: &Territory) -> anyhow::Result<Taken> {
    let directory = read(before, territory).with_context(|| in_folder(&arguments.into))?;
    let (from, until) = period(arguments.since, None, arguments.days, &zone(&directory))?;
    let (label, text) = (label(&arguments.from), text(&arguments.from)?);
    let edits = match calendar::import(&label, &text, body(&directory, id)?, from, until) {
        Ok(edits) => edits,
        Err(error) => return Ok(Err(error.0)),
    };
    Ok(Ok(Salvaged { files: apply(before, &edits, territory)?, dropped: Vec::new() }))
}

fn finish(
    arguments: &Arguments,
    before: &DirectoryFiles,
    after: &DirectoryFiles,
    dropped: usize,
) -> anyhow::Result<Outcome> {
    let changes = changes(before, after);
    let left_out = if dropped == 0 { String::new() } else { format!(", {} left out", count(dropped, "fault")) };
    let summary = format!("{}{left_out}", count(changes.len(), "change"));
    let lines: String = changes.iter().map(said).collect();
    if arguments.dry_run {
        print(&format!("{lines}{summary}; nothing was written\n"))?;
        return Ok(Outcome::Done);
    }
    let written = store::write(&arguments.into, Some(before), after)?;
    let files = if written.is_empty() { "no file".to_owned() } else { written.join(", ") };
    print(&format!("{lines}{summary}; wrote {files} in {}\n", arguments.into.display()))?;
    Ok(Outcome::Done)
}

fn said(Change { file, id, verb }: &Change) -> String {
    let verb = match verb {
        Verb::Added => "added",
        Verb::Changed => "changed",
        Verb::Removed => "removed",
    };
    format!("{verb:<8} {file:<14} {id}\n")
}

fn text(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The file's name, for those who gave it.
fn label(file: &Path) -> String {
    file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned())
}
