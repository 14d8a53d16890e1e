//! A place and what lies around it, for somebody who goes there: borders, names of schools and stations, a scale.

use std::collections::BTreeMap;

use vigie_domain::territory::{Landmark, LonLat, PlaceKind, Territory};
use vigie_proto::SectorId;

use crate::{
    ACCENT, BLUES, INK, LINE, MUTED, nth,
    svg::{Anchor, Style, Svg, cut},
};

/// Wide enough for names, narrow enough for a telephone.
const SIZE: (f64, f64) = (360.0, 280.0);
/// What is seen at least to the left and right of a place, metres: a few streets.
const LEAST_M: f64 = 350.0;
const MOST_M: f64 = 4_000.0;
/// Borders are drawn to this, metres.
const FINEST_M: f64 = 2.0;
/// Characters of a name; a longer one is cut.
const NAME: usize = 27;
/// Of a name, about.
const CHARACTER: f64 = 6.7;
const BOLD_CHARACTER: f64 = 7.6;
const LINE_HEIGHT: f64 = 15.0;
/// Points on each side at which it is asked what quartier is seen there.
const ASKED: u16 = 14;
const PAPER: &str = "#f7f9fb";

/// A place that may be shown exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    pub at: LonLat,
    /// It lies within so many metres of `at`.
    pub accuracy_m: f64,
}

impl Spot {
    /// Metres that are seen to the left and right of it.
    fn reach_m(self) -> f64 {
        (self.accuracy_m * 1.5).clamp(LEAST_M, MOST_M)
    }

    /// What has a name and is seen on its map.
    pub fn landmarks(self, territory: &Territory) -> Vec<Landmark> {
        territory.landmarks(self.at, self.reach_m())
    }
}

/// The map around `spot`, titled `title`; the element `described_by` of its page says the same in words.
pub fn around(spot: Spot, territory: &Territory, title: &str, described_by: &str) -> String {
    let reach_m = spot.reach_m();
    let view = View::around(spot.at, reach_m);
    let mut sheet = Sheet::new(view, title, described_by);
    sheet.borders(territory, reach_m);
    sheet.names_of_quartiers(territory);
    if spot.accuracy_m * view.scale > 9.0 {
        sheet.svg.circle(view.point(spot.at), spot.accuracy_m * view.scale, (ACCENT, ACCENT));
    }
    let landmarks = spot.landmarks(territory);
    for landmark in &landmarks {
        sheet.sign(landmark);
    }
    let here = view.point(spot.at);
    sheet.svg.dot(here, 9.0, "#ffffff");
    sheet.svg.dot(here, 6.5, ACCENT);
    sheet.taken.push(Frame { x: here.0 - 10.0, y: here.1 - 10.0, width: 20.0, height: 20.0 });
    for landmark in &landmarks {
        sheet.name(landmark);
    }
    sheet.finish()
}

/// The outline of a quartier of `sector`, without any point in it; none when it has no quartier of that name.
pub fn quartier(
    sector: &SectorId,
    name: &str,
    territory: &Territory,
    title: &str,
    described_by: &str,
) -> Option<String> {
    let rings = territory.quartier_drawn(sector, name, FINEST_M)?;
    let (view, reach_m) = View::over(&rings)?;
    let mut sheet = Sheet::new(view, title, described_by);
    let drawn: Vec<Vec<(f64, f64)>> =
        rings.iter().map(|ring| ring.iter().map(|at| view.point(*at)).collect()).collect();
    sheet.svg.area(&drawn, BLUES[1], name);
    sheet.borders(territory, reach_m);
    sheet.names_of_quartiers(territory);
    Some(sheet.finish())
}

/// Degrees to pixels, north up.
#[derive(Debug, Clone, Copy)]
struct View {
    middle: LonLat,
    /// Pixels to a degree.
    across: f64,
    down: f64,
    /// Pixels to a metre.
    scale: f64,
}

impl View {
    fn around(middle: LonLat, reach_m: f64) -> Self {
        let scale = SIZE.0 / 2.0 / reach_m;
        let metres = |to: LonLat| Territory::distance_m(middle, to) * 1_000.0;
        let across = metres(LonLat::new(middle.lon + 0.001, middle.lat)) * scale;
        let down = metres(LonLat::new(middle.lon, middle.lat + 0.001)) * scale;
        Self { middle, across, down, scale }
    }

    /// Over all of `rings`, with the metres seen to the left and right; none without any.
    fn over(rings: &[Vec<LonLat>]) -> Option<(Self, f64)> {
        let points = || rings.iter().flatten();
        points().next()?;
        let least = |of: fn(&LonLat) -> f64| points().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&LonLat) -> f64| points().map(of).fold(f64::NEG_INFINITY, f64::max);
        let (west, east, south, north) = (least(|p| p.lon), most(|p| p.lon), least(|p| p.lat), most(|p| p.lat));
        let middle = LonLat::new(f64::midpoint(west, east), f64::midpoint(south, north));
        let half_m = |to: LonLat| Territory::distance_m(middle, to);
        let wide_m = half_m(LonLat::new(east, middle.lat));
        let high_m = half_m(LonLat::new(middle.lon, north)) * SIZE.0 / SIZE.1;
        let reach_m = wide_m.max(high_m) * 1.15;
        Some((Self::around(middle, reach_m), reach_m))
    }

    fn point(&self, at: LonLat) -> (f64, f64) {
        let (east, north) = (at.lon - self.middle.lon, at.lat - self.middle.lat);
        (SIZE.0 / 2.0 + east * self.across, SIZE.1 / 2.0 - north * self.down)
    }

    fn place(&self, (x, y): (f64, f64)) -> LonLat {
        let (east, north) = ((x - SIZE.0 / 2.0) / self.across, (SIZE.1 / 2.0 - y) / self.down);
        LonLat::new(self.middle.lon + east, self.middle.lat + north)
    }
}

/// Room that is taken.
#[derive(Debug, Clone, Copy)]
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn meets(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    fn is_seen(&self) -> bool {
        self.x >= 2.0 && self.y >= 2.0 && self.x + self.width <= SIZE.0 - 2.0 && self.y + self.height <= SIZE.1 - 26.0
    }
}

/// A map while it is drawn.
struct Sheet {
    svg: Svg,
    view: View,
    taken: Vec<Frame>,
    /// Of quartiers, written last but for the scale.
    names: Vec<((f64, f64), String)>,
}

impl Sheet {
    fn new(view: View, title: &str, described_by: &str) -> Self {
        let mut svg = Svg::bare(SIZE, title, described_by);
        svg.rect((0.0, 0.0), SIZE, PAPER);
        Self { svg, view, taken: Vec::new(), names: Vec::new() }
    }

    fn borders(&mut self, territory: &Territory, reach_m: f64) {
        let mut borders = territory.borders_near(self.view.middle, reach_m, FINEST_M);
        borders.sort_by_key(|border| border.of_sectors);
        for border in borders {
            let points: Vec<(f64, f64)> = border.points.iter().map(|at| self.view.point(*at)).collect();
            let (stroke, width, dash) = if border.of_sectors { (MUTED, 2.5, "") } else { (LINE, 2.0, "6 4") };
            self.svg.polyline(&points, stroke, width, dash);
        }
    }

    /// What quartiers and communes are seen, each named in the middle of what is seen of it.
    fn names_of_quartiers(&mut self, territory: &Territory) {
        let mut seen: BTreeMap<String, (f64, f64, f64)> = BTreeMap::new();
        for (column, row) in (0..ASKED).flat_map(|column| (0..ASKED).map(move |row| (column, row))) {
            let part = |of: u16| (f64::from(of) + 0.5) / f64::from(ASKED);
            let (x, y) = (part(column) * SIZE.0, part(row) * SIZE.1);
            let Ok(place) = territory.locate(self.view.place((x, y))) else { continue };
            let sector = territory.sector_of(&place);
            let name = match place.arrondissement {
                Some(_) => format!("{}, {}", territory.name_of(&place), sector.short),
                None => sector.short.clone(),
            };
            let sum = seen.entry(name).or_default();
            *sum = (sum.0 + x, sum.1 + y, sum.2 + 1.0);
        }
        let enough = nth(usize::from(ASKED * ASKED) / 12);
        self.names = seen
            .into_iter()
            .filter(|(_, (_, _, times))| *times >= enough)
            .map(|(name, (x, y, times))| ((x / times, y / times), name))
            .collect();
    }

    fn sign(&mut self, landmark: &Landmark) {
        let (x, y) = self.view.point(landmark.at);
        self.taken.push(Frame { x: x - 5.0, y: y - 5.0, width: 10.0, height: 10.0 });
        let fill = BLUES[5];
        match landmark.kind {
            PlaceKind::Station => {
                self.svg.dot((x, y), 5.0, "#ffffff");
                self.svg.dot((x, y), 4.0, MUTED);
            }
            PlaceKind::School
            | PlaceKind::Mairie
            | PlaceKind::Equipment
            | PlaceKind::Address
            | PlaceKind::Street
            | PlaceKind::Quartier
            | PlaceKind::Sector => self.svg.rect((x - 4.0, y - 4.0), (8.0, 8.0), fill),
        }
    }

    /// Writes the name beside the sign, where there is room.
    fn name(&mut self, landmark: &Landmark) {
        let (x, y) = self.view.point(landmark.at);
        let name = cut(&landmark.label, NAME);
        let near = landmark.distance_m < 20.0;
        let width = nth(name.chars().count()) * if near { BOLD_CHARACTER } else { CHARACTER };
        let frame = |x: f64, y: f64| Frame { x, y: y - LINE_HEIGHT + 3.0, width, height: LINE_HEIGHT };
        let middle = (x - width / 2.0).clamp(3.0, (SIZE.0 - width - 3.0).max(3.0));
        let places = [(x + 11.0, y + 4.0), (x - 11.0 - width, y + 4.0), (middle, y + 24.0), (middle, y - 14.0)];
        let free = |(x, y): &&(f64, f64)| {
            let frame = frame(*x, *y);
            frame.is_seen() && !self.taken.iter().any(|taken| taken.meets(&frame))
        };
        let Some(&(x, y)) = places.iter().find(free) else { return };
        self.taken.push(frame(x, y));
        let style = Style::LABEL.size(12.5);
        self.svg.halo((x, y), if near { style.bold() } else { style }, &name);
    }

    fn finish(mut self) -> String {
        for ((x, y), name) in std::mem::take(&mut self.names) {
            let width = nth(name.chars().count()) * CHARACTER;
            let frame = |y: f64| Frame { x: x - width / 2.0, y: y - LINE_HEIGHT + 3.0, width, height: LINE_HEIGHT };
            let free = |y: &f64| frame(*y).is_seen() && !self.taken.iter().any(|taken| taken.meets(&frame(*y)));
            let tried = [0.0, 24.0, -24.0, 48.0, -48.0, 72.0, -72.0].map(|below| y + below);
            if let Some(y) = tried.into_iter().find(free) {
                self.taken.push(frame(y));
                self.svg.halo((x, y), Style::SMALL.at(Anchor::Middle), &name);
            }
        }
        self.scale();
        self.svg.finish()
    }

    /// A round length that takes less than a third of the width, and which way is north.
    fn scale(&mut self) {
        let third_m = SIZE.0 / 3.0 / self.view.scale;
        let lengths = [2_000.0, 1_000.0, 500.0, 200.0, 100.0, 50.0];
        let metres = lengths.into_iter().find(|metres| *metres <= third_m).unwrap_or(50.0);
        let (left, bottom, length) = (12.0, SIZE.1 - 10.0, metres * self.view.scale);
        self.svg.rect((0.0, SIZE.1 - 24.0), (left + length + 52.0, 24.0), PAPER);
        self.svg.line((left, bottom), (left + length, bottom), INK, 2.0);
        for x in [left, left + length] {
            self.svg.line((x, bottom - 5.0), (x, bottom), INK, 2.0);
        }
        let said = if metres < 1_000.0 { format!("{metres:.0} m") } else { format!("{:.0} km", metres / 1_000.0) };
        self.svg.text(left + length + 6.0, bottom, Style::SMALL.fill(INK), &said);
        let right = SIZE.0 - 14.0;
        self.svg.line((right, SIZE.1 - 8.0), (right, SIZE.1 - 24.0), INK, 2.0);
        self.svg.polyline(
            &[(right - 4.0, SIZE.1 - 19.0), (right, SIZE.1 - 25.0), (right + 4.0, SIZE.1 - 19.0)],
            INK,
            2.0,
            "",
        );
        self.svg.text(right - 8.0, SIZE.1 - 10.0, Style::SMALL.fill(INK).at(Anchor::End), "N");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = include_bytes!("../../../config/territory/paris.territory");

    #[test]
    fn every_school_of_paris_is_found_on_the_map_around_it_and_no_name_leaves_the_sheet() {
        let paris = Territory::from_bytes(FILE).unwrap();
        for school in paris.schools().iter().step_by(7) {
            let spot = Spot { at: school.at, accuracy_m: 0.0 };
            let svg = around(spot, &paris, "Plan", "mots");
            let own = spot.landmarks(&paris).into_iter().find(|landmark| landmark.label == school.label());
            assert!(own.is_some_and(|own| own.distance_m < 1.0), "{}", school.label());
            assert!(svg.contains("<svg") && svg.ends_with("</svg>\n"), "{svg}");
            for text in svg.split("<text x=\"").skip(1) {
                let x: f64 = text.split('"').next().unwrap().parse().unwrap();
                assert!((0.0..=SIZE.0).contains(&x), "{}: {text}", school.label());
            }
        }
    }

    #[test]
    fn a_vague_point_is_drawn_as_a_circle_that_is_seen_whole() {
        let paris = Territory::from_bytes(FILE).unwrap();
        let at = LonLat::new(2.3791, 48.8853);
        let precise = around(Spot { at, accuracy_m: 5.0 }, &paris, "Plan", "mots");
        assert!(!precise.contains("fill-opacity"), "{precise}");
        let vague = Spot { at, accuracy_m: 600.0 };
        let radius = vague.accuracy_m * View::around(at, vague.reach_m()).scale;
        assert!(around(vague, &paris, "Plan", "mots").contains("fill-opacity"));
        assert!(radius <= SIZE.1 / 2.0, "{radius}");
    }

    #[test]
    fn every_quartier_has_an_outline_without_a_point_and_another_name_has_none() {
        let paris = Territory::from_bytes(FILE).unwrap();
        for (place, _) in paris.cells().filter(|(place, _)| place.quartier.is_some()) {
            let (sector, name) = (&paris.sector_of(&place).id, paris.name_of(&place));
            let svg = quartier(sector, name, &paris, "Plan", "mots").unwrap();
            assert!(svg.contains("<path") && !svg.contains("<circle"), "{name}");
            assert!(svg.contains(&crate::svg::escaped(name)), "{name}: {svg}");
        }
        let sector = &paris.sectors()[0].id;
        assert_eq!(quartier(sector, "nulle part", &paris, "Plan", "mots"), None);
    }
}
