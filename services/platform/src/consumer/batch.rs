//! What a batch leads to before anything is committed: its rows of the inbox, what the handler made of it, and why some
//! of it is set aside, put off or refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_proto::{
    envelope::{Envelope, Fact},
    event::{DecodeError, Event},
};

use super::{
    Handler, Outbox, Received, Verdict,
    inbox::{self, DeadLetter},
    incoming::Incoming,
};
use crate::{bus::Refusal, journal::Position, telemetry};

/// An event that is put off goes to the dead letters after this long, and comes back from there with what it waits for.
const PUT_OFF_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What handling a batch led to, before it is committed.
pub(super) struct Applied<After> {
    pub(super) outbox: Outbox,
    pub(super) after: After,
    /// To be shown again, each after a while.
    pub(super) later: BTreeMap<Uuid, Duration>,
    /// Those that can never be applied, or have waited too long.
    pub(super) dead: Vec<DeadLetter>,
    /// Incidents of those that were applied.
    pub(super) incidents: Vec<Uuid>,
    /// Which of the batch are not what the journal holds: they leave nothing behind.
    pub(super) refused: Vec<(usize, Refusal)>,
}

/// Enters a batch in the inbox and hands the handler what was not there yet, as the journal holds it.
///
/// What lies before `settled_before` was dealt with long ago and is not handled again.
pub(super) async fn handle<H: Handler>(
    handler: &H,
    tx: &mut PgConnection,
    batch: &[Incoming],
    settled_before: Position,
    now: Timestamp,
) -> anyhow::Result<Applied<H::After>> {
    // Each once: the second would find the first in the inbox.
    let ids: BTreeSet<Uuid> = batch.iter().map(|incoming| incoming.id.0).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let mut entered = inbox::enter_inbox::<H>(tx, &ids, settled_before, now).await?;
    let (mut events, mut dead, mut refused) = (Vec::with_capacity(entered.len()), Vec::new(), Vec::new());
    for (at, incoming) in batch.iter().enumerate() {
        let Some(known) = entered.get_mut(&incoming.id.0) else {
            refused.push((at, Refusal::Absent));
            continue;
        };
        let differs = incoming.told.as_ref().and_then(|told| told.differs(&known.entry));
        if let Some(why) = differs.or(known.is_replayed.then_some(Refusal::Watermark)) {
            refused.push((at, why));
        } else if std::mem::take(&mut known.is_fresh) {
            let envelope = &known.entry.envelope;
            match Event::decode(&envelope.type_name, &known.entry.data) {
                Ok(event) => events.push(received::<H>(envelope, event)),
                Err(error) => dead.push(DeadLetter {
                    id: envelope.id,
                    type_name: envelope.type_name.clone(),
                    why: why(&error),
                    waits: false,
                }),
            }
        }
    }
    // Entered, but only forgeries or replays told of them: the true message is still to come, or came long ago.
    let forged: Vec<Uuid> = entered.iter().filter(|(_, known)| known.is_fresh).map(|(id, _)| *id).collect();
    inbox::leave_inbox::<H>(tx, &forged).await?;
    let mut outbox = Outbox::new(H::CONSUMER.service, now);
    let (verdicts, after) = if events.is_empty() {
        (Vec::new(), H::After::default())
    } else {
        handler.handle(tx, &events, now, &mut outbox).await?
    };
    anyhow::ensure!(
        verdicts.len() == events.len(),
        "{} gave {} verdicts for {} events",
        H::CONSUMER.name,
        verdicts.len(),
        events.len()
    );
    let (mut later, mut incidents) = (BTreeMap::new(), Vec::new());
    for (received, verdict) in events.iter().zip(verdicts) {
        let Fact { id, at, event, .. } = &received.fact;
        let set_aside = |why, waits| DeadLetter { id: *id, type_name: event.type_name().to_owned(), why, waits };
        let age = now.duration_since(*at);
        match verdict {
            Verdict::Done => {
                let known = entered.get(&id.0).and_then(|known| known.entry.incident_id);
                incidents.extend(known.map(|id| id.0));
            }
            Verdict::Later(reason) if age > PUT_OFF_FOR => {
                dead.push(set_aside(format!("waited for more than {PUT_OFF_FOR:#}: {reason}"), true));
            }
            Verdict::Later(reason) => {
                tracing::debug!(event.id = %id, reason, consumer = H::CONSUMER.name, "put off");
                later.insert(id.0, pause_after(age));
            }
            Verdict::Dead(reason) => dead.push(set_aside(reason, false)),
        }
    }
    Ok(Applied { outbox, after, later, dead, incidents, refused })
}

/// How long an event of this age is left alone that waits for another: mostly that one is on its way.
fn pause_after(age: SignedDuration) -> Duration {
    Duration::try_from(age / 10).unwrap_or_default().clamp(Duration::from_millis(100), Duration::from_secs(30))
}

fn received<H: Handler>(envelope: &Envelope, event: Event) -> Received {
    let span = tracing::info_span!("handle", otel.name = format!("{} {}", H::CONSUMER.name, envelope.type_name), event.id = %envelope.id);
    telemetry::continue_trace(&span, envelope.traceparent.as_deref());
    let Envelope { id, cause, time, .. } = *envelope;
    Received { fact: Fact { id, cause, at: time, event }, span, traceparent: envelope.traceparent.clone() }
}

fn why(error: &DecodeError) -> String {
    match error {
        DecodeError::UnknownType(_) => error.to_string(),
        DecodeError::Malformed { source, .. } => format!("{error}: {source}"),
    }
}
