//! The edge people act through: incidents, acts, live events, acknowledgement links.
//!
//! What a person does is a fact first: it is journalled here, so that it is never lost, and applied by the service that
//! owns the state. The edge waits up to a second for the result, then answers with it or says "recorded".

mod acknowledge;
mod act;
mod caller;
mod events;
mod explanations;
mod incidents;
mod indicators;
mod limits;
mod live;
mod observatory;
mod page;
mod timeline;
mod words;

use std::sync::Arc;

use axum::{
    Router,
    extract::FromRef,
    routing::{get, post},
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::{
    city::{City, InForce},
    link::Signer,
};
use vigie_platform::{Context, database::SchemaMigrations};

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "console", migrator: sqlx::migrate!("./migrations") }
}

/// What one request works with.
#[derive(Debug)]
pub(crate) struct Edge {
    context: Context,
    /// As in force when the request came.
    city: Arc<City>,
    /// For a request that outlives a change, such as a live stream.
    in_force: InForce,
    pool: PgPool,
    signer: Signer,
    live: live::Live,
    limits: Arc<limits::Limits>,
}

/// What requests are given from.
#[derive(Debug, Clone)]
struct Desk {
    context: Context,
    in_force: InForce,
    pool: PgPool,
    signer: Signer,
    live: live::Live,
    limits: Arc<limits::Limits>,
}

impl FromRef<Desk> for Arc<Edge> {
    fn from_ref(desk: &Desk) -> Self {
        let Desk { context, in_force, pool, signer, live, limits } = desk.clone();
        Self::new(Edge { context, city: in_force.get(), in_force, pool, signer, live, limits })
    }
}

/// The service: its routes, and the loop that follows the journal.
#[derive(Debug)]
pub struct Console {
    desk: Desk,
}

impl Console {
    pub fn new(context: Context, in_force: InForce, pool: PgPool) -> anyhow::Result<Self> {
        let key = context.config.links.key.as_ref();
        let key = key.ok_or_else(|| {
            anyhow::anyhow!("links.key_file is not set: make one with `openssl rand -hex 32 > link.key`")
        })?;
        let signer = Signer::new(key.expose().as_bytes());
        let limits = Arc::new(limits::Limits::new(&context.config.console));
        Ok(Self { desk: Desk { context, in_force, pool, signer, live: live::Live::default(), limits } })
    }

    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/v1/incidents", get(incidents::list))
            .route("/api/v1/incidents/{id}", get(incidents::one))
            .route("/api/v1/incidents/{id}/acknowledgements", post(act::acknowledge))
            .route("/api/v1/incidents/{id}/seen", post(act::see))
            .route("/api/v1/incidents/{id}/notes", post(act::note))
            .route("/api/v1/incidents/{id}/severity", post(act::severity))
            .route("/api/v1/incidents/{id}/resolution", post(act::resolution))
            .route("/api/v1/incidents/{id}/explanations", get(explanations::of_body))
            .route("/api/v1/counts", post(indicators::count))
            .route("/api/v1/indicators", get(indicators::read))
            .route("/api/v1/incidents/{id}/refusals", post(act::conduct::refuse))
            .route("/api/v1/incidents/{id}/handovers", post(act::conduct::hand_over))
            .route("/api/v1/incidents/{id}/regime", post(act::conduct::set_regime))
            .route("/api/v1/incidents/{id}/involvements", post(act::conduct::involve))
            .route("/api/v1/incidents/{id}/calls", post(act::conduct::call))
            .route("/api/v1/incidents/{id}/separations", post(act::conduct::separate))
            .route("/api/v1/incidents/{id}/returns", post(act::conduct::give_return))
            .route("/observatoire", get(observatory::show))
            .route("/observatoire.csv", get(observatory::csv))
            .route("/observatoire.json", get(observatory::json))
            .route("/api/v1/events", get(events::stream))
            .route("/scop", get(page::board::show))
            .route("/scop/evenements/{id}", get(page::incident::show).post(page::incident::act))
            .route("/scop/releve", get(page::relief::show))
            .route("/scop/clos", get(page::board::closed))
            .route("/cellule/{sector}", get(page::cell::show).post(page::cell::count))
            .route("/assets/console/{file}", get(page::assets::serve))
            .route("/a/{token}", get(acknowledge::show).post(acknowledge::acknowledge))
            .with_state(self.desk.clone())
    }

    /// Follows the journal for the live streams until stopped.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        live::follow(&self.desk.pool, &self.desk.live, stop).await
    }
}

/// This edge's part of the OpenAPI document.
pub fn openapi_paths() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        incidents::list,
        incidents::one,
        events::stream,
        explanations::of_body,
        indicators::count,
        indicators::read,
        act::see,
        act::acknowledge,
        act::note,
        act::severity,
        act::resolution,
        act::conduct::refuse,
        act::conduct::hand_over,
        act::conduct::set_regime,
        act::conduct::involve,
        act::conduct::call,
        act::conduct::separate,
        act::conduct::give_return
    ))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
