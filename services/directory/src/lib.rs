//! What is in force and how it came to be; who is in the directory, who is on duty, who can be reached; who may come in.
//!
//! The cast: [`version`] keeps every doctrine, directory and territory ever published; [`publication`] proves one and
//! puts it in force, `proposal` what waits for a second person, `pending` contact points that wait for their code;
//! [`in_force`] lets every process follow; `proof` asks the prover again every day; `drill` and `probe`
//! try the contact points; `api` and `page` are the edge; [`credential`] owns the keys of sources.

mod along;
mod api;
pub mod credential;
mod drill;
pub mod in_force;
mod page;
mod pending;
mod probe;
mod proof;
mod proposal;
pub mod publication;
mod reachability;
mod settled;
pub mod version;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post},
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::{city::InForce, link::Signer};
use vigie_platform::{Context, consumer, database::SchemaMigrations, supervisor::Supervisor};

use api::{Desk, bodies, configurations, drills, duty, edits, handovers, proposals, verifications};
use page::{administration, home, session};

/// Time the loops get to finish when told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// How often proposals that wait are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// A whole doctrine and directory fit; nothing else of this size is taken in.
const CONFIGURATION_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "directory", migrator: sqlx::migrate!("./migrations") }
}

/// The service: its routes and its loops.
#[derive(Debug)]
pub struct Service {
    desk: Desk,
}

impl Service {
    /// Errors when the key that signs the links of probes is missing.
    pub fn new(context: Context, in_force: InForce, pool: PgPool) -> anyhow::Result<Self> {
        let key = context
            .config
            .links
            .key
            .as_ref()
            .context("links.key_file is not set: make one with `openssl rand -hex 32 > link.key`")?;
        let signer = Signer::new(key.expose().as_bytes());
        Ok(Self { desk: Desk { context, in_force, pool, signer } })
    }

    pub fn router(&self) -> Router {
        let publishing = Router::new()
            .route("/api/v1/configurations", get(configurations::list).post(configurations::publish))
            .route(
                "/administration/doctrine/{file}",
                get(administration::doctrine::file).post(administration::doctrine::propose),
            )
            .layer(DefaultBodyLimit::max(CONFIGURATION_LIMIT_BYTES));
        Router::new()
            .route("/api/v1/configurations/proof", get(configurations::proof))
            .route("/api/v1/configurations/rollback", post(configurations::roll_back))
            .route("/api/v1/directory/bodies", get(bodies::list))
            .route("/api/v1/directory/bodies/{id}", get(bodies::one))
            .route("/api/v1/directory/bodies/{id}/shifts", get(duty::of_body))
            .route("/api/v1/directory/bodies/{id}/feeds", post(duty::subscribe).delete(duty::revoke))
            .route("/astreintes/{file}", get(duty::calendar))
            .route("/api/v1/directory/edits", post(edits::edit))
            .route("/api/v1/configurations/{id}/changes", get(configurations::changes))
            .route("/api/v1/directory/bodies/{id}/handovers", get(handovers::list).post(handovers::hand_over))
            .route("/api/v1/directory/contacts/{id}/verifications", post(verifications::begin))
            .route("/api/v1/directory/verifications/{id}", post(verifications::answer))
            .route("/api/v1/directory/drills", get(drills::list).post(drills::open))
            .route("/api/v1/directory/drills/{id}", get(drills::one))
            .route("/", get(home::show))
            .route("/administration", get(administration::overview::show))
            .route("/administration/versions", get(administration::versions::show))
            .route("/administration/territoire", get(administration::territory::show))
            .route("/administration/versions/retour", post(administration::versions::roll_back))
            .route("/administration/doctrine", get(administration::doctrine::show))
            .route(
                "/administration/ecarts",
                get(administration::dead_letters::show).post(administration::dead_letters::try_again),
            )
            .route("/administration/essais", get(administration::drills::list).post(administration::drills::open))
            .route("/administration/essais/{id}", get(administration::drills::one))
            .route("/annuaire", get(administration::body::list))
            .route("/annuaire/{id}", get(administration::body::one))
            .route("/annuaire/{id}/remplacement", post(administration::body::replace))
            .route("/annuaire/{id}/retrait", post(administration::body::remove))
            .route("/annuaire/{id}/verification", post(administration::body::verify))
            .route("/annuaire/{id}/code", post(administration::body::answer_code))
            .route("/annuaire/{id}/releve", post(administration::body::hand_over))
            .route("/annuaire/{id}/agenda", post(administration::body::subscribe))
            .route("/accessibilite", get(page::accessibility))
            .route("/ouvrir", get(session::confirm).post(session::exchange))
            .route("/quitter", post(session::leave))
            .route("/t/{token}", get(page::probe::show).post(page::probe::answer))
            .merge(publishing)
            .route("/api/v1/configurations/proposals", get(proposals::list))
            .route("/api/v1/configurations/proposals/{id}", delete(proposals::withdraw))
            .route("/api/v1/configurations/proposals/{id}/approval", post(proposals::approve))
            .route("/administration/versions/propositions/{id}", post(administration::versions::decide))
            .with_state(self.desk.clone())
    }

    /// Proves, drills and hears of its probes until stopped.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Desk { context, in_force, pool, .. } = self.desk;
        let mut supervisor = Supervisor::new(stop.clone());
        let proving = proof::run(context.clone(), in_force.clone(), pool.clone(), stop.clone());
        supervisor.start("the proof of what is in force", proving);
        supervisor.start("the drill of the month", drill::run(context.clone(), in_force, pool.clone(), stop.clone()));
        let counting = count_proposals(context.clone(), pool.clone(), stop.clone());
        supervisor.start("the count of what waits for a second person", counting);
        let handler = Arc::new(settled::Settled);
        supervisor.start("the consumer of probes", consumer::run(context, pool, handler, stop));
        supervisor.run(GRACE).await
    }
}

/// Keeps the metric of proposals that wait, until stopped.
async fn count_proposals(context: Context, pool: PgPool, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let counted = async { proposal::waiting(&mut *pool.acquire().await?).await }.await;
        match counted {
            Ok(waiting) => drop(context.metrics.configuration_proposals_waiting.set(waiting)),
            Err(error) => tracing::debug!(error = %error, "proposals could not be counted; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(COUNT_EVERY) => {}
        }
    }
}

/// This edge's part of the OpenAPI document.
pub fn openapi_paths() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        configurations::list,
        configurations::proof,
        configurations::publish,
        configurations::roll_back,
        bodies::list,
        bodies::one,
        configurations::changes,
        duty::of_body,
        duty::subscribe,
        duty::revoke,
        edits::edit,
        proposals::list,
        proposals::approve,
        proposals::withdraw,
        handovers::hand_over,
        handovers::list,
        verifications::begin,
        verifications::answer,
        drills::open,
        drills::one,
        drills::list
    ))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
