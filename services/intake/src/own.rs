//! `GET /api/v1/signals`: what a source raised, newest first, each with what became of it.
//!
//! Never another source's, whatever the caller may see elsewhere.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::{Deserialize, Serialize};
use sqlx::types::Json as SqlJson;
use uuid::Uuid;
use vigie_domain::{
    access::Caller,
    city::City,
    territory::{Level, LonLat, School},
};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_proto::{Kind, event::IncidentSnapshot, signal::Location};

use crate::{
    Edge,
    fate::fates,
    status::{Row, SignalView},
};

/// Signals on one page of the API.
const PAGE: u8 = 50;
/// Beyond this a place is told with how exact it is, metres.
const VAGUE_M: f64 = 50.0;

/// A page of signals, newest first.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SignalPage {
    pub signals: Vec<OwnSignal>,
    /// Give it as `cursor` to read on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}

/// A signal of the caller's: what it said, and what became of it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OwnSignal {
    pub kind: String,
    /// French name of the kind.
    pub kind_label: String,
    /// Where the caller said, in French.
    pub place: String,
    /// When it happened, as the caller said.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// When it was said to be expected.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expected_at: Option<Timestamp>,
    #[serde(flatten)]
    pub fate: SignalView,
}

/// Where to read on.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
}

/// The signals the caller raised, newest first, each with what became of it.
#[utoipa::path(
    get, path = "/api/v1/signals", operation_id = "signal_list", tag = "signals", params(Asked),
    responses(
        (status = 200, description = "A page", body = SignalPage),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The cursor is none of this list", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<SignalPage>, Problem> {
    let caller = edge.caller(&presented)?;
    let Query(Asked { cursor }) = asked?;
    let before = cursor.map(|cursor| cursor.parse().map_err(|_| no_cursor())).transpose()?;
    own(&edge, caller, before, PAGE).await.map(Json)
}

fn no_cursor() -> Problem {
    Problem::invalid("cursor", "Reprenez la valeur `next` de la page précédente.")
}

/// Up to `many` signals of the caller's source, those raised before the signal `before` when there is one.
pub(crate) async fn own(
    edge: &Edge,
    caller: Caller<'_>,
    before: Option<Uuid>,
    many: u8,
) -> Result<SignalPage, Problem> {
    let source = caller.source.id.as_str();
    let before_at = match before {
        None => None,
        Some(id) => {
            let at = sqlx::query_scalar!(
                "select received_at from intake.signal where id = $1 and source_id = $2",
                id,
                source
            );
            Some(at.fetch_optional(&edge.pool).await?.ok_or_else(no_cursor)?)
        }
    };
    // Newest first by the index signal_source; those of one instant, committed together, by identifier.
    let mut rows = sqlx::query!(
        r#"select s.id, s.reference, s.received_at, s.kind, s.severity, s.occurred_at, s.expected_at,
                s.location as "location: SqlJson<Location>",
                i.snapshot as "snapshot?: SqlJson<IncidentSnapshot>", i.id as "incident?",
                exists (select from escalation.alert a where a.incident_id = i.id and a.body = $5) as "told!"
           from (select * from intake.signal
                  where source_id = $1 and (received_at, id) < (coalesce($2, 'infinity'::timestamptz),
                        coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
                  order by received_at desc, id desc limit $4) s
           left join routing.incident_signal l on l.signal_id = s.id
           left join routing.incident i on i.id = l.incident_id
          order by s.received_at desc, s.id desc"#,
        source,
        before_at as Option<SqlTimestamp>,
        before,
        i64::from(many) + 1,
        caller.source.body.as_str()
    )
    .fetch_all(&edge.pool)
    .await?;
    let next = if rows.len() > usize::from(many) {
        rows.truncate(usize::from(many));
        rows.last().map(|last| last.id)
    } else {
        None
    };
    let incidents: Vec<Uuid> = rows.iter().filter_map(|row| row.incident).collect();
    let fates = fates(&edge.pool, &edge.city, caller.source, &incidents, edge.now).await?;
    let signals = rows.into_iter().map(|row| {
        let fate = row.incident.and_then(|incident| fates.get(&incident).cloned()).unwrap_or_default();
        let label = Kind::new(row.kind.as_str()).ok().map(|kind| edge.city.doctrine.kind_label(&kind).to_owned());
        let seen = Row {
            id: row.id,
            reference: row.reference,
            source_id: source.to_owned(),
            received_at: row.received_at,
            kind: row.kind.clone(),
            severity: row.severity,
            snapshot: row.snapshot,
            incident: row.incident,
            told: row.told,
        };
        OwnSignal {
            kind_label: label.unwrap_or_else(|| row.kind.clone()),
            kind: row.kind,
            place: in_words(&edge.city, &row.location.0),
            occurred_at: row.occurred_at.to_jiff(),
            expected_at: row.expected_at.map(SqlTimestamp::to_jiff),
            fate: seen.view(edge, caller, fate),
        }
    });
    Ok(SignalPage { signals: signals.collect(), next })
}

/// The place a raiser gave: the school, the sector, or what a point is called.
fn in_words(city: &City, location: &Location) -> String {
    match location {
        Location::School { uai } => city.territory.school(uai).map_or_else(|| uai.to_string(), School::label),
        Location::Sector { sector } => city.sector_label(sector).to_owned(),
        Location::Point { lon, lat, accuracy_m } => {
            let named = city.territory.named(LonLat::new(*lon, *lat));
            let label = named.map_or_else(|_| format!("{lat:.5}, {lon:.5}"), |named| named.label(Level::Exact));
            if *accuracy_m > VAGUE_M { format!("{label}, à {accuracy_m:.0}\u{a0}m près") } else { label }
        }
    }
}
