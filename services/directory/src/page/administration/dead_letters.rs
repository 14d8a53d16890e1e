//! `/administration/ecarts`: facts a service could not apply, to be tried again once what they failed on is mended; and
//! bodies no message reached, with the way to their contact points.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{Redirect, Response},
};
use jiff::SignedDuration;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use serde::Deserialize;
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vigie_domain::{directory::Permission, french};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::event::{DeliveryFailure, Event};

use crate::api::Edge;

const HERE: &str = "/administration/ecarts";
/// Lines of each table, newest first.
const SHOWN: i64 = 200;
/// How far back bodies that were not reached are shown.
const UNREACHED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Dead letters nobody has had applied since: the newest wish about them, if any, failed or still waits.
const UNSETTLED: &str = "from journal.dead_letter d
   left join lateral (select settled_at, why, asked_at, asked_by from journal.revival r
                       where r.consumer = d.consumer and r.event_id = d.event_id order by r.id desc limit 1) r on true
  where (r.asked_at is null or r.settled_at is null or r.why is not null)";

#[derive(Debug, Template)]
#[template(path = "administration/dead_letters.html")]
struct DeadLettersPage {
    frame: Frame,
    letters: Vec<DeadLetter>,
    unreached: Vec<Unreached>,
    /// A wish was just written down.
    asked: bool,
}

#[derive(Debug)]
struct DeadLetter {
    consumer: String,
    event: Uuid,
    kind: String,
    why: String,
    at: String,
    /// What became of the last wish to try again, in words; empty when there was none.
    tried: String,
    waits: bool,
}

/// A body no channel reached about an incident.
#[derive(Debug)]
struct Unreached {
    body: String,
    name: String,
    incident: String,
    reference: String,
    failure: &'static str,
    at: String,
}

/// Which letter to try again; all of them when it names none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    consumer: Option<String>,
    event: Option<Uuid>,
}

/// What the address asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    fait: String,
}

/// How many facts wait for somebody to look at them.
pub(super) async fn unsettled(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) {UNSETTLED}"))).fetch_one(pool).await
}

pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    axum::extract::Query(asked): axum::extract::Query<Asked>,
) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let (letters, unreached) = (letters(&edge).await?, unreached(&edge).await?);
    let page = DeadLettersPage { frame: Frame::of(caller, HERE), letters, unreached, asked: asked.fait == "repris" };
    Ok(render(StatusCode::OK, &page))
}

/// Writes down that it is to be tried again; the service that set it aside does so at its next look into the journal.
pub(crate) async fn try_again(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Form(wanted): Form<Wanted>,
) -> Result<Redirect, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let statement = format!(
        "insert into journal.revival (consumer, event_id, asked_by, asked_at)
         select d.consumer, d.event_id, $3, $4 {UNSETTLED}
            and ($1::text is null or d.consumer = $1) and ($2::uuid is null or d.event_id = $2)
         on conflict do nothing"
    );
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(wanted.consumer)
        .bind(wanted.event)
        .bind(caller.source.id.as_str())
        .bind(edge.context.clock.now().to_sqlx())
        .execute(&edge.pool)
        .await?;
    Ok(Redirect::to(&format!("{HERE}?fait=repris")))
}

async fn letters(edge: &Edge) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let statement = format!(
        "select d.consumer, d.event_id, d.type, coalesce(r.why, d.why) as why, d.at, r.asked_at, r.asked_by, r.settled_at
         {UNSETTLED} order by d.at desc limit $1"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(SHOWN).fetch_all(&edge.pool).await?;
    let zone = &edge.city.doctrine.zone;
    let at = |row: &sqlx::postgres::PgRow, column| -> Result<Option<String>, sqlx::Error> {
        Ok(row.try_get::<Option<SqlTimestamp>, _>(column)?.map(|at| french::date_time(at.to_jiff(), zone)))
    };
    let letter = |row: &sqlx::postgres::PgRow| {
        let by: Option<String> = row.try_get("asked_by")?;
        let (asked, settled) = (at(row, "asked_at")?, at(row, "settled_at")?);
        let waits = asked.is_some() && settled.is_none();
        let tried = match (asked, settled) {
            (None, _) => String::new(),
            (Some(asked), None) => format!("Demandé {asked} par {}", by.unwrap_or_default()),
            (Some(_), Some(settled)) => format!("Repris {settled}, de nouveau écarté"),
        };
        Ok(DeadLetter {
            consumer: row.try_get("consumer")?,
            event: row.try_get("event_id")?,
            kind: row.try_get("type")?,
            why: row.try_get("why")?,
            at: at(row, "at")?.unwrap_or_default(),
            tried,
            waits,
        })
    };
    rows.iter().map(letter).collect()
}

/// The last time each body could not be reached about an incident, newest first.
async fn unreached(edge: &Edge) -> Result<Vec<Unreached>, sqlx::Error> {
    let since = edge.context.clock.now() - UNREACHED;
    let rows = sqlx::query(
        "select type, recorded_at, data::text as data from journal.entry
          where type = 'vigie.delivery.dead-lettered.v1' and recorded_at >= $1 order by recorded_at desc limit $2",
    )
    .bind(since.to_sqlx())
    .bind(SHOWN)
    .fetch_all(&edge.pool)
    .await?;
    let mut unreached: Vec<Unreached> = Vec::new();
    for row in &rows {
        let (kind, data): (String, String) = (row.try_get("type")?, row.try_get("data")?);
        let Ok(Event::DeliveryDeadLettered(letter)) = Event::decode(&kind, &data) else { continue };
        let (body, incident) = (letter.body.to_string(), letter.incident.id.to_string());
        if unreached.iter().any(|known| known.body == body && known.incident == incident) {
            continue;
        }
        unreached.push(Unreached {
            name: edge.city.directory.body(&letter.body).map_or_else(|| body.clone(), |known| known.name.clone()),
            body,
            incident,
            reference: letter.incident.reference,
            failure: failure(letter.failure),
            at: french::date_time(row.try_get::<SqlTimestamp, _>("recorded_at")?.to_jiff(), &edge.city.doctrine.zone),
        });
    }
    Ok(unreached)
}

fn failure(failure: DeliveryFailure) -> &'static str {
    match failure {
        DeliveryFailure::Refused => "Adresse ou numéro refusé",
        DeliveryFailure::Exhausted => "Aucun envoi n'a abouti à temps",
        DeliveryFailure::NoReceipt => "Aucun accusé de réception",
        DeliveryFailure::Undelivered => "Message non remis",
        DeliveryFailure::UnknownContact => "Point de contact retiré de l'annuaire",
    }
}
