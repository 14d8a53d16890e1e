//! Facts, written in the transaction of the change they tell of.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;
use vigie_proto::{
    EventId, IncidentId,
    envelope::{Envelope, Fact},
    event::{DecodeError, Event},
};

use crate::ids;

/// A fact as it stands in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub envelope: Envelope,
    pub subject: String,
    pub incident_id: Option<IncidentId>,
    /// The event's JSON, byte for byte.
    pub data: String,
}

impl Entry {
    /// A new fact of `service`, at `time`, following from `cause` within the trace `traceparent`.
    pub fn new(
        service: &str,
        event: &Event,
        time: Timestamp,
        cause: Option<EventId>,
        traceparent: Option<String>,
    ) -> Self {
        Self {
            envelope: Envelope {
                id: EventId(ids::fresh()),
                type_name: event.type_name().to_owned(),
                source: format!("/vigie/{service}"),
                time,
                cause,
                traceparent,
            },
            subject: event.subject(),
            incident_id: event.incident_id(),
            data: event.to_json(),
        }
    }

    /// Reads a row of `journal.entry`: every column, `data` as text.
    pub fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            envelope: Envelope {
                id: EventId(row.try_get("event_id")?),
                type_name: row.try_get("type")?,
                source: row.try_get("source")?,
                time: row.try_get::<SqlTimestamp, _>("recorded_at")?.to_jiff(),
                cause: row.try_get::<Option<Uuid>, _>("cause")?.map(EventId),
                traceparent: row.try_get("traceparent")?,
            },
            subject: row.try_get("subject")?,
            incident_id: row.try_get::<Option<Uuid>, _>("incident_id")?.map(IncidentId),
            data: row.try_get("data")?,
        })
    }
}

/// What a story says, oldest first. Types that only a newer Vigie knows are passed over; one that does not have its type's
/// shape is an error.
pub fn facts(story: &[Entry]) -> Result<Vec<Fact>, DecodeError> {
    let known = story.iter().filter(|entry| Event::TYPES.contains(&entry.envelope.type_name.as_str()));
    known
        .map(|Entry { envelope, data, .. }| {
            let event = Event::decode(&envelope.type_name, data)?;
            Ok(Fact { id: envelope.id, cause: envelope.cause, at: envelope.time, event })
        })
        .collect()
}

/// Appends `entries`, in order, and lists them as not yet on the bus. One statement, whatever their number.
pub async fn append(connection: &mut PgConnection, entries: &[Entry]) -> Result<(), sqlx::Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&Entry) -> String| entries.iter().map(of).collect::<Vec<_>>();
    sqlx::query(
        "with written as (
           insert into journal.entry (event_id, type, subject, source, recorded_at, incident_id, cause, traceparent, data)
           select e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause, e.traceparent, e.data::json
             from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::uuid[], $8::text[], $9::text[])
               with ordinality as e (event_id, type, subject, source, recorded_at, incident_id, cause, traceparent, data, position)
            order by e.position
           returning event_id, epoch, tx
         ), late as (
           insert into journal.late (event_id, epoch, tx)
           select event_id, epoch, tx from written where event_id < journal.id_at(
             greatest(now(), (select at from journal.mark order by at desc limit 1)) - interval '1 day')
         )
         insert into journal.pending (event_id) select event_id from written",
    )
    .bind(entries.iter().map(|e| e.envelope.id.0).collect::<Vec<_>>())
    .bind(column(|e| e.envelope.type_name.clone()))
    .bind(column(|e| e.subject.clone()))
    .bind(column(|e| e.envelope.source.clone()))
    .bind(entries.iter().map(|e| e.envelope.time.to_sqlx()).collect::<Vec<_>>())
    .bind(entries.iter().map(|e| e.incident_id.map(|id| id.0)).collect::<Vec<_>>())
    .bind(entries.iter().map(|e| e.envelope.cause.map(|id| id.0)).collect::<Vec<_>>())
    .bind(entries.iter().map(|e| e.envelope.traceparent.clone()).collect::<Vec<_>>())
    .bind(column(|e| e.data.clone()))
    .execute(connection)
    .await?;
    Ok(())
}

/// A place in the journal, in the order in which facts became certain.
///
/// `tx` begins again in another cluster, and may be given again on another timeline; `epoch` counts those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    pub epoch: i32,
    pub tx: i64,
    pub seq: i64,
}

/// `<epoch>-<tx>-<seq>`, as streams name their events.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.epoch, self.tx, self.seq)
    }
}

/// What is not the name of a position of this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no `<epoch>-<tx>-<seq>`")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let mut numbers = text.split('-').map(str::parse::<i64>);
        let mut next = || numbers.next().and_then(Result::ok).filter(|number| *number >= 0).ok_or(NoPosition);
        let (epoch, tx, seq) = (next()?, next()?, next()?);
        let epoch = i32::try_from(epoch).map_err(|_| NoPosition)?;
        numbers.next().map_or(Ok(Self { epoch, tx, seq }), |_| Err(NoPosition))
    }
}

impl Position {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { epoch: row.try_get("epoch")?, tx: row.try_get("tx")?, seq: row.try_get("seq")? })
    }

    /// The position of a row of `journal.entry` with its columns `epoch`, `tx` and `seq`, and the entry.
    pub(crate) fn with_entry(row: &PgRow) -> Result<(Self, Entry), sqlx::Error> {
        Ok((Self::from_row(row)?, Entry::from_row(row)?))
    }
}

/// Before this position every fact is visible: nothing older can still be committing.
pub async fn horizon(connection: &mut PgConnection) -> Result<Position, sqlx::Error> {
    let row = sqlx::query(
        "select (select max(epoch) from journal.cluster) as epoch,
                pg_snapshot_xmin(pg_current_snapshot())::text::bigint as tx, 0::bigint as seq",
    )
    .fetch_one(connection)
    .await?;
    Position::from_row(&row)
}

/// Whether the journal was ever at `position`: it is neither ahead of it, nor of what a database that went back to a backup
/// has lost. The end of a former epoch counts as lost: nothing tells it from what came after.
pub async fn has_been_at(connection: &mut PgConnection, position: Position) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select case when $1 = (select max(epoch) from journal.cluster)
                     then $2 <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                     else exists (select from journal.entry
                                   where event_id >= (select journal.floor($1, $2)) and epoch = $1 and (tx, seq) >= ($2, $3)) end",
    )
    .bind(position.epoch)
    .bind(position.tx)
    .bind(position.seq)
    .fetch_one(connection)
    .await
}

/// Facts after `position` that are certain, oldest first, at most `limit`.
pub async fn read_after(
    connection: &mut PgConnection,
    position: Position,
    limit: i64,
) -> Result<Vec<(Position, Entry)>, sqlx::Error> {
    let rows = sqlx::query(
        "select epoch, tx, seq, event_id, type, subject, source, recorded_at, incident_id, cause, traceparent,
                data::text as data
           from journal.entry
          where event_id >= (select journal.floor($1, $2)) and (epoch, tx, seq) > ($1, $2, $3)
            and (epoch, tx) < ((select max(epoch) from journal.cluster), pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
          order by epoch, tx, seq limit $4",
    )
    .bind(position.epoch)
    .bind(position.tx)
    .bind(position.seq)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(Position::with_entry).collect()
}

/// The story of one incident, oldest first.
pub async fn of_incident(connection: &mut PgConnection, id: IncidentId) -> Result<Vec<Entry>, sqlx::Error> {
    let rows = sqlx::query(
        "select event_id, type, subject, source, recorded_at, incident_id, cause, traceparent, data::text as data
           from journal.entry where incident_id = $1 order by epoch, seq",
    )
    .bind(id.0)
    .fetch_all(connection)
    .await?;
    rows.iter().map(Entry::from_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_named_and_nothing_else_is() {
        let position = Position { epoch: 2, tx: 71_234, seq: 9 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for other in ["", "7", "71234-9", "1-2-3-4", "1--3", "1-2-x", "-1-2-3", "99999999999-1-1"] {
            assert_eq!(other.parse::<Position>(), Err(NoPosition), "{other}");
        }
    }
}
