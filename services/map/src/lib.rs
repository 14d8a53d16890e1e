//! The map any page may hold: the library and our own scripts, part of the program; the territory as GeoJSON.
//!
//! A page links `/assets/map/map.css` and imports `/assets/map/map.js`; nothing is loaded from elsewhere unless the
//! configuration names a source of tiles. What is drawn is thinned; a position is always located by the exact borders.

mod assets;
mod config;
mod geojson;
mod place;
mod search;
mod tiles;

use std::sync::Arc;

use vigie_edge::{
    Desk,
    door::{API, ASSET, Door, Doors},
};

pub use config::MapConfig;
pub use geojson::{Drawn, TOLERANCE_M};
pub use place::{NeighbourView, PlaceView, SchoolNear};
pub use search::{FoundView, SearchView};

/// What is the map's own of a desk.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    config: Arc<MapConfig>,
    drawings: geojson::Drawings,
}

type Edge = vigie_edge::Edge<Own>;

/// Everything a page with a map asks for.
pub fn router(desk: Desk, config: MapConfig) -> Doors {
    doors().with_state(desk.with(Own { config: Arc::new(config), drawings: geojson::Drawings::default() }))
}

/// Every route of this edge.
fn doors() -> Doors<Desk<Own>> {
    Doors::new()
        .get(ASSET, "/assets/map/tiles.json", tiles::describe)
        .get(ASSET, "/assets/map/{file}", assets::serve)
        .get(API, "/api/v1/territory/sectors.geojson", geojson::sectors)
        .get(API, "/api/v1/territory/schools.geojson", geojson::schools)
        .get(API, "/api/v1/territory/place", place::locate)
        .get(API, "/api/v1/territory/search", search::search)
}

/// Its rows in the table of routes.
pub fn routes() -> Vec<Door> {
    doors().rows().to_vec()
}

/// This part of the OpenAPI document.
pub fn openapi_paths() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(geojson::sectors, geojson::schools, place::locate, search::search))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
