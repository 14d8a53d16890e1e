//! `POST /signaler`: the answers become a signal by the same way as the API's. `POST /signaler/relecture`: what is written
//! so far, read for names while there is time to take them out.

use std::sync::Arc;

use axum::{
    Form, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::admission::{Flaw, personal_data_warnings};
use vigie_platform::telemetry;

use super::{answers::Answers, message, page::form, visitor};
use crate::{Edge, api};

pub(crate) async fn submit(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let source = match visitor(&edge, &headers).await {
        Ok(source) => source,
        Err(response) => return response,
    };
    let mut answers = Answers::of(fields);
    // A fact ticked for another kind than the one chosen is not part of this report.
    if let Some(rule) =
        vigie_proto::Kind::new(answers.kind.as_str()).ok().and_then(|kind| edge.city.doctrine.kind(&kind).cloned())
    {
        answers.facts.retain(|fact| rule.facts.iter().any(|known| known.code == *fact));
    }
    let report = match answers.report(source, &edge.city.territory, &edge.city.doctrine.zone) {
        Ok(report) => report,
        Err(flaws) => return form(StatusCode::UNPROCESSABLE_ENTITY, &edge.city, source, &answers, &flaws, &[]),
    };
    let warnings = personal_data_warnings(&answers.summary);
    if !warnings.is_empty() && !answers.confirmed {
        return form(StatusCode::UNPROCESSABLE_ENTITY, &edge.city, source, &answers, &[], &warnings);
    }
    let key = (!answers.key.is_empty()).then(|| answers.key.clone());
    let traceparent = Some(telemetry::fresh_traceparent());
    match api::raise_as(&edge, source, &report, key, traceparent, edge.context.clock.now()).await {
        Ok(accepted) => Redirect::to(&format!("/signaler/{}", accepted.signal_id)).into_response(),
        Err(problem) if problem.faults.is_empty() => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            message(status, &problem.title, problem.detail.as_deref().unwrap_or("En cas d'urgence, appelez le 17."))
        }
        Err(problem) => {
            let flaws: Vec<Flaw> =
                problem.faults.into_iter().map(|f| Flaw { field: "location", message: f.message }).collect();
            form(StatusCode::UNPROCESSABLE_ENTITY, &edge.city, source, &answers, &flaws, &[])
        }
    }
}

/// What is written so far.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Draft {
    summary: String,
}

/// The doubts about a text that nobody has sent yet, one sentence each. It is kept nowhere.
pub(crate) async fn read_over(State(edge): State<Arc<Edge>>, headers: HeaderMap, Form(draft): Form<Draft>) -> Response {
    if let Err(response) = visitor(&edge, &headers).await {
        return response;
    }
    let doubts: Vec<String> = personal_data_warnings(&draft.summary).into_iter().map(|doubt| doubt.message).collect();
    Json(doubts).into_response()
}
