//! Acts on how an incident is conducted: refusing it, handing it over, its crisis regime, who else is brought in, which
//! signals it is made of, and what is owed because of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    response::Response,
};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, WriteProblems},
};
use vigie_proto::IncidentId;

use super::{
    allowed, answer,
    body::{CallBody, HandoverBody, InvolvementBody, RefusalBody, RegimeBody, ReturnBody, SeparationBody},
    request::Request,
};
use crate::{Edge, incidents::IncidentView};

/// Say that the body asked will not take charge; the circuit goes on as the doctrine says.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/refusals", operation_id = "act_refuse", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = RefusalBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn refuse(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<RefusalBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::Refuse(body)).await
}

/// Hand the incident over to another body: it is asked, and the circuits go on unless it takes charge in time.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/handovers", operation_id = "act_hand_over", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = HandoverBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn hand_over(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<HandoverBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::HandOver(body)).await
}

/// Set the crisis regime: circuits of the new regime begin, those of the former end.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/regime", operation_id = "act_set_regime", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = RegimeBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn set_regime(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<RegimeBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::SetRegime(body)).await
}

/// Bring adjoining sectors or communes in: they are told, and see the incident.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/involvements", operation_id = "act_involve", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = InvolvementBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn involve(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<InvolvementBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::Involve(body)).await
}

/// Have a body asked now, whatever the plan says: one no message reached, or one the plan does not know.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/calls", operation_id = "act_call", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = CallBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn call(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<CallBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::Call(body)).await
}

/// Take out a signal that joined by mistake: it opens an incident of its own, whose people are told now.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/separations", operation_id = "act_separate", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = SeparationBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn separate(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<SeparationBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::Separate(body)).await
}

/// Take back what your body answered, that it takes charge or that it will not: it stands as if it had not answered.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/withdrawals", operation_id = "act_take_back", tag = "acts", params(("id" = IncidentId, Path)),
    security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn take_back(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    answer(&edge, caller, &seen, Request::TakeBack).await
}

/// Open again an incident that was closed by mistake, or began again, for as long after the closing as the doctrine says: what
/// the closing had stopped goes on.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/reopenings", operation_id = "act_reopen", tag = "acts", params(("id" = IncidentId, Path)),
    security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn reopen(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    answer(&edge, caller, &seen, Request::Reopen).await
}

/// Give what is owed because of the incident, also after it was closed.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/returns", operation_id = "act_give_return", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = ReturnBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn give_return(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<ReturnBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::Return(body)).await
}
