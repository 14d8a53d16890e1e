//! Journals a doctrine, territory or directory when it differs from the last one in force.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool};
use vigie_domain::city::City;
use vigie_platform::{journal, journal::Entry};
use vigie_proto::event::{DirectoryChangedV1, DoctrineActivatedV1, Event};

/// Writes what changed, with its facts, in one transaction. Several replicas may start at once: one writes.
pub(crate) async fn announce(pool: &PgPool, city: &City, now: Timestamp) -> Result<Vec<Entry>, sqlx::Error> {
    let (doctrine, territory) = (city.doctrine.hash().to_owned(), city.territory.hash().to_owned());
    let directory = city.directory.hash().to_owned();
    let mut tx = pool.begin().await?;
    let doctrine_changed = replace(&mut tx, "doctrine", &doctrine, now).await?;
    let territory_changed = replace(&mut tx, "territory", &territory, now).await?;
    let directory_changed = replace(&mut tx, "directory", &directory, now).await?;
    let mut events: Vec<Event> = Vec::new();
    if doctrine_changed || territory_changed {
        events.push(DoctrineActivatedV1 { doctrine, territory, by: None, rolled_back: false }.into());
    }
    if directory_changed {
        events.push(DirectoryChangedV1 { directory, by: None, rolled_back: false }.into());
    }
    let entries: Vec<Entry> = events.iter().map(|event| Entry::new("directory", event, now, None, None)).collect();
    journal::append(&mut tx, &entries).await?;
    tx.commit().await?;
    Ok(entries)
}

async fn replace(tx: &mut PgConnection, what: &str, hash: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query(
        "insert into directory.in_force (what, hash, since) values ($1, $2, $3)
         on conflict (what) do update set hash = excluded.hash, since = excluded.since where in_force.hash <> excluded.hash",
    )
    .bind(what)
    .bind(hash)
    .bind(now.to_sqlx())
    .execute(tx)
    .await?;
    Ok(changed.rows_affected() > 0)
}
