//! `/ouvrir` exchanges a personal link for a session, once, by an act of the person; `/quitter` ends it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use jiff::SignedDuration;
use serde::Deserialize;
use vigie_platform::{porter::Client, problem::Problem};
use vigie_proto::SourceId;

use super::{render, said};
use crate::{api::Edge, credential};

/// The personal link's secret.
#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    cle: String,
}

#[derive(Debug, Template)]
#[template(path = "open.html")]
struct OpenPage<'a> {
    key: &'a str,
}

/// `GET` opens nothing: mail scanners follow links, and the link serves once.
pub(crate) async fn confirm(Query(link): Query<Link>) -> Response {
    render(StatusCode::OK, &OpenPage { key: &link.cle })
}

pub(crate) async fn exchange(
    State(edge): State<Arc<Edge>>,
    Extension(client): Extension<Client>,
    Form(link): Form<Link>,
) -> Response {
    let now = edge.context.clock.now();
    let lasts = |source: &SourceId| lasts(&edge, source);
    match credential::open_session(&edge.pool, &link.cle, lasts, Some(client.0), now).await {
        Ok(Some((secret, lasts))) => {
            let cookie = edge.context.authenticator.cookie(Some(&secret), lasts);
            with_cookie(&cookie, Redirect::to("/").into_response())
        }
        Ok(None) => said(
            StatusCode::GONE,
            "Ce lien ne peut plus servir",
            "Le lien est incomplet, expiré, ou il a déjà été utilisé. Demandez un nouveau lien à la SCOP. En cas d'urgence, appelez le 17.",
        ),
        Err(error) => Problem::from_store(&error).into_response(),
    }
}

/// Ends the session of this browser.
pub(crate) async fn leave(
    State(edge): State<Arc<Edge>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Response {
    let authenticator = &edge.context.authenticator;
    if let Some(secret) = authenticator.session_secret(&headers) {
        let now = edge.context.clock.now();
        if let Err(error) = credential::leave_session(&edge.pool, secret, Some(client.0), now).await {
            return Problem::from_store(&error).into_response();
        }
        authenticator.forget(secret);
    }
    let page = said(StatusCode::OK, "Session terminée", "Cet appareil n'est plus relié à votre fonction.");
    with_cookie(&authenticator.cookie(None, SignedDuration::ZERO), page)
}

/// How long a session of this source lasts: as its role says, or the configuration.
fn lasts(edge: &Edge, source: &SourceId) -> SignedDuration {
    let directory = &edge.city.directory;
    let role = directory.source(source).and_then(|source| directory.role(&source.role));
    let hours = role.and_then(|role| role.session_hours).map(|hours| i64::from(hours.get()));
    SignedDuration::from_hours(hours.unwrap_or(24 * edge.config.session_days))
}

fn with_cookie(cookie: &str, page: Response) -> Response {
    match HeaderValue::from_str(cookie) {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], page).into_response(),
        Err(_) => page,
    }
}
