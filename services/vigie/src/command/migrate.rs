//! `vigie migrate`.

use sqlx::{Connection as _, PgConnection};
use vigie_platform::database;

use crate::{Outcome, Unreachable, block_on, config::Config, service};

pub(crate) fn run(config: &Config) -> anyhow::Result<Outcome> {
    let schemas = service::migrations();
    let url = config.database.url.expose();
    block_on(async {
        database::migrate(url, &schemas).await.map_err(Unreachable)?;
        // What SQL alone cannot do: directories of before, without their addresses.
        let mut connection = PgConnection::connect(url).await?;
        let shared = vigie_directory::version::share(&mut connection).await?;
        if shared > 0 {
            eprintln!("addresses taken out of {shared} directory version(s), for processes that do not send");
        }
        Ok(connection.close().await?)
    })?;
    eprintln!("the database is up to date: {} schemas", schemas.len());
    Ok(Outcome::Done)
}
