//! `/crises/{id}/retex`: the feedback, written by people around what the journal tells.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::account::Block;
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::RoleId;

use super::{
    Asked, Sent, Worded, follow,
    form::{self, Fields},
    said, status_of,
};
use crate::{
    api::{self, retex::too_early},
    desk::{self, Edge},
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
    presented: Presented,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    page(&edge, &presented, &id, said::done(&asked.fait), Sent::default(), None).await
}

/// `POST /crises/{id}/retex`: the order of one of its forms.
pub(crate) async fn act(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    match follow(&edge, &presented, &id, &fields).await {
        Ok(crisis) => {
            let done = form::value(&fields, "do").unwrap_or_default();
            Ok(Redirect::to(&format!("/crises/{}/retex?fait={done}", crisis.snapshot.id)).into_response())
        }
        Err(problem) => page(&edge, &presented, &id, None, Sent(fields), Some(problem)).await,
    }
}

async fn page(
    edge: &Edge,
    presented: &Presented,
    id: &str,
    done: Option<&'static str>,
    sent: Sent,
    problem: Option<Problem>,
) -> Result<Response, Problem> {
    let caller = desk::caller(edge, presented)?;
    let crisis = desk::see(edge, caller, api::parse_id(id)?).await?;
    let Some(retex) = &crisis.retex else { return Err(too_early()) };
    let mut blocks = api::retex::blocks(edge, &crisis).await?;
    // The title is the page's, and what people wrote is in the fields.
    let first = retex.rules.sections.first().map(|section| Block::Heading(section.label.clone()));
    let end = blocks.iter().position(|block| Some(block) == first.as_ref()).unwrap_or(blocks.len());
    blocks.truncate(end);
    let blocks = blocks.split_off(1.min(blocks.len()));
    let owners = edge.city.directory.role_rules().map(|(id, role)| (id, role.label.as_str()));
    Ok(render(
        status_of(problem.as_ref()),
        &RetexPage {
            frame: Frame::of(caller, "/crises"),
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
    ))
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
