//! `GET /api/v1/incidents/{id}`, and an incident as callers see it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Serialize;
use sqlx::{PgConnection, Row, postgres::PgRow, types::Json as SqlJson};
use uuid::Uuid;
use vigie_domain::{access::Caller, city::City, directory::Directory, escalation::Partial};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_platform::journal;
use vigie_proto::{
    BodyId, CrisisRegime, IncidentId, IncidentStatus, Kind, Nature, RoleId, SectorId, Severity,
    event::{IncidentSnapshot, Known, Whereabouts},
    plan::Owed,
    sensitivity::{Sensitive, Sensitivity},
};

use crate::{
    Edge,
    caller::{self, Seen},
    news,
    timeline::{self, Line},
};

/// An incident as a caller may see it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct IncidentView {
    pub(crate) id: IncidentId,
    pub(crate) reference: String,
    /// Changes with every change of severity or status.
    pub(crate) version: u32,
    pub(crate) kind: Kind,
    pub(crate) kind_label: String,
    pub(crate) severity: Severity,
    pub(crate) severity_label: &'static str,
    pub(crate) status: IncidentStatus,
    pub(crate) sector: SectorId,
    pub(crate) sector_label: String,
    pub(crate) also_concerns: Vec<SectorId>,
    pub(crate) place_label: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expected_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) opened_at: Timestamp,
    pub(crate) regime: CrisisRegime,
    pub(crate) nature: Nature,
    /// Predefined facts told, in French.
    pub(crate) precisions: Vec<String>,
    /// The place in French, as fine as the caller may know it.
    pub(crate) place: String,
    /// Where it is, as far as is known and the caller may know.
    pub(crate) whereabouts: Whereabouts,
    /// What its signals say of it, as far as the caller may know.
    pub(crate) known: Known,
    /// Bodies in charge, by their French names, the latest last; absent from answers to acts and for reporters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_charge: Option<Vec<String>>,
    /// What the plan does next, when something is due; absent from answers to acts and for reporters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upcoming: Option<Upcoming>,
    /// Circuits in which some have taken charge and not yet enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) partial: Vec<PartialView>,
    /// What is new of it, in French, and that nobody of the caller's desk has read on the incident's page yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unread: Vec<String>,
    /// Bodies that were asked and will not take charge, each with why, in French.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) refused: Vec<String>,
}

vigie_proto::sensitivity! {
    IncidentView {
        Public: id, reference, version, kind, kind_label, severity, severity_label, status, sector, sector_label,
            place_label, expected_at, opened_at, nature, precisions, place, whereabouts, known;
        Operational: also_concerns, regime, partial;
        Restricted: in_charge, upcoming, unread, refused;
    }
}

/// A circuit in which some have taken charge and not yet enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct PartialView {
    circuit: String,
    have: u32,
    need: u32,
    /// French names of the roles that can make up what is missing; empty when any body asked that intervenes can.
    awaited: Vec<String>,
    /// `1 sur 2, attendu : Secrétariat général de la Ville`.
    pub(crate) text: String,
}

impl PartialView {
    pub(crate) fn of(partial: Partial, directory: &Directory) -> Self {
        let Partial { circuit, have, need, awaited } = partial;
        let awaited: Vec<String> = awaited.iter().map(|role| directory.role_label(role).to_owned()).collect();
        let whom = if awaited.is_empty() { "un autre service sollicité".to_owned() } else { awaited.join(", ") };
        Self { text: format!("{have} sur {need}, attendu : {whom}"), circuit, have, need, awaited }
    }
}

/// The next thing a plan will do unless it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Upcoming {
    #[schema(value_type = String, format = DateTime)]
    pub(crate) due_at: Timestamp,
    /// `circuit/step` of the doctrine; null when whoever took charge is asked whether they still are.
    pub(crate) step: Option<String>,
    /// French names of the roles it will tell.
    pub(crate) tells: Vec<String>,
}

impl Upcoming {
    /// Whom it tells, in French.
    pub(crate) fn in_words(&self) -> String {
        let tells = self.tells.join(", ");
        if self.step.is_some() { tells } else { format!("confirmation demandée à {tells}") }
    }
}

/// Columns [`IncidentView::read`] needs, of `routing.incident i` and `escalation.plan p`.
pub(crate) const VIEW: &str =
    "i.snapshot, i.opened_at, i.id, i.in_charge, p.next_due, p.next_step, p.next_roles, p.partial
           from routing.incident i left join escalation.plan p on p.incident_id = i.id";

impl IncidentView {
    /// Reads a row of [`VIEW`] as `caller` sees it when it follows how the incident is conducted.
    pub(crate) fn read(row: &PgRow, caller: Caller<'_>, city: &City) -> Result<Self, sqlx::Error> {
        let SqlJson(snapshot): SqlJson<IncidentSnapshot> = row.try_get("snapshot")?;
        let snapshot = caller.shown(&snapshot, Sensitivity::Personal, city);
        let directory = &city.directory;
        let in_charge: Vec<String> = row.try_get("in_charge")?;
        let due_at: Option<SqlTimestamp> = row.try_get("next_due")?;
        let roles: Option<Vec<String>> = row.try_get("next_roles")?;
        let step: Option<String> = row.try_get("next_step")?;
        let partial: Option<SqlJson<Vec<Partial>>> = row.try_get("partial")?;
        let partial = partial.map(|SqlJson(partial)| partial).unwrap_or_default();
        let label =
            |role: String| RoleId::new(role.as_str()).map_or(role, |role| directory.role_label(&role).to_owned());
        Ok(Self {
            partial: partial.into_iter().map(|partial| PartialView::of(partial, directory)).collect(),
            in_charge: Some(in_charge.into_iter().map(|id| body_name(directory, id)).collect()),
            upcoming: due_at.map(|due_at| Upcoming {
                due_at: due_at.to_jiff(),
                step,
                tells: roles.into_iter().flatten().map(label).collect(),
            }),
            ..Self::from(snapshot)
        })
    }
}

/// The French name of the body with this id; the id itself when the directory has no such body any more.
pub(crate) fn body_name(directory: &Directory, id: String) -> String {
    BodyId::new(id.as_str()).ok().and_then(|id| directory.body(&id)).map_or(id, |body| body.name.clone())
}

impl From<IncidentSnapshot> for IncidentView {
    fn from(s: IncidentSnapshot) -> Self {
        Self {
            place: s.place_in_words(),
            whereabouts: s.whereabouts,
            known: s.known,
            id: s.id,
            reference: s.reference,
            version: s.version,
            kind: s.kind,
            kind_label: s.kind_label,
            severity: s.severity,
            severity_label: s.severity.label(),
            status: s.status,
            sector: s.sector,
            sector_label: s.sector_label,
            also_concerns: s.also_concerns,
            place_label: s.place_label,
            expected_at: s.expected_at,
            opened_at: s.opened_at,
            regime: s.regime,
            nature: s.nature,
            precisions: s.precisions,
            in_charge: None,
            upcoming: None,
            partial: Vec::new(),
            unread: Vec::new(),
            refused: Vec::new(),
        }
    }
}

/// One incident, its signals' references and its story.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct IncidentDetail {
    #[serde(flatten)]
    incident: IncidentView,
    /// References of the signals joined to it.
    signals: Vec<String>,
    /// Bodies that took charge.
    acknowledged_by: Vec<String>,
    /// What is owed because of it.
    owed: Vec<OwedView>,
    timeline: Vec<Line>,
}

vigie_proto::sensitivity! {
    IncidentDetail {
        Public: incident;
        Operational: acknowledged_by;
        Restricted: signals, owed, timeline;
    }
}

/// Something owed because of an incident.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct OwedView {
    pub(crate) id: String,
    /// In French.
    pub(crate) what: String,
    /// French name of the role that owes it.
    pub(crate) by: String,
    /// Null while its clock has not started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) due_at: Option<Timestamp>,
    /// How it was settled; null while it is owed.
    pub(crate) outcome: Option<String>,
    /// It must be given before the incident is closed.
    blocks_closing: bool,
}

/// One incident with its story, told from the journal.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}", operation_id = "incident_one", tag = "incidents", params(("id" = IncidentId, Path)),
    responses(
        (status = 200, description = "The incident", body = IncidentDetail),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such incident for this caller", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn one(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Json<IncidentDetail>, Problem> {
    let caller = edge.caller(&presented)?;
    let id = parse_id(&id)?;
    let (Seen { snapshot, .. }, clearance) = caller::see(&edge, caller, id).await?;
    Ok(Json(detail(&edge, caller, snapshot.id, clearance).await?))
}

async fn detail(
    edge: &Edge,
    caller: Caller<'_>,
    id: IncidentId,
    clearance: Sensitivity,
) -> Result<IncidentDetail, sqlx::Error> {
    let mut connection = edge.pool.acquire().await?;
    let directory = &edge.city.directory;
    let incident = view(&mut connection, id, caller, &edge.city).await?;
    let signals = sqlx::query_scalar(
        "select s.reference from routing.incident_signal l join intake.signal s on s.id = l.signal_id
          where l.incident_id = $1 order by s.received_at",
    )
    .bind(id.0)
    .fetch_all(&mut *connection)
    .await?;
    let owed = owed(edge, &mut connection, id).await?;
    let acknowledged: Vec<String> =
        sqlx::query_scalar("select distinct body from routing.acknowledgement where incident_id = $1 order by 1")
            .bind(id.0)
            .fetch_all(&mut *connection)
            .await?;
    let detail = IncidentDetail {
        incident: incident.redacted(clearance),
        signals,
        acknowledged_by: acknowledged.into_iter().map(|id| body_name(directory, id)).collect(),
        owed,
        timeline: timeline::tell(&journal::of_incident(&mut connection, id).await?, directory),
    };
    Ok(detail.redacted(clearance))
}

/// One incident that exists, as [`IncidentView::read`].
pub(crate) async fn view(
    connection: &mut PgConnection,
    id: IncidentId,
    caller: Caller<'_>,
    city: &City,
) -> Result<IncidentView, sqlx::Error> {
    let statement = format!("select {VIEW} where i.id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(id.0).fetch_one(&mut *connection).await?;
    let mut view = [IncidentView::read(&row, caller, city)?];
    add_news(connection, &mut view, caller, city).await?;
    let [view] = view;
    Ok(view)
}

/// Adds what is new and who has refused to those of `views` that are not closed.
pub(crate) async fn add_news(
    connection: &mut PgConnection,
    views: &mut [IncidentView],
    caller: Caller<'_>,
    city: &City,
) -> Result<(), sqlx::Error> {
    let open = views.iter().filter(|view| view.status != IncidentStatus::Closed);
    let ids: Vec<Uuid> = open.map(|view| view.id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let news = news::of(connection, &ids, caller.source.id.as_str()).await?;
    for view in views {
        if let Some(news) = news.get(&view.id) {
            view.unread = news.unread(caller, city).into_iter().map(|line| line.text).collect();
            view.refused = news.refusals_in_words(city);
        }
    }
    Ok(())
}

pub(crate) async fn owed(
    edge: &Edge,
    connection: &mut PgConnection,
    incident: IncidentId,
) -> Result<Vec<OwedView>, sqlx::Error> {
    let rows =
        sqlx::query("select owed, outcome from routing.owed where incident_id = $1 order by due_at nulls last, id")
            .bind(incident.0)
            .fetch_all(connection)
            .await?;
    let view = |row: &PgRow| {
        let SqlJson(owed): SqlJson<Owed> = row.try_get("owed")?;
        Ok(OwedView {
            by: edge.city.directory.role_label(&owed.by.role).to_owned(),
            id: owed.id,
            what: owed.what,
            due_at: owed.due_at,
            outcome: row.try_get("outcome")?,
            blocks_closing: owed.blocks_closing,
        })
    };
    rows.iter().map(view).collect()
}

/// An incident id; 404 for what cannot be one.
pub(crate) fn parse_id(text: &str) -> Result<IncidentId, Problem> {
    text.parse().map_err(|_| Problem::not_found("Événement"))
}
