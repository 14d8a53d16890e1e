//! Acts on how an incident is conducted: refusing it, handing it over, its crisis regime, who else is brought in, and what
//! is owed because of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use vigie_domain::directory::Permission;
use vigie_platform::problem::Problem;
use vigie_proto::{
    BodyId, CrisisRegime, IncidentId, SectorId,
    event::{RefusalReason, ReturnOutcome},
};

use super::{allowed, answer, request::Request};
use crate::{
    Edge, caller,
    incidents::{IncidentView, parse_id},
};
use vigie_platform::problem::WriteProblems;

/// Refuses the incident.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusalBody {
    pub(crate) reason: RefusalReason,
}

/// Hands the incident over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandoverBody {
    /// The body that is asked to take it over.
    pub(crate) to: BodyId,
}

/// Sets the crisis regime.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegimeBody {
    pub(crate) regime: CrisisRegime,
}

/// Brings sectors in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvolvementBody {
    /// At least one; sectors or neighbouring communes.
    pub(crate) sectors: Vec<SectorId>,
}

/// Gives what is owed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnBody {
    /// Its id, as `GET /incidents/{id}` lists it.
    pub(crate) owed: String,
    pub(crate) outcome: ReturnOutcome,
}

/// Say that the body asked will not take charge; the circuit goes on as the doctrine says.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/refusals", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = RefusalBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn refuse(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<RefusalBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &headers, &id, Permission::Acknowledge).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    answer(&edge, caller, &seen, Request::Refuse(body)).await
}

/// Hand the incident over to another body: it is asked, and the circuits go on unless it takes charge in time.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/handovers", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = HandoverBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn hand_over(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<HandoverBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &headers, &id, Permission::Acknowledge).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    answer(&edge, caller, &seen, Request::HandOver(body)).await
}

/// Set the crisis regime: circuits of the new regime begin, those of the former end.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/regime", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = RegimeBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn set_regime(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<RegimeBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &headers, &id, Permission::SetRegime).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    answer(&edge, caller, &seen, Request::SetRegime(body)).await
}

/// Bring adjoining sectors or communes in: they are told, and see the incident.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/involvements", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = InvolvementBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn involve(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<InvolvementBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &headers, &id, Permission::Involve).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    answer(&edge, caller, &seen, Request::Involve(body)).await
}

/// Give what is owed because of the incident, also after it was closed.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/returns", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = ReturnBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn give_return(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<ReturnBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let caller = caller::authenticate(&edge, &headers).await?;
    let seen = caller::see(&edge, caller, parse_id(&id)?).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    answer(&edge, caller, &seen, Request::Return(body)).await
}
