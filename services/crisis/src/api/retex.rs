//! The feedback as a document: Markdown and PDF, made from the journal each time.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use vigie_domain::{
    account::{self, Block},
    crisis::Crisis,
};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems},
};
use vigie_proto::CrisisId;

use super::parse_id;
use crate::{
    desk::{self, Edge},
    pdf, store,
};

/// The feedback as Markdown.
#[utoipa::path(
    get, path = "/api/v1/crises/{id}/retex.md", operation_id = "crises_retex_markdown", tag = "crises",
    params(("id" = CrisisId, Path)),
    security(("token" = [])),
    responses((status = 200, description = "From the journal", content_type = "text/markdown"), ReadProblems)
)]
pub(crate) async fn markdown(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (crisis, blocks) = document(&edge, &presented, &id).await?;
    Ok(file(&crisis, "md", "text/markdown; charset=utf-8", account::markdown(&blocks).into_bytes()))
}

/// The feedback as PDF.
#[utoipa::path(
    get, path = "/api/v1/crises/{id}/retex.pdf", operation_id = "crises_retex_pdf", tag = "crises",
    params(("id" = CrisisId, Path)),
    security(("token" = [])),
    responses((status = 200, description = "From the journal", content_type = "application/pdf"), ReadProblems)
)]
pub(crate) async fn pdf(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (crisis, blocks) = document(&edge, &presented, &id).await?;
    let (reference, nature) = (crisis.snapshot.reference.clone(), crisis.snapshot.nature);
    // Laying out a long account takes a processor for a while.
    let laid_out = tokio::task::spawn_blocking(move || pdf::document(&blocks, &reference, nature));
    let document = laid_out.await.map_err(|error| {
        tracing::error!(error = %error, crisis.id = %crisis.snapshot.id, "a feedback could not be laid out");
        Problem::internal()
    })?;
    Ok(file(&crisis, "pdf", "application/pdf", document))
}

async fn document(edge: &Edge, presented: &Presented, id: &str) -> Result<(Crisis, Vec<Block>), Problem> {
    let caller = desk::caller(edge, presented)?;
    let crisis = desk::see(edge, caller, parse_id(id)?).await?;
    if crisis.retex.is_none() {
        return Err(too_early());
    }
    let blocks = blocks(edge, &crisis).await?;
    Ok((crisis, blocks))
}

/// The crisis is not closed.
pub(crate) fn too_early() -> Problem {
    Problem::new(StatusCode::CONFLICT, "not-now", "Pas encore de retour d'expérience")
        .detail("Le retour d'expérience s'écrit quand la crise est close.")
}

/// The document's blocks; whoever sees the crisis reads the whole of it.
pub(crate) async fn blocks(edge: &Edge, crisis: &Crisis) -> Result<Vec<Block>, Problem> {
    let mut connection = edge.pool.acquire().await?;
    let story = store::story(&mut connection, crisis).await?;
    let words =
        store::words(&mut connection, &[crisis.snapshot.id]).await?.remove(&crisis.snapshot.id).unwrap_or_default();
    Ok(account::blocks(crisis, &story, &words, &edge.city))
}

fn file(crisis: &Crisis, extension: &str, content_type: &'static str, content: Vec<u8>) -> Response {
    let name = format!("attachment; filename=\"RETEX-{}.{extension}\"", crisis.snapshot.reference);
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, content).into_response()
}
