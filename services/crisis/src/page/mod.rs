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

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use vigie_domain::{crisis::Crisis, french};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_platform::journal;
use vigie_proto::{BodyId, SectorId};

use crate::{
    api, conduct,
    desk::{self, Edge},
};
use form::Fields;

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

async fn follow(edge: &Edge, presented: &Presented, id: &str, fields: &Fields) -> Result<Crisis, Problem> {
    let caller = desk::caller(edge, presented)?;
    let id = api::parse_id(id)?;
    desk::see(edge, caller, id).await?;
    conduct::follow(edge, caller, id, form::order(fields, &edge.city.doctrine.zone)?).await
}

/// Where the live stream goes on from, so that nothing falls between the page and the stream.
async fn position(edge: &Edge) -> Result<String, Problem> {
    let end = journal::horizon(&mut *edge.pool.acquire().await?).await?;
    Ok(end.to_string())
}

/// What templates say of what a crisis holds.
trait Worded {
    /// `16 h 30`, with the day when it is another.
    fn clock(&self, at: &Timestamp) -> String;
    fn sector_label<'a>(&'a self, id: &'a SectorId) -> &'a str;
    fn sectors(&self, ids: &[SectorId]) -> String;
    fn body_label(&self, id: &BodyId) -> String;
}

impl Worded for Edge {
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

fn status_of(problem: Option<&Problem>) -> StatusCode {
    problem.map_or(StatusCode::OK, Problem::status_code)
}
