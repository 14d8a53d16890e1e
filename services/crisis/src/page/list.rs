//! `/crises`: what is under way and what was, and how a crisis or an exercise begins.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::crisis::{Rules, exercise::SPEEDS};
use vigie_platform::{page::Frame, problem::Problem};
use vigie_proto::{CrisisRegime, Nature, SectorId, event::IncidentSnapshot};

use super::{
    Asked, Sent, Shown,
    form::{self, Fields},
    frame, render, shown, status_of,
};
use crate::{
    api::{self, exercises},
    conduct::Opening,
    desk::Edge,
    key::IncidentKey,
    problems::{invalid, stored},
    store,
    view::CrisisView,
};

#[derive(Template)]
#[template(path = "crises.html")]
struct ListPage<'a> {
    frame: Frame,
    /// Under way, newest first.
    open: Vec<CrisisView>,
    closed: Vec<CrisisView>,
    rules: &'a Rules,
    /// Whoever conducts may open.
    conducts: bool,
    sectors: Vec<(&'a SectorId, &'a str)>,
    /// Open events that belong to no crisis.
    incidents: Vec<IncidentSnapshot>,
    scripts: Vec<(&'a String, &'a str)>,
    /// The reference of the event a crisis is to be opened from.
    from: String,
    sent: Sent,
    problem: Option<Problem>,
    edge: &'a Edge,
}

impl ListPage<'_> {
    /// Regimes a crisis may have, each with who directs under it.
    fn regimes(&self) -> impl Iterator<Item = (CrisisRegime, &str)> {
        let directed = |regime| self.rules.regime(regime).map_or("", |rule| rule.directed_by.as_str());
        CrisisRegime::ALL.into_iter().filter(|r| *r != CrisisRegime::None).map(move |r| (r, directed(r)))
    }
}

/// `GET /crises`; with `?evenement=` the crisis of that event, or the form that opens one.
pub(crate) async fn show(State(edge): State<Arc<Edge>>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let known = async {
        let caller = edge.authenticate(&headers).await?;
        let Ok(key) = IncidentKey::try_from(asked.evenement.clone()) else { return Ok(None) };
        let mut connection = edge.connection().await?;
        let incident = edge.named(&mut connection, caller, &key).await?;
        store::crisis_of(&mut connection, incident.id).await.map_err(stored)
    };
    match known.await {
        Ok(Some(crisis)) => Redirect::to(&format!("/crises/{crisis}")).into_response(),
        Ok(None) => shown(list(&edge, &headers, &asked.evenement, Sent::default(), None).await),
        Err(problem) if problem.status == 404 => shown(list(&edge, &headers, "", Sent::default(), Some(problem)).await),
        Err(problem) => shown(Err(problem)),
    }
}

/// `POST /crises`: opens a crisis, or begins an exercise.
pub(crate) async fn open(State(edge): State<Arc<Edge>>, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    let opened = async {
        let caller = edge.authenticate(&headers).await?;
        edge.open(caller, opening(&edge, &fields)?).await
    };
    match opened.await {
        Ok(crisis) => Redirect::to(&format!("/crises/{}?fait=open", crisis.snapshot.id)).into_response(),
        Err(problem) => shown(list(&edge, &headers, "", Sent(fields), Some(problem)).await),
    }
}

fn opening(edge: &Edge, fields: &Fields) -> Result<Opening, Problem> {
    if form::value(fields, "do") == Some("play") {
        let script = form::value(fields, "script").ok_or_else(|| invalid("script", "Choisissez un scénario."))?;
        let speed = form::value(fields, "speed").and_then(|text| text.parse().ok());
        return exercises::opening(edge, script, speed.ok_or_else(|| invalid("speed", "Donnez une vitesse."))?);
    }
    let regime = form::value(fields, "regime");
    let regime = CrisisRegime::ALL.into_iter().find(|known| Some(known.code()) == regime);
    let incident = form::last(fields, "incident").map(|text| IncidentKey::try_from(text.to_owned())).transpose();
    Ok(Opening {
        regime: regime.ok_or_else(|| invalid("regime", "Choisissez un régime."))?,
        incident: incident
            .map_err(|_| invalid("incident", "Donnez la référence d'un événement, comme R-2026-000123."))?,
        sector: form::value(fields, "sector").and_then(|text| text.parse().ok()),
        nature: Nature::Real,
        script: None,
    })
}

async fn list(edge: &Edge, headers: &HeaderMap, from: &str, sent: Sent, problem: Option<Problem>) -> Shown {
    let caller = edge.authenticate(headers).await?;
    let rules = edge.moment()?.rules;
    let conducts = rules.conducted_by.contains(&caller.source.role);
    let sector = caller.sector().map(SectorId::as_str);
    let (known, incidents) = {
        let mut connection = edge.connection().await?;
        let known = store::list(&mut connection, sector).await.map_err(stored)?;
        let incidents =
            if conducts { store::free_incidents(&mut connection, Nature::Real).await } else { Ok(Vec::new()) };
        (known, incidents.map_err(stored)?)
    };
    let mut crises = Vec::with_capacity(known.len());
    for crisis in known.iter().filter(|crisis| caller.sees_crisis(&crisis.snapshot)) {
        crises.push(api::view(edge, caller, crisis).await?);
    }
    let (closed, open) = crises.into_iter().partition(|crisis| crisis.closed);
    let sectors = edge.city.territory.sectors().iter().filter(|sector| sector.in_paris);
    render(
        status_of(problem.as_ref()),
        &ListPage {
            frame: frame(caller),
            open,
            closed,
            rules,
            conducts,
            sectors: sectors.map(|sector| (&sector.id, sector.label.as_str())).collect(),
            incidents: incidents.into_iter().filter(|incident| caller.follows(incident, &edge.city)).collect(),
            scripts: edge.desk.scripts.iter().map(|(name, script)| (name, script.title.as_str())).collect(),
            from: from.to_owned(),
            sent,
            problem,
            edge,
        },
    )
}
