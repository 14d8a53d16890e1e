//! Who is calling: bearer tokens and the cookies of browsers, of which only a hash is stored.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use vigie_proto::SourceId;

use crate::{database, problem::Problem};

/// A revoked token is refused at the latest after this time.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_secs(10);
/// Times a credential is looked for: once more than the connections of the pool.
const LOOKS: u32 = 3;
/// Answers kept in memory; forgotten altogether when there are more.
const MAX_REMEMBERED: usize = 10_000;

/// The cookie a browser's session is known by.
pub const SESSION_COOKIE: &str = "vigie_session";

/// What a stored credential is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Calls the API.
    Token,
    /// Opens a browser's session, once.
    Link,
    /// A browser's session.
    Session,
    /// Reads one duty roster as a calendar.
    Feed,
}

impl Purpose {
    pub fn code(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Link => "link",
            Self::Session => "session",
            Self::Feed => "feed",
        }
    }
}

/// A fresh secret: 32 random bytes, base64url, with a prefix that secret scanners can find.
pub fn fresh_secret(purpose: Purpose) -> String {
    let mut bytes = [0u8; 32];
    bytes[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    format!("vigie_{}_{}", purpose.code(), URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a secret: its SHA-256. Secrets are random and long, so no salt is needed.
pub fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// The token of `Authorization: Bearer …`, if any.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// The secret of the session cookie, if any.
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='))
}

/// Digest of the token, or else of the session cookie, a request carries: names a session without being one.
pub fn presented(headers: &HeaderMap) -> Option<Vec<u8>> {
    bearer(headers).or_else(|| session_cookie(headers)).map(digest)
}

/// Sources of tokens and sessions by digest, and until when the answer is believed.
type Known = HashMap<Vec<u8>, (SourceId, Timestamp)>;

/// Answers whose token or session it is; cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator {
    pool: PgPool,
    known: Arc<Mutex<Known>>,
}

impl Authenticator {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, known: Arc::default() }
    }

    /// The source whose bearer token, or else session cookie, a request carries; 401 or 503 otherwise.
    ///
    /// A cookie is as good as a token: it is `SameSite=Lax`, so no other site's form or script can send it along.
    pub async fn authenticate(&self, headers: &HeaderMap, now: Timestamp) -> Result<SourceId, Problem> {
        let found = match bearer(headers) {
            Some(token) => self.source_of(token, Purpose::Token, now).await.map_err(|e| Problem::from_store(&e))?,
            None => self.visitor(headers, now).await?,
        };
        found.ok_or_else(Problem::unauthenticated)
    }

    /// The source whose browser a request comes from; none when there is no session or it has ended.
    pub async fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Result<Option<SourceId>, Problem> {
        let Some(secret) = session_cookie(headers) else { return Ok(None) };
        self.source_of(secret, Purpose::Session, now).await.map_err(|e| Problem::from_store(&e))
    }

    /// Forgets what is remembered of a secret, when it was revoked here.
    pub fn forget(&self, secret: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(secret));
    }

    /// The source a secret belongs to; none when it is unknown, expired, revoked or of another purpose.
    pub async fn source_of(
        &self,
        secret: &str,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Option<SourceId>, sqlx::Error> {
        let digest = digest(secret);
        let remembered = matches!(purpose, Purpose::Token | Purpose::Session);
        if remembered {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((source, until)) = known.get(&digest)
                && *until > now
            {
                return Ok(Some(source.clone()));
            }
        }
        // Connections from before a restart of the database fail once each; a fresh one answers.
        let mut found = self.look_up(&digest, purpose, now).await;
        for _ in 1..LOOKS {
            match &found {
                Err(error) if is_broken(error) => found = self.look_up(&digest, purpose, now).await,
                _ => break,
            }
        }
        let found = found?;
        let source = found.and_then(|id| SourceId::new(id).ok());
        if let Some(source) = &source
            && remembered
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MAX_REMEMBERED {
                known.clear();
            }
            known.insert(digest, (source.clone(), now + REMEMBERED_FOR));
        }
        Ok(source)
    }

    async fn look_up(&self, digest: &[u8], purpose: Purpose, now: Timestamp) -> Result<Option<String>, sqlx::Error> {
        if purpose == Purpose::Session {
            sqlx::query_scalar("select source_id from directory.session where digest = $1 and expires_at > $2")
                .bind(digest)
                .bind(now.to_sqlx())
                .fetch_optional(&self.pool)
                .await
        } else {
            sqlx::query_scalar(
                "select source_id from directory.credential
                  where digest = $1 and purpose = $2 and revoked_at is null and (expires_at is null or expires_at > $3)",
            )
            .bind(digest)
            .bind(purpose.code())
            .bind(now.to_sqlx())
            .fetch_optional(&self.pool)
            .await
        }
    }
}

/// A connection was lost, rather than the database out of reach: asking again at once helps.
fn is_broken(error: &sqlx::Error) -> bool {
    database::is_unreachable(error) && !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
}
