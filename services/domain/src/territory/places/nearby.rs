//! What a position is called: the address or street near it, the nearest school, its quartier, its sector.

use crate::territory::{
    LocateError, LonLat, Place, School, Sector, Territory,
    point::{Plane, UNITS, Vertex},
};

use super::{Street as Streets, as_label, as_name_in_sentence, ordinal};

/// An address farther than this does not name a position, metres.
const NEAR_M: f64 = 60.0;
/// An address within this is the one.
const THERE_M: f64 = 15.0;
/// A school farther than this is not told, metres.
const SCHOOL_M: f64 = 1_000.0;
/// Side of a bucket: 8,192 units, some 60 m by 90 m in Paris, so that what is near lies in the same one or in the next.
const BUCKET_SHIFT: u32 = 13;

/// The addresses, by bucket.
#[derive(Debug, Default)]
pub(crate) struct Nearby {
    /// Row and column of the bucket, street, house; in order.
    spots: Vec<Spot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    row: i32,
    column: i32,
    street: u32,
    house: u32,
}

/// How precisely a place is said: to those who go there, to those who are told of the quartier, to everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Exact,
    Quartier,
    Sector,
}

/// What a position is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<'a> {
    /// The nearest address; nothing where none is within 60 m.
    pub street: Option<Street<'a>>,
    /// The nearest school, with metres; nothing where none is within a kilometre.
    pub school: Option<(&'a School, f64)>,
    /// 1 to 20; nothing outside Paris.
    pub arrondissement: Option<u8>,
    /// The quartier, or the commune.
    pub quartier: &'a str,
    pub sector: &'a Sector,
}

/// An address near a position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Street<'a> {
    pub name: &'a str,
    /// Number and repetition of the nearest house; nothing for a street without numbers.
    pub house: Option<(u32, &'a str)>,
    pub distance_m: f64,
}

impl Nearby {
    pub(super) fn new(streets: &[Streets]) -> Self {
        let mut spots = Vec::with_capacity(streets.iter().map(|street| street.houses.len().max(1)).sum());
        for (number, street) in (0..).zip(streets) {
            let mut add = |at: Vertex, house| {
                spots.push(Spot { row: at.y >> BUCKET_SHIFT, column: at.x >> BUCKET_SHIFT, street: number, house });
            };
            (0..).zip(&street.houses).for_each(|(house, known)| add(known.at, house));
            if let Some(at) = street.at {
                add(at, 0);
            }
        }
        spots.sort_unstable();
        Self { spots }
    }

    /// The spots of a bucket and of those beside it.
    fn around(&self, at: Vertex) -> impl Iterator<Item = &Spot> {
        let (row, column) = (at.y >> BUCKET_SHIFT, at.x >> BUCKET_SHIFT);
        (row.saturating_sub(1)..=row.saturating_add(1)).flat_map(move |row| {
            let before = (row, column.saturating_sub(1));
            let after = (row, column.saturating_add(1));
            let start = self.spots.partition_point(|spot| (spot.row, spot.column) < before);
            self.spots[start..].iter().take_while(move |spot| (spot.row, spot.column) <= after)
        })
    }
}

impl Territory {
    /// What `at` is called. Allocates nothing unless it fails.
    pub fn named(&self, at: LonLat) -> Result<Named<'_>, LocateError> {
        let place = self.locate(at)?;
        Ok(Named {
            street: self.street_near(at),
            school: self.school_near(at),
            arrondissement: place.arrondissement,
            quartier: self.name_of(&place),
            sector: self.sector_of(&place),
        })
    }

    /// What a place is called as a quartier, without a position: `19e, quartier Amérique`, `Aubervilliers (93)`.
    pub fn quartier_of(&self, place: &Place) -> String {
        self.whereabouts(place, None)
    }

    fn street_near(&self, at: LonLat) -> Option<Street<'_>> {
        let vertex = Vertex::nearest(at)?;
        let plane = Plane::at(at.lat);
        let distance_m = |other: Vertex| {
            let (east, north) = plane.vector_m(vertex, other);
            (east * east + north * north).sqrt()
        };
        let streets = &self.named_places.streets;
        let near = self.named_places.nearby.around(vertex).filter_map(|spot| {
            let street = &streets[spot.street as usize];
            let house = street.houses.get(spot.house as usize);
            Some((street, house, distance_m(house.map_or(street.at, |house| Some(house.at))?)))
        });
        let (street, house, distance_m) = near.filter(|near| near.2 <= NEAR_M).min_by(|a, b| a.2.total_cmp(&b.2))?;
        let house = house.map(|house| (house.number, &*house.repetition));
        Some(Street { name: &street.name, house, distance_m })
    }

    fn school_near(&self, at: LonLat) -> Option<(&School, f64)> {
        // one flat map for all: they are looked at for every signal
        let plane = Plane::at(at.lat);
        let within = SCHOOL_M / plane.y / UNITS * 1.01;
        let south = self.by_latitude.partition_point(|&school| self.schools[school].at.lat < at.lat - within);
        let close = self.by_latitude[south..].iter().map(|&school| &self.schools[school]);
        let close = close.take_while(|school| school.at.lat <= at.lat + within);
        let squared = |school: &School| {
            let (east, north) = ((school.at.lon - at.lon) * plane.x, (school.at.lat - at.lat) * plane.y);
            east * east + north * north
        };
        let (school, _) = close.map(|school| (school, squared(school))).min_by(|a, b| a.1.total_cmp(&b.1))?;
        let metres = Self::distance_m(at, school.at);
        (metres <= SCHOOL_M).then_some((school, metres))
    }
}

impl Named<'_> {
    /// The name at a level, for a sentence: `vers le 20 rue de Crimée, 19e`; `quartier Amérique, 19e`;
    /// `19e arrondissement`.
    pub fn label(&self, level: Level) -> String {
        match level {
            Level::Exact => self.exact(),
            Level::Quartier => match self.arrondissement {
                Some(number) => format!("quartier {}, {}", self.quartier, ordinal(number)),
                None => self.sector.label.clone(),
            },
            Level::Sector => self.sector.label.clone(),
        }
    }

    fn exact(&self) -> String {
        let town = self.arrondissement.map_or_else(|| self.sector.label.clone(), ordinal);
        match (self.address(), &self.school) {
            (Some(address), _) => format!("{address}, {town}"),
            (None, Some((school, metres))) => format!("à {metres:.0} m de {}, {town}", school.label()),
            (None, None) => self.label(Level::Quartier),
        }
    }

    /// The address, without its town: `20 rue de Crimée`, `vers le 20 rue de Crimée` where that is not quite there; none
    /// where none is near.
    pub fn address(&self) -> Option<String> {
        let Street { name, house, distance_m } = self.street?;
        Some(match house {
            Some((number, repetition)) if distance_m <= THERE_M => as_label(number, repetition, name),
            Some((number, repetition)) => format!("vers le {}", as_label(number, repetition, name)),
            None => format!("vers {}", as_name_in_sentence(name)),
        })
    }
}
