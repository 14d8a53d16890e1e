//! Acts on how an incident is conducted: refusing it, handing it over, its crisis regime, who else is brought in, and what
//! is owed because of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use sqlx::types::Json as SqlJson;
use vigie_domain::{access::Caller, directory::Permission};
use vigie_platform::problem::{Fault, Problem};
use vigie_proto::{
    BodyId, CrisisRegime, IncidentId, SectorId,
    event::{Act, RefusalReason, ReturnOutcome},
    plan::Owed,
};

use super::{ActProblems, allowed, answer, forbidden};
use crate::{
    Edge, caller,
    incidents::{IncidentView, parse_id},
};

/// Refuses the incident.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusalBody {
    reason: RefusalReason,
}

/// Hands the incident over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandoverBody {
    /// The body that is asked to take it over.
    to: BodyId,
}

/// Sets the crisis regime.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegimeBody {
    regime: CrisisRegime,
}

/// Brings sectors in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvolvementBody {
    /// At least one; sectors or neighbouring communes.
    sectors: Vec<SectorId>,
}

/// Gives what is owed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnBody {
    /// Its id, as `GET /incidents/{id}` lists it.
    owed: String,
    outcome: ReturnOutcome,
}

/// Say that the body asked will not take charge; the circuit goes on as the doctrine says.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/refusals", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = RefusalBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), ActProblems)
)]
pub(crate) async fn refuse(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<RefusalBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &headers, &id, Permission::Acknowledge).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    answer(&edge, caller, &seen, Act::Refuse { reason: body.reason, alert_id: None }, None).await
}

/// Hand the incident over to another body: it is asked, and the circuits go on unless it takes charge in time.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/handovers", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = HandoverBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), ActProblems)
)]
pub(crate) async fn hand_over(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<HandoverBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &headers, &id, Permission::Acknowledge).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    let known = edge.city.directory.body(&body.to).is_some_and(|to| !to.contacts.is_empty());
    if !known || body.to == caller.source.body {
        return Err(invalid("to", "Donnez un autre service de l'annuaire, qui puisse être joint."));
    }
    answer(&edge, caller, &seen, Act::HandOver { to: body.to }, None).await
}

/// Set the crisis regime: circuits of the new regime begin, those of the former end.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/regime", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = RegimeBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), ActProblems)
)]
pub(crate) async fn set_regime(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<RegimeBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &headers, &id, Permission::SetRegime).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    answer(&edge, caller, &seen, Act::SetRegime { to: body.regime }, None).await
}

/// Bring adjoining sectors or communes in: they are told, and see the incident.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/involvements", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = InvolvementBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), ActProblems)
)]
pub(crate) async fn involve(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<InvolvementBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &headers, &id, Permission::Involve).await?;
    let Json(body) = body.map_err(|r| Problem::unreadable(&r))?;
    let unknown = body.sectors.iter().find(|id| edge.city.territory.sector(id).is_none());
    if body.sectors.is_empty() || unknown.is_some() {
        return Err(invalid("sectors", "Donnez au moins un secteur connu, par exemple paris-18 ou com-93066."));
    }
    answer(&edge, caller, &seen, Act::Involve { sectors: body.sectors }, None).await
}

/// Give what is owed because of the incident, also after it was closed.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/returns", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = ReturnBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), ActProblems)
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
    let owed = owed(&edge, seen.snapshot.id, &body.owed).await.map_err(|e| Problem::from_store(&e))?;
    let owed = owed.ok_or_else(|| invalid("owed", "Rien de ce nom n'est dû pour cet événement."))?;
    if !may_give(caller, &owed) {
        return Err(forbidden());
    }
    answer(&edge, caller, &seen, Act::Return { owed: body.owed, outcome: body.outcome }, None).await
}

/// Whoever owes it may give it, and whoever may close.
fn may_give(caller: Caller<'_>, owed: &Owed) -> bool {
    caller.source.role == owed.by.role || caller.may(Permission::Close)
}

/// What is owed under `id`.
pub(crate) async fn owed(edge: &Edge, incident: IncidentId, id: &str) -> Result<Option<Owed>, sqlx::Error> {
    let row: Option<SqlJson<Owed>> =
        sqlx::query_scalar("select owed from routing.owed where incident_id = $1 and id = $2")
            .bind(incident.0)
            .bind(id)
            .fetch_optional(&edge.pool)
            .await?;
    Ok(row.map(|SqlJson(owed)| owed))
}

fn invalid(field: &str, message: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Champs à corriger")
        .faults(vec![Fault::new(field, message)])
}
