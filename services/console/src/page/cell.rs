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
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, civil::Date};
use serde::Deserialize;
use vigie_domain::{
    access::Caller,
    directory::{Permission, Sight, shifts},
};
use vigie_platform::{page::Frame, problem::Problem};
use vigie_proto::SectorId;

use super::{frame, not_yours, problem, rendered, row::Row, visitor, words};
use crate::{
    Edge,
    events::end_of_journal,
    incidents::invalid,
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
    #[serde(default, deserialize_with = "vigie_platform::moment::within_reach")]
    on: Option<Date>,
}

/// `GET /cellule/{sector}`
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(sector): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let (caller, sector) = match reader(&edge, &headers, &sector).await {
        Ok(reader) => reader,
        Err(response) => return response,
    };
    let counted = asked.is_ok_and(|Query(asked)| asked.fait == "compte");
    page(&edge, caller, &sector, counted, None).await
}

/// `POST /cellule/{sector}`: keeps a number, as `POST /api/v1/counts` does.
pub(crate) async fn count(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(sector): Path<String>,
    form: Result<Form<CountForm>, FormRejection>,
) -> Response {
    let (caller, sector) = match reader(&edge, &headers, &sector).await {
        Ok(reader) => reader,
        Err(response) => return response,
    };
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return problem(&invalid("", vigie_platform::problem::in_french(&rejection.body_text()))),
    };
    let body = CountBody { indicator: form.indicator, sector: Some(sector.clone()), amount: Some(1), on: form.on };
    match counted(&edge, caller, body).await {
        Ok(()) => Redirect::to(&format!("/cellule/{sector}?fait=compte")).into_response(),
        Err(refused) => page(&edge, caller, &sector, false, Some(refused)).await,
    }
}

/// Who reads, and the sector: its own, or any for those who see everything.
async fn reader<'a>(edge: &'a Edge, headers: &HeaderMap, sector: &str) -> Result<(Caller<'a>, SectorId), Response> {
    let caller = visitor(edge, headers).await?;
    let known = edge.city.territory.sectors().iter().find(|known| known.id.as_str() == sector && known.in_paris);
    let sees = match caller.role.sees {
        Sight::Everything => true,
        Sight::Sector => caller.sector().is_some_and(|own| own.as_str() == sector),
        Sight::OwnSignals | Sight::Nothing => false,
    };
    match known {
        Some(known) if sees => Ok((caller, known.id.clone())),
        Some(_) => Err(not_yours()),
        None => Err(problem(&Problem::not_found("Secteur"))),
    }
}

async fn page(edge: &Edge, caller: Caller<'_>, sector: &SectorId, counted: bool, refused: Option<Problem>) -> Response {
    let status = refused.as_ref().and_then(|refused| StatusCode::from_u16(refused.status).ok());
    match made(edge, caller, sector, counted, refused).await {
        Ok(page) => rendered(status.unwrap_or(StatusCode::OK), &page),
        Err(error) => Problem::from_store(&error).into_response(),
    }
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
    let now = edge.context.clock.now();
    let words = words(edge, now);
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
        frame: frame(caller, &format!("/cellule/{sector}")),
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
