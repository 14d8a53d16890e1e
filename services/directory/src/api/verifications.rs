//! `/api/v1/directory/contacts/{id}/verifications`: a code is sent to a contact point, and comes back.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_domain::{
    access::Caller,
    city::CityFiles,
    directory::{Contact, Recipient, apply},
};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, WriteProblems},
};
use vigie_proto::{Channel, ContactId, ProbeId, event::ProbePurpose};

use super::{Edge, configurations::author, kept};
use crate::{
    along::Along,
    pending::{self, Pending},
    probe::{self, Cause, Probe, WRONG_CODES_AT_MOST},
    publication::{self, Demand, PublishError},
    reachability::address_digest,
};

/// Seconds after which asking for a code again may help.
const RETRY_AFTER_S: u64 = 3600;

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

/// Send a code to a contact point: to the address that waits for it, else to the one in force.
///
/// Codes are limited per address and per source, over 24 hours.
#[utoipa::path(
    post, path = "/api/v1/directory/contacts/{id}/verifications", operation_id = "verification_begin", tag = "directory", params(("id" = ContactId, Path)),
    responses(
        (status = 201, description = "On its way", body = VerificationView),
        (status = 429, description = "Too many codes in a day", body = Problem, content_type = "application/problem+json"),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn begin(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<VerificationView>), Problem> {
    let caller = edge.caller(&presented)?;
    let missing = || Problem::not_found("Coordonnée");
    let id = ContactId::new(id).map_err(|_| missing())?;
    let mut tx = edge.pool.begin().await?;
    let waiting = pending::find(&mut tx, &id).await?;
    let (body, contact) = if let Some(pending) = &waiting {
        (edge.city.directory.body(&pending.body).ok_or_else(missing)?, pending.as_contact())
    } else {
        let Recipient { body, contact } = edge.city.directory.contact(&id).ok_or_else(missing)?;
        (body, contact.clone())
    };
    kept(&edge, caller, body.id.as_str())?;
    if contact.channel == Channel::Screen {
        return Err(Problem::invalid("", "Un écran est dans la maison : il ne se vérifie pas par un code."));
    }
    let now = edge.context.clock.now();
    limited(&edge, &mut tx, caller, &contact, now).await?;
    let within = edge.config.answer_within();
    let recipient = Recipient { body, contact: &contact };
    let cause = Cause { purpose: ProbePurpose::Verification, drill: None, by: Some(&caller.source.id) };
    let issued = match waiting {
        Some(_) => probe::issue_elsewhere(&mut tx, recipient, cause, within, now).await,
        None => probe::issue(&mut tx, &[recipient], cause, within, now).await,
    };
    let (ids, entries) = issued?;
    tx.commit().await?;
    edge.context.fresh.push(entries);
    let id = ids.into_iter().next().ok_or_else(Problem::unavailable)?;
    let view = VerificationView { id, contact: contact.id.clone(), channel: contact.channel, expires_at: now + within };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Refuses a code too many: nobody is to be flooded, and nobody to try codes by the hundred.
async fn limited(
    edge: &Edge,
    tx: &mut PgConnection,
    caller: Caller<'_>,
    contact: &Contact,
    now: Timestamp,
) -> Result<(), Problem> {
    let limits = &edge.config;
    let (of_address, of_source) = probe::codes_of_the_day(tx, &contact.address, &caller.source.id, now).await?;
    let detail = if of_address >= i64::from(limits.codes_per_number_and_day) {
        format!("Cette coordonnée a déjà reçu {of_address} codes en vingt-quatre heures : réessayez demain.")
    } else if of_source >= i64::from(limits.codes_per_source_and_day) {
        format!("Vous avez déjà demandé {of_source} codes en vingt-quatre heures : réessayez demain.")
    } else {
        return Ok(());
    };
    tracing::warn!(source.id = %caller.source.id, contact.id = %contact.id, "too many codes were asked for");
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-codes", "Trop de codes en une journée")
        .detail(detail)
        .retry_after(RETRY_AFTER_S))
}

/// Give back the code that was received: the contact point is verified, and serves from now on if it waited for that.
#[utoipa::path(
    post, path = "/api/v1/directory/verifications/{id}", operation_id = "verification_answer", tag = "directory", params(("id" = ProbeId, Path)),
    request_body = CodeBody,
    responses(
        (status = 204, description = "Verified, and in force"),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn answer(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<CodeBody>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let caller = edge.caller(&presented)?;
    let missing = || Problem::not_found("Vérification");
    let id = ProbeId(id.parse::<Uuid>().map_err(|_| missing())?);
    let Json(body) = body?;
    let code: String = body.code.chars().filter(|c| !c.is_whitespace()).collect();
    let now = edge.context.clock.now();
    let mut tx = edge.pool.begin().await?;
    let probe = probe::find(&mut tx, id).await?;
    let probe = probe.filter(|probe| probe.purpose == ProbePurpose::Verification).ok_or_else(missing)?;
    kept(&edge, caller, probe.body.as_str())?;
    if probe.answered {
        return Ok(StatusCode::NO_CONTENT);
    }
    if probe.expires_at <= now || probe.wrong_codes >= WRONG_CODES_AT_MOST {
        return Err(void("Le délai est passé, ou trop de codes faux ont été donnés. Envoyez un nouveau code."));
    }
    if code != edge.signer.code(probe.id) {
        sqlx::query!("update directory.probe set wrong_codes = wrong_codes + 1 where id = $1", probe.id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        return Err(Problem::invalid("code", "Ce n'est pas le code qui a été envoyé."));
    }
    let went_to = |contact: &Contact| {
        contact.channel == probe.channel && address_digest(&contact.address) == probe.address_digest
    };
    let waiting = pending::find(&mut tx, &probe.contact).await?;
    let waiting = waiting.filter(|pending| pending.body == probe.body && went_to(&pending.as_contact()));
    let known = edge.city.directory.contact(&probe.contact);
    if let Some(pending) = waiting {
        // The proof takes a while: others must not wait for this row meanwhile.
        tx.rollback().await?;
        return serve(&edge, caller, pending, probe).await;
    }
    if !known.is_some_and(|known| went_to(known.contact)) {
        return Err(void("La coordonnée a changé depuis que ce code est parti. Envoyez un nouveau code."));
    }
    let entry = probe::answered(&mut tx, &probe, now).await?;
    tx.commit().await?;
    edge.context.fresh.push(entry.into_iter().collect());
    Ok(StatusCode::NO_CONTENT)
}

/// Puts the contact point in force in the name of whoever entered it, and tells its predecessor.
async fn serve(edge: &Edge, caller: Caller<'_>, pending: Pending, probe: Probe) -> Result<StatusCode, Problem> {
    let directory = &edge.city.directory;
    let keeper = directory.source(&pending.by).and_then(|source| Caller::of(source, directory)).unwrap_or(caller);
    // Its note was judged when it was given.
    let author = author(keeper, pending.note.as_deref(), true)?;
    let former = directory.contact(&pending.contact).filter(|known| known.contact.channel != Channel::Screen);
    let territory = Arc::clone(&edge.city.territory);
    let edits = [pending.edit()];
    let change = |present: Option<CityFiles>| {
        let mut files = present.ok_or(PublishError::NothingInForce)?;
        files.directory = apply(&files.directory, &edits, &territory).map_err(PublishError::Edits)?;
        Ok(files)
    };
    let along = Along {
        forgotten: vec![pending.contact.clone()],
        former: former.into_iter().collect(),
        within: edge.config.answer_within(),
        proven: Some(probe),
        ..Along::default()
    };
    let clock = edge.context.clock.as_ref();
    let published =
        publication::publish_edits(&edge.pool, change, Demand::NoWorse, &author, (&along, false), clock).await?;
    edge.context.fresh.push(published.entries);
    Ok(StatusCode::NO_CONTENT)
}

fn void(detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "void", "Code périmé").detail(detail)
}
