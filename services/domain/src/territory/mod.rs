//! Where things are: sectors, arrondissements, quartiers and bordering communes, the schools in them, and places by name.
//!
//! A [`Territory`] is read from one compact file and never changes; its hash names it in every decision. The file is a
//! partition: borders are stored once and shared by the cells on both sides, so a position has one owner or none.
//! Nothing here reads a file, a clock or the network.

mod assign;
mod build;
mod drawing;
mod edge;
mod error;
mod faces;
mod format;
mod grid;
mod noding;
mod places;
mod point;
mod school;
mod source;
mod survey;
mod topology;
mod words;

use std::collections::{BTreeSet, HashMap};

use serde::{Serialize, Serializer};
use vigie_proto::{SectorId, Uai};

pub use self::{
    build::{Built, Sources, build, with_places},
    drawing::{Border, Shape},
    error::{Fault, LocateError, Problem, TerritoryError},
    places::{
        Bearing, Fit, Found, Landmark, Level, Named, PlaceCounts, PlaceKind, PlaceSources, StreetNear, TYPED_M,
        Understood,
    },
    point::LonLat,
    school::{School, SchoolKind},
    source::Source,
    survey::Survey,
};
use self::{
    format::{Cell, Contents},
    grid::Grid,
    places::Index,
    point::{Plane, UNITS, Vertex, distance_m, side},
    survey::Borders,
    topology::{Arc, OUTSIDE},
};

/// A sector of Paris, or a commune that borders it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sector {
    pub id: SectorId,
    /// For a sentence: `Paris Centre`, `19e arrondissement`, `Aubervilliers (93)`.
    pub label: String,
    /// For a table: `Centre`, `19e`, `Aubervilliers`.
    pub short: String,
    pub in_paris: bool,
    /// The INSEE codes of its arrondissements (four for Paris Centre) or of its commune.
    pub insee: Vec<u32>,
    /// Where to put a label: its centre of gravity.
    pub centre: LonLat,
}

/// The place of a position: 12 bytes, copied freely. [`Territory::sector_of`] gives its sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Place {
    #[serde(skip)]
    cell: u16,
    #[serde(skip)]
    sector: u16,
    /// 1 to 20; nothing outside Paris.
    pub arrondissement: Option<u8>,
    /// 1 to 80; nothing outside Paris.
    pub quartier: Option<u8>,
    /// INSEE code: 75056 for Paris.
    #[serde(serialize_with = "five_digits")]
    pub commune: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn five_digits<S: Serializer>(commune: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{commune:05}"))
}

/// The partition, its schools and their indexes; immutable.
#[derive(Debug)]
pub struct Territory {
    hash: String,
    attribution: Vec<String>,
    sectors: Vec<Sector>,
    neighbours: Vec<Vec<SectorId>>,
    cells: Vec<Cell>,
    places: Vec<Place>,
    arcs: Vec<Arc>,
    grid: Grid,
    borders: Borders,
    schools: Vec<School>,
    by_uai: HashMap<Uai, usize>,
    /// The schools from south to north.
    by_latitude: Vec<usize>,
    named_places: Index,
}

impl Territory {
    /// Reads a compact file and builds its indexes, in some tens of milliseconds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TerritoryError> {
        Ok(Self::from_contents(format::decode(bytes)?, format::hash(bytes)))
    }

    fn from_contents(contents: Contents, hash: String) -> Self {
        let Contents { attribution, mut sectors, cells, arcs, schools, streets, sites } = contents;
        let sector = |cell: u16| cells.get(usize::from(cell)).map_or(OUTSIDE, |cell| cell.sector);
        let places = (0..).zip(&cells).map(|(number, cell)| Place {
            cell: number,
            sector: cell.sector,
            arrondissement: cell.arrondissement,
            quartier: cell.quartier,
            commune: cell.commune,
        });
        set_centres(&mut sectors, &arcs, sector);
        let mut territory = Self {
            hash,
            attribution,
            neighbours: neighbours(&sectors, &arcs, sector),
            places: places.collect(),
            grid: Grid::build(&arcs),
            borders: Borders::new(&arcs, sector),
            by_latitude: from_south(&schools),
            by_uai: schools
                .iter()
                .enumerate()
                .filter_map(|(index, school)| Some((school.uai.clone()?, index)))
                .collect(),
            named_places: Index::default(),
            sectors,
            cells,
            arcs,
            schools,
        };
        territory.named_places = Index::new(&territory, streets, sites);
        territory
    }

    /// SHA-256 of the file, 64 hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The publishers to name wherever the territory is shown.
    pub fn attribution(&self) -> &[String] {
        &self.attribution
    }

    /// The place of a position, exact to the lattice of 1e-7 degree (a centimetre) on which borders are drawn.
    ///
    /// On a border the owner is the cell just east of it (north of it where it runs due east): one, and always the
    /// same. Allocates nothing unless it fails.
    #[inline]
    pub fn locate(&self, at: LonLat) -> Result<Place, LocateError> {
        let cell = self.grid.cell(at);
        self.places.get(usize::from(cell)).copied().ok_or_else(|| self.refusal(at))
    }

    #[cold]
    fn refusal(&self, at: LonLat) -> LocateError {
        let LonLat { lon, lat } = at;
        if Vertex::nearest(at).is_none() {
            return LocateError::NotFinite { lon, lat };
        }
        if self.grid.cell(LonLat::new(lat, lon)) != OUTSIDE {
            return LocateError::LooksSwapped { lon, lat };
        }
        let (nearest, distance_m) = self.nearest_sector(at);
        LocateError::Outside { lon, lat, nearest: nearest.id.clone(), distance_m }
    }

    /// What lies around a position: whom its `accuracy_m` concerns, and what is within `reach_m`. Negative is zero.
    pub fn survey(&self, at: LonLat, accuracy_m: f64, reach_m: f64) -> Result<Survey<'_>, LocateError> {
        Ok(self.look_around(self.locate(at)?, at, accuracy_m, reach_m))
    }

    /// The sector or commune of a place.
    pub fn sector_of(&self, place: &Place) -> &Sector {
        &self.sectors[usize::from(place.sector)]
    }

    /// The name of the quartier or commune of a place.
    pub fn name_of(&self, place: &Place) -> &str {
        &self.cells[usize::from(place.cell)].name
    }

    pub fn sector(&self, id: &SectorId) -> Option<&Sector> {
        self.index_of(id).map(|index| &self.sectors[index])
    }

    /// The sectors of Paris and the bordering communes, in order of id.
    pub fn sectors(&self) -> &[Sector] {
        &self.sectors
    }

    /// The sectors and communes that share a border with one, in order of id; none for an unknown one.
    pub fn neighbours(&self, id: &SectorId) -> &[SectorId] {
        self.index_of(id).map_or(&[], |index| &self.neighbours[index])
    }

    fn index_of(&self, id: &SectorId) -> Option<usize> {
        self.sectors.binary_search_by(|sector| sector.id.cmp(id)).ok()
    }

    /// The closed rings of a sector or commune, outer ones anticlockwise, holes clockwise; none for an unknown one.
    pub fn outline(&self, id: &SectorId) -> Vec<Vec<LonLat>> {
        let wanted = self.index_of(id);
        let inside = |cell: u16| self.cells.get(usize::from(cell)).map(|cell| usize::from(cell.sector)) == wanted;
        if wanted.is_some() { topology::outlines(&self.arcs, inside) } else { Vec::new() }
    }

    /// Every quartier and bordering commune, with its closed rings.
    pub fn cells(&self) -> impl Iterator<Item = (Place, Vec<Vec<LonLat>>)> {
        self.places.iter().map(|place| (*place, topology::outlines(&self.arcs, |cell| cell == place.cell)))
    }

    pub fn school(&self, uai: &Uai) -> Option<&School> {
        self.by_uai.get(uai).map(|&index| &self.schools[index])
    }

    /// All schools, in order of id.
    pub fn schools(&self) -> &[School] {
        &self.schools
    }

    /// The schools within `radius_m`, with their distance in metres, nearest first.
    pub fn schools_within(&self, at: LonLat, radius_m: f64) -> Vec<(&School, f64)> {
        // A box a little larger than the circle, before anything is computed; a degree of longitude is shortest at its far end.
        let lat_within = radius_m / point::Plane::at(at.lat).y / UNITS * 1.01;
        let lon_within = radius_m / point::Plane::at((at.lat.abs() + lat_within).min(89.0)).x / UNITS * 1.01;
        let south = self.by_latitude.partition_point(|&school| self.schools[school].at.lat < at.lat - lat_within);
        let from_south = self.by_latitude[south..].iter().map(|&school| &self.schools[school]);
        let close = from_south
            .take_while(|school| school.at.lat <= at.lat + lat_within)
            .filter(|school| (school.at.lon - at.lon).abs() <= lon_within);
        let mut found: Vec<_> = close
            .map(|school| (school, Self::distance_m(at, school.at)))
            .filter(|(_, distance_m)| *distance_m <= radius_m)
            .collect();
        found.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.id.cmp(&b.0.id)));
        found
    }

    /// Metres between two positions, good to 0.1 % at the scale of a city.
    pub fn distance_m(a: LonLat, b: LonLat) -> f64 {
        point::distance_m(a, b)
    }
}

/// The places of the schools in their list, from south to north.
fn from_south(schools: &[School]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..schools.len()).collect();
    places.sort_by(|&a, &b| schools[a].at.lat.total_cmp(&schools[b].at.lat));
    places
}

/// For each sector, the others that share a border with it, in order of id.
fn neighbours(sectors: &[Sector], arcs: &[Arc], sector: impl Fn(u16) -> u16) -> Vec<Vec<SectorId>> {
    let mut sets = vec![BTreeSet::new(); sectors.len()];
    for (a, b) in arcs.iter().map(|arc| (usize::from(sector(arc.left)), usize::from(sector(arc.right)))) {
        if a != b && a < sectors.len() && b < sectors.len() {
            sets[a].insert(sectors[b].id.clone());
            sets[b].insert(sectors[a].id.clone());
        }
    }
    sets.into_iter().map(|set| set.into_iter().collect()).collect()
}

/// Puts each sector's centre at its centre of gravity.
fn set_centres(sectors: &mut [Sector], arcs: &[Arc], sector: impl Fn(u16) -> u16) {
    let extents = extents(sectors.len(), arcs, sector);
    for (sector, (centre, _)) in sectors.iter_mut().zip(extents) {
        sector.centre = centre;
    }
}

/// For each of `count` groups of cells, its centre of gravity, from the triangles that its borders make with one corner,
/// and the metres from there to the farthest of its borders.
fn extents(count: usize, arcs: &[Arc], group: impl Fn(u16) -> u16) -> Vec<(LonLat, f64)> {
    let mut sums = vec![[0.0; 3]; count];
    let origin = arcs.first().and_then(|arc| arc.points.first()).copied().unwrap_or(Vertex { x: 0, y: 0 });
    for arc in arcs {
        for (a, b) in arc.segments() {
            #[expect(clippy::cast_precision_loss, reason = "a centre to the metre is enough")]
            let area = side(origin, a, b) as f64;
            let x = area * (f64::from(a.x) + f64::from(b.x) + f64::from(origin.x)) / 3.0;
            let y = area * (f64::from(a.y) + f64::from(b.y) + f64::from(origin.y)) / 3.0;
            for (cell, sign) in [(arc.left, 1.0), (arc.right, -1.0)] {
                if let Some(sum) = sums.get_mut(usize::from(group(cell))) {
                    *sum = [sum[0] + sign * area, sum[1] + sign * x, sum[2] + sign * y];
                }
            }
        }
    }
    let centre = |[area, x, y]: [f64; 3]| (LonLat::new(x / area / UNITS, y / area / UNITS), 0.0);
    let mut extents: Vec<(LonLat, f64)> = sums.into_iter().map(centre).collect();
    for arc in arcs {
        for group in [group(arc.left), group(arc.right)] {
            let Some((centre, radius_m)) = extents.get_mut(usize::from(group)) else { continue };
            let (Some(middle), plane) = (Vertex::nearest(*centre), Plane::at(centre.lat)) else { continue };
            for (east, north) in arc.points.iter().map(|&point| plane.vector_m(middle, point)) {
                *radius_m = radius_m.max((east * east + north * north).sqrt());
            }
        }
    }
    extents
}
