//! The territory as it is drawn: borders thinned to what the eye can tell, alike on both sides.
//!
//! Nothing is located by a drawing: [`Territory::locate`] has the exact borders.

use vigie_proto::SectorId;

use super::{
    LonLat, Place, Territory,
    point::{Plane, UNITS, Vertex},
    topology::{self, Arc},
};

/// Squares on a side of the grid in which a place for a label is looked for.
const GRID: u32 = 30;
/// A label is wider than high: room to the left and right counts less.
const WIDE: f64 = 0.7;

/// A sector or commune as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub sector: SectorId,
    /// Of each polygon the closed rings: the outer one anticlockwise, then its holes clockwise.
    pub polygons: Vec<Vec<Vec<LonLat>>>,
    /// Where a label stands: well inside, far from the border.
    pub label_at: LonLat,
}

/// A border near a position, as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Border {
    pub points: Vec<LonLat>,
    /// It parts two sectors or communes, not only two quartiers of one.
    pub of_sectors: bool,
}

impl Territory {
    /// The borders that pass through the square of `reach_m` on each side of `at`, no point moved by more than
    /// `tolerance_m`.
    pub fn borders_near(&self, at: LonLat, reach_m: f64, tolerance_m: f64) -> Vec<Border> {
        let plane = Plane::at(at.lat);
        let (across, along) = (reach_m / plane.x / UNITS, reach_m / plane.y / UNITS);
        let (west, east, south, north) = (at.lon - across, at.lon + across, at.lat - along, at.lat + along);
        let passes = |arc: &&Arc| {
            let mut lon = (f64::INFINITY, f64::NEG_INFINITY);
            let mut lat = lon;
            for point in arc.points.iter().map(|point| point.lon_lat()) {
                lon = (lon.0.min(point.lon), lon.1.max(point.lon));
                lat = (lat.0.min(point.lat), lat.1.max(point.lat));
            }
            lon.0 <= east && lon.1 >= west && lat.0 <= north && lat.1 >= south
        };
        let sector = |cell: u16| self.cells.get(usize::from(cell)).map(|cell| cell.sector);
        let border = |arc: &Arc| Border {
            points: thinned(&arc.points, plane, tolerance_m).into_iter().map(Vertex::lon_lat).collect(),
            of_sectors: sector(arc.left) != sector(arc.right),
        };
        self.arcs.iter().filter(passes).map(border).collect()
    }

    /// The closed rings of a quartier of `sector`, no point moved by more than `tolerance_m`; none when it has no quartier
    /// of that name.
    pub fn quartier_drawn(&self, sector: &SectorId, name: &str, tolerance_m: f64) -> Option<Vec<Vec<LonLat>>> {
        let named = |place: &&Place| self.name_of(place) == name && self.sector_of(place).id == *sector;
        let cell = self.places.iter().find(named)?.cell;
        let plane = Plane::at(self.sector(sector)?.centre.lat);
        let around = self.arcs.iter().filter(|arc| arc.left == cell || arc.right == cell);
        let arcs: Vec<Arc> =
            around.map(|arc| Arc { points: thinned(&arc.points, plane, tolerance_m), ..*arc }).collect();
        Some(topology::outlines(&arcs, |other| other == cell))
    }

    /// Every sector and commune, in order of id, no point of a border being moved by more than `tolerance_m`.
    ///
    /// A border is thinned once and used by both sides, so that neighbours still touch without a gap.
    pub fn drawn(&self, tolerance_m: f64) -> Vec<Shape> {
        let latitude = self.arcs.first().and_then(|arc| arc.points.first()).map_or(0.0, |at| at.lon_lat().lat);
        let plane = Plane::at(latitude);
        let arcs: Vec<Arc> =
            self.arcs.iter().map(|arc| Arc { points: thinned(&arc.points, plane, tolerance_m), ..*arc }).collect();
        let shape = |index: usize| {
            let inside = |cell: u16| self.cells.get(usize::from(cell)).is_some_and(|c| usize::from(c.sector) == index);
            let mut rings = topology::outlines(&arcs, inside);
            // What is smaller than the tolerance has no area left.
            rings.retain(|ring| ring.len() > 3);
            let sector = &self.sectors[index];
            let label_at = label_place(&rings, plane).unwrap_or(sector.centre);
            Shape { sector: sector.id.clone(), polygons: polygons(rings), label_at }
        };
        (0..self.sectors.len()).map(shape).collect()
    }
}

/// Each outer ring with the holes in it.
fn polygons(rings: Vec<Vec<LonLat>>) -> Vec<Vec<Vec<LonLat>>> {
    let (outer, holes): (Vec<_>, Vec<_>) = rings.into_iter().partition(|ring| twice_area(ring) > 0.0);
    let mut polygons: Vec<Vec<Vec<LonLat>>> = outer.into_iter().map(|ring| vec![ring]).collect();
    for hole in holes {
        let around = polygons.iter_mut().find(|polygon| holds(&polygon[..1], hole[0]));
        if let Some(polygon) = around {
            polygon.push(hole);
        }
    }
    polygons
}

/// Twice the area of a ring in square degrees, positive when it runs anticlockwise.
fn twice_area(ring: &[LonLat]) -> f64 {
    let origin = ring[0];
    let edge = |a: &LonLat, b: &LonLat| {
        (a.lon - origin.lon) * (b.lat - origin.lat) - (b.lon - origin.lon) * (a.lat - origin.lat)
    };
    ring.iter().zip(ring.iter().skip(1)).map(|(a, b)| edge(a, b)).sum()
}

/// The points of a line that are needed to stay within `tolerance_m` of all of them; both ends stay.
///
/// Douglas and Peucker, 1973: the farthest point from the chord is kept if it is too far, and both halves go on.
fn thinned(points: &[Vertex], plane: Plane, tolerance_m: f64) -> Vec<Vertex> {
    let mut kept = vec![false; points.len()];
    let mut spans = vec![(0, points.len().saturating_sub(1))];
    while let Some((from, to)) = spans.pop() {
        for end in [from, to] {
            if let Some(kept) = kept.get_mut(end) {
                *kept = true;
            }
        }
        let farthest = (from + 1..to)
            .map(|index| (plane.to_segment_m(points[index], points[from], points[to]), index))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((metres, index)) = farthest
            && metres > tolerance_m
        {
            spans.extend([(from, index), (index, to)]);
        }
    }
    points.iter().zip(kept).filter_map(|(point, kept)| kept.then_some(*point)).collect()
}

/// Of a grid over the rings, the point inside them that is farthest from their borders; nothing without rings.
fn label_place(rings: &[Vec<LonLat>], plane: Plane) -> Option<LonLat> {
    let points = || rings.iter().flatten();
    let least = |of: fn(&LonLat) -> f64| points().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&LonLat) -> f64| points().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (west, east) = (least(|at| at.lon), most(|at| at.lon));
    let (south, north) = (least(|at| at.lat), most(|at| at.lat));
    let part = |step: u32| f64::from(step) / f64::from(GRID);
    let grid = (1..GRID).flat_map(|i| (1..GRID).map(move |j| (i, j)));
    let candidates = grid.map(|(i, j)| LonLat::new(west + part(i) * (east - west), south + part(j) * (north - south)));
    candidates
        .filter(|at| holds(rings, *at))
        .map(|at| (room(rings, at, plane), at))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, at)| at)
}

/// Whether `at` lies inside: an odd number of borders lies east of it.
fn holds(rings: &[Vec<LonLat>], at: LonLat) -> bool {
    let crosses = |a: &LonLat, b: &LonLat| {
        (a.lat > at.lat) != (b.lat > at.lat) && at.lon < (b.lon - a.lon) * (at.lat - a.lat) / (b.lat - a.lat) + a.lon
    };
    let edges = rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().skip(1)));
    edges.filter(|(a, b)| crosses(a, b)).count() % 2 == 1
}

/// How far the nearest corner of the border is.
fn room(rings: &[Vec<LonLat>], at: LonLat, plane: Plane) -> f64 {
    let metres = |to: &LonLat| {
        let east = (to.lon - at.lon) * UNITS * plane.x * WIDE;
        east.hypot((to.lat - at.lat) * UNITS * plane.y)
    };
    rings.iter().flatten().map(metres).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(i32, i32)]) -> Vec<Vertex> {
        points.iter().map(|(x, y)| Vertex { x: *x, y: *y }).collect()
    }

    #[test]
    fn what_stays_within_the_tolerance_is_left_out_and_corners_stay() {
        let plane = Plane::at(48.85);
        // 1,000 units of latitude are some 11 m.
        let wavy = line(&[(0, 0), (10_000, 90), (20_000, -90), (30_000, 0), (30_000, 20_000)]);
        assert_eq!(thinned(&wavy, plane, 2.0), line(&[(0, 0), (30_000, 0), (30_000, 20_000)]));
        assert_eq!(thinned(&wavy, plane, 0.1), wavy);
    }

    #[test]
    fn a_closed_line_keeps_its_shape() {
        let ring = line(&[(0, 0), (10_000, 0), (10_000, 10_000), (0, 10_000), (0, 0)]);
        assert_eq!(thinned(&ring, Plane::at(48.85), 1.0), ring);
    }

    #[test]
    fn a_hole_belongs_to_the_ring_around_it() {
        let square = |west: f64, size: f64| {
            let corners = [(0., 0.), (1., 0.), (1., 1.), (0., 1.), (0., 0.)];
            corners.map(|(x, y)| LonLat::new(west + x * size, 48.8 + y * size)).to_vec()
        };
        let hole: Vec<LonLat> =
            square(2.31, 0.01).into_iter().rev().map(|at| LonLat::new(at.lon, at.lat + 0.01)).collect();
        let found = polygons(vec![square(2.4, 0.05), hole.clone(), square(2.3, 0.05)]);
        assert_eq!(found, [vec![square(2.4, 0.05)], vec![square(2.3, 0.05), hole]]);
    }

    #[test]
    fn a_label_stands_inside_a_horseshoe_not_in_its_gap() {
        let ring: Vec<LonLat> =
            [(0., 0.), (3., 0.), (3., 3.), (2., 3.), (2., 1.), (1., 1.), (1., 3.), (0., 3.), (0., 0.)]
                .map(|(x, y)| LonLat::new(2.3 + x / 100., 48.8 + y / 100.))
                .to_vec();
        let at = label_place(std::slice::from_ref(&ring), Plane::at(48.8)).unwrap();
        assert!(holds(&[ring], at));
    }

    #[test]
    fn borders_near_a_place_are_all_that_pass_there_and_a_quartier_is_drawn_by_its_own() {
        let file = include_bytes!("../../../../config/territory/paris.territory");
        let paris = Territory::from_bytes(file).unwrap();
        let at = LonLat::new(2.3791, 48.8853);
        let (near, all) = (paris.borders_near(at, 600.0, 2.0), paris.borders_near(at, 60_000.0, 2.0));
        assert_eq!(all.len(), paris.arcs.len());
        assert!(!near.is_empty() && near.len() < all.len() && near.iter().all(|border| all.contains(border)));
        assert!(all.iter().any(|border| border.of_sectors) && all.iter().any(|border| !border.of_sectors));
        let place = paris.locate(at).unwrap();
        let rings = paris.quartier_drawn(&paris.sector_of(&place).id, paris.name_of(&place), 2.0).unwrap();
        assert!(holds(&rings, at));
        assert_eq!(paris.quartier_drawn(&paris.sectors()[0].id, "nulle part", 2.0), None);
    }
}
