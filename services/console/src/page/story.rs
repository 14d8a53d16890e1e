//! Everything an incident's page tells, read in one go.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use sqlx::{PgConnection, types::Json as SqlJson};
use uuid::Uuid;
use vigie_domain::{
    access::Caller,
    directory::{Ambit, Body, Directory},
    escalation::Escalation,
};
use vigie_platform::{journal, journal::Entry};
use vigie_proto::{
    BodyId, IncidentId, RoleId, SectorId, Severity, SignalId,
    event::{Event, IncidentSnapshot},
    plan::Owed,
};

use super::told::{Told, told};
use crate::{
    Edge,
    caller::Seen,
    incidents::{self, IncidentView},
    timeline::{self, channel},
};

/// What an incident's page tells.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) view: IncidentView,
    /// The log, latest first, without the single deliveries.
    pub(crate) log: Vec<LogLine>,
    pub(crate) told: Vec<(Told, String)>,
    pub(crate) signals: Vec<Heard>,
    pub(crate) ahead: Vec<Coming>,
    pub(crate) owed: Vec<Due>,
    /// Bodies of the city and of the sectors concerned: value and name.
    pub(crate) bodies: Vec<(String, String)>,
    /// Those an incident can be handed to.
    pub(crate) reachable: Vec<(String, String)>,
    /// Of those, who can be handed the incident.
    pub(crate) takers: Vec<(String, String)>,
    /// Sectors not concerned yet, neighbours first.
    pub(crate) sectors: Vec<(String, String)>,
}

/// A line of the log.
#[derive(Debug)]
pub(crate) struct LogLine {
    pub(crate) at: Timestamp,
    pub(crate) when: String,
    pub(crate) text: String,
    /// What somebody wrote with it, for those who may read it.
    pub(crate) words: Option<String>,
}

/// A signal that belongs to the incident.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) reference: String,
    /// Without it there would be no incident.
    pub(crate) opened_it: bool,
    pub(crate) when: String,
    pub(crate) severity: &'static str,
    /// French name of the role that raised it.
    pub(crate) by: String,
    /// What the raiser wrote, for those who may read it.
    pub(crate) words: Option<String>,
}

/// A step to come.
#[derive(Debug)]
pub(crate) struct Coming {
    /// RFC 3339, and in words; empty while it waits for something.
    pub(crate) due_at: String,
    pub(crate) when: String,
    pub(crate) step: String,
    pub(crate) tells: String,
    pub(crate) channels: String,
    pub(crate) unless_acknowledged: bool,
}

/// Something owed.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Due {
    pub(crate) id: String,
    pub(crate) what: String,
    pub(crate) by: String,
    pub(crate) when: String,
    pub(crate) late: bool,
    /// How it was settled, in words.
    pub(crate) outcome: Option<String>,
    pub(crate) blocks_closing: bool,
    pub(crate) may_be_unknown: bool,
    /// The reader may give it.
    pub(crate) may_give: bool,
}

impl Story {
    /// Whether it shows anything that people wrote.
    pub(crate) fn shows_words(&self) -> bool {
        self.log.iter().any(|line| line.words.is_some()) || self.signals.iter().any(|signal| signal.words.is_some())
    }
}

/// Reads the story of an incident as `caller` may know it; with what people wrote when it `reads` words.
pub(crate) async fn tell(
    edge: &Edge,
    caller: Caller<'_>,
    seen: &Seen,
    reads: bool,
    words: &impl Fn(Timestamp) -> String,
) -> Result<Story, sqlx::Error> {
    let directory = &edge.city.directory;
    let incident = &seen.snapshot;
    let mut connection = edge.pool.acquire().await?;
    let entries = journal::of_incident(&mut connection, incident.id).await?;
    let written = written(&mut connection, incident.id).await?;
    let log = timeline::tell(&entries, directory).into_iter().rev().filter(|line| {
        // Single messages stand in the table of those told; here they would drown what people did.
        line.what == "delivery.dead-lettered" || !(line.what.starts_with("delivery.") || line.what == "alert.issued")
    });
    let log = log.map(|line| {
        let act = line.act.and_then(|act| written.get(&act.0));
        let own = |body: &BodyId| *body == caller.source.body;
        LogLine {
            at: line.at,
            when: words(line.at),
            words: act.filter(|(body, _)| reads || own(body)).map(|(_, text)| text.clone()),
            text: line.text,
        }
    });
    let opener = opener(&entries);
    Ok(Story {
        log: log.collect(),
        told: told(&entries, directory)
            .into_iter()
            .map(|told| {
                let when = words(told.at);
                (told, when)
            })
            .collect(),
        signals: signals(&mut connection, incident.id, opener, directory, reads, words).await?,
        ahead: ahead(&mut connection, incident.id, directory, words).await?,
        owed: owed(edge, &mut connection, caller, seen, words).await?,
        bodies: bodies(directory, incident, |_| true),
        reachable: bodies(directory, incident, |b| {
            let takes_part = directory.role(&b.role).is_none_or(|role| !role.only_oversees());
            takes_part && !b.contacts.is_empty() && b.id != caller.source.body
        }),
        takers: bodies(directory, incident, |b| {
            directory.intervenes(&b.role) && !b.contacts.is_empty() && b.id != caller.source.body
        }),
        sectors: sectors(edge, incident),
        view: incidents::view(&mut connection, incident.id, caller, &edge.city).await?,
    })
}

/// Words written with acts, and the body they were written for.
async fn written(
    connection: &mut PgConnection,
    incident: IncidentId,
) -> Result<HashMap<Uuid, (BodyId, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select id, body, text as "text!" from console.act where incident_id = $1 and text is not null"#,
        incident.0
    )
    .fetch_all(connection)
    .await?;
    let mut written = HashMap::new();
    for row in rows {
        if let Ok(body) = BodyId::new(row.body) {
            written.insert(row.id, (body, row.text));
        }
    }
    Ok(written)
}

/// The signal that opened the incident.
fn opener(entries: &[Entry]) -> Option<SignalId> {
    entries.iter().find_map(|entry| match Event::decode(&entry.envelope.type_name, &entry.data) {
        Ok(Event::IncidentOpened(opened)) => Some(opened.signal_id),
        _ => None,
    })
}

async fn signals(
    connection: &mut PgConnection,
    incident: IncidentId,
    opener: Option<SignalId>,
    directory: &Directory,
    reads: bool,
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Heard>, sqlx::Error> {
    // Whoever may not read the words does not fetch them.
    let signals = sqlx::query!(
        "select s.id, s.reference, s.source_role, s.severity, s.received_at, case when $2 then s.summary end as words
           from routing.incident_signal l join intake.signal s on s.id = l.signal_id
          where l.incident_id = $1 order by s.received_at",
        incident.0,
        reads
    );
    let heard = signals.fetch_all(connection).await?.into_iter().map(|row| Heard {
        reference: row.reference,
        when: words(row.received_at.to_jiff()),
        severity: row.severity.parse().map_or("", Severity::label),
        by: role_name(directory, &row.source_role),
        words: row.words,
        opened_it: opener.is_some_and(|opener| opener.0 == row.id),
    });
    Ok(heard.collect())
}

async fn ahead(
    connection: &mut PgConnection,
    incident: IncidentId,
    directory: &Directory,
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Coming>, sqlx::Error> {
    let state: Option<SqlJson<Escalation>> =
        sqlx::query_scalar!("select state from escalation.plan where incident_id = $1", incident.0)
            .fetch_optional(connection)
            .await?;
    let ahead = state.map(|SqlJson(state)| state.ahead()).unwrap_or_default();
    let coming = ahead.into_iter().map(|step| Coming {
        due_at: step.due_at.map(|at| at.to_string()).unwrap_or_default(),
        when: step.due_at.map(words).unwrap_or_default(),
        step: step.step.unwrap_or_default(),
        tells: step.roles.iter().map(|role| directory.role_label(role)).collect::<Vec<_>>().join(", "),
        channels: step.channels.iter().map(|by| channel(*by)).collect::<Vec<_>>().join(", "),
        unless_acknowledged: step.unless_acknowledged,
    });
    Ok(coming.collect())
}

async fn owed(
    edge: &Edge,
    connection: &mut PgConnection,
    caller: Caller<'_>,
    seen: &Seen,
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Due>, sqlx::Error> {
    let position = seen.position(edge, caller.party());
    let owed = sqlx::query!(
        r#"select owed as "owed: SqlJson<Owed>", due_at, outcome from routing.owed where incident_id = $1 order by due_at nulls last, id"#,
        seen.snapshot.id.0
    );
    let now = edge.context.clock.now();
    let may_give =
        |owed: &Owed| position.as_ref().is_some_and(|position| position.may_return(owed, &edge.city.directory).is_ok());
    let due = owed.fetch_all(connection).await?.into_iter().map(|row| {
        let (SqlJson(owed), outcome) = (row.owed, row.outcome);
        let due_at = row.due_at.map(SqlTimestamp::to_jiff);
        Due {
            may_give: outcome.is_none() && may_give(&owed),
            late: outcome.is_none() && due_at.is_some_and(|due| due < now),
            when: due_at.map(words).unwrap_or_default(),
            by: edge.city.directory.role_label(&owed.by.role).to_owned(),
            outcome: outcome.map(outcome_label),
            id: owed.id,
            what: owed.what,
            blocks_closing: owed.blocks_closing,
            may_be_unknown: owed.may_be_unknown,
        }
    });
    Ok(due.collect())
}

/// A stored outcome in words.
pub(crate) fn outcome_label(code: String) -> String {
    let known = vigie_proto::event::ReturnOutcome::ALL.into_iter().find(|outcome| outcome.code() == code);
    known.map_or(code, |outcome| outcome.label().to_owned())
}

pub(crate) fn role_name(directory: &Directory, id: &str) -> String {
    RoleId::new(id).map_or_else(|_| id.to_owned(), |role| directory.role_label(&role).to_owned())
}

/// Bodies of the whole city and of the sectors concerned that are `wanted`, by name.
fn bodies(directory: &Directory, incident: &IncidentSnapshot, wanted: impl Fn(&Body) -> bool) -> Vec<(String, String)> {
    let concerned = |sector: &SectorId| incident.sector == *sector || incident.also_concerns.contains(sector);
    let near = |body: &&Body| match &body.ambit {
        Ambit::City => true,
        Ambit::Sector(sector) => concerned(sector),
        Ambit::School(_) => false,
    };
    let found = directory.bodies().filter(near).filter(|body| wanted(body));
    let mut bodies: Vec<_> = found.map(|body| (body.id.to_string(), body.name.clone())).collect();
    bodies.sort_by(|a, b| a.1.cmp(&b.1));
    bodies
}

/// Sectors the incident does not concern yet, neighbours of its own first.
fn sectors(edge: &Edge, incident: &IncidentSnapshot) -> Vec<(String, String)> {
    let territory = &edge.city.territory;
    let neighbours = territory.neighbours(&incident.sector);
    let others = territory.sectors().iter().map(|sector| &sector.id).filter(|id| !neighbours.contains(id));
    let concerned = |id: &&SectorId| **id != incident.sector && !incident.also_concerns.contains(id);
    let all = neighbours.iter().chain(others).filter(concerned);
    all.map(|id| (id.to_string(), edge.city.sector_label(id).to_owned())).collect()
}
