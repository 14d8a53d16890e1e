//! Figures beside their limits, as a table or as JSON.

use std::time::Duration;

use serde::Serialize;

/// One figure, what it is compared with, and the target if there is one.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    figure: String,
    value: f64,
    unit: &'static str,
    /// The limit measured in this run, in the same unit.
    limit: Option<f64>,
    limit_is: Option<String>,
    /// `value / limit`.
    ratio: Option<f64>,
    target: Option<String>,
    met: Option<bool>,
}

impl Row {
    /// A figure without a target.
    pub(crate) fn plain(figure: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let figure = figure.into();
        Self { figure, value, unit, limit: None, limit_is: None, ratio: None, target: None, met: None }
    }

    /// Compares with `limit`, measured in this run.
    pub(crate) fn beside(self, limit: f64, limit_is: impl Into<String>) -> Self {
        Self { limit: Some(limit), limit_is: Some(limit_is.into()), ratio: Some(self.value / limit), ..self }
    }

    /// The target: at least `times` the limit.
    pub(crate) fn at_least_times(self, times: f64) -> Self {
        let met = self.ratio.map(|ratio| ratio >= times);
        Self { target: Some(format!(">= {times:.1} x the limit")), met, ..self }
    }

    /// The target: at most `times` the limit.
    pub(crate) fn at_most_times(self, times: f64) -> Self {
        let met = self.ratio.map(|ratio| ratio <= times);
        Self { target: Some(format!("<= {times:.1} x the limit")), met, ..self }
    }

    /// The target: at most `bound`, in the figure's unit.
    pub(crate) fn at_most(self, bound: f64) -> Self {
        Self { target: Some(format!("<= {bound} {}", self.unit)), met: Some(self.value <= bound), ..self }
    }

    /// The target: at least `bound`, in the figure's unit.
    pub(crate) fn at_least(self, bound: f64) -> Self {
        Self { target: Some(format!(">= {bound} {}", self.unit)), met: Some(self.value >= bound), ..self }
    }
}

/// What a bench found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) bench: &'static str,
    pub(crate) rows: Vec<Row>,
    /// How to read the figures, one sentence each.
    pub(crate) notes: Vec<String>,
}

impl Report {
    /// Prints on standard output.
    pub(crate) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{:#}", serde_json::to_value(self)?);
            return Ok(());
        }
        println!("{:<46} {:>14} {:>14} {:>7}  {:<19} met", self.bench, "value", "limit", "ratio", "target");
        for row in &self.rows {
            let shown = |value: Option<f64>| value.map_or_else(String::new, |value| amount(value, row.unit));
            println!(
                "{:<46} {:>14} {:>14} {:>7}  {:<19} {}",
                row.figure,
                shown(Some(row.value)),
                shown(row.limit),
                row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                row.target.as_deref().unwrap_or(""),
                row.met.map_or("", |met| if met { "yes" } else { "no" }),
            );
        }
        for row in &self.rows {
            if let Some(limit_is) = &row.limit_is {
                println!("  limit of `{}`: {limit_is}", row.figure);
            }
        }
        for note in &self.notes {
            println!("  {note}");
        }
        Ok(())
    }
}

fn amount(value: f64, unit: &str) -> String {
    if value >= 100.0 { format!("{value:.0} {unit}") } else { format!("{value:.2} {unit}") }
}

/// Durations of one kind, sorted.
#[derive(Debug, Clone)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    /// Milliseconds that `percent` of them do not exceed; not a number when there are none.
    pub(crate) fn percentile_ms(&self, percent: usize) -> f64 {
        let index = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(index).map_or(f64::NAN, |duration| duration.as_secs_f64() * 1e3)
    }
}

/// `count` over `elapsed`, per second.
pub(crate) fn per_second(count: usize, elapsed: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let count = count as f64;
    count / elapsed.as_secs_f64()
}
