//! What lies around a position: the borders near it, found by buckets, and the schools near it.

use serde::Serialize;
use vigie_proto::SectorId;

use super::{
    LonLat, Place, School, Sector, Territory,
    point::{Plane, UNITS, Vertex},
    topology::{Arc, OUTSIDE},
};

/// Side of a bucket: 65,536 units, some 480 m by 730 m in Paris.
const BUCKET_SHIFT: u32 = 16;

/// What lies around a position that has a place in the territory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Survey<'a> {
    pub place: Place,
    /// The one sector or commune that has the position.
    pub owner: SectorId,
    /// Every sector or commune within the accuracy of the position: the owner, then the others, nearest first.
    pub concerned: Vec<SectorId>,
    /// The other sectors and communes within reach, with metres to their border, nearest first.
    pub neighbours: Vec<(SectorId, f64)>,
    /// The schools within reach, with metres, nearest first.
    pub schools: Vec<(&'a School, f64)>,
}

/// A piece of border between sectors, as indices of sectors; [`OUTSIDE`] beyond the territory.
#[derive(Debug, Clone, Copy)]
struct Border {
    a: Vertex,
    b: Vertex,
    sides: [u16; 2],
}

/// The borders between sectors, by bucket.
#[derive(Debug)]
pub(crate) struct Borders {
    west: i32,
    south: i32,
    columns: usize,
    buckets: Vec<Vec<Border>>,
}

impl Borders {
    /// Keeps the arcs that separate sectors, `sector` giving the sector of a cell.
    pub(crate) fn new(arcs: &[Arc], sector: impl Fn(u16) -> u16) -> Self {
        let points = || arcs.iter().flat_map(|arc| &arc.points);
        let west = points().map(|point| point.x).min().unwrap_or(0);
        let south = points().map(|point| point.y).min().unwrap_or(0);
        let column = |x: i32| bucket(x - west);
        let row = |y: i32| bucket(y - south);
        let columns = points().map(|point| column(point.x)).max().unwrap_or(0) + 1;
        let rows = points().map(|point| row(point.y)).max().unwrap_or(0) + 1;
        let mut borders = Self { west, south, columns, buckets: vec![Vec::new(); columns * rows] };
        for arc in arcs {
            let sides = [sector(arc.left), sector(arc.right)];
            if sides[0] != sides[1] {
                for (a, b) in arc.segments() {
                    for row in row(a.y.min(b.y))..=row(a.y.max(b.y)) {
                        for column in column(a.x.min(b.x))..=column(a.x.max(b.x)) {
                            borders.buckets[row * columns + column].push(Border { a, b, sides });
                        }
                    }
                }
            }
        }
        borders
    }

    /// Metres from `at` to each of `sectors` sectors whose border is within `reach_m`; infinite for the others.
    pub(crate) fn distances_m(&self, at: LonLat, reach_m: f64, sectors: usize) -> Vec<f64> {
        let mut distances_m = vec![f64::INFINITY; sectors];
        let Some(p) = Vertex::nearest(at) else { return distances_m };
        // halfway to the territory, for the sake of positions far from it
        let plane = Plane::at(f64::midpoint(at.lat, f64::from(self.south) / UNITS));
        let rows = self.buckets.len() / self.columns;
        let columns = window(f64::from(p.x) - f64::from(self.west), reach_m / plane.x, self.columns);
        for row in window(f64::from(p.y) - f64::from(self.south), reach_m / plane.y, rows) {
            for border in columns.clone().flat_map(|column| &self.buckets[row * self.columns + column]) {
                let metres = plane.to_segment_m(p, border.a, border.b);
                for &side in border.sides.iter().filter(|&&side| side != OUTSIDE && metres <= reach_m) {
                    let nearest_m = &mut distances_m[usize::from(side)];
                    *nearest_m = nearest_m.min(metres);
                }
            }
        }
        distances_m
    }
}

fn bucket(offset: i32) -> usize {
    usize::try_from(offset >> BUCKET_SHIFT).unwrap_or(0)
}

/// The buckets within `reach` units of `offset`, out of `count`.
fn window(offset: f64, reach: f64, count: usize) -> std::ops::Range<usize> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, then is held within the count")]
    let bucket_at = |offset: f64| bucket(offset as i32);
    bucket_at(offset - reach).min(count)..(bucket_at(offset + reach) + 1).min(count)
}

impl Territory {
    /// The sector or commune whose border is nearest, with metres to it (to 1 % within a hundred kilometres).
    pub(super) fn nearest_sector(&self, at: LonLat) -> (&Sector, f64) {
        // the wider the reach the slower, and most positions outside are just outside
        [1e3, 1e4, f64::INFINITY]
            .into_iter()
            .find_map(|reach_m| {
                let distances_m = self.borders.distances_m(at, reach_m, self.sectors.len());
                let nearest = self.sectors.iter().zip(distances_m).min_by(|a, b| a.1.total_cmp(&b.1))?;
                nearest.1.is_finite().then_some(nearest)
            })
            .expect("a territory has a border, and a position on Earth has a distance to it")
    }

    /// Whether the border of `sector` lies within `reach_m` metres of `at`.
    pub fn lies_within_m_of(&self, at: LonLat, sector: &SectorId, reach_m: f64) -> bool {
        let distances_m = self.borders.distances_m(at, reach_m, self.sectors.len());
        self.sectors.iter().zip(distances_m).any(|(known, metres)| known.id == *sector && metres <= reach_m)
    }

    pub(super) fn look_around(&self, place: Place, at: LonLat, accuracy_m: f64, reach_m: f64) -> Survey<'_> {
        let [accuracy_m, reach_m] = [accuracy_m.max(0.0), reach_m.max(0.0)];
        let distances_m = self.borders.distances_m(at, accuracy_m.max(reach_m), self.sectors.len());
        let owner = self.sector_of(&place);
        let found =
            self.sectors.iter().zip(distances_m).filter(|(sector, metres)| metres.is_finite() && *sector != owner);
        let mut near: Vec<(&SectorId, f64)> = found.map(|(sector, metres)| (&sector.id, metres)).collect();
        near.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(b.0)));
        let within = |limit_m: f64| near.iter().filter(move |(_, metres)| *metres <= limit_m);
        let others = within(accuracy_m).map(|(id, _)| (*id).clone());
        Survey {
            place,
            owner: owner.id.clone(),
            concerned: std::iter::once(owner.id.clone()).chain(others).collect(),
            neighbours: within(reach_m).map(|(id, metres)| ((*id).clone(), *metres)).collect(),
            schools: self.schools_within(at, reach_m),
        }
    }
}
