//! The sectors of a territory, shaded by a number.

use vigie_domain::territory::{LonLat, Shape, Territory};
use vigie_proto::SectorId;

use crate::{
    BLUES, INK, float, ink_on, nth, shade,
    svg::{Anchor, Style, Svg},
};

const WIDTH: f64 = 900.0;
/// Borders are drawn to this, metres: less than a pixel of a city on a picture of this width.
const FINEST_M: f64 = 10.0;

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
    let drawn = territory.drawn(FINEST_M);
    let shapes: Vec<Option<&Shape>> =
        areas.iter().map(|area| drawn.iter().find(|shape| shape.sector == area.sector)).collect();
    let points = shapes.iter().flatten().flat_map(|shape| shape.polygons.iter().flatten().flatten());
    let view = View::over(&points.copied().collect::<Vec<_>>());
    let most = areas.iter().map(|area| area.number).max().unwrap_or(0).max(words.floor).max(1);
    let mut svg = Svg::new(words.name, (WIDTH, view.height + 10.0), &words.title, &words.subtitle, &words.description);
    let part = |area: &Area| float(area.number) / float(most);
    for (area, shape) in areas.iter().zip(&shapes) {
        let rings = shape.iter().flat_map(|shape| shape.polygons.iter().flatten());
        let rings: Vec<Vec<(f64, f64)>> = rings.map(|ring| ring.iter().map(|at| view.point(*at)).collect()).collect();
        svg.area(&rings, shade(part(area)), &area.says);
    }
    for (area, shape) in areas.iter().zip(&shapes) {
        let Some((x, y)) = shape.map(|shape| view.point(shape.label_at)) else { continue };
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
}
