//! The sectors of a territory, shaded by a number.

use vigie_domain::territory::{LonLat, Territory};
use vigie_proto::SectorId;

use crate::{
    BLUES, INK, float, ink_on, nth, shade,
    svg::{Anchor, Style, Svg},
};

const WIDTH: f64 = 900.0;
/// Points nearer than this to the last one are not drawn, pixels.
const FINEST: f64 = 0.8;

/// One sector and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    pub sector: SectorId,
    /// A few letters that stand on it.
    pub short: String,
    pub number: u64,
    /// The number as it is written there.
    pub shown: String,
    /// Read when pointed at.
    pub says: String,
}

/// What stands around the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Names the picture within its page.
    pub name: &'static str,
    /// The finding.
    pub title: String,
    pub subtitle: String,
    /// What those who cannot see it should know.
    pub description: String,
    /// The number the darkest shade stands for, as it is written.
    pub most: String,
    /// The darkest shade stands for this number at least: a few are no more than a few when there is nothing else.
    pub floor: u64,
}

/// The map of `areas`, the darkest being the greatest number.
pub fn draw(words: &Words, areas: &[Area], territory: &Territory) -> String {
    let shapes: Vec<Vec<Vec<LonLat>>> = areas.iter().map(|area| territory.outline(&area.sector)).collect();
    let view = View::over(&shapes.iter().flatten().flatten().copied().collect::<Vec<_>>());
    let most = areas.iter().map(|area| area.number).max().unwrap_or(0).max(words.floor).max(1);
    let mut svg = Svg::new(words.name, (WIDTH, view.height + 10.0), &words.title, &words.subtitle, &words.description);
    let part = |area: &Area| float(area.number) / float(most);
    for (area, shape) in areas.iter().zip(&shapes) {
        let rings: Vec<Vec<(f64, f64)>> = shape.iter().map(|ring| view.ring(ring)).filter(|r| r.len() > 2).collect();
        svg.area(&rings, shade(part(area)), &area.says);
    }
    for (area, shape) in areas.iter().zip(&shapes) {
        let Some((x, y)) = shape.first().and_then(|ring| view.inside(ring)) else { continue };
        let style = Style::LABEL.at(Anchor::Middle).fill(ink_on(part(area)));
        svg.text(x, y - 2.0, style.size(12.0), &area.short);
        svg.text(x, y + 14.0, style.size(15.0).bold(), &area.shown);
    }
    scale(&mut svg, &words.most);
    svg.finish()
}

/// The shades and the numbers they stand for.
fn scale(svg: &mut Svg, most: &str) {
    for (step, fill) in BLUES.iter().enumerate() {
        svg.rect((nth(step) * 26.0, 6.0), (26.0, 12.0), fill);
    }
    svg.text(0.0, 34.0, Style::SMALL.fill(INK), "0");
    let style = Style::SMALL.fill(INK).at(Anchor::End);
    svg.text(26.0 * nth(BLUES.len()), 34.0, style, most);
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
