//! Notes what happens at the doors, and journals it: 25,000 wrong tokens in three seconds are one entry, not 25,000.
//!
//! What one person does once (a session opened, a token issued) is journalled by whoever does it, in the transaction of
//! the change. What strangers do as often as they like is counted here, by what, whose and from where, and written every
//! few seconds; and so is when a session or token was last used, to the hour.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vigie_proto::{
    SourceId,
    event::{Event, SecurityMatter, SecurityNotedV1},
};

use crate::credential::secret::Purpose;
use vigie_platform::{
    clock::SharedClock,
    journal::{self, Entry},
    metrics::{ByMatter, Metrics},
    relay::FreshEntries,
};

/// How often what was noted is written.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);
/// Different notes kept apart between two writings; those beyond are counted together, by what they are.
const MAX_APART: usize = 200;
/// Credentials whose use is remembered between two writings; the use of others is written the next time.
const MAX_USED: usize = 10_000;

/// What, whose, from where.
type Key = (SecurityMatter, Option<SourceId>, Option<IpAddr>);

#[derive(Debug, Default)]
struct Kept {
    counts: HashMap<Key, u64>,
    /// Sessions and tokens, by id, with the hour of their last use.
    used: HashMap<Uuid, (Purpose, Timestamp)>,
}

/// Where notes are left until they are written; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Kept>>);

impl Notes {
    /// Notes that `what` happened, once more.
    pub fn note(&self, what: SecurityMatter, who: Option<&SourceId>, from: Option<IpAddr>) {
        self.add((what, who.cloned(), from), 1);
    }

    /// Notes that a session or token was used within `hour`.
    pub(crate) fn used(&self, id: Uuid, purpose: Purpose, hour: Timestamp) {
        self.with(|kept| {
            if kept.used.len() < MAX_USED {
                kept.used.insert(id, (purpose, hour));
            }
        });
    }

    fn add(&self, key: Key, times: u64) {
        self.with(|kept| {
            let room = kept.counts.len() < MAX_APART || kept.counts.contains_key(&key);
            let key = if room { key } else { (key.0, None, None) };
            *kept.counts.entry(key).or_default() += times;
        });
    }

    fn take(&self) -> Kept {
        self.with(std::mem::take)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Kept) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A fact that happened once, for whoever journals it with the change it tells of.
pub fn fact(
    what: SecurityMatter,
    who: &SourceId,
    by: Option<&SourceId>,
    from: Option<IpAddr>,
    now: Timestamp,
) -> SecurityNotedV1 {
    let from = from.map(|from| from.to_string());
    SecurityNotedV1 { what, who: Some(who.clone()), by: by.cloned(), from, count: 1, at: now }
}

/// Writes what is noted every few seconds, and what is left when stopped. `pool` acts as [`database::PORTER`](vigie_platform::database::PORTER).
pub async fn write(
    notes: Notes,
    pool: PgPool,
    clock: SharedClock,
    fresh: FreshEntries,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let last = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(WRITTEN_EVERY) => false,
        };
        let Kept { counts, used } = notes.take();
        let entries: Vec<Entry> = counts.iter().map(|(key, count)| entry(key, *count, clock.now())).collect();
        match written(&pool, &entries, &used).await {
            Ok(()) => {
                fresh.push(entries);
                for ((what, _, _), count) in counts {
                    metrics.security_events.get_or_create(&ByMatter { matter: what.code() }).inc_by(count);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "what happened at the doors could not be written: it is kept until it can");
                for (key, count) in counts {
                    notes.add(key, count);
                }
            }
        }
        if last {
            return Ok(());
        }
    }
}

fn entry((what, who, from): &Key, count: u64, at: Timestamp) -> Entry {
    let from = from.map(|from| from.to_string());
    let noted = SecurityNotedV1 { what: *what, who: who.clone(), by: None, from, count, at };
    Entry::new("directory", &Event::from(noted), at, None, None)
}

async fn written(
    pool: &PgPool,
    entries: &[Entry],
    used: &HashMap<Uuid, (Purpose, Timestamp)>,
) -> Result<(), sqlx::Error> {
    if entries.is_empty() && used.is_empty() {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    journal::append(&mut tx, entries).await?;
    for (statement, session) in [
        (
            "update directory.session s set last_used_at = u.hour from unnest($1::uuid[], $2::timestamptz[]) as u (id, hour) where s.id = u.id",
            true,
        ),
        (
            "update directory.credential c set last_used_at = u.hour from unnest($1::uuid[], $2::timestamptz[]) as u (id, hour) where c.id = u.id",
            false,
        ),
    ] {
        let of_it = used.iter().filter(|(_, (purpose, _))| (*purpose == Purpose::Session) == session);
        let (ids, hours): (Vec<_>, Vec<_>) = of_it.map(|(id, (_, hour))| (*id, hour.to_sqlx())).unzip();
        if !ids.is_empty() {
            sqlx::query(statement).bind(ids).bind(hours).execute(&mut *tx).await?;
        }
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn what_is_alike_is_one_note_and_strangers_without_number_are_too() {
        let notes = Notes::default();
        let from = |n: u32| Some(IpAddr::from(Ipv4Addr::from_bits(n)));
        for n in 0..25_000 {
            notes.note(SecurityMatter::LoginFailed, None, from(n % 2));
        }
        assert_eq!(notes.take().counts.into_values().collect::<Vec<_>>(), [12_500, 12_500]);
        for n in 0..25_000 {
            notes.note(SecurityMatter::LoginFailed, None, from(n));
        }
        let kept = notes.take().counts;
        assert_eq!(kept.len(), MAX_APART + 1);
        assert_eq!(kept.values().sum::<u64>(), 25_000);
    }
}
