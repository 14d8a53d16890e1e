//! What the API is given with acts on how an incident is conducted.

use serde::Deserialize;
use vigie_proto::{
    BodyId, CrisisRegime, SectorId,
    event::{RefusalReason, ReturnOutcome},
};

/// Refuses the incident.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusalBody {
    pub(crate) reason: RefusalReason,
}

/// Hands the incident over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandoverBody {
    /// The body that is asked to take it over.
    pub(crate) to: BodyId,
}

/// Sets the crisis regime.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegimeBody {
    pub(crate) regime: CrisisRegime,
}

/// Brings sectors in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvolvementBody {
    /// At least one; sectors or neighbouring communes.
    pub(crate) sectors: Vec<SectorId>,
}

/// Has a body asked.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallBody {
    /// A body of the directory that can be reached.
    pub(crate) to: BodyId,
}

/// Takes a signal out.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeparationBody {
    /// Reference of a signal of the incident, `S-2026-000123`.
    pub(crate) signal: String,
}

/// Gives what is owed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnBody {
    /// Its id, as `GET /incidents/{id}` lists it.
    pub(crate) owed: String,
    pub(crate) outcome: ReturnOutcome,
}
