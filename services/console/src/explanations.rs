//! `GET /api/v1/incidents/{id}/explanations?body=…`: why a body was or was not told.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::HeaderMap,
};
use serde::{Deserialize, Serialize};
use sqlx::{Row, types::Json as SqlJson};
use vigie_domain::{
    directory::{Permission, Sight},
    doctrine::Situation,
    explain::{Chapter, Explanation, Told, explain},
};
use vigie_platform::{journal, journal::Entry, problem::Problem};
use vigie_proto::{
    AlertId, BodyId, IncidentId,
    event::{DeliveryFailure, Event},
};

use crate::{
    Edge, caller,
    incidents::{invalid, parse_id},
};

/// Which body to explain.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// A body of the directory, such as `mairie-paris-19`.
    #[param(value_type = String)]
    body: BodyId,
}

/// Why a body was or was not told of an incident.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ExplanationView {
    /// Hash of the doctrine the first plan was made from.
    doctrine: String,
    body: BodyId,
    /// French name.
    pub(crate) body_name: String,
    role: String,
    #[serde(flatten)]
    pub(crate) explanation: Explanation,
    /// Something that limits the explanation, in French.
    pub(crate) limit: Option<&'static str>,
}

/// Why a body was or was not told: circuit, step, roster, hours, limits, fallback.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/explanations", operation_id = "explanation_of_body", tag = "incidents", params(("id" = IncidentId, Path), Asked),
    responses(
        (status = 200, description = "The explanation", body = ExplanationView),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such incident for this caller", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No such body", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn of_body(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<ExplanationView>, Problem> {
    let caller = caller::authenticate(&edge, &headers).await?;
    let id = parse_id(&id)?;
    // It tells of bodies and times, never of what was reported: whoever audits may ask, of any incident.
    if !caller.may(Permission::Audit) {
        caller::see(&edge, caller, id).await?;
        if !matches!(caller.role.sees, Sight::Everything | Sight::Sector) {
            return Err(Problem::not_found("Événement"));
        }
    }
    let Query(Asked { body }) =
        asked.map_err(|e| invalid("body", vigie_platform::problem::in_french(&e.body_text())))?;
    explained(&edge, id, body).await.map(Json)
}

/// The explanation for somebody who may ask.
pub(crate) async fn explained(edge: &Edge, id: IncidentId, body: BodyId) -> Result<ExplanationView, Problem> {
    let known = edge.city.directory.body(&body);
    let known = known.ok_or_else(|| invalid("body", format!("« {body} » n'est pas dans l'annuaire.")))?;
    let stored = |e: sqlx::Error| Problem::from_store(&e);
    let mut connection = edge.pool.acquire().await.map_err(stored)?;
    let situation: Option<SqlJson<Situation>> =
        sqlx::query_scalar("select situation from routing.incident where id = $1")
            .bind(id.0)
            .fetch_optional(&mut *connection)
            .await
            .map_err(stored)?;
    let SqlJson(situation) = situation.ok_or_else(|| Problem::not_found("Événement"))?;
    let entries = journal::of_incident(&mut connection, id).await.map_err(stored)?;
    // The other incidents of a grouped message have no entry of their own.
    let grouped = sqlx::query(
        "select id, generation, steps, channel, issued_at from escalation.alert where incident_id = $1 and body = $2",
    )
    .bind(id.0)
    .bind(body.as_str())
    .fetch_all(&mut *connection)
    .await
    .map_err(stored)?;
    let mut story = Story::default();
    for entry in &entries {
        story.hear(entry, &body);
    }
    for row in &grouped {
        story.alert(row).map_err(stored)?;
    }
    let chapters = story.into_chapters();
    let made_from = chapters.first().map(|chapter| chapter.plan.doctrine.clone()).unwrap_or_default();
    let same = made_from == edge.city.doctrine.hash();
    let doctrine = same.then_some(edge.city.doctrine.as_ref());
    let zone = &edge.city.doctrine.zone;
    Ok(ExplanationView {
        explanation: explain(known, &chapters, &situation, doctrine, &edge.city.directory, zone),
        doctrine: made_from,
        role: edge.city.directory.role_label(&known.role).to_owned(),
        body_name: known.name.clone(),
        body,
        limit: (!same).then_some(
            "La doctrine a changé depuis : les circuits qui ne s'appliquaient pas ne sont pas expliqués, et l'annuaire est celui d'aujourd'hui.",
        ),
    })
}

/// What the journal says of an incident, gathered for one body.
#[derive(Default)]
struct Story {
    chapters: Vec<Chapter>,
    alerts: BTreeMap<AlertId, (u32, Told)>,
    deliveries: Vec<(AlertId, String)>,
}

impl Story {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these facts bear on who was told")]
    fn hear(&mut self, entry: &Entry, body: &BodyId) {
        let Ok(event) = Event::decode(&entry.envelope.type_name, &entry.data) else { return };
        match event {
            Event::IncidentOpened(e) => self.begin(e.plan),
            Event::IncidentAggravated(e) => self.begin(e.plan),
            Event::IncidentEased(e) => self.begin(e.plan),
            Event::IncidentReplanned(e) => {
                if let Some(chapter) = self.chapters.last_mut() {
                    let known: Vec<String> = chapter.plan.circuits.iter().map(|c| c.id.clone()).collect();
                    for circuit in e.plan.circuits {
                        match chapter.plan.circuits.iter_mut().find(|c| c.id == circuit.id) {
                            Some(same) if known.contains(&same.id) => {
                                let fresh =
                                    circuit.steps.into_iter().filter(|s| !same.steps.iter().any(|k| k.id == s.id));
                                let fresh: Vec<_> = fresh.collect();
                                same.steps.extend(fresh);
                            }
                            _ => chapter.plan.circuits.push(circuit),
                        }
                    }
                }
            }
            Event::StepSettled(e) => {
                if let Some(chapter) = self.chapters.iter_mut().find(|chapter| chapter.generation == e.generation) {
                    chapter.settled.push(*e);
                }
            }
            Event::IncidentAcknowledged(e) => {
                if let Some(chapter) = self.chapters.last_mut() {
                    chapter.acknowledgements.push((e.by.body, e.at));
                }
            }
            Event::DeliverySent(e) if e.body == *body => self.delivery(e.alert_id, "envoyé".to_owned()),
            Event::DeliveryDelivered(e) if e.body == *body => self.delivery(e.alert_id, "remis".to_owned()),
            Event::DeliveryFailed(e) if e.body == *body => {
                let next = e.next.map_or("aucun autre canal", |_| "canal suivant essayé");
                self.delivery(e.alert_id, format!("{} ; {next}", failure(e.failure)));
            }
            Event::DeliveryDeadLettered(e) if e.body == *body => {
                self.delivery(e.alert_id, "injoignable par tous ses canaux".to_owned());
            }
            _ => {}
        }
    }

    fn begin(&mut self, plan: vigie_proto::plan::Plan) {
        let generation = u32::try_from(self.chapters.len()).unwrap_or(u32::MAX).saturating_add(1);
        let (settled, tellings, acknowledgements) = (Vec::new(), Vec::new(), Vec::new());
        self.chapters.push(Chapter { generation, plan, settled, tellings, acknowledgements });
    }

    fn delivery(&mut self, alert: AlertId, what: String) {
        self.deliveries.push((alert, what));
    }

    fn alert(&mut self, row: &sqlx::postgres::PgRow) -> Result<(), sqlx::Error> {
        let channel: String = row.try_get("channel")?;
        let issued_at: jiff_sqlx::Timestamp = row.try_get("issued_at")?;
        let Ok(channel) = serde_json::from_value(serde_json::Value::String(channel)) else { return Ok(()) };
        let told = Told { steps: row.try_get("steps")?, channel, at: issued_at.to_jiff(), deliveries: Vec::new() };
        let generation = row.try_get::<i32, _>("generation")?.unsigned_abs();
        self.alerts.insert(AlertId(row.try_get("id")?), (generation, told));
        Ok(())
    }

    /// Chapters with what was told, each alert with what became of it.
    fn into_chapters(mut self) -> Vec<Chapter> {
        for (alert, what) in self.deliveries {
            if let Some((_, told)) = self.alerts.get_mut(&alert) {
                told.deliveries.push(what);
            }
        }
        for (generation, told) in self.alerts.into_values() {
            if let Some(chapter) = self.chapters.iter_mut().find(|chapter| chapter.generation == generation) {
                chapter.tellings.push(told);
            }
        }
        self.chapters
    }
}

fn failure(failure: DeliveryFailure) -> &'static str {
    match failure {
        DeliveryFailure::Refused => "refusé par le système suivant",
        DeliveryFailure::Exhausted => "aucun essai n'a réussi dans le temps imparti",
        DeliveryFailure::NoReceipt => "sans accusé de remise",
        DeliveryFailure::Undelivered => "non remis",
        DeliveryFailure::UnknownContact => "coordonnée retirée de l'annuaire",
    }
}
