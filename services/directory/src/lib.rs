//! What is in force, and who may come in.
//!
//! The city's files are read by the binary; this service journals each change of them once, and owns the credentials.

pub mod credential;
mod in_force;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::city::InForce;
use vigie_platform::{Context, database::SchemaMigrations};

/// This service's part of the database.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "directory", migrator: sqlx::migrate!("./migrations") }
}

/// Journals the configuration that came into force, then waits to be stopped.
pub async fn run(context: Context, in_force: InForce, pool: PgPool, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        match in_force::announce(&pool, &in_force.get(), context.clock.now()).await {
            Ok(entries) => {
                context.fresh.push(entries);
                break;
            }
            Err(error) => {
                tracing::warn!(error = %error, "the configuration in force could not be journalled; trying again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
        }
    }
    stop.cancelled().await;
    Ok(())
}
