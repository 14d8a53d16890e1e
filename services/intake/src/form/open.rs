//! `/signaler/ouvrir`: exchanges a personal link for a session, once, by an act of the person.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{message, render};
use crate::{Edge, session};

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

pub(crate) async fn exchange(State(edge): State<Arc<Edge>>, Form(link): Form<Link>) -> Response {
    match session::open(&edge, &link.cle, edge.context.clock.now()).await {
        Ok(Some(cookie)) => ([(header::SET_COOKIE, cookie)], Redirect::to("/signaler")).into_response(),
        Ok(None) => message(
            StatusCode::GONE,
            "Ce lien ne peut plus servir",
            "Le lien est incomplet, expiré, ou il a déjà été utilisé. Demandez un nouveau lien à la SCOP. En cas d'urgence, appelez le 17.",
        ),
        Err(problem) => problem.into_response(),
    }
}
