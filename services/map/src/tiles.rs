//! `GET /assets/map/tiles.json`: the tiles that lie under our own borders, none unless the configuration names some.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::Edge;

/// A description as `TileJSON` 3.0 has it; `tiles` is empty when there are none.
pub(crate) async fn describe(State(edge): State<Arc<Edge>>) -> Response {
    let map = &edge.config;
    let tiles: Vec<&str> = Some(map.tiles.as_str()).filter(|tiles| !tiles.is_empty()).into_iter().collect();
    let tiles = json!({ "tilejson": "3.0.0", "tiles": tiles, "attribution": map.attribution });
    ([(header::CACHE_CONTROL, "no-cache")], Json(tiles)).into_response()
}
