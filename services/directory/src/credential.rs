//! Issues and revokes credentials. The secret is shown once; only its hash is kept.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgPool;
use vigie_platform::credential::{Purpose, digest, fresh_secret};
use vigie_proto::SourceId;

/// A new secret for `source`. With `replace`, its former ones of this purpose stop working.
pub async fn issue(
    pool: &PgPool,
    source: &SourceId,
    purpose: Purpose,
    expires_at: Option<Timestamp>,
    replace: bool,
    now: Timestamp,
) -> Result<String, sqlx::Error> {
    let secret = fresh_secret(purpose);
    let mut tx = pool.begin().await?;
    if replace {
        revoke_in(&mut tx, source, purpose, now).await?;
    }
    sqlx::query("insert into directory.credential (digest, source_id, purpose, created_at, expires_at) values ($1, $2, $3, $4, $5)")
        .bind(digest(&secret))
        .bind(source.as_str())
        .bind(purpose.code())
        .bind(now.to_sqlx())
        .bind(expires_at.map(ToSqlx::to_sqlx))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(secret)
}

/// Revokes every credential of `source` of this purpose; returns how many.
pub async fn revoke(pool: &PgPool, source: &SourceId, purpose: Purpose, now: Timestamp) -> Result<u64, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    revoke_in(&mut connection, source, purpose, now).await
}

async fn revoke_in(
    connection: &mut sqlx::PgConnection,
    source: &SourceId,
    purpose: Purpose,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let revoked = sqlx::query(
        "update directory.credential set revoked_at = $3 where source_id = $1 and purpose = $2 and revoked_at is null",
    )
    .bind(source.as_str())
    .bind(purpose.code())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(revoked.rows_affected())
}
