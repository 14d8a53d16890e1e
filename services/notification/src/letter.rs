//! What a delivery carries: an alert, or a probe that only asks whether it arrives.
//!
//! Both take the same way out, so that a probe meets what an alert would meet: the same claims, retries and receipts.
//! They wait in lines of their own ([`crate::line`]), so that no probe stands before an alert.

use jiff::Timestamp;
use vigie_proto::{
    IncidentId,
    event::{AlertIssuedV1, ProbeIssuedV1},
};

/// The fact that asked for the message, whole: all that rendering needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Letter {
    Alert(Box<AlertIssuedV1>),
    /// Tries one channel: it has no fallback, and whoever asked for it is told how far it came.
    Probe(Box<ProbeIssuedV1>),
}

impl Letter {
    pub(crate) fn kind(&self) -> LetterKind {
        match self {
            Self::Alert(_) => LetterKind::Alert,
            Self::Probe(_) => LetterKind::Probe,
        }
    }

    /// The incident whose story may settle it before it leaves; none for a probe.
    pub(crate) fn incident(&self) -> Option<IncidentId> {
        match self {
            Self::Alert(alert) => Some(alert.incident.id),
            Self::Probe(_) => None,
        }
    }

    /// From when on it must not leave any more; none for an alert, which leaves however late.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Alert(_) => None,
            Self::Probe(probe) => Some(probe.expires_at),
        }
    }
}

impl From<AlertIssuedV1> for Letter {
    fn from(alert: AlertIssuedV1) -> Self {
        Self::Alert(Box::new(alert))
    }
}

impl From<ProbeIssuedV1> for Letter {
    fn from(probe: ProbeIssuedV1) -> Self {
        Self::Probe(Box::new(probe))
    }
}

/// The two kinds of letters: each has its own lines, its own sweep and its own consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LetterKind {
    Alert,
    Probe,
}

impl LetterKind {
    /// Stable code, as in `delivery.letter`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Probe => "probe",
        }
    }
}
