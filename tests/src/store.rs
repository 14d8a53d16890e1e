//! A database with every schema, for tests of what is kept in it. Needs none of the services' code: it is what their
//! statements are proved on before they compile.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, migrate::Migrator};
use vigie_platform::{
    config::{DatabaseConfig, Secret},
    database::{self, SchemaMigrations, role_of},
};

use crate::{Postgres, environment, folder::Folder};

/// Schemas in the order they are migrated, and whose folder has their migrations.
const SCHEMAS: [(&str, &str); 8] = [
    ("journal", "platform"),
    ("directory", "directory"),
    ("intake", "intake"),
    ("routing", "routing"),
    ("escalation", "escalation"),
    ("notification", "notification"),
    ("console", "console"),
    ("crisis", "crisis"),
];

/// The server first, then the folder it writes in.
#[derive(Debug)]
pub struct Store {
    postgres: Postgres,
    _folder: Folder,
}

impl Store {
    pub async fn start() -> Self {
        let folder = Folder::new();
        let postgres = Postgres::start(folder.path()).await;
        let mut schemas = Vec::new();
        for (schema, owner) in SCHEMAS {
            let migrations = environment::root().join("services").join(owner).join("migrations");
            let migrator = Migrator::new(migrations).await.expect("migrations can be read");
            schemas.push(SchemaMigrations { schema, migrator });
        }
        database::migrate(&postgres.url(), &schemas).await.expect("the schemas are migrated");
        Self { postgres, _folder: folder }
    }

    /// A connection of the superuser.
    pub async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.postgres.url()).await.expect("Postgres takes a connection")
    }

    /// Connections as `service` has them when it serves.
    pub fn pool(&self, service: &str) -> PgPool {
        let config = DatabaseConfig { url: Secret::new(self.postgres.url()), ..DatabaseConfig::default() };
        database::pool(&config, service, 4).expect("the URL is ours")
    }

    /// A connection that may do what `service` may.
    pub async fn acting_as(&self, service: &str) -> PgConnection {
        let mut connection = self.connection().await;
        let become_it = AssertSqlSafe(format!("set role {}", role_of(service)));
        connection.execute(become_it).await.expect("the superuser becomes anybody");
        connection.execute("select journal.enter()").await.expect("a service writes the journal");
        connection
    }
}
