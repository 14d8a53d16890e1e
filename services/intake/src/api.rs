//! `POST /api/v1/signals`.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::Instrument;
use vigie_domain::{
    access::Caller,
    admission::{self, Admitted, Flaw, Inadmissible},
    text,
};
use vigie_edge::{
    credential::Presented,
    problem::{Fault, Problem, in_french},
};
use vigie_platform::{ids, telemetry};
use vigie_proto::{Nature, SignalId, signal::SignalReport};

use crate::{
    Edge,
    commit::CommitError,
    key::IdempotencyKey,
    store::{NewSignal, Stored},
};

/// The answer to a signal that is durable.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    pub signal_id: SignalId,
    /// What to say on the telephone, `S-2026-000123`.
    pub reference: String,
    /// Since when it is durable; a repetition is told when the first came.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Where to ask what became of it.
    pub status_url: String,
    /// Doubts (the text seems to name somebody, a date is in the future); the signal was taken all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Fault>,
}

/// Raise a signal. Repeating a request with the same `Idempotency-Key` gives the same answer.
#[utoipa::path(
    post, path = "/api/v1/signals", operation_id = "signal_raise", tag = "signals",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters; makes a retry safe")),
    request_body = SignalReport,
    responses(
        (status = 202, description = "Durable: it will reach those who can act", body = Accepted),
        (status = 400, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not this kind, or not there, for this source", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key was used for another report", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Body too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields at fault, all listed; `content-refused` when the database cannot keep what it says", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "This source raised too many", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Nothing was stored: retry with the same key", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn raise(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let received = telemetry::traceparent_from(headers.get("traceparent").and_then(|v| v.to_str().ok()));
    let span = tracing::info_span!("POST /api/v1/signals", otel.kind = "server");
    telemetry::continue_trace(&span, Some(&received));
    let traceparent = telemetry::traceparent_of(&span, Some(&received));
    match answer(&edge, &presented, &headers, body, traceparent).instrument(span).await {
        Ok(accepted) => {
            let location = HeaderValue::from_str(&accepted.status_url);
            let mut response = (StatusCode::ACCEPTED, Json(accepted)).into_response();
            if let Ok(location) = location {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Err(problem) => {
            edge.metrics.refused.get_or_create(&[("code", problem.code)]).inc();
            problem.into_response()
        }
    }
}

async fn answer(
    edge: &Edge,
    presented: &Presented,
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
    traceparent: Option<String>,
) -> Result<Accepted, Problem> {
    let caller = edge.caller(presented)?;
    let key = idempotency_key(headers)?;
    require_json(headers)?;
    let body = body.map_err(|rejection| too_large_or_broken(edge, &rejection))?;
    let report = parse(&body)?;
    raise_as(edge, caller, &report, key, traceparent).await
}

/// Raises `report` for `caller`: what the API and the form have in common.
pub(crate) async fn raise_as(
    edge: &Edge,
    caller: Caller<'_>,
    report: &SignalReport,
    key: Option<IdempotencyKey>,
    traceparent: Option<String>,
) -> Result<Accepted, Problem> {
    let source = caller.source;
    edge.limiter.take(&source.id).map_err(|seconds| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-signals", "Trop de signalements en peu de temps")
            .detail(format!("Réessayez dans {seconds} s. En cas d'urgence, appelez le 17."))
            .retry_after(seconds)
    })?;
    let admitted = admission::admit(report, caller, &edge.city, edge.now).map_err(inadmissible)?;
    let Admitted { severity, location, occurred_at, place: _, warnings } = admitted;
    let signal = NewSignal {
        id: SignalId(ids::fresh()),
        source: source.id.clone(),
        source_role: source.role.clone(),
        source_body: source.body.clone(),
        kind: report.kind.clone(),
        severity,
        summary: report.summary.as_deref().and_then(text::seen),
        location,
        occurred_at,
        expected_at: report.expected_at,
        parties: report.parties.clone(),
        facts: report.facts.clone(),
        learnt_at: report.learnt_at,
        nature: if report.exercise { Nature::Exercise } else { Nature::Real },
        idempotency_key: key,
        fingerprint: fingerprint(report),
        traceparent,
    };
    match edge.committer.commit(signal).await {
        Ok(Stored::Durable { id, reference, received_at }) => Ok(Accepted {
            signal_id: id,
            reference,
            received_at,
            status_url: format!("/api/v1/signals/{id}"),
            warnings: warnings.into_iter().map(fault).collect(),
        }),
        Ok(Stored::KeyReused) => Err(Problem::new(
            StatusCode::CONFLICT,
            "idempotency-key-reused",
            "Clé déjà utilisée pour un autre signalement",
        )
        .detail(
            "Utilisez une nouvelle Idempotency-Key pour un nouveau signalement ; gardez la même pour répéter le même.",
        )),
        Err(CommitError::Refused) => Err(content_refused()),
        Err(CommitError::Full | CommitError::Unavailable) => Err(Problem::unavailable()),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().and_then(IdempotencyKey::new);
    key.map(Some).ok_or_else(|| invalid_fields(vec![Fault::new("Idempotency-Key", IdempotencyKey::SHAPE)]))
}

/// The checks above let it pass, and the database does not: sending it again would change nothing.
fn content_refused() -> Problem {
    let message = "La base ne peut pas enregistrer ce contenu : retirez du texte les caractères inhabituels.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "content-refused", "Contenu refusé")
        .detail("Rien n'a été enregistré, et renvoyer le même signalement n'y changera rien. En cas d'urgence, appelez le 17.")
        .faults(vec![Fault::new("", message)])
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if essence == "application/json" {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "Format non pris en charge")
        .detail("Envoyez le signalement en JSON, avec l'en-tête « Content-Type: application/json »."))
}

fn too_large_or_broken(edge: &Edge, rejection: &axum::extract::rejection::BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let limit = edge.context.config.http.body_limit_bytes;
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Signalement trop volumineux")
            .detail(format!("Le corps dépasse {limit} octets : raccourcissez le texte."));
    }
    Problem::new(StatusCode::BAD_REQUEST, "broken-body", "Corps de requête interrompu")
}

/// Reads a report; the problem names the field at fault.
fn parse(body: &[u8]) -> Result<SignalReport, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    let report = parsed.map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        // A number where a word is asked is called bad syntax too.
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        if (inner.is_syntax() || inner.is_eof()) && !is_json() {
            return Problem::new(StatusCode::BAD_REQUEST, "malformed-json", "JSON illisible").detail(format!(
                "Ligne {}, colonne {} : le JSON n'est pas valide.",
                inner.line(),
                inner.column()
            ));
        }
        let (named, message) = in_french(&inner.to_string());
        // What is missing or unknown is named by the words alone.
        let field = match path.as_str() {
            "." => named,
            _ if named.is_empty() || path.ends_with(&named) => path,
            _ => format!("{path}.{named}"),
        };
        invalid_fields(vec![Fault::new(field, message)])
    })?;
    deserializer.end().map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed-json", "JSON illisible")
            .detail("Du texte suit le signalement : envoyez un seul objet JSON.")
    })?;
    Ok(report)
}

fn inadmissible(refusal: Inadmissible) -> Problem {
    match refusal {
        Inadmissible::Flawed(flaws) => invalid_fields(flaws.into_iter().map(fault).collect()),
        Inadmissible::Forbidden(flaw) => {
            Problem::new(StatusCode::FORBIDDEN, "not-allowed", "Signalement non autorisé").faults(vec![fault(flaw)])
        }
    }
}

fn invalid_fields(faults: Vec<Fault>) -> Problem {
    Problem::faulty(faults).detail("Rien n'a été enregistré. Corrigez les champs indiqués et renvoyez le signalement.")
}

fn fault(flaw: Flaw) -> Fault {
    Fault::new(flaw.field, flaw.message)
}

/// SHA-256 of the report as understood: spacing and key order do not matter.
fn fingerprint(report: &SignalReport) -> [u8; 32] {
    let canonical =
        serde_json::to_vec(report).expect("a report is plain data with string keys, which always serializes");
    Sha256::digest(canonical).into()
}
