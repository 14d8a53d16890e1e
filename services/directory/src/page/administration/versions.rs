//! `/administration/versions`: what came into force when, what it changed, and taking an earlier version back.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{Redirect, Response},
};
use serde::Deserialize;
use vigie_domain::{
    access::Caller,
    directory::{self, Permission, Verb},
    french,
    guarded::Matter,
};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};

use super::overview::label;
use crate::{
    api::{Edge, configurations::author, proposals},
    proposal::{self, FileLines},
    publication::{self, PublishError},
    version::{self, What},
};

const HERE: &str = "/administration/versions";
/// The same, after a change was proposed.
pub(super) const PROPOSED: &str = "/administration/versions?fait=proposition";
/// Activations shown, newest first.
const SHOWN: i64 = 60;
/// Entries of a directory's change that are named; beyond, they are counted.
const NAMED: usize = 8;

#[derive(Debug, Template)]
#[template(path = "administration/versions.html")]
struct VersionsPage {
    frame: Frame,
    /// A change was just proposed.
    proposed: bool,
    waiting: Vec<WaitingLine>,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    what: What,
    label: &'static str,
    hash: String,
    short: String,
    at: String,
    by: String,
    note: String,
    rolled_back: bool,
    /// It came into force here, and still is.
    in_force: bool,
    /// The same version is in force, whenever it came.
    is_present: bool,
    /// What it changed, one entry each.
    changes: Vec<String>,
    /// Changes that are not named.
    more: usize,
}

/// A change that waits for a second person.
#[derive(Debug)]
struct WaitingLine {
    id: i64,
    /// `les rôles et les sources`.
    touches: String,
    by: String,
    at: String,
    note: String,
    rolled_back: bool,
    changes: Vec<FileLines>,
    /// Whoever looks made it: another must approve.
    own: bool,
}

/// What a page is opened after.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    fait: String,
}

/// What becomes of a proposal.
#[derive(Debug, Deserialize)]
pub(crate) struct Decision {
    #[serde(rename = "do")]
    wish: DecisionWish,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DecisionWish {
    Approve,
    Withdraw,
}

/// Which version to take back.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    what: What,
    hash: String,
    #[serde(default)]
    note: String,
    /// Ticked when the note names nobody.
    #[serde(default)]
    sure: bool,
}

pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let (waiting, lines) = (waiting(&edge, caller).await?, lines(&edge).await?);
    let (frame, proposed) = (Frame::of(caller, HERE), asked.fait == "proposition");
    Ok(render(StatusCode::OK, &VersionsPage { frame, proposed, waiting, lines }))
}

async fn waiting(edge: &Edge, caller: Caller<'_>) -> Result<Vec<WaitingLine>, Problem> {
    let zone = &edge.city.doctrine.zone;
    let views = proposals::views(edge).await?.into_iter().filter(|view| view.state == proposal::State::Waiting);
    let line = |view: proposals::ProposalView| WaitingLine {
        id: view.proposal,
        touches: touched(&view.touches),
        own: view.by == caller.source.id,
        by: view.by.to_string(),
        at: french::date_time(view.at, zone),
        note: view.note.unwrap_or_default(),
        rolled_back: view.rolled_back,
        changes: view.changes,
    };
    Ok(views.map(line).collect())
}

/// `les rôles, les sources`.
fn touched(codes: &[String]) -> String {
    let labels = Matter::ALL.into_iter().filter(|matter| codes.iter().any(|code| code == matter.code()));
    labels.map(Matter::label).collect::<Vec<_>>().join(", ")
}

/// Approves or withdraws a proposal.
pub(crate) async fn decide(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(decision): Form<Decision>,
) -> Result<Redirect, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    match decision.wish {
        DecisionWish::Approve => proposals::approved(&edge, caller, &id).await.map(drop)?,
        DecisionWish::Withdraw => proposals::withdrawn(&edge, caller, &id).await?,
    }
    Ok(Redirect::to(HERE))
}

async fn lines(edge: &Edge) -> Result<Vec<Line>, PublishError> {
    let (zone, hashes) = (&edge.city.doctrine.zone, edge.city.hashes());
    let mut lines: Vec<Line> = Vec::new();
    for activation in version::history(&edge.pool, None, SHOWN).await? {
        let pair = match activation.what {
            What::Directory => version::directories(&edge.pool, activation.id).await?.flatten(),
            What::Doctrine | What::Territory => None,
        };
        let mut changes: Vec<String> = pair
            .map(|(before, after)| directory::changes(&before, &after))
            .unwrap_or_default()
            .iter()
            .map(|change| format!("{} : {} {}", change.file, change.id, verb(change.verb)))
            .collect();
        let more = changes.len().saturating_sub(NAMED);
        changes.truncate(NAMED);
        let current = lines.iter().all(|line| line.what != activation.what);
        let is_present = activation.what.of(&hashes) == activation.hash;
        lines.push(Line {
            in_force: current && is_present,
            is_present,
            label: label(activation.what),
            short: activation.hash.get(..12).unwrap_or_default().to_owned(),
            at: french::date_time(activation.at, zone),
            by: activation.by.unwrap_or_else(|| "cette machine".to_owned()),
            note: activation.note.unwrap_or_default(),
            what: activation.what,
            hash: activation.hash,
            rolled_back: activation.rolled_back,
            changes,
            more,
        });
    }
    Ok(lines)
}

fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Added => "ajouté",
        Verb::Changed => "changé",
        Verb::Removed => "retiré",
    }
}

pub(crate) async fn roll_back(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Form(wanted): Form<Wanted>,
) -> Result<Redirect, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let author = author(caller, Some(&wanted.note), wanted.sure)?;
    let clock = edge.context.clock.as_ref();
    let published = publication::roll_back(&edge.pool, wanted.what, Some(&wanted.hash), &author, clock).await?;
    edge.context.fresh.push(published.entries);
    Ok(Redirect::to(if published.proposal.is_some() { PROPOSED } else { HERE }))
}
