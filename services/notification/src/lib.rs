//! Stand-in until the notification room lands.
use std::sync::Arc;
pub fn migrations() -> vigie_platform::database::SchemaMigrations {
    vigie_platform::database::SchemaMigrations { schema: "notification", migrator: sqlx::migrate!("./migrations") }
}
pub async fn run(
    _c: vigie_platform::Context,
    _d: Arc<vigie_domain::directory::Directory>,
    stop: tokio_util::sync::CancellationToken,
) -> anyhow::Result<()> {
    stop.cancelled().await;
    Ok(())
}
