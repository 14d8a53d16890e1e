//! The head's form: plain pages, phone first, no script needed.

pub(crate) mod answers;
mod chart;
pub(crate) mod follow;
pub(crate) mod page;
pub(crate) mod submit;

use askama::Template;
use axum::{
    extract::RawQuery,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::directory::Source;
use vigie_platform::page::{asset, respond};

use crate::Edge;

/// Renders a template; a page that cannot be rendered is a 500 with the emergency numbers.
fn render(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => respond(status, html),
        Err(error) => {
            tracing::error!(error = %error, "a page could not be rendered");
            respond(
                StatusCode::INTERNAL_SERVER_ERROR,
                "<!doctype html><title>Vigie</title><p>Page indisponible. En cas d'urgence, appelez le 17.".to_owned(),
            )
        }
    }
}

/// A short page that says one thing.
#[derive(Debug, Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
    bad: bool,
}

fn message(status: StatusCode, title: &str, text: &str) -> Response {
    render(status, &MessagePage { title, text, bad: !status.is_success() })
}

/// `GET /assets/signaler.js`
pub(crate) async fn script(headers: HeaderMap) -> Response {
    asset(&headers, "text/javascript; charset=utf-8", include_bytes!("../../assets/signaler.js"))
}

/// Links of before sessions served every page: they open where sessions are opened now.
pub(crate) async fn opened_elsewhere(RawQuery(query): RawQuery) -> Redirect {
    Redirect::permanent(&format!("/ouvrir?{}", query.unwrap_or_default()))
}

/// The source whose browser asks; else the page to answer with.
async fn visitor<'a>(edge: &'a Edge, headers: &HeaderMap) -> Result<&'a Source, Response> {
    let visitor = edge.context.authenticator.visitor(headers, edge.context.clock.now()).await;
    let id = visitor.map_err(IntoResponse::into_response)?;
    id.and_then(|id| edge.city.directory.source(&id)).ok_or_else(no_session)
}

/// 401 page: the form is opened by the personal link.
fn no_session() -> Response {
    message(
        StatusCode::UNAUTHORIZED,
        "Ouvrez votre lien personnel",
        "Ce formulaire s'ouvre avec le lien personnel que Vigie vous a remis. S'il a déjà servi sur un autre appareil, demandez-en un nouveau à la SCOP.",
    )
}
