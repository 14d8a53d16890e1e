//! Makes, lists and ends what sources come in by: tokens, personal links, sessions. A secret is shown once; only its
//! hash is kept. Every change is a fact of the journal, in the transaction of the change.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use serde::Serialize;
use sqlx::{PgConnection, PgPool, PgTransaction};
use uuid::Uuid;
use vigie_edge::{
    credential::{Purpose, digest, fresh_secret},
    security,
};
use vigie_platform::journal::{self, Entry};
use vigie_proto::{
    SourceId,
    event::{Event, SecurityMatter},
};

/// Tokens of one source that may be in force at once: the old one, and the one that takes its place.
pub const TOKENS_AT_MOST: usize = 2;

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    #[error(
        "`{source_id}` has {TOKENS_AT_MOST} tokens in force already: revoke one first (`vigie token list --source {source_id}`, then `vigie token revoke --id ID`), or replace both with --replace"
    )]
    TooMany { source_id: SourceId },
    #[error("the database did not take it")]
    Store(#[from] sqlx::Error),
}

/// One token or session, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Key {
    /// What it is ended by; nothing of the secret can be told from it.
    pub id: Uuid,
    #[schema(value_type = String)]
    pub source: SourceId,
    /// When it was issued or opened; unknown for those of before it was written down.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Until when it is good; for ever when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// When it was last used, to the hour; never when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used: Option<Timestamp>,
    /// What opened it: `link`. Sessions only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<String>,
}

/// Whose keys.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    Everybody,
    Of(&'a SourceId),
}

/// Who does it, from where, when.
#[derive(Debug, Clone, Copy)]
pub struct Doing<'a> {
    /// The source that does it; none for whoever administers the machine.
    pub by: Option<&'a SourceId>,
    pub from: Option<IpAddr>,
    pub now: Timestamp,
}

impl Doing<'_> {
    /// On the machine's own command line.
    pub fn on_the_machine(now: Timestamp) -> Self {
        Self { by: None, from: None, now }
    }
}

/// A new secret for `source`. With `replace`, its former ones of this purpose stop working.
pub async fn issue(
    pool: &PgPool,
    source: &SourceId,
    purpose: Purpose,
    expires_at: Option<Timestamp>,
    replace: bool,
    now: Timestamp,
) -> Result<String, IssueError> {
    let doing = Doing::on_the_machine(now);
    let secret = fresh_secret(purpose);
    let mut tx = pool.begin().await?;
    // Two at once would each count the other out.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('vigie credentials of ' || $1))", source.as_str())
        .execute(&mut *tx)
        .await?;
    if replace {
        revoke_in(&mut tx, source, purpose, doing).await?;
    } else if purpose == Purpose::Token && tokens(&mut tx, Whose::Of(source), now).await?.len() >= TOKENS_AT_MOST {
        return Err(IssueError::TooMany { source_id: source.clone() });
    }
    sqlx::query!(
        "insert into directory.credential (digest, source_id, purpose, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        digest(&secret),
        source.as_str(),
        purpose.code(),
        now.to_sqlx(),
        expires_at.map(ToSqlx::to_sqlx)
    )
        .execute(&mut *tx)
        .await?;
    let what = if purpose == Purpose::Link { SecurityMatter::LinkIssued } else { SecurityMatter::TokenIssued };
    note(&mut tx, what, source, 1, doing).await?;
    tx.commit().await?;
    Ok(secret)
}

/// What a revocation ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revoked {
    pub tokens: u64,
    pub links: u64,
    pub sessions: u64,
    /// Calendar addresses it had made.
    pub feeds: u64,
}

/// Ends everything `source` comes in by.
pub async fn revoke_all(pool: &PgPool, source: &SourceId, doing: Doing<'_>) -> Result<Revoked, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let tokens = revoke_in(&mut tx, source, Purpose::Token, doing).await?;
    // Links before sessions: one that is just being opened holds its link, so its session is there to be ended.
    let links = revoke_in(&mut tx, source, Purpose::Link, doing).await?;
    let sessions = sqlx::query!("delete from directory.session where source_id = $1", source.as_str())
        .execute(&mut *tx)
        .await?
        .rows_affected();
    note(&mut tx, SecurityMatter::SessionEnded, source, sessions, doing).await?;
    let feeds = sqlx::query!(
        "update directory.feed set revoked_at = $2 where created_by = $1 and revoked_at is null",
        source.as_str(),
        doing.now.to_sqlx()
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(Revoked { tokens, links, sessions, feeds })
}

async fn revoke_in(
    connection: &mut PgConnection,
    source: &SourceId,
    purpose: Purpose,
    doing: Doing<'_>,
) -> Result<u64, sqlx::Error> {
    let revoked = sqlx::query!(
        "update directory.credential set revoked_at = $3 where source_id = $1 and purpose = $2 and revoked_at is null",
        source.as_str(),
        purpose.code(),
        doing.now.to_sqlx()
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    let what = if purpose == Purpose::Link { SecurityMatter::LinkRevoked } else { SecurityMatter::TokenRevoked };
    note(connection, what, source, revoked, doing).await?;
    Ok(revoked)
}

impl Whose<'_> {
    /// The source's id; none for everybody.
    fn source(&self) -> Option<&str> {
        match self {
            Self::Everybody => None,
            Self::Of(source) => Some(source.as_str()),
        }
    }
}

struct Row {
    id: Uuid,
    source_id: String,
    created_at: Option<SqlTimestamp>,
    expires_at: Option<SqlTimestamp>,
    last_used_at: Option<SqlTimestamp>,
    opened_by: Option<String>,
}

impl Row {
    fn key(self) -> Result<Key, sqlx::Error> {
        Ok(Key {
            id: self.id,
            source: SourceId::new(self.source_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            since: self.created_at.map(SqlTimestamp::to_jiff),
            until: self.expires_at.map(SqlTimestamp::to_jiff),
            last_used: self.last_used_at.map(SqlTimestamp::to_jiff),
            opened_by: self.opened_by,
        })
    }
}

/// Tokens in force, latest first.
pub async fn tokens(connection: &mut PgConnection, whose: Whose<'_>, now: Timestamp) -> Result<Vec<Key>, sqlx::Error> {
    let tokens = sqlx::query_as!(
        Row,
        "select id, source_id, created_at, expires_at, last_used_at, null::text as opened_by from directory.credential
          where purpose = 'token' and revoked_at is null and (expires_at is null or expires_at > $1)
            and ($2::text is null or source_id = $2)
          order by created_at desc, id",
        now.to_sqlx(),
        whose.source()
    );
    tokens.try_map(Row::key).fetch_all(connection).await
}

/// Sessions in force, latest first.
pub async fn sessions(
    connection: &mut PgConnection,
    whose: Whose<'_>,
    now: Timestamp,
) -> Result<Vec<Key>, sqlx::Error> {
    let sessions = sqlx::query_as!(
        Row,
        "select id, source_id, created_at, expires_at, last_used_at, opened_by from directory.session
          where expires_at > $1 and ($2::text is null or source_id = $2)
          order by created_at desc nulls last, id",
        now.to_sqlx(),
        whose.source()
    );
    sessions.try_map(Row::key).fetch_all(connection).await
}

/// Ends one token; whose it was, or none when there is no such token in force among theirs.
pub async fn end_token(
    pool: &PgPool,
    id: Uuid,
    whose: Whose<'_>,
    doing: Doing<'_>,
) -> Result<Option<SourceId>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let ended = sqlx::query_scalar!(
        "update directory.credential set revoked_at = $3
          where id = $1 and purpose = 'token' and revoked_at is null and (expires_at is null or expires_at > $3)
            and ($2::text is null or source_id = $2)
          returning source_id",
        id,
        whose.source(),
        doing.now.to_sqlx()
    );
    let ended = ended.fetch_optional(&mut *tx).await?;
    ended_by(tx, ended, SecurityMatter::TokenRevoked, doing).await
}

/// Ends one session; whose it was, or none when there is no such session among theirs.
pub async fn end_session(
    pool: &PgPool,
    id: Uuid,
    whose: Whose<'_>,
    doing: Doing<'_>,
) -> Result<Option<SourceId>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let ended = sqlx::query_scalar!(
        "delete from directory.session where id = $1 and expires_at > $3 and ($2::text is null or source_id = $2)
          returning source_id",
        id,
        whose.source(),
        doing.now.to_sqlx()
    );
    let ended = ended.fetch_optional(&mut *tx).await?;
    ended_by(tx, ended, SecurityMatter::SessionEnded, doing).await
}

async fn ended_by(
    mut tx: PgTransaction<'_>,
    ended: Option<String>,
    what: SecurityMatter,
    doing: Doing<'_>,
) -> Result<Option<SourceId>, sqlx::Error> {
    let Some(ended) = ended.and_then(|source| SourceId::new(source).ok()) else { return Ok(None) };
    note(&mut tx, what, &ended, 1, doing).await?;
    tx.commit().await?;
    Ok(Some(ended))
}

/// Exchanges a personal link for a session that lasts `lasts`, once; none when the link is unknown, expired, revoked or
/// used.
pub(crate) async fn open_session(
    pool: &PgPool,
    link: &str,
    lasts: impl FnOnce(&SourceId) -> SignedDuration,
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<Option<(String, SignedDuration)>, sqlx::Error> {
    if !Purpose::Link.fits(link) {
        return Ok(None);
    }
    let mut tx = pool.begin().await?;
    // Held until the session is there: whoever revokes the link meanwhile waits, and then finds the session.
    let source = sqlx::query_scalar!(
        "select source_id from directory.credential
          where digest = $1 and purpose = 'link' and revoked_at is null and (expires_at is null or expires_at > $2)
            for share",
        digest(link),
        now.to_sqlx()
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(source) = source.and_then(|source| SourceId::new(source).ok()) else { return Ok(None) };
    let first = sqlx::query!(
        "insert into directory.used_link (digest, used_at) values ($1, $2) on conflict do nothing",
        digest(link),
        now.to_sqlx()
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if first == 0 {
        return Ok(None);
    }
    sqlx::query!("delete from directory.session where expires_at <= $1", now.to_sqlx()).execute(&mut *tx).await?;
    let (secret, lasts) = (fresh_secret(Purpose::Session), lasts(&source));
    sqlx::query!(
        "insert into directory.session (digest, source_id, created_at, expires_at) values ($1, $2, $3, $4)",
        digest(&secret),
        source.as_str(),
        now.to_sqlx(),
        (now + lasts).to_sqlx()
    )
    .execute(&mut *tx)
    .await?;
    note(&mut tx, SecurityMatter::SessionOpened, &source, 1, Doing { by: None, from, now }).await?;
    tx.commit().await?;
    Ok(Some((secret, lasts)))
}

/// Ends the session of this secret.
pub(crate) async fn leave_session(
    pool: &PgPool,
    secret: &str,
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    let source =
        sqlx::query_scalar!("delete from directory.session where digest = $1 returning source_id", digest(secret))
            .fetch_optional(&mut *tx)
            .await?;
    if let Some(source) = source.and_then(|source| SourceId::new(source).ok()) {
        note(&mut tx, SecurityMatter::SessionEnded, &source, 1, Doing { by: None, from, now }).await?;
    }
    tx.commit().await
}

async fn note(
    connection: &mut PgConnection,
    what: SecurityMatter,
    source: &SourceId,
    count: u64,
    doing: Doing<'_>,
) -> Result<(), sqlx::Error> {
    if count == 0 {
        return Ok(());
    }
    // Whoever ends their own is named once.
    let by = doing.by.filter(|by| *by != source);
    let mut fact = security::fact(what, source, by, doing.from, doing.now);
    fact.count = count;
    journal::append(connection, &[Entry::new("directory", &Event::from(fact), doing.now, None, None)]).await
}

#[cfg(test)]
mod tests;
