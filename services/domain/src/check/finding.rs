//! What the prover finds: typed, with its place in the files, the exact moment and sectors, and the remedy.

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use vigie_proto::{Kind, SectorId, Severity};

use crate::doctrine::Origin;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The doctrine cannot be activated.
    Error,
    /// Worth a look.
    Warning,
}

/// One thing the prover found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    /// Stable and kebab-case, such as `bound-exceeded`.
    pub code: &'static str,
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong, to what.
    pub message: String,
    /// Where it is so; everywhere when empty.
    pub sectors: Vec<SectorId>,
    /// The first instant at which it is so, when it depends on the hour.
    pub moment: Option<Timestamp>,
    /// The same on the city's clock.
    pub local: Option<String>,
    /// Minutes it lasts from that instant on.
    pub lasts_min: Option<usize>,
    /// What to do.
    pub remedy: &'static str,
}

/// How soon a place manned 24 hours a day is told when nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Promise {
    pub kind: Kind,
    pub severity: Severity,
    /// What the doctrine declares, minutes.
    pub within_min: Option<u32>,
    /// The worst found over every regime, sector, raiser and minute; none when it is not told for sure.
    pub worst_min: Option<u32>,
    /// When and where that is.
    pub worst_at: Option<Timestamp>,
    pub worst_in: Option<SectorId>,
}

/// Everything the prover says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub doctrine: String,
    pub from: Timestamp,
    pub days: u32,
    /// Errors first, then by file and line.
    pub findings: Vec<Finding>,
    pub promises: Vec<Promise>,
    pub fiches: usize,
    pub carried: usize,
    pub counted: usize,
    pub outside: usize,
    /// Kinds × severities × regimes × sectors × raisers and conditions that were told apart.
    pub situations: usize,
    /// Minutes each of them was examined at.
    pub minutes: usize,
}

impl Report {
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Error)
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{}:{}: {level}[{}]: {}", self.file, self.line, self.code, self.message)?;
        if !self.sectors.is_empty() {
            let sectors: Vec<&str> = self.sectors.iter().map(SectorId::as_str).collect();
            write!(f, "\n    in {}", sectors.join(", "))?;
        }
        if let (Some(moment), Some(local)) = (self.moment, &self.local) {
            write!(f, "\n    at {local} ({moment})")?;
            if let Some(lasts) = self.lasts_min {
                write!(f, ", for {}", length(lasts))?;
            }
        }
        write!(f, "\n    help: {}", self.remedy)
    }
}

fn length(minutes: usize) -> String {
    match (minutes / 1_440, minutes % 1_440 / 60, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes:02}"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A finding in the making.
pub(super) struct Draft {
    pub(super) level: Level,
    pub(super) code: &'static str,
    pub(super) origin: Origin,
    pub(super) message: String,
    pub(super) sector: Option<SectorId>,
    /// First minute and how long it lasts.
    pub(super) when: Option<(Timestamp, usize)>,
    pub(super) remedy: &'static str,
}

/// Gathers drafts, one finding for a same fault in several sectors.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
    /// Place of each in `found`.
    known: HashMap<(&'static str, Origin, String), usize>,
}

impl Findings {
    pub(super) fn add(&mut self, draft: Draft, zone: &TimeZone) {
        let Draft { level, code, origin, message, sector, when, remedy } = draft;
        let key = (code, origin.clone(), message.clone());
        if let Some(known) = self.known.get(&key).and_then(|place| self.found.get_mut(*place)) {
            known.sectors.extend(sector.filter(|id| !known.sectors.contains(id)));
            if let Some((moment, lasts)) = when
                && known.moment.is_none_or(|at| moment < at)
            {
                (known.moment, known.local, known.lasts_min) = (Some(moment), Some(local(moment, zone)), Some(lasts));
            }
            return;
        }
        self.known.insert(key, self.found.len());
        self.found.push(Finding {
            level,
            code,
            file: origin.file,
            line: origin.line,
            message,
            sectors: sector.into_iter().collect(),
            moment: when.map(|(moment, _)| moment),
            local: when.map(|(moment, _)| local(moment, zone)),
            lasts_min: when.map(|(_, lasts)| lasts),
            remedy,
        });
    }

    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.found.sort_by(|a, b| (a.level, &a.file, a.line, a.code).cmp(&(b.level, &b.file, b.line, b.code)));
        self.found
    }
}

fn local(moment: Timestamp, zone: &TimeZone) -> String {
    moment.to_zoned(zone.clone()).strftime("%A %-d %B %Y %H:%M %Z").to_string()
}
