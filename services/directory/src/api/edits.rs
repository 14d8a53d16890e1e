//! `/api/v1/directory/edits`: replacements, swaps, contact points and rotations, changed together or not at all.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use vigie_domain::{
    access::Caller,
    city::CityFiles,
    directory::{Directory, DirectoryFiles, Edit, EditError, Permission, apply},
};
use vigie_edge::{
    credential::Presented,
    problem::{Fault, Problem, WriteProblems, written},
};
use vigie_proto::{BodyId, Channel, ContactId};

use super::{
    Edge,
    configurations::{PublicationView, WaitingView, answer, author, in_force},
};
use crate::{
    along::Along,
    pending::{self, Pending},
    publication::{self, Demand, PublishError},
};

/// Edits made in one request.
const EDITS_AT_MOST: usize = 200;

/// Changes to make together.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditsBody {
    /// 1 to 200; all are made, or none.
    edits: Vec<Edit>,
    /// Why, for the history: functions, never names. At most 500 characters.
    note: Option<String>,
    /// The notes, also those of replacements, name nobody: one that seems to is refused until this says so.
    #[serde(default)]
    sure: bool,
    /// Say whether they can be made, and what the prover finds, without making them.
    #[serde(default)]
    only_try: bool,
}

/// Change rosters and contact points: a new version of the directory, proved and in force at once.
///
/// An address that was not in force serves once it is verified: until then it waits (`pending`), the former one stays in
/// force, and nobody is told the new one. Send it a code with `verification_begin`; when the code is answered, the change
/// is published in the name of whoever made it, and the former address is told that it was replaced.
///
/// A new body waits for a second administrator: ask for it alone, its contact points when it is there.
///
/// Whoever administers may change everything; whoever keeps a body, its own contact points and roster. What the prover
/// holds against the directory already does not stand in the way; what the edits would add does.
#[utoipa::path(
    post, path = "/api/v1/directory/edits", operation_id = "directory_edit", tag = "directory", request_body = EditsBody,
    responses(
        (status = 200, description = "In force, waiting for a code, or only tried", body = PublicationView),
        (status = 202, description = "Waits for a second administrator", body = WaitingView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn edit(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    body: Result<Json<EditsBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    if !caller.may(Permission::Administer) && !caller.may(Permission::KeepRoster) {
        return Err(Problem::not_allowed());
    }
    let Json(mut body) = body?;
    if !(1..=EDITS_AT_MOST).contains(&body.edits.len()) {
        return Err(Problem::invalid("edits", format!("De 1 à {EDITS_AT_MOST} changements.")));
    }
    let waiting = waiting_for(&edge, &body.edits).await?;
    if !body.edits.iter().all(|edit| keeps(caller, edit, &edge.city.directory, &waiting)) {
        return Err(Problem::not_allowed());
    }
    for (number, edit) in body.edits.iter_mut().enumerate() {
        if let Edit::Replace(replacement) = edit {
            let note = written(&format!("edits[{number}].note"), &replacement.note, body.sure)?;
            replacement.note = note.unwrap_or_default();
        }
    }
    let author = author(caller, body.note.as_deref(), body.sure)?;
    let Sorted { at_once, along } = sorted(&edge, caller, &body, author.note.as_deref(), &waiting);
    let territory = Arc::clone(&edge.city.territory);
    let with = |files: &DirectoryFiles, edits: &[Edit]| apply(files, edits, &territory).map_err(PublishError::Edits);
    let everything: Vec<Edit> = along.pending.iter().map(Pending::edit).chain(at_once.iter().cloned()).collect();
    let change = |present: Option<CityFiles>| {
        let mut files = present.ok_or(PublishError::NothingInForce)?;
        // What waits must be such that it can be made, too: nobody proves a number that the directory refuses then.
        with(&files.directory, if along.pending.is_empty() { &at_once } else { &everything })?;
        files.directory = with(&files.directory, &at_once)?;
        Ok(files)
    };
    let pending: Vec<ContactId> = along.pending.iter().map(|pending| pending.contact.clone()).collect();
    let clock = edge.context.clock.as_ref();
    if at_once.is_empty() && !body.only_try {
        let entries = publication::only_along(&edge.pool, change, &along, clock).await.map_err(explained)?;
        edge.context.fresh.push(entries);
        return Ok(Json(PublicationView { pending, ..PublicationView::default() }).into_response());
    }
    let along = (&along, body.only_try);
    let published = publication::publish_edits(&edge.pool, change, Demand::NoWorse, &author, along, clock).await;
    let published = published.map_err(explained)?;
    if published.proposal.is_some() {
        return Ok(answer(&edge, published, false));
    }
    let Json(view) = in_force(&edge, published, !body.only_try);
    Ok(Json(PublicationView { pending, ..view }).into_response())
}

/// The edits' own faults say which edit they are of.
fn explained(error: PublishError) -> Problem {
    if let PublishError::Edits(error) = error { refused(error) } else { error.into() }
}

/// Edits by when they hold, and what goes along with them.
struct Sorted<'a> {
    at_once: Vec<Edit>,
    along: Along<'a>,
}

/// Addresses wait for their code; everything else holds at once. Whoever is taken out is told.
fn sorted<'a>(
    edge: &'a Edge,
    caller: Caller<'_>,
    body: &EditsBody,
    note: Option<&str>,
    waiting: &BTreeMap<ContactId, BodyId>,
) -> Sorted<'a> {
    let directory = &edge.city.directory;
    let within = edge.config.answer_within();
    let mut sorted = Sorted { at_once: Vec::new(), along: Along { within, ..Along::default() } };
    for edit in &body.edits {
        if let Some(pending) = Pending::of(edit, directory, &caller.source.id, note) {
            sorted.along.pending.push(pending);
            continue;
        }
        if let Edit::SetContact { id, .. } | Edit::RemoveContact { id } = edit {
            sorted.along.forgotten.push(id.clone());
        }
        if let Edit::RemoveContact { id } = edit {
            let known = directory.contact(id);
            sorted.along.former.extend(known.filter(|known| known.contact.channel != Channel::Screen));
            if known.is_none() && waiting.contains_key(id) {
                continue;
            }
        }
        sorted.at_once.push(edit.clone());
    }
    sorted
}

/// The bodies of the contact points that wait, among those the edits speak of.
async fn waiting_for(edge: &Edge, edits: &[Edit]) -> Result<BTreeMap<ContactId, BodyId>, sqlx::Error> {
    let mut connection = edge.pool.acquire().await?;
    let mut waiting = BTreeMap::new();
    for edit in edits {
        let (Edit::SetContact { id, .. } | Edit::RemoveContact { id }) = edit else { continue };
        if let Some(pending) = pending::find(&mut connection, id).await? {
            waiting.insert(id.clone(), pending.body);
        }
    }
    Ok(waiting)
}

/// Whether the caller keeps what an edit changes: everything for whoever administers, else its own body.
fn keeps(caller: Caller<'_>, edit: &Edit, directory: &Directory, waiting: &BTreeMap<ContactId, BodyId>) -> bool {
    if caller.may(Permission::Administer) {
        return true;
    }
    let own = |body: &BodyId| *body == caller.source.body;
    let in_force = |id| directory.contact(id).map(|recipient| recipient.body.id.clone());
    let of_contact = |id| in_force(id).or_else(|| waiting.get(id).cloned());
    match edit {
        Edit::Replace(replacement) => own(&replacement.body),
        Edit::Swap { first, second } => own(&first.body) && own(&second.body),
        Edit::RemoveOverride { id } => directory
            .body(&caller.source.body)
            .and_then(|body| body.roster.as_ref())
            .is_some_and(|roster| roster.overrides.iter().any(|known| known.id == *id)),
        // A contact point of another body is not taken over by giving it one's own.
        Edit::SetContact { id, body, .. } => own(body) && of_contact(id).is_none_or(|body| own(&body)),
        Edit::RemoveContact { id } => of_contact(id).is_some_and(|body| own(&body)),
        Edit::SetRotation { body, .. } => own(body),
        Edit::AddBody { .. } | Edit::RenameBody { .. } => false,
    }
}

fn refused(error: EditError) -> Problem {
    let faults = match error {
        EditError::Refused(refusals) => {
            refusals.into_iter().map(|refusal| Fault::new(format!("edits[{}]", refusal.edit), refusal.what)).collect()
        }
        EditError::Faulty(faulty) => {
            return PublishError::Faults(faulty.0.iter().map(ToString::to_string).collect()).into();
        }
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "edits-refused", "Changements refusés")
        .detail("Rien n'a changé. Corrigez chaque changement, puis envoyez-les tous à nouveau.")
        .faults(faults)
}
