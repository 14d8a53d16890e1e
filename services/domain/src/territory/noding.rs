//! Turns overlapping, nearly matching rings into one set of edges that meet only at their ends.
//!
//! Corners within [`SNAP`] of each other become one, a corner within [`SNAP`] of an edge is inserted into it, crossing
//! edges are cut where they cross; repeated until nothing changes. Nothing ever moves further than a few centimetres.

use std::collections::{BTreeMap, HashMap};

use super::point::{Vertex, side, whole};

/// Units (of 1e-7 degree) within which two places are one: 4 to 6 cm in Paris.
const SNAP: i32 = 5;
/// Passes after which the input is declared impossible to untangle; real borders need three or four.
const MAX_PASSES: usize = 30;
/// Side of a bucket, in units: some 60 to 90 m, about the length of an edge.
const BUCKET: i32 = 1 << 13;

/// Net number of times that the rings of each owner run along an edge from its lower to its higher end.
pub(crate) type Runs = BTreeMap<usize, i32>;

/// Edges that meet only at their ends.
#[derive(Debug, Default)]
pub(crate) struct Noded {
    pub(crate) vertices: Vec<Vertex>,
    /// By index of the lower end, then of the higher; runs that cancel out are left out.
    pub(crate) edges: BTreeMap<(usize, usize), Runs>,
    near: HashMap<(i32, i32), Vec<usize>>,
}

/// The rings could not be untangled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tangle;

/// Notes the rings of all owners together.
pub(crate) fn node<'a>(rings: impl IntoIterator<Item = (usize, &'a [Vertex])>) -> Result<Noded, Tangle> {
    let mut noded = Noded::default();
    for (owner, ring) in rings {
        let corners: Vec<usize> = ring.iter().map(|&corner| noded.vertex(corner)).collect();
        for (&from, &to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            noded.run(from, to, owner, 1);
        }
    }
    for _ in 0..MAX_PASSES {
        let cuts = noded.cuts();
        if cuts.is_empty() {
            noded.edges.retain(|_, runs| {
                runs.retain(|_, net| *net != 0);
                !runs.is_empty()
            });
            return Ok(noded);
        }
        noded.apply(cuts);
    }
    Err(Tangle)
}

impl Noded {
    /// The vertex standing for `place`: one within [`SNAP`], or a new one.
    fn vertex(&mut self, place: Vertex) -> usize {
        let (column, row) = (place.x.div_euclid(SNAP), place.y.div_euclid(SNAP));
        let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (column + dx, row + dy)));
        let close = around.flat_map(|key| self.near.get(&key).into_iter().flatten().copied());
        let nearest = close.map(|index| (squared(self.vertices[index], place), index)).min();
        match nearest {
            Some((squared, index)) if squared <= i64::from(SNAP * SNAP) => index,
            _ => {
                self.vertices.push(place);
                self.near.entry((column, row)).or_default().push(self.vertices.len() - 1);
                self.vertices.len() - 1
            }
        }
    }

    /// Adds `times` runs of `owner` from one vertex to another.
    fn run(&mut self, from: usize, to: usize, owner: usize, times: i32) {
        if from != to {
            let (key, times) = if from < to { ((from, to), times) } else { ((to, from), -times) };
            *self.edges.entry(key).or_default().entry(owner).or_default() += times;
        }
    }

    fn ends(&self, edge: (usize, usize)) -> (Vertex, Vertex) {
        (self.vertices[edge.0], self.vertices[edge.1])
    }

    /// For each edge that must be cut, the vertices to cut it at.
    fn cuts(&mut self) -> BTreeMap<(usize, usize), Vec<usize>> {
        let mut cuts: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        let mut corners: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
        for (index, vertex) in self.vertices.iter().enumerate() {
            corners.entry((vertex.x.div_euclid(BUCKET), vertex.y.div_euclid(BUCKET))).or_default().push(index);
        }
        let mut buckets: HashMap<(i32, i32), Vec<(usize, usize)>> = HashMap::new();
        for &edge in self.edges.keys() {
            let (a, b) = self.ends(edge);
            for key in buckets_around(a, b) {
                buckets.entry(key).or_default().push(edge);
                for &corner in corners.get(&key).into_iter().flatten() {
                    if corner != edge.0 && corner != edge.1 && touches(a, b, self.vertices[corner]) {
                        cuts.entry(edge).or_default().push(corner);
                    }
                }
            }
        }
        let mut crossings = Vec::new();
        for edges in buckets.values() {
            for (index, &one) in edges.iter().enumerate() {
                for &other in &edges[index + 1..] {
                    let shared = one.0 == other.0 || one.0 == other.1 || one.1 == other.0 || one.1 == other.1;
                    if !shared && let Some(place) = crossing(self.ends(one), self.ends(other)) {
                        crossings.push((place, one, other));
                    }
                }
            }
        }
        // the order of a hash map is not the same twice, that of the places is
        crossings.sort_unstable();
        for (place, one, other) in crossings {
            let vertex = self.vertex(place);
            for edge in [one, other] {
                if vertex != edge.0 && vertex != edge.1 {
                    cuts.entry(edge).or_default().push(vertex);
                }
            }
        }
        cuts
    }

    fn apply(&mut self, cuts: BTreeMap<(usize, usize), Vec<usize>>) {
        for (edge, mut at) in cuts {
            let Some(runs) = self.edges.remove(&edge) else { continue };
            at.sort_unstable_by_key(|&vertex| (squared(self.vertices[edge.0], self.vertices[vertex]), vertex));
            at.dedup();
            at.push(edge.1);
            let mut from = edge.0;
            for to in at {
                for (&owner, &times) in &runs {
                    self.run(from, to, owner, times);
                }
                from = to;
            }
        }
    }
}

fn squared(a: Vertex, b: Vertex) -> i64 {
    let (dx, dy) = (i64::from(a.x) - i64::from(b.x), i64::from(a.y) - i64::from(b.y));
    dx * dx + dy * dy
}

/// Whether `p` lies beside the inside of the edge `a b`, within [`SNAP`] of it.
fn touches(a: Vertex, b: Vertex, p: Vertex) -> bool {
    let length_squared = i128::from(squared(a, b));
    let along = i128::from(b.x - a.x) * i128::from(p.x - a.x) + i128::from(b.y - a.y) * i128::from(p.y - a.y);
    let off = i128::from(side(a, b, p));
    along > 0 && along < length_squared && off * off <= i128::from(SNAP * SNAP) * length_squared
}

/// Where two edges without a common end cross, to the nearest unit.
fn crossing((a, b): (Vertex, Vertex), other: (Vertex, Vertex)) -> Option<Vertex> {
    let (a_side, b_side) = (side(other.0, other.1, a), side(other.0, other.1, b));
    let apart = side(a, b, other.0).signum() * side(a, b, other.1).signum() < 0;
    if !apart || a_side.signum() * b_side.signum() >= 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "the result is rounded to a unit anyway")]
    let along = a_side as f64 / (a_side - b_side) as f64;
    let x = f64::from(a.x) + along * f64::from(b.x - a.x);
    let y = f64::from(a.y) + along * f64::from(b.y - a.y);
    Some(Vertex { x: whole(x), y: whole(y) })
}

/// The buckets that an edge may touch, widened by [`SNAP`].
fn buckets_around(a: Vertex, b: Vertex) -> impl Iterator<Item = (i32, i32)> {
    let range = |a: i32, b: i32| (a.min(b) - SNAP - 1).div_euclid(BUCKET)..=(a.max(b) + SNAP + 1).div_euclid(BUCKET);
    let rows = range(a.y, b.y);
    range(a.x, b.x).flat_map(move |column| rows.clone().map(move |row| (column, row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(west: i32, south: i32, side: i32) -> Vec<Vertex> {
        [(0, 0), (side, 0), (side, side), (0, side)].map(|(x, y)| Vertex { x: west + x, y: south + y }).to_vec()
    }

    #[test]
    fn a_corner_on_a_neighbours_edge_is_inserted_into_it() {
        let (large, small) = (square(0, 0, 10_000), square(10_002, 3_000, 4_000));
        let noded = node([(0, large.as_slice()), (1, small.as_slice())]).unwrap();
        let shared: Vec<_> = noded.edges.values().filter(|runs| runs.len() == 2).collect();
        assert_eq!(shared.len(), 1, "the west side of the small square is an edge of both");
        assert_eq!(shared[0].values().sum::<i32>(), 0, "each runs along it in its own direction");
    }

    #[test]
    fn crossing_rings_are_cut_where_they_cross() {
        let (one, other) = (square(0, 0, 10_000), square(5_000, 5_000, 10_000));
        let noded = node([(0, one.as_slice()), (1, other.as_slice())]).unwrap();
        assert_eq!(noded.vertices.len(), 10);
        assert_eq!(noded.edges.len(), 12);
    }
}
