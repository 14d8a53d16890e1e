//! The directory's pages: opening and ending a session, the home of whoever has one, the page of a probe.

pub(crate) mod administration;
pub(crate) mod home;
pub(crate) mod probe;
pub(crate) mod session;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use vigie_platform::{page::respond, problem::Problem};

/// Renders a template; a page that cannot be rendered is a 503 with the emergency numbers.
fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => respond(status, html),
        Err(error) => {
            tracing::error!(error = %error, "a page could not be rendered");
            Problem::unavailable().into_response()
        }
    }
}

/// A short page that says one thing.
#[derive(Debug, Template)]
#[template(path = "said.html")]
struct SaidPage<'a> {
    title: &'a str,
    text: &'a str,
    bad: bool,
}

fn said(status: StatusCode, title: &str, text: &str) -> Response {
    render(status, &SaidPage { title, text, bad: !status.is_success() })
}
