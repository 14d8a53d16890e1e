//! The report's pictures.

mod bars;
mod distribution;
mod dumbbells;
mod heat_map;
mod map;
mod multiples;

use vigie_domain::city::City;
pub(crate) use vigie_picture::svg::escaped;
use vigie_picture::{ACCENT, BLUES, INK, LINE, MUTED, float, ink_on, nth, shade, svg};

use super::{figures::Figures, report::Report};

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
