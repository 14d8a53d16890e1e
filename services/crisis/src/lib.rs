//! Crises and crisis exercises, from the opening to the completed feedback.
//!
//! The rules are `domain::crisis`, a pure state machine; this service gives it what people do ([`order`]) and the times
//! that come due ([`timers`]), and carries out what it decides ([`conduct`], [`carry`]): state, facts and alerts in one
//! transaction. It owns no incident: it journals acts for their owner, and signals of scripts for routing. [`desk`] knows
//! who may see what, `api` and `page` are the edge, [`pdf`] sets the feedback on paper. Nobody is named anywhere: people are
//! counted by category, and bodies act by their function.

mod api;
mod carry;
mod conduct;
mod desk;
mod key;
mod linking;
mod metrics;
mod order;
mod page;
mod pdf;
mod problems;
mod store;
mod timers;
mod view;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::{
    city::City,
    crisis::{Moment, exercise::Script},
    link::Signer,
};
use vigie_edge::door::{API, ASSET, Door, Doors, LINK, PAGE};
use vigie_platform::{consumer, database::SchemaMigrations};

use desk::{Desk, Own};

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "crisis", migrator: sqlx::migrate!("./migrations") }
}

/// How fast time goes for crises: as for the plans of incidents.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Divides every delay of the doctrine.
    pub time_scale: f64,
    /// Longest sleep between two looks at what is due.
    pub idle: Duration,
}

/// The service: its routes and its loops.
#[derive(Debug)]
pub struct Service {
    desk: Desk,
}

impl Service {
    /// `scripts` are the exercises that can be played, by name; `signer` checks the links of requests for a resource.
    pub fn new(
        desk: vigie_edge::Desk,
        pace: Pace,
        pool: PgPool,
        scripts: BTreeMap<String, Script>,
        signer: Signer,
    ) -> Self {
        let (scripts, wake) = (Arc::new(scripts), Arc::default());
        Self { desk: desk.with(Own { pace, pool, scripts, signer, wake }) }
    }

    /// Its routes.
    pub fn router(&self) -> Doors {
        doors().with_state(self.desk.clone())
    }

    /// Settles what is due and follows the exercises' incidents until stopped.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Desk { context, in_force, own: Own { pace, pool, wake, .. }, .. } = self.desk;
        let linking = linking::Linking {
            in_force: in_force.clone(),
            pace,
            fresh: context.fresh.clone(),
            wake: Arc::clone(&wake),
        };
        let timers = timers::Timers {
            metrics: metrics::Metrics::new(&context.metrics.registrar),
            context: context.clone(),
            pace,
            in_force,
            pool: pool.clone(),
            wake,
        };
        let by_fact = consumer::run(context, pool, Arc::new(linking), stop.clone());
        let by_time = timers.run(stop);
        tokio::try_join!(by_fact, by_time)?;
        Ok(())
    }
}

/// The rules of crises in force, at `now`; none when the doctrine has none.
fn moment(city: &City, pace: Pace, now: Timestamp) -> Option<Moment<'_>> {
    let rules = city.doctrine.crisis.as_ref()?;
    let zone = city.doctrine.zone.iana_name().unwrap_or("UTC");
    Some(Moment { rules, now, zone, time_scale: pace.time_scale })
}

/// Every route of this edge.
fn doors() -> Doors<Desk> {
    Doors::new()
        .get(API, "/api/v1/crises", api::list)
        .post(API, "/api/v1/crises", api::open)
        .get(API, "/api/v1/crises/{id}", api::one)
        .post(API, "/api/v1/crises/{id}/acts", api::act)
        .get(API, "/api/v1/crises/{id}/retex.md", api::retex::markdown)
        .get(API, "/api/v1/crises/{id}/retex.pdf", api::retex::pdf)
        .get(API, "/api/v1/exercises", api::exercises::list)
        .post(API, "/api/v1/exercises", api::exercises::start)
        .post(API, "/api/v1/incidents/{id}/mobilisations", api::mobilise)
        .get(PAGE, "/crises", page::list::show)
        .post(PAGE, "/crises", page::list::open)
        .get(PAGE, "/crises/{id}", page::crisis::show)
        .post(PAGE, "/crises/{id}", page::crisis::act)
        .get(PAGE, "/crises/{id}/synthese", page::synthesis::show)
        .get(PAGE, "/crises/{id}/retex", page::retex::show)
        .post(PAGE, "/crises/{id}/retex", page::retex::act)
        .get(LINK, "/m/{token}", page::answer::show)
        .post(LINK, "/m/{token}", page::answer::act)
        .get(ASSET, "/assets/crisis/{file}", page::assets::serve)
}

/// Its rows in the table of routes.
pub fn routes() -> Vec<Door> {
    doors().rows().to_vec()
}

/// This edge's part of the OpenAPI document.
pub fn openapi_paths() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        api::list,
        api::open,
        api::one,
        api::act,
        api::mobilise,
        api::retex::markdown,
        api::retex::pdf,
        api::exercises::list,
        api::exercises::start
    ))]
    struct Paths;
    <Paths as utoipa::OpenApi>::openapi()
}
