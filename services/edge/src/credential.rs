//! Who is calling: bearer tokens and the cookies of browsers, of which only a hash is stored.
//!
//! [`secret`] is what is handed out, `failures` how often one may be wrong. An answer is believed for some seconds; a
//! revoked credential, and whatever it opened, is refused everywhere within ten.

mod failures;
pub(crate) mod secret;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vigie_proto::{SourceId, event::SecurityMatter};

use failures::Failures;
pub use secret::{Purpose, digest, fresh_secret};

use crate::{problem::Problem, security::Notes};
use vigie_platform::{config::HttpConfig, database};

/// An answer is believed so long: with the time a look takes, a revoked credential is refused within ten seconds.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_secs(5);
/// Times a credential is looked for: once more than the connections of the pool.
const LOOKS: u32 = 3;
/// Answers kept in memory; forgotten altogether when there are more.
const MAX_REMEMBERED: usize = 10_000;
/// The last use of a credential is kept to this.
const USE_KEPT_TO: SignedDuration = SignedDuration::from_hours(1);

/// The cookie a browser's session is known by.
const SESSION_COOKIE: &str = "vigie_session";
/// The same over TLS: by its prefix a browser takes it from this host alone, and sends it over TLS alone.
const SECURE_SESSION_COOKIE: &str = "__Host-vigie_session";

/// The token of `Authorization: Bearer …`; none when there is no such header, or more than one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut carried = headers.get_all(header::AUTHORIZATION).iter();
    let carried = carried.next().filter(|_| carried.next().is_none())?;
    let token = carried.to_str().ok()?.strip_prefix("Bearer ")?.trim();
    (!token.is_empty()).then_some(token)
}

/// A token or session that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    pub source: SourceId,
    /// What it is listed and ended by.
    pub id: Uuid,
    pub purpose: Purpose,
}

/// As the porter proved it, behind the doors that ask for one.
impl<S: Sync> FromRequestParts<S> for Presented {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(Problem::unauthenticated)
    }
}

/// What is known of a secret.
enum Found {
    InForce(Presented),
    /// Expired or revoked: whose it was.
    Over(SourceId),
    Unknown,
}

/// Tokens and sessions by digest, and until when the answer is believed.
type Known = HashMap<Vec<u8>, (Presented, Timestamp)>;

/// Answers whose token or session it is; cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator {
    pool: PgPool,
    known: Arc<Mutex<Known>>,
    failures: Arc<Failures>,
    notes: Notes,
    cookie: &'static str,
}

impl Authenticator {
    /// `pool` reads credentials and sessions.
    pub fn new(pool: PgPool, config: &HttpConfig) -> Self {
        Self {
            pool,
            known: Arc::default(),
            failures: Arc::new(Failures::new(config.failed_logins_per_minute)),
            notes: Notes::default(),
            cookie: if config.is_https() { SECURE_SESSION_COOKIE } else { SESSION_COOKIE },
        }
    }

    /// What is noted of logins, to be written by [`crate::security::write`].
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The token or session a request carries; one that opens nothing is counted against `from`, which waits after too many (429).
    pub async fn admit(&self, headers: &HeaderMap, from: IpAddr, now: Timestamp) -> Result<Option<Presented>, Problem> {
        let Some((secret, purpose)) = self.carried(headers) else {
            return if self.carries_two_sessions(headers) { Err(self.failed(from, None, now)) } else { Ok(None) };
        };
        let was_good = self.with_known(|known| known.contains_key(&digest(secret)));
        if !was_good {
            self.patience(from, now)?;
        }
        match self.find(secret, purpose, now).await? {
            Found::InForce(presented) => Ok(Some(presented)),
            Found::Over(source) => Err(self.failed(from, Some(&source), now)),
            Found::Unknown => Err(self.failed(from, None, now)),
        }
    }

    /// 429 while `from` has to wait after logins that failed.
    pub fn patience(&self, from: IpAddr, now: Timestamp) -> Result<(), Problem> {
        match self.failures.wait(from, now) {
            Some(seconds) => {
                self.notes.note(SecurityMatter::LoginDeferred, None, Some(from));
                Err(too_many(seconds))
            }
            None => Ok(()),
        }
    }

    /// Notes that a login from `from` failed; 401, or 429 when it was one too many.
    pub fn failed(&self, from: IpAddr, who: Option<&SourceId>, now: Timestamp) -> Problem {
        self.notes.note(SecurityMatter::LoginFailed, who, Some(from));
        self.failures.count(from, who, now).map_or_else(Problem::unauthenticated, too_many)
    }

    /// Whether what was presented is still in force, asked of the database and not of memory.
    pub async fn is_in_force(&self, presented: &Presented, now: Timestamp) -> Result<bool, sqlx::Error> {
        let statement = match presented.purpose {
            Purpose::Session => {
                "select exists (select from directory.session where id = $1 and source_id = $2 and expires_at > $3)"
            }
            Purpose::Token | Purpose::Link | Purpose::Feed => {
                "select exists (select from directory.credential where id = $1 and source_id = $2
                                   and revoked_at is null and (expires_at is null or expires_at > $3))"
            }
        };
        sqlx::query_scalar(statement)
            .bind(presented.id)
            .bind(presented.source.as_str())
            .bind(now.to_sqlx())
            .fetch_one(&self.pool)
            .await
    }

    /// The secret of the session cookie; none when there is no such cookie, or more than one: another host of the same
    /// domain may have set the other.
    pub fn session_secret<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut cookies = self.session_cookies(headers);
        cookies.next().filter(|_| cookies.next().is_none())
    }

    /// `Set-Cookie` that gives a browser its session for so long, or takes it away.
    pub fn cookie(&self, secret: Option<&str>, lasts: SignedDuration) -> String {
        let secure = if self.cookie == SECURE_SESSION_COOKIE { "; Secure" } else { "" };
        let (value, age) = secret.map_or(("", 0), |secret| (secret, lasts.as_secs()));
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}", self.cookie)
    }

    /// Forgets what is remembered of a secret, when it was revoked here.
    pub fn forget(&self, secret: &str) {
        self.with_known(|known| known.remove(&digest(secret)));
    }

    /// Forgets a session or token that was ended here.
    pub fn forget_id(&self, id: Uuid) {
        self.with_known(|known| known.retain(|_, (presented, _)| presented.id != id));
    }

    /// A bearer token goes before a cookie.
    fn carried<'a>(&self, headers: &'a HeaderMap) -> Option<(&'a str, Purpose)> {
        let token = bearer(headers).map(|token| (token, Purpose::Token));
        token.or_else(|| self.session_secret(headers).map(|secret| (secret, Purpose::Session)))
    }

    fn carries_two_sessions(&self, headers: &HeaderMap) -> bool {
        self.session_cookies(headers).nth(1).is_some()
    }

    fn session_cookies<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let name = self.cookie;
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(move |pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    }

    async fn find(&self, secret: &str, purpose: Purpose, now: Timestamp) -> Result<Found, sqlx::Error> {
        if !purpose.fits(secret) {
            return Ok(Found::Unknown);
        }
        let digest = digest(secret);
        let remembered = matches!(purpose, Purpose::Token | Purpose::Session);
        if remembered {
            let known = self.with_known(|known| known.get(&digest).filter(|(_, until)| *until > now).cloned());
            if let Some((presented, _)) = known
                && presented.purpose == purpose
            {
                return Ok(Found::InForce(presented));
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
        if remembered {
            self.with_known(|known| match &found {
                Found::InForce(presented) => {
                    if known.len() >= MAX_REMEMBERED {
                        known.clear();
                    }
                    known.insert(digest, (presented.clone(), now + REMEMBERED_FOR));
                }
                Found::Over(_) | Found::Unknown => {
                    known.remove(&digest);
                }
            });
        }
        Ok(found)
    }

    async fn look_up(&self, digest: &[u8], purpose: Purpose, now: Timestamp) -> Result<Found, sqlx::Error> {
        let row = if purpose == Purpose::Session {
            sqlx::query(
                "select id, source_id, expires_at > $2 as good, last_used_at from directory.session where digest = $1",
            )
            .bind(digest)
            .bind(now.to_sqlx())
            .fetch_optional(&self.pool)
            .await?
        } else {
            sqlx::query(
                "select id, source_id, revoked_at is null and (expires_at is null or expires_at > $2) as good, last_used_at
                   from directory.credential where digest = $1 and purpose = $3",
            )
            .bind(digest)
            .bind(now.to_sqlx())
            .bind(purpose.code())
            .fetch_optional(&self.pool)
            .await?
        };
        let Some(row) = row else { return Ok(Found::Unknown) };
        let Ok(source) = SourceId::new(row.try_get::<String, _>("source_id")?) else { return Ok(Found::Unknown) };
        if !row.try_get::<bool, _>("good")? {
            return Ok(Found::Over(source));
        }
        let presented = Presented { source, id: row.try_get("id")?, purpose };
        let last_used: Option<SqlTimestamp> = row.try_get("last_used_at")?;
        let hour = hour_of(now);
        if last_used.is_none_or(|last| last.to_jiff() < hour) {
            self.notes.used(presented.id, purpose, hour);
        }
        Ok(Found::InForce(presented))
    }

    fn with_known<T>(&self, f: impl FnOnce(&mut Known) -> T) -> T {
        f(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The beginning of the hour `now` is in.
fn hour_of(now: Timestamp) -> Timestamp {
    let hour = USE_KEPT_TO.as_secs();
    Timestamp::from_second(now.as_second().div_euclid(hour) * hour).unwrap_or(now)
}

fn too_many(seconds: u64) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-failed-logins", "Trop de tentatives refusées")
        .detail(format!(
            "Plusieurs jetons ou liens refusés sont venus de cette adresse. Réessayez dans {seconds} s avec le bon. En cas d'urgence, appelez le 17."
        ))
        .retry_after(seconds)
}

/// Where a request comes from when nobody knows.
pub const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A connection was lost, rather than the database out of reach: asking again at once helps.
fn is_broken(error: &sqlx::Error) -> bool {
    database::is_unavailable(error) && !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use vigie_platform::config::{DatabaseConfig, Secret};

    fn authenticator(public_url: &str) -> Authenticator {
        let config = HttpConfig { public_url: public_url.to_owned(), ..HttpConfig::default() };
        let nowhere = Secret::new("postgres://nobody@127.0.0.1:1/none");
        let database = DatabaseConfig { url: nowhere, ..DatabaseConfig::default() };
        let pool = database::pool(&database, database::AUTHENTICATOR, 1).unwrap();
        Authenticator::new(pool, &config)
    }

    fn cookies(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (header::COOKIE, HeaderValue::from_static(value))).collect()
    }

    #[tokio::test]
    async fn there_is_one_session_cookie_or_none() {
        let plain = authenticator("http://localhost:8080");
        assert_eq!(plain.session_secret(&cookies(&["a=1; vigie_session=x"])), Some("x"));
        for two in [cookies(&["vigie_session=x; vigie_session=x"]), cookies(&["vigie_session=x", "vigie_session=y"])] {
            assert_eq!(plain.session_secret(&two), None);
            let refused = plain.admit(&two, NOWHERE, Timestamp::UNIX_EPOCH).await.unwrap_err();
            assert_eq!(refused.code, "unauthenticated");
        }
    }

    #[tokio::test]
    async fn over_tls_the_cookie_is_one_that_no_other_host_can_set() {
        let secure = authenticator("https://vigie.example.org");
        assert_eq!(secure.session_secret(&cookies(&["vigie_session=x; __Host-vigie_session=y"])), Some("y"));
        assert_eq!(secure.session_secret(&cookies(&["vigie_session=x"])), None);
        let set = secure.cookie(Some("s"), SignedDuration::from_hours(1));
        assert_eq!(set, "__Host-vigie_session=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure");
        let plain = authenticator("http://localhost:8080").cookie(None, SignedDuration::ZERO);
        assert_eq!(plain, "vigie_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn the_last_use_is_kept_to_the_hour() {
        let now: Timestamp = "2026-11-30T13:59:59.9Z".parse().unwrap();
        assert_eq!(hour_of(now).to_string(), "2026-11-30T13:00:00Z");
    }
}
