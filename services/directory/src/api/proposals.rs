//! `/api/v1/configurations/proposals`: changes of who may do what wait here for a second administrator.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::{access::Caller, directory::Permission};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems, WriteProblems},
};
use vigie_proto::SourceId;

use super::{
    Edge,
    configurations::{PublicationView, auditor, author, in_force},
};
use crate::{
    proposal::{self, FileLines, Proposal},
    publication::{self, PublishError},
    version,
};

/// Proposals listed: those that wait, then the last decided.
const LISTED: i64 = 100;

/// A proposal, as whoever decides reads it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ProposalView {
    pub(crate) proposal: i64,
    pub(crate) touches: Vec<String>,
    pub(crate) state: proposal::State,
    /// The source that proposed it; it cannot approve.
    #[schema(value_type = String)]
    pub(crate) by: SourceId,
    #[schema(value_type = String)]
    pub(crate) at: Timestamp,
    pub(crate) note: Option<String>,
    /// It takes an earlier version back.
    pub(crate) rolled_back: bool,
    /// Hashes of what was in force when it was made.
    base: BTreeMap<String, String>,
    /// Files it changes.
    pub(crate) files: Vec<String>,
    /// What it changes in what is in force now; only of one that waits.
    pub(crate) changes: Vec<FileLines>,
    pub(crate) decided_by: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(crate) decided_at: Option<Timestamp>,
}

/// Proposals: those that wait first, then the last decided.
#[utoipa::path(
    get, path = "/api/v1/configurations/proposals", operation_id = "proposal_list", tag = "directory",
    responses(
        (status = 200, description = "At most 100", body = Vec<ProposalView>),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
) -> Result<Json<Vec<ProposalView>>, Problem> {
    auditor(&edge, &presented)?;
    views(&edge).await.map(Json)
}

/// What there is to decide, and what was.
pub(crate) async fn views(edge: &Edge) -> Result<Vec<ProposalView>, Problem> {
    let proposals = proposal::list(&edge.pool, LISTED).await?;
    let present = {
        let mut connection = edge.pool.acquire().await?;
        version::in_force(&mut connection).await?
    };
    let view = |proposal: Proposal| ProposalView {
        files: proposal.files(),
        changes: match (&present, proposal.state) {
            (Some(present), proposal::State::Waiting) => proposal.lines(present),
            _ => Vec::new(),
        },
        proposal: proposal.id,
        touches: proposal.touches,
        state: proposal.state,
        by: proposal.by,
        at: proposal.at,
        note: proposal.note,
        rolled_back: proposal.rolled_back,
        base: proposal.base,
        decided_by: proposal.decided_by,
        decided_at: proposal.decided_at,
    };
    Ok(proposals.into_iter().map(view).collect())
}

/// Approve a proposal: it is proved on what is in force now, and in force everywhere at once.
///
/// Never by the source that made it. 409 when what it changes, or who may do what, has changed meanwhile: propose it again.
#[utoipa::path(
    post, path = "/api/v1/configurations/proposals/{id}/approval", operation_id = "proposal_approve", tag = "directory", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "In force", body = PublicationView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn approve(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Json<PublicationView>, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    approved(&edge, caller, &id).await
}

/// The same, for whoever is known already.
pub(crate) async fn approved(edge: &Edge, caller: Caller<'_>, id: &str) -> Result<Json<PublicationView>, Problem> {
    let id = number(id)?;
    let author = author(caller, None, false)?;
    let published = publication::approve(&edge.pool, id, &author, edge.context.clock.as_ref()).await;
    Ok(in_force(edge, published?, true))
}

/// Give a proposal up: whoever made it, or another administrator.
#[utoipa::path(
    delete, path = "/api/v1/configurations/proposals/{id}", operation_id = "proposal_withdraw", tag = "directory", params(("id" = i64, Path)),
    responses(
        (status = 204, description = "Nothing waits any more"),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn withdraw(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    withdrawn(&edge, caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same, for whoever is known already.
pub(crate) async fn withdrawn(edge: &Edge, caller: Caller<'_>, id: &str) -> Result<(), Problem> {
    let id = number(id)?;
    let now = edge.context.clock.now();
    let entry = proposal::withdraw(&edge.pool, id, &caller.source.id, now).await?;
    let Some(entry) = entry else {
        let known = proposal::find(&edge.pool, id).await?.is_some();
        return Err(if known { PublishError::Decided } else { PublishError::NoProposal }.into());
    };
    edge.context.fresh.push(vec![entry]);
    Ok(())
}

fn number(id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_| PublishError::NoProposal.into())
}
