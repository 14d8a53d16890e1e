//! What became of incidents, as far as those who reported them are told: in so many statements, however many incidents.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Serialize;
use sqlx::{PgPool, types::Json as SqlJson};
use uuid::Uuid;
use vigie_domain::{city::City, directory::Source};
use vigie_proto::{BodyId, plan::Owed};

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

/// A body, and since when.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct BodyTold {
    pub body: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What became of one incident, for a source that reported it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fate {
    pub(crate) told: Vec<BodyTold>,
    pub(crate) acknowledged_by: Vec<BodyTold>,
    pub(crate) returns: Vec<ReturnView>,
    pub(crate) said_over_at: Option<Timestamp>,
}

/// What became of `incidents`; nothing yet of those that are not in the answer.
pub(crate) async fn fates(
    pool: &PgPool,
    city: &City,
    source: &Source,
    incidents: &[Uuid],
    now: Timestamp,
) -> Result<HashMap<Uuid, Fate>, sqlx::Error> {
    let mut fates: HashMap<Uuid, Fate> = HashMap::new();
    if incidents.is_empty() {
        return Ok(fates);
    }
    let told = sqlx::query!(
        r#"select incident_id, body, min(issued_at) as "at!" from escalation.alert where incident_id = any($1)
            group by 1, 2 order by 3, 2"#,
        incidents as _
    );
    for row in told.fetch_all(pool).await? {
        fates.entry(row.incident_id).or_default().told.push(body_told(city, row.body, row.at));
    }
    // Whoever let go of it since, or took charge of what was less grave, has it no more.
    let acknowledged = sqlx::query!(
        r#"select a.incident_id, a.body, min(a.at) as "at!"
             from routing.acknowledgement a join routing.incident i on i.id = a.incident_id
            where a.incident_id = any($1) and a.body = any(i.in_charge) group by 1, 2 order by 3, 2"#,
        incidents as _
    );
    for row in acknowledged.fetch_all(pool).await? {
        fates.entry(row.incident_id).or_default().acknowledged_by.push(body_told(city, row.body, row.at));
    }
    let owed = sqlx::query!(
        r#"select incident_id, owed as "owed: SqlJson<Owed>", outcome, given_at from routing.owed
            where incident_id = any($1) and owed -> 'to' = '"raiser"' order by due_at nulls last, id"#,
        incidents as _
    );
    for row in owed.fetch_all(pool).await? {
        let owed = return_view(city, row.owed.0, row.outcome, row.given_at.map(SqlTimestamp::to_jiff), now);
        fates.entry(row.incident_id).or_default().returns.push(owed);
    }
    // The fact counts from when it is durable.
    let over = sqlx::query!(
        r#"select incident_id as "incident_id!", max(recorded_at) as "at!" from journal.entry
            where incident_id = any($1) and type = 'vigie.act.recorded.v1'
              and data -> 'act' ->> 'did' = 'say-over' and data -> 'actor' ->> 'body' = $2
            group by 1"#,
        incidents as _,
        source.body.as_str()
    );
    for row in over.fetch_all(pool).await? {
        fates.entry(row.incident_id).or_default().said_over_at = Some(row.at.to_jiff());
    }
    Ok(fates)
}

fn return_view(
    city: &City,
    owed: Owed,
    outcome: Option<String>,
    given_at: Option<Timestamp>,
    now: Timestamp,
) -> ReturnView {
    let overdue = owed.due_at.is_some_and(|due| due <= now);
    ReturnView {
        by: city.directory.role_label(&owed.by.role).to_owned(),
        state: outcome.unwrap_or_else(|| if overdue { "overdue" } else { "awaited" }.to_owned()),
        what: owed.what,
        due_at: owed.due_at,
        given_at,
    }
}

fn body_told(city: &City, id: String, at: SqlTimestamp) -> BodyTold {
    let body = BodyId::new(id.as_str()).ok().and_then(|id| city.directory.body(&id));
    BodyTold { body: body.map_or(id, |body| body.name.clone()), at: at.to_jiff() }
}
