//! Who is calling, and which crises they see.

use std::{collections::BTreeMap, sync::Arc};

use axum::{extract::FromRef, http::HeaderMap};
use jiff::Timestamp;
use sqlx::PgPool;
use tokio::sync::Notify;
use vigie_domain::{
    access::Caller,
    city::{City, InForce},
    crisis::{Crisis, Moment, exercise::Script},
    directory::Sight,
    link::Signer,
};
use vigie_platform::{Context, problem::Problem};
use vigie_proto::CrisisId;

use crate::{
    Pace, moment,
    problems::{no_rules, not_yours, stored},
    store,
};

/// What requests are given from.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) context: Context,
    pub(crate) pace: Pace,
    pub(crate) in_force: InForce,
    pub(crate) pool: PgPool,
    pub(crate) scripts: Arc<BTreeMap<String, Script>>,
    /// Checks the links of requests for a resource.
    pub(crate) signer: Signer,
    pub(crate) wake: Arc<Notify>,
}

/// What one request works with.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) desk: Desk,
    /// As in force when the request came.
    pub(crate) city: Arc<City>,
    pub(crate) now: Timestamp,
}

impl FromRef<Desk> for Arc<Edge> {
    fn from_ref(desk: &Desk) -> Self {
        Self::new(Edge { city: desk.in_force.get(), now: desk.context.clock.now(), desk: desk.clone() })
    }
}

impl Edge {
    /// The caller whose token or session the request carries, when crises are conducted here and it may see any.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller<'_>, Problem> {
        let id = self.desk.context.authenticator.authenticate(headers, self.now).await?;
        let source = self.city.directory.source(&id).ok_or_else(Problem::unauthenticated)?;
        let caller = Caller::of(source, &self.city.directory).ok_or_else(Problem::unauthenticated)?;
        match caller.role.sees {
            Sight::Everything | Sight::Sector => Ok(caller),
            Sight::Nothing | Sight::OwnSignals => Err(not_yours(&[], &self.city)),
        }
    }

    pub(crate) fn moment(&self) -> Result<Moment<'_>, Problem> {
        moment(&self.city, self.desk.pace, self.now).ok_or_else(no_rules)
    }

    /// A crisis the caller may know; 404 otherwise, without saying which.
    pub(crate) async fn see(&self, caller: Caller<'_>, id: CrisisId) -> Result<Crisis, Problem> {
        let crisis = store::read(&mut *self.connection().await?, id).await.map_err(stored)?;
        crisis.filter(|crisis| caller.sees_crisis(&crisis.snapshot)).ok_or_else(|| Problem::not_found("Crise"))
    }

    pub(crate) async fn connection(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, Problem> {
        self.desk.pool.acquire().await.map_err(stored)
    }
}
