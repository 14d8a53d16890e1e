//! `POST /signaler`: the answers become a signal by the same way as the API's. `POST /signaler/relecture`: what is written
//! so far, read for names while there is time to take them out.

use std::sync::Arc;

use axum::{
    Form, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::{
    admission::{self, Flaw},
    french,
    territory::Understood,
};
use vigie_edge::{
    credential::Presented,
    problem::{Fault, Problem},
};
use vigie_platform::{ids, telemetry};
use vigie_proto::Kind;

use super::{answers::Answers, page::form};
use crate::{
    Edge,
    api::{self, Accepted},
    key::IdempotencyKey,
};

/// What the form's script is told, and keeps on the device: nothing anybody wrote, nobody's name.
#[derive(Debug, Serialize)]
struct Receipt {
    reference: String,
    /// French name of the kind.
    kind: String,
    received_at: Timestamp,
    /// `14 h 32`, where the doctrine is in force.
    time: String,
    /// The page that follows the signal.
    follow: String,
}

pub(crate) async fn submit(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    let source = caller.source;
    let again = |answers: &Answers, flaws: &[Flaw], warnings: &[Flaw]| {
        Ok(form(StatusCode::UNPROCESSABLE_ENTITY, &edge.city, source, answers, flaws, warnings, None))
    };
    let mut answers = Answers::of(fields);
    let Ok(key) = key(&answers) else {
        // Nobody writes it: the form was altered, or is not ours. What was answered may be good.
        let altered = Flaw {
            field: WHOLE,
            message: "Ce formulaire n'est plus valable : relisez vos réponses, puis envoyez à nouveau.".to_owned(),
        };
        answers.key = ids::fresh().to_string();
        return again(&answers, &[altered], &[]);
    };
    // A fact ticked for another kind than the one chosen is not part of this report.
    if let Some(rule) = Kind::new(answers.kind.as_str()).ok().and_then(|kind| edge.city.doctrine.kind(&kind).cloned()) {
        answers.facts.retain(|fact| rule.facts.iter().any(|known| known.code == *fact));
    }
    let report = match answers.report(source, &edge.city.territory, &edge.city.doctrine.zone) {
        Ok(report) => report,
        Err(flaws) => return again(&answers, &flaws, &[]),
    };
    let warnings = admission::naming(&answers.summary);
    if !warnings.is_empty() && !answers.confirmed {
        return again(&answers, &[], &warnings);
    }
    // What was understood of a place is seen before it is sent, unless nobody is there to see it.
    let to_be_shown = answers.to_be_shown(&edge.city.territory, None);
    if matches!(to_be_shown, Some(Understood::Place(_))) && !answers.unseen {
        return again(&answers, &[], &[]);
    }
    let traceparent = Some(telemetry::fresh_traceparent());
    match api::raise_as(&edge, caller, &report, key, traceparent).await {
        Ok(accepted) => Ok(taken(&edge, &headers, &report.kind, accepted)),
        Err(problem) => {
            edge.metrics.refused.get_or_create(&[("code", problem.code)]).inc();
            if problem.faults.is_empty() {
                return Err(problem);
            }
            // Nothing was stored under the key; what is sent next is another report.
            answers.key = ids::fresh().to_string();
            again(&answers, &problem.faults.into_iter().map(flaw).collect::<Vec<_>>(), &[])
        }
    }
}

/// The key of the form that was shown; none when it has none, an error when it cannot be one.
fn key(answers: &Answers) -> Result<Option<IdempotencyKey>, ()> {
    if answers.key.is_empty() {
        return Ok(None);
    }
    IdempotencyKey::new(&answers.key).map(Some).ok_or(())
}

/// A browser goes to the page that follows the signal; the form's script keeps the receipt first.
fn taken(edge: &Edge, headers: &HeaderMap, kind: &Kind, accepted: Accepted) -> Response {
    let follow = format!("/signaler/{}", accepted.signal_id);
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accept.contains("application/json") {
        return Redirect::to(&follow).into_response();
    }
    let doctrine = &edge.city.doctrine;
    let receipt = Receipt {
        reference: accepted.reference,
        kind: doctrine.kind_label(kind).to_owned(),
        received_at: accepted.received_at,
        time: french::time(&accepted.received_at.to_zoned(doctrine.zone.clone())),
        follow,
    };
    (StatusCode::ACCEPTED, Json(receipt)).into_response()
}

/// The whole form, as a place to go to from what is wrong.
const WHOLE: &str = "contenu";

/// A fault of the report, at the question of the form that gave it.
fn flaw(fault: Fault) -> Flaw {
    let field = match fault.field.split('.').next().unwrap_or_default() {
        "kind" => "kind",
        "severity" => "severity",
        "location" => "place",
        "occurred_at" | "expected_at" => "when",
        "facts" => "facts",
        "parties" => "count",
        "summary" => "summary",
        _ => WHOLE,
    };
    Flaw { field, message: fault.message }
}

/// What is written so far.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Draft {
    summary: String,
}

/// The doubts about a text that nobody has sent yet, one sentence each. It is kept nowhere.
pub(crate) async fn read_over(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Form(draft): Form<Draft>,
) -> Result<Json<Vec<String>>, Problem> {
    edge.caller(&presented)?;
    Ok(Json(admission::naming(&draft.summary).into_iter().map(|doubt| doubt.message).collect()))
}
