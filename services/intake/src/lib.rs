//! The edge signals come in by: the JSON API and the head's form.
//!
//! A request is authenticated, validated whole, made durable in a commit it may share with others, and only then
//! answered `202`. Nothing here judges a signal: routing does, from the journal.

mod api;
mod commit;
mod config;
mod fate;
mod form;
mod key;
mod limit;
mod metrics;
mod own;
mod status;
mod store;

use std::sync::Arc;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_edge::door::{API, ASSET, Door, Doors, OPEN, PAGE};
use vigie_platform::database::SchemaMigrations;

pub use api::Accepted;
pub use config::IntakeConfig;
pub use fate::{BodyTold, ReturnView};
use metrics::Metrics;
pub use own::{OwnSignal, SignalPage};
pub use status::{IncidentOfSignal, SignalView};

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "intake", migrator: sqlx::migrate!("./migrations") }
}

/// What is the intake's own of a desk.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pool: PgPool,
    committer: commit::Committer,
    limiter: Arc<limit::Limiter>,
    metrics: Metrics,
}

type Desk = vigie_edge::Desk<Own>;
type Edge = vigie_edge::Edge<Own>;

/// The service: its routes, and the loop that commits.
#[derive(Debug)]
pub struct Intake {
    desk: Desk,
    loops: commit::CommitLoops,
}

impl Intake {
    pub fn new(desk: vigie_edge::Desk, config: &IntakeConfig, pool: PgPool) -> Self {
        let metrics = Metrics::new(&desk.context.metrics.registrar);
        let (committer, loops) = commit::channel(&desk.context, &metrics, config, pool.clone());
        let limiter = Arc::new(limit::Limiter::new(config));
        Self { desk: desk.with(Own { pool, committer, limiter, metrics }), loops }
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
        .get(API, "/api/v1/signals", own::list)
        .get(API, "/api/v1/signals/{id}", status::of_signal)
        .get(PAGE, "/signaler", form::page::show)
        .post(PAGE, "/signaler", form::submit::submit)
        .post(PAGE, "/signaler/relecture", form::submit::read_over)
        .get(PAGE, "/signaler/mes-signalements", form::own::show)
        .get(ASSET, "/assets/signaler.js", form::script)
        .get(ASSET, "/assets/suivi.js", form::fresh_script)
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
    #[openapi(paths(api::raise, own::list, status::of_signal))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
