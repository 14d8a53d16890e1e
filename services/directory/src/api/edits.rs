//! `/api/v1/directory/edits`: replacements, swaps, contact points and rotations, changed together or not at all.

use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use vigie_domain::{
    access::Caller,
    city::CityFiles,
    directory::{Directory, Edit, EditError, Permission, apply},
};
use vigie_platform::problem::{Fault, Problem, WriteProblems};
use vigie_proto::BodyId;

use super::{
    Edge, authenticate,
    configurations::{PublicationView, answer, author, problem},
    forbidden, readable,
};
use crate::publication::{self, Demand, PublishError};

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
    /// Say whether they can be made, and what the prover finds, without making them.
    #[serde(default)]
    only_try: bool,
}

/// Change rosters and contact points: a new version of the directory, proved and in force at once.
///
/// Whoever administers may change everything; whoever keeps a body, its own contact points and roster. What the prover
/// holds against the directory already does not stand in the way; what the edits would add does.
#[utoipa::path(
    post, path = "/api/v1/directory/edits", operation_id = "directory_edit", tag = "directory", request_body = EditsBody,
    responses(
        (status = 200, description = "In force, or only tried", body = PublicationView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn edit(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    body: Result<Json<EditsBody>, JsonRejection>,
) -> Result<Json<PublicationView>, Problem> {
    let caller = authenticate(&edge, &headers).await?;
    if !caller.may(Permission::Administer) && !caller.may(Permission::KeepRoster) {
        return Err(forbidden());
    }
    let body = readable(body)?;
    if !(1..=EDITS_AT_MOST).contains(&body.edits.len()) {
        return Err(super::invalid("edits", format!("De 1 à {EDITS_AT_MOST} changements.")));
    }
    if !body.edits.iter().all(|edit| keeps(caller, edit, &edge.city.directory)) {
        return Err(forbidden());
    }
    let author = author(caller, body.note.as_deref())?;
    let territory = Arc::clone(&edge.city.territory);
    let change = |present: Option<CityFiles>| {
        let mut files = present.ok_or(PublishError::NothingInForce)?;
        files.directory = apply(&files.directory, &body.edits, &territory).map_err(PublishError::Edits)?;
        Ok(files)
    };
    let clock = edge.context.clock.as_ref();
    let published = publication::publish(&edge.pool, change, Demand::NoWorse, &author, body.only_try, clock).await;
    match published {
        Err(PublishError::Edits(error)) => Err(refused(error)),
        published => answer(&edge, published, !body.only_try),
    }
}

/// Whether the caller keeps what an edit changes: everything for whoever administers, else its own body.
fn keeps(caller: Caller<'_>, edit: &Edit, directory: &Directory) -> bool {
    if caller.may(Permission::Administer) {
        return true;
    }
    let own = |body: &BodyId| *body == caller.source.body;
    let of_contact = |id| directory.contact(id).map(|recipient| recipient.body.id.clone());
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
            return problem(PublishError::Faults(faulty.0.iter().map(ToString::to_string).collect()));
        }
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "edits-refused", "Changements refusés")
        .detail("Rien n'a changé. Corrigez chaque changement, puis envoyez-les tous à nouveau.")
        .faults(faults)
}
