//! `/ouvrir` exchanges a personal link for a session, once, by an act of the person; `/quitter` ends it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use serde::Deserialize;
use vigie_platform::{
    credential::{self, Purpose, SESSION_COOKIE, session_cookie},
    problem::Problem,
};

use super::{render, said};
use crate::api::Edge;

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
    match open(&edge, &link.cle, edge.context.clock.now()).await {
        Ok(Some(cookie)) => ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Ok(None) => said(
            StatusCode::GONE,
            "Ce lien ne peut plus servir",
            "Le lien est incomplet, expiré, ou il a déjà été utilisé. Demandez un nouveau lien à la SCOP. En cas d'urgence, appelez le 17.",
        ),
        Err(problem) => problem.into_response(),
    }
}

/// Ends the session of this browser.
pub(crate) async fn leave(State(edge): State<Arc<Edge>>, headers: HeaderMap) -> Response {
    if let Some(secret) = session_cookie(&headers) {
        let ended = sqlx::query("delete from directory.session where digest = $1")
            .bind(credential::digest(secret))
            .execute(&edge.pool)
            .await;
        if let Err(error) = ended {
            return Problem::from_store(&error).into_response();
        }
        edge.context.authenticator.forget(secret);
    }
    let gone = format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    let page = said(StatusCode::OK, "Session terminée", "Cet appareil n'est plus relié à votre fonction.");
    match HeaderValue::from_str(&gone) {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], page).into_response(),
        Err(_) => page,
    }
}

/// Exchanges a personal link for a session and returns the cookie; none when the link is unknown, expired or used.
async fn open(edge: &Edge, link: &str, now: Timestamp) -> Result<Option<HeaderValue>, Problem> {
    let found = edge.context.authenticator.source_of(link, Purpose::Link, now).await;
    let Some(source) = found.map_err(|e| Problem::from_store(&e))? else { return Ok(None) };
    let secret = credential::fresh_secret(Purpose::Session);
    let lasts = SignedDuration::from_hours(24 * edge.context.config.directory.session_days);
    let stored = async {
        let mut tx = edge.pool.begin().await?;
        let first =
            sqlx::query("insert into directory.used_link (digest, used_at) values ($1, $2) on conflict do nothing")
                .bind(credential::digest(link))
                .bind(now.to_sqlx())
                .execute(&mut *tx)
                .await?
                .rows_affected();
        if first == 0 {
            return Ok(false);
        }
        sqlx::query("delete from directory.session where expires_at <= $1")
            .bind(now.to_sqlx())
            .execute(&mut *tx)
            .await?;
        sqlx::query("insert into directory.session (digest, source_id, expires_at) values ($1, $2, $3)")
            .bind(credential::digest(&secret))
            .bind(source.as_str())
            .bind((now + lasts).to_sqlx())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    };
    if !stored.await.map_err(|e: sqlx::Error| Problem::from_store(&e))? {
        return Ok(None);
    }
    let secure = if edge.context.config.http.public_url.starts_with("https") { "; Secure" } else { "" };
    let cookie =
        format!("{SESSION_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", lasts.as_secs());
    Ok(HeaderValue::from_str(&cookie).ok())
}
