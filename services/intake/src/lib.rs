//! The edge signals come in by: the JSON API and the head's form.
//!
//! A request is authenticated, validated whole, made durable in a commit it may share with others, and only then
//! answered `202`. Nothing here judges a signal: routing does, from the journal.

mod api;
mod caller;
mod commit;
mod config;
mod form;
mod key;
mod limit;
mod metrics;
mod status;
mod store;

use std::sync::Arc;

use axum::extract::FromRef;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::city::{City, InForce};
use vigie_platform::{
    Context,
    database::SchemaMigrations,
    door::{API, ASSET, Door, Doors, OPEN, PAGE},
};

pub use api::Accepted;
pub use config::IntakeConfig;
use metrics::Metrics;
pub use status::{BodyTold, IncidentOfSignal, ReturnView, SignalView};

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "intake", migrator: sqlx::migrate!("./migrations") }
}

/// What one request works with.
#[derive(Debug)]
pub(crate) struct Edge {
    context: Context,
    /// As in force when the request came.
    city: Arc<City>,
    pool: PgPool,
    committer: commit::Committer,
    limiter: Arc<limit::Limiter>,
    metrics: Metrics,
}

/// What requests are given from.
#[derive(Debug, Clone)]
struct Desk {
    context: Context,
    in_force: InForce,
    pool: PgPool,
    committer: commit::Committer,
    limiter: Arc<limit::Limiter>,
    metrics: Metrics,
}

impl FromRef<Desk> for Arc<Edge> {
    fn from_ref(desk: &Desk) -> Self {
        let Desk { context, in_force, pool, committer, limiter, metrics } = desk.clone();
        Self::new(Edge { context, city: in_force.get(), pool, committer, limiter, metrics })
    }
}

/// The service: its routes, and the loop that commits.
#[derive(Debug)]
pub struct Intake {
    desk: Desk,
    loops: commit::CommitLoops,
}

impl Intake {
    pub fn new(context: Context, config: &IntakeConfig, in_force: InForce, pool: PgPool) -> Self {
        let metrics = Metrics::new(&context.metrics.registrar);
        let (committer, loops) = commit::channel(&context, &metrics, config, pool.clone());
        let limiter = Arc::new(limit::Limiter::new(config));
        Self { desk: Desk { context, in_force, pool, committer, limiter, metrics }, loops }
    }

    /// Its routes.
    pub fn router(&self) -> Doors {
        doors().with_state(self.desk.clone())
    }

    /// Commits what the routes accept, until stopped; then what is still waiting.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { desk, loops } = self;
        // The routes keep their own handle; this one must not hold the queue open.
        drop(desk);
        loops.run(stop).await
    }
}

/// Every route of this edge.
fn doors() -> Doors<Desk> {
    Doors::new()
        .post(API, "/api/v1/signals", api::raise)
        .get(API, "/api/v1/signals/{id}", status::of_signal)
        .get(PAGE, "/signaler", form::page::show)
        .post(PAGE, "/signaler", form::submit::submit)
        .post(PAGE, "/signaler/relecture", form::submit::read_over)
        .get(ASSET, "/assets/signaler.js", form::script)
        .get(OPEN, "/signaler/ouvrir", form::opened_elsewhere)
        .get(PAGE, "/signaler/{id}", form::follow::show)
        .post(PAGE, "/signaler/{id}/termine", form::follow::say_over)
}

/// Its rows in the table of routes.
pub fn routes() -> Vec<Door> {
    doors().rows().to_vec()
}

/// This edge's part of the OpenAPI document.
pub fn openapi_paths() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(api::raise, status::of_signal))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
