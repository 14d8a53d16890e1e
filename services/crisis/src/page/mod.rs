//! `/crises`: the list, one crisis, its synthesis, its feedback; and the page a request for a resource is answered on.
//!
//! Every form is plain HTML and posts one order; nothing needs JavaScript. Scripts only keep a page up to date.

pub(crate) mod answer;
pub(crate) mod assets;
pub(crate) mod crisis;
mod form;
pub(crate) mod list;
mod progress;
pub(crate) mod retex;
mod said;
pub(crate) mod synthesis;

use askama::Template;
use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use vigie_domain::{access::Caller, crisis::Crisis, french};
use vigie_platform::{
    journal,
    page::{Frame, respond},
    problem::Problem,
};
use vigie_proto::{BodyId, SectorId};

use crate::{api, desk::Edge, problems::stored};
use form::Fields;

/// What a page shows or why it does not.
type Shown = Result<Response, Problem>;

/// What an address says besides the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// An act just done, by its code.
    #[serde(default)]
    fait: String,
    /// The reference of an event a crisis is to be opened from.
    #[serde(default)]
    evenement: String,
}

#[derive(Template)]
#[template(path = "crisis_said.html")]
struct SaidPage<'a> {
    problem: &'a Problem,
}

/// What was sent and refused: nobody types it again.
#[derive(Debug, Default)]
struct Sent(Fields);

impl Sent {
    /// The value of a field of the form `what`, by its code.
    fn kept(&self, what: &str, name: &str) -> Option<&str> {
        (form::value(&self.0, "do") == Some(what)).then(|| form::value(&self.0, name)).flatten()
    }

    /// Whether that value was among those of the field.
    fn chosen(&self, what: &str, name: &str, value: &str) -> bool {
        let sent = form::value(&self.0, "do") == Some(what);
        sent && self.0.iter().any(|(known, chosen)| known == name && chosen == value)
    }
}

async fn follow(edge: &Edge, headers: &HeaderMap, id: &str, fields: &Fields) -> Result<Crisis, Problem> {
    let caller = edge.authenticate(headers).await?;
    let id = api::parse_id(id)?;
    edge.see(caller, id).await?;
    edge.follow(caller, id, form::order(fields, &edge.city.doctrine.zone)?).await
}

/// Where the live stream goes on from, so that nothing falls between the page and the stream.
async fn position(edge: &Edge) -> Result<String, Problem> {
    let end = journal::horizon(&mut *edge.connection().await?).await.map_err(stored)?;
    Ok(end.to_string())
}

impl Edge {
    /// `16 h 30`, with the day when it is another.
    fn clock(&self, at: &Timestamp) -> String {
        let zoned = |at: Timestamp| at.to_zoned(self.city.doctrine.zone.clone());
        french::moment(&zoned(*at), &zoned(self.now)).trim_start_matches("aujourd'hui ").to_owned()
    }

    fn sector_label<'a>(&'a self, id: &'a SectorId) -> &'a str {
        self.city.sector_label(id)
    }

    fn sectors(&self, ids: &[SectorId]) -> String {
        ids.iter().map(|id| self.city.sector_label(id)).collect::<Vec<_>>().join(", ")
    }

    fn body_label(&self, id: &BodyId) -> String {
        self.city.directory.body(id).map_or_else(|| id.to_string(), |body| body.name.clone())
    }
}

fn frame(caller: Caller<'_>) -> Frame {
    let links = caller.desks().into_iter().map(|desk| (desk.path, desk.label.to_owned()));
    Frame::new(&caller.source.name, links, "/crises")
}

fn status_of(problem: Option<&Problem>) -> StatusCode {
    problem.and_then(|problem| StatusCode::from_u16(problem.status).ok()).unwrap_or(StatusCode::OK)
}

/// The page, or a page that says why there is none.
fn shown(page: Shown) -> Response {
    page.unwrap_or_else(|problem| {
        render(status_of(Some(&problem)), &SaidPage { problem: &problem }).unwrap_or_else(IntoResponse::into_response)
    })
}

fn render(status: StatusCode, page: &impl Template) -> Shown {
    page.render().map(|html| respond(status, html)).map_err(|error| {
        tracing::error!(error = %error, "a page could not be rendered");
        Problem::unavailable()
    })
}
