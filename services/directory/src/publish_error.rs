//! Why a configuration, or an edit of it, does not come into force.

use vigie_domain::{check::Finding, directory::EditError, guarded::Matter};

use crate::version::{StoredError, What};

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It cannot be read: every fault.
    #[error("the configuration has faults:\n{}", .0.join("\n"))]
    Faults(Vec<String>),
    /// It can be read, and does not keep what it promises: the prover's errors.
    #[error("the configuration does not hold:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    DoesNotHold(Vec<Finding>),
    /// Edits of the directory that cannot be made.
    #[error(transparent)]
    Edits(EditError),
    #[error("nothing is in force yet: start Vigie once, or publish doctrine, directory and territory together")]
    NothingInForce,
    #[error("no {what} version begins with `{hash}`")]
    UnknownVersion { what: What, hash: String },
    #[error("{what}: nothing came before what is in force")]
    NothingBefore { what: What },
    #[error("others keep activating versions; try again")]
    Contended,
    #[error("there is no such proposal")]
    NoProposal,
    #[error("a proposal is approved by another source than the one that made it")]
    OwnProposal,
    #[error("the proposal was decided already")]
    Decided,
    #[error("what the proposal changes has changed meanwhile")]
    ChangedMeanwhile,
    #[error("what waits for a second person is asked for alone: {}", .0.iter().map(|matter| matter.code()).collect::<Vec<_>>().join(", "))]
    WaitsAlone(Vec<Matter>),
    #[error("{0} proposals wait already")]
    TooManyWaiting(i64),
    #[error(transparent)]
    Stored(#[from] StoredError),
}

impl From<sqlx::Error> for PublishError {
    fn from(error: sqlx::Error) -> Self {
        Self::Stored(StoredError::Store(error))
    }
}
