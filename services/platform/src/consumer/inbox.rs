//! What a consumer has had: inbox rows, the watermark below which nothing is owed, dead letters and those to try again.

use std::collections::HashMap;

use anyhow::Context as _;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;
use vigie_proto::EventId;

use super::{BATCH, Handler};
use crate::journal::{Entry, Position};

/// An event of a batch as the journal holds it.
pub(super) struct Entered {
    pub(super) entry: Entry,
    /// It was not in the inbox before, and is now.
    pub(super) is_fresh: bool,
    /// It is fresh and lies below the watermark: it was dealt with long ago, and is not to be again.
    pub(super) is_replayed: bool,
}

/// Numbers of events one statement is made for. Each is a parameter of its own: of an array Postgres does not know the
/// length, and would plan anew each time.
const PLACES: [usize; 4] = [1, 8, 64, BATCH];

/// Writes inbox rows and returns what the journal holds of `ids`, each given once, in one statement; what it does not hold
/// is not returned and leaves no row.
///
/// What is fresh but lies below `settled_below` was dealt with long ago; 0 enters it like anything else.
pub(super) async fn enter_inbox<H: Handler>(
    tx: &mut PgConnection,
    ids: &[Uuid],
    settled_below: i64,
    now: Timestamp,
) -> Result<HashMap<Uuid, Entered>, sqlx::Error> {
    let mut entered = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(BATCH) {
        let places = PLACES.into_iter().find(|places| *places >= ids.len()).unwrap_or(BATCH);
        let statement = AssertSqlSafe(entering(H::CONSUMER.service, places));
        let query = sqlx::query(statement).bind(H::CONSUMER.name).bind(now.to_sqlx()).bind(settled_below);
        // What is left of the places repeats the last: a key is looked up once.
        let padded = ids.iter().chain(std::iter::repeat(&ids[ids.len() - 1])).take(places);
        for row in padded.fold(query, |query, id| query.bind(*id)).fetch_all(&mut *tx).await? {
            let entry = Entry::from_row(&row)?;
            let (is_fresh, is_replayed) = (row.try_get("is_fresh")?, row.try_get("is_replayed")?);
            entered.insert(entry.envelope.id.0, Entered { entry, is_fresh, is_replayed });
        }
    }
    Ok(entered)
}

fn entering(service: &str, places: usize) -> String {
    let ids = (4..4 + places).map(|n| format!("${n}::uuid")).collect::<Vec<_>>().join(", ");
    format!(
        "with entered as (
           insert into {service}.inbox (consumer, event_id, at)
           select $1, e.event_id, $2 from journal.entry e where e.event_id = any(array[{ids}])
           on conflict do nothing returning event_id
         )
         select e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause, e.traceparent,
                e.data::text as data, n.event_id is not null as is_fresh, n.event_id is not null and e.tx < $3 as is_replayed
           from journal.entry e left join entered n on n.event_id = e.event_id
          where e.event_id = any(array[{ids}])"
    )
}

pub(super) async fn leave_inbox<H: Handler>(tx: &mut PgConnection, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let statement = format!("delete from {}.inbox where consumer = $1 and event_id = any($2)", H::CONSUMER.service);
    sqlx::query(AssertSqlSafe(statement)).bind(H::CONSUMER.name).bind(ids).execute(tx).await?;
    Ok(())
}

pub(super) async fn write_dead_letter(
    tx: &mut PgConnection,
    consumer: &str,
    id: EventId,
    type_name: &str,
    why: &str,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("insert into journal.dead_letter (consumer, event_id, type, why, at) values ($1, $2, $3, $4, $5) on conflict do nothing")
        .bind(consumer)
        .bind(id.0)
        .bind(type_name)
        .bind(why)
        .bind(at.to_sqlx())
        .execute(tx)
        .await?;
    Ok(())
}

/// Events set aside that somebody wants tried again, oldest wish first, each with the number of the wish.
pub(super) async fn revivals<H: Handler>(connection: &mut PgConnection) -> Result<Vec<(i64, EventId)>, sqlx::Error> {
    let rows = sqlx::query(
        "select r.id, r.event_id from journal.revival r join journal.entry e on e.event_id = r.event_id
          where r.consumer = $1 and r.settled_at is null order by r.id",
    )
    .bind(H::CONSUMER.name)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, EventId(row.try_get("event_id")?)))).collect()
}

/// What came of trying an event again: applied, or set aside once more because of `why`.
pub(super) async fn settle_revival(
    connection: &mut PgConnection,
    id: i64,
    why: Option<&str>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("update journal.revival set settled_at = $2, why = $3 where id = $1")
        .bind(id)
        .bind(now.to_sqlx())
        .bind(why)
        .execute(connection)
        .await?;
    Ok(())
}

/// Below this transaction number every entry of the consumer's types is in its inbox.
pub(super) async fn watermark<H: Handler>(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let statement = format!("select tx from {}.watermark where consumer = $1", H::CONSUMER.service);
    Ok(sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(H::CONSUMER.name)
        .fetch_optional(connection)
        .await?
        .unwrap_or(0))
}

pub(super) async fn set_watermark<H: Handler>(connection: &mut PgConnection, tx: i64) -> Result<(), sqlx::Error> {
    let statement = format!(
        "insert into {}.watermark (consumer, tx) values ($1, $2)
         on conflict (consumer) do update set tx = greatest(watermark.tx, excluded.tx)",
        H::CONSUMER.service
    );
    sqlx::query(AssertSqlSafe(statement)).bind(H::CONSUMER.name).bind(tx).execute(connection).await?;
    Ok(())
}

pub(super) async fn owed<H: Handler>(
    connection: &mut PgConnection,
    from: i64,
    below: i64,
) -> anyhow::Result<Vec<(Position, Entry)>> {
    let statement = format!(
        "select e.tx, e.seq, e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause, e.traceparent,
                e.data::text as data
           from journal.entry e
          where e.tx >= $1 and e.tx < $2 and e.type = any($3)
            and not exists (select 1 from {}.inbox i where i.consumer = $4 and i.event_id = e.event_id)
          order by e.tx, e.seq limit $5",
        H::CONSUMER.service
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        // Planned anew each time: a plan kept from when the tables were small compares every entry with every inbox row.
        .persistent(false)
        .bind(from)
        .bind(below)
        .bind(H::CONSUMER.types.to_vec())
        .bind(H::CONSUMER.name)
        .bind(i64::try_from(BATCH).context("batch size")?)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((Position { tx: row.try_get("tx")?, seq: row.try_get("seq")? }, Entry::from_row(row)?)))
        .collect()
}

/// Deletes inbox rows written before `before` whose entries lie below the watermark; returns how many.
pub(super) async fn purge<H: Handler>(connection: &mut PgConnection, before: Timestamp) -> Result<u64, sqlx::Error> {
    let below = watermark::<H>(connection).await?;
    let statement = format!(
        "delete from {}.inbox i using journal.entry e
          where i.consumer = $1 and i.at < $2 and e.event_id = i.event_id and e.tx < $3",
        H::CONSUMER.service
    );
    let purged = sqlx::query(AssertSqlSafe(statement))
        .bind(H::CONSUMER.name)
        .bind(before.to_sqlx())
        .bind(below)
        .execute(connection)
        .await?;
    Ok(purged.rows_affected())
}
