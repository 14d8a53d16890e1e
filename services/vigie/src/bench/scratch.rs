//! A database that lives as long as a bench.

use std::str::FromStr;

use anyhow::Context;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use vigie_platform::database;

use crate::{Unreachable, service};

/// A database of its own on the Postgres of the configuration, migrated.
#[derive(Debug)]
pub(crate) struct Scratch(PgConnectOptions);

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
        let scratch = Self(server.database(&name(id)));
        if let Err(error) = database::migrate(&scratch.url(), &service::migrations()).await {
            Self::remove(server_url, id).await?;
            return Err(error);
        }
        Ok(scratch)
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.0.clone()
    }

    pub(crate) fn url(&self) -> String {
        self.0.to_url_lossy().to_string()
    }

    /// Drops it, whoever is still connected.
    pub(crate) async fn remove(server_url: &str, id: &str) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect_with(&server(server_url)?).await?;
        let drop = format!("drop database if exists {} with (force)", name(id));
        admin.execute(AssertSqlSafe(drop)).await.with_context(|| format!("cannot drop {}", name(id)))?;
        Ok(())
    }
}

fn server(url: &str) -> anyhow::Result<PgConnectOptions> {
    PgConnectOptions::from_str(url).context("database.url cannot be read as a Postgres URL")
}

fn name(id: &str) -> String {
    format!("vigie_bench_{id}")
}
