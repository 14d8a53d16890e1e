//! The pages of whoever keeps the directory: what is in force, the territory, drills, bodies with their rosters and contact points.
//!
//! They act by the same functions as the API, so the same rules hold; a problem becomes a page that says it.

pub(crate) mod body;
pub(crate) mod dead_letters;
pub(crate) mod doctrine;
pub(crate) mod drills;
pub(crate) mod overview;
pub(crate) mod territory;
pub(crate) mod versions;

use askama::Template;
use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use vigie_domain::{
    access::Caller,
    directory::{Permission, Source},
};
use vigie_platform::{
    page::Frame,
    problem::{Fault, Problem},
};

use super::{render, said};
use crate::api::{Edge, forbidden};

/// Whoever opens the page, and the frame around it.
pub(crate) struct Visit<'a> {
    pub(crate) caller: Caller<'a>,
    pub(crate) frame: Frame,
}

/// The visitor, or the page to answer with.
pub(crate) async fn visit<'a>(edge: &'a Edge, headers: &HeaderMap, here: &str) -> Result<Visit<'a>, Response> {
    let visitor = edge.context.authenticator.visitor(headers, edge.context.clock.now()).await;
    let id = visitor.map_err(IntoResponse::into_response)?;
    let source: Option<&Source> = id.and_then(|id| edge.city.directory.source(&id));
    let caller = source.and_then(|source| Caller::of(source, &edge.city.directory));
    let caller = caller.ok_or_else(|| {
        said(
            StatusCode::UNAUTHORIZED,
            "Ouvrez votre lien personnel",
            "Cette page s'ouvre avec le lien personnel qui vous a été remis.",
        )
    })?;
    let links = caller.desks().into_iter().map(|desk| (desk.path, desk.label.to_owned()));
    let frame = Frame::new(&caller.source.name, links, here);
    Ok(Visit { caller, frame })
}

/// The visitor, when it administers.
pub(crate) async fn administrator<'a>(edge: &'a Edge, headers: &HeaderMap, here: &str) -> Result<Visit<'a>, Response> {
    let visit = visit(edge, headers, here).await?;
    if visit.caller.may(Permission::Administer) { Ok(visit) } else { Err(failed(forbidden(), here)) }
}

#[derive(Debug, Template)]
#[template(path = "administration/failed.html")]
struct FailedPage<'a> {
    title: &'a str,
    detail: &'a str,
    faults: &'a [Fault],
    back: &'a str,
}

/// A problem as a page, with the way back.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
pub(crate) fn failed(problem: Problem, back: &str) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let detail = problem.detail.as_deref().unwrap_or_default();
    render(status, &FailedPage { title: &problem.title, detail, faults: &problem.faults, back })
}
