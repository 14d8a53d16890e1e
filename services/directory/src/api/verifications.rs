//! `/api/v1/directory/contacts/{id}/verifications`: a code is sent to a contact point, and comes back.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vigie_domain::directory::Recipient;
use vigie_platform::problem::{Problem, WriteProblems};
use vigie_proto::{Channel, ContactId, ProbeId, event::ProbePurpose};

use super::{Edge, authenticate, invalid, kept, readable, stored};
use crate::probe::{self, WRONG_CODES_AT_MOST};

/// A code on its way.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct VerificationView {
    pub(crate) id: ProbeId,
    contact: ContactId,
    channel: Channel,
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

/// The code that came back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeBody {
    /// Six digits; spaces do not count.
    pub(crate) code: String,
}

/// Send a code to a contact point.
#[utoipa::path(
    post, path = "/api/v1/directory/contacts/{id}/verifications", operation_id = "verification_begin", tag = "directory", params(("id" = ContactId, Path)),
    responses(
        (status = 201, description = "On its way", body = VerificationView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn begin(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<VerificationView>), Problem> {
    let caller = authenticate(&edge, &headers).await?;
    let missing = || Problem::not_found("Coordonnée");
    let id = ContactId::new(id).map_err(|_| missing())?;
    let Recipient { body, contact } = edge.city.directory.contact(&id).ok_or_else(missing)?;
    kept(&edge, caller, body.id.as_str())?;
    if contact.channel == Channel::Screen {
        return Err(invalid("", "Un écran est dans la maison : il ne se vérifie pas par un code."));
    }
    let now = edge.context.clock.now();
    let within = SignedDuration::from_hours(edge.context.config.directory.answer_within_h);
    let mut tx = edge.pool.begin().await.map_err(stored)?;
    let recipient = [Recipient { body, contact }];
    let issued = probe::issue(&mut tx, &recipient, ProbePurpose::Verification, None, within, now).await;
    let (ids, entries) = issued.map_err(stored)?;
    tx.commit().await.map_err(stored)?;
    edge.context.fresh.push(entries);
    let id = ids.into_iter().next().ok_or_else(Problem::unavailable)?;
    let view = VerificationView { id, contact: contact.id.clone(), channel: contact.channel, expires_at: now + within };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Give back the code that was received: the contact point is verified.
#[utoipa::path(
    post, path = "/api/v1/directory/verifications/{id}", operation_id = "verification_answer", tag = "directory", params(("id" = ProbeId, Path)),
    request_body = CodeBody,
    responses(
        (status = 204, description = "Verified"),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn answer(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<CodeBody>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let caller = authenticate(&edge, &headers).await?;
    let missing = || Problem::not_found("Vérification");
    let id = ProbeId(id.parse::<Uuid>().map_err(|_| missing())?);
    let body = readable(body)?;
    let code: String = body.code.chars().filter(|c| !c.is_whitespace()).collect();
    let now = edge.context.clock.now();
    let mut tx = edge.pool.begin().await.map_err(stored)?;
    let probe = probe::find(&mut tx, id).await.map_err(stored)?;
    let probe = probe.filter(|probe| probe.purpose == ProbePurpose::Verification).ok_or_else(missing)?;
    kept(&edge, caller, probe.body.as_str())?;
    if probe.answered {
        return Ok(StatusCode::NO_CONTENT);
    }
    if probe.expires_at <= now || probe.wrong_codes >= WRONG_CODES_AT_MOST {
        return Err(Problem::new(StatusCode::CONFLICT, "void", "Code périmé")
            .detail("Le délai est passé, ou trop de codes faux ont été donnés. Envoyez un nouveau code."));
    }
    if code != edge.signer.code(probe.id) {
        sqlx::query("update directory.probe set wrong_codes = wrong_codes + 1 where id = $1")
            .bind(probe.id.0)
            .execute(&mut *tx)
            .await
            .map_err(stored)?;
        tx.commit().await.map_err(stored)?;
        return Err(invalid("code", "Ce n'est pas le code qui a été envoyé."));
    }
    let entry = probe::answered(&mut tx, &probe, now).await.map_err(stored)?;
    tx.commit().await.map_err(stored)?;
    edge.context.fresh.push(entry.into_iter().collect());
    Ok(StatusCode::NO_CONTENT)
}
