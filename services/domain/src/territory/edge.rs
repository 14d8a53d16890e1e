//! A border as the grid sees it: on which rows and columns it passes, and which cell is east of it.

use super::{
    point::{Vertex, side},
    topology::OUTSIDE,
};

/// A border from its lower to its upper end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) low: Vertex,
    pub(super) high: Vertex,
    pub(super) east: u16,
}

impl Edge {
    /// Whether the half-open range of rows of the edge holds `y`.
    pub(super) fn spans(&self, y: i32) -> bool {
        self.low.y <= y && y < self.high.y
    }

    /// Whether the edge passes at or west of `p` on its row.
    pub(super) fn west_of(&self, p: Vertex) -> bool {
        side(self.low, self.high, p) <= 0
    }

    /// Whether the edge runs east of `other` where both have rows.
    pub(super) fn east_of(&self, other: &Self) -> bool {
        let from = if self.low.y >= other.low.y {
            side(other.low, other.high, self.low)
        } else {
            -side(self.low, self.high, other.low)
        };
        let to = if self.high.y <= other.high.y {
            side(other.low, other.high, self.high)
        } else {
            -side(self.low, self.high, other.high)
        };
        // negative: right of the upward direction, so east; they never cross, so one end decides when the other touches
        if from == 0 { to < 0 } else { from < 0 }
    }
}

/// The cell at `p`, decided by all the edges of its row of squares.
pub(super) fn owner(edges: &[Edge], p: Vertex) -> u16 {
    let west = edges.iter().filter(|edge| edge.spans(p.y) && edge.west_of(p));
    west.reduce(|nearest, edge| if edge.east_of(nearest) { edge } else { nearest }).map_or(OUTSIDE, |edge| edge.east)
}

/// Westernmost and easternmost place of the part of an edge within rows `south..south + size`, a unit wider.
pub(super) fn reach(edge: &Edge, south: i32, size: i32) -> (i32, i32) {
    let at = |y: i32| {
        let y = y.clamp(edge.low.y, edge.high.y);
        let (rise, run) = (i64::from(edge.high.y - edge.low.y), i64::from(edge.high.x - edge.low.x));
        let along = i64::from(y - edge.low.y) * run;
        edge.low.x + i32::try_from(along.checked_div_euclid(rise).unwrap_or(0)).expect("within the run")
    };
    if edge.low.y == edge.high.y {
        return (edge.low.x.min(edge.high.x) - 1, edge.low.x.max(edge.high.x) + 1);
    }
    let (a, b) = (at(south - 1), at(south + size));
    (a.min(b) - 1, a.max(b) + 2)
}

/// The rows on which an edge passes inside the square: east of its western column, at or west of its eastern one.
pub(super) fn rows_inside(edge: &Edge, corner: Vertex, size: i32) -> Option<(i32, i32)> {
    let (mut low, mut high) = (edge.low.y.max(corner.y), edge.high.y.min(corner.y + size));
    let past_west = |y: i32| !edge.west_of(Vertex { x: corner.x, y });
    let before_east = |y: i32| edge.west_of(Vertex { x: corner.x + size - 1, y });
    // along an edge that leans east both change once, the first to true and the second to false; or the reverse
    if edge.high.x >= edge.low.x {
        low = first(low, high, past_west);
        high = first(low, high, |y| !before_east(y));
    } else {
        low = first(low, high, before_east);
        high = first(low, high, |y| !past_west(y));
    }
    (low < high).then_some((low, high))
}

/// The first row of `low..high` that `holds` accepts, given that it accepts all after; `high` if none.
fn first(mut low: i32, mut high: i32, holds: impl Fn(i32) -> bool) -> i32 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// The cells on the western column of a square, as ranges of rows `(low, high, cell)` from the south.
pub(super) fn entering(corner: Vertex, size: i32, touching: &[Edge], row_edges: &[Edge]) -> Vec<(i32, i32, u16)> {
    let mut rows = vec![corner.y];
    for edge in touching {
        let (low, high) = (edge.low.y, edge.high.y);
        // the owner of a column changes only where an edge meets it: around the crossing, or at the ends
        rows.extend([low, low + 1, high, high + 1]);
        let (run, rise) = (i64::from(edge.high.x - edge.low.x), i64::from(high - low));
        if let Some(along) = (i64::from(corner.x - edge.low.x) * rise).checked_div_euclid(run) {
            let crossing = i32::try_from((i64::from(low) + along).clamp(i64::from(low), i64::from(high)))
                .expect("between the ends");
            rows.extend([crossing - 1, crossing, crossing + 1, crossing + 2]);
        }
    }
    rows.retain(|row| (corner.y..corner.y + size).contains(row));
    rows.sort_unstable();
    rows.dedup();
    let mut ranges: Vec<(i32, i32, u16)> = Vec::new();
    for row in rows {
        let cell = owner(row_edges, Vertex { x: corner.x, y: row });
        match ranges.last_mut() {
            Some(last) if last.2 == cell => {}
            Some(last) => {
                last.1 = row;
                ranges.push((row, corner.y + size, cell));
            }
            None => ranges.push((row, corner.y + size, cell)),
        }
    }
    ranges
}
