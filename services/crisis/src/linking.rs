//! What a script's signals open belongs to its exercise.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::PgConnection;
use tokio::sync::Notify;
use vigie_domain::{
    city::InForce,
    crisis::{Effect, Refused},
    doctrine::Class,
};
use vigie_platform::{
    consumer::{Handler, Outbox, Received, Verdict},
    journal::Entry,
};
use vigie_proto::{
    SignalId,
    consumer::{self, Consumer},
    event::{Cause, Event, IncidentSnapshot},
};

use crate::{Pace, carry::Carrier, moment, store};

/// The consumer of incidents that signals opened or joined.
pub(crate) struct Linking {
    pub(crate) in_force: InForce,
    pub(crate) pace: Pace,
    pub(crate) fresh: vigie_platform::relay::FreshEntries,
    /// Tells the timers that due times changed.
    pub(crate) wake: Arc<Notify>,
}

impl Handler for Linking {
    const CONSUMER: Consumer = consumer::CRISIS;
    type After = Vec<Entry>;

    async fn handle(
        &self,
        tx: &mut PgConnection,
        events: &[Received],
        now: Timestamp,
        _outbox: &mut Outbox,
    ) -> anyhow::Result<(Vec<Verdict>, Vec<Entry>)> {
        let (mut verdicts, mut entries) = (Vec::with_capacity(events.len()), Vec::new());
        for received in events {
            if let Some((signal, incident)) = followed(&received.fact.event)
                && incident.nature.is_exercise()
                && !self.in_force.get().doctrine.class_of(&incident.kind).is_some_and(Class::withholds)
            {
                entries.extend(self.link(tx, signal, incident, now).await?);
            }
            verdicts.push(Verdict::Done);
        }
        Ok((verdicts, entries))
    }

    fn committed(&self, entries: Vec<Entry>) {
        self.fresh.push(entries);
        self.wake.notify_one();
    }
}

/// The signal a fact tells of, and the incident it opened or joined.
#[expect(clippy::wildcard_enum_match_arm, reason = "the consumer asks for these types only")]
fn followed(event: &Event) -> Option<(SignalId, &IncidentSnapshot)> {
    match event {
        Event::IncidentOpened(e) => Some((e.signal_id, &e.incident)),
        Event::IncidentReinforced(e) => Some((e.signal_id, &e.incident)),
        Event::IncidentAggravated(e) => match &e.cause {
            Cause::Signal { signal_id } | Cause::Accumulation { signal_id, .. } => Some((*signal_id, &e.incident)),
            Cause::Act { .. } => None,
        },
        _ => None,
    }
}

impl Linking {
    /// Links the incident a played signal opened or joined, unless it is linked already, in the name of whoever started the exercise.
    async fn link(
        &self,
        tx: &mut PgConnection,
        signal: SignalId,
        incident: &IncidentSnapshot,
        now: Timestamp,
    ) -> Result<Vec<Entry>, sqlx::Error> {
        let city = self.in_force.get();
        let (Some(id), Some(at)) = (store::exercise_of(tx, signal).await?, moment(&city, self.pace, now)) else {
            return Ok(Vec::new());
        };
        let Some(mut crisis) = store::lock(tx, id).await? else { return Ok(Vec::new()) };
        let Some(by) = crisis.play.as_ref().map(|play| play.by.clone()) else { return Ok(Vec::new()) };
        let effects = match crisis.link(incident, &by, at) {
            Ok(effects) => effects,
            // Its signal was on its way when the exercise ended.
            Err(Refused::Closed) => {
                let over = vec![Effect::End { incident: incident.id }];
                return Carrier::new(&city, at, Some(&by)).carry_out(tx, &crisis, over).await;
            }
            Err(why) => {
                tracing::info!(crisis.id = %id, incident.id = %incident.id, %why, "an incident of a script is not linked");
                return Ok(Vec::new());
            }
        };
        if !store::link(tx, id, incident.id).await? {
            return Ok(Vec::new());
        }
        Carrier::new(&city, at, Some(&by)).carry_out(tx, &crisis, effects).await
    }
}
