//! The edge people act through: incidents, acts, live events, acknowledgement links.
//!
//! What a person does is a fact first: it is journalled here, so that it is never lost, and applied by the service that
//! owns the state. The edge waits up to a second for the result, then answers with it or says "recorded".

mod acknowledge;
mod act;
mod caller;
mod config;
mod events;
mod explanations;
mod incidents;
mod indicators;
mod limits;
mod listing;
mod live;
mod news;
mod observatory;
mod page;
mod timeline;
mod words;

use std::sync::Arc;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::link::Signer;
use vigie_edge::door::{API, ASSET, Door, Doors, LINK, PAGE, STREAM};
use vigie_platform::database::SchemaMigrations;

pub use config::ConsoleConfig;

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "console", migrator: sqlx::migrate!("./migrations") }
}

/// What is the console's own of a desk.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pool: PgPool,
    signer: Signer,
    live: live::Live,
    limits: Arc<limits::Limits>,
}

type Desk = vigie_edge::Desk<Own>;
type Edge = vigie_edge::Edge<Own>;

/// The service: its routes, and the loop that follows the journal.
#[derive(Debug)]
pub struct Console {
    desk: Desk,
}

impl Console {
    /// `signer` checks the links of messages.
    pub fn new(desk: vigie_edge::Desk, config: &ConsoleConfig, pool: PgPool, signer: Signer) -> Self {
        let limits = Arc::new(limits::Limits::new(config));
        let live = live::Live::new(&desk.context.metrics.registrar);
        Self { desk: desk.with(Own { pool, signer, live, limits }) }
    }

    /// Its routes.
    pub fn router(&self) -> Doors {
        doors().with_state(self.desk.clone())
    }

    /// Follows the journal for the live streams until stopped.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        live::follow(&self.desk.pool, &self.desk.live, stop).await
    }
}

/// Every route of this edge.
fn doors() -> Doors<Desk> {
    Doors::new()
        .get(API, "/api/v1/incidents", listing::list)
        .get(API, "/api/v1/incidents/{id}", incidents::one)
        .post(API, "/api/v1/incidents/{id}/acknowledgements", act::acknowledge)
        .post(API, "/api/v1/incidents/{id}/seen", act::see)
        .post(API, "/api/v1/incidents/{id}/notes", act::note)
        .post(API, "/api/v1/incidents/{id}/severity", act::severity)
        .post(API, "/api/v1/incidents/{id}/resolution", act::resolution)
        .get(API, "/api/v1/incidents/{id}/explanations", explanations::of_body)
        .post(API, "/api/v1/counts", indicators::count)
        .get(API, "/api/v1/indicators", indicators::read)
        .post(API, "/api/v1/incidents/{id}/refusals", act::conduct::refuse)
        .post(API, "/api/v1/incidents/{id}/handovers", act::conduct::hand_over)
        .post(API, "/api/v1/incidents/{id}/regime", act::conduct::set_regime)
        .post(API, "/api/v1/incidents/{id}/involvements", act::conduct::involve)
        .post(API, "/api/v1/incidents/{id}/calls", act::conduct::call)
        .post(API, "/api/v1/incidents/{id}/separations", act::conduct::separate)
        .post(API, "/api/v1/incidents/{id}/withdrawals", act::conduct::take_back)
        .post(API, "/api/v1/incidents/{id}/reopenings", act::conduct::reopen)
        .post(API, "/api/v1/incidents/{id}/returns", act::conduct::give_return)
        .get(PAGE, "/observatoire", observatory::show)
        .get(PAGE, "/observatoire.csv", observatory::csv)
        .get(PAGE, "/observatoire.json", observatory::json)
        .get(STREAM, "/api/v1/events", events::stream)
        .get(PAGE, "/scop", page::board::show)
        .get(PAGE, "/scop/evenements/{id}", page::incident::show)
        .post(PAGE, "/scop/evenements/{id}", page::incident::act)
        .get(PAGE, "/scop/releve", page::relief::show)
        .get(PAGE, "/scop/clos", page::board::closed)
        .get(PAGE, "/cellule/{sector}", page::cell::show)
        .post(PAGE, "/cellule/{sector}", page::cell::count)
        .get(ASSET, "/assets/console/{file}", page::assets::serve)
        .get(LINK, "/a/{token}", acknowledge::show)
        .post(LINK, "/a/{token}", acknowledge::acknowledge)
}

/// Its rows in the table of routes.
pub fn routes() -> Vec<Door> {
    doors().rows().to_vec()
}

/// This edge's part of the OpenAPI document.
pub fn openapi_paths() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        listing::list,
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
        act::conduct::take_back,
        act::conduct::reopen,
        act::conduct::give_return
    ))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
