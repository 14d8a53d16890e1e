//! Signals in Postgres.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;
use vigie_platform::{journal, journal::Entry};
use vigie_proto::{
    BodyId, Kind, Nature, RoleId, Severity, SignalId, SourceId,
    event::{Event, SignalRaisedV1},
    signal::{Location, Parties},
};

use crate::key::IdempotencyKey;

/// What references of a year begin with.
const YEAR: &str = "S-%Y-";

/// A validated signal, not yet stored.
#[derive(Debug, Clone)]
pub(crate) struct NewSignal {
    /// Given before the first attempt to store it: a second attempt then finds what the first may have written.
    pub(crate) id: SignalId,
    pub(crate) source: SourceId,
    pub(crate) source_role: RoleId,
    pub(crate) source_body: BodyId,
    pub(crate) kind: Kind,
    pub(crate) severity: Severity,
    pub(crate) summary: Option<String>,
    pub(crate) location: Location,
    pub(crate) occurred_at: Timestamp,
    pub(crate) expected_at: Option<Timestamp>,
    pub(crate) parties: Option<Parties>,
    pub(crate) facts: Vec<String>,
    pub(crate) learnt_at: Option<Timestamp>,
    pub(crate) nature: Nature,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) traceparent: Option<String>,
}

/// What became of a signal handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is durable: now, or already under the same key.
    Durable { id: SignalId, reference: String, received_at: Timestamp },
    /// The key was used for another report.
    KeyReused,
}

/// Stores `signals` in one transaction with their journal entries, in order.
///
/// A repetition (same source and key, or the same id after an attempt whose outcome is unknown) is not stored again; it
/// is answered with what is there.
pub(crate) async fn store(
    pool: &PgPool,
    signals: &[NewSignal],
    now: Timestamp,
) -> Result<(Vec<Stored>, Vec<Entry>), sqlx::Error> {
    let mut tx = pool.begin().await?;
    let references = insert(&mut tx, signals, now).await?;
    let entries: Vec<Entry> =
        signals.iter().filter_map(|signal| Some(signal.entry(references.get(&signal.id.0)?, now))).collect();
    journal::append(&mut tx, &entries).await?;
    let known =
        if references.len() == signals.len() { HashMap::new() } else { already_stored(&mut tx, signals).await? };
    tx.commit().await?;
    let stored = signals.iter().map(|signal| signal.outcome(&references, &known, now)).collect();
    Ok((stored, entries))
}

/// The references of signals that were not there before, by id.
type References = HashMap<Uuid, String>;

/// Signals stored before, by source and key.
type Known = HashMap<(String, String), StoredBefore>;

struct StoredBefore {
    id: Uuid,
    reference: String,
    received_at: Timestamp,
    fingerprint: Vec<u8>,
}

impl NewSignal {
    /// The key that tells repetitions; a signal without one is its own.
    fn key(&self) -> String {
        self.idempotency_key.as_ref().map_or_else(|| self.id.to_string(), |key| key.as_str().to_owned())
    }

    fn entry(&self, reference: &str, now: Timestamp) -> Entry {
        let s = self;
        let event = Event::from(SignalRaisedV1 {
            signal_id: s.id,
            reference: reference.to_owned(),
            source: s.source.clone(),
            source_role: s.source_role.clone(),
            kind: s.kind.clone(),
            severity: s.severity,
            location: s.location.clone(),
            occurred_at: s.occurred_at,
            expected_at: s.expected_at,
            parties: s.parties.clone(),
            facts: s.facts.clone(),
            received_at: now,
            source_body: Some(s.source_body.clone()),
            learnt_at: s.learnt_at,
            nature: s.nature,
        });
        Entry::new("intake", &event, now, None, s.traceparent.clone())
    }

    fn outcome(&self, references: &References, known: &Known, now: Timestamp) -> Stored {
        if let Some(reference) = references.get(&self.id.0) {
            return Stored::Durable { id: self.id, reference: reference.clone(), received_at: now };
        }
        match known.get(&(self.source.to_string(), self.key())) {
            Some(before) if before.fingerprint.as_slice() == self.fingerprint => Stored::Durable {
                id: SignalId(before.id),
                reference: before.reference.clone(),
                received_at: before.received_at,
            },
            _ => Stored::KeyReused,
        }
    }
}

/// Numbers and inserts in one statement those of `rows` that are new, in order.
async fn insert(tx: &mut PgConnection, rows: &[NewSignal], now: Timestamp) -> Result<References, sqlx::Error> {
    let text = |of: fn(&NewSignal) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let inserted = sqlx::query!(
        "insert into intake.signal (id, reference, source_id, source_role, kind, severity, summary, location, occurred_at,
                                    expected_at, parties, facts, received_at, idempotency_key, fingerprint)
         select id, $2 || lpad(number, greatest(6, length(number)), '0'), source_id, source_role, kind, severity, summary,
                location, occurred_at, expected_at, parties, string_to_array(facts, ','), $15, idempotency_key, fingerprint
           from (select nextval('intake.signal_number')::text as number, s.*
                   from unnest($1::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
                               $9::timestamptz[], $10::timestamptz[], $11::jsonb[], $12::text[], $13::text[], $14::bytea[])
                          with ordinality
                     as s (id, source_id, source_role, kind, severity, summary, location, occurred_at, expected_at, parties,
                           facts, idempotency_key, fingerprint, position)
                  order by s.position) as numbered
         on conflict (source_id, idempotency_key) do nothing
         returning id, reference",
        rows.iter().map(|r| r.id.0).collect::<Vec<_>>(),
        now.strftime(YEAR).to_string(),
        text(|s| s.source.to_string()),
        text(|s| s.source_role.to_string()),
        text(|s| s.kind.to_string()),
        text(|s| s.severity.to_string()),
        rows.iter().map(|r| r.summary.clone()).collect::<Vec<_>>() as _,
        rows.iter().map(|r| Json(r.location.clone())).collect::<Vec<_>>(),
        rows.iter().map(|r| r.occurred_at.to_sqlx()).collect::<Vec<_>>(),
        rows.iter().map(|r| r.expected_at.map(ToSqlx::to_sqlx)).collect::<Vec<_>>(),
        rows.iter().map(|r| r.parties.clone().map(Json)).collect::<Vec<_>>() as _,
        text(|s| s.facts.join(",")),
        rows.iter().map(NewSignal::key).collect::<Vec<_>>(),
        rows.iter().map(|r| r.fingerprint.to_vec()).collect::<Vec<_>>(),
        now.to_sqlx()
    )
    .fetch_all(tx)
    .await?;
    Ok(inserted.into_iter().map(|row| (row.id, row.reference)).collect())
}

async fn already_stored(tx: &mut PgConnection, rows: &[NewSignal]) -> Result<Known, sqlx::Error> {
    let found = sqlx::query!(
        "select id, reference, source_id, idempotency_key, fingerprint, received_at from intake.signal
          where (source_id, idempotency_key) in (select * from unnest($1::text[], $2::text[]))",
        rows.iter().map(|r| r.source.to_string()).collect::<Vec<_>>(),
        rows.iter().map(NewSignal::key).collect::<Vec<_>>()
    )
    .fetch_all(tx)
    .await?;
    let known = found.into_iter().map(|row| {
        let before = StoredBefore {
            id: row.id,
            reference: row.reference,
            received_at: row.received_at.to_jiff(),
            fingerprint: row.fingerprint,
        };
        ((row.source_id, row.idempotency_key), before)
    });
    Ok(known.collect())
}

/// True when the number of a reference was given before: the counter is behind its table, after a failover or a restore.
pub(crate) fn is_number_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.constraint()) == Some("signal_reference_key")
}

/// Moves the counter on to the highest number given at `now`'s year.
pub(crate) async fn move_counter_on(pool: &PgPool, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select setval('intake.signal_number', max(substr(reference, length($1) + 1)::bigint))
           from intake.signal where reference ~ ('^' || $1 || '[0-9]+$')",
        now.strftime(YEAR).to_string()
    )
    .fetch_one(pool)
    .await?;
    Ok(())
}

/// True when the database refuses what is to be stored, and would refuse the same again, whoever asks.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "sqlx may add errors; those are not known to be the content's fault"
)]
pub(crate) fn refuses_content(error: &sqlx::Error) -> bool {
    // 21 to 23: cardinality, data, constraints; 44: a view's check; 54: too large for an index; P0: raised by a trigger.
    const CLASSES: [&str; 6] = ["21", "22", "23", "44", "54", "P0"];
    match error {
        sqlx::Error::Encode(_) => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| CLASSES.iter().any(|class| code.starts_with(class)))
        }
        _ => false,
    }
}

/// What may be logged of an error: the words of one about content may repeat the content.
pub(crate) fn cause(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(refusal) if refuses_content(error) => format!(
            "SQLSTATE {}, table {}, constraint {}",
            refusal.code().unwrap_or_default(),
            refusal.table().unwrap_or("unknown"),
            refusal.constraint().unwrap_or("none"),
        ),
        None if refuses_content(error) => "a value cannot be encoded".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
