//! Where the map of the form begins: around the source's own place.

use vigie_domain::{
    city::City,
    directory::{Ambit, Source},
};

/// Streets around a school.
const SCHOOL_ZOOM: u8 = 15;
/// A sector.
const SECTOR_ZOOM: u8 = 13;

/// The middle of the map, and how near it is.
#[derive(Debug, PartialEq)]
pub(crate) struct Chart {
    pub(crate) lon: f64,
    pub(crate) lat: f64,
    pub(crate) zoom: u8,
    /// Metres from there beyond which the source may not report; none without such a limit.
    pub(crate) within_m: Option<u32>,
}

impl Chart {
    /// The map of `source`; none for one that reports from the whole city.
    pub(crate) fn of(city: &City, source: &Source) -> Option<Self> {
        let (at, zoom, within_m) = match &source.ambit {
            Ambit::City => return None,
            Ambit::Sector(sector) => (city.territory.sector(sector)?.centre, SECTOR_ZOOM, None),
            Ambit::School(uai) => {
                let reach = city.directory.role(&source.role)?.surroundings_m;
                (city.territory.school(uai)?.at, SCHOOL_ZOOM, Some(reach))
            }
        };
        Some(Self { lon: at.lon, lat: at.lat, zoom, within_m })
    }
}
