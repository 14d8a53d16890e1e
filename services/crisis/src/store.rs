//! Crises in Postgres.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, types::Json};
use vigie_domain::{account::Told, crisis::Crisis};
use vigie_platform::journal::Entry;
use vigie_proto::{
    AlertId, BodyId, CrisisId, IncidentId, MobilisationId, Nature, RoleId, SignalId,
    event::{Event, IncidentSnapshot},
};

use crate::key::IncidentKey;

/// Crises and incidents a list shows, newest first.
const SHOWN: i64 = 100;

/// The next number of a reference.
pub(crate) async fn next_number(tx: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select nextval('crisis.number') as "number!""#).fetch_one(tx).await
}

/// Writes a crisis, new or changed.
pub(crate) async fn save(tx: &mut PgConnection, crisis: &Crisis) -> Result<(), sqlx::Error> {
    let snapshot = &crisis.snapshot;
    sqlx::query!(
        "insert into crisis.crisis (id, reference, nature, closed, sectors, state, next_due, opened_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (id) do update
            set closed = excluded.closed, sectors = excluded.sectors, state = excluded.state, next_due = excluded.next_due",
        snapshot.id.0,
        &snapshot.reference,
        snapshot.nature.code(),
        snapshot.closed,
        snapshot.sectors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        Json(crisis),
        crisis.next_due().map(ToSqlx::to_sqlx),
        snapshot.opened_at.to_sqlx()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The incident belongs to the crisis; false when it belongs to one already.
pub(crate) async fn link(tx: &mut PgConnection, crisis: CrisisId, incident: IncidentId) -> Result<bool, sqlx::Error> {
    let linked = sqlx::query!(
        "insert into crisis.incident (incident_id, crisis_id) values ($1, $2) on conflict do nothing",
        incident.0,
        crisis.0
    )
    .execute(tx)
    .await?;
    Ok(linked.rows_affected() > 0)
}

/// The crisis an incident belongs to.
pub(crate) async fn crisis_of(
    connection: &mut PgConnection,
    incident: IncidentId,
) -> Result<Option<CrisisId>, sqlx::Error> {
    let found = sqlx::query_scalar!("select crisis_id from crisis.incident where incident_id = $1", incident.0)
        .fetch_optional(connection)
        .await?;
    Ok(found.map(CrisisId))
}

/// A crisis to look at.
pub(crate) async fn read(connection: &mut PgConnection, id: CrisisId) -> Result<Option<Crisis>, sqlx::Error> {
    let state = sqlx::query!(r#"select state as "state: Json<Crisis>" from crisis.crisis where id = $1"#, id.0);
    state.map(|row| row.state.0).fetch_optional(connection).await
}

/// A crisis to change: its row is held until the transaction ends.
pub(crate) async fn lock(tx: &mut PgConnection, id: CrisisId) -> Result<Option<Crisis>, sqlx::Error> {
    let state =
        sqlx::query!(r#"select state as "state: Json<Crisis>" from crisis.crisis where id = $1 for update"#, id.0);
    state.map(|row| row.state.0).fetch_optional(tx).await
}

/// The latest crises, newest first; those of `sector` when given.
pub(crate) async fn list(connection: &mut PgConnection, sector: Option<&str>) -> Result<Vec<Crisis>, sqlx::Error> {
    let states = sqlx::query!(
        r#"select state as "state: Json<Crisis>" from crisis.crisis where $1::text is null or $1 = any(sectors) order by opened_at desc limit $2"#,
        sector,
        SHOWN
    );
    states.map(|row| row.state.0).fetch_all(connection).await
}

/// Every crisis that is not closed.
pub(crate) async fn open(connection: &mut PgConnection) -> Result<Vec<Crisis>, sqlx::Error> {
    let states = sqlx::query!(r#"select state as "state: Json<Crisis>" from crisis.crisis where not closed"#);
    states.map(|row| row.state.0).fetch_all(connection).await
}

/// Units engaged by resource, over every open crisis of that nature.
pub(crate) async fn engaged(
    connection: &mut PgConnection,
    nature: Nature,
) -> Result<BTreeMap<String, u32>, sqlx::Error> {
    let crises = sqlx::query!(
        r#"select state as "state: Json<Crisis>" from crisis.crisis where not closed and nature = $1"#,
        nature.code()
    );
    let mut engaged = BTreeMap::new();
    for crisis in crises.fetch_all(connection).await? {
        for mobilisation in crisis.state.mobilisations.iter().filter(|m| m.is_engaged()) {
            *engaged.entry(mobilisation.rule.id.clone()).or_insert(0) += 1;
        }
    }
    Ok(engaged)
}

/// Claims a crisis with something due at `now`; other replicas skip it.
pub(crate) async fn claim_due(tx: &mut PgConnection, now: Timestamp) -> Result<Option<Crisis>, sqlx::Error> {
    let state = sqlx::query!(
        r#"select state as "state: Json<Crisis>" from crisis.crisis where next_due <= $1 order by next_due limit 1 for update skip locked"#,
        now.to_sqlx()
    );
    state.map(|row| row.state.0).fetch_optional(tx).await
}

/// The earliest due time of all; one look into the index.
pub(crate) async fn next_due(connection: &mut PgConnection) -> Result<Option<Timestamp>, sqlx::Error> {
    let next = sqlx::query_scalar!(
        r#"select next_due as "at!" from crisis.crisis where next_due is not null order by next_due limit 1"#
    );
    Ok(next.fetch_optional(connection).await?.map(jiff_sqlx::Timestamp::to_jiff))
}

/// An incident by the name people give it.
pub(crate) async fn incident_named(
    connection: &mut PgConnection,
    key: &IncidentKey,
) -> Result<Option<IncidentSnapshot>, sqlx::Error> {
    match key {
        IncidentKey::Id(id) => incident(connection, *id).await,
        IncidentKey::Reference(reference) => {
            let found = sqlx::query!(
                r#"select snapshot as "snapshot: Json<IncidentSnapshot>" from routing.incident where reference = $1"#,
                reference
            );
            found.map(|row| row.snapshot.0).fetch_optional(connection).await
        }
    }
}

/// Open incidents of that nature that belong to no crisis, newest first: at most 100.
pub(crate) async fn free_incidents(
    connection: &mut PgConnection,
    nature: Nature,
) -> Result<Vec<IncidentSnapshot>, sqlx::Error> {
    let free = sqlx::query!(
        r#"select i.snapshot as "snapshot: Json<IncidentSnapshot>" from routing.incident i
          where i.status <> 'closed' and i.nature = $1
            and not exists (select from crisis.incident c where c.incident_id = i.id)
          order by i.opened_at desc limit $2"#,
        nature.code(),
        SHOWN
    );
    free.map(|row| row.snapshot.0).fetch_all(connection).await
}

/// An incident as its owner last published it.
pub(crate) async fn incident(
    connection: &mut PgConnection,
    id: IncidentId,
) -> Result<Option<IncidentSnapshot>, sqlx::Error> {
    let found = sqlx::query!(
        r#"select snapshot as "snapshot: Json<IncidentSnapshot>" from routing.incident where id = $1"#,
        id.0
    );
    found.map(|row| row.snapshot.0).fetch_optional(connection).await
}

/// The earliest outstanding debt of an incident under `owed`, which may be owed several times (`owed`, `owed#2`…).
pub(crate) async fn outstanding(
    connection: &mut PgConnection,
    incident: IncidentId,
    owed: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from routing.owed
          where incident_id = $1 and given_at is null and (id = $2 or starts_with(id, $2 || '#'))
          order by due_at nulls last, id limit 1",
        incident.0,
        owed
    )
    .fetch_optional(connection)
    .await
}

/// These facts tell of the crisis.
pub(crate) async fn record(tx: &mut PgConnection, crisis: CrisisId, entries: &[Entry]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into crisis.fact (crisis_id, event_id) select $1, id from unnest($2::uuid[]) as id",
        crisis.0,
        entries.iter().map(|entry| entry.envelope.id.0).collect::<Vec<_>>()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Everything the journal knows of the crisis and its incidents, oldest first; what cannot be read is left out.
pub(crate) async fn story(connection: &mut PgConnection, crisis: &Crisis) -> Result<Vec<Told>, sqlx::Error> {
    let rows = sqlx::query(
        "select event_id, type, subject, source, recorded_at, incident_id, cause, traceparent, data::text as data
           from journal.entry
          where incident_id = any($1) or event_id in (select event_id from crisis.fact where crisis_id = $2)
          order by epoch, seq",
    )
    .bind(crisis.incidents.iter().map(|id| id.0).collect::<Vec<_>>())
    .bind(crisis.snapshot.id.0)
    .fetch_all(connection)
    .await?;
    let mut story = Vec::with_capacity(rows.len());
    for row in &rows {
        let entry = Entry::from_row(row)?;
        if let Ok(event) = Event::decode(&entry.envelope.type_name, &entry.data) {
            story.push(Told { at: entry.envelope.time, event });
        }
    }
    Ok(story)
}

/// Keeps what somebody wrote; what was written about the same before is replaced.
pub(crate) async fn write(
    tx: &mut PgConnection,
    crisis: CrisisId,
    about: &str,
    text: &str,
    body: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into crisis.words (crisis_id, about, text, body, at) values ($1, $2, $3, $4, $5)
         on conflict (crisis_id, about) do update set text = excluded.text, body = excluded.body, at = excluded.at",
        crisis.0,
        about,
        text,
        body,
        now.to_sqlx()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What people wrote of each of `crises`, by what it is about; those of which nobody wrote are absent.
pub(crate) async fn words(
    connection: &mut PgConnection,
    crises: &[CrisisId],
) -> Result<BTreeMap<CrisisId, BTreeMap<String, String>>, sqlx::Error> {
    let ids = crises.iter().map(|crisis| crisis.0).collect::<Vec<_>>();
    let rows = sqlx::query!("select crisis_id, about, text from crisis.words where crisis_id = any($1)", ids);
    let mut words: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for row in rows.fetch_all(connection).await? {
        words.entry(CrisisId(row.crisis_id)).or_default().insert(row.about, row.text);
    }
    Ok(words)
}

/// Who was asked for a resource by one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) crisis: CrisisId,
    pub(crate) mobilisation: MobilisationId,
    pub(crate) body: BodyId,
    pub(crate) role: RoleId,
}

/// Keeps whom the message of `alert` asked.
pub(crate) async fn record_ask(
    tx: &mut PgConnection,
    alert: AlertId,
    ask: &Ask,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into crisis.ask (alert_id, crisis_id, mobilisation_id, body, role, issued_at)
         values ($1, $2, $3, $4, $5, $6)",
        alert.0,
        ask.crisis.0,
        ask.mobilisation.0,
        ask.body.as_str(),
        ask.role.as_str(),
        now.to_sqlx()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Whom the message of `alert` asked; none when it asked nobody for a resource.
pub(crate) async fn ask(connection: &mut PgConnection, alert: AlertId) -> Result<Option<Ask>, sqlx::Error> {
    let row =
        sqlx::query!("select crisis_id, mobilisation_id, body, role from crisis.ask where alert_id = $1", alert.0)
            .fetch_optional(connection)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let Some((body, role)) = BodyId::new(row.body).ok().zip(RoleId::new(row.role).ok()) else { return Ok(None) };
    Ok(Some(Ask { crisis: CrisisId(row.crisis_id), mobilisation: MobilisationId(row.mobilisation_id), body, role }))
}

/// A signal of a script belongs to the exercise.
pub(crate) async fn played(tx: &mut PgConnection, crisis: CrisisId, signal: SignalId) -> Result<(), sqlx::Error> {
    sqlx::query!("insert into crisis.played (signal_id, crisis_id) values ($1, $2)", signal.0, crisis.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// The exercise a signal was played in.
pub(crate) async fn exercise_of(tx: &mut PgConnection, signal: SignalId) -> Result<Option<CrisisId>, sqlx::Error> {
    let found = sqlx::query_scalar!("select crisis_id from crisis.played where signal_id = $1", signal.0)
        .fetch_optional(tx)
        .await?;
    Ok(found.map(CrisisId))
}

#[cfg(test)]
mod tests;
