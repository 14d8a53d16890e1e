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
use sqlx::PgPool;
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

/// How many facts nobody has had applied since: the newest wish about them, if any, failed or still waits.
pub(super) async fn unsettled(pool: &PgPool) -> Result<i64, sqlx::Error> {
    let unsettled = sqlx::query_scalar!(
        r#"select count(*) as "count!" from journal.dead_letter d
           left join lateral (select settled_at, why, asked_at, asked_by from journal.revival r
                               where r.consumer = d.consumer and r.event_id = d.event_id order by r.id desc limit 1) r on true
          where (r.asked_at is null or r.settled_at is null or r.why is not null)"#
    );
    unsettled.fetch_one(pool).await
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
    sqlx::query!(
        "insert into journal.revival (consumer, event_id, asked_by, asked_at)
         select d.consumer, d.event_id, $3, $4 from journal.dead_letter d
           left join lateral (select settled_at, why, asked_at, asked_by from journal.revival r
                               where r.consumer = d.consumer and r.event_id = d.event_id order by r.id desc limit 1) r on true
          where (r.asked_at is null or r.settled_at is null or r.why is not null)
            and ($1::text is null or d.consumer = $1) and ($2::uuid is null or d.event_id = $2)
         on conflict do nothing",
        wanted.consumer,
        wanted.event,
        caller.source.id.as_str(),
        edge.context.clock.now().to_sqlx()
    )
    .execute(&edge.pool)
    .await?;
    Ok(Redirect::to(&format!("{HERE}?fait=repris")))
}

async fn letters(edge: &Edge) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select d.consumer, d.event_id, d.type as kind, coalesce(r.why, d.why) as "why!", d.at,
                  r.asked_at as "asked_at?", r.asked_by as "asked_by?", r.settled_at
         from journal.dead_letter d
           left join lateral (select settled_at, why, asked_at, asked_by from journal.revival r
                               where r.consumer = d.consumer and r.event_id = d.event_id order by r.id desc limit 1) r on true
          where (r.asked_at is null or r.settled_at is null or r.why is not null)
          order by d.at desc limit $1"#,
        SHOWN
    );
    let at = |at: SqlTimestamp| french::date_time(at.to_jiff(), &edge.city.doctrine.zone);
    let letters = rows.map(|row| DeadLetter {
        consumer: row.consumer,
        event: row.event_id,
        kind: row.kind,
        why: row.why,
        at: at(row.at),
        waits: row.asked_at.is_some() && row.settled_at.is_none(),
        tried: match (row.asked_at, row.settled_at) {
            (None, _) => String::new(),
            (Some(asked), None) => format!("Demandé {} par {}", at(asked), row.asked_by.unwrap_or_default()),
            (Some(_), Some(settled)) => format!("Repris {}, de nouveau écarté", at(settled)),
        },
    });
    letters.fetch_all(&edge.pool).await
}

/// The last time each body could not be reached about an incident, newest first.
async fn unreached(edge: &Edge) -> Result<Vec<Unreached>, sqlx::Error> {
    let since = edge.context.clock.now() - UNREACHED;
    let rows = sqlx::query!(
        r#"select type as kind, recorded_at, data::text as "data!" from journal.entry
          where type = 'vigie.delivery.dead-lettered.v1' and recorded_at >= $1 order by recorded_at desc limit $2"#,
        since.to_sqlx(),
        SHOWN
    )
    .fetch_all(&edge.pool)
    .await?;
    let mut unreached: Vec<Unreached> = Vec::new();
    for row in &rows {
        let Ok(Event::DeliveryDeadLettered(letter)) = Event::decode(&row.kind, &row.data) else { continue };
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
            at: french::date_time(row.recorded_at.to_jiff(), &edge.city.doctrine.zone),
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
