//! `/scop/releve`: what whoever takes over must know, and the form that records the hand-over of the shift.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, types::Json as SqlJson};
use vigie_domain::{access::Caller, french};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::{Severity, event::IncidentSnapshot, plan::Owed};

use super::{operator, row::Row, withheld, words};
use crate::{
    Edge,
    incidents::{IncidentView, VIEW},
};

/// Incidents and returns one summary names; the rest is counted.
const NAMED: i64 = 20;
/// What is due within this time is named.
const SOON: SignedDuration = SignedDuration::from_hours(1);
/// How far back dead letters are counted: a shift.
const SHIFT: SignedDuration = SignedDuration::from_hours(12);

#[derive(Debug, Template)]
#[template(path = "relief.html")]
struct ReliefPage {
    frame: Frame,
    now: String,
    body: String,
    body_name: String,
    /// Duty positions of the reader's body; none without a roster.
    positions: Vec<String>,
    /// Open incidents by severity, gravest first: label, all, not taken charge of.
    tallies: Vec<(&'static str, i64, i64)>,
    unanswered: Vec<Row>,
    due: Vec<Row>,
    overdue: Vec<Overdue>,
    unreachable: i64,
    unreadable: i64,
}

/// A return that is late.
#[derive(Debug)]
struct Overdue {
    incident: String,
    reference: String,
    what: String,
    by: String,
    since: String,
}

impl ReliefPage {
    /// The summary as text, for a message or a note.
    fn text(&self) -> String {
        let open: i64 = self.tallies.iter().map(|(_, all, _)| all).sum();
        let waiting: i64 = self.tallies.iter().map(|(_, _, unanswered)| unanswered).sum();
        let by_level = self.tallies.iter().filter(|(_, all, _)| *all > 0);
        let by_level: Vec<String> = by_level.map(|(label, all, _)| format!("{} {all}", label.to_lowercase())).collect();
        let levels = if by_level.is_empty() { String::new() } else { format!(" ({})", by_level.join(", ")) };
        format!(
            "Événements ouverts : {open}{levels}, à prendre en compte : {waiting}. Relances dans l'heure : {}. \
             Retours en retard : {}. Services injoignables : {}.",
            self.due.len(),
            self.overdue.len(),
            self.unreachable
        )
    }
}

/// `GET /scop/releve`
pub(crate) async fn show(State(edge): State<Arc<Edge>>, presented: Presented) -> Result<Response, Problem> {
    let caller = operator(&edge, &presented)?;
    Ok(render(StatusCode::OK, &page(&edge, caller).await?))
}

async fn page(edge: &Edge, caller: Caller<'_>) -> Result<ReliefPage, sqlx::Error> {
    let now = edge.now;
    let words = words(edge);
    let withheld = withheld(edge, caller);
    let mut connection = edge.pool.acquire().await?;
    let waits = format!("{WAITS} and $1::timestamptz is not null");
    let unanswered = incidents(edge, &mut connection, caller, (&waits, now), &words).await?;
    let soon = ("i.status <> 'closed' and p.next_due <= $1", now + SOON);
    let due = incidents(edge, &mut connection, caller, soon, &words).await?;
    let since = now - SHIFT;
    let unreachable = sqlx::query_scalar!(
        r#"select count(*) as "count!" from journal.entry
            where type = 'vigie.delivery.dead-lettered.v1' and recorded_at >= $1 and not data -> 'incident' ->> 'kind' = any($2)"#,
        since.to_sqlx(),
        &withheld
    );
    let unreachable = unreachable.fetch_one(&mut *connection).await?;
    let unreadable =
        sqlx::query_scalar!(r#"select count(*) as "count!" from journal.dead_letter where at >= $1"#, since.to_sqlx());
    let unreadable = unreadable.fetch_one(&mut *connection).await?;
    let body = edge.city.directory.body(&caller.source.body);
    Ok(ReliefPage {
        frame: Frame::of(caller, "/scop"),
        now: french::date_time(now, &edge.city.doctrine.zone),
        body: caller.source.body.to_string(),
        body_name: body.map_or_else(String::new, |body| body.name.clone()),
        positions: body.and_then(|body| body.roster.as_ref()).map(|r| r.order.clone()).unwrap_or_default(),
        tallies: tallies(&mut connection, &withheld).await?,
        overdue: overdue(edge, &mut connection, now, &withheld, &words).await?,
        unanswered,
        due,
        unreachable,
        unreadable,
    })
}

/// Somebody must still take charge, of `routing.incident i` and `escalation.plan p`: nobody has, or others are awaited beside
/// who has.
const WAITS: &str =
    "(i.status = 'open' or (i.status <> 'closed' and jsonb_array_length(coalesce(p.partial, '[]')) > 0))";

async fn tallies(
    connection: &mut PgConnection,
    withheld: &[String],
) -> Result<Vec<(&'static str, i64, i64)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select i.severity, count(*) as "every!",
                  count(*) filter (where i.status = 'open' or jsonb_array_length(coalesce(p.partial, '[]')) > 0) as "unanswered!"
             from routing.incident i left join escalation.plan p on p.incident_id = i.id
            where i.status <> 'closed' and not i.kind = any($1) group by i.severity"#,
        withheld as _
    );
    let rows = rows.fetch_all(connection).await?;
    let tally = |severity: Severity| {
        let counted = rows.iter().find(|row| row.severity == severity.code());
        counted.map_or((severity.label(), 0, 0), |row| (severity.label(), row.every, row.unanswered))
    };
    Ok(Severity::ALL.into_iter().rev().map(tally).collect())
}

/// The gravest incidents for which `condition` on `$1` holds.
async fn incidents(
    edge: &Edge,
    connection: &mut PgConnection,
    caller: Caller<'_>,
    (condition, at): (&str, Timestamp),
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Row>, sqlx::Error> {
    let statement = format!(
        "select {VIEW} where {condition} and not i.kind = any($4) order by array_position($2, i.severity), i.opened_at, i.id limit $3"
    );
    let gravest_first: Vec<&str> = Severity::ALL.iter().rev().map(|severity| severity.code()).collect();
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(at.to_sqlx())
        .bind(gravest_first)
        .bind(NAMED)
        .bind(withheld(edge, caller))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(Row::of(IncidentView::read(row, caller, &edge.city)?, words))).collect()
}

async fn overdue(
    edge: &Edge,
    connection: &mut PgConnection,
    now: Timestamp,
    withheld: &[String],
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Overdue>, sqlx::Error> {
    let late = sqlx::query!(
        r#"select o.owed as "owed: SqlJson<Owed>", o.due_at as "due_at!", i.snapshot as "snapshot: SqlJson<IncidentSnapshot>"
           from routing.owed o join routing.incident i on i.id = o.incident_id
          where o.given_at is null and o.due_at < $1 and not i.kind = any($3) order by o.due_at limit $2"#,
        now.to_sqlx(),
        NAMED,
        withheld as _
    );
    let late = late.fetch_all(connection).await?.into_iter().map(|row| {
        let (SqlJson(owed), SqlJson(incident)) = (row.owed, row.snapshot);
        Overdue {
            incident: incident.id.to_string(),
            reference: incident.reference,
            by: edge.city.directory.role_label(&owed.by.role).to_owned(),
            what: owed.what,
            since: words(row.due_at.to_jiff()),
        }
    });
    Ok(late.collect())
}
