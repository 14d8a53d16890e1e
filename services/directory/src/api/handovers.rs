//! `/api/v1/directory/bodies/{id}/handovers`: whoever leaves duty tells the next what there is to know.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use vigie_domain::{access::Caller, directory::Body};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems, WriteProblems, written},
};
use vigie_platform::{ids, journal, journal::Entry};
use vigie_proto::{
    BodyId,
    event::{DutyHandedOverV1, Event},
};

use super::{Edge, kept};

/// Hand-overs shown, newest first.
const SHOWN: i64 = 50;

/// A hand-over of duty.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandoverBody {
    /// Duty position that leaves.
    from: String,
    /// Duty position that takes over.
    to: String,
    /// What the next must know: 1 to 500 characters, no names. Read by this body only.
    note: String,
    /// The note names nobody: one that seems to is refused until this says so.
    #[serde(default)]
    sure: bool,
}

/// A hand-over as it was recorded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct HandoverView {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) note: String,
    #[schema(value_type = String)]
    pub(crate) at: Timestamp,
}

/// Record a hand-over with its note.
#[utoipa::path(
    post, path = "/api/v1/directory/bodies/{id}/handovers", operation_id = "duty_hand_over", tag = "directory", params(("id" = BodyId, Path)),
    request_body = HandoverBody,
    responses(
        (status = 201, description = "Recorded", body = HandoverView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn hand_over(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<HandoverBody>, JsonRejection>,
) -> Result<(StatusCode, Json<HandoverView>), Problem> {
    let caller = edge.caller(&presented)?;
    let kept = kept(&edge, caller, &id)?;
    let Json(body) = body?;
    let positions = kept.roster.as_ref().map(|roster| roster.order.as_slice()).unwrap_or_default();
    for (field, position) in [("from", &body.from), ("to", &body.to)] {
        if !positions.contains(position) {
            return Err(Problem::invalid(
                field,
                format!("Le tableau de ce service connaît : {}.", positions.join(", ")),
            ));
        }
    }
    let note = written("note", &body.note, body.sure)?
        .ok_or_else(|| Problem::invalid("note", "Dites ce qu'il faut savoir."))?;
    let now = edge.context.clock.now();
    let handed = DutyHandedOverV1 { body: kept.id.clone(), from: body.from, to: body.to, by: caller.actor(), at: now };
    let entry = Entry::new("directory", &Event::from(handed.clone()), now, None, None);
    let mut tx = edge.pool.begin().await?;
    sqlx::query!(
        "insert into directory.handover (id, body, from_position, to_position, note, at, by_source) values ($1, $2, $3, $4, $5, $6, $7)",
        ids::fresh(),
        handed.body.as_str(),
        &handed.from,
        &handed.to,
        &note,
        now.to_sqlx(),
        caller.source.id.as_str()
    )
        .execute(&mut *tx)
        .await?;
    journal::append(&mut tx, std::slice::from_ref(&entry)).await?;
    tx.commit().await?;
    edge.context.fresh.push(vec![entry]);
    Ok((StatusCode::CREATED, Json(HandoverView { from: handed.from, to: handed.to, note, at: now })))
}

/// The last hand-overs of a body, newest first: for the body itself, whoever else administers it.
#[utoipa::path(
    get, path = "/api/v1/directory/bodies/{id}/handovers", operation_id = "duty_handovers", tag = "directory", params(("id" = BodyId, Path)),
    responses(
        (status = 200, description = "At most 50", body = Vec<HandoverView>),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Json<Vec<HandoverView>>, Problem> {
    let caller = edge.caller(&presented)?;
    let kept = kept(&edge, caller, &id)?;
    if !reads_notes(caller, kept) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "not-allowed", "Relèves réservées à ce service").detail(
            "Une note de relève n'est lue que par le service qui l'a écrite, pas par qui administre l'annuaire.",
        ));
    }
    let handovers = sqlx::query!(
        "select from_position, to_position, note, at from directory.handover where body = $1 order by at desc limit $2",
        kept.id.as_str(),
        SHOWN
    );
    let view = handovers.map(|row| HandoverView {
        from: row.from_position,
        to: row.to_position,
        note: row.note,
        at: row.at.to_jiff(),
    });
    Ok(Json(view.fetch_all(&edge.pool).await?))
}

/// Whether the caller reads what was left for the next on duty: only as a source of the body itself.
pub(crate) fn reads_notes(caller: Caller<'_>, body: &Body) -> bool {
    caller.source.body == body.id
}

/// When the last hand-overs of a body were, newest first: all that whoever administers is told of them.
pub(crate) async fn times(pool: &PgPool, body: &BodyId) -> Result<Vec<Timestamp>, sqlx::Error> {
    let times = sqlx::query_scalar!(
        "select at from directory.handover where body = $1 order by at desc limit $2",
        body.as_str(),
        SHOWN
    )
    .fetch_all(pool)
    .await?;
    Ok(times.into_iter().map(SqlTimestamp::to_jiff).collect())
}
