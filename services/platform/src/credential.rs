//! Who is calling: bearer tokens, of which only a hash is stored.

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

use crate::problem::Problem;

/// A revoked token is refused at the latest after this time.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_secs(10);
/// Answers kept in memory; forgotten altogether when there are more.
const MAX_REMEMBERED: usize = 10_000;

/// What a stored credential is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Calls the API.
    Token,
    /// Opens the head's form once, in exchange for a session.
    Link,
    /// Reads one duty roster as a calendar.
    Feed,
}

impl Purpose {
    pub fn code(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Link => "link",
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

/// Sources of tokens by digest, and until when the answer is believed.
type Known = HashMap<Vec<u8>, (SourceId, Timestamp)>;

/// Answers whose token it is; cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator {
    pool: PgPool,
    known: Arc<Mutex<Known>>,
}

impl Authenticator {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, known: Arc::default() }
    }

    /// The source whose bearer token a request carries; 401 or 503 otherwise.
    pub async fn authenticate(&self, headers: &HeaderMap, now: Timestamp) -> Result<SourceId, Problem> {
        let token = bearer(headers).ok_or_else(Problem::unauthenticated)?;
        let found = self.source_of(token, Purpose::Token, now).await.map_err(|e| Problem::from_store(&e))?;
        found.ok_or_else(Problem::unauthenticated)
    }

    /// The source a secret belongs to; none when it is unknown, expired, revoked or of another purpose.
    pub async fn source_of(
        &self,
        secret: &str,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Option<SourceId>, sqlx::Error> {
        let digest = digest(secret);
        if purpose == Purpose::Token {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((source, until)) = known.get(&digest)
                && *until > now
            {
                return Ok(Some(source.clone()));
            }
        }
        let found: Option<String> = sqlx::query_scalar(
            "select source_id from directory.credential
              where digest = $1 and purpose = $2 and revoked_at is null and (expires_at is null or expires_at > $3)",
        )
        .bind(&digest)
        .bind(purpose.code())
        .bind(now.to_sqlx())
        .fetch_optional(&self.pool)
        .await?;
        let source = found.and_then(|id| SourceId::new(id).ok());
        if let Some(source) = &source
            && purpose == Purpose::Token
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MAX_REMEMBERED {
                known.clear();
            }
            known.insert(digest, (source.clone(), now + REMEMBERED_FOR));
        }
        Ok(source)
    }
}
