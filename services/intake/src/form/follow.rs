//! `GET /signaler/{id}`: what became of a signal, for the one who raised it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;
use vigie_domain::french;
use vigie_platform::problem::Problem;
use vigie_proto::SignalId;

use super::{message, render, visitor};
use crate::{
    Edge,
    status::{self, ReturnView, SignalView},
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
}

/// One line of what is owed back.
#[derive(Debug)]
struct Return {
    what: String,
    by: String,
    standing: String,
    given: bool,
    overdue: bool,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let source = match visitor(&edge, &headers).await {
        Ok(source) => source,
        Err(response) => return response,
    };
    let Ok(id) = id.parse::<Uuid>() else { return unknown() };
    match status::find(&edge.pool, &edge.city, source, SignalId(id), edge.context.clock.now()).await {
        Ok(Some(view)) => render(StatusCode::OK, &page(view, &edge.city.doctrine.zone)),
        Ok(None) => unknown(),
        Err(error) => Problem::from_store(&error).into_response(),
    }
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
        view,
    }
}

fn line(owed: &ReturnView, zone: &TimeZone) -> Return {
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

fn unknown() -> Response {
    message(StatusCode::NOT_FOUND, "Signalement introuvable", "Ce signalement n'existe pas, ou n'est pas le vôtre.")
}
