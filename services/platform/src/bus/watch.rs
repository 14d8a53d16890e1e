//! How the bus is, as `/readyz` tells: every connection of the process, and what its consumers refused lately.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::health::{Health, State};

/// Name in `/readyz`.
const DEPENDENCY: &str = "nats";
/// So long after the last refusal `/readyz` still tells of it; one that comes later begins a new burst.
const TOLD_FOR: Duration = Duration::from_mins(5);

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// The journal holds no such event.
    Absent,
    /// The entry is of another type.
    Type,
    /// It came under another subject than the entry's.
    Subject,
    /// It says something else than the entry.
    Data,
    /// It was dealt with so long ago that its inbox row is gone.
    Watermark,
    /// Its headers are not those of an event.
    Unreadable,
}

impl Refusal {
    /// Stable code, as in metrics.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Type => "type",
            Self::Subject => "subject",
            Self::Data => "data",
            Self::Watermark => "watermark",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What is known of the bus; cheap to clone, one for the whole process.
#[derive(Debug, Clone)]
pub struct Watch {
    health: Health,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Users whose connection is away.
    away: BTreeSet<&'static str>,
    burst: Option<Burst>,
    /// Why facts wait for the bus although it is there.
    outbox: Option<String>,
}

/// Refusals one soon after the other.
#[derive(Debug)]
struct Burst {
    refused: u64,
    last: Instant,
    /// Said in the log already.
    said: BTreeSet<(&'static str, Refusal)>,
}

impl Watch {
    pub fn new(health: Health) -> Self {
        Self { health, known: Arc::default() }
    }

    pub(crate) fn found(&self, user: &'static str) {
        self.change(|known| {
            known.away.remove(user);
        });
    }

    pub(crate) fn lost(&self, user: &'static str) {
        self.change(|known| {
            known.away.insert(user);
        });
    }

    /// `consumer` refused a message. Said in the log once per burst and reason: whoever floods the bus does not flood the log.
    pub(crate) fn refused(&self, consumer: &'static str, why: Refusal) {
        self.change(|known| {
            let now = Instant::now();
            let burst = known.burst.get_or_insert_with(|| Burst { refused: 0, last: now, said: BTreeSet::new() });
            burst.refused += 1;
            burst.last = now;
            if burst.said.insert((consumer, why)) {
                tracing::error!(
                    consumer,
                    why = why.code(),
                    "the bus brought a message that is not what the journal holds; it was refused: who else publishes there?"
                );
            }
        });
    }

    /// Why facts wait for a bus that is there; none when they do not.
    pub(crate) fn outbox(&self, why: Option<String>) {
        self.change(|known| known.outbox = why);
    }

    /// Lets go of a burst that is over.
    pub(crate) fn look(&self) {
        self.change(|_| {});
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.burst = known.burst.take().filter(|burst| burst.last.elapsed() < TOLD_FOR);
        change(&mut known);
        // Told while the lock is held, so that the last word is the latest.
        self.health.report(DEPENDENCY, state(&known));
    }
}

fn state(known: &Known) -> State {
    let mut why = Vec::new();
    if !known.away.is_empty() {
        why.push("out of reach; alerts go through the journal".to_owned());
    }
    why.extend(known.outbox.clone().filter(|_| known.away.is_empty()));
    if let Some(burst) = &known.burst {
        // In steps, since each change of the text is a line of the log; `vigie_bus_refused_total` has the exact number.
        let refused = if burst.refused < 10 { burst.refused } else { 1 << burst.refused.ilog2() };
        why.push(format!("{refused} or more messages refused lately: they are not what the journal holds"));
    }
    if why.is_empty() { State::Ok } else { State::Degraded(why.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(health: &Health) -> State {
        health.snapshot().1[DEPENDENCY].clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_for_some_minutes_and_counted() {
        let health = Health::default();
        let watch = Watch::new(health.clone());
        watch.lost("relay");
        watch.found("relay");
        assert_eq!(told(&health), State::Ok);

        watch.refused("routing", Refusal::Absent);
        watch.refused("routing", Refusal::Absent);
        let State::Degraded(why) = told(&health) else { panic!("a refusal shows") };
        assert!(why.starts_with("2 or more messages refused"), "{why}");
        tokio::time::advance(TOLD_FOR).await;
        watch.look();
        assert_eq!(told(&health), State::Ok);
    }

    #[tokio::test]
    async fn one_connection_that_is_away_is_told() {
        let health = Health::default();
        let watch = Watch::new(health.clone());
        for user in ["relay", "routing"] {
            watch.found(user);
        }
        watch.lost("routing");
        assert!(matches!(told(&health), State::Degraded(_)));
        watch.found("routing");
        assert_eq!(told(&health), State::Ok);
    }
}
