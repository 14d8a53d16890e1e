//! The directory's edge: configurations and their versions, bodies and rosters, drills and verifications, calendars.

pub(crate) mod bodies;
pub(crate) mod configurations;
pub(crate) mod drills;
pub(crate) mod duty;
pub(crate) mod edits;
pub(crate) mod handovers;
pub(crate) mod keys;
pub(crate) mod proposals;
pub(crate) mod verifications;

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRef, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
};
use sqlx::PgPool;
use vigie_domain::{
    access::Caller,
    admission::{MAX_SUMMARY, has_control},
    city::{City, InForce},
    directory::{Body, Permission},
    link::Signer,
};
use vigie_platform::{
    Context,
    problem::{Fault, Problem},
};
use vigie_proto::{
    BodyId,
    event::{Actor, Through},
};

use crate::DirectoryConfig;

/// What one request works with.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) context: Context,
    pub(crate) config: Arc<DirectoryConfig>,
    /// As in force when the request came.
    pub(crate) city: Arc<City>,
    pub(crate) pool: PgPool,
    pub(crate) signer: Signer,
}

/// What requests are given from.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) context: Context,
    pub(crate) config: Arc<DirectoryConfig>,
    pub(crate) in_force: InForce,
    pub(crate) pool: PgPool,
    pub(crate) signer: Signer,
}

impl FromRef<Desk> for Arc<Edge> {
    fn from_ref(desk: &Desk) -> Self {
        let Desk { context, config, in_force, pool, signer } = desk.clone();
        Self::new(Edge { context, config, city: in_force.get(), pool, signer })
    }
}

/// The caller whose bearer token the request carries.
pub(crate) async fn authenticate<'a>(edge: &'a Edge, headers: &HeaderMap) -> Result<Caller<'a>, Problem> {
    let id = edge.context.authenticator.authenticate(headers, edge.context.clock.now()).await?;
    let source = edge.city.directory.source(&id).ok_or_else(Problem::unauthenticated)?;
    Caller::of(source, &edge.city.directory).ok_or_else(Problem::unauthenticated)
}

/// The caller, when it may do this.
pub(crate) async fn allowed<'a>(
    edge: &'a Edge,
    headers: &HeaderMap,
    permission: Permission,
) -> Result<Caller<'a>, Problem> {
    let caller = authenticate(edge, headers).await?;
    if caller.may(permission) { Ok(caller) } else { Err(forbidden()) }
}

/// The body `id`, when the caller keeps it: its own, or any for whoever administers.
pub(crate) fn kept<'a>(edge: &'a Edge, caller: Caller<'_>, id: &str) -> Result<&'a Body, Problem> {
    let unknown = || Problem::not_found("Service");
    let id = BodyId::new(id).map_err(|_| unknown())?;
    if !caller.may(Permission::Administer) {
        if !caller.may(Permission::KeepRoster) {
            return Err(forbidden());
        }
        if caller.source.body != id {
            return Err(unknown());
        }
    }
    edge.city.directory.body(&id).ok_or_else(unknown)
}

pub(crate) fn actor(caller: Caller<'_>) -> Actor {
    Actor { body: caller.source.body.clone(), role: caller.source.role.clone(), through: Through::Api }
}

pub(crate) fn forbidden() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not-allowed", "Acte non autorisé")
        .detail("Votre fonction ne permet pas cet acte.")
}

pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Champs à corriger")
        .faults(vec![Fault::new(field, message)])
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
pub(crate) fn stored(error: sqlx::Error) -> Problem {
    Problem::from_store(&error)
}

/// The body of a request, or what is wrong with it.
pub(crate) fn readable<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    body.map(|Json(body)| body).map_err(|rejection| Problem::unreadable(&rejection))
}

/// A note of at most [`MAX_SUMMARY`] characters.
pub(crate) fn checked_note(field: &str, text: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() <= MAX_SUMMARY && !has_control(text) {
        return Ok(Some(text.to_owned()));
    }
    Err(invalid(field, format!("Au plus {MAX_SUMMARY} caractères, sans nom de personne ni caractère de contrôle.")))
}
