//! The index: a grid of squares, each wholly inside one cell or holding the border pieces that decide in it.
//!
//! A point belongs to the cell just east of it (north of it along a horizontal border): every lattice point has exactly
//! one owner, on borders and corners too. The nearest border piece west of the point on its row decides. All
//! comparisons are on whole numbers.

use super::{
    LonLat,
    edge::{Edge, entering, owner, reach, rows_inside},
    point::{UNITS, Vertex},
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
                let rows = index((edge.low.y - south) >> shift)..=index((edge.high.y - south) >> shift);
                by_row[rows].iter_mut().for_each(|row| row.push(edge));
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
            touching[column(from)..=column(to)].iter_mut().for_each(|square| square.push(*edge));
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

fn index(number: i32) -> usize {
    usize::try_from(number).expect("counted from the corner of the grid, so never negative")
}
