//! What people do to an incident: recorded here as a fact, applied by its owner.

pub(crate) mod body;
pub(crate) mod conduct;
pub(crate) mod request;

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff_sqlx::ToSqlx;
use serde::Deserialize;
use serde_json::json;
use sqlx::types::Json as SqlJson;
use vigie_domain::access::Caller;
use vigie_edge::{
    credential::Presented,
    problem::{Problem, WriteProblems},
};
use vigie_platform::{ids, journal, journal::Entry, telemetry};
use vigie_proto::{
    ActId, IncidentId, Severity,
    event::{Act, ActRecordedV1, Actor, ClosingReason, Event, IncidentSnapshot, Rejection},
    sensitivity::{Sensitive, Sensitivity},
};

use self::request::{Request, carry_out};
use crate::{
    Edge,
    caller::{self, Seen},
    incidents::{IncidentView, parse_id},
};

/// How long an edge waits for the owner's answer.
const WAIT: Duration = Duration::from_secs(1);

/// What became of an act within the time an edge waits.
#[derive(Debug)]
pub(crate) enum Outcome {
    Applied(Box<IncidentSnapshot>),
    Rejected(Rejection),
    /// Durable, not applied yet.
    Recorded,
}

/// Records an act and waits a moment for its result.
pub(crate) async fn perform(
    edge: &Edge,
    incident_id: IncidentId,
    actor: Actor,
    act: Act,
    text: Option<&str>,
) -> Result<Outcome, sqlx::Error> {
    let now = edge.context.clock.now();
    let mut live = edge.live.listen();
    let recorded = ActRecordedV1 { act_id: ActId(ids::fresh()), incident_id, actor, act, at: now };
    let event = Event::from(recorded.clone());
    let entry = Entry::new("console", &event, now, None, Some(telemetry::fresh_traceparent()));
    let cause = entry.envelope.id;
    let mut tx = edge.pool.begin().await?;
    let through = serde_json::to_value(recorded.actor.through).unwrap_or_default();
    sqlx::query!(
        "insert into console.act (id, incident_id, body, role, through, did, text, at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        recorded.act_id.0,
        incident_id.0,
        recorded.actor.body.as_str(),
        recorded.actor.role.as_str(),
        through.as_str().unwrap_or("api"),
        SqlJson(&recorded.act),
        text,
        now.to_sqlx()
    )
        .execute(&mut *tx)
        .await?;
    journal::append(&mut tx, std::slice::from_ref(&entry)).await?;
    tx.commit().await?;
    edge.context.fresh.push(vec![entry]);

    let answer = async {
        loop {
            match live.recv().await {
                Ok(entry) if entry.1.envelope.cause == Some(cause) => {
                    if let Some(outcome) = outcome_of(&entry.1) {
                        return outcome;
                    }
                }
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return Outcome::Recorded,
            }
        }
    };
    Ok(tokio::time::timeout(WAIT, answer).await.unwrap_or(Outcome::Recorded))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only outcomes of acts matter here")]
fn outcome_of(entry: &Entry) -> Option<Outcome> {
    match Event::decode(&entry.envelope.type_name, &entry.data).ok()? {
        Event::IncidentAcknowledged(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentSeen(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentNoted(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentAggravated(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentEased(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentClosed(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentReplanned(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentRefused(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentHandedOver(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentCalled(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentSeparated(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentTakenBack(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::IncidentReopened(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::ReturnGiven(e) => Some(Outcome::Applied(Box::new(e.incident))),
        Event::ActRejected(e) => Some(Outcome::Rejected(e.why)),
        _ => None,
    }
}

/// Has read it.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeenBody {
    /// Version under the person's eyes; the present one when absent.
    pub(crate) version: Option<u32>,
}

/// Takes charge of the incident.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcknowledgementBody {
    /// Version under the person's eyes; the present one when absent.
    pub(crate) version: Option<u32>,
}

/// Adds a note.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteBody {
    /// 1 to 500 characters, without names.
    pub(crate) text: String,
    /// It names nobody: a text that seems to is refused until this says so.
    #[serde(default)]
    pub(crate) sure: bool,
}

/// Changes the severity.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeverityBody {
    pub(crate) severity: Severity,
    /// 500 characters at most, without names.
    pub(crate) reason: Option<String>,
    /// The reason names nobody: one that seems to is refused until this says so.
    #[serde(default)]
    pub(crate) sure: bool,
}

/// Closes the incident.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolutionBody {
    pub(crate) reason: ClosingReason,
    /// 500 characters at most, without names.
    pub(crate) note: Option<String>,
    /// The note names nobody: one that seems to is refused until this says so.
    #[serde(default)]
    pub(crate) sure: bool,
}

/// « Vu »: the body has read it. It is a fact, and stops nothing.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/seen", operation_id = "act_see", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = SeenBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn see(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<SeenBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let body = match body {
        Ok(Json(body)) => body,
        // No body at all: what stands now was seen.
        Err(JsonRejection::MissingJsonContentType(_)) => SeenBody::default(),
        Err(rejection) => return Err(rejection.into()),
    };
    answer(&edge, caller, &seen, Request::See(body)).await
}

/// Take charge: stops the escalation as the doctrine says.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/acknowledgements", operation_id = "act_acknowledge", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = AcknowledgementBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn acknowledge(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<AcknowledgementBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let body = match body {
        Ok(Json(body)) => body,
        // No body at all is an acknowledgement of what stands now.
        Err(JsonRejection::MissingJsonContentType(_)) => AcknowledgementBody::default(),
        Err(rejection) => return Err(rejection.into()),
    };
    answer(&edge, caller, &seen, Request::Acknowledge(body)).await
}

/// Add a note; its text stays with those who may read it.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/notes", operation_id = "act_note", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = NoteBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn note(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<NoteBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::Note(body)).await
}

/// Change the severity. Higher: everybody is asked again. Lower: the milder plan takes over.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/severity", operation_id = "act_severity", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = SeverityBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn severity(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<SeverityBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::ChangeSeverity(body)).await
}

/// Close the incident with a reason: nothing more is told.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/resolution", operation_id = "act_resolution", tag = "acts", params(("id" = IncidentId, Path)),
    request_body = ResolutionBody, security(("token" = [])),
    responses((status = 200, description = "Applied", body = IncidentView), (status = 202, description = "Recorded, not applied yet"), WriteProblems)
)]
pub(crate) async fn resolution(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<ResolutionBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let (caller, seen) = allowed(&edge, &presented, &id).await?;
    let Json(body) = body?;
    answer(&edge, caller, &seen, Request::Close(body)).await
}

/// The caller and the incident, when it may know it; what it may do there, the policy says once the act is known.
async fn allowed<'a>(edge: &'a Edge, presented: &Presented, id: &str) -> Result<(Caller<'a>, Seen), Problem> {
    let caller = edge.caller(presented)?;
    let (seen, _) = caller::see(edge, caller, parse_id(id)?).await?;
    Ok((caller, seen))
}

async fn answer(edge: &Edge, caller: Caller<'_>, seen: &Seen, request: Request) -> Result<Response, Problem> {
    match carry_out(edge, caller, seen, request).await? {
        Outcome::Applied(snapshot) => {
            let position = seen.position(edge, caller.party());
            let clearance = position.and_then(|position| position.clearance()).unwrap_or(Sensitivity::Public);
            let shown = caller.shown(&snapshot, clearance, &edge.city);
            Ok(Json(IncidentView::from(shown).redacted(clearance)).into_response())
        }
        Outcome::Recorded => Ok((StatusCode::ACCEPTED, Json(json!({ "state": "recorded" }))).into_response()),
        Outcome::Rejected(why) => Err(rejected(why)),
    }
}

/// Why an act had no effect, for people.
pub(crate) fn rejected(why: Rejection) -> Problem {
    let (code, detail) = match why {
        Rejection::Closed => ("closed", "L'événement est clos."),
        Rejection::Stale => {
            ("stale", "L'événement s'est aggravé depuis : relisez-le, puis prenez-le à nouveau en compte.")
        }
        Rejection::Unchanged => ("unchanged", "L'événement est déjà ainsi."),
        Rejection::ReturnOwed => (
            "return-owed",
            "Un retour est encore dû : donnez-le, ou dites qu'aucune suite n'est connue, puis clôturez.",
        ),
        Rejection::NotOwed => ("not-owed", "Ce retour n'est pas dû, ou il a déjà été donné."),
        Rejection::OutcomeNeeded => ("outcome-needed", "« Sans suite connue » n'est pas admis pour ce retour."),
        Rejection::NotInCharge => ("not-in-charge", "Seul un service qui a pris l'événement en compte peut le passer."),
        Rejection::NotJoined => ("not-joined", "Ce signalement n'est pas, ou plus, rattaché à cet événement."),
        Rejection::OpenedByIt => (
            "opened-by-it",
            "Ce signalement a ouvert l'événement : séparez les autres, ou clôturez l'événement s'il n'a pas lieu d'être.",
        ),
        Rejection::FromTheFuture => {
            ("from-the-future", "Cette version de l'événement n'existe pas encore : actualisez.")
        }
        Rejection::Unanswered => (
            "unanswered",
            "Tous ceux qui devaient répondre ne l'ont pas fait : seule la salle de commandement peut clore ou abaisser.",
        ),
        Rejection::NotClosed => ("not-closed", "L'événement n'est pas clos."),
        Rejection::TooLate => {
            ("too-late", "L'événement est clos depuis trop longtemps pour être rouvert : signalez ce qui recommence.")
        }
        Rejection::NothingSaid => ("nothing-said", "Votre service n'a pas de réponse en cours à retirer."),
        Rejection::NotAllowed => return Problem::not_allowed(),
        Rejection::UnknownIncident => return Problem::not_found("Événement"),
    };
    Problem::new(StatusCode::CONFLICT, code, "Acte sans effet").detail(detail)
}
