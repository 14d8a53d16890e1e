//! `/scop`: the incidents that are not closed, gravest first, the oldest of them first. Scripts keep it up to date.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use jiff::Timestamp;
use serde::Deserialize;
use sqlx::PgConnection;
use vigie_domain::{access::Caller, french};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::{IncidentStatus, Severity};

use super::{operator, row::Row, withheld, words};
use crate::{
    Edge,
    events::end_of_journal,
    incidents::{IncidentView, VIEW, add_news},
};

/// Incidents one board shows; the page says when there are more.
const MOST: usize = 1_000;

/// Which rows to show; empty values show all.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    niveau: String,
    secteur: String,
    etat: String,
    #[serde(rename = "type")]
    kind: String,
    exercices: String,
}

impl Filter {
    fn shows(&self, view: &IncidentView) -> bool {
        let any = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        any(&self.niveau, view.severity.code())
            && any(&self.etat, view.status.code())
            && any(&self.kind, view.kind.as_str())
            && (any(&self.secteur, view.sector.as_str())
                || view.also_concerns.iter().any(|also| also.as_str() == self.secteur))
            && !(self.exercices == "masquer" && view.nature.is_exercise())
    }
}

/// One thing to choose in a filter.
#[derive(Debug)]
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

#[derive(Debug, Template)]
#[template(path = "board.html")]
struct BoardPage {
    frame: Frame,
    /// Where the live stream goes on from.
    after: String,
    now: Timestamp,
    now_words: String,
    /// How many are shown, in words.
    count: String,
    /// Body on whose behalf the reader acts.
    body: String,
    rows: Vec<Row>,
    /// For scripts to copy and fill.
    blank: Row,
    more: bool,
    severities: Vec<Choice>,
    sectors: Vec<Choice>,
    statuses: Vec<Choice>,
    kinds: Vec<Choice>,
    without_exercises: bool,
}

/// `GET /scop`
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Problem> {
    let caller = operator(&edge, &presented)?;
    let Query(filter) = filter?;
    Ok(render(StatusCode::OK, &page(&edge, caller, &filter).await?))
}

async fn page(edge: &Edge, caller: Caller<'_>, filter: &Filter) -> Result<BoardPage, sqlx::Error> {
    // Before the rows: the stream may repeat what they show, and misses nothing.
    let after = end_of_journal(edge).await?.to_string();
    let now = edge.now;
    let mut connection = edge.pool.acquire().await?;
    let mut views = open(&mut connection, edge, caller).await?;
    let more = views.len() > MOST;
    views.truncate(MOST);
    let words = words(edge);
    let rows: Vec<Row> = views
        .into_iter()
        .map(|view| {
            let hidden = !filter.shows(&view);
            Row { hidden, ..Row::of(view, &words) }
        })
        .collect();
    let directory = &edge.city.directory;
    let withheld = caller.withheld(&edge.city.doctrine);
    let choice = |value: &str, label: &str, wanted: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen: value == wanted,
    };
    let body = directory.body(&caller.source.body).map_or_else(String::new, |body| body.name.clone());
    Ok(BoardPage {
        frame: Frame::of(caller, "/scop"),
        after,
        now,
        body,
        now_words: french::date_time(now, &edge.city.doctrine.zone),
        count: count(&rows),
        rows,
        blank: Row::default(),
        more,
        severities: Severity::ALL.iter().rev().map(|s| choice(s.code(), s.label(), &filter.niveau)).collect(),
        sectors: edge
            .city
            .territory
            .sectors()
            .iter()
            .map(|sector| choice(sector.id.as_str(), &sector.label, &filter.secteur))
            .collect(),
        statuses: [IncidentStatus::Open, IncidentStatus::Acknowledged]
            .iter()
            .map(|status| choice(status.code(), status.label(), &filter.etat))
            .collect(),
        kinds: edge
            .city
            .doctrine
            .kinds
            .iter()
            .filter(|(id, _)| !withheld.contains(id))
            .map(|(id, kind)| choice(id.as_str(), &kind.label, &filter.kind))
            .collect(),
        without_exercises: filter.exercices == "masquer",
    })
}

#[derive(Debug, Template)]
#[template(path = "closed.html")]
struct ClosedPage {
    frame: Frame,
    rows: Vec<Row>,
}

/// Closed incidents one page shows.
const CLOSED: i64 = 100;

/// `GET /scop/clos`: the last ones closed, latest first.
pub(crate) async fn closed(State(edge): State<Arc<Edge>>, presented: Presented) -> Result<Response, Problem> {
    let caller = operator(&edge, &presented)?;
    let statement = format!(
        "select {VIEW} where i.status = 'closed' and not i.kind = any($2)
        order by i.closed_at desc, i.id limit $1"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(CLOSED)
        .bind(withheld(&edge, caller))
        .fetch_all(&edge.pool)
        .await?;
    let words = words(&edge);
    let row = |row| Ok(Row::of(IncidentView::read(row, caller, &edge.city)?, &words));
    let rows = rows.iter().map(row).collect::<Result<Vec<Row>, sqlx::Error>>()?;
    Ok(render(StatusCode::OK, &ClosedPage { frame: Frame::of(caller, "/scop"), rows }))
}

/// `12 événements, dont 3 à prendre en compte`; scripts say it the same way.
fn count(rows: &[Row]) -> String {
    let shown: Vec<&Row> = rows.iter().filter(|row| !row.hidden).collect();
    let open = shown.iter().filter(|row| row.waits()).count();
    match shown.len() {
        0 => "Aucun événement".to_owned(),
        1 => format!("1 événement, dont {open} à prendre en compte"),
        many => format!("{many} événements, dont {open} à prendre en compte"),
    }
}

/// One more than a board shows of the incidents that are not closed, in its order.
async fn open(
    connection: &mut PgConnection,
    edge: &Edge,
    caller: Caller<'_>,
) -> Result<Vec<IncidentView>, sqlx::Error> {
    let statement = format!(
        "select {VIEW} where i.status <> 'closed' and not i.kind = any($3)
          order by array_position($1, i.severity), i.opened_at, i.id limit $2"
    );
    let gravest_first: Vec<&str> = Severity::ALL.iter().rev().map(|severity| severity.code()).collect();
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(gravest_first)
        .bind(i64::try_from(MOST + 1).unwrap_or(i64::MAX))
        .bind(withheld(edge, caller))
        .fetch_all(&mut *connection)
        .await?;
    let read = |row| IncidentView::read(row, caller, &edge.city);
    let mut views = rows.iter().map(read).collect::<Result<Vec<_>, sqlx::Error>>()?;
    add_news(connection, &mut views, caller, &edge.city).await?;
    Ok(views)
}
