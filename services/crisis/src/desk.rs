//! What requests are given from, and which crises whoever calls sees.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::PgPool;
use tokio::sync::Notify;
use vigie_domain::{
    access::Caller,
    crisis::{Crisis, Moment, exercise::Script},
    directory::Sight,
    link::Signer,
};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_proto::CrisisId;

use crate::{Pace, problems::no_rules, store};

/// What is the crises' own of a desk.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) pace: Pace,
    pub(crate) pool: PgPool,
    /// By name.
    pub(crate) scripts: Arc<BTreeMap<String, Script>>,
    /// Checks the links of requests for a resource.
    pub(crate) signer: Signer,
    pub(crate) wake: Arc<Notify>,
}

pub(crate) type Desk = vigie_edge::Desk<Own>;
pub(crate) type Edge = vigie_edge::Edge<Own>;

/// Who calls, when it may see any crisis.
pub(crate) fn caller<'a>(edge: &'a Edge, presented: &Presented) -> Result<Caller<'a>, Problem> {
    let caller = edge.caller(presented)?;
    match caller.role.sees {
        Sight::Everything | Sight::Sector => Ok(caller),
        Sight::Nothing | Sight::OwnSignals => Err(Problem::not_allowed()),
    }
}

pub(crate) fn moment(edge: &Edge) -> Result<Moment<'_>, Problem> {
    crate::moment(&edge.city, edge.pace, edge.now).ok_or_else(no_rules)
}

/// A crisis the caller may know; 404 otherwise, without saying which.
pub(crate) async fn see(edge: &Edge, caller: Caller<'_>, id: CrisisId) -> Result<Crisis, Problem> {
    let crisis = store::read(&mut *edge.pool.acquire().await?, id).await?;
    crisis.filter(|crisis| caller.sees_crisis(&crisis.snapshot)).ok_or_else(|| Problem::not_found("Crise"))
}
