//! Vigie's compact territory file: what it holds, and its bytes.
//!
//! `VIGT`, a version, then variable-length integers (7 bits a byte, least significant first; signed ones zigzag) and
//! texts (length, UTF-8), and last the first 8 bytes of the SHA-256 of all before. Positions are in 1e-7 degree; within
//! an arc each is written as the difference from the one before. Version 2 goes on with streets and sites: those are in
//! 1e-6 degree, a name is how much it shares with the one before and the rest, a number the difference from the one
//! before. A file of version 1 is read as one that has none.

use sha2::{Digest, Sha256};
use vigie_proto::{SectorId, Uai};

use super::{
    LonLat, School, SchoolKind, Sector, TerritoryError,
    places::{House, Site, SiteKind, Street},
    point::Vertex,
    topology::{Arc, OUTSIDE},
};

const MAGIC: &[u8; 4] = b"VIGT";
const VERSION: u8 = 2;
/// The oldest version that is read: a database holds files of before.
const OLDEST: u8 = 1;
const SEAL: usize = 8;
/// Widest extent accepted, in units (10 degrees): keeps every product within 64 bits and the index within memory.
const MAX_EXTENT: i32 = 100_000_000;

/// The smallest part of the territory: a quartier, or a bordering commune.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Index of its sector.
    pub(crate) sector: u16,
    pub(crate) arrondissement: Option<u8>,
    pub(crate) quartier: Option<u8>,
    /// INSEE code of its commune: 75056 for Paris.
    pub(crate) commune: u32,
    pub(crate) name: String,
}

/// Everything that the file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Contents {
    pub(crate) attribution: Vec<String>,
    /// In order of id.
    pub(crate) sectors: Vec<Sector>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) arcs: Vec<Arc>,
    /// In order of id.
    pub(crate) schools: Vec<School>,
    /// In order of name.
    pub(crate) streets: Vec<Street>,
    pub(crate) sites: Vec<Site>,
}

/// The SHA-256 of a file, as 64 hexadecimal digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = Sha256::digest(bytes).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

pub(crate) fn encode(contents: &Contents) -> Vec<u8> {
    let mut out = Writer(MAGIC.to_vec());
    out.0.push(VERSION);
    out.each(&contents.attribution, |out, text| out.text(text));
    out.each(&contents.sectors, |out, sector| {
        out.text(sector.id.as_str());
        out.text(&sector.label);
        out.text(&sector.short);
        out.number(u64::from(sector.in_paris));
        out.each(&sector.insee, |out, &code| out.number(code.into()));
    });
    out.each(&contents.cells, |out, cell| {
        out.number(cell.sector.into());
        out.number(cell.arrondissement.unwrap_or(0).into());
        out.number(cell.quartier.unwrap_or(0).into());
        out.number(cell.commune.into());
        out.text(&cell.name);
    });
    out.each(&contents.arcs, |out, arc| {
        // one more than the cell, so that the outside is a short 0
        out.number(arc.left.wrapping_add(1).into());
        out.number(arc.right.wrapping_add(1).into());
        let mut before = Vertex { x: 0, y: 0 };
        out.each(&arc.points, |out, &point| {
            out.signed(i64::from(point.x) - i64::from(before.x));
            out.signed(i64::from(point.y) - i64::from(before.y));
            before = point;
        });
    });
    out.each(&contents.schools, |out, school| {
        out.number(u64::from(school.uai.is_some()));
        out.text(&school.id);
        out.text(&school.name);
        out.number(SchoolKind::ALL.iter().position(|&kind| kind == school.kind).unwrap_or_default() as u64);
        out.number(u64::from(school.public));
        out.text(&school.address);
        out.text(&school.postal_code);
        let at = Vertex::nearest(school.at).expect("a school was located before it is written");
        out.signed(at.x.into());
        out.signed(at.y.into());
        out.text(school.sector.as_str());
        out.number(school.arrondissement.into());
        out.number(school.quartier.into());
        out.text(school.flag.as_deref().unwrap_or_default());
    });
    write_places(&mut out, contents);
    let seal = Sha256::digest(&out.0);
    out.0.extend_from_slice(&seal[..SEAL]);
    out.0
}

fn write_places(out: &mut Writer, contents: &Contents) {
    let mut name = "";
    let mut spot = Vertex { x: 0, y: 0 };
    out.each(&contents.streets, |out, street| {
        let shared = shared(name, &street.name);
        out.number(shared as u64);
        out.text(&street.name[shared..]);
        name = &street.name;
        out.number(street.insee.into());
        out.number(u64::from(street.at.is_some()));
        street.at.into_iter().for_each(|at| out.spot(&mut spot, at));
        let mut number = 0;
        out.each(&street.houses, |out, house| {
            // one bit says that a repetition follows
            let step = u64::from(house.number.wrapping_sub(number));
            out.number(step << 1 | u64::from(!house.repetition.is_empty()));
            if !house.repetition.is_empty() {
                out.text(&house.repetition);
            }
            number = house.number;
            out.spot(&mut spot, house.at);
        });
    });
    out.each(&contents.sites, |out, site| {
        out.number(SiteKind::ALL.iter().position(|&kind| kind == site.kind).unwrap_or_default() as u64);
        out.text(&site.name);
        out.text(&site.note);
        out.spot(&mut spot, site.at);
    });
}

/// How many bytes two names begin with alike, whole characters.
fn shared(a: &str, b: &str) -> usize {
    let differ = a.chars().zip(b.char_indices()).find(|(a, (_, b))| a != b);
    differ.map_or(a.len().min(b.len()), |(_, (place, _))| place)
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Contents, TerritoryError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(TerritoryError::NotATerritory)?;
    let (&found, rest) = rest.split_first().ok_or(TerritoryError::NotATerritory)?;
    if !(OLDEST..=VERSION).contains(&found) {
        return Err(TerritoryError::Version { found, expected: VERSION });
    }
    let (body, seal) = rest.split_at_checked(rest.len().saturating_sub(SEAL)).ok_or(DAMAGED)?;
    if Sha256::digest(&bytes[..bytes.len() - seal.len()])[..SEAL] != *seal {
        return Err(TerritoryError::Damaged("its bytes do not match its seal"));
    }
    let mut input = Reader(body);
    let mut contents = read(&mut input).ok_or(DAMAGED)?;
    if found > 1 {
        (contents.streets, contents.sites) = read_places(&mut input).ok_or(DAMAGED)?;
    }
    if !input.0.is_empty() || !consistent(&contents) {
        return Err(DAMAGED);
    }
    Ok(contents)
}

const DAMAGED: TerritoryError = TerritoryError::Damaged("its parts do not fit together");

fn read(input: &mut Reader<'_>) -> Option<Contents> {
    Some(Contents {
        attribution: input.each(Reader::text)?,
        sectors: input.each(|input| {
            Some(Sector {
                id: SectorId::new(input.text()?).ok()?,
                label: input.text()?,
                short: input.text()?,
                in_paris: input.flag()?,
                insee: input.each(Reader::whole)?,
                centre: LonLat::new(0.0, 0.0),
            })
        })?,
        cells: input.each(|input| {
            Some(Cell {
                sector: input.whole()?,
                arrondissement: Some(input.whole()?).filter(|&number: &u8| number != 0),
                quartier: Some(input.whole()?).filter(|&number: &u8| number != 0),
                commune: input.whole()?,
                name: input.text()?,
            })
        })?,
        arcs: input.each(|input| {
            let (left, right): (u16, u16) = (input.whole()?, input.whole()?);
            let mut before = Vertex { x: 0, y: 0 };
            let points = input.each(|input| {
                before = Vertex { x: input.moved(before.x)?, y: input.moved(before.y)? };
                Some(before)
            })?;
            Some(Arc { left: left.wrapping_sub(1), right: right.wrapping_sub(1), points })
        })?,
        schools: input.each(school)?,
        ..Contents::default()
    })
}

fn read_places(input: &mut Reader<'_>) -> Option<(Vec<Street>, Vec<Site>)> {
    let mut name = String::new();
    let mut spot = Vertex { x: 0, y: 0 };
    let streets = input.each(|input| {
        let shared: usize = input.whole()?;
        name = format!("{}{}", name.get(..shared)?, input.text()?);
        let insee = input.whole()?;
        let at = if input.flag()? { Some(input.spot(&mut spot)?) } else { None };
        let mut number: u32 = 0;
        let houses = input.each(|input| {
            let step: u64 = input.number()?;
            number = number.checked_add(u32::try_from(step >> 1).ok()?)?;
            let repetition = if step & 1 == 1 { input.text()? } else { String::new() };
            Some(House { number, repetition: repetition.into(), at: input.spot(&mut spot)? })
        })?;
        Some(Street { name: name.clone(), insee, at, houses })
    })?;
    let sites = input.each(|input| {
        Some(Site {
            kind: *SiteKind::ALL.get(input.whole::<usize>()?)?,
            name: input.text()?,
            note: input.text()?,
            at: input.spot(&mut spot)?,
        })
    })?;
    Some((streets, sites))
}

fn school(input: &mut Reader<'_>) -> Option<School> {
    let has_uai = input.flag()?;
    let id = input.text()?;
    Some(School {
        uai: if has_uai { Some(Uai::new(id.as_str()).ok()?) } else { None },
        id,
        name: input.text()?,
        kind: *SchoolKind::ALL.get(input.whole::<usize>()?)?,
        public: input.flag()?,
        address: input.text()?,
        postal_code: input.text()?,
        at: Vertex { x: input.moved(0)?, y: input.moved(0)? }.lon_lat(),
        sector: SectorId::new(input.text()?).ok()?,
        arrondissement: input.whole()?,
        quartier: input.whole()?,
        flag: Some(input.text()?).filter(|flag| !flag.is_empty()),
    })
}

/// Whether every reference leads somewhere and the arcs are on Earth and close enough together for the index.
fn consistent(contents: &Contents) -> bool {
    let cell = |cell: u16| cell == OUTSIDE || usize::from(cell) < contents.cells.len();
    let within = |pick: fn(&Vertex) -> i32| {
        let values = contents.arcs.iter().flat_map(|arc| &arc.points).map(pick);
        values
            .clone()
            .min()
            .zip(values.max())
            .is_some_and(|(low, high)| high.checked_sub(low).is_some_and(|extent| extent < MAX_EXTENT))
    };
    contents.cells.len() < usize::from(OUTSIDE)
        && contents.cells.iter().all(|cell| usize::from(cell.sector) < contents.sectors.len())
        && contents
            .arcs
            .iter()
            .all(|arc| cell(arc.left) && cell(arc.right) && arc.left != arc.right && arc.points.len() > 1)
        && within(|point| point.x)
        && within(|point| point.y)
        && contents.schools.iter().all(|school| contents.sectors.iter().any(|sector| sector.id == school.sector))
        && contents
            .streets
            .iter()
            .all(|street| street.houses.is_sorted_by(|a, b| (a.number, &a.repetition) < (b.number, &b.repetition)))
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Writes a position of 1e-6 degree as the difference from the one before.
    fn spot(&mut self, before: &mut Vertex, at: Vertex) {
        self.signed(i64::from(at.x / 10) - i64::from(before.x / 10));
        self.signed(i64::from(at.y / 10) - i64::from(before.y / 10));
        *before = at;
    }

    fn each<'i, T>(&mut self, items: &'i [T], mut write: impl FnMut(&mut Self, &'i T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn whole<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.number()? != 0)
    }

    /// Reads a signed difference from `from`.
    fn moved(&mut self, from: i32) -> Option<i32> {
        let value = self.number()?;
        let difference = (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
        i32::try_from(i64::from(from).checked_add(difference)?).ok()
    }

    /// Reads a position of 1e-6 degree, written as the difference from the one before.
    fn spot(&mut self, before: &mut Vertex) -> Option<Vertex> {
        let (x, y) = (self.moved(before.x / 10)?, self.moved(before.y / 10)?);
        *before = Vertex { x: x.checked_mul(10)?, y: y.checked_mul(10)? };
        Some(*before)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.whole()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn each<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count: usize = self.whole()?;
        // every item takes a byte at least, so a longer count is a lie
        if count > self.0.len() {
            return None;
        }
        (0..count).map(|_| read(self)).collect()
    }
}
