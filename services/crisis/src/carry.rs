//! Carries out what the state machine decided, in the transaction that keeps its state: facts, alerts, acts, signals.

use jiff::Timestamp;
use sqlx::PgConnection;
use vigie_domain::{
    access::Caller,
    admission::{Inadmissible, admit},
    city::City,
    crisis::{
        Crisis, Effect, Moment, Tell,
        exercise::{self, Inject, PlayedSignal},
    },
};
use vigie_platform::{ids, journal, journal::Entry, telemetry};
use vigie_proto::{
    ActId, AlertId, IncidentId, SectorId, SignalId,
    crisis::ExerciseMoved,
    event::{
        Act, ActRecordedV1, Actor, AlertIssuedV1, ClosingReason, Event, IncidentSnapshot, Purpose, Recipient,
        ReturnOutcome, SignalRaisedV1,
    },
    signal::SignalReport,
};

use crate::store::{self, Ask};

/// One transaction's facts about one crisis.
pub(crate) struct Carrier<'a> {
    city: &'a City,
    at: Moment<'a>,
    /// Whoever acted; none when a due time came.
    by: Option<&'a Actor>,
    traceparent: String,
    entries: Vec<Entry>,
}

impl<'a> Carrier<'a> {
    pub(crate) fn new(city: &'a City, at: Moment<'a>, by: Option<&'a Actor>) -> Self {
        Self { city, at, by, traceparent: telemetry::fresh_traceparent(), entries: Vec::new() }
    }

    /// Writes the crisis and everything that follows; returns the entries to hand to the relay after the commit.
    pub(crate) async fn carry_out(
        mut self,
        tx: &mut PgConnection,
        crisis: &Crisis,
        effects: Vec<Effect>,
    ) -> Result<Vec<Entry>, sqlx::Error> {
        store::save(tx, crisis).await?;
        for effect in effects {
            match effect {
                Effect::Fact(event) => self.push(&event),
                Effect::Tell(tell) => {
                    if let Some(incident) = store::incident(tx, tell.incident).await? {
                        self.tell(tx, crisis, &tell, &incident).await?;
                    }
                }
                Effect::SetRegime { incident, to } => self.act(crisis, incident, Act::SetRegime { to }),
                Effect::Settle { incident, owed, sector } => {
                    self.settle(tx, crisis, incident, &owed, sector.as_ref()).await?;
                }
                Effect::End { incident } => {
                    self.act(crisis, incident, Act::Close { reason: ClosingReason::ExerciseOver });
                }
                Effect::Inject(inject) => self.inject(tx, crisis, &inject).await?,
            }
        }
        store::record(tx, crisis.snapshot.id, &self.entries).await?;
        journal::append(tx, &self.entries).await?;
        Ok(self.entries)
    }

    fn push(&mut self, event: &Event) {
        let traceparent = Some(self.traceparent.clone());
        self.entries.push(Entry::new("crisis", event, self.at.now, None, traceparent));
    }

    /// One alert for each contact point; those that ask for a resource are kept, for the page their link opens.
    async fn tell(
        &mut self,
        tx: &mut PgConnection,
        crisis: &Crisis,
        tell: &Tell,
        incident: &IncidentSnapshot,
    ) -> Result<(), sqlx::Error> {
        for alert in self.alerts(tell, incident) {
            if let Some(request) = &alert.request {
                let (body, role) = (alert.body.clone(), alert.role.clone());
                let ask = Ask { crisis: crisis.snapshot.id, mobilisation: request.mobilisation, body, role };
                store::record_ask(tx, alert.alert_id, &ask, self.at.now).await?;
            }
            self.push(&alert.into());
        }
        Ok(())
    }

    /// News of the incident, or a request for a resource there, with the doctrine's sentence.
    fn alerts(&self, tell: &Tell, incident: &IncidentSnapshot) -> Vec<AlertIssuedV1> {
        let now = self.at.now;
        let mut alerts = Vec::new();
        for target in &tell.targets {
            for body in self.city.directory.bodies_of(target) {
                let contacts = tell.channels.iter().flat_map(|channel| body.reach(*channel, target.rank, now));
                alerts.extend(contacts.map(|contact| {
                    let purpose = if tell.request.is_some() { Purpose::Mobilise } else { Purpose::Inform };
                    let (body, role) = (body.id.clone(), body.role.clone());
                    let to = Recipient { body, role, contact: contact.id.clone(), channel: contact.channel };
                    let (id, steps) = (AlertId(ids::fresh()), vec![format!("crisis/{}", tell.step)]);
                    let incident = self.city.told(incident, &to, &[]);
                    AlertIssuedV1 {
                        guidance: vec![tell.say.clone()],
                        request: tell.request.clone(),
                        ..AlertIssuedV1::new(id, incident, purpose, steps, to, now)
                    }
                }));
            }
        }
        if alerts.is_empty() {
            tracing::warn!(crisis.step = tell.step, "nobody in the directory answers to what a crisis asks for");
        }
        alerts
    }

    /// An act on an incident, for its owner to apply, in the name of whoever acted (or started the exercise).
    fn act(&mut self, crisis: &Crisis, incident_id: IncidentId, act: Act) {
        let Some(actor) = self.by.or(crisis.play.as_ref().map(|play| &play.by)).cloned() else { return };
        let act_id = ActId(ids::fresh());
        self.push(&ActRecordedV1 { act_id, incident_id, actor, act, at: self.at.now }.into());
    }

    /// Gives what the incident owes under `owed`, where it does and nobody gave it yet.
    async fn settle(
        &mut self,
        tx: &mut PgConnection,
        crisis: &Crisis,
        incident: IncidentId,
        owed: &str,
        sector: Option<&SectorId>,
    ) -> Result<(), sqlx::Error> {
        let Some(snapshot) = store::incident(tx, incident).await? else { return Ok(()) };
        if sector.is_some_and(|sector| snapshot.sector != *sector) {
            return Ok(());
        }
        if let Some(owed) = store::outstanding(tx, incident, owed).await? {
            self.act(crisis, incident, Act::Return { owed, outcome: ReturnOutcome::Communicated });
        }
        Ok(())
    }

    /// An event of a script: its signal is judged as any other, and is an exercise's whatever the script says.
    async fn inject(&mut self, tx: &mut PgConnection, crisis: &Crisis, inject: &Inject) -> Result<(), sqlx::Error> {
        let raised = inject.signal.as_ref().and_then(|signal| match played(signal, self.city, self.at.now) {
            Ok(raised) => Some(raised),
            Err(why) => {
                tracing::error!(inject = inject.id, why, "an event of a script cannot be raised");
                None
            }
        });
        let signal = raised.as_ref().map(|signal| signal.signal_id);
        if let Some(raised) = raised {
            store::played(tx, crisis.snapshot.id, raised.signal_id).await?;
            self.push(&raised.into());
        }
        let script = crisis.play.as_ref().map_or("", |play| &play.name);
        let injected = ExerciseMoved::Injected { inject: inject.id.clone(), signal };
        if let Effect::Fact(fact) = exercise::moved(&crisis.snapshot, script, injected, None, self.at) {
            self.push(&fact);
        }
        Ok(())
    }
}

/// The signal a script plays, as its source would raise it; an error says why it could not.
fn played(signal: &PlayedSignal, city: &City, now: Timestamp) -> Result<SignalRaisedV1, String> {
    let report = SignalReport {
        kind: signal.kind.clone(),
        severity: Some(signal.severity),
        summary: None,
        location: signal.at.clone(),
        occurred_at: None,
        expected_at: None,
        parties: None,
        facts: Vec::new(),
        learnt_at: None,
        // Whoever plays the script holds the permission; the source it names need not. Its nature is set below.
        exercise: false,
    };
    let source = city.directory.source(&signal.source);
    let caller = source.and_then(|source| Caller::of(source, &city.directory));
    let caller = caller.ok_or_else(|| format!("source {} is not in the directory", signal.source))?;
    let admitted = admit(&report, caller, city, now).map_err(|why| match why {
        Inadmissible::Flawed(flaws) => flaws.into_iter().map(|flaw| flaw.message).collect::<Vec<_>>().join(" "),
        Inadmissible::Forbidden(flaw) => flaw.message,
    })?;
    let signal_id = SignalId(ids::fresh());
    Ok(SignalRaisedV1 {
        reference: format!("EX-{}", &signal_id.to_string()[24..]),
        signal_id,
        source: caller.source.id.clone(),
        source_role: caller.source.role.clone(),
        kind: report.kind,
        severity: admitted.severity,
        location: admitted.location,
        occurred_at: admitted.occurred_at,
        expected_at: None,
        parties: None,
        facts: Vec::new(),
        received_at: now,
        source_body: Some(caller.source.body.clone()),
        learnt_at: None,
        nature: vigie_proto::Nature::Exercise,
    })
}
