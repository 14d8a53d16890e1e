//! A database that lives as long as a bench.

use std::str::FromStr;

use anyhow::Context;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;
use vigie_platform::{
    config::{DatabaseConfig, Secret},
    database::{self, LOGINS},
};

use crate::{Unreachable, service};

/// A database of its own on the Postgres of the configuration, migrated, with a login for each service: as in earnest, the
/// served Vigie may do what each of them may.
#[derive(Debug)]
pub(crate) struct Scratch {
    options: PgConnectOptions,
    logins: DatabaseConfig,
}

impl Scratch {
    /// Creates `vigie_bench_<id>` with every schema. Needs a login that may create databases.
    pub(crate) async fn create(server_url: &str, id: &str) -> anyhow::Result<Self> {
        let server = server(server_url)?;
        let mut admin = PgConnection::connect_with(&server).await.map_err(|error| {
            Unreachable(
                anyhow::Error::from(error).context("cannot reach Postgres; `deploy/local/bench` starts its own"),
            )
        })?;
        admin
            .execute(AssertSqlSafe(format!("create database {}", name(id))))
            .await
            .context("the bench needs a login that may create databases")?;
        admin.close().await?;
        let options = server.database(&name(id));
        match prepare(&options, id).await {
            Ok(logins) => Ok(Self { options, logins }),
            Err(error) => {
                Self::remove(server_url, id).await?;
                Err(error)
            }
        }
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// How the services of the bench log in.
    pub(crate) fn logins(&self) -> &DatabaseConfig {
        &self.logins
    }

    /// Drops it, whoever is still connected.
    pub(crate) async fn remove(server_url: &str, id: &str) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect_with(&server(server_url)?).await?;
        let drop = format!("drop database if exists {} with (force)", name(id));
        admin.execute(AssertSqlSafe(drop)).await.with_context(|| format!("cannot drop {}", name(id)))?;
        for service in LOGINS {
            let drop = format!("drop role if exists {}", login(id, service));
            admin.execute(AssertSqlSafe(drop)).await.with_context(|| format!("cannot drop {}", login(id, service)))?;
        }
        Ok(())
    }
}

/// Migrates, and makes the logins: of the bench alone, so that those of a Vigie on the same server keep their passwords.
async fn prepare(options: &PgConnectOptions, id: &str) -> anyhow::Result<DatabaseConfig> {
    let url = options.to_url_lossy().to_string();
    database::migrate(&url, &service::migrations()).await?;
    let mut admin = PgConnection::connect_with(options).await?;
    let mut logins = DatabaseConfig { url: Secret::new(url), ..DatabaseConfig::default() };
    for service in LOGINS {
        let (login, password) = (login(id, service), Uuid::new_v4().simple().to_string());
        let create = format!("create role {login} login password '{password}' in role {}", database::role_of(service));
        admin.execute(AssertSqlSafe(create)).await.context("the bench needs a login that may create roles")?;
        let own = options.clone().username(&login).password(&password);
        logins.services.insert(service.to_owned(), Secret::new(own.to_url_lossy().to_string()));
    }
    admin.close().await?;
    Ok(logins)
}

fn server(url: &str) -> anyhow::Result<PgConnectOptions> {
    PgConnectOptions::from_str(url).context("database.url cannot be read as a Postgres URL")
}

fn name(id: &str) -> String {
    format!("vigie_bench_{id}")
}

fn login(id: &str, service: &str) -> String {
    format!("vigie_bench_{id}_{service}")
}
