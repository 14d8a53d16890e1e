//! `GET /api/v1/incidents`: those a caller may see, newest first, a page at a time.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Postgres, QueryBuilder, Row, postgres::PgRow, types::Json as SqlJson};
use uuid::Uuid;
use vigie_domain::{access::Caller, directory::Sight};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_proto::{
    IncidentStatus, Kind, SectorId,
    event::IncidentSnapshot,
    sensitivity::{Sensitive, Sensitivity},
};

use crate::{
    Edge,
    incidents::{IncidentView, VIEW, add_news},
    page::withheld,
};

/// Incidents on one page.
const PAGE: i64 = 50;
/// An identifier is made within so long of the instant at which its incident opened.
const CLOCKS: SignedDuration = SignedDuration::from_hours(1);

/// A page of incidents, newest first.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct IncidentPage {
    incidents: Vec<IncidentView>,
    /// Give it as `cursor` to read on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which incidents to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    #[param(value_type = Option<String>)]
    sector: Option<SectorId>,
    #[param(value_type = Option<String>)]
    status: Option<IncidentStatus>,
    #[param(value_type = Option<String>)]
    kind: Option<Kind>,
    /// Opened at or after, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "vigie_edge::moment::within_reach")]
    since: Option<Timestamp>,
    cursor: Option<String>,
    /// Only these incidents: up to 50 ids with commas between them.
    ids: Option<String>,
}

/// Incidents the caller may see, newest first.
#[utoipa::path(
    get, path = "/api/v1/incidents", operation_id = "incident_list", tag = "incidents", params(Filter),
    responses(
        (status = 200, description = "A page", body = IncidentPage),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A filter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<IncidentPage>, Problem> {
    let caller = edge.caller(&presented)?;
    let Query(filter) = filter?;
    // A slip of the pen is no calm city.
    if let Some(sector) = filter.sector.as_ref().filter(|id| edge.city.territory.sector(id).is_none()) {
        return Err(Problem::invalid("sector", format!("« {sector} » n'est pas sur la carte.")));
    }
    if let Some(kind) = filter.kind.as_ref().filter(|kind| edge.city.doctrine.kind(kind).is_none()) {
        let known: Vec<&str> = edge.city.doctrine.kinds.keys().map(Kind::as_str).collect();
        let known = known.join(", ");
        return Err(Problem::invalid("kind", format!("« {kind} » n'existe pas. Valeurs admises : {known}.")));
    }
    let before = filter.cursor.as_deref().map(parse_cursor).transpose()?;
    let ids = filter.ids.as_deref().map(parse_ids).transpose()?;
    let asked = Asked { filter: &filter, before, ids, withheld: withheld(&edge, caller) };
    let mut statement =
        if caller.role.sees == Sight::Everything { asked.of_all() } else { asked.of_known(&edge, caller) };
    let mut connection = edge.pool.acquire().await?;
    let rows = statement.build().fetch_all(&mut *connection).await?;
    Ok(Json(page(&mut connection, &rows, &edge, caller).await?))
}

/// What is asked for. Only the conditions that are given are said, so that each is answered by its index; newest first is by
/// identifier (`UUIDv7`).
struct Asked<'a> {
    filter: &'a Filter,
    before: Option<Uuid>,
    ids: Option<Vec<Uuid>>,
    /// Kinds of which no incident is shown.
    withheld: Vec<String>,
}

type Statement = QueryBuilder<Postgres>;

impl Asked<'_> {
    /// For whoever sees everything.
    fn of_all(&self) -> Statement {
        let mut statement = Statement::new(format!("select {VIEW} where true"));
        self.narrow(&mut statement);
        statement
    }

    /// For others: what lies in their sector or beside it, is their affair, or they were told of; the newest of each.
    fn of_known(&self, edge: &Edge, caller: Caller<'_>) -> Statement {
        let mut statement = Statement::new(format!("select {VIEW} where i.id in ("));
        let newest = "(select i.id from routing.incident i where";
        if let Some(sector) = caller.sector().filter(|_| caller.role.sees == Sight::Sector) {
            statement.push(format!("{newest} i.sector = ")).push_bind(sector.to_string());
            self.narrow(&mut statement);
            statement
                .push(format!(") union all {newest} i.also_concerns <> '{{}}' and i.also_concerns @> array["))
                .push_bind(sector.to_string())
                .push("]");
            self.narrow(&mut statement);
            statement.push(") union all ");
        }
        for kind in caller.affairs(&edge.city.doctrine) {
            statement.push(format!("{newest} i.kind = ")).push_bind(kind.to_string());
            self.narrow(&mut statement);
            statement.push(") union all ");
        }
        statement
            .push("(select i.id from (select distinct a.incident_id as id from escalation.alert a where a.body = ")
            .push_bind(caller.source.body.to_string());
        self.narrow_ids(&mut statement, "a.incident_id");
        statement.push(" order by 1 desc) told join routing.incident i on i.id = told.id where true");
        self.narrow(&mut statement);
        statement.push(")) order by i.id desc limit ").push_bind(PAGE + 1);
        statement
    }

    /// The conditions on `routing.incident i`, its order and how many.
    fn narrow(&self, statement: &mut Statement) {
        let Filter { sector, status, kind, since, .. } = self.filter;
        if let Some(sector) = sector {
            statement.push(" and (i.sector = ").push_bind(sector.as_str());
            statement
                .push(" or i.also_concerns <> '{}' and i.also_concerns @> array[")
                .push_bind(sector.as_str())
                .push("])");
        }
        if let Some(status) = status {
            // A word of ours, not the caller's: said, it names the index of what is open.
            statement.push(format!(" and i.status = '{}'", status.code()));
        }
        if let Some(kind) = kind {
            statement.push(" and i.kind = ").push_bind(kind.as_str());
        }
        if let Some(since) = since {
            statement.push(" and i.opened_at >= ").push_bind(since.to_sqlx());
        }
        if !self.withheld.is_empty() {
            statement.push(" and not i.kind = any(").push_bind(&self.withheld).push(")");
        }
        self.narrow_ids(statement, "i.id");
        statement.push(" order by i.id desc limit ").push_bind(PAGE + 1);
    }

    fn narrow_ids(&self, statement: &mut Statement, column: &str) {
        if let Some(before) = self.before {
            statement.push(format!(" and {column} < ")).push_bind(before);
        }
        if let Some(ids) = &self.ids {
            statement.push(format!(" and {column} = any(")).push_bind(ids).push(")");
        }
        if let Some(since) = self.filter.since.and_then(|since| since.checked_sub(CLOCKS).ok()) {
            statement.push(format!(" and {column} >= journal.id_at(")).push_bind(since.to_sqlx()).push(")");
        }
    }
}

async fn page(
    connection: &mut PgConnection,
    rows: &[PgRow],
    edge: &Edge,
    caller: Caller<'_>,
) -> Result<IncidentPage, sqlx::Error> {
    let full = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let shown = rows.get(..full).unwrap_or(rows);
    let next = match shown.last() {
        Some(last) if rows.len() > full => Some(last.try_get::<Uuid, _>("id")?.to_string()),
        _ => None,
    };
    let read = |row| IncidentView::read(row, caller, &edge.city);
    let mut views = shown.iter().map(read).collect::<Result<Vec<_>, sqlx::Error>>()?;
    add_news(connection, &mut views, caller, &edge.city).await?;
    let incidents = shown.iter().zip(views).map(|(row, view)| {
        let SqlJson(snapshot): SqlJson<IncidentSnapshot> = row.try_get("snapshot")?;
        // Whoever does not follow it was told of it: the statement saw to that.
        let clearance = if caller.follows(&snapshot, &edge.city) { Sensitivity::Personal } else { Sensitivity::Public };
        Ok(view.redacted(clearance))
    });
    Ok(IncidentPage { incidents: incidents.collect::<Result<_, sqlx::Error>>()?, next })
}

fn parse_ids(ids: &str) -> Result<Vec<Uuid>, Problem> {
    let ids: Option<Vec<Uuid>> = ids.split(',').map(|id| id.parse().ok()).collect();
    ids.filter(|ids| i64::try_from(ids.len()).is_ok_and(|count| count <= PAGE))
        .ok_or_else(|| Problem::invalid("ids", format!("Donnez au plus {PAGE} identifiants séparés par des virgules.")))
}

fn parse_cursor(cursor: &str) -> Result<Uuid, Problem> {
    cursor.parse().map_err(|_| Problem::invalid("cursor", "Reprenez la valeur `next` de la page précédente."))
}
