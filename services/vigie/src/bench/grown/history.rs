//! Makes years of service out of an afternoon.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::bench::progress;

/// How far back it goes, windows of 65.536 s: two years.
const WINDOWS: u32 = 960_000;
/// Copies told in one statement.
const AT_ONCE: u32 = 50;

/// What there is afterwards.
pub(super) struct Grown {
    pub(super) entries: f64,
    pub(super) incidents: f64,
    pub(super) gigabytes: f64,
}

/// Tells the closed incidents again until there are about `incidents`.
pub(super) async fn grow(options: &PgConnectOptions, incidents: u32) -> anyhow::Result<Grown> {
    let mut admin = PgConnection::connect_with(options).await?;
    let closed: i64 = sqlx::query_scalar("select count(*) from routing.incident where status = 'closed'")
        .fetch_one(&mut admin)
        .await?;
    let closed = u32::try_from(closed)?;
    anyhow::ensure!(closed > 0, "no incident could be closed");
    let copies = (incidents / closed).max(1);
    let windows = (WINDOWS / copies).max(1).to_string();
    let prepare = include_str!("history.sql").replace("{windows}", &windows);
    admin.execute("set synchronous_commit = off; set maintenance_work_mem = '512MB'").await?;
    admin.execute(AssertSqlSafe(prepare)).await.context("the history cannot be prepared")?;
    for first in (1..=copies).step_by(AT_ONCE as usize) {
        let last = copies.min(first + AT_ONCE - 1);
        progress(&format!("{closed} incidents told again {last} of {copies} times"));
        sqlx::query("call history.tell($1, $2)")
            .bind(first.cast_signed())
            .bind(last.cast_signed())
            .execute(&mut admin)
            .await?;
    }
    progress("vacuum analyze");
    admin.execute("vacuum analyze").await?;
    let (entries, incidents, gigabytes) = sqlx::query_as(
        "select (select count(*) from journal.entry)::float8, (select count(*) from routing.incident)::float8,
                pg_database_size(current_database()) / 1e9::float8",
    )
    .fetch_one(&mut admin)
    .await?;
    admin.close().await?;
    Ok(Grown { entries, incidents, gigabytes })
}
