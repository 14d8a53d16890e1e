//! `/crises/{id}/retex`: the feedback, written by people around what the journal tells.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::account::Block;
use vigie_platform::{page::Frame, problem::Problem};
use vigie_proto::RoleId;

use super::{
    Asked, Sent, Shown, follow,
    form::{self, Fields},
    frame, render, said, shown, status_of,
};
use crate::{
    api::{self, retex::too_early},
    desk::Edge,
    view::CrisisView,
};

#[derive(Template)]
#[template(path = "retex.html")]
struct RetexPage<'a> {
    frame: Frame,
    crisis: CrisisView,
    writes: bool,
    /// The document, without what people wrote: they see it in the fields.
    blocks: Vec<Block>,
    roles: Vec<(&'a RoleId, &'a str)>,
    role: &'a RoleId,
    done: Option<&'static str>,
    sent: Sent,
    problem: Option<Problem>,
    edge: &'a Edge,
}

/// `GET /crises/{id}/retex`
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    shown(page(&edge, &headers, &id, said::done(&asked.fait), Sent::default(), None).await)
}

/// `POST /crises/{id}/retex`: the order of one of its forms.
pub(crate) async fn act(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Response {
    match follow(&edge, &headers, &id, &fields).await {
        Ok(crisis) => {
            let done = form::value(&fields, "do").unwrap_or_default();
            Redirect::to(&format!("/crises/{}/retex?fait={done}", crisis.snapshot.id)).into_response()
        }
        Err(problem) => shown(page(&edge, &headers, &id, None, Sent(fields), Some(problem)).await),
    }
}

async fn page(
    edge: &Edge,
    headers: &HeaderMap,
    id: &str,
    done: Option<&'static str>,
    sent: Sent,
    problem: Option<Problem>,
) -> Shown {
    let caller = edge.authenticate(headers).await?;
    let crisis = edge.see(caller, api::parse_id(id)?).await?;
    let Some(retex) = &crisis.retex else { return Err(too_early()) };
    let mut blocks = api::retex::blocks(edge, &crisis).await?;
    // The title is the page's, and what people wrote is in the fields.
    let first = retex.rules.sections.first().map(|section| Block::Heading(section.label.clone()));
    let end = blocks.iter().position(|block| Some(block) == first.as_ref()).unwrap_or(blocks.len());
    blocks.truncate(end);
    let blocks = blocks.split_off(1.min(blocks.len()));
    let owners = edge.city.directory.role_rules().map(|(id, role)| (id, role.label.as_str()));
    render(
        status_of(problem.as_ref()),
        &RetexPage {
            frame: frame(caller),
            crisis: api::view(edge, caller, &crisis).await?,
            writes: retex.rules.written_by.contains(&caller.source.role),
            blocks,
            roles: owners.collect(),
            role: &caller.source.role,
            done,
            sent,
            problem,
            edge,
        },
    )
}

impl RetexPage<'_> {
    /// What was sent of a section and not kept.
    fn draft_of(&self, section: &str) -> Option<&str> {
        let about = self.sent.kept("write", "section") == Some(section);
        about.then(|| self.sent.kept("write", "text")).flatten()
    }

    /// Sections that hold words, and how many there are.
    fn written(&self) -> (usize, usize) {
        let sections = self.crisis.retex.iter().flat_map(|retex| &retex.sections);
        let all: Vec<bool> = sections.map(|section| section.text.is_some()).collect();
        (all.iter().filter(|written| **written).count(), all.len())
    }
}
