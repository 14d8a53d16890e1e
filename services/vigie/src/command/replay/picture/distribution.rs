//! How long until somebody is in charge: what share of the incidents, after how long.

use super::{
    ACCENT, BLUES, INK, LINE, MUTED, float, nth,
    svg::{Anchor, Style, Svg},
};
use crate::command::replay::{
    figures::{Figures, size},
    french::{counted, duration, share},
};

const LEFT: f64 = 56.0;
const SIZE: (f64, f64) = (640.0, 340.0);
const RIGHT: f64 = 240.0;
/// The ends of the axis, seconds; it is logarithmic.
const ENDS: (f64, f64) = (15.0, 86_400.0);
const TICKS: [i64; 8] = [30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400];

pub(super) fn draw(run: &Figures, other: Option<&Figures>) -> String {
    let of = &run.escalations;
    let title = match of.taking_charge.p90_s {
        Some(p90) => format!(
            "{} des incidents pris en charge, neuf sur dix d'entre eux en moins de {}",
            share(of.taken, of.asking),
            duration(p90)
        ),
        None => format!("Aucun des {} n'est pris en charge", counted(of.asking, "incident")),
    };
    let subtitle =
        "Part des incidents déjà pris en charge, selon le temps écoulé depuis l'ouverture (échelle logarithmique)";
    let quantiles = crate::command::replay::table::quantiles;
    let description = format!(
        "Délai de prise en charge : {}. Délai jusqu'à ce qu'un poste permanent soit prévenu : {}.",
        quantiles(of.taking_charge),
        quantiles(of.manned_told)
    );
    let mut svg = Svg::new("prise-en-charge", (LEFT + SIZE.0 + RIGHT, SIZE.1 + 40.0), &title, subtitle, &description);
    axes(&mut svg);
    let mut labels: Vec<(f64, String, &'static str)> = Vec::new();
    let mut curve = |seconds: &[i64], asking: u64, stroke, width, dash, name: &str| {
        let points = steps(seconds, asking);
        svg.polyline(&points, stroke, width, dash);
        let end = points.last().map_or(SIZE.1, |(_, y)| *y);
        labels.push((end, format!("{name} : {}", share(size(seconds.len()), asking)), stroke));
    };
    curve(&of.manned_s, of.asking, MUTED, 1.5, "2 3", "poste permanent prévenu");
    if let Some(other) = other {
        let that = &other.escalations;
        curve(&that.taking_s, that.asking, ACCENT, 2.0, "7 4", "pris en charge, là");
    }
    curve(
        &of.taking_s,
        of.asking,
        BLUES[5],
        3.0,
        "",
        if other.is_some() { "pris en charge, ici" } else { "pris en charge" },
    );
    for (text, seconds) in
        [("P50", of.taking_charge.p50_s), ("P90", of.taking_charge.p90_s), ("P99", of.taking_charge.p99_s)]
    {
        let Some(seconds) = seconds else { continue };
        let at = (across(seconds), up(of.taking_s.partition_point(|s| *s <= seconds), of.asking));
        svg.dot(at, 4.5, BLUES[5]);
        svg.text(
            at.0 - 9.0,
            at.1 - 7.0,
            Style::LABEL.fill(INK).at(Anchor::End),
            &format!("{text} : {}", duration(seconds)),
        );
    }
    // Labels that would touch are moved apart, downwards.
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = f64::MIN;
    for (y, text, fill) in labels {
        let y = y.max(lowest + 18.0);
        lowest = y;
        svg.text(LEFT + SIZE.0 + 10.0, y + 4.0, Style::LABEL.fill(fill).bold(), &text);
    }
    svg.finish()
}

fn axes(svg: &mut Svg) {
    for part in 0..=4 {
        let y = SIZE.1 * (1.0 - nth(part) / 4.0);
        svg.line((LEFT, y), (LEFT + SIZE.0, y), LINE, if part == 0 { 1.5 } else { 0.7 });
        svg.text(LEFT - 8.0, y + 4.0, Style::SMALL.at(Anchor::End), &format!("{}\u{202f}%", part * 25));
    }
    for seconds in TICKS {
        let x = across(seconds);
        svg.line((x, SIZE.1), (x, SIZE.1 + 5.0), LINE, 1.0);
        let text =
            duration(seconds).replace("\u{202f}h 00", "\u{202f}h").replace("1\u{202f}j 0\u{202f}h", "24\u{202f}h");
        svg.text(x, SIZE.1 + 20.0, Style::SMALL.at(Anchor::Middle), &text);
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of days")]
fn across(seconds: i64) -> f64 {
    let seconds = (seconds as f64).clamp(ENDS.0, ENDS.1);
    LEFT + SIZE.0 * (seconds / ENDS.0).ln() / (ENDS.1 / ENDS.0).ln()
}

fn up(number: usize, asking: u64) -> f64 {
    SIZE.1 * (1.0 - float(size(number)) / float(asking.max(1)))
}

/// The curve of sorted durations, one point where it moves by a pixel.
fn steps(seconds: &[i64], asking: u64) -> Vec<(f64, f64)> {
    let mut points = vec![(LEFT, SIZE.1)];
    for (index, second) in seconds.iter().enumerate() {
        let point = (across(*second), up(index + 1, asking));
        let last = points[points.len() - 1];
        if (point.0 - last.0).abs() + (point.1 - last.1).abs() >= 1.0 || index + 1 == seconds.len() {
            points.push((point.0, last.1));
            points.push(point);
        }
    }
    let end = points[points.len() - 1].1;
    points.push((LEFT + SIZE.0, end));
    points
}
