//! Who is calling, what they see.

use axum::http::HeaderMap;
use sqlx::{PgPool, Row, types::Json};
use vigie_domain::access::Caller;
use vigie_platform::problem::Problem;
use vigie_proto::{IncidentId, event::IncidentSnapshot};

use crate::Edge;

/// The caller whose bearer token the request carries.
pub(crate) async fn authenticate<'a>(edge: &'a Edge, headers: &HeaderMap) -> Result<Caller<'a>, Problem> {
    let id = edge.context.authenticator.authenticate(headers, edge.context.clock.now()).await?;
    let source = edge.city.directory.source(&id).ok_or_else(Problem::unauthenticated)?;
    Caller::of(source, &edge.city.directory).ok_or_else(Problem::unauthenticated)
}

/// An incident with the version a person is asked to acknowledge.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) snapshot: IncidentSnapshot,
    pub(crate) asked_version: u32,
}

/// The incident, when it exists and the caller may know it; 404 otherwise, without saying which.
pub(crate) async fn see(edge: &Edge, caller: Caller<'_>, id: IncidentId) -> Result<Seen, Problem> {
    let row = sqlx::query(
        "select i.snapshot, i.asked_version,
                exists (select from routing.incident_signal l join intake.signal s on s.id = l.signal_id
                         where l.incident_id = i.id and s.source_id = $2) as own
           from routing.incident i where i.id = $1",
    )
    .bind(id.0)
    .bind(caller.source.id.as_str())
    .fetch_optional(&edge.pool)
    .await
    .map_err(|e| Problem::from_store(&e))?;
    let missing = || Problem::not_found("Événement");
    let row = row.ok_or_else(missing)?;
    let seen = read(&row).map_err(|e| Problem::from_store(&e))?;
    let own: bool = row.try_get("own").map_err(|e| Problem::from_store(&e))?;
    if caller.sees(&seen.snapshot, own) { Ok(seen) } else { Err(missing()) }
}

/// The incident whoever asks; for bearers of a signed link.
pub(crate) async fn incident(pool: &PgPool, id: IncidentId) -> Result<Option<Seen>, sqlx::Error> {
    let row = sqlx::query("select snapshot, asked_version from routing.incident where id = $1")
        .bind(id.0)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Seen, sqlx::Error> {
    Ok(Seen {
        snapshot: row.try_get::<Json<IncidentSnapshot>, _>("snapshot")?.0,
        asked_version: row.try_get::<i32, _>("asked_version")?.unsigned_abs(),
    })
}
