//! That somebody read what people wrote: journalled once per session and incident, before it is shown.

use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_domain::access::Caller;
use vigie_platform::{journal, journal::Entry, telemetry};
use vigie_proto::{
    IncidentId,
    event::{Event, WordsReadV1},
};

use crate::Edge;

/// Journals that `caller` reads the words of an incident with this session or token.
pub(crate) async fn note_reading(
    edge: &Edge,
    connection: &mut PgConnection,
    caller: Caller<'_>,
    session: Uuid,
    incident_id: IncidentId,
) -> Result<(), sqlx::Error> {
    use sqlx::Connection;
    let now = edge.context.clock.now();
    let mut tx = connection.begin().await?;
    let first = sqlx::query!(
        "insert into console.words_read (session, incident_id, at) values ($1, $2, $3) on conflict do nothing",
        session,
        incident_id.0,
        now.to_sqlx()
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if first == 0 {
        return Ok(());
    }
    let source = caller.source;
    let read = WordsReadV1 {
        incident_id,
        source: source.id.clone(),
        body: source.body.clone(),
        role: source.role.clone(),
        at: now,
    };
    let entry = Entry::new("console", &Event::from(read), now, None, Some(telemetry::fresh_traceparent()));
    journal::append(&mut tx, std::slice::from_ref(&entry)).await?;
    tx.commit().await?;
    edge.context.fresh.push(vec![entry]);
    Ok(())
}
