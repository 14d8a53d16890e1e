//! What goes along with an activation: done in its transaction, or not at all.

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use vigie_domain::directory::Recipient;
use vigie_platform::journal::Entry;
use vigie_proto::{ContactId, event::ProbePurpose};

use crate::{
    pending::{self, Pending},
    probe::{self, Cause, Probe},
    proposal,
};

/// Nothing by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Along<'a> {
    /// Contact points that wait for their code from now on.
    pub(crate) pending: Vec<Pending>,
    /// Those for which nothing waits any more.
    pub(crate) forgotten: Vec<ContactId>,
    /// Contact points as they were, each told that it is one no more.
    pub(crate) former: Vec<Recipient<'a>>,
    /// How long those messages may take.
    pub(crate) within: SignedDuration,
    /// The verification whose code came back.
    pub(crate) proven: Option<Probe>,
    /// The proposal that a second person approves.
    pub(crate) approved: Option<proposal::Approval>,
}

impl Along<'_> {
    /// Nothing but a second person's yes.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { pending, forgotten, former, within: _, proven, approved: _ } = self;
        pending.is_empty() && forgotten.is_empty() && former.is_empty() && proven.is_none()
    }

    /// Does all of it; returns the facts to hand to the relay.
    pub(crate) async fn carry(&self, tx: &mut PgConnection, now: Timestamp) -> Result<Vec<Entry>, sqlx::Error> {
        let mut entries = Vec::new();
        for id in &self.forgotten {
            pending::forget(tx, id).await?;
        }
        for pending in &self.pending {
            pending::keep(tx, pending, now).await?;
        }
        let cause = Cause { purpose: ProbePurpose::Notice, drill: None, by: None };
        for former in &self.former {
            let (_, told) = probe::issue_elsewhere(tx, *former, cause, self.within, now).await?;
            entries.extend(told);
        }
        if let Some(probe) = &self.proven {
            entries.extend(probe::answered(tx, probe, now).await?);
        }
        if let Some(approval) = &self.approved {
            entries.push(approval.record(tx, now).await?);
        }
        Ok(entries)
    }
}
