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

use sqlx::PgPool;
use vigie_domain::{
    access::Caller,
    directory::{Body, Permission},
    link::Signer,
};
use vigie_edge::problem::Problem;
use vigie_proto::BodyId;

use crate::DirectoryConfig;

/// What is the directory's own of a desk.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) config: Arc<DirectoryConfig>,
    pub(crate) pool: PgPool,
    pub(crate) signer: Signer,
}

pub(crate) type Desk = vigie_edge::Desk<Own>;
pub(crate) type Edge = vigie_edge::Edge<Own>;

/// The body `id`, when the caller keeps it: its own, or any for whoever administers.
pub(crate) fn kept<'a>(edge: &'a Edge, caller: Caller<'_>, id: &str) -> Result<&'a Body, Problem> {
    let unknown = || Problem::not_found("Service");
    let id = BodyId::new(id).map_err(|_| unknown())?;
    if !caller.may(Permission::Administer) {
        if !caller.may(Permission::KeepRoster) {
            return Err(Problem::not_allowed());
        }
        if caller.source.body != id {
            return Err(unknown());
        }
    }
    edge.city.directory.body(&id).ok_or_else(unknown)
}
