//! Everything a replay found: printed as a table or as JSON, written as a page with pictures.

use jiff::Timestamp;
use serde::Serialize;

use super::{differences::Differences, figures::Figures, source::csv::BadRow};

/// The JSON report; its fields are explained in `services/vigie/REPLAY.md`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// `vigie.replay.v1`; fields may be added.
    pub(crate) format: &'static str,
    pub(crate) stream: Stream,
    pub(crate) setting: Setting,
    pub(crate) run: Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) differences: Option<Differences>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) speed: Option<Speed>,
}

pub(crate) const FORMAT: &str = "vigie.replay.v1";

/// What was played.
#[derive(Debug, Serialize)]
pub(crate) struct Stream {
    /// In French.
    pub(crate) name: String,
    pub(crate) rows: u64,
    /// Left out by the mapping or by `--from` and `--until`.
    pub(crate) skipped: u64,
    pub(crate) bad_rows: Vec<BadRow>,
    /// Signals that opened nothing: reference and reason.
    pub(crate) unplaced: Vec<(String, String)>,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) days: u64,
}

/// With what it was played.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) doctrine: String,
    pub(crate) directory: String,
    pub(crate) territory: String,
    /// How bodies answer, in French.
    pub(crate) answers: String,
    pub(crate) seed: u64,
}

/// How fast it went, on this machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Speed {
    pub(crate) signals: u64,
    pub(crate) tellings: u64,
    /// Reading territory, directory and doctrine.
    pub(crate) city_s: f64,
    /// Reading the stream.
    pub(crate) stream_s: f64,
    /// Locating every signal, alone.
    pub(crate) locating_s: f64,
    /// The whole simulation, counting nothing.
    pub(crate) simulating_s: f64,
    /// The whole simulation with its counts.
    pub(crate) counted_s: f64,
    pub(crate) figures_s: f64,
    /// Signals a second of `counted_s`, one thread.
    pub(crate) signals_a_second: f64,
}
