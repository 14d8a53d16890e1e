//! `GET /api/v1/incidents/{id}/explanations?body=…`: why a body was or was not told.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json as SqlJson;
use vigie_domain::{
    directory::Permission,
    doctrine::Situation,
    escalation::replay,
    explain::{Explanation, Told, explain},
};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_platform::{database::coded, journal};
use vigie_proto::{
    AlertId, BodyId, IncidentId,
    event::{DeliveryFailure, Event},
    sensitivity::Sensitivity,
};

use crate::{Edge, caller, incidents::parse_id};

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
    presented: Presented,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<ExplanationView>, Problem> {
    let caller = edge.caller(&presented)?;
    let id = parse_id(&id)?;
    // It tells of bodies and times, never of what was reported: whoever audits may ask, where the class lets it know at all.
    let missing = || Problem::not_found("Événement");
    if caller.may(Permission::Audit) {
        let seen = caller::tied(&edge.pool, id, &caller.source.body, None).await?;
        seen.and_then(|seen| seen.position(&edge, caller.party()).map(drop)).ok_or_else(missing)?;
    } else {
        let (_, clearance) = caller::see(&edge, caller, id).await?;
        if clearance < Sensitivity::Restricted {
            return Err(missing());
        }
    }
    let Query(Asked { body }) = asked?;
    explained(&edge, id, body).await.map(Json)
}

/// The explanation for somebody who may ask.
pub(crate) async fn explained(edge: &Edge, id: IncidentId, body: BodyId) -> Result<ExplanationView, Problem> {
    let known = edge.city.directory.body(&body);
    let known = known.ok_or_else(|| Problem::invalid("body", format!("« {body} » n'est pas dans l'annuaire.")))?;
    let mut connection = edge.pool.acquire().await?;
    let situation: Option<SqlJson<Situation>> =
        sqlx::query_scalar!("select situation from routing.incident where id = $1", id.0)
            .fetch_optional(&mut *connection)
            .await?;
    let SqlJson(situation) = situation.ok_or_else(|| Problem::not_found("Événement"))?;
    let entries = journal::of_incident(&mut connection, id).await?;
    let story = journal::facts(&entries).map_err(|error| {
        tracing::error!(incident.id = %id, error = %error, "a story cannot be read");
        Problem::internal()
    })?;
    // Also the alerts that share the message of another incident.
    let alerts = sqlx::query!(
        "select id, generation, steps, channel, issued_at from escalation.alert where incident_id = $1 and body = $2",
        id.0,
        body.as_str()
    )
    .try_map(|row| {
        let told = Told {
            generation: row.generation.unsigned_abs(),
            steps: row.steps,
            channel: coded(&row.channel, "channel")?,
            at: row.issued_at.to_jiff(),
            deliveries: Vec::new(),
        };
        Ok((AlertId(row.id), told))
    })
    .fetch_all(&mut *connection)
    .await?;
    let mut told = alerts.into_iter().collect::<BTreeMap<_, _>>();
    for fact in &story {
        if let Some((alert, what)) = delivery(&fact.event, &body)
            && let Some(told) = told.get_mut(&alert)
        {
            told.deliveries.push(what);
        }
    }
    let told: Vec<Told> = told.into_values().collect();
    let chapters = replay(&story, None, edge.city.directory.as_ref()).chapters;
    let made_from = chapters.first().map(|chapter| chapter.plan.doctrine.clone()).unwrap_or_default();
    let same = made_from == edge.city.doctrine.hash();
    let doctrine = same.then_some(edge.city.doctrine.as_ref());
    let zone = &edge.city.doctrine.zone;
    Ok(ExplanationView {
        explanation: explain(known, &chapters, &told, &situation, doctrine, &edge.city.directory, zone),
        doctrine: made_from,
        role: edge.city.directory.role_label(&known.role).to_owned(),
        body_name: known.name.clone(),
        body,
        limit: (!same).then_some(
            "La doctrine a changé depuis : les circuits qui ne s'appliquaient pas ne sont pas expliqués, et l'annuaire est celui d'aujourd'hui.",
        ),
    })
}

/// What became of an alert to `body`, in French, if that is what an event tells of.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these facts tell how far a message came")]
fn delivery(event: &Event, body: &BodyId) -> Option<(AlertId, String)> {
    match event {
        Event::DeliverySent(e) if e.body == *body => Some((e.alert_id, "envoyé".to_owned())),
        Event::DeliveryDelivered(e) if e.body == *body => Some((e.alert_id, "remis".to_owned())),
        Event::DeliveryFailed(e) if e.body == *body => {
            let next = e.next.map_or("aucun autre canal", |_| "canal suivant essayé");
            Some((e.alert_id, format!("{} ; {next}", failure(e.failure))))
        }
        Event::DeliveryDeadLettered(e) if e.body == *body => {
            Some((e.alert_id, "injoignable par tous ses canaux".to_owned()))
        }
        _ => None,
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
