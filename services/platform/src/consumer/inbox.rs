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
/// What is fresh but lies before `settled_before` was dealt with long ago; the very first position enters it like anything
/// else.
pub(super) async fn enter_inbox<H: Handler>(
    tx: &mut PgConnection,
    ids: &[Uuid],
    settled_before: Position,
    now: Timestamp,
) -> Result<HashMap<Uuid, Entered>, sqlx::Error> {
    let mut entered = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(BATCH) {
        let places = PLACES.into_iter().find(|places| *places >= ids.len()).unwrap_or(BATCH);
        let statement = AssertSqlSafe(entering(H::CONSUMER.service, places));
        let query = sqlx::query(statement).bind(H::CONSUMER.name).bind(now.to_sqlx());
        let query = query.bind(settled_before.epoch).bind(settled_before.tx);
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
    let ids = (5..5 + places).map(|n| format!("${n}::uuid")).collect::<Vec<_>>().join(", ");
    format!(
        "with entered as (
           insert into {service}.inbox (consumer, event_id, at)
           select $1, e.event_id, $2 from journal.entry e where e.event_id = any(array[{ids}])
           on conflict do nothing returning event_id
         )
         select e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause, e.traceparent,
                e.data::text as data, n.event_id is not null as is_fresh, n.event_id is not null and (e.epoch, e.tx) < ($3, $4) as is_replayed
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

/// An event set aside, and why.
pub(super) struct DeadLetter {
    pub(super) id: EventId,
    pub(super) type_name: String,
    pub(super) why: String,
    /// What it waited for may still come.
    pub(super) waits: bool,
}

pub(super) async fn write_dead_letter(
    tx: &mut PgConnection,
    consumer: &str,
    dead: &DeadLetter,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into journal.dead_letter (consumer, event_id, type, why, at, waits) values ($1, $2, $3, $4, $5, $6)
         on conflict do nothing",
    )
    .bind(consumer)
    .bind(dead.id.0)
    .bind(&dead.type_name)
    .bind(&dead.why)
    .bind(at.to_sqlx())
    .bind(dead.waits)
    .execute(tx)
    .await?;
    Ok(())
}

/// Asks for the dead letters of `incidents` that only waited to be tried again, unless that was done; returns how many.
pub(super) async fn call_waiting<H: Handler>(
    tx: &mut PgConnection,
    incidents: &[Uuid],
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let asked = sqlx::query(
        "insert into journal.revival (consumer, event_id, asked_by, asked_at)
         select d.consumer, d.event_id, $4, $3
           from journal.dead_letter d join journal.entry e on e.event_id = d.event_id
          where d.consumer = $1 and d.waits and e.incident_id = any($2)
            and not exists (select from journal.revival r
                             where r.consumer = d.consumer and r.event_id = d.event_id
                               and (r.settled_at is null or r.why is null))
          order by e.seq",
    )
    .bind(H::CONSUMER.name)
    .bind(incidents)
    .bind(now.to_sqlx())
    .bind(H::CONSUMER.service)
    .execute(tx)
    .await?;
    Ok(asked.rows_affected())
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

/// Before this position every entry of the consumer's types is in its inbox.
pub(super) async fn watermark<H: Handler>(connection: &mut PgConnection) -> Result<Position, sqlx::Error> {
    let statement = format!("select epoch, tx from {}.watermark where consumer = $1", H::CONSUMER.service);
    let row = sqlx::query(AssertSqlSafe(statement)).bind(H::CONSUMER.name).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(Position::default()) };
    Ok(Position { epoch: row.try_get("epoch")?, tx: row.try_get("tx")?, seq: 0 })
}

pub(super) async fn set_watermark<H: Handler>(connection: &mut PgConnection, at: Position) -> Result<(), sqlx::Error> {
    let statement = format!(
        "insert into {}.watermark (consumer, epoch, tx) values ($1, $2, $3)
         on conflict (consumer) do update set epoch = excluded.epoch, tx = excluded.tx
          where (watermark.epoch, watermark.tx) < (excluded.epoch, excluded.tx)",
        H::CONSUMER.service
    );
    sqlx::query(AssertSqlSafe(statement)).bind(H::CONSUMER.name).bind(at.epoch).bind(at.tx).execute(connection).await?;
    Ok(())
}

/// A page of what lies after `after` and before `end`, in order.
pub(super) async fn owed<H: Handler>(
    connection: &mut PgConnection,
    after: Position,
    end: Position,
) -> anyhow::Result<Vec<(Position, Entry)>> {
    let statement = format!(
        "select e.epoch, e.tx, e.seq, e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause,
                e.traceparent, e.data::text as data
           from journal.entry e
          where e.event_id >= (select journal.floor($1, $2)) and (e.epoch, e.tx, e.seq) > ($1, $2, $3) and (e.epoch, e.tx) < ($4, $5) and e.type = any($6)
            and not exists (select 1 from {}.inbox i where i.consumer = $7 and i.event_id = e.event_id)
          order by e.epoch, e.tx, e.seq limit $8",
        H::CONSUMER.service
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        // Planned anew each time: a plan kept from when the tables were small compares every entry with every inbox row.
        .persistent(false)
        .bind(after.epoch)
        .bind(after.tx)
        .bind(after.seq)
        .bind(end.epoch)
        .bind(end.tx)
        .bind(H::CONSUMER.types.to_vec())
        .bind(H::CONSUMER.name)
        .bind(i64::try_from(BATCH).context("batch size")?)
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(Position::with_entry).collect::<Result<_, _>>()?)
}

/// Deletes inbox rows written before `before` whose entries lie below the watermark; returns how many.
pub(super) async fn purge<H: Handler>(connection: &mut PgConnection, before: Timestamp) -> Result<u64, sqlx::Error> {
    let below = watermark::<H>(connection).await?;
    let statement = format!(
        "delete from {}.inbox i using journal.entry e
          where i.consumer = $1 and i.at < $2 and e.event_id = i.event_id and (e.epoch, e.tx) < ($3, $4)",
        H::CONSUMER.service
    );
    let purged = sqlx::query(AssertSqlSafe(statement))
        .bind(H::CONSUMER.name)
        .bind(before.to_sqlx())
        .bind(below.epoch)
        .bind(below.tx)
        .execute(connection)
        .await?;
    Ok(purged.rows_affected())
}
