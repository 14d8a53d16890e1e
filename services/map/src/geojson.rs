//! The territory in force as GeoJSON (RFC 7946), for maps: sectors with thinned borders, schools as points.
//!
//! All of it is published by its owners and tells of nobody. It is for whoever has a session or a token all the same,
//! as everything below `/api/v1`: one rule without exceptions.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use serde_json::{Value, json};
use vigie_domain::territory::{LonLat, Territory};
use vigie_edge::{
    credential::Presented,
    page::tagged,
    problem::{Problem, ReadProblems},
};

use crate::Edge;

/// No border is drawn farther from where it is than this, metres.
pub const TOLERANCE_M: f64 = 4.0;
/// Coordinates have six decimals, a decimetre: with fewer, two sides of a sharp corner may come to cross.
const DECIMALS: f64 = 1e6;
const CONTENT_TYPE: &str = "application/geo+json";

/// The layers of one territory, as they are sent.
#[derive(Debug)]
pub struct Drawn {
    hash: String,
    pub sectors: Bytes,
    pub schools: Bytes,
}

/// Those of the territory in force, made when they are first asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawings(Arc<Mutex<Option<Arc<Drawn>>>>);

impl Drawings {
    fn of(&self, territory: &Territory) -> Arc<Drawn> {
        // Held while it is drawn: whoever else asks waits for the same.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref() {
            Some(drawn) if drawn.hash == territory.hash() => Arc::clone(drawn),
            _ => Arc::clone(last.insert(Arc::new(Drawn::of(territory)))),
        }
    }
}

impl Drawn {
    pub fn of(territory: &Territory) -> Self {
        Self {
            hash: territory.hash().to_owned(),
            sectors: collection(territory, &sector_features(territory)),
            schools: collection(territory, &school_features(territory)),
        }
    }
}

/// Sectors and bordering communes, with borders thinned for display.
///
/// Properties: `id`, `label` and `short` (French), `in_paris`, `centre` (where a label stands). The members `territory`
/// (its version) and `attribution` (publishers to name beside a map) stand beside the features.
#[utoipa::path(
    get, path = "/api/v1/territory/sectors.geojson", tag = "territory", operation_id = "territory_sectors",
    responses(
        (status = 200, description = "A feature collection; borders are within 5 m of the exact ones", body = serde_json::Value, content_type = "application/geo+json"),
        (status = 304, description = "The version named in If-None-Match is in force"),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn sectors(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    edge.caller(&presented)?;
    let drawn = edge.drawings.of(&edge.city.territory);
    Ok(layer(&headers, &drawn.hash, drawn.sectors.clone()))
}

/// Schools, as points.
///
/// Properties: `id` (the UAI where there is one), `name`, `kind`, `sector`.
#[utoipa::path(
    get, path = "/api/v1/territory/schools.geojson", tag = "territory", operation_id = "territory_schools",
    responses(
        (status = 200, description = "A feature collection", body = serde_json::Value, content_type = "application/geo+json"),
        (status = 304, description = "The version named in If-None-Match is in force"),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn schools(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    edge.caller(&presented)?;
    let drawn = edge.drawings.of(&edge.city.territory);
    Ok(layer(&headers, &drawn.hash, drawn.schools.clone()))
}

/// Kept by browsers, and asked for again by its version.
fn layer(headers: &HeaderMap, hash: &str, content: Bytes) -> Response {
    let mut response = tagged(headers, hash, CONTENT_TYPE, content);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

fn sector_features(territory: &Territory) -> Vec<Value> {
    let drawn = territory.drawn(TOLERANCE_M);
    let features = territory.sectors().iter().zip(drawn).map(|(sector, shape)| {
        let polygons: Vec<Vec<Value>> =
            shape.polygons.iter().map(|polygon| polygon.iter().map(|ring| line(ring)).collect()).collect();
        let geometry = match polygons.as_slice() {
            [polygon] => json!({ "type": "Polygon", "coordinates": polygon }),
            polygons => json!({ "type": "MultiPolygon", "coordinates": polygons }),
        };
        json!({
            "type": "Feature",
            "properties": {
                "id": sector.id,
                "label": sector.label,
                "short": sector.short,
                "in_paris": sector.in_paris,
                "centre": position(shape.label_at),
            },
            "geometry": geometry,
        })
    });
    features.collect()
}

fn school_features(territory: &Territory) -> Vec<Value> {
    let feature = |school: &vigie_domain::territory::School| {
        json!({
            "type": "Feature",
            "properties": { "id": school.id, "name": school.name, "kind": school.kind, "sector": school.sector },
            "geometry": { "type": "Point", "coordinates": position(school.at) },
        })
    };
    territory.schools().iter().map(feature).collect()
}

fn collection(territory: &Territory, features: &[Value]) -> Bytes {
    let collection = json!({
        "type": "FeatureCollection",
        "territory": territory.hash(),
        "attribution": territory.attribution(),
        "features": features,
    });
    Bytes::from(collection.to_string())
}

fn line(ring: &[LonLat]) -> Value {
    let mut positions: Vec<[f64; 2]> = ring.iter().map(|at| position(*at)).collect();
    positions.dedup();
    json!(positions)
}

fn position(at: LonLat) -> [f64; 2] {
    [at.lon, at.lat].map(|degrees| (degrees * DECIMALS).round() / DECIMALS)
}
