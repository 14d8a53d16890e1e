//! The edge people act through: incidents, acts, live events, acknowledgement links.
//!
//! What a person does is a fact first: it is journalled here, so that it is never lost, and applied by the service that
//! owns the state. The edge waits up to a second for the result, then answers with it or says "recorded".

mod acknowledge;
mod act;
mod caller;
mod events;
mod incidents;
mod live;
mod timeline;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::{city::City, link::Signer};
use vigie_platform::{Context, database::SchemaMigrations};

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "console", migrator: sqlx::migrate!("./migrations") }
}

/// What every handler of this edge works with.
#[derive(Debug)]
pub(crate) struct Edge {
    context: Context,
    city: Arc<City>,
    pool: PgPool,
    signer: Signer,
    live: live::Live,
}

/// The service: its routes, and the loop that follows the journal.
#[derive(Debug)]
pub struct Console {
    edge: Arc<Edge>,
}

impl Console {
    pub fn new(context: Context, city: Arc<City>, pool: PgPool) -> anyhow::Result<Self> {
        let key = context.config.links.key.as_ref();
        let key = key.ok_or_else(|| {
            anyhow::anyhow!("links.key_file is not set: make one with `openssl rand -hex 32 > link.key`")
        })?;
        let signer = Signer::new(key.expose().as_bytes());
        Ok(Self { edge: Arc::new(Edge { context, city, pool, signer, live: live::Live::default() }) })
    }

    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/v1/incidents", get(incidents::list))
            .route("/api/v1/incidents/{id}", get(incidents::one))
            .route("/api/v1/incidents/{id}/acknowledgements", post(act::acknowledge))
            .route("/api/v1/incidents/{id}/notes", post(act::note))
            .route("/api/v1/incidents/{id}/severity", post(act::severity))
            .route("/api/v1/incidents/{id}/resolution", post(act::resolution))
            .route("/api/v1/events", get(events::stream))
            .route("/a/{token}", get(acknowledge::show).post(acknowledge::acknowledge))
            .with_state(Arc::clone(&self.edge))
    }

    /// Follows the journal for the live streams until stopped.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        live::follow(&self.edge, stop).await
    }
}

/// This edge's part of the OpenAPI document.
pub fn openapi_paths() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        incidents::list,
        incidents::one,
        events::stream,
        act::acknowledge,
        act::note,
        act::severity,
        act::resolution
    ))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
