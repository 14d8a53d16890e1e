//! The territory of Paris, against an independent reference: `geo` over the rings decoded from the file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]
#![expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "lattice units are whole and small")]

use std::{collections::BTreeSet, sync::LazyLock};

use geo::{
    BoundingRect, Coord, LineString, Polygon,
    coordinate_position::{CoordPos, CoordinatePosition},
};
use proptest::prelude::*;
use vigie_domain::territory::{Fit, Found, LocateError, LonLat, Place, SchoolKind, Territory, TerritoryError};
use vigie_proto::{SectorId, Uai};

const FILE: &[u8] = include_bytes!("../../../config/territory/paris.territory");

static PARIS: LazyLock<Territory> = LazyLock::new(|| Territory::from_bytes(FILE).unwrap());

/// Every quartier and commune in whole units of 1e-7 degree, where `geo` is exact.
static REFERENCE: LazyLock<Vec<(Place, Vec<Polygon>)>> = LazyLock::new(|| {
    let line = |ring: &Vec<LonLat>| ring.iter().map(|at| lattice(*at)).collect::<LineString>();
    let polygons = |rings: &[Vec<LonLat>]| rings.iter().map(|ring| Polygon::new(line(ring), vec![])).collect();
    PARIS.cells().map(|(place, rings)| (place, polygons(&rings))).collect()
});

static EDGES: LazyLock<Vec<(Coord, Coord)>> = LazyLock::new(|| {
    let rings = REFERENCE.iter().flat_map(|(_, rings)| rings);
    rings.flat_map(|ring| ring.exterior().lines()).map(|line| (line.start, line.end)).collect()
});

fn lattice(at: LonLat) -> Coord {
    Coord { x: (at.lon * 1e7).round(), y: (at.lat * 1e7).round() }
}

fn degrees(at: Coord) -> LonLat {
    LonLat::new(at.x / 1e7, at.y / 1e7)
}

fn moved(at: Coord, east: f64, north: f64) -> Coord {
    Coord { x: at.x + east, y: at.y + north }
}

fn id(text: &str) -> SectorId {
    SectorId::new(text).unwrap()
}

/// The cells that have `at` inside, and those that have it on their outline.
fn reference(at: Coord) -> (Vec<Place>, Vec<Place>) {
    let (mut inside, mut on_outline) = (vec![], vec![]);
    for (place, rings) in REFERENCE.iter() {
        let boxed = |ring: &&Polygon| {
            ring.bounding_rect().is_some_and(|bounds| bounds.coordinate_position(&at) != CoordPos::Outside)
        };
        let positions: Vec<_> = rings.iter().filter(boxed).map(|ring| ring.coordinate_position(&at)).collect();
        if positions.contains(&CoordPos::OnBoundary) {
            on_outline.push(*place);
        } else if positions.iter().filter(|position| **position == CoordPos::Inside).count() % 2 == 1 {
            inside.push(*place);
        }
    }
    (inside, on_outline)
}

fn assert_agrees(at: Coord) {
    let (inside, on_outline) = reference(at);
    let found = PARIS.locate(degrees(at)).ok();
    match (inside.as_slice(), on_outline.as_slice()) {
        ([], []) => assert_eq!(found, None, "{at:?}"),
        ([owner], []) => assert_eq!(found, Some(*owner), "{at:?}"),
        ([], candidates) => assert!(found.is_none_or(|found| candidates.contains(&found)), "{at:?}: {found:?}"),
        _ => panic!("{at:?} is inside two cells, or inside one and on the outline of another"),
    }
}

#[test]
fn paris_is_complete() {
    let sectors = PARIS.sectors();
    assert_eq!(sectors.iter().filter(|sector| sector.in_paris).count(), 17);
    assert_eq!(sectors.iter().filter(|sector| !sector.in_paris).count(), 29);
    assert_eq!(PARIS.sector(&id("paris-centre")).unwrap().insee, [75101, 75102, 75103, 75104]);
    assert_eq!(PARIS.sector(&id("com-93066")).unwrap().label, "Saint-Denis (93)");
    let quartiers: BTreeSet<_> =
        PARIS.cells().filter_map(|(place, _)| place.quartier.zip(place.arrondissement)).collect();
    assert_eq!(quartiers.len(), 80);
    assert!(quartiers.iter().all(|(quartier, arrondissement)| quartier.div_ceil(4) == *arrondissement));
    let secondary = |kind| PARIS.schools().iter().filter(|school| school.kind == kind && school.uai.is_some()).count();
    assert_eq!((secondary(SchoolKind::College), secondary(SchoolKind::Lycee)), (217, 230));
    assert_eq!(PARIS.schools().len(), 447 + 647);
    assert_eq!(PARIS.hash().len(), 64);
}

#[test]
fn known_places_are_where_they_are() {
    for (name, lon, lat, sector, quartier) in [
        ("Hôtel de Ville", 2.352_222, 48.856_667, "paris-centre", Some(13)),
        ("tour Eiffel", 2.294_481, 48.858_370, "paris-07", Some(28)),
        ("bois de Vincennes", 2.435_000, 48.830_000, "paris-12", Some(46)),
        ("Saint-Denis", 2.360_000, 48.936_000, "com-93066", None),
        ("la Villette", 2.385_000, 48.893_500, "paris-19", Some(74)),
    ] {
        let place = PARIS.locate(LonLat::new(lon, lat)).unwrap();
        assert_eq!((PARIS.sector_of(&place).id.as_str(), place.quartier), (sector, quartier), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_point_has_the_owner_that_the_reference_gives(
        x in 21_400_000..25_300_000_i32,
        y in 487_400_000..490_200_000_i32,
    ) {
        assert_agrees(Coord { x: x.into(), y: y.into() });
    }

    #[test]
    fn a_point_beside_a_border_has_the_owner_that_the_reference_gives(
        pick in any::<prop::sample::Index>(),
        along in 0.0..1.0_f64,
        east in -300..300_i32,
        north in -300..300_i32,
    ) {
        let (a, b): (Coord, Coord) = EDGES[pick.index(EDGES.len())];
        let on = Coord { x: (a.x + along * (b.x - a.x)).round(), y: (a.y + along * (b.y - a.y)).round() };
        assert_agrees(on);
        assert_agrees(moved(on, east.into(), north.into()));
        assert_agrees(moved(on, east.signum().into(), north.signum().into()));
    }
}

#[test]
fn a_corner_between_cells_has_exactly_one_owner_and_it_is_one_of_them() {
    let mut inner = 0;
    for &(corner, _) in EDGES.iter().step_by(11) {
        let (inside, on_outline) = reference(corner);
        assert!(inside.is_empty(), "{corner:?} is a corner and yet inside {inside:?}");
        let steps = [-2.0, 0.0, 2.0].into_iter().flat_map(|east| [-2.0, 2.0].map(|north| (east, north)));
        let mut around = steps.chain([(-2.0, 0.0), (2.0, 0.0)]);
        // with land on all sides nobody but them can have it, and somebody must
        if around.all(|(east, north)| PARIS.locate(degrees(moved(corner, east, north))).is_ok()) {
            inner += 1;
            assert!(on_outline.contains(&PARIS.locate(degrees(corner)).unwrap()), "{corner:?}");
        }
    }
    assert!(inner > 1_000, "{inner}");
}

#[test]
fn cells_fill_the_territory_without_gap_or_overlap() {
    let doubled = |rings: Vec<Vec<LonLat>>| -> i128 {
        let whole = |at: LonLat| ((at.lon * 1e7).round() as i128, (at.lat * 1e7).round() as i128);
        let cross = |pair: &[LonLat]| {
            let ((ax, ay), (bx, by)) = (whole(pair[0]), whole(pair[1]));
            ax * by - ay * bx
        };
        rings.iter().flat_map(|ring| ring.windows(2)).map(cross).sum()
    };
    let cells: Vec<(Place, i128)> = PARIS.cells().map(|(place, rings)| (place, doubled(rings))).collect();
    let sectors: Vec<i128> = PARIS.sectors().iter().map(|sector| doubled(PARIS.outline(&sector.id))).collect();
    assert!(cells.iter().map(|(_, area)| area).chain(&sectors).all(|area| *area > 0));
    assert_eq!(cells.iter().map(|(_, area)| area).sum::<i128>(), sectors.iter().sum::<i128>());
    let paris: i128 = cells.iter().filter(|(place, _)| place.commune == 75056).map(|(_, area)| area).sum();
    let square_km = paris as f64 / 2.0 * 0.011_119_5 * 0.007_335 / 1e6;
    assert!((square_km - 105.4).abs() < 0.2, "{square_km}");
}

#[test]
fn a_position_without_a_place_is_refused_with_the_reason() {
    for (lon, lat) in [(f64::NAN, 48.8), (2.3, f64::INFINITY), (235.0, 48.8)] {
        assert!(matches!(PARIS.locate(LonLat::new(lon, lat)), Err(LocateError::NotFinite { .. })), "{lon}, {lat}");
    }
    assert_eq!(PARIS.locate(LonLat::new(48.85, 2.35)), Err(LocateError::LooksSwapped { lon: 48.85, lat: 2.35 }));
    for (lon, lat, sector, metres) in [(2.35, 49.0, "com-93066", 2e3..6e3), (5.37, 43.30, "com-94", 640e3..680e3)] {
        let Err(LocateError::Outside { nearest, distance_m, .. }) = PARIS.locate(LonLat::new(lon, lat)) else {
            panic!("{lon}, {lat} is outside")
        };
        assert!(nearest.as_str().starts_with(sector), "{nearest}");
        assert!(metres.contains(&distance_m), "{distance_m}");
    }
}

#[test]
fn a_survey_names_everyone_within_the_accuracy_and_one_owner() {
    let villette = LonLat::new(2.3966, 48.8905);
    let exact = PARIS.survey(villette, 0.0, 0.0).unwrap();
    assert_eq!(exact.concerned, [id("paris-19")]);
    let vague = PARIS.survey(villette, 180.0, 500.0).unwrap();
    assert_eq!(vague.owner, id("paris-19"));
    assert_eq!(vague.concerned, [id("paris-19"), id("com-93055")]);
    let near: Vec<_> = vague.neighbours.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(near, ["com-93055", "com-93061"]);
}

#[test]
fn a_survey_measures_what_walking_every_border_measures() {
    for (lon, lat) in [(2.3966, 48.8905), (2.3522, 48.8566), (2.2600, 48.8500), (2.41, 48.83)] {
        let at = LonLat::new(lon, lat);
        let survey = PARIS.survey(at, 0.0, 2_000.0).unwrap();
        for sector in PARIS.sectors().iter().filter(|sector| sector.id != survey.owner) {
            let outline = PARIS.outline(&sector.id);
            let steps = |pair: &[LonLat]| {
                let (a, b) = (pair[0], pair[1]);
                let step = move |i: i32| {
                    let t = f64::from(i) / 20.0;
                    LonLat::new(a.lon + t * (b.lon - a.lon), a.lat + t * (b.lat - a.lat))
                };
                (0..=20).map(step).collect::<Vec<_>>()
            };
            let walk = outline.iter().flat_map(|ring| ring.windows(2)).flat_map(steps);
            let nearest_m = walk.map(|on| Territory::distance_m(at, on)).fold(f64::INFINITY, f64::min);
            match survey.neighbours.iter().find(|(id, _)| *id == sector.id) {
                Some((id, metres)) => {
                    assert!((metres - nearest_m).abs() < 2.0 + nearest_m * 0.01, "{id}: {metres} {nearest_m}");
                }
                None => assert!(nearest_m > 1_990.0, "{} is {nearest_m} m away and left out", sector.id),
            }
        }
    }
}

#[test]
fn neighbours_are_mutual_and_everyone_borders_paris() {
    for sector in PARIS.sectors() {
        let neighbours = PARIS.neighbours(&sector.id);
        assert!(neighbours.is_sorted());
        assert!(neighbours.iter().all(|other| PARIS.neighbours(other).contains(&sector.id)));
        assert!(neighbours.iter().any(|other| PARIS.sector(other).unwrap().in_paris), "{}", sector.id);
    }
    assert!(PARIS.neighbours(&id("paris-19")).contains(&id("com-93001")));
    assert!(!PARIS.neighbours(&id("paris-05")).contains(&id("paris-15")));
    assert!(PARIS.neighbours(&id("paris-99")).is_empty());
}

#[test]
fn the_centre_of_every_sector_lies_in_it() {
    for sector in PARIS.sectors() {
        let place = PARIS.locate(sector.centre).unwrap();
        assert_eq!(PARIS.sector_of(&place).id, sector.id);
    }
}

#[test]
fn every_school_is_found_by_its_uai_its_address_and_its_place() {
    for school in PARIS.schools() {
        let place = PARIS.locate(school.at).unwrap();
        assert_eq!(PARIS.sector_of(&place).id, school.sector);
        assert_eq!((place.arrondissement, place.quartier), (Some(school.arrondissement), Some(school.quartier)));
        // three rows have no address, and the postal code of a flagged one is a CEDEX
        if school.flag.is_none() && !school.address.is_empty() {
            let address = format!("{}, {} Paris", school.address.to_uppercase(), school.postal_code);
            let found = PARIS.search(&address, None, 5);
            let there = |found: &Found| Territory::distance_m(found.at, school.at) < 300.0;
            assert!(found.iter().any(|found| found.school == school.uai || there(found)), "{address}: {found:?}");
        }
        if let Some(uai) = &school.uai {
            assert_eq!(PARIS.school(uai), Some(school));
        }
    }
    assert_eq!(PARIS.school(&Uai::new("0590119J").unwrap()), None);
}

#[test]
fn schools_around_are_all_the_near_ones_nearest_first() {
    let at = LonLat::new(2.3966, 48.8905);
    let found = PARIS.schools_within(at, 600.0);
    assert!(found.is_sorted_by(|a, b| a.1 <= b.1));
    let near = PARIS.schools().iter().filter(|school| Territory::distance_m(at, school.at) <= 600.0).count();
    assert_eq!(found.len(), near);
    assert!(near > 3);
}

#[test]
fn part_of_a_name_finds_a_school_and_a_postal_code_narrows_the_search() {
    let schools = |text: &str| -> Vec<Found> {
        PARIS
            .search(text, None, 50)
            .into_iter()
            .filter(|found| found.school.is_some() && found.fit == Fit::Exact)
            .collect()
    };
    let (anywhere, in_the_3rd) = (schools("Victor-Hugo"), schools("VICTOR HUGO, 75003 Paris"));
    assert!(!in_the_3rd.is_empty() && in_the_3rd.len() < anywhere.len());
    assert!(in_the_3rd.iter().all(|found| found.detail.starts_with("3e")));
}

#[test]
fn a_damaged_file_is_refused() {
    assert_eq!(Territory::from_bytes(b"").unwrap_err(), TerritoryError::NotATerritory);
    assert_eq!(Territory::from_bytes(b"PK\x03\x04 something else").unwrap_err(), TerritoryError::NotATerritory);
    let mut newer = FILE.to_vec();
    newer[4] = 9;
    assert_eq!(Territory::from_bytes(&newer).unwrap_err(), TerritoryError::Version { found: 9, expected: 2 });
    for at in [5, 100, FILE.len() / 2, FILE.len() - 1] {
        let mut damaged = FILE.to_vec();
        damaged[at] ^= 1;
        assert!(matches!(Territory::from_bytes(&damaged), Err(TerritoryError::Damaged(_))));
        assert!(Territory::from_bytes(&FILE[..at]).is_err());
    }
}
