//! The rows of `notification.delivery`. Functions take the caller's connection, so that the caller owns the
//! transaction; `now` is always an argument.

use std::mem;

use anyhow::Context as _;
use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_platform::database;
use vigie_proto::{Channel, ContactId, DeliveryId, EventId, IncidentId, event::DeliveryFailure};

use crate::{
    claimant::LOCK_CLASS,
    delivery::{Address, Delivery},
    letter::{Letter, LetterKind},
    settlement::Settlement,
};

/// A row to insert: a delivery, and whether this process tries it now.
#[derive(Debug)]
pub(crate) struct Fresh<'a> {
    pub(crate) delivery: &'a Delivery,
    /// `sending`, `due` or `sent`.
    pub(crate) state: &'static str,
    pub(crate) wake_at: Option<Timestamp>,
}

/// Inserts deliveries in one statement and returns the ids of those that are new: a letter goes to a contact once.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    rows: &[Fresh<'_>],
    owner: i32,
    now: Timestamp,
) -> anyhow::Result<Vec<DeliveryId>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let carried = rows.iter().map(|row| Carried::of(&row.delivery.letter)).collect::<anyhow::Result<Vec<_>>>()?;
    let fallbacks = rows
        .iter()
        .map(|row| serde_json::to_string(&row.delivery.fallback).context("cannot write a fallback as JSON"))
        .collect::<Result<Vec<_>, _>>()?;
    let inserted = sqlx::query_scalar!(
        "insert into notification.delivery
                (id, alert_id, incident_id, channel, contact, state, attempt, wake_at, alert, fallback, cause,
                 traceparent, created_at, changed_at, owner, letter, probe_id, probe)
         select id, alert_id, incident_id, channel, contact, state, attempt, wake_at, alert::jsonb, fallback::jsonb,
                cause, traceparent, $13, $13, $14, letter, probe_id, probe::jsonb
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int[],
                       $8::timestamptz[], $9::text[], $10::text[], $11::uuid[], $12::text[], $15::text[], $16::uuid[],
                       $17::text[])
                as d (id, alert_id, incident_id, channel, contact, state, attempt, wake_at, alert, fallback, cause,
                      traceparent, letter, probe_id, probe)
         on conflict do nothing
         returning id",
        rows.iter().map(|r| r.delivery.id.0).collect::<Vec<_>>(),
        carried.iter().map(|c| c.alert_id).collect::<Vec<_>>() as _,
        carried.iter().map(|c| c.incident_id).collect::<Vec<_>>() as _,
        rows.iter().map(|r| r.delivery.channel.code()).collect::<Vec<_>>() as _,
        rows.iter().map(|r| r.delivery.contact.as_str()).collect::<Vec<_>>() as _,
        rows.iter().map(|r| r.state).collect::<Vec<_>>() as _,
        rows.iter().map(|r| count(r.delivery.attempt)).collect::<Vec<_>>(),
        rows.iter().map(|r| r.wake_at.map(ToSqlx::to_sqlx)).collect::<Vec<_>>(),
        carried.iter().map(|c| c.alert.as_deref()).collect::<Vec<_>>() as _,
        fallbacks,
        rows.iter().map(|r| r.delivery.cause.map(|id| id.0)).collect::<Vec<_>>() as _,
        rows.iter().map(|r| r.delivery.traceparent.as_deref()).collect::<Vec<_>>() as _,
        now.to_sqlx(),
        owner,
        rows.iter().map(|r| r.delivery.letter.kind().code()).collect::<Vec<_>>() as _,
        carried.iter().map(|c| c.probe_id).collect::<Vec<_>>() as _,
        carried.iter().map(|c| c.probe.as_deref()).collect::<Vec<_>>() as _
    )
    .fetch_all(connection)
    .await?;
    Ok(inserted.into_iter().map(DeliveryId).collect())
}

/// The columns of a letter: those of an alert, or those of a probe.
#[derive(Debug, Default)]
struct Carried {
    alert_id: Option<Uuid>,
    incident_id: Option<Uuid>,
    alert: Option<String>,
    probe_id: Option<Uuid>,
    probe: Option<String>,
}

impl Carried {
    fn of(letter: &Letter) -> anyhow::Result<Self> {
        Ok(match letter {
            Letter::Alert(alert) => Self {
                alert_id: Some(alert.alert_id.0),
                incident_id: Some(alert.incident.id.0),
                alert: Some(serde_json::to_string(alert).context("cannot write an alert as JSON")?),
                ..Self::default()
            },
            Letter::Probe(probe) => Self {
                probe_id: Some(probe.probe_id.0),
                probe: Some(serde_json::to_string(probe).context("cannot write a probe as JSON")?),
                ..Self::default()
            },
        })
    }
}

/// Claims, until `lease_until`, at most `limit` letters of `kind` by `channel` that are due or whose claim has run out.
///
/// Each is a new attempt; rows another process is claiming are passed over.
pub(crate) async fn claim_due(
    connection: &mut PgConnection,
    (kind, channel): (LetterKind, Channel),
    limit: usize,
    owner: i32,
    now: Timestamp,
    lease_until: Timestamp,
) -> anyhow::Result<Vec<Delivery>> {
    let claimed = sqlx::query_as!(
        Row,
        r#"update notification.delivery d
            set state = 'sending', attempt = d.attempt + 1, wake_at = $4, changed_at = $2, owner = $5
          where d.id in (select id from notification.delivery
                          where letter = $6 and channel = $1 and wake_at <= $2 and state in ('due', 'sending')
                          order by wake_at limit $3 for update skip locked)
         returning d.id, d.alert::text as alert, d.probe::text as probe, d.channel, d.contact, d.fallback::text as "fallback!",
                   d.attempt, d.wake_at, d.cause, d.traceparent, d.state, d.provider_ids, d.delivered_ids"#,
        channel.code(),
        now.to_sqlx(),
        i64::try_from(limit).unwrap_or(i64::MAX),
        lease_until.to_sqlx(),
        owner,
        kind.code()
    );
    let mut claimed = readable(claimed.fetch_all(&mut *connection).await?);
    if kind == LetterKind::Probe && !claimed.is_empty() {
        address(connection, &mut claimed, now).await?;
    }
    Ok(claimed)
}

/// Gives probes of addresses that are not in force where they go. The directory keeps it until they expire.
async fn address(
    connection: &mut PgConnection,
    deliveries: &mut [Delivery],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let probe = |delivery: &Delivery| match &delivery.letter {
        Letter::Probe(probe) => Some(probe.probe_id.0),
        Letter::Alert(_) => None,
    };
    let rows = sqlx::query!(
        "select probe, address from directory.probe_address where probe = any($1) and expires_at > $2",
        deliveries.iter().filter_map(probe).collect::<Vec<_>>(),
        now.to_sqlx()
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        for delivery in deliveries.iter_mut().filter(|delivery| probe(delivery) == Some(row.probe)) {
            delivery.elsewhere = Some(Address(row.address.clone()));
        }
    }
    Ok(())
}

/// Makes due at once the letters of `kind` that a process claimed which is no longer there; returns how many.
pub(crate) async fn take_over(
    connection: &mut PgConnection,
    kind: LetterKind,
    owner: i32,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let taken = sqlx::query!(
        "update notification.delivery d set wake_at = $2, changed_at = $2
          where d.letter = $4 and d.state = 'sending' and d.wake_at > $2 and d.owner <> $1
            and not exists (select from pg_locks l
                             where l.locktype = 'advisory' and l.classid = $3::int::oid and l.objid = d.owner::oid
                               and l.objsubid = 2 and l.granted)",
        owner,
        now.to_sqlx(),
        LOCK_CLASS,
        kind.code()
    )
    .execute(connection)
    .await?;
    Ok(taken.rows_affected())
}

/// Those of `incidents` that somebody has answered or closed.
pub(crate) async fn answered(
    connection: &mut PgConnection,
    incidents: &[IncidentId],
) -> Result<Vec<IncidentId>, sqlx::Error> {
    let answered = sqlx::query_scalar!(
        r#"select distinct incident_id as "incident_id!" from journal.entry
          where incident_id = any($1) and type in ('vigie.incident.acknowledged.v1', 'vigie.incident.closed.v1')"#,
        incidents.iter().map(|id| id.0).collect::<Vec<_>>()
    )
    .fetch_all(connection)
    .await?;
    Ok(answered.into_iter().map(IncidentId).collect())
}

/// Locks at most `limit` sent letters of `kind` whose receipt is overdue.
pub(crate) async fn lock_unreceipted(
    connection: &mut PgConnection,
    kind: LetterKind,
    limit: i64,
    now: Timestamp,
) -> anyhow::Result<Vec<Delivery>> {
    let unreceipted = sqlx::query_as!(
        Row,
        r#"select d.id, d.alert::text as alert, d.probe::text as probe, d.channel, d.contact, d.fallback::text as "fallback!",
                   d.attempt, d.wake_at, d.cause, d.traceparent, d.state, d.provider_ids, d.delivered_ids
             from notification.delivery d
            where letter = $3 and channel = 'sms' and wake_at <= $1 and state = 'sent'
            order by wake_at limit $2 for update skip locked"#,
        now.to_sqlx(),
        limit,
        kind.code()
    );
    Ok(readable(unreceipted.fetch_all(connection).await?))
}

/// When the sweep of `kind` must look again; none when nothing waits.
pub(crate) async fn next_wake(
    connection: &mut PgConnection,
    kind: LetterKind,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let next: Option<SqlTimestamp> =
        // By channel, so that each minimum is the first entry of the index, however many wait.
        sqlx::query_scalar!(
            "select min(first) from unnest(array['email', 'sms']) as c (channel), lateral
                    (select min(wake_at) as first from notification.delivery d
                      where d.letter = $1 and d.channel = c.channel and d.wake_at is not null) as f",
            kind.code()
        )
        .fetch_one(connection)
        .await?;
    Ok(next.map(SqlTimestamp::to_jiff))
}

/// Ends deliveries that nobody needs any more.
pub(crate) async fn cancel(
    connection: &mut PgConnection,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update notification.delivery set state = 'cancelled', wake_at = null, changed_at = $2 where id = any($1)",
        ids.iter().map(|id| id.0).collect::<Vec<_>>(),
        now.to_sqlx()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes how attempts ended, in one statement, and returns the ids for which it counted.
///
/// A result counts only while its attempt is the current one and nobody settled it (`from` is the state it must still
/// be in): a claim that ran out and was taken over is the other's to settle.
pub(crate) async fn settle(
    connection: &mut PgConnection,
    settled: &[(&Delivery, &Settlement)],
    from: &'static str,
    now: Timestamp,
) -> Result<Vec<DeliveryId>, sqlx::Error> {
    if settled.is_empty() {
        return Ok(Vec::new());
    }
    let counted = sqlx::query_scalar!(
        "update notification.delivery d
            set state = s.state, attempt = s.counted, wake_at = s.wake_at, failure = s.failure, changed_at = $9,
                provider_ids = case when s.provider_ids = '' then d.provider_ids
                                    else string_to_array(s.provider_ids, chr(10)) end
           from unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::timestamptz[], $6::text[], $7::text[])
                as s (id, attempt, counted, state, wake_at, failure, provider_ids)
          where d.id = s.id and d.attempt = s.attempt and d.state = $8
         returning d.id",
        settled.iter().map(|(d, _)| d.id.0).collect::<Vec<_>>(),
        settled.iter().map(|(d, _)| count(d.attempt)).collect::<Vec<_>>(),
        settled.iter().map(|(_, s)| count(s.attempt)).collect::<Vec<_>>(),
        settled.iter().map(|(_, s)| s.state.code()).collect::<Vec<_>>() as _,
        settled.iter().map(|(_, s)| s.wake_at.map(ToSqlx::to_sqlx)).collect::<Vec<_>>(),
        settled.iter().map(|(_, s)| s.failure.map(DeliveryFailure::code)).collect::<Vec<_>>() as _,
        settled.iter().map(|(_, s)| s.provider_ids.join("\n")).collect::<Vec<_>>(),
        from,
        now.to_sqlx()
    )
    .fetch_all(connection)
    .await?;
    Ok(counted.into_iter().map(DeliveryId).collect())
}

/// A delivery a receipt is for, as it stands, locked.
#[derive(Debug)]
pub(crate) struct Receipted {
    pub(crate) delivery: Delivery,
    pub(crate) state: String,
    pub(crate) provider_ids: Vec<String>,
    pub(crate) delivered_ids: Vec<String>,
}

/// The newest delivery that was given the gateway's id `provider_id`.
pub(crate) async fn lock_by_provider_id(
    connection: &mut PgConnection,
    provider_id: &str,
) -> anyhow::Result<Option<Receipted>> {
    let receipted = sqlx::query_as!(
        Row,
        r#"select d.id, d.alert::text as alert, d.probe::text as probe, d.channel, d.contact, d.fallback::text as "fallback!",
                   d.attempt, d.wake_at, d.cause, d.traceparent, d.state, d.provider_ids, d.delivered_ids
             from notification.delivery d
            where d.provider_ids @> array[$1] and d.provider_ids <> '{}' order by d.created_at desc limit 1 for update"#,
        provider_id
    );
    let receipted = receipted.fetch_optional(connection).await?;
    receipted
        .map(|mut row| {
            Ok(Receipted {
                state: mem::take(&mut row.state),
                provider_ids: mem::take(&mut row.provider_ids),
                delivered_ids: mem::take(&mut row.delivered_ids),
                delivery: row.delivery()?,
            })
        })
        .transpose()
}

/// Notes that one part reached its device; with `whole`, that the message did.
pub(crate) async fn note_receipt(
    connection: &mut PgConnection,
    id: DeliveryId,
    provider_id: &str,
    whole: bool,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update notification.delivery
            set delivered_ids = array_append(delivered_ids, $2), changed_at = $4,
                state = case when $3 then 'delivered' else state end,
                wake_at = case when $3 then null else wake_at end
          where id = $1",
        id.0,
        provider_id,
        whole,
        now.to_sqlx()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A delivery's row, its JSON not yet read.
struct Row {
    id: Uuid,
    alert: Option<String>,
    probe: Option<String>,
    channel: String,
    contact: String,
    fallback: String,
    attempt: i32,
    wake_at: Option<SqlTimestamp>,
    cause: Option<Uuid>,
    traceparent: Option<String>,
    state: String,
    provider_ids: Vec<String>,
    delivered_ids: Vec<String>,
}

/// The rows this build can read. One it cannot is left claimed, loudly, and must not hold the others.
fn readable(rows: Vec<Row>) -> Vec<Delivery> {
    let read = |row: Row| {
        row.delivery().inspect_err(|error| tracing::error!(error = format!("{error:#}"), "a delivery cannot be read"))
    };
    rows.into_iter().filter_map(|row| read(row).ok()).collect()
}

fn count(attempt: u32) -> i32 {
    i32::try_from(attempt).unwrap_or(i32::MAX)
}

impl Row {
    fn delivery(self) -> anyhow::Result<Delivery> {
        Ok(Delivery {
            id: DeliveryId(self.id),
            letter: match (&self.probe, &self.alert) {
                (Some(probe), _) => {
                    Letter::Probe(serde_json::from_str(probe).context("a stored probe cannot be read")?)
                }
                (None, alert) => Letter::Alert(
                    serde_json::from_str(alert.as_deref().unwrap_or_default())
                        .context("a stored alert cannot be read")?,
                ),
            },
            channel: database::coded(&self.channel, "channel")?,
            contact: ContactId::new(self.contact)?,
            elsewhere: None,
            fallback: serde_json::from_str(&self.fallback).context("a stored fallback cannot be read")?,
            attempt: u32::try_from(self.attempt).context("a stored attempt is negative")?,
            lease_until: self.wake_at.map_or(Timestamp::MIN, SqlTimestamp::to_jiff),
            cause: self.cause.map(EventId),
            traceparent: self.traceparent,
        })
    }
}
