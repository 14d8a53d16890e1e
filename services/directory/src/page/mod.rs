//! The directory's pages: opening and ending a session, the home of whoever has one, the page of a probe.

pub(crate) mod administration;
pub(crate) mod home;
pub(crate) mod probe;
pub(crate) mod session;

use askama::Template;
use axum::{http::StatusCode, response::Response};
use vigie_edge::page::render;

#[derive(Debug, Template)]
#[template(path = "accessibility.html")]
struct AccessibilityPage;

/// `/accessibilite`: what is checked of accessibility, what is not.
pub(crate) async fn accessibility() -> Response {
    render(StatusCode::OK, &AccessibilityPage)
}
