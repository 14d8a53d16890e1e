//! Postgres: one schema and one role per service.

use std::{str::FromStr, time::Duration};

use anyhow::Context as _;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio_util::sync::CancellationToken;

use crate::health::{Health, State};

/// Every service role is a member of this one, which may append to the journal.
const SERVICE_GROUP: &str = "vigie_service";
/// The relay's own role.
pub const RELAY: &str = "relay";

/// The migrations of one schema, owned by the service of the same name.
#[derive(Debug)]
pub struct SchemaMigrations {
    pub schema: &'static str,
    pub migrator: Migrator,
}

/// The journal's own migrations; they come first.
pub fn journal_migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "journal", migrator: sqlx::migrate!("./migrations") }
}

/// Opens a pool whose connections act as `vigie_<service>`: they can write that service's schema, append to the
/// journal, and nothing else.
pub fn pool(url: &str, service: &str, connections: u32) -> anyhow::Result<PgPool> {
    let options = PgConnectOptions::from_str(url)
        .context("database.url cannot be read as a Postgres URL")?
        .application_name(&format!("vigie-{service}"))
        .options([("role", format!("vigie_{service}"))]);
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .connect_lazy_with(options))
}

/// Brings every schema up to date. Needs a login that may create schemas and roles.
pub async fn migrate(url: &str, schemas: &[SchemaMigrations]) -> anyhow::Result<()> {
    let options = PgConnectOptions::from_str(url).context("database.url cannot be read as a Postgres URL")?;
    let mut admin = PgConnection::connect_with(&options).await.context("cannot reach Postgres to migrate")?;
    // Two migrations at once would race to create the roles; the lock goes with the session.
    sqlx::query("select pg_advisory_lock(hashtext('vigie migrate'))").execute(&mut admin).await?;
    ensure_role(&mut admin, SERVICE_GROUP).await?;
    ensure_role(&mut admin, "vigie_relay").await?;
    for SchemaMigrations { schema, migrator } in schemas {
        let role = format!("vigie_{schema}");
        ensure_role(&mut admin, &role).await?;
        let create = format!(
            "create schema if not exists {schema};
             grant {SERVICE_GROUP} to {role};
             grant usage on schema {schema} to {SERVICE_GROUP}, vigie_relay;"
        );
        admin.execute(AssertSqlSafe(create)).await.with_context(|| format!("cannot prepare schema {schema}"))?;
        let own = options.clone().options([("search_path", *schema)]);
        let mut connection = PgConnection::connect_with(&own).await?;
        migrator.run(&mut connection).await.with_context(|| format!("cannot migrate schema {schema}"))?;
        connection.close().await?;
    }
    admin.close().await?;
    Ok(())
}

async fn ensure_role(admin: &mut PgConnection, role: &str) -> anyhow::Result<()> {
    let statement = format!(
        "do $$ begin
           if not exists (select from pg_roles where rolname = '{role}') then create role {role} nologin; end if;
         end $$"
    );
    admin.execute(AssertSqlSafe(statement)).await.with_context(|| format!("cannot create role {role}"))?;
    Ok(())
}

/// Reports Postgres' health every `every` until stopped.
pub async fn watch(pool: PgPool, health: Health, every: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let ping = tokio::time::timeout(Duration::from_secs(2), sqlx::query("select 1").execute(&pool)).await;
        health.report(
            "postgres",
            match ping {
                Ok(Ok(_)) => State::Ok,
                Ok(Err(error)) => State::Failed(error.to_string()),
                Err(_) => State::Failed("no answer within 2 s".to_owned()),
            },
        );
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// True when the error says the database is out of reach rather than that the statement is wrong: try again.
#[expect(clippy::wildcard_enum_match_arm, reason = "sqlx may add errors; those are not known to pass")]
pub fn is_unreachable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        // 08: connection exceptions; 57P: shutdown and crash recovery; 40: serialization failure, deadlock.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code.starts_with("40"))
        }
        _ => false,
    }
}
