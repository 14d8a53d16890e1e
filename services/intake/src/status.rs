//! `GET /api/v1/signals/{id}`: what became of a signal. The contract owes reporters that return.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Serialize;
use sqlx::types::Json as SqlJson;
use uuid::Uuid;
use vigie_domain::{access::Caller, directory::Sight};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_proto::{IncidentStatus, Kind, Severity, SignalId, event::IncidentSnapshot};

use crate::{
    Edge,
    fate::{BodyTold, Fate, ReturnView, fates},
};

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
    let row = sqlx::query_as!(
        Row,
        r#"select s.id, s.reference, s.source_id, s.received_at, s.kind, s.severity,
                i.snapshot as "snapshot?: SqlJson<IncidentSnapshot>", i.id as "incident?",
                exists (select from escalation.alert a where a.incident_id = i.id and a.body = $2) as "told!"
           from intake.signal s
           left join routing.incident_signal l on l.signal_id = s.id
           left join routing.incident i on i.id = l.incident_id
          where s.id = $1"#,
        id.0,
        caller.source.body.as_str()
    )
    .fetch_optional(&edge.pool)
    .await?;
    let Some(row) = row.filter(|row| row.is_shown_to(edge, caller)) else { return Ok(None) };
    let of_incident = fates(&edge.pool, &edge.city, caller.source, row.incident.as_slice(), edge.now).await?;
    let fate = row.incident.and_then(|incident| of_incident.get(&incident).cloned());
    Ok(Some(row.view(edge, caller, fate.unwrap_or_default())))
}

/// A signal, and the incident it belongs to.
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) reference: String,
    pub(crate) source_id: String,
    pub(crate) received_at: SqlTimestamp,
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) snapshot: Option<SqlJson<IncidentSnapshot>>,
    pub(crate) incident: Option<Uuid>,
    /// The caller's body was told of the incident.
    pub(crate) told: bool,
}

impl Row {
    fn is_shown_to(&self, edge: &Edge, caller: Caller<'_>) -> bool {
        self.source_id == caller.source.id.as_str() || self.sees_all(edge, caller)
    }

    /// The class of its kind lets the caller know of it.
    fn is_admitted(&self, edge: &Edge, caller: Caller<'_>) -> bool {
        let kind = Kind::new(self.kind.as_str());
        kind.is_ok_and(|kind| caller.party().may_know(edge.city.doctrine.class_of(&kind)))
    }

    fn sees_all(&self, edge: &Edge, caller: Caller<'_>) -> bool {
        self.is_admitted(edge, caller) && caller.role.sees == Sight::Everything
    }

    /// What the caller reads of it, with what became of its incident.
    pub(crate) fn view(self, edge: &Edge, caller: Caller<'_>, fate: Fate) -> SignalView {
        // Whoever only reported knows its own estimate, not what others have made of the event.
        let knows = self.sees_all(edge, caller)
            || self.told && self.is_admitted(edge, caller)
            || self.snapshot.as_ref().is_some_and(|incident| caller.follows(incident, &edge.city));
        let estimate: Option<Severity> = self.severity.parse().ok();
        SignalView {
            signal_id: SignalId(self.id),
            reference: self.reference,
            state: if self.snapshot.is_some() { "joined" } else { "received" },
            received_at: self.received_at.to_jiff(),
            incident: self.snapshot.map(|SqlJson(i)| IncidentOfSignal {
                reference: i.reference,
                status: i.status,
                severity: estimate.filter(|_| !knows).unwrap_or(i.severity),
                sector_label: i.sector_label,
                opened_at: i.opened_at,
            }),
            told: fate.told,
            acknowledged_by: fate.acknowledged_by,
            returns: fate.returns,
            said_over_at: fate.said_over_at,
        }
    }
}
