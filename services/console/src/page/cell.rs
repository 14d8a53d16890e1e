//! `/cellule/{secteur}`: a mairie's watch cell: its sector's incidents, weak signals, what it owes, what it counts, and
//! how it tells the operations room of what somebody else told it.

mod lists;

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, civil::Date};
use serde::Deserialize;
use vigie_domain::{
    access::Caller,
    directory::{Permission, Sight, shifts},
};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::SectorId;

use super::{row::Row, words};
use crate::{
    Edge,
    events::end_of_journal,
    indicators::{CountBody, counted},
};

/// Incidents one page shows, open ones first.
const SHOWN: i64 = 50;
/// How far back weak signals are counted.
const WATCHED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far ahead the duty roster is shown.
const DUTY: SignedDuration = SignedDuration::from_hours(7 * 24);

#[derive(Debug, Template)]
#[template(path = "cell.html")]
struct CellPage {
    frame: Frame,
    sector: String,
    sector_label: String,
    open: Vec<Row>,
    closed: Vec<Row>,
    /// Places with weak signals in the last seven days and how many, most first.
    weak: Vec<(String, i64)>,
    owed: Vec<Owing>,
    /// What the reader may count: title of the circuit, ids and labels of its indicators.
    counts: Vec<(String, Vec<(String, String)>)>,
    today: Date,
    /// Kinds the reader may raise.
    kinds: Vec<Raisable>,
    /// Contact points of the reader's own body.
    contacts: Vec<Point>,
    /// Where the reader keeps them; empty for who may not.
    keeps_at: String,
    /// Where the live stream goes on from.
    after: String,
    /// Who is on duty in the coming week: from when, position, rank.
    duty: Vec<(String, String, usize)>,
    counted: bool,
    refused: Option<Problem>,
}

/// A kind the reader may raise.
#[derive(Debug)]
struct Raisable {
    id: String,
    label: String,
    /// The doctrine asks the reader's role to pass it on: it is offered first.
    passed_on: bool,
}

/// A contact point.
#[derive(Debug)]
struct Point {
    channel: &'static str,
    /// Duty position it belongs to; empty for a permanent one.
    duty: String,
    proven: bool,
}

/// A return this sector owes.
#[derive(Debug)]
struct Owing {
    incident: String,
    reference: String,
    id: String,
    what: String,
    by: String,
    when: String,
    late: bool,
    may_be_unknown: bool,
    may_give: bool,
}

/// What the address asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    /// `compte` after a number was kept.
    fait: String,
}

/// The form that keeps a number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountForm {
    indicator: String,
    #[serde(default, deserialize_with = "vigie_edge::moment::within_reach")]
    on: Option<Date>,
}

/// `GET /cellule/{sector}`
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(sector): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let (caller, sector) = reader(&edge, &presented, &sector)?;
    let counted = asked.is_ok_and(|Query(asked)| asked.fait == "compte");
    page(&edge, caller, &sector, counted, None).await
}

/// `POST /cellule/{sector}`: keeps a number, as `POST /api/v1/counts` does.
pub(crate) async fn count(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(sector): Path<String>,
    form: Result<Form<CountForm>, FormRejection>,
) -> Result<Response, Problem> {
    let (caller, sector) = reader(&edge, &presented, &sector)?;
    let Form(form) = form?;
    let body = CountBody { indicator: form.indicator, sector: Some(sector.clone()), amount: Some(1), on: form.on };
    match counted(&edge, caller, body).await {
        Ok(()) => Ok(Redirect::to(&format!("/cellule/{sector}?fait=compte")).into_response()),
        Err(refused) => page(&edge, caller, &sector, false, Some(refused)).await,
    }
}

/// Who reads, and the sector: its own, or any for those who see everything.
fn reader<'a>(edge: &'a Edge, presented: &Presented, sector: &str) -> Result<(Caller<'a>, SectorId), Problem> {
    let caller = edge.caller(presented)?;
    let known = edge.city.territory.sectors().iter().find(|known| known.id.as_str() == sector && known.in_paris);
    let sees = match caller.role.sees {
        Sight::Everything => true,
        Sight::Sector => caller.sector().is_some_and(|own| own.as_str() == sector),
        Sight::OwnSignals | Sight::Nothing => false,
    };
    match known {
        Some(known) if sees => Ok((caller, known.id.clone())),
        Some(_) => Err(Problem::not_your_page()),
        None => Err(Problem::not_found("Secteur")),
    }
}

async fn page(
    edge: &Edge,
    caller: Caller<'_>,
    sector: &SectorId,
    counted: bool,
    refused: Option<Problem>,
) -> Result<Response, Problem> {
    let status = refused.as_ref().map_or(StatusCode::OK, Problem::status_code);
    Ok(render(status, &made(edge, caller, sector, counted, refused).await?))
}

async fn made(
    edge: &Edge,
    caller: Caller<'_>,
    sector: &SectorId,
    counted: bool,
    refused: Option<Problem>,
) -> Result<CellPage, sqlx::Error> {
    // Before the lists: the stream may repeat what they show, and misses nothing.
    let after = end_of_journal(edge).await?.to_string();
    let now = edge.now;
    let words = words(edge);
    let mut connection = edge.pool.acquire().await?;
    let doctrine = &edge.city.doctrine;
    let rows = lists::incidents(edge, &mut connection, caller, sector, &words).await?;
    let (closed, open) = rows.into_iter().partition(|row| row.status == "closed");
    let indicator = |id: &String| Some((id.clone(), doctrine.indicators.get(id)?.label.clone()));
    let counts = doctrine.counted.iter().filter(|circuit| circuit.by.contains(&caller.source.role));
    let counts =
        counts.map(|circuit| (circuit.title.clone(), circuit.indicators.iter().filter_map(indicator).collect()));
    let duty = edge.city.directory.body(&caller.source.body).map(|body| shifts(body, now, now + DUTY));
    Ok(CellPage {
        frame: Frame::of(caller, &format!("/cellule/{sector}")),
        sector: sector.to_string(),
        sector_label: edge.city.sector_label(sector).to_owned(),
        open,
        closed,
        weak: lists::weak(edge, &mut connection, caller, sector, now - WATCHED).await?,
        owed: lists::owed(edge, &mut connection, caller, sector, now, &words).await?,
        counts: counts.collect(),
        today: now.to_zoned(doctrine.zone.clone()).date(),
        kinds: lists::kinds(edge, caller),
        contacts: lists::contacts(edge, caller),
        keeps_at: if caller.may(Permission::KeepRoster) {
            format!("/annuaire/{}", caller.source.body)
        } else {
            String::new()
        },
        after,
        duty: duty.unwrap_or_default().into_iter().map(|s| (words(s.from), s.position, s.rank + 1)).collect(),
        counted,
        refused,
    })
}
