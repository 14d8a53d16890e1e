//! The report's pictures, as SVG that stands alone or in a page.
//!
//! One hue from light to dark, so that they read in grey and by people who confuse colours; one accent for what the
//! title speaks of. Labels stand on what they name, there are no legends to decode.

mod bars;
mod distribution;
mod dumbbells;
mod heat_map;
mod map;
mod multiples;
mod svg;

use vigie_domain::city::City;

pub(crate) use self::svg::escaped;
use super::{figures::Figures, report::Report};

/// Text.
const INK: &str = "#16202c";
/// Secondary text.
const MUTED: &str = "#4a5767";
/// Axes and outlines.
const LINE: &str = "#c3cbd6";
/// The one thing to look at.
const ACCENT: &str = "#b4490a";
/// From nothing to most; each is darker than the one before.
const BLUES: [&str; 7] = ["#f0f4f8", "#d6e3ef", "#adc8e0", "#7ba8cd", "#4680b3", "#0b4f8a", "#06305a"];

/// A picture and the name of its file, without extension.
pub(crate) struct Picture {
    pub(crate) name: &'static str,
    pub(crate) svg: String,
}

/// Every picture there is something to draw of; `other` is the run compared with.
pub(crate) fn all(report: &Report, other: Option<&Figures>, city: &City) -> Vec<Picture> {
    let run = &report.run;
    let mut pictures = vec![
        Picture { name: "semaine", svg: heat_map::draw(run, report.stream.days) },
        Picture { name: "destinataires", svg: bars::draw(run) },
        Picture { name: "carte", svg: map::draw(run, &city.territory) },
    ];
    if run.escalations.asking > 0 {
        pictures.push(Picture { name: "prise-en-charge", svg: distribution::draw(run, other) });
    }
    pictures.push(Picture { name: "secteurs", svg: multiples::draw(run) });
    if let Some(differences) = report.differences.as_ref().filter(|differences| !differences.bodies.is_empty()) {
        pictures.push(Picture { name: "differences", svg: dumbbells::draw(differences) });
    }
    pictures
}

/// The shade of `part` of the most, 0 to 1.
fn shade(part: f64) -> &'static str {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the table")]
    let index = (part.clamp(0.0, 1.0) * 6.0).round() as usize;
    BLUES[index.min(BLUES.len() - 1)]
}

/// White on the dark shades, ink on the light ones.
fn ink_on(part: f64) -> &'static str {
    if part >= 0.55 { "#ffffff" } else { INK }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

/// `place` as a length on the page.
#[expect(clippy::cast_precision_loss, reason = "a few dozen")]
fn nth(place: usize) -> f64 {
    place as f64
}
