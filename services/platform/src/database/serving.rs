//! Refuses to serve as somebody who may do more than serve.

use sqlx::{Connection, PgConnection, Row};

use super::{LOGINS, options, role_of};
use crate::config::DatabaseConfig;

/// What mends a login that may do too much.
const REMEDY: &str =
    "make the logins with `vigie database logins --out DIR` and name their files under [database.services]";

/// A login that must not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    #[error("the database login {login} is a superuser: whoever broke in here could change the journal; {REMEDY}")]
    Superuser { login: String },
    #[error("the database login {login} owns the schemas: whoever broke in here could change the journal; {REMEDY}")]
    Owner { login: String },
    #[error("the database login {login} of database.services.{service} may also act as {others}; {REMEDY}")]
    Others { login: String, service: String, others: String },
    #[error("the database login of {service} cannot be used: have `vigie migrate` and `vigie database logins` run?")]
    Store { service: String, source: sqlx::Error },
    #[error(transparent)]
    Configuration(anyhow::Error),
}

/// Looks at the login of each of `services`: none may be a superuser or own a schema, and one of its own may act as nobody else.
pub async fn check(config: &DatabaseConfig, services: &[&str]) -> Result<(), ServingError> {
    // One login for all of them is looked at once.
    let looked_at = if config.services.is_empty() { &services[..1.min(services.len())] } else { services };
    for service in looked_at {
        check_one(config, service).await?;
    }
    Ok(())
}

async fn check_one(config: &DatabaseConfig, service: &str) -> Result<(), ServingError> {
    let options = options(config, service).map_err(ServingError::Configuration)?;
    let store = |source| ServingError::Store { service: service.to_owned(), source };
    let mut connection = PgConnection::connect_with(&options).await.map_err(store)?;
    let schemas: Vec<&str> = LOGINS.into_iter().chain(["journal"]).collect();
    let roles: Vec<String> = LOGINS.iter().map(|name| role_of(name)).collect();
    let row = sqlx::query(
        "select session_user::text as login,
                (select rolsuper from pg_roles where rolname = session_user) as is_super,
                exists (select from pg_namespace n where n.nspname = any($1) and pg_has_role(session_user, n.nspowner, 'member'))
                or exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                            where n.nspname = any($1) and pg_has_role(session_user, c.relowner, 'member')) as owns,
                (select string_agg(r.rolname, ', ' order by r.rolname) from pg_roles r
                  where r.rolname = any($2) and r.rolname <> $3 and pg_has_role(session_user, r.oid, 'member')) as others",
    )
    .bind(schemas)
    .bind(roles)
    .bind(role_of(service))
    .fetch_one(&mut connection)
    .await
    .map_err(store)?;
    let read = || -> Result<_, sqlx::Error> {
        Ok((
            row.try_get::<String, _>("login")?,
            row.try_get::<bool, _>("is_super")?,
            row.try_get::<bool, _>("owns")?,
            row.try_get::<Option<String>, _>("others")?,
        ))
    };
    let (login, is_super, owns, others) = read().map_err(store)?;
    // Only read from: nothing is lost when the goodbye fails.
    connection.close().await.ok();
    match others {
        _ if is_super => Err(ServingError::Superuser { login }),
        _ if owns => Err(ServingError::Owner { login }),
        Some(others) if !config.services.is_empty() => {
            Err(ServingError::Others { login, service: service.to_owned(), others })
        }
        _ => Ok(()),
    }
}
