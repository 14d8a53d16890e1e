//! `/api/v1/directory/bodies/{id}/shifts` and calendars to subscribe to: who is on duty from when to when.

use std::sync::Arc;

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use serde::{Deserialize, Serialize};
use vigie_domain::directory::{Body, Gap, Shift, calendar, duty_channels, gaps, shifts};
use vigie_edge::{
    credential::{Presented, Purpose, digest, fresh_secret},
    problem::{Problem, ReadProblems, WriteProblems},
};
use vigie_proto::BodyId;

use super::{Edge, kept};

/// Days shown when no end is given, and at most.
const DAYS: i64 = 30;
const DAYS_AT_MOST: i64 = 366;
/// Days ahead that a calendar holds.
const CALENDAR_DAYS: i64 = 366;

/// Which period to show.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Period {
    /// RFC 3339; now when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "vigie_edge::moment::within_reach")]
    from: Option<Timestamp>,
    /// RFC 3339, at most 366 days later; 30 days later when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "vigie_edge::moment::within_reach")]
    until: Option<Timestamp>,
}

/// Who is on duty, and where nobody will be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DutyView {
    /// By functions: a position, never a person.
    #[schema(value_type = Vec<Object>)]
    shifts: Vec<Shift>,
    /// Stretches in which an alert would not reach whoever is first on duty.
    #[schema(value_type = Vec<Object>)]
    gaps: Vec<Gap>,
}

/// A calendar to subscribe to.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedBody {
    /// One duty position; the whole roster when absent.
    pub(crate) position: Option<String>,
}

/// Where it is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FeedView {
    /// Secret: whoever has it reads this calendar. Shown once.
    pub(crate) url: String,
}

/// Who is on duty from when to when, and the holes of the roster.
#[utoipa::path(
    get, path = "/api/v1/directory/bodies/{id}/shifts", operation_id = "duty_of_body", tag = "directory", params(("id" = BodyId, Path), Period),
    responses(
        (status = 200, description = "In order of their beginning, then of rank", body = DutyView),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn of_body(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    period: Result<Query<Period>, QueryRejection>,
) -> Result<Json<DutyView>, Problem> {
    let caller = edge.caller(&presented)?;
    let body = kept(&edge, caller, &id)?;
    let Query(period) = period?;
    let from = period.from.unwrap_or_else(|| edge.context.clock.now());
    let until = period.until.unwrap_or(from + days(DAYS));
    if until <= from || until.duration_since(from) > days(DAYS_AT_MOST) {
        return Err(Problem::invalid("until", format!("Après le début, et au plus {DAYS_AT_MOST} jours plus tard.")));
    }
    Ok(Json(DutyView { shifts: shifts(body, from, until), gaps: gaps(body, &duty_channels(body), from, until) }))
}

/// A calendar of the duty to subscribe to, for whoever holds its secret address.
#[utoipa::path(
    post, path = "/api/v1/directory/bodies/{id}/feeds", operation_id = "duty_subscribe", tag = "directory", params(("id" = BodyId, Path)),
    request_body = FeedBody,
    responses(
        (status = 201, description = "Its address, shown once", body = FeedView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn subscribe(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    asked: Result<Json<FeedBody>, JsonRejection>,
) -> Result<(StatusCode, Json<FeedView>), Problem> {
    let caller = edge.caller(&presented)?;
    let body = kept(&edge, caller, &id)?;
    let Json(FeedBody { position }) = asked?;
    let order = body.roster.as_ref().map(|roster| roster.order.as_slice()).unwrap_or_default();
    if order.is_empty() {
        return Err(Problem::invalid("", "Ce service n'a pas de tour d'astreinte."));
    }
    if position.as_ref().is_some_and(|position| !order.contains(position)) {
        return Err(Problem::invalid("position", format!("Le tableau de ce service connaît : {}.", order.join(", "))));
    }
    let secret = fresh_secret(Purpose::Feed);
    sqlx::query!(
        "insert into directory.feed (digest, body, position, created_at, created_by) values ($1, $2, $3, $4, $5)",
        digest(&secret),
        body.id.as_str(),
        position,
        edge.context.clock.now().to_sqlx(),
        caller.source.id.as_str()
    )
    .execute(&edge.pool)
    .await?;
    let url = format!("{}/astreintes/{secret}.ics", edge.context.config.http.public_url);
    Ok((StatusCode::CREATED, Json(FeedView { url })))
}

/// Make every calendar of a body unreadable.
#[utoipa::path(
    delete, path = "/api/v1/directory/bodies/{id}/feeds", operation_id = "duty_revoke", tag = "directory", params(("id" = BodyId, Path)),
    responses(
        (status = 204, description = "None of its addresses works any more"),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn revoke(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = edge.caller(&presented)?;
    let body = kept(&edge, caller, &id)?;
    sqlx::query!(
        "update directory.feed set revoked_at = $2 where body = $1 and revoked_at is null",
        body.id.as_str(),
        edge.context.clock.now().to_sqlx()
    )
    .execute(&edge.pool)
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /astreintes/{secret}.ics`: what a calendar program reads.
pub(crate) async fn calendar(State(edge): State<Arc<Edge>>, Path(file): Path<String>) -> Result<Response, Problem> {
    let missing = || Problem::not_found("Calendrier");
    let secret = file.strip_suffix(".ics").ok_or_else(missing)?;
    let feed = sqlx::query!(
        "select body, position from directory.feed where digest = $1 and revoked_at is null",
        digest(secret)
    )
    .fetch_optional(&edge.pool)
    .await?
    .ok_or_else(missing)?;
    let body = BodyId::new(feed.body).ok().and_then(|id| edge.city.directory.body(&id)).ok_or_else(missing)?;
    Ok(shown(body, feed.position.as_deref(), edge.context.clock.now()))
}

fn shown(body: &Body, position: Option<&str>, now: Timestamp) -> Response {
    let text = calendar::export(body, position, now, now + days(CALENDAR_DAYS), now);
    let headers =
        [(header::CONTENT_TYPE, "text/calendar; charset=utf-8"), (header::CACHE_CONTROL, "private, no-cache")];
    (headers, text).into_response()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}
