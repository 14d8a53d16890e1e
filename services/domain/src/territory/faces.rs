//! Finds the faces between noded edges, and which owners' rings enclose each.

use super::{
    noding::{Noded, Runs},
    point::{Vertex, side},
};

/// A face: the region left of a cycle of half-edges. Half-edge `2 e` runs along edge `e`, `2 e + 1` against it.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) half_edges: Vec<usize>,
    /// Twice the signed area in square units; negative for the outside.
    pub(crate) doubled_area: i128,
    /// How many times each owner's rings wind around it; zeros left out.
    pub(crate) windings: Runs,
}

/// The plane cut up by edges.
#[derive(Debug)]
pub(crate) struct Subdivision {
    pub(crate) vertices: Vec<Vertex>,
    /// The ends of each edge, as indices of vertices.
    pub(crate) edges: Vec<(usize, usize)>,
    pub(crate) faces: Vec<Face>,
    /// The face left of each half-edge.
    pub(crate) left: Vec<usize>,
    /// For each piece beyond the one that starts furthest west, an owner in it.
    pub(crate) detached: Vec<usize>,
}

impl Subdivision {
    pub(crate) fn find(noded: Noded) -> Self {
        let (edges, runs): (Vec<_>, Vec<Runs>) = noded.edges.into_iter().unzip();
        let vertices = noded.vertices;
        let next = successors(&vertices, &edges);
        let mut left = vec![usize::MAX; next.len()];
        let mut faces = Vec::new();
        for start in 0..next.len() {
            if left[start] == usize::MAX {
                let mut half_edges = Vec::new();
                let mut at = start;
                while left[at] == usize::MAX {
                    left[at] = faces.len();
                    half_edges.push(at);
                    at = next[at];
                }
                let doubled_area = area(&vertices, &edges, &half_edges);
                faces.push(Face { half_edges, doubled_area, windings: Runs::new() });
            }
        }
        let mut plane = Self { vertices, edges, faces, left, detached: Vec::new() };
        plane.wind(&runs);
        plane
    }

    pub(crate) fn start(&self, half_edge: usize) -> Vertex {
        self.vertices[origin(&self.edges, half_edge)]
    }

    /// Spreads winding numbers from the outside inwards: they change only across an edge, by its runs.
    fn wind(&mut self, runs: &[Runs]) {
        let mut outer: Vec<usize> = (0..self.faces.len()).filter(|&face| self.faces[face].doubled_area < 0).collect();
        outer.sort_unstable_by_key(|&face| self.faces[face].half_edges.iter().map(|&half| self.start(half)).min());
        self.detached = outer
            .iter()
            .skip(1)
            .filter_map(|&face| runs[self.faces[face].half_edges[0] / 2].keys().next().copied())
            .collect();
        let mut known = vec![false; self.faces.len()];
        for &face in &outer {
            known[face] = true;
        }
        let mut queue = outer;
        while let Some(face) = queue.pop() {
            for index in 0..self.faces[face].half_edges.len() {
                let half = self.faces[face].half_edges[index];
                let across = self.left[half ^ 1];
                if !known[across] {
                    known[across] = true;
                    // the face across lies left of the twin, so it has what the twin's direction adds
                    let sign = if half.is_multiple_of(2) { -1 } else { 1 };
                    let mut windings = self.faces[face].windings.clone();
                    for (&owner, &times) in &runs[half / 2] {
                        *windings.entry(owner).or_default() += sign * times;
                    }
                    windings.retain(|_, times| *times != 0);
                    self.faces[across].windings = windings;
                    queue.push(across);
                }
            }
        }
    }
}

fn origin(edges: &[(usize, usize)], half_edge: usize) -> usize {
    let (low, high) = edges[half_edge / 2];
    if half_edge.is_multiple_of(2) { low } else { high }
}

/// For each half-edge, the one that follows it around the face on its left.
fn successors(vertices: &[Vertex], edges: &[(usize, usize)]) -> Vec<usize> {
    let mut leaving = vec![Vec::new(); vertices.len()];
    for half in 0..edges.len() * 2 {
        leaving[origin(edges, half)].push(half);
    }
    let mut next = vec![0; edges.len() * 2];
    for (vertex, halves) in leaving.iter_mut().enumerate() {
        let centre = vertices[vertex];
        let end = |half: usize| vertices[origin(edges, half ^ 1)];
        let lower = |p: Vertex| (p.y, p.x) < (centre.y, centre.x);
        halves.sort_unstable_by(|&a, &b| {
            let (a, b) = (end(a), end(b));
            lower(a).cmp(&lower(b)).then_with(|| 0.cmp(&side(centre, a, b)))
        });
        // arriving by the twin of one, leave by the one just clockwise of it
        for (index, &half) in halves.iter().enumerate() {
            next[half ^ 1] = halves[(index + halves.len() - 1) % halves.len()];
        }
    }
    next
}

fn area(vertices: &[Vertex], edges: &[(usize, usize)], cycle: &[usize]) -> i128 {
    let centre = vertices[origin(edges, cycle[0])];
    let piece = |half: usize| side(centre, vertices[origin(edges, half)], vertices[origin(edges, half ^ 1)]);
    cycle.iter().map(|&half| i128::from(piece(half))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::territory::noding::node;

    #[test]
    fn overlapping_squares_make_three_faces_and_the_middle_one_has_both_owners() {
        let square = |at: i32| {
            [(0, 0), (10, 0), (10, 10), (0, 10)].map(|(x, y)| Vertex { x: (at + x) * 100, y: (at + y) * 100 })
        };
        let (one, other) = (square(0), square(5));
        let plane = Subdivision::find(node([(0, one.as_slice()), (1, other.as_slice())]).unwrap());
        let mut found: Vec<_> = plane.faces.iter().map(|face| (face.doubled_area, face.windings.len())).collect();
        found.sort_unstable();
        assert_eq!(found, [(-3_500_000, 0), (500_000, 2), (1_500_000, 1), (1_500_000, 1)]);
        assert!(plane.detached.is_empty());
    }
}
