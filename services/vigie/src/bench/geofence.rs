//! `vigie bench geofence`: nanoseconds per exact answer, all layers, next to an R-tree of polygons and to bare memory.

use std::{
    hint::black_box,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Args;
use geo::{Contains, Coord, LineString, Polygon, Rect};
use rstar::{
    RTree,
    primitives::{GeomWithData, Rectangle},
};
use serde::Serialize;
use vigie_domain::territory::{LonLat, Territory};

use crate::{
    Outcome,
    command::territory::{DEFAULT_FILE, load},
};

/// Points of each set: enough not to fit the first-level cache, few enough to be asked many times a second.
const POINTS: usize = 100_000;
/// Squares a side of the table that stands for the limit.
const TABLE: usize = 1024;
/// How far from a border the border points are, at most.
const BORDER_M: f64 = 5.0;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vigie bench geofence\n  vigie bench geofence --seconds 10 --json")]
pub(crate) struct Arguments {
    /// Seconds of measuring for each figure.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Territory to use.
    #[arg(long, default_value = DEFAULT_FILE)]
    territory: PathBuf,
}

/// Nanoseconds per point on one set of points.
#[derive(Debug, Serialize)]
struct Figures {
    points: &'static str,
    /// Sector, arrondissement, quartier and commune, exact.
    vigie_ns: f64,
    /// The same layers as polygons: rstar over their boxes, then `geo::Contains`.
    rstar_geo_ns: f64,
    /// `rstar_geo_ns / vigie_ns`.
    times_faster: f64,
    /// The limit: quantise the point and read one byte of a table of 1 MiB.
    limit_ns: f64,
    /// `vigie_ns / limit_ns`.
    times_the_limit: f64,
    /// Points to which both ways give the same quartier or commune; the rest lies on a border.
    agreed: usize,
}

#[derive(Debug, Serialize)]
struct Report {
    polygons: usize,
    corners: usize,
    points: usize,
    /// Milliseconds to read the file and build the index.
    load_ms: f64,
    figures: Vec<Figures>,
}

type Entry = GeomWithData<Rectangle<[f64; 2]>, usize>;

/// The peer: every quartier and commune as a polygon, in an R-tree.
struct Peer {
    tree: RTree<Entry>,
    polygons: Vec<Polygon>,
}

impl Peer {
    fn cell(&self, at: LonLat) -> Option<usize> {
        let coordinate = Coord { x: at.lon, y: at.lat };
        let mut candidates = self.tree.locate_all_at_point(&[at.lon, at.lat]);
        candidates.find(|entry| self.polygons[entry.data].contains(&coordinate)).map(|entry| entry.data)
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let budget = Duration::try_from_secs_f64(arguments.seconds).context("--seconds must be zero or more")?;
    let started = Instant::now();
    let territory = load(&arguments.territory)?;
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let peer = peer(&territory);
    let figures = [("uniform", uniform(&peer)), ("within 5 m of a border", beside_borders(&peer))]
        .map(|(name, points)| measure(name, &points, &territory, &peer, budget))
        .into();
    let corners = peer.polygons.iter().map(|polygon| polygon.exterior().0.len() - 1).sum();
    let report = Report { polygons: peer.polygons.len(), corners, points: POINTS, load_ms, figures };
    if arguments.json {
        println!("{:#}", serde_json::to_value(&report)?);
    } else {
        print(&report);
    }
    Ok(Outcome::Done)
}

fn print(report: &Report) {
    println!(
        "{} polygons, {} corners, {} points a set; loaded and indexed in {:.1} ms",
        report.polygons, report.corners, report.points, report.load_ms
    );
    println!(
        "{:<24}{:>10}{:>14}{:>10}{:>10}{:>12}{:>10}",
        "ns a point", "vigie", "rstar + geo", "faster", "limit", "x limit", "agreed"
    );
    for row in &report.figures {
        println!(
            "{:<24}{:>10.1}{:>14.1}{:>9.1}x{:>10.2}{:>11.1}x{:>10}",
            row.points, row.vigie_ns, row.rstar_geo_ns, row.times_faster, row.limit_ns, row.times_the_limit, row.agreed
        );
    }
}

fn peer(territory: &Territory) -> Peer {
    let ring = |ring: &Vec<LonLat>| ring.iter().map(|at| Coord { x: at.lon, y: at.lat }).collect::<LineString>();
    // the cells of Paris have no holes; a cell in several pieces becomes several polygons
    let polygons: Vec<Polygon> = territory
        .cells()
        .flat_map(|(_, rings)| rings)
        .map(|outline| Polygon::new(ring(&outline), Vec::new()))
        .collect();
    let entries = polygons.iter().enumerate().filter_map(|(index, polygon)| {
        let bounds = bounds(polygon.exterior())?;
        let corners = (bounds.min().into(), bounds.max().into());
        Some(GeomWithData::new(Rectangle::from_corners(corners.0, corners.1), index))
    });
    Peer { tree: RTree::bulk_load(entries.collect()), polygons }
}

fn bounds(line: &LineString) -> Option<Rect> {
    use geo::BoundingRect;
    line.bounding_rect()
}

/// A small generator of its own (xorshift), so that a run can be repeated.
struct Chance(u64);

impl Chance {
    /// Uniform in 0..1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let fraction = (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        fraction
    }

    fn pick(&mut self, count: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "within the count"
        )]
        let index = (self.next() * count as f64) as usize;
        index
    }
}

/// Points spread evenly over the territory: those of its box that are in a polygon.
fn uniform(peer: &Peer) -> Vec<LonLat> {
    let mut chance = Chance(20_261_122);
    let envelope = peer.tree.root().envelope();
    let ([west, south], [east, north]) = (envelope.lower(), envelope.upper());
    let mut draw = || LonLat::new(west + chance.next() * (east - west), south + chance.next() * (north - south));
    std::iter::from_fn(|| Some(on_lattice(draw()))).filter(|at| peer.cell(*at).is_some()).take(POINTS).collect()
}

/// Points at most [`BORDER_M`] from a border, evenly along corners' edges, on both sides.
fn beside_borders(peer: &Peer) -> Vec<LonLat> {
    let mut chance = Chance(20_261_123);
    let edges: Vec<_> = peer.polygons.iter().flat_map(|polygon| polygon.exterior().lines()).collect();
    let mut draw = || {
        let edge = edges[chance.pick(edges.len())];
        let along = chance.next();
        let (angle, off_m) = (chance.next() * std::f64::consts::TAU, chance.next() * BORDER_M);
        let on = edge.start + (edge.end - edge.start) * along;
        LonLat::new(on.x + angle.cos() * off_m / 73_200.0, on.y + angle.sin() * off_m / 111_200.0)
    };
    std::iter::from_fn(|| Some(on_lattice(draw()))).filter(|at| peer.cell(*at).is_some()).take(POINTS).collect()
}

/// Rounds to 1e-7 degree, as positions are read, so that both ways are asked about the same point.
fn on_lattice(at: LonLat) -> LonLat {
    LonLat::new((at.lon * 1e7).round() / 1e7, (at.lat * 1e7).round() / 1e7)
}

fn measure(name: &'static str, points: &[LonLat], territory: &Territory, peer: &Peer, budget: Duration) -> Figures {
    let owners: Vec<_> = territory.cells().flat_map(|(place, rings)| rings.into_iter().map(move |_| place)).collect();
    let agreed =
        points.iter().filter(|at| peer.cell(**at).map(|cell| owners[cell]) == territory.locate(**at).ok()).count();
    // written, so that every page of it is its own
    let table: Vec<u8> = (0..TABLE * TABLE).map(|index| index.to_le_bytes()[0] | 1).collect();
    let envelope = peer.tree.root().envelope();
    let ([west, south], [east, north]) = (envelope.lower(), envelope.upper());
    let scale = |low: f64, high: f64| f64::from(u16::try_from(TABLE).unwrap_or(u16::MAX)) / (high - low);
    let (across, along) = (scale(west, east), scale(south, north));
    let vigie_ns = nanoseconds(points, budget, |at| territory.locate(at));
    let rstar_geo_ns = nanoseconds(points, budget, |at| peer.cell(at));
    let limit_ns = nanoseconds(points, budget, |at| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "any place of the table will do")]
        let (x, y) = (((at.lon - west) * across) as usize, ((at.lat - south) * along) as usize);
        table[(y * TABLE + x) % table.len()]
    });
    Figures {
        points: name,
        vigie_ns,
        rstar_geo_ns,
        times_faster: rstar_geo_ns / vigie_ns,
        limit_ns,
        times_the_limit: vigie_ns / limit_ns,
        agreed,
    }
}

/// The best of the passes over `points` that fit the budget (at least three): what disturbs a pass only adds to it.
fn nanoseconds<T>(points: &[LonLat], budget: Duration, mut answer: impl FnMut(LonLat) -> T) -> f64 {
    let started = Instant::now();
    let mut best = Duration::MAX;
    let mut passes = 0;
    while passes < 3 || started.elapsed() < budget {
        let pass = Instant::now();
        for &at in points {
            black_box(answer(black_box(at)));
        }
        best = best.min(pass.elapsed());
        passes += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a pass and a count of points are far below 2^53")]
    let nanoseconds = best.as_nanos() as f64 / points.len() as f64;
    nanoseconds
}
