//! What a map is drawn from: every sector, as valid polygons near the exact ones, small enough for a telephone.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::sync::LazyLock;

use geo::{Area, BooleanOps, Contains, LineString, MultiPolygon, Point, Polygon, Validation};
use serde_json::Value;
use vigie_domain::territory::{LonLat, Territory};
use vigie_map::{Drawn, TOLERANCE_M};

const FILE: &[u8] = include_bytes!("../../../config/territory/paris.territory");
/// Metres to a degree in Paris: of longitude, of latitude.
const METRES: (f64, f64) = (73_300.0, 111_200.0);
/// Half a unit of the sixth decimal.
const ROUNDING_M: f64 = 0.07;

static PARIS: LazyLock<Territory> = LazyLock::new(|| Territory::from_bytes(FILE).unwrap());
static DRAWN: LazyLock<Drawn> = LazyLock::new(|| Drawn::of(&PARIS));
static SECTORS: LazyLock<Value> = LazyLock::new(|| serde_json::from_slice(&DRAWN.sectors).unwrap());

/// On a plane of metres, where areas and distances mean something.
fn metres(at: LonLat) -> (f64, f64) {
    ((at.lon - 2.35) * METRES.0, (at.lat - 48.85) * METRES.1)
}

fn position(at: &Value) -> LonLat {
    LonLat::new(at[0].as_f64().unwrap(), at[1].as_f64().unwrap())
}

fn line(ring: &Value) -> LineString {
    ring.as_array().unwrap().iter().map(|at| metres(position(at))).collect()
}

fn polygon(rings: &Value) -> Polygon {
    let rings = rings.as_array().unwrap();
    Polygon::new(line(&rings[0]), rings[1..].iter().map(line).collect())
}

fn shapes() -> Vec<(String, MultiPolygon, Point)> {
    let features = SECTORS["features"].as_array().unwrap().iter();
    let shape = |feature: &Value| {
        let coordinates = &feature["geometry"]["coordinates"];
        let polygons = match feature["geometry"]["type"].as_str().unwrap() {
            "Polygon" => vec![polygon(coordinates)],
            _ => coordinates.as_array().unwrap().iter().map(polygon).collect(),
        };
        let properties = &feature["properties"];
        let label = Point::from(metres(position(&properties["centre"])));
        (properties["id"].as_str().unwrap().to_owned(), MultiPolygon(polygons), label)
    };
    features.map(shape).collect()
}

#[test]
fn every_sector_is_a_valid_polygon_with_its_label_inside() {
    let shapes = shapes();
    let ids: Vec<&str> = PARIS.sectors().iter().map(|sector| sector.id.as_str()).collect();
    assert_eq!(shapes.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ids);
    for (id, shape, label) in &shapes {
        assert!(shape.is_valid(), "{id}: {:?}", shape.check_validation());
        assert!(shape.contains(label), "the label of {id} stands elsewhere");
    }
}

#[test]
fn no_border_is_farther_from_the_exact_one_than_promised_and_neighbours_do_not_overlap() {
    let shapes = shapes();
    for (sector, (id, shape, _)) in PARIS.sectors().iter().zip(&shapes) {
        let rings = PARIS.outline(&sector.id);
        let exact: MultiPolygon = MultiPolygon(
            rings.iter().map(|ring| Polygon::new(ring.iter().map(|at| metres(*at)).collect(), vec![])).collect(),
        );
        let length: f64 =
            rings.iter().flat_map(|ring| ring.windows(2)).map(|pair| Territory::distance_m(pair[0], pair[1])).sum();
        let moved = shape.xor(&exact).unsigned_area();
        assert!(moved <= length * (TOLERANCE_M + ROUNDING_M), "{id}: {moved:.0} m² along {length:.0} m");
    }
    for (index, (id, shape, _)) in shapes.iter().enumerate() {
        for (other, next, _) in &shapes[index + 1..] {
            let shared = shape.intersection(next).unsigned_area();
            assert!(shared < 1_000.0, "{id} and {other} share {shared:.0} m²");
        }
    }
}

#[test]
fn a_telephone_can_afford_it() {
    assert!(DRAWN.sectors.len() < 150_000, "{} bytes of sectors", DRAWN.sectors.len());
    assert!(DRAWN.schools.len() < 300_000, "{} bytes of schools", DRAWN.schools.len());
    println!("sectors {} bytes, schools {} bytes", DRAWN.sectors.len(), DRAWN.schools.len());
    let schools: Value = serde_json::from_slice(&DRAWN.schools).unwrap();
    assert_eq!(schools["features"].as_array().unwrap().len(), PARIS.schools().len());
    assert!(SECTORS["attribution"].as_array().is_some_and(|publishers| publishers.len() > 1));
    assert_eq!(SECTORS["territory"], PARIS.hash());
}
