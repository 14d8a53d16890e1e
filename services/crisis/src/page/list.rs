//! `/crises`: what is under way and what was, and how a crisis or an exercise begins.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::crisis::{Rules, exercise::SPEEDS};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::{CrisisRegime, Nature, SectorId, event::IncidentSnapshot};

use super::{
    Asked, Sent, Worded,
    form::{self, Fields},
    status_of,
};
use crate::{
    api::{self, exercises},
    conduct::{self, Opening},
    desk::{self, Edge},
    key::IncidentKey,
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
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let known: Result<_, Problem> = async {
        let caller = desk::caller(&edge, &presented)?;
        let Ok(key) = IncidentKey::try_from(asked.evenement.clone()) else { return Ok(None) };
        let mut connection = edge.pool.acquire().await?;
        let incident = conduct::named(&edge, &mut connection, caller, &key).await?;
        Ok(store::crisis_of(&mut connection, incident.id).await?)
    }
    .await;
    match known {
        Ok(Some(crisis)) => Ok(Redirect::to(&format!("/crises/{crisis}")).into_response()),
        Ok(None) => list(&edge, &presented, &asked.evenement, Sent::default(), None).await,
        Err(problem) if problem.status == 404 => list(&edge, &presented, "", Sent::default(), Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

/// `POST /crises`: opens a crisis, or begins an exercise.
pub(crate) async fn open(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let opened = async {
        let caller = desk::caller(&edge, &presented)?;
        conduct::open(&edge, caller, opening(&edge, &fields)?).await
    };
    match opened.await {
        Ok(crisis) => Ok(Redirect::to(&format!("/crises/{}?fait=open", crisis.snapshot.id)).into_response()),
        Err(problem) => list(&edge, &presented, "", Sent(fields), Some(problem)).await,
    }
}

fn opening(edge: &Edge, fields: &Fields) -> Result<Opening, Problem> {
    if form::value(fields, "do") == Some("play") {
        let script =
            form::value(fields, "script").ok_or_else(|| Problem::invalid("script", "Choisissez un scénario."))?;
        let speed = form::value(fields, "speed").and_then(|text| text.parse().ok());
        return exercises::opening(
            edge,
            script,
            speed.ok_or_else(|| Problem::invalid("speed", "Donnez une vitesse."))?,
        );
    }
    let regime = form::value(fields, "regime");
    let regime = CrisisRegime::ALL.into_iter().find(|known| Some(known.code()) == regime);
    let incident = form::last(fields, "incident").map(|text| IncidentKey::try_from(text.to_owned())).transpose();
    Ok(Opening {
        regime: regime.ok_or_else(|| Problem::invalid("regime", "Choisissez un régime."))?,
        incident: incident
            .map_err(|_| Problem::invalid("incident", "Donnez la référence d'un événement, comme R-2026-000123."))?,
        sector: form::value(fields, "sector").and_then(|text| text.parse().ok()),
        nature: Nature::Real,
        script: None,
    })
}

async fn list(
    edge: &Edge,
    presented: &Presented,
    from: &str,
    sent: Sent,
    problem: Option<Problem>,
) -> Result<Response, Problem> {
    let caller = desk::caller(edge, presented)?;
    let rules = desk::moment(edge)?.rules;
    let conducts = rules.conducted_by.contains(&caller.source.role);
    let sector = caller.sector().map(SectorId::as_str);
    let (known, incidents) = {
        let mut connection = edge.pool.acquire().await?;
        let known = store::list(&mut connection, sector).await?;
        let incidents =
            if conducts { store::free_incidents(&mut connection, Nature::Real).await } else { Ok(Vec::new()) };
        (known, incidents?)
    };
    let mut crises = Vec::with_capacity(known.len());
    for crisis in known.iter().filter(|crisis| caller.sees_crisis(&crisis.snapshot)) {
        crises.push(api::view(edge, caller, crisis).await?);
    }
    let (closed, open) = crises.into_iter().partition(|crisis| crisis.closed);
    let sectors = edge.city.territory.sectors().iter().filter(|sector| sector.in_paris);
    Ok(render(
        status_of(problem.as_ref()),
        &ListPage {
            frame: Frame::of(caller, "/crises"),
            open,
            closed,
            rules,
            conducts,
            sectors: sectors.map(|sector| (&sector.id, sector.label.as_str())).collect(),
            incidents: incidents.into_iter().filter(|incident| caller.follows(incident, &edge.city)).collect(),
            scripts: edge.scripts.iter().map(|(name, script)| (name, script.title.as_str())).collect(),
            from: from.to_owned(),
            sent,
            problem,
            edge,
        },
    ))
}
