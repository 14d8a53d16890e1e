//! What the journal brings: entries that the inbox lacks, and dead letters somebody wants tried again.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use super::{
    BATCH, Handler, batch, inbox,
    incoming::Incoming,
    runner::{Runner, is_temporary},
};
use crate::journal::{self, Position};

/// While the bus serves this consumer, an entry younger than this is the bus's to bring.
const GRACE: SignedDuration = SignedDuration::from_secs(2);

impl<H: Handler> Runner<H> {
    /// Handles a page of what the journal holds and the inbox lacks: the first, or the one `after` an earlier. Where the next
    /// begins, when there may be more: what is put off and stays hides nothing behind it.
    ///
    /// What was written since the bus serves this consumer, `served_since`, is left to the bus for a moment.
    pub(super) async fn catch_up(
        &self,
        after: Option<Position>,
        served_since: Option<Timestamp>,
    ) -> anyhow::Result<Option<Position>> {
        let mut connection = self.pool.acquire().await?;
        let watermark = inbox::watermark::<H>(&mut connection).await?;
        let horizon = journal::horizon(&mut connection).await?;
        // Numbers of entries begin at 1.
        let owed = inbox::owed::<H>(&mut connection, after.unwrap_or(watermark), horizon).await?;
        if after.is_none() {
            // Only what was settled in an earlier pass moves the mark, so that a failure here is looked at again.
            let mark = owed.first().map_or(horizon, |(position, _)| Position { seq: 0, ..*position });
            if mark > watermark {
                inbox::set_watermark::<H>(&mut connection, mark).await?;
            }
            if let Some(known) = self.settled_before.get() {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                *known = mark.max(watermark).max(*known);
            }
        }
        drop(connection);
        let before = served_since.map_or(Timestamp::MAX, |since| since.max(self.context.clock.now() - GRACE));
        // Behind what is left to the bus there is only what is younger still.
        let last = owed.last().filter(|(_, entry)| owed.len() >= BATCH && entry.envelope.time < before);
        let next = last.map(|(position, _)| *position);
        let due = owed.into_iter().filter(|(_, entry)| entry.envelope.time < before);
        let due: Vec<_> = due.map(|(_, entry)| Incoming { id: entry.envelope.id, told: None }).collect();
        if !due.is_empty() {
            self.recovered.inc_by(due.len() as u64);
            self.settle(due).await;
        }
        Ok(next)
    }

    /// Shows the handler again what it had set aside and somebody wants tried again.
    pub(super) async fn revive(&self) -> anyhow::Result<()> {
        let mut connection = self.pool.acquire().await?;
        let waiting = inbox::revivals::<H>(&mut connection).await?;
        drop(connection);
        for (id, event) in waiting {
            let incoming = Incoming { id: event, told: None };
            match self.apply_again(id, &incoming).await {
                Err(error) if !is_temporary(&error) => {
                    let mut connection = self.pool.acquire().await?;
                    let (now, why) = (self.context.clock.now(), format!("{error:#}"));
                    inbox::settle_revival(&mut connection, id, Some(&why), now).await?;
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// One transaction: out of the inbox, handled, and the wish settled. What is put off waits for the next look.
    async fn apply_again(&self, revival: i64, incoming: &Incoming) -> anyhow::Result<()> {
        let now = self.context.clock.now();
        let mut tx = self.pool.begin().await?;
        inbox::leave_inbox::<H>(&mut tx, &[incoming.id.0]).await?;
        // Also what was dealt with long ago.
        let (handler, batch) = (&*self.handler, std::slice::from_ref(incoming));
        let applied = batch::handle(handler, &mut tx, batch, Position::default(), now).await?;
        if !applied.later.is_empty() {
            return Ok(tx.rollback().await?);
        }
        let why = applied.dead.first().map(|dead| dead.why.as_str());
        inbox::settle_revival(&mut tx, revival, why, now).await?;
        inbox::call_waiting::<H>(&mut tx, &applied.incidents, now).await?;
        journal::append(&mut tx, applied.outbox.entries()).await?;
        tx.commit().await?;
        tracing::info!(event.id = %incoming.id, consumer = H::CONSUMER.name, applied = why.is_none(), "tried again");
        self.context.fresh.push(applied.outbox.into_entries());
        self.handler.committed(applied.after);
        Ok(())
    }
}
