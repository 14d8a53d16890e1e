//! The map any page may hold: the library and our own scripts, part of the program; the territory as GeoJSON.
//!
//! A page links `/assets/map/map.css` and imports `/assets/map/map.js`; nothing is loaded from elsewhere unless the
//! configuration names a source of tiles. What is drawn is thinned; a position is always located by the exact borders.

mod assets;
mod config;
mod geojson;
mod place;
mod tiles;

use std::sync::Arc;

use axum::{extract::FromRef, http::HeaderMap};
use vigie_domain::city::{City, InForce};
use vigie_platform::{
    Context,
    door::{API, ASSET, Door, Doors},
    problem::Problem,
};

pub use config::MapConfig;
pub use geojson::{Drawn, TOLERANCE_M};
pub use place::{NeighbourView, PlaceView, SchoolNear};

/// What one request works with.
#[derive(Debug)]
pub(crate) struct Edge {
    context: Context,
    /// As in force when the request came.
    city: Arc<City>,
    config: Arc<MapConfig>,
    drawings: geojson::Drawings,
}

impl Edge {
    /// Refuses whoever has neither a session nor a token.
    async fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let id = self.context.authenticator.authenticate(headers, self.context.clock.now()).await?;
        self.city.directory.source(&id).map(|_| ()).ok_or_else(Problem::unauthenticated)
    }
}

/// What requests are given from.
#[derive(Debug, Clone)]
struct Desk {
    context: Context,
    in_force: InForce,
    config: Arc<MapConfig>,
    drawings: geojson::Drawings,
}

impl FromRef<Desk> for Arc<Edge> {
    fn from_ref(desk: &Desk) -> Self {
        let Desk { context, in_force, config, drawings } = desk.clone();
        Self::new(Edge { context, city: in_force.get(), config, drawings })
    }
}

/// Everything a page with a map asks for.
pub fn router(context: Context, config: MapConfig, in_force: InForce) -> Doors {
    doors().with_state(Desk { context, in_force, config: Arc::new(config), drawings: geojson::Drawings::default() })
}

/// Every route of this edge.
fn doors() -> Doors<Desk> {
    Doors::new()
        .get(ASSET, "/assets/map/tiles.json", tiles::describe)
        .get(ASSET, "/assets/map/{file}", assets::serve)
        .get(API, "/api/v1/territory/sectors.geojson", geojson::sectors)
        .get(API, "/api/v1/territory/schools.geojson", geojson::schools)
        .get(API, "/api/v1/territory/place", place::locate)
}

/// Its rows in the table of routes.
pub fn routes() -> Vec<Door> {
    doors().rows().to_vec()
}

/// This part of the OpenAPI document.
pub fn openapi_paths() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(geojson::sectors, geojson::schools, place::locate))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
