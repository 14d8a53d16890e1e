//! That somebody read what people wrote.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{BodyId, IncidentId, RoleId, SourceId};

/// A source read the free text of an incident: signals' texts, notes. Once per session and incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WordsReadV1 {
    pub incident_id: IncidentId,
    pub source: SourceId,
    pub body: BodyId,
    pub role: RoleId,
    #[schemars(with = "String")]
    pub at: Timestamp,
}
