//! The sectors, shaded by the number of their incidents.

use vigie_domain::territory::{LonLat, Territory};

use super::{
    BLUES, INK, float, ink_on, nth, shade,
    svg::{Anchor, Style, Svg},
};
use crate::command::replay::{
    figures::{Figures, SectorCount},
    french::{count, counted, share},
};

const WIDTH: f64 = 900.0;
/// Points nearer than this to the last one are not drawn, pixels.
const FINEST: f64 = 0.8;

pub(super) fn draw(run: &Figures, territory: &Territory) -> String {
    let sectors: Vec<&SectorCount> = run.sectors.iter().filter(|sector| sector.in_paris).collect();
    let shapes: Vec<Vec<Vec<LonLat>>> = sectors.iter().map(|sector| territory.outline(&sector.sector)).collect();
    let view = View::over(&shapes.iter().flatten().flatten().copied().collect::<Vec<_>>());
    let busiest = sectors.iter().max_by_key(|sector| sector.incidents);
    let most = busiest.map_or(0, |sector| sector.incidents);
    let title = match busiest {
        Some(sector) if most > 0 => {
            format!("{} : {}, {} du total", sector.label, counted(most, "incident"), share(most, run.incidents))
        }
        Some(_) | None => "Aucun incident".to_owned(),
    };
    let outside: u64 = run.sectors.iter().filter(|sector| !sector.in_paris).map(|sector| sector.incidents).sum();
    let beyond =
        if outside > 0 { format!(" ; {} dans les communes limitrophes", count(outside)) } else { String::new() };
    let subtitle = format!("Incidents ouverts par secteur{beyond}");
    let mut ranked = sectors.clone();
    ranked.sort_by_key(|sector| std::cmp::Reverse(sector.incidents));
    let list: Vec<String> =
        ranked.iter().map(|sector| format!("{} : {}", sector.label, count(sector.incidents))).collect();
    let mut svg = Svg::new("carte", (WIDTH, view.height + 10.0), &title, &subtitle, &list.join(" ; "));
    let part = |sector: &SectorCount| float(sector.incidents) / float(most.max(1));
    for (sector, shape) in sectors.iter().zip(&shapes) {
        let rings: Vec<Vec<(f64, f64)>> = shape.iter().map(|ring| view.ring(ring)).filter(|r| r.len() > 2).collect();
        let says = format!(
            "{} : {}, {}",
            sector.label,
            counted(sector.incidents, "incident"),
            counted(sector.messages, "message")
        );
        svg.area(&rings, shade(part(sector)), &says);
    }
    for (sector, shape) in sectors.iter().zip(&shapes) {
        let Some((x, y)) = shape.first().and_then(|ring| view.inside(ring)) else { continue };
        let style = Style::LABEL.at(Anchor::Middle).fill(ink_on(part(sector)));
        svg.text(x, y - 2.0, style.size(12.0), &sector.short);
        svg.text(x, y + 14.0, style.size(15.0).bold(), &count(sector.incidents));
    }
    scale(&mut svg, most);
    svg.finish()
}

/// The shades and the numbers they stand for.
fn scale(svg: &mut Svg, most: u64) {
    for (step, fill) in BLUES.iter().enumerate() {
        svg.rect((nth(step) * 26.0, 6.0), (26.0, 12.0), fill);
    }
    svg.text(0.0, 34.0, Style::SMALL.fill(INK), "0");
    let style = Style::SMALL.fill(INK).at(Anchor::End);
    svg.text(26.0 * nth(BLUES.len()), 34.0, style, &counted(most, "incident"));
}

/// Degrees to pixels, north up.
struct View {
    west: f64,
    north: f64,
    across: f64,
    down: f64,
    height: f64,
}

impl View {
    fn over(points: &[LonLat]) -> Self {
        let least = |of: fn(&LonLat) -> f64| points.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&LonLat) -> f64| points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let (west, east) = (least(|at| at.lon), most(|at| at.lon));
        let (south, north) = (least(|at| at.lat), most(|at| at.lat));
        let across = WIDTH / (east - west).max(1e-9);
        let down = across / f64::midpoint(south, north).to_radians().cos();
        Self { west, north, across, down, height: (north - south) * down }
    }

    fn point(&self, at: LonLat) -> (f64, f64) {
        ((at.lon - self.west) * self.across, (self.north - at.lat) * self.down)
    }

    /// A ring with no more points than the eye can tell apart.
    fn ring(&self, ring: &[LonLat]) -> Vec<(f64, f64)> {
        let mut kept: Vec<(f64, f64)> = Vec::new();
        for at in ring {
            let (x, y) = self.point(*at);
            if kept.last().is_none_or(|(a, b)| (x - a).hypot(y - b) >= FINEST) {
                kept.push((x, y));
            }
        }
        kept
    }

    /// A place for a label well inside a ring: of a grid over it, the point farthest from the border, preferring wide
    /// room to the left and right.
    fn inside(&self, ring: &[LonLat]) -> Option<(f64, f64)> {
        let ring = self.ring(ring);
        let bounds = ring.iter().fold((f64::MAX, f64::MAX, f64::MIN, f64::MIN), |(a, b, c, d), (x, y)| {
            (a.min(*x), b.min(*y), c.max(*x), d.max(*y))
        });
        let (west, north, east, south) = bounds;
        let grid = (1..30).flat_map(|i| (1..30).map(move |j| (nth(i) / 30.0, nth(j) / 30.0)));
        let candidates = grid.map(|(i, j)| (west + i * (east - west), north + j * (south - north)));
        candidates
            .filter(|at| holds(&ring, *at))
            .map(|at| (room(&ring, at), at))
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, at)| at)
    }
}

/// Whether `at` lies inside a closed ring.
fn holds(ring: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
    let edges = ring.iter().zip(ring.iter().cycle().skip(1));
    edges.filter(|((x1, y1), (x2, y2))| (y1 > &y) != (y2 > &y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1).count() % 2
        == 1
}

/// How far the border is, a label being wider than high.
fn room(ring: &[(f64, f64)], (x, y): (f64, f64)) -> f64 {
    ring.iter().map(|(a, b)| ((a - x) * 0.7).hypot(b - y)).fold(f64::INFINITY, f64::min)
}
