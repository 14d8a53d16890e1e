//! Signals from the journal, and what really happened after them.

use anyhow::Context;
use jiff::Timestamp;
use sqlx::PgPool;
use vigie_domain::city::City;
use vigie_platform::{
    config::DatabaseConfig,
    database,
    journal::{Position, read_after},
};
use vigie_proto::event::{AlertIssuedV1, Event, SignalRaisedV1};

use crate::{
    Unreachable,
    command::replay::tally::{Message, Tally},
};

/// Entries read at a time.
const PAGE: i64 = 5_000;

/// The signals of a time, in order, and what became of them.
pub(crate) struct Past {
    pub(crate) signals: Vec<SignalRaisedV1>,
    pub(crate) real: Tally,
    /// Until when the journal tells: what comes later has not happened yet.
    pub(crate) until: Timestamp,
}

/// Reads the journal of `database`: signals received from `from` (included) until `until` (not included).
pub(crate) async fn read(
    database: &DatabaseConfig,
    city: &City,
    (from, until): (Option<Timestamp>, Option<Timestamp>),
) -> anyhow::Result<Past> {
    let pool = database::pool(database, database::RELAY, 1)?;
    let real = Tally::new(city.doctrine.zone.clone(), true);
    let mut past = Past { signals: Vec::new(), real, until: Timestamp::MIN };
    let reader = Reader { city, from, until, manned: city.directory.manned_roles() };
    let mut position = Position::default();
    loop {
        let page = page(&pool, position).await.map_err(|error| {
            Unreachable(
                anyhow::Error::from(error).context("the journal cannot be read: is the database up and migrated?"),
            )
        })?;
        let Some((last, _)) = page.last() else { break };
        position = *last;
        for (_, entry) in page {
            let (name, data) = (&entry.envelope.type_name, &entry.data);
            past.until = past.until.max(entry.envelope.time);
            let event = Event::decode(name, data)
                .with_context(|| format!("entry {} of the journal cannot be read", entry.envelope.id))?;
            reader.take(event, entry.envelope.time, &mut past);
        }
    }
    past.signals.sort_by_key(|signal| signal.received_at);
    Ok(past)
}

async fn page(
    pool: &PgPool,
    position: Position,
) -> Result<Vec<(Position, vigie_platform::journal::Entry)>, sqlx::Error> {
    read_after(&mut *pool.acquire().await?, position, PAGE).await
}

struct Reader<'a> {
    city: &'a City,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    manned: std::collections::BTreeSet<vigie_proto::RoleId>,
}

impl Reader<'_> {
    fn is_within(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Facts about incidents opened before `from` are left out: what they were opened by is not played either.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other facts are not counted")]
    fn take(&self, event: Event, at: Timestamp, past: &mut Past) {
        let real = &mut past.real;
        match event {
            Event::SignalRaised(signal) if self.is_within(signal.received_at) => {
                real.signal(&signal);
                past.signals.push(*signal);
            }
            Event::IncidentOpened(e) if self.is_within(at) => real.opening(at, &e.incident, Some(e.signal_id)),
            Event::IncidentReinforced(e) => real.reinforced += u64::from(real.incidents.contains_key(&e.incident.id)),
            Event::IncidentAggravated(e) => real.worsening(e.incident.id, e.incident.severity),
            Event::IncidentAcknowledged(e) => real.taking(e.at, e.incident.id),
            Event::IncidentRefused(e) => real.refusals += u64::from(real.incidents.contains_key(&e.incident.id)),
            Event::IncidentClosed(e) => real.closed += u64::from(real.incidents.contains_key(&e.incident.id)),
            Event::ReturnGiven(e) => real.owed.given += u64::from(real.incidents.contains_key(&e.incident.id)),
            Event::StepSettled(e) => real.settling(e.incident_id, &e.step, &e.outcome),
            Event::AlertIssued(alert) => self.alert(&alert, real),
            _ => {}
        }
    }

    /// A message that tells of several incidents is one message and several tellings.
    fn alert(&self, alert: &AlertIssuedV1, real: &mut Tally) {
        let told =
            std::iter::once((&alert.incident, false)).chain(alert.also.iter().map(|also| (&also.incident, true)));
        for (incident, grouped) in told {
            if !real.incidents.contains_key(&incident.id) && !incident.nature.is_exercise() {
                continue;
            }
            real.telling(&Message {
                at: alert.issued_at,
                incident: incident.id,
                nature: incident.nature,
                body: &alert.body,
                role: self.city.directory.body(&alert.body).map_or(&alert.role, |body| &body.role),
                channel: alert.channel,
                purpose: alert.purpose,
                steps: &alert.steps,
                manned: self.manned.contains(&alert.role),
                grouped,
            });
        }
    }
}
