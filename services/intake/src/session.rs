//! Sessions of the head's form: a cookie whose hash is stored, opened once by a personal link.

use axum::http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use vigie_domain::directory::Source;
use vigie_platform::{
    credential::{self, Purpose},
    problem::Problem,
};
use vigie_proto::SourceId;

use crate::Edge;

const COOKIE: &str = "vigie_session";

/// The source whose session the request carries; none when there is no session or it has ended.
pub(crate) async fn source<'a>(edge: &'a Edge, headers: &HeaderMap) -> Result<Option<&'a Source>, Problem> {
    let Some(secret) = cookie(headers) else { return Ok(None) };
    let id: Option<String> =
        sqlx::query_scalar("select source_id from intake.session where digest = $1 and expires_at > $2")
            .bind(credential::digest(secret))
            .bind(edge.context.clock.now().to_sqlx())
            .fetch_optional(&edge.pool)
            .await
            .map_err(|e| Problem::from_store(&e))?;
    Ok(id.and_then(|id| SourceId::new(id).ok()).and_then(|id| edge.city.directory.source(&id)))
}

/// Exchanges a personal link for a session and returns the cookie; none when the link is unknown, expired or used.
pub(crate) async fn open(edge: &Edge, link: &str, now: Timestamp) -> Result<Option<HeaderValue>, Problem> {
    let found = edge.context.authenticator.source_of(link, Purpose::Link, now).await;
    let Some(source) = found.map_err(|e| Problem::from_store(&e))? else { return Ok(None) };
    let secret = credential::fresh_secret(Purpose::Token);
    let lasts = SignedDuration::from_hours(24 * edge.context.config.intake.session_days);
    let stored = async {
        let mut tx = edge.pool.begin().await?;
        let first =
            sqlx::query("insert into intake.used_link (digest, used_at) values ($1, $2) on conflict do nothing")
                .bind(credential::digest(link))
                .bind(now.to_sqlx())
                .execute(&mut *tx)
                .await?
                .rows_affected();
        if first == 0 {
            return Ok(false);
        }
        sqlx::query("insert into intake.session (digest, source_id, expires_at) values ($1, $2, $3)")
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
    let cookie = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", lasts.as_secs());
    Ok(HeaderValue::from_str(&cookie).ok())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
