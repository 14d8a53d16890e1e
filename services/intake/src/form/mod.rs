//! The head's form: plain pages, phone first, no script needed.

pub(crate) mod answers;
pub(crate) mod follow;
pub(crate) mod open;
pub(crate) mod page;
pub(crate) mod submit;

use askama::Template;
use axum::{http::StatusCode, response::Response};
use vigie_platform::page::respond;

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

/// 401 page: the form is opened by the personal link.
fn no_session() -> Response {
    message(
        StatusCode::UNAUTHORIZED,
        "Ouvrez votre lien personnel",
        "Ce formulaire s'ouvre avec le lien personnel que Vigie vous a remis. S'il a déjà servi sur un autre appareil, demandez-en un nouveau à la SCOP.",
    )
}
