//! `vigie migrate`.

use vigie_platform::{config::Config, database};

use crate::{Outcome, Unreachable, block_on, service};

pub(crate) fn run(config: &Config) -> anyhow::Result<Outcome> {
    let schemas = service::migrations();
    block_on(async {
        database::migrate(config.database.url.expose(), &schemas).await.map_err(|e| Unreachable(e).into())
    })?;
    eprintln!("the database is up to date: {} schemas", schemas.len());
    Ok(Outcome::Done)
}
