//! `/cellule/{secteur}`: a mairie's watch cell: its sector's incidents, weak signals, what it owes, what it counts, and
//! how it tells the operations room of what somebody else told it.

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
use jiff::{SignedDuration, Timestamp, civil::Date};
use jiff_sqlx::ToSqlx;
use serde::Deserialize;
use sqlx::{PgConnection, Row as _, types::Json as SqlJson};
use vigie_domain::{
    access::Caller,
    directory::{Sight, shifts},
};
use vigie_platform::{page::Frame, problem::Problem};
use vigie_proto::{SectorId, Severity, Uai, event::IncidentSnapshot, plan::Owed};

use super::{frame, not_yours, problem, rendered, row::Row, visitor, words};
use crate::{
    Edge,
    act::request::may_give,
    incidents::{IncidentView, VIEW, invalid},
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
    /// Kinds the reader may raise: id and label.
    kinds: Vec<(String, String)>,
    /// Who is on duty in the coming week: from when, position, rank.
    duty: Vec<(String, String, usize)>,
    counted: bool,
    refused: Option<Problem>,
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
        Err(rejection) => return problem(&invalid("", rejection.body_text())),
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
    let now = edge.context.clock.now();
    let words = words(edge, now);
    let mut connection = edge.pool.acquire().await?;
    let doctrine = &edge.city.doctrine;
    let rows = incidents(edge, &mut connection, sector, &words).await?;
    let (closed, open) = rows.into_iter().partition(|row| row.status == "closed");
    let kinds =
        caller.role.raises.iter().filter_map(|kind| Some((kind.to_string(), doctrine.kinds.get(kind)?.label.clone())));
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
        weak: weak(edge, &mut connection, sector, now - WATCHED).await?,
        owed: owed(edge, &mut connection, caller, sector, now, &words).await?,
        counts: counts.collect(),
        today: now.to_zoned(doctrine.zone.clone()).date(),
        kinds: kinds.collect(),
        duty: duty.unwrap_or_default().into_iter().map(|s| (words(s.from), s.position, s.rank + 1)).collect(),
        counted,
        refused,
    })
}

/// The sector's incidents, those not closed first, then the gravest, then the oldest.
async fn incidents(
    edge: &Edge,
    connection: &mut PgConnection,
    sector: &SectorId,
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Row>, sqlx::Error> {
    let statement = format!(
        "select {VIEW} where i.sector = $1 or i.also_concerns @> array[$1]
          order by i.status = 'closed', i.closed_at desc nulls last,
                   array_position($2, i.severity), i.opened_at, i.id limit $3"
    );
    let gravest_first: Vec<&str> = Severity::ALL.iter().rev().map(|severity| severity.code()).collect();
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(sector.as_str())
        .bind(gravest_first)
        .bind(SHOWN)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(Row::of(IncidentView::read(row, &edge.city.directory)?, words))).collect()
}

/// Weak signals of real incidents since an instant, by school; those without one by kind of place.
async fn weak(
    edge: &Edge,
    connection: &mut PgConnection,
    sector: &SectorId,
    since: Timestamp,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let rows = sqlx::query(
        "select s.location ->> 'uai' as school,
                case when s.location ->> 'uai' is null then i.snapshot ->> 'place_label' end as place,
                count(*) as signals
           from intake.signal s
           join routing.incident_signal l on l.signal_id = s.id join routing.incident i on i.id = l.incident_id
          where s.severity = $1 and s.received_at >= $2 and i.sector = $3 and i.nature = 'real'
          group by 1, 2 order by 3 desc, 1, 2 limit $4",
    )
    .bind(Severity::Watch.code())
    .bind(since.to_sqlx())
    .bind(sector.as_str())
    .bind(SHOWN)
    .fetch_all(connection)
    .await?;
    let place = |row: &sqlx::postgres::PgRow| {
        let (school, place): (Option<String>, Option<String>) = (row.try_get("school")?, row.try_get("place")?);
        let named = school.as_deref().and_then(|uai| Uai::new(uai).ok());
        let named = named.and_then(|uai| edge.city.territory.school(&uai)).map(|school| school.name.clone());
        Ok((named.or(school).or(place).unwrap_or_default(), row.try_get("signals")?))
    };
    rows.iter().map(place).collect()
}

/// What is owed because of the sector's incidents by those the reader may answer for.
async fn owed(
    edge: &Edge,
    connection: &mut PgConnection,
    caller: Caller<'_>,
    sector: &SectorId,
    now: Timestamp,
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Owing>, sqlx::Error> {
    let rows = sqlx::query(
        "select o.owed, o.due_at, i.snapshot from routing.owed o join routing.incident i on i.id = o.incident_id
          where o.given_at is null and (i.sector = $1 or i.also_concerns @> array[$1])
          order by o.due_at nulls last limit $2",
    )
    .bind(sector.as_str())
    .bind(SHOWN)
    .fetch_all(connection)
    .await?;
    let mut owing = Vec::new();
    for row in &rows {
        let SqlJson(owed): SqlJson<Owed> = row.try_get("owed")?;
        let SqlJson(incident): SqlJson<IncidentSnapshot> = row.try_get("snapshot")?;
        let due: Option<jiff_sqlx::Timestamp> = row.try_get("due_at")?;
        let due = due.map(jiff_sqlx::Timestamp::to_jiff);
        owing.push(Owing {
            may_give: may_give(caller, &owed),
            incident: incident.id.to_string(),
            reference: incident.reference,
            by: edge.city.directory.role_label(&owed.by.role).to_owned(),
            when: due.map(words).unwrap_or_default(),
            late: due.is_some_and(|due| due < now),
            may_be_unknown: owed.may_be_unknown,
            id: owed.id,
            what: owed.what,
        });
    }
    Ok(owing)
}
