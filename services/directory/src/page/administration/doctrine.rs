//! `/administration/doctrine`: the doctrine in force, fiche by fiche; each file, a change of it proved and compared with what
//! is in force, then put in force.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use vigie_domain::{
    city::{City, CityFiles},
    diff::diff,
    directory::Permission,
    doctrine::{Doctrine, Fiche},
};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};

use super::versions::PROPOSED;
use crate::{
    api::{Edge, configurations::author},
    publication::{self, Demand, Draft, PublishError},
    version::{self, What},
};

const HERE: &str = "/administration/doctrine";

#[derive(Debug, Template)]
#[template(path = "administration/doctrine.html")]
struct DoctrinePage {
    frame: Frame,
    hash: String,
    fiches: Vec<FicheLine>,
    /// What holds for all of them.
    others: Vec<String>,
}

#[derive(Debug)]
struct FicheLine {
    id: String,
    title: String,
    lines: String,
    file: String,
    /// Id, title and verdict of each circuit.
    circuits: Vec<(String, String, &'static str)>,
}

/// One file, what was written in its place, and what that would do.
#[derive(Debug, Template)]
#[template(path = "administration/doctrine_file.html")]
struct FilePage {
    frame: Frame,
    name: String,
    text: String,
    /// Hash of the doctrine the text was a change of.
    base: String,
    note: String,
    tried: Option<Tried>,
}

/// What a change would do.
#[derive(Debug)]
enum Tried {
    Refused(Problem),
    /// Nothing but comments or the order changed.
    Same,
    /// What changes for whom, and what the prover found worth a look; both in English.
    Changes {
        said: String,
        warnings: Vec<String>,
        /// A second person will have to approve it.
        for_two: bool,
    },
}

/// What was written, and what for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proposal {
    text: String,
    base: String,
    #[serde(default)]
    note: String,
    /// Ticked when the note names nobody.
    #[serde(default)]
    sure: bool,
    #[serde(rename = "do")]
    wish: Wish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wish {
    Try,
    Publish,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, presented: Presented) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let doctrine = &edge.city.doctrine;
    let files = in_force(&edge).await?;
    let place = |fiche: &&Fiche| doctrine.expected_fiches.iter().position(|id| *id == fiche.id);
    let mut fiches: Vec<&Fiche> = doctrine.fiches.iter().collect();
    fiches.sort_by_key(place);
    let of_a_fiche = |file: &String| doctrine.fiches.iter().any(|fiche| fiche.origin.file == *file);
    let page = DoctrinePage {
        frame: Frame::of(caller, HERE),
        hash: doctrine.hash().get(..12).unwrap_or_default().to_owned(),
        fiches: fiches.into_iter().map(|fiche| line(doctrine, fiche)).collect(),
        others: files.doctrine.into_keys().filter(|file| !of_a_fiche(file)).collect(),
    };
    Ok(render(StatusCode::OK, &page))
}

fn line(doctrine: &Doctrine, fiche: &Fiche) -> FicheLine {
    let circuit = |id: &String| {
        let carried = doctrine.circuits.iter().find(|circuit| circuit.id == *id).map(|c| (&c.title, "porté"));
        let counted = || doctrine.counted.iter().find(|circuit| circuit.id == *id).map(|c| (&c.title, "compté"));
        let outside = || doctrine.outside.iter().find(|circuit| circuit.id == *id).map(|c| (&c.title, "hors de Vigie"));
        let (title, verdict) = carried.or_else(counted).or_else(outside)?;
        Some((id.clone(), title.clone(), verdict))
    };
    FicheLine {
        id: fiche.id.clone(),
        title: fiche.title.clone(),
        lines: fiche.lines.clone(),
        file: fiche.origin.file.clone(),
        circuits: fiche.circuits.iter().filter_map(circuit).collect(),
    }
}

pub(crate) async fn file(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let text = in_force(&edge).await?.doctrine.remove(&name).ok_or_else(|| Problem::not_found("Fichier"))?;
    let (frame, base) = (Frame::of(caller, HERE), edge.city.doctrine.hash().to_owned());
    Ok(render(StatusCode::OK, &FilePage { frame, name, text, base, note: String::new(), tried: None }))
}

/// Proves what was written in the place of one file; puts it in force when that was asked.
pub(crate) async fn propose(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(name): Path<String>,
    Form(proposal): Form<Proposal>,
) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let tried = match outcome(&edge, caller, &name, &proposal).await {
        Ok(Outcome::InForce) => return Ok(Redirect::to("/administration/versions").into_response()),
        Ok(Outcome::Proposed) => return Ok(Redirect::to(PROPOSED).into_response()),
        Ok(Outcome::Tried(tried)) => tried,
        Err(problem) if problem.status >= 500 => return Err(problem),
        Err(problem) => Tried::Refused(problem),
    };
    let status = match &tried {
        Tried::Refused(problem) => problem.status_code(),
        Tried::Same | Tried::Changes { .. } => StatusCode::OK,
    };
    let Proposal { text, base, note, .. } = proposal;
    let page = FilePage { frame: Frame::of(caller, HERE), name, text, base, note, tried: Some(tried) };
    Ok(render(status, &page))
}

/// What came of a change of one file.
enum Outcome {
    InForce,
    /// A second person must approve it.
    Proposed,
    Tried(Tried),
}

/// What the proposal would do, or did.
async fn outcome(
    edge: &Edge,
    caller: vigie_domain::access::Caller<'_>,
    name: &str,
    proposal: &Proposal,
) -> Result<Outcome, Problem> {
    let present = in_force(edge).await?;
    let files = present.clone();
    let before = version::read_city(move || City::of(&files)).await.map_err(|faults| PublishError::Faults(faults.0))?;
    if !present.doctrine.contains_key(name) {
        return Err(Problem::not_found("Fichier"));
    }
    if before.doctrine.hash() != proposal.base {
        return Err(Problem::new(StatusCode::CONFLICT, "changed-meanwhile", "La doctrine a changé entre-temps").detail(
            "Une autre version est entrée en vigueur depuis que cette page est ouverte : rouvrez-la et reprenez votre changement.",
        ));
    }
    let mut doctrine = present.doctrine.clone();
    // Browsers send line ends of their own.
    doctrine.insert(name.to_owned(), proposal.text.replace("\r\n", "\n"));
    let draft = Draft { doctrine: Some(doctrine), ..Draft::default() };
    let author = author(caller, Some(&proposal.note), proposal.sure)?;
    let clock = edge.context.clock.as_ref();
    let only_try = proposal.wish == Wish::Try;
    let change = |files: Option<CityFiles>| draft.over(files);
    let published = publication::publish(&edge.pool, change, Demand::Sound, &author, only_try, clock);
    let published = published.await?;
    if !only_try {
        edge.context.fresh.push(published.entries);
        return Ok(if published.proposal.is_some() { Outcome::Proposed } else { Outcome::InForce });
    }
    if !published.changed.contains(&What::Doctrine) {
        return Ok(Outcome::Tried(Tried::Same));
    }
    let after = draft.over(Some(present))?;
    let now = clock.now();
    let compared = tokio::task::spawn_blocking(move || {
        let after = City::of(&after).ok()?;
        let differences = diff(&before, &after, now);
        Some(if differences.is_empty() { String::new() } else { differences.to_string() })
    });
    let mut said = compared.await.ok().flatten().unwrap_or_default();
    if said.is_empty() && !published.touches.is_empty() {
        let touches: Vec<&str> = published.touches.iter().map(|matter| matter.code()).collect();
        said = format!("changes who may do what: {}", touches.join(", "));
    }
    if said.is_empty() {
        return Ok(Outcome::Tried(Tried::Same));
    }
    let for_two = !published.touches.is_empty();
    let warnings = published.report.findings.iter().map(ToString::to_string).collect();
    Ok(Outcome::Tried(Tried::Changes { said, warnings, for_two }))
}

async fn in_force(edge: &Edge) -> Result<CityFiles, Problem> {
    let mut connection = edge.pool.acquire().await?;
    let files = version::in_force(&mut connection).await?;
    files.ok_or_else(|| PublishError::NothingInForce.into())
}
