//! What is in force and how it came to be; who is in the directory, who is on duty, who can be reached; who may come in.
//!
//! The cast: [`version`] keeps every doctrine, directory and territory ever published; [`publication`] proves one and
//! puts it in force, `proposal` what waits for a second person, `pending` contact points that wait for their code;
//! [`in_force`] lets every process follow; `proof` asks the prover again every day; `drill` and `probe`
//! try the contact points; `api` and `page` are the edge; [`credential`] owns the keys of sources.

mod along;
mod api;
mod config;
pub mod credential;
mod drill;
pub mod in_force;
mod page;
mod pending;
mod probe;
mod proof;
mod proposal;
pub mod publication;
mod publish_error;
mod reachability;
mod settled;
pub mod version;

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::link::Signer;
use vigie_edge::door::{API, Door, Doors, FEED, KEY, LINK, OPEN, PAGE};
use vigie_platform::{Context, consumer, database::SchemaMigrations, metrics::Gauge, supervisor::Supervisor};

use api::{Desk, Own, bodies, configurations, drills, duty, edits, handovers, keys, proposals, verifications};
use page::{administration, home, session};

/// Time the loops get to finish when told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// How often proposals that wait are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// A whole doctrine and directory fit; nothing else of this size is taken in.
const CONFIGURATION_LIMIT_BYTES: usize = 4 * 1024 * 1024;

pub use config::DirectoryConfig;

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
    /// `signer` checks the links of probes.
    pub fn new(desk: vigie_edge::Desk, config: DirectoryConfig, pool: PgPool, signer: Signer) -> Self {
        Self { desk: desk.with(Own { config: Arc::new(config), pool, signer }) }
    }

    /// Its routes.
    pub fn router(&self) -> Doors {
        doors().with_state(self.desk.clone())
    }

    /// Proves, drills and hears of its probes until stopped.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Desk { context, in_force, own: Own { config, pool, .. }, .. } = self.desk;
        let mut supervisor = Supervisor::new(stop.clone());
        let proving = proof::run(context.clone(), Arc::clone(&config), in_force.clone(), pool.clone(), stop.clone());
        supervisor.start("the proof of what is in force", proving);
        let drilling = drill::run(context.clone(), config, in_force, pool.clone(), stop.clone());
        supervisor.start("the drill of the month", drilling);
        let counting = count_proposals(context.clone(), pool.clone(), stop.clone());
        supervisor.start("the count of what waits for a second person", counting);
        let handler = Arc::new(settled::Settled);
        supervisor.start("the consumer of probes", consumer::run(context, pool, handler, stop));
        supervisor.run(GRACE).await
    }
}

/// Every route of this edge.
fn doors() -> Doors<Desk> {
    let publishing = Doors::new()
        .get(API, "/api/v1/configurations", configurations::list)
        .post(API, "/api/v1/configurations", configurations::publish)
        .get(PAGE, "/administration/doctrine/{file}", administration::doctrine::file)
        .post(PAGE, "/administration/doctrine/{file}", administration::doctrine::propose)
        .taking(CONFIGURATION_LIMIT_BYTES);
    Doors::new()
        .get(API, "/api/v1/configurations/proof", configurations::proof)
        .post(API, "/api/v1/configurations/rollback", configurations::roll_back)
        .get(API, "/api/v1/configurations/proposals", proposals::list)
        .delete(API, "/api/v1/configurations/proposals/{id}", proposals::withdraw)
        .post(API, "/api/v1/configurations/proposals/{id}/approval", proposals::approve)
        .get(API, "/api/v1/directory/bodies", bodies::list)
        .get(API, "/api/v1/directory/bodies/{id}", bodies::one)
        .get(API, "/api/v1/directory/bodies/{id}/shifts", duty::of_body)
        .post(API, "/api/v1/directory/bodies/{id}/feeds", duty::subscribe)
        .delete(API, "/api/v1/directory/bodies/{id}/feeds", duty::revoke)
        .get(FEED, "/astreintes/{file}", duty::calendar)
        .post(API, "/api/v1/directory/edits", edits::edit)
        .get(API, "/api/v1/configurations/{id}/changes", configurations::changes)
        .get(API, "/api/v1/directory/bodies/{id}/handovers", handovers::list)
        .post(API, "/api/v1/directory/bodies/{id}/handovers", handovers::hand_over)
        .post(API, "/api/v1/directory/contacts/{id}/verifications", verifications::begin)
        .post(API, "/api/v1/directory/verifications/{id}", verifications::answer)
        .get(API, "/api/v1/directory/drills", drills::list)
        .post(API, "/api/v1/directory/drills", drills::open)
        .get(API, "/api/v1/directory/drills/{id}", drills::one)
        .get(API, "/api/v1/sessions", keys::sessions)
        .delete(API, "/api/v1/sessions/{id}", keys::end_session)
        .get(API, "/api/v1/tokens", keys::tokens)
        .delete(API, "/api/v1/tokens/{id}", keys::end_token)
        .get(PAGE, "/", home::show)
        .get(PAGE, "/administration", administration::overview::show)
        .get(PAGE, "/administration/versions", administration::versions::show)
        .get(PAGE, "/administration/territoire", administration::territory::show)
        .post(PAGE, "/administration/versions/retour", administration::versions::roll_back)
        .post(PAGE, "/administration/versions/propositions/{id}", administration::versions::decide)
        .get(PAGE, "/administration/doctrine", administration::doctrine::show)
        .get(PAGE, "/administration/ecarts", administration::dead_letters::show)
        .post(PAGE, "/administration/ecarts", administration::dead_letters::try_again)
        .get(PAGE, "/administration/essais", administration::drills::list)
        .post(PAGE, "/administration/essais", administration::drills::open)
        .get(PAGE, "/administration/essais/{id}", administration::drills::one)
        .get(PAGE, "/annuaire", administration::body::list)
        .get(PAGE, "/annuaire/{id}", administration::body::one)
        .post(PAGE, "/annuaire/{id}/remplacement", administration::body::replace)
        .post(PAGE, "/annuaire/{id}/retrait", administration::body::remove)
        .post(PAGE, "/annuaire/{id}/verification", administration::body::verify)
        .post(PAGE, "/annuaire/{id}/code", administration::body::answer_code)
        .post(PAGE, "/annuaire/{id}/releve", administration::body::hand_over)
        .post(PAGE, "/annuaire/{id}/agenda", administration::body::subscribe)
        .get(OPEN, "/accessibilite", page::accessibility)
        .get(OPEN, "/ouvrir", session::confirm)
        .post(KEY, "/ouvrir", session::exchange)
        .post(OPEN, "/quitter", session::leave)
        .get(LINK, "/t/{token}", page::probe::show)
        .post(LINK, "/t/{token}", page::probe::answer)
        .merge(publishing)
}

/// Its rows in the table of routes.
pub fn routes() -> Vec<Door> {
    doors().rows().to_vec()
}

/// Keeps the metric of proposals that wait, until stopped.
async fn count_proposals(context: Context, pool: PgPool, stop: CancellationToken) -> anyhow::Result<()> {
    let gauge: Gauge = context
        .metrics
        .registrar
        .series("configuration_proposals_waiting", "Changes of who may do what that wait for a second administrator");
    loop {
        let counted = async { proposal::waiting(&mut *pool.acquire().await?).await }.await;
        match counted {
            Ok(waiting) => drop(gauge.set(waiting)),
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
        drills::list,
        keys::sessions,
        keys::end_session,
        keys::tokens,
        keys::end_token
    ))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
