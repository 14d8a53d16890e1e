//! Pages of those who conduct incidents: the SCOP's board, one incident, the relief of a shift, a mairie's watch cell.
//!
//! Every page works without JavaScript: forms post to the page itself and go the way of the API's acts.

pub(crate) mod assets;
pub(crate) mod board;
pub(crate) mod cell;
mod deed;
pub(crate) mod incident;
pub(crate) mod relief;
mod row;
mod story;
mod told;

use askama::Template;
use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, tz::TimeZone};
use vigie_domain::{access::Caller, french};
use vigie_platform::{
    page::{Frame, respond},
    problem::Problem,
};

use crate::{Edge, caller};

/// A short page that says why there is nothing else to see.
#[derive(Debug, Template)]
#[template(path = "said.html")]
struct SaidPage<'a> {
    title: &'a str,
    text: &'a str,
}

/// Renders a template; a page that cannot be rendered is a 503 with the emergency numbers.
pub(crate) fn rendered(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => respond(status, html),
        Err(error) => {
            tracing::error!(error = %error, "a page could not be rendered");
            Problem::unavailable().into_response()
        }
    }
}

/// A short page that says one thing.
pub(crate) fn said(status: StatusCode, title: &str, text: &str) -> Response {
    rendered(status, &SaidPage { title, text })
}

/// A problem as a page, for those who came with a browser.
pub(crate) fn problem(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    said(status, &problem.title, problem.detail.as_deref().unwrap_or_default())
}

/// Whoever asks for a page; without a session, a page that says how to open one.
pub(crate) async fn visitor<'a>(edge: &'a Edge, headers: &HeaderMap) -> Result<Caller<'a>, Response> {
    caller::authenticate(edge, headers).await.map_err(|refused| match refused.status {
        401 => said(
            StatusCode::UNAUTHORIZED,
            "Ouvrez votre lien personnel",
            "Vigie s'ouvre avec le lien personnel qui vous a été remis. S'il a déjà servi, demandez-en un nouveau.",
        ),
        _ => problem(&refused),
    })
}

/// Whoever conducts the incidents of the whole city; a page that says so to others.
pub(crate) async fn operator<'a>(edge: &'a Edge, headers: &HeaderMap) -> Result<Caller<'a>, Response> {
    let caller = visitor(edge, headers).await?;
    if caller.operates() { Ok(caller) } else { Err(not_yours()) }
}

pub(crate) fn not_yours() -> Response {
    said(
        StatusCode::FORBIDDEN,
        "Cette page n'est pas celle de votre fonction",
        "Revenez à l'accueil pour voir les pages de votre fonction.",
    )
}

/// Kinds of incidents whose class keeps them from the caller: they are in no list and in no count.
pub(crate) fn withheld(edge: &Edge, caller: Caller<'_>) -> Vec<String> {
    caller.withheld(&edge.city.doctrine).into_iter().map(ToString::to_string).collect()
}

/// Says an instant the way people say it now.
fn words(edge: &Edge, now: Timestamp) -> impl Fn(Timestamp) -> String {
    let local = move |at: Timestamp, zone: &TimeZone| at.to_zoned(zone.clone());
    let zone = edge.city.doctrine.zone.clone();
    move |at| french::moment(&local(at, &zone), &local(now, &zone))
}

/// What stands around the page at `here`.
pub(crate) fn frame(caller: Caller<'_>, here: &str) -> Frame {
    let links = caller.desks().into_iter().map(|desk| (desk.path, desk.label.to_owned()));
    Frame::new(&caller.source.name, links, here)
}
