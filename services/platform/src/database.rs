//! Postgres: one schema, one role and one login per service.
//!
//! The owner of the schemas migrates and never serves; a service's login writes its own schema, appends to the journal and
//! can become nobody else. [`logins`] makes them, [`serving`] refuses to serve as anybody who may do more.

mod logins;
pub(crate) mod names;
mod scram;
mod serving;

use std::{str::FromStr, time::Duration};

use anyhow::Context as _;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool,
    error::DatabaseError,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio_util::sync::CancellationToken;
use vigie_proto::Coded;

pub use logins::{Login, make as make_logins};
use names::{APART, LISTS, SERVICE_GROUP};
pub use names::{AUTHENTICATOR, CONTACTS, FOLLOWER, LOGINS, OPERATOR, OWNER, PORTER, RELAY, role_of};
pub use serving::{ServingError, check as check_serving};

use crate::{
    config::DatabaseConfig,
    health::{Health, State},
};

/// After this long without use a connection is asked whether it still lives.
const RESTED: Duration = Duration::from_secs(1);

/// Name in `/readyz`.
pub const DEPENDENCY: &str = "postgres";
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

/// A pool's statements stay prepared, and a plan made while the tables are small would read all of them and be kept while
/// they grow. Without a sequential scan the planner thinks some costs enormous, which is what would make it compile.
const PLANNER: [(&str, &str); 2] = [("enable_seqscan", "off"), ("jit", "off")];
/// For whoever looks things up by their keys. Of what is kept for any partition Postgres thinks that it reads all of them, and
/// would plan anew each time, which costs more than the look-up.
const KEPT_PLANS: (&str, &str) = ("plan_cache_mode", "force_generic_plan");

/// Opens a pool whose connections are `vigie_<service>`: they can write that service's schema, append to the journal, and
/// nothing else.
///
/// With `[database.services]` the connection logs in as that role and can become no other. Without, `database.url` is the
/// login of somebody who is a member of every role, and takes that one.
pub fn pool(config: &DatabaseConfig, service: &str, connections: u32) -> anyhow::Result<PgPool> {
    let options = options(config, service)?.options(PLANNER);
    let options = if LISTS.contains(&service) { options } else { options.options([KEPT_PLANS]) };
    let may_write = !APART.contains(&service) || [RELAY, PORTER].contains(&service);
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        // One that has rested may have died with its server meanwhile: whoever asks should not be the one to learn of it.
        .before_acquire(|connection, known| {
            Box::pin(async move { Ok(known.idle_for < RESTED || connection.ping().await.is_ok()) })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                // A connection that is new may lead to another cluster than the one before it.
                if may_write {
                    sqlx::query("select journal.enter()").execute(connection).await?;
                }
                Ok(())
            })
        })
        .connect_lazy_with(options))
}

/// How `service` connects.
pub fn options(config: &DatabaseConfig, service: &str) -> anyhow::Result<PgConnectOptions> {
    let named = format!("vigie-{service}");
    if config.services.is_empty() {
        let options = PgConnectOptions::from_str(config.url.expose());
        let options = options.context("database.url cannot be read as a Postgres URL")?;
        return Ok(options.application_name(&named).options([("role", role_of(service))]));
    }
    let url = config.services.get(service).with_context(|| {
        format!("database.services.{service} is missing: this process acts as {service} too; `vigie database logins` makes its file")
    })?;
    let options = PgConnectOptions::from_str(url.expose());
    Ok(options
        .with_context(|| format!("database.services.{service} cannot be read as a Postgres URL"))?
        .application_name(&named))
}

/// Brings every schema up to date. Needs a login that may create schemas and roles.
pub async fn migrate(url: &str, schemas: &[SchemaMigrations]) -> anyhow::Result<()> {
    let options = PgConnectOptions::from_str(url).context("database.url cannot be read as a Postgres URL")?;
    let mut admin = PgConnection::connect_with(&options).await.context("cannot reach Postgres to migrate")?;
    lock_roles(&mut admin).await?;
    ensure_roles(&mut admin, schemas.iter().map(|schema| schema.schema)).await?;
    for SchemaMigrations { schema, migrator } in schemas {
        let create = format!(
            "create schema if not exists {schema};
             grant usage on schema {schema} to {SERVICE_GROUP}, vigie_relay, vigie_operator;"
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

/// Two at once would race to create the roles; the lock goes with the session.
async fn lock_roles(admin: &mut PgConnection) -> anyhow::Result<()> {
    sqlx::query("select pg_advisory_lock(hashtext('vigie migrate'))").execute(admin).await?;
    Ok(())
}

/// Creates the group, those apart and the role of each of `services`, which belongs to the group but cannot become it.
async fn ensure_roles(admin: &mut PgConnection, services: impl Iterator<Item = &str>) -> anyhow::Result<()> {
    ensure_role(admin, SERVICE_GROUP).await?;
    for name in APART {
        ensure_role(admin, &role_of(name)).await?;
    }
    for service in services {
        let role = role_of(service);
        ensure_role(admin, &role).await?;
        let grant = format!("grant {SERVICE_GROUP} to {role} with inherit true, set false");
        admin.execute(AssertSqlSafe(grant)).await.with_context(|| format!("cannot make {role} a service"))?;
    }
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

/// Reports Postgres' health every `every` until stopped: whether it answers, and whether it writes. `pool` is the relay's.
pub async fn watch(pool: PgPool, health: Health, every: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let ping = tokio::time::timeout(Duration::from_secs(2), sqlx::query("select 1").execute(&pool)).await;
        let answers = matches!(ping, Ok(Ok(_)));
        health.report(
            DEPENDENCY,
            match ping {
                Ok(Ok(_)) => State::Ok,
                Ok(Err(error)) => State::Failed(error.to_string()),
                Err(_) => State::Failed("no answer within 2 s".to_owned()),
            },
        );
        if answers {
            match sqlx::query("update journal.pulse set at = now()").execute(&pool).await {
                Ok(_) => health.wrote(),
                Err(error) => health.write_failed(&why_unavailable(&error)),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// The value whose code stands in `column`; an error when this build does not know it, never another value.
pub fn coded<T: Coded>(code: &str, column: &str) -> Result<T, sqlx::Error> {
    T::coded(code).map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}

/// SQLSTATE classes, and one code, that say the database cannot do its work now, whatever it was asked: connection, rolled
/// back for others' sake, out of resources (a full disk), in use, operators (shutdown, cancelled), system, read only.
const NOT_NOW: [&str; 7] = ["08", "40", "53", "55", "57", "58", "25006"];

/// True when the error says that the database is out of reach or cannot do its work now, rather than that the statement or
/// what it carries is wrong: try again.
#[expect(clippy::wildcard_enum_match_arm, reason = "sqlx may add errors; those are not known to pass")]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| NOT_NOW.iter().any(|passing| code.starts_with(passing)))
        }
        _ => false,
    }
}

/// True when the database cannot be reached, or lets go of what it had in hand: whatever else is asked now fails alike.
pub fn is_unreachable(error: &sqlx::Error) -> bool {
    let alike = |code: &str| ["08", "40", "57P"].iter().any(|class| code.starts_with(class));
    is_unavailable(error) && error.as_database_error().is_none_or(|e| e.code().is_some_and(|code| alike(&code)))
}

/// True when two transactions met: the database is well, and the same may succeed at once.
pub fn is_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code.starts_with("40"))
}

/// What may be told of an error that [`is_unavailable`]: its code, and nothing that was to be written.
pub fn why_unavailable(error: &sqlx::Error) -> String {
    match error.as_database_error().and_then(DatabaseError::code) {
        Some(code) if code.starts_with("53") => format!("SQLSTATE {code}: out of disk, memory or connections"),
        Some(code) => format!("SQLSTATE {code}"),
        None => "it cannot be reached".to_owned(),
    }
}
