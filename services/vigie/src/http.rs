//! The process's HTTP: the services' routes, and what tells how it is doing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer};
use utoipa::openapi::{
    Components, OpenApi,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use vigie_edge::{
    credential::Authenticator,
    door::{ASSET, Door, Doors, PUBLIC},
    page,
    porter::Porter,
    problem::Problem,
};
use vigie_map::MapConfig;
use vigie_platform::{Context, health::Health, metrics::Registrar};

/// Everything served: the edges' doors and what Vigie says of itself. There is no other way to be served.
pub(crate) fn router(
    edges: Doors,
    context: &Context,
    authenticator: Authenticator,
    map: &MapConfig,
    card: String,
) -> Router {
    let config = &context.config;
    let (router, rows) = edges.merge(own(context.health.clone(), card)).open(|| async { Problem::not_found("Page") });
    let porter =
        Porter::new(&rows, &config.http, authenticator, Arc::clone(&context.clock), Arc::clone(&context.metrics));
    let guarded = porter.guard(router.layer(DefaultBodyLimit::max(config.http.body_limit_bytes)));
    // A live stream stays open; every other request has a limit.
    let limited = guarded
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            Duration::from_secs(config.http.request_timeout_s),
        ))
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()));
    let dressed = porter.dress(limited).layer(CompressionLayer::new());
    match map.origin() {
        Some(origin) => {
            let allow = page::with_tiles_of(origin);
            dressed.layer(map_response(move |response: Response| std::future::ready(allow(response))))
        }
        None => dressed,
    }
}

/// What Vigie says of itself, to anybody; `card` is whom its messages come from.
fn own(health: Health, card: String) -> Doors {
    let contact = Doors::new().get(PUBLIC, "/contact.vcf", contact).with_state(Arc::from(card));
    let itself = Doors::new()
        .get(PUBLIC, "/healthz", || async { "ok\n" })
        .get(PUBLIC, "/readyz", ready)
        .get(ASSET, "/assets/vigie.css", page::stylesheet)
        .get(PUBLIC, "/api/v1/openapi.json", || async { Json(openapi()) })
        .get(PUBLIC, "/api/v1/schemas/{file}", schema)
        .with_state(health);
    itself.merge(contact)
}

/// `GET /contact.vcf`
async fn contact(State(card): State<Arc<str>>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/vcard; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"vigie.vcf\""),
    ];
    (headers, card.to_string())
}

/// The table of routes: every door that a process with every service has.
pub(crate) fn routes() -> Vec<Door> {
    let edges = [
        vigie_intake::routes(),
        vigie_console::routes(),
        vigie_directory::routes(),
        vigie_crisis::routes(),
        vigie_map::routes(),
        own(Health::default(), String::new()).rows().to_vec(),
    ];
    let mut rows = edges.concat();
    rows.sort_by_key(|row| (row.path, row.method));
    rows
}

/// What is answered while nothing is known of what is in force: the database does not answer yet.
pub(crate) fn waiting() -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(not_yet))
        .fallback(|| async { Problem::unavailable() })
}

/// Whether requests reach the edges; not while nothing is known of what is in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Serving(Arc<AtomicBool>);

impl Serving {
    pub(crate) fn begins(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What is told to this machine only: each dependency by name, and the metrics.
pub(crate) fn private(health: Health, serving: Serving, metrics: Registrar) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .with_state((health, serving))
        .route("/metrics", get(scrape).with_state(metrics))
}

/// One word, for whoever sends requests here; why is told on the private listener.
async fn ready(State(health): State<Health>) -> Response {
    if health.snapshot().0 { "ready\n".into_response() } else { not_yet().await }
}

async fn not_yet() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "unready\n").into_response()
}

async fn readiness(State((health, serving)): State<(Health, Serving)>) -> Response {
    let (well, dependencies) = health.snapshot();
    let ready = well && serving.0.load(Ordering::Acquire);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "dependencies": dependencies }))).into_response()
}

async fn scrape(State(metrics): State<Registrar>) -> impl IntoResponse {
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
    use std::collections::{BTreeMap, BTreeSet};

    use vigie_edge::door::{Knock, Speaks};

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

    /// Every address of the interface is described, and nothing is described that is not served.
    #[test]
    fn the_document_and_the_table_of_routes_are_the_same() {
        let document = openapi();
        let mut described = BTreeSet::new();
        for (path, item) in &document.paths.paths {
            let methods = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("DELETE", &item.delete),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
            ];
            described.extend(methods.iter().filter(|(_, it)| it.is_some()).map(|(method, _)| (*method, path.clone())));
        }
        let rows = routes();
        let mounted = rows.iter().filter(|row| matches!(row.speaks, Speaks::Api | Speaks::Stream));
        let mounted: BTreeSet<_> = mounted.map(|row| (row.method, row.path.to_owned())).collect();
        assert_eq!(mounted, described);
        assert!(
            rows.iter().all(|row| row.knock == Knock::Caller || !matches!(row.speaks, Speaks::Api | Speaks::Stream))
        );
    }
}
