//! The index: a grid of squares, each wholly inside one cell or holding the border pieces that decide in it.
//!
//! A point belongs to the cell just east of it (north of it along a horizontal border): every lattice point has exactly
//! one owner, on borders and corners too. The nearest border piece west of the point on its row decides. All
//! comparisons are on whole numbers.

use super::{
    LonLat,
    point::{UNITS, Vertex, side},
    topology::{Arc, OUTSIDE},
};

/// Smallest square: 4,096 units, 30 m by 45 m in Paris.
const MIN_SHIFT: u32 = 12;
/// Largest square whose rows fit the 16 bits of a piece.
const MAX_SHIFT: u32 = 15;
/// Squares up to which a finer grid is chosen: 1 MiB of them, the second-level cache of a common processor.
const MAX_SQUARES: i64 = 1 << 19;
/// Set in a square that holds pieces; the rest is the index of its first entry in `starts`.
const MIXED: u32 = 1 << 31;

#[derive(Debug)]
pub(crate) struct Grid {
    west: i32,
    south: i32,
    /// Extents in units, exclusive.
    width: f64,
    height: f64,
    shift: u32,
    columns: usize,
    /// Row by row from the south-west: a cell, or [`MIXED`] and an index into `starts`.
    squares: Vec<u32>,
    /// Where the pieces of each mixed square start; one more at the end.
    starts: Vec<u32>,
    pieces: Vec<Piece>,
}

/// The part of a border that may decide in one square, on rows `low..high` counted from the square's south.
///
/// The pieces of a square are in order from east to west on every row, so the first one at or west of a point is the
/// nearest. The last ones stand for what enters the square from the west.
#[derive(Debug, Clone, Copy)]
struct Piece {
    low: u16,
    high: u16,
    /// The cell on its eastern side.
    east: u16,
    x: i32,
    y: i32,
    dx: i32,
    dy: i32,
}

/// A border from its lower to its upper end.
#[derive(Debug, Clone, Copy)]
struct Edge {
    low: Vertex,
    high: Vertex,
    east: u16,
}

impl Edge {
    /// Whether the half-open range of rows of the edge holds `y`.
    fn spans(&self, y: i32) -> bool {
        self.low.y <= y && y < self.high.y
    }

    /// Whether the edge passes at or west of `p` on its row.
    fn west_of(&self, p: Vertex) -> bool {
        side(self.low, self.high, p) <= 0
    }

    /// Whether the edge runs east of `other` where both have rows.
    fn east_of(&self, other: &Self) -> bool {
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

impl Grid {
    pub(crate) fn build(arcs: &[Arc]) -> Self {
        let points = || arcs.iter().flat_map(|arc| &arc.points);
        let bounds =
            |pick: fn(&Vertex) -> i32| (points().map(pick).min().unwrap_or(0), points().map(pick).max().unwrap_or(0));
        let ((west, east), (south, north)) = (bounds(|point| point.x), bounds(|point| point.y));
        let (width, height) = (east - west + 1, north - south + 1);
        let squares = |shift: u32| i64::from((width >> shift) + 1) * i64::from((height >> shift) + 1);
        let shift = (MIN_SHIFT..MAX_SHIFT).find(|&shift| squares(shift) <= MAX_SQUARES).unwrap_or(MAX_SHIFT);
        let columns = index((width >> shift) + 1);
        let rows = index((height >> shift) + 1);
        let mut grid = Self {
            west,
            south,
            width: f64::from(width),
            height: f64::from(height),
            shift,
            columns,
            squares: Vec::with_capacity(columns * rows),
            starts: vec![0],
            pieces: Vec::new(),
        };
        let mut by_row: Vec<Vec<Edge>> = vec![Vec::new(); rows];
        for arc in arcs {
            for (a, b) in arc.segments() {
                let edge = if a.y <= b.y {
                    Edge { low: a, high: b, east: arc.right }
                } else {
                    Edge { low: b, high: a, east: arc.left }
                };
                for row in index((edge.low.y - south) >> shift)..=index((edge.high.y - south) >> shift) {
                    by_row[row].push(edge);
                }
            }
        }
        for (row, edges) in (0..).zip(by_row) {
            grid.add_row(south + (row << shift), &edges);
        }
        grid
    }

    /// The cell at `at`; [`OUTSIDE`] beyond every border or for what is not a number.
    #[inline]
    pub(crate) fn cell(&self, at: LonLat) -> u16 {
        let x = at.lon * UNITS - f64::from(self.west) + 0.5;
        let y = at.lat * UNITS - f64::from(self.south) + 0.5;
        // also false for NaN
        if !(x >= 0.0 && y >= 0.0 && x < self.width && y < self.height) {
            return OUTSIDE;
        }
        #[expect(clippy::cast_possible_truncation, reason = "within the extent of the grid, which fits")]
        let (x, y) = (x as i32, y as i32);
        let square = self.squares[index(y >> self.shift) * self.columns + index(x >> self.shift)];
        if square & MIXED == 0 {
            #[expect(clippy::cast_possible_truncation, reason = "a square that is not mixed holds a cell")]
            return square as u16;
        }
        self.decide((square & !MIXED) as usize, x, y)
    }

    /// The cell at `x`, `y` units from the corner of the grid, in a mixed square.
    #[inline]
    fn decide(&self, mixed: usize, x: i32, y: i32) -> u16 {
        let row = y & ((1 << self.shift) - 1);
        let pieces = &self.pieces[self.starts[mixed] as usize..self.starts[mixed + 1] as usize];
        for piece in pieces {
            let on_row = row >= i32::from(piece.low) && row < i32::from(piece.high);
            if on_row && i64::from(piece.dx) * i64::from(y - piece.y) <= i64::from(piece.dy) * i64::from(x - piece.x) {
                return piece.east;
            }
        }
        OUTSIDE
    }

    /// Adds the row of squares whose south is `south`; `edges` are all that touch it.
    fn add_row(&mut self, south: i32, edges: &[Edge]) {
        let size = 1 << self.shift;
        let mut touching: Vec<Vec<Edge>> = vec![Vec::new(); self.columns];
        for edge in edges {
            let (from, to) = reach(edge, south, size);
            let column = |x: i32| index((x - self.west).max(0) >> self.shift).min(self.columns - 1);
            for column in column(from)..=column(to) {
                touching[column].push(*edge);
            }
        }
        let mut before: Option<u32> = None;
        for (column, touching) in (0..).zip(touching) {
            let corner = Vertex { x: self.west + (column << self.shift), y: south };
            let square = if touching.is_empty() {
                // no border between this square and the one west of it unless that one is mixed
                before.filter(|square| square & MIXED == 0).unwrap_or_else(|| u32::from(owner(edges, corner)))
            } else {
                self.add_mixed(corner, &touching, edges)
            };
            before = Some(square);
            self.squares.push(square);
        }
    }

    fn add_mixed(&mut self, corner: Vertex, touching: &[Edge], row_edges: &[Edge]) -> u32 {
        let size = 1 << self.shift;
        let mut inside: Vec<(Edge, i32, i32)> = touching
            .iter()
            .filter_map(|edge| rows_inside(edge, corner, size).map(|(low, high)| (*edge, low, high)))
            .collect();
        let entering = entering(corner, size, touching, row_edges);
        if inside.is_empty() && entering.len() == 1 {
            return u32::from(entering[0].2);
        }
        let mixed = self.starts.len() - 1;
        while !inside.is_empty() {
            let easternmost = (0..inside.len()).find(|&candidate| {
                let (edge, low, high) = inside[candidate];
                !inside
                    .iter()
                    .any(|&(other, other_low, other_high)| other_low < high && low < other_high && other.east_of(&edge))
            });
            let (edge, low, high) = inside.remove(easternmost.unwrap_or(0));
            self.push(corner.y, low, high, edge);
        }
        for (low, high, east) in entering {
            let wall = Edge { low: Vertex { x: corner.x, y: low }, high: Vertex { x: corner.x, y: high }, east };
            self.push(corner.y, low, high, wall);
        }
        self.starts.push(u32::try_from(self.pieces.len()).expect("a file within its limits has fewer pieces"));
        MIXED | u32::try_from(mixed).expect("fewer mixed squares than pieces")
    }

    fn push(&mut self, south: i32, low: i32, high: i32, edge: Edge) {
        let row = |y: i32| u16::try_from(y - south).expect("a row of a square, which has at most 2^15");
        self.pieces.push(Piece {
            low: row(low),
            high: row(high),
            east: edge.east,
            x: edge.low.x - self.west,
            y: edge.low.y - self.south,
            dx: edge.high.x - edge.low.x,
            dy: edge.high.y - edge.low.y,
        });
    }
}

/// The cell at `p`, decided by all the edges of its row of squares.
fn owner(edges: &[Edge], p: Vertex) -> u16 {
    let west = edges.iter().filter(|edge| edge.spans(p.y) && edge.west_of(p));
    west.reduce(|nearest, edge| if edge.east_of(nearest) { edge } else { nearest }).map_or(OUTSIDE, |edge| edge.east)
}

/// Westernmost and easternmost place of the part of an edge within rows `south..south + size`, a unit wider.
fn reach(edge: &Edge, south: i32, size: i32) -> (i32, i32) {
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
fn rows_inside(edge: &Edge, corner: Vertex, size: i32) -> Option<(i32, i32)> {
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
fn entering(corner: Vertex, size: i32, touching: &[Edge], row_edges: &[Edge]) -> Vec<(i32, i32, u16)> {
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

fn index(number: i32) -> usize {
    usize::try_from(number).expect("counted from the corner of the grid, so never negative")
}
