//! The borders of a partition, each stored once with the cell on either side, so that no gap or overlap can exist.

use std::collections::BTreeMap;

use super::{
    LonLat,
    point::{Vertex, side},
};

/// The cell beyond the last one: outside the territory.
pub(crate) const OUTSIDE: u16 = u16::MAX;

/// A border between two cells, from one junction of borders to the next (or around to its start).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arc {
    /// The cell left of its direction; [`OUTSIDE`] if none.
    pub(crate) left: u16,
    pub(crate) right: u16,
    pub(crate) points: Vec<Vertex>,
}

impl Arc {
    pub(crate) fn segments(&self) -> impl Iterator<Item = (Vertex, Vertex)> {
        self.points.windows(2).map(|pair| (pair[0], pair[1]))
    }
}

/// Chains directed edges `(from, to, left, right)` into arcs; both sides of an edge must differ.
pub(crate) fn chain(edges: &[(Vertex, Vertex, u16, u16)]) -> Vec<Arc> {
    // ends of edges at each vertex: the edge, and whether it starts there
    let mut at: BTreeMap<Vertex, Vec<(usize, bool)>> = BTreeMap::new();
    for (index, &(from, to, _, _)) in edges.iter().enumerate() {
        at.entry(from).or_default().push((index, true));
        at.entry(to).or_default().push((index, false));
    }
    let mut used = vec![false; edges.len()];
    let mut arcs = Vec::new();
    let junctions = at.iter().filter(|(_, ends)| ends.len() != 2);
    // closed borders have no junction: they start at their first vertex, once the others are used up
    let loops = at.iter().filter(|(_, ends)| ends.len() == 2);
    for (&start, ends) in junctions.chain(loops) {
        for &(edge, forwards) in ends {
            if !used[edge] {
                let (_, _, left, right) = edges[edge];
                let points = walk(edges, &at, &mut used, start, edge);
                let (left, right) = if forwards { (left, right) } else { (right, left) };
                arcs.push(Arc { left, right, points });
            }
        }
    }
    arcs
}

fn walk(
    edges: &[(Vertex, Vertex, u16, u16)],
    at: &BTreeMap<Vertex, Vec<(usize, bool)>>,
    used: &mut [bool],
    start: Vertex,
    first: usize,
) -> Vec<Vertex> {
    let mut points = vec![start];
    let (mut here, mut edge) = (start, first);
    loop {
        used[edge] = true;
        let (from, to, _, _) = edges[edge];
        here = if here == from { to } else { from };
        points.push(here);
        let ends = &at[&here];
        match ends.iter().find(|(next, _)| ends.len() == 2 && !used[*next]) {
            Some(&(next, _)) => edge = next,
            None => return points,
        }
    }
}

/// The closed outlines of the cells that `inside` accepts: outer ones anticlockwise, holes clockwise.
///
/// Where outlines touch in a point they are kept apart, each turning as sharply to the left as it can.
pub(crate) fn outlines(arcs: &[Arc], inside: impl Fn(u16) -> bool) -> Vec<Vec<LonLat>> {
    let mut leaving: BTreeMap<Vertex, Vec<Vec<Vertex>>> = BTreeMap::new();
    for arc in arcs {
        let mut points = arc.points.clone();
        match (inside(arc.left), inside(arc.right)) {
            (true, false) => {}
            (false, true) => points.reverse(),
            _ => continue,
        }
        leaving.entry(points[0]).or_default().push(points);
    }
    let mut rings = Vec::new();
    while let Some(mut first) = leaving.first_entry() {
        let mut ring = first.get_mut().pop().unwrap_or_default();
        if first.get().is_empty() {
            first.remove();
        }
        while let [.., before, end] = ring[..]
            && ring[0] != end
        {
            let Some(options) = leaving.get_mut(&end) else { break };
            let sharpest = (0..options.len()).max_by(|&a, &b| turn(before, end, options[a][1], options[b][1]));
            ring.extend(options.swap_remove(sharpest.unwrap_or(0)).into_iter().skip(1));
            if options.is_empty() {
                leaving.remove(&end);
            }
        }
        rings.push(ring.into_iter().map(Vertex::lon_lat).collect());
    }
    rings
}

/// Compares how far left of straight on the ways to `a` and to `b` turn, coming from `before` to `here`.
fn turn(before: Vertex, here: Vertex, a: Vertex, b: Vertex) -> std::cmp::Ordering {
    let half = |p: Vertex| side(before, here, p).signum();
    half(a).cmp(&half(b)).then_with(|| side(here, b, a).cmp(&0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: i32, y: i32) -> Vertex {
        Vertex { x, y }
    }

    #[test]
    fn a_border_between_two_squares_is_one_arc_and_both_outlines_use_it() {
        let out = OUTSIDE;
        let ring = [at(0, 0), at(1, 0), at(2, 0), at(2, 1), at(1, 1), at(0, 1)];
        let edge = |from: usize, to: usize, left, right| (ring[from], ring[to], left, right);
        let edges = [
            edge(0, 1, 0, out),
            edge(1, 4, 0, 1),
            edge(4, 5, 0, out),
            edge(5, 0, 0, out),
            edge(1, 2, 1, out),
            edge(2, 3, 1, out),
            edge(3, 4, 1, out),
        ];
        let arcs = chain(&edges);
        assert_eq!(arcs.len(), 3);
        assert_eq!(arcs.iter().map(|arc| arc.points.len()).sum::<usize>(), 2 + 4 + 4);
        for (cell, corner) in [(0, ring[0]), (1, ring[3])] {
            let rings = outlines(&arcs, |other| other == cell);
            assert_eq!(rings.len(), 1);
            assert_eq!(rings[0].len(), 5);
            assert!(rings[0].contains(&corner.lon_lat()));
        }
        assert_eq!(outlines(&arcs, |cell| cell != OUTSIDE)[0].len(), 7);
    }

    #[test]
    fn a_border_without_a_junction_closes_on_itself() {
        let [a, b, c] = [at(0, 0), at(4, 0), at(0, 4)];
        let arcs = chain(&[(a, b, 0, OUTSIDE), (b, c, 0, OUTSIDE), (c, a, 0, OUTSIDE)]);
        assert_eq!(arcs.len(), 1);
        assert_eq!(arcs[0].points.first(), arcs[0].points.last());
    }
}
