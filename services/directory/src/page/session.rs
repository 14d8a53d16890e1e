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
use vigie_domain::link::LinkError;
use vigie_edge::{
    page::{render, said},
    porter::Client,
    problem::Problem,
};
use vigie_proto::SourceId;

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
) -> Result<Response, Problem> {
    let lasts = |source: &SourceId| lasts(&edge, source);
    let opened = credential::open_session(&edge.pool, &link.cle, lasts, Some(client.0), edge.now).await?;
    let (secret, lasts) = opened.ok_or_else(|| {
        Problem::dead_link(
            LinkError::Expired,
            "Ce lien ne peut plus servir",
            "Le lien est incomplet, expiré, ou il a déjà été utilisé. Demandez un nouveau lien à la SCOP. En cas d'urgence, appelez le 17.",
        )
    })?;
    let cookie = edge.authenticator.cookie(Some(&secret), lasts);
    Ok(with_cookie(&cookie, Redirect::to("/").into_response()))
}

/// Ends the session of this browser.
pub(crate) async fn leave(
    State(edge): State<Arc<Edge>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let authenticator = &edge.authenticator;
    if let Some(secret) = authenticator.session_secret(&headers) {
        credential::leave_session(&edge.pool, secret, Some(client.0), edge.now).await?;
        authenticator.forget(secret);
    }
    let page = said(StatusCode::OK, "Session terminée", "Cet appareil n'est plus relié à votre fonction.");
    Ok(with_cookie(&authenticator.cookie(None, SignedDuration::ZERO), page))
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
