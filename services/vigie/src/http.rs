//! The process's HTTP: the services' routes, and what tells how it is doing.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer};
use utoipa::openapi::{
    Components, OpenApi,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use vigie_platform::{config::Config, health::Health, metrics::Metrics, page, problem::Problem};

/// Everything served: the edges' routes, health, metrics, the contract.
pub(crate) fn router(edges: Router, health: Health, metrics: Arc<Metrics>, config: &Config) -> Router {
    let own = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(health)
        .route("/metrics", get(scrape).with_state(metrics))
        .route("/assets/vigie.css", get(page::stylesheet))
        .route("/api/v1/openapi.json", get(|| async { Json(openapi()) }))
        .route("/api/v1/schemas/{file}", get(schema));
    // A live stream stays open; every other request has a limit.
    let limited =
        edges.merge(own).layer(DefaultBodyLimit::max(config.http.body_limit_bytes)).layer(CompressionLayer::new());
    let limited = match config.map.origin() {
        Some(origin) => {
            let allow = page::with_tiles_of(origin);
            limited.layer(map_response(move |response: Response| std::future::ready(allow(response))))
        }
        None => limited,
    };
    limited
        .fallback(|| async { Problem::not_found("Page") })
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            Duration::from_secs(config.http.request_timeout_s),
        ))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Erreur interne")
                .detail("L'erreur est enregistrée. En cas d'urgence, appelez le 17.")
                .into_response()
        }))
}

/// What is answered while nothing is known of what is in force: the database does not answer yet.
pub(crate) fn waiting(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(not_yet))
        .with_state(health)
        .fallback(|| async { Problem::unavailable() })
}

async fn not_yet(State(health): State<Health>) -> Response {
    let (_, dependencies) = health.snapshot();
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "dependencies": dependencies }))).into_response()
}

/// Serves `router` until stopped, then lets requests under way finish.
pub(crate) async fn serve(router: Router, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("the HTTP server stopped")
}

async fn ready(State(health): State<Health>) -> Response {
    let (ready, dependencies) = health.snapshot();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "dependencies": dependencies }))).into_response()
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.render())
}

async fn schema(Path(file): Path<String>) -> Response {
    match vigie_proto::schema::files().into_iter().find(|(name, _)| *name == file) {
        Some((_, text)) => ([(header::CONTENT_TYPE, "application/schema+json")], text).into_response(),
        None => Problem::not_found("Schéma").into_response(),
    }
}

/// The OpenAPI 3.1 document of every edge.
pub(crate) fn openapi() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(info(
        title = "Vigie",
        description = "Signals, incidents and acts. Errors are RFC 9457 problem details, in French, with stable codes."
    ))]
    struct Base;
    let mut document = <Base as utoipa::OpenApi>::openapi();
    let parts = [
        vigie_intake::openapi_paths(),
        vigie_console::openapi_paths(),
        vigie_directory::openapi_paths(),
        vigie_crisis::openapi_paths(),
        vigie_map::openapi_paths(),
    ];
    for part in parts {
        document.merge(part);
    }
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document.components.get_or_insert_with(Components::new).add_security_scheme("token", bearer);
    document
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// OpenAPI 3.1, "Operation Object": "The id MUST be unique among all operations described in the API."
    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let document = openapi();
        let mut by_id: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (path, item) in &document.paths.paths {
            let operations = [&item.get, &item.post, &item.put, &item.delete, &item.patch];
            for operation in operations.into_iter().flatten() {
                let id = operation.operation_id.clone().unwrap_or_default();
                by_id.entry(id).or_default().push(path);
            }
        }
        assert!(by_id.len() > 30, "the edges' operations are not in the document");
        let shared: Vec<_> = by_id.iter().filter(|(id, paths)| id.is_empty() || paths.len() > 1).collect();
        assert!(shared.is_empty(), "{shared:?}");
    }
}
