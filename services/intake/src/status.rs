//! `GET /api/v1/signals/{id}`: what became of a signal. The contract owes reporters that return.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Serialize;
use sqlx::{PgPool, types::Json as SqlJson};
use uuid::Uuid;
use vigie_domain::{
    access::Caller,
    city::City,
    directory::{Sight, Source},
};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_proto::{BodyId, IncidentStatus, Kind, Severity, SignalId, event::IncidentSnapshot, plan::Owed};

use crate::Edge;

/// A signal as its reporter may see it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SignalView {
    pub signal_id: SignalId,
    pub reference: String,
    /// `received`, then `joined` once it belongs to an incident.
    pub state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    pub incident: Option<IncidentOfSignal>,
    /// Bodies told of the incident, each once. Bodies, not persons.
    pub told: Vec<BodyTold>,
    /// Bodies that have taken charge.
    pub acknowledged_by: Vec<BodyTold>,
    /// What is owed to the raiser, soonest first.
    pub returns: Vec<ReturnView>,
    /// When its reporter last said that it is over.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub said_over_at: Option<Timestamp>,
}

/// Something owed to the raiser of a signal.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ReturnView {
    /// What, in French.
    pub what: String,
    /// Who owes it: the French name of a role.
    pub by: String,
    /// `awaited`, `overdue`, `communicated` or `none-known`.
    pub state: String,
    /// When it is due at the latest; null while its clock has not started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// When it was given.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub given_at: Option<Timestamp>,
}

/// The incident a signal belongs to, in the least form.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct IncidentOfSignal {
    pub reference: String,
    pub status: IncidentStatus,
    /// The event's, for those who were told of it; else the signal's own.
    pub severity: Severity,
    pub sector_label: String,
    #[serde(skip)]
    pub opened_at: Timestamp,
}

/// A body, and since when.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct BodyTold {
    pub body: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What became of a signal; only its reporter, and those who see everything, may ask.
#[utoipa::path(
    get, path = "/api/v1/signals/{id}", operation_id = "signal_status", tag = "signals", params(("id" = SignalId, Path, description = "As answered with 202")),
    responses(
        (status = 200, description = "Where it stands", body = SignalView),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such signal for this caller", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn of_signal(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Json<SignalView>, Problem> {
    let caller = edge.caller(&presented)?;
    let missing = || Problem::not_found("Signalement");
    let id: Uuid = id.parse().map_err(|_| missing())?;
    find(&edge, caller, SignalId(id)).await?.map(Json).ok_or_else(missing)
}

/// The signal as `caller` may see it; none when it does not exist or is not its own.
pub(crate) async fn find(edge: &Edge, caller: Caller<'_>, id: SignalId) -> Result<Option<SignalView>, sqlx::Error> {
    let (pool, city, source) = (&edge.pool, &*edge.city, caller.source);
    let row = sqlx::query!(
        r#"select s.reference, s.source_id, s.received_at, s.kind, s.severity,
                i.snapshot as "snapshot?: SqlJson<IncidentSnapshot>", i.id as "incident_id?",
                exists (select from escalation.alert a where a.incident_id = i.id and a.body = $2) as "told!"
           from intake.signal s
           left join routing.incident_signal l on l.signal_id = s.id
           left join routing.incident i on i.id = l.incident_id
          where s.id = $1"#,
        id.0,
        source.body.as_str()
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let own = row.source_id == source.id.as_str();
    let incident = row.snapshot;
    let admitted = Kind::new(row.kind).is_ok_and(|kind| caller.party().may_know(city.doctrine.class_of(&kind)));
    let sees_all = admitted && caller.role.sees == Sight::Everything;
    if !own && !sees_all {
        return Ok(None);
    }
    // Whoever only reported knows its own estimate, not what others have made of the event.
    let knows =
        admitted && (sees_all || row.told) || incident.as_ref().is_some_and(|incident| caller.follows(incident, city));
    let estimate: Option<Severity> = row.severity.parse().ok();
    let (told, acknowledged_by, returns) = match row.incident_id {
        Some(incident) => (
            told(pool, city, incident).await?,
            acknowledged_by(pool, city, incident).await?,
            returns(pool, city, incident, edge.now).await?,
        ),
        None => (Vec::new(), Vec::new(), Vec::new()),
    };
    Ok(Some(SignalView {
        signal_id: id,
        reference: row.reference,
        state: if incident.is_some() { "joined" } else { "received" },
        received_at: row.received_at.to_jiff(),
        incident: incident.map(|SqlJson(i)| IncidentOfSignal {
            reference: i.reference,
            status: i.status,
            severity: estimate.filter(|_| !knows).unwrap_or(i.severity),
            sector_label: i.sector_label,
            opened_at: i.opened_at,
        }),
        told,
        acknowledged_by,
        returns,
        said_over_at: match row.incident_id {
            Some(incident) => said_over(pool, incident, source).await?,
            None => None,
        },
    }))
}

/// When `source` last said that the incident is over; the fact counts from when it is durable.
async fn said_over(pool: &PgPool, incident: Uuid, source: &Source) -> Result<Option<Timestamp>, sqlx::Error> {
    let at = sqlx::query_scalar!(
        "select max(recorded_at) from journal.entry
          where incident_id = $1 and type = 'vigie.act.recorded.v1'
            and data -> 'act' ->> 'did' = 'say-over' and data -> 'actor' ->> 'body' = $2",
        incident,
        source.body.as_str()
    )
    .fetch_one(pool)
    .await?;
    Ok(at.map(SqlTimestamp::to_jiff))
}

async fn returns(pool: &PgPool, city: &City, incident: Uuid, now: Timestamp) -> Result<Vec<ReturnView>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select owed as "owed: SqlJson<Owed>", outcome, given_at from routing.owed where incident_id = $1 and owed -> 'to' = '"raiser"'
          order by due_at nulls last, id"#,
        incident
    )
    .fetch_all(pool)
    .await?;
    let views = rows.into_iter().map(|row| {
        let SqlJson(owed) = row.owed;
        let overdue = owed.due_at.is_some_and(|due| due <= now);
        ReturnView {
            by: city.directory.role_label(&owed.by.role).to_owned(),
            state: row.outcome.unwrap_or_else(|| if overdue { "overdue" } else { "awaited" }.to_owned()),
            what: owed.what,
            due_at: owed.due_at,
            given_at: row.given_at.map(SqlTimestamp::to_jiff),
        }
    });
    Ok(views.collect())
}

async fn told(pool: &PgPool, city: &City, incident: Uuid) -> Result<Vec<BodyTold>, sqlx::Error> {
    let told = sqlx::query!(
        r#"select body, min(issued_at) as "at!" from escalation.alert where incident_id = $1 group by body order by 2, 1"#,
        incident
    );
    told.map(|row| body_told(city, row.body, row.at)).fetch_all(pool).await
}

async fn acknowledged_by(pool: &PgPool, city: &City, incident: Uuid) -> Result<Vec<BodyTold>, sqlx::Error> {
    let acknowledged = sqlx::query!(
        r#"select body, min(at) as "at!" from routing.acknowledgement where incident_id = $1 group by body order by 2, 1"#,
        incident
    );
    acknowledged.map(|row| body_told(city, row.body, row.at)).fetch_all(pool).await
}

fn body_told(city: &City, id: String, at: SqlTimestamp) -> BodyTold {
    let body = BodyId::new(id.as_str()).ok().and_then(|id| city.directory.body(&id));
    BodyTold { body: body.map_or(id, |body| body.name.clone()), at: at.to_jiff() }
}
