//! `GET /signaler/{id}`: what became of a signal, for the one who raised it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;
use vigie_domain::{directory::Source, french};
use vigie_edge::{credential::Presented, page::render, problem::Problem};
use vigie_platform::{ids, journal, journal::Entry, telemetry};
use vigie_proto::{
    ActId, IncidentId, IncidentStatus, SignalId,
    event::{Act, ActRecordedV1, Actor, Event, Through},
};

use crate::{
    Edge,
    fate::ReturnView,
    status::{self, SignalView},
};

#[derive(Debug, Template)]
#[template(path = "follow.html")]
struct FollowPage {
    view: SignalView,
    received: String,
    opened: String,
    told: Vec<(String, String)>,
    acknowledged: Vec<(String, String)>,
    /// What is owed back, by whom, and where that stands, in French.
    returns: Vec<Return>,
    /// When its reporter said that it is over.
    over: Option<String>,
    closed: bool,
}

/// One line of what is owed back.
#[derive(Debug)]
pub(super) struct Return {
    pub(super) what: String,
    pub(super) by: String,
    pub(super) standing: String,
    pub(super) given: bool,
    pub(super) overdue: bool,
}

pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    let view = status::find(&edge, caller, SignalId(id)).await?.ok_or_else(unknown)?;
    Ok(render(StatusCode::OK, &page(view, &edge.city.doctrine.zone)))
}

/// Whoever raised it says that it is over: a fact that whoever is in charge sees; nothing is closed by it.
pub(crate) async fn say_over(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    if record_over(&edge, caller.source, id).await? {
        Ok(Redirect::to(&format!("/signaler/{id}")).into_response())
    } else {
        Err(unknown())
    }
}

/// Journals the act; false when the signal is not the source's own, or belongs to no incident yet.
async fn record_over(edge: &Edge, source: &Source, signal: Uuid) -> Result<bool, sqlx::Error> {
    let incident = sqlx::query_scalar!(
        "select l.incident_id from intake.signal s join routing.incident_signal l on l.signal_id = s.id
          where s.id = $1 and s.source_id = $2",
        signal,
        source.id.as_str()
    )
    .fetch_optional(&edge.pool)
    .await?;
    let Some(incident) = incident else { return Ok(false) };
    let now = edge.now;
    let recorded = ActRecordedV1 {
        act_id: ActId(ids::fresh()),
        incident_id: IncidentId(incident),
        actor: Actor { body: source.body.clone(), role: source.role.clone(), through: Through::Link },
        act: Act::SayOver,
        at: now,
    };
    let entry = Entry::new("intake", &Event::from(recorded), now, None, Some(telemetry::fresh_traceparent()));
    let mut tx = edge.pool.begin().await?;
    journal::append(&mut tx, std::slice::from_ref(&entry)).await?;
    tx.commit().await?;
    edge.context.fresh.push(vec![entry]);
    Ok(true)
}

fn page(view: SignalView, zone: &TimeZone) -> FollowPage {
    let date_time = |at: Timestamp| french::date_time(at, zone);
    FollowPage {
        received: date_time(view.received_at),
        opened: view.incident.as_ref().map(|incident| date_time(incident.opened_at)).unwrap_or_default(),
        // The day is that of the opening, said above.
        told: view.told.iter().map(|b| (b.body.clone(), french::time(&b.at.to_zoned(zone.clone())))).collect(),
        acknowledged: view.acknowledged_by.iter().map(|b| (b.body.clone(), date_time(b.at))).collect(),
        returns: view.returns.iter().map(|owed| line(owed, zone)).collect(),
        over: view.said_over_at.map(date_time),
        closed: view.incident.as_ref().is_some_and(|incident| incident.status == IncidentStatus::Closed),
        view,
    }
}

/// What is owed, by whom, and where that stands.
pub(super) fn line(owed: &ReturnView, zone: &TimeZone) -> Return {
    let date = |at: Option<Timestamp>| at.map(|at| french::date_time(at, zone));
    let standing = match (owed.state.as_str(), date(owed.given_at), date(owed.due_at)) {
        ("none-known", Some(at), _) => format!("sans suite connue, dit {at}"),
        (_, Some(at), _) => format!("communiqué {at}"),
        ("overdue", None, Some(due)) => format!("en retard, attendu pour {due} : un rappel est envoyé"),
        (_, None, Some(due)) => format!("attendu pour {due}"),
        (_, None, None) => "attendu après la clôture".to_owned(),
    };
    Return {
        what: owed.what.clone(),
        by: owed.by.clone(),
        standing,
        given: owed.given_at.is_some(),
        overdue: owed.state == "overdue",
    }
}

fn unknown() -> Problem {
    Problem::not_found("Signalement").detail("Ce signalement n'existe pas, ou n'est pas le vôtre.")
}
