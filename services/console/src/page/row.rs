//! An incident as a line of a board, in words. Scripts fill the same line from the API.

use jiff::Timestamp;
use vigie_proto::{CrisisRegime, IncidentStatus, SectorId};

use crate::incidents::{IncidentView, Upcoming};

/// The texts of one line; an empty one is filled by scripts.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) version: u32,
    pub(crate) severity: &'static str,
    pub(crate) severity_label: &'static str,
    pub(crate) status: &'static str,
    pub(crate) status_label: &'static str,
    pub(crate) kind: String,
    pub(crate) kind_label: String,
    /// Every sector concerned, the owner first, with spaces between them.
    pub(crate) sectors: String,
    pub(crate) sector_label: String,
    pub(crate) place: String,
    /// Empty without a crisis.
    pub(crate) regime: &'static str,
    pub(crate) exercise: bool,
    /// RFC 3339, and in words.
    pub(crate) opened_at: String,
    pub(crate) opened: String,
    /// When the plan goes on: RFC 3339 and in words; empty when nothing is due.
    pub(crate) due_at: String,
    pub(crate) due: String,
    /// Whom it tells then.
    pub(crate) tells: String,
    pub(crate) in_charge: String,
    /// `1 sur 2, attendu : …`; empty when nobody, or everybody who must, has taken charge.
    pub(crate) partial: String,
    /// `Nouveau : …`, what nobody of the reader's desk has read yet; empty when there is nothing.
    pub(crate) unread: String,
    /// `Refus : …`
    pub(crate) refused: String,
    /// Not asked for by the filter.
    pub(crate) hidden: bool,
}

impl Row {
    /// Somebody must still take charge: nobody has, or others are awaited beside who has.
    pub(crate) fn waits(&self) -> bool {
        self.status == IncidentStatus::Open.code()
            || (self.status != IncidentStatus::Closed.code() && !self.partial.is_empty())
    }

    pub(crate) fn of(view: IncidentView, words: impl Fn(Timestamp) -> String) -> Self {
        let upcoming = view.upcoming.as_ref();
        let sectors = std::iter::once(&view.sector).chain(&view.also_concerns);
        Self {
            id: view.id.to_string(),
            version: view.version,
            severity: view.severity.code(),
            severity_label: view.severity_label,
            status: view.status.code(),
            status_label: if view.status == IncidentStatus::Acknowledged && !view.partial.is_empty() {
                "Pris en compte en partie"
            } else {
                view.status.label()
            },
            kind: view.kind.to_string(),
            sectors: sectors.map(SectorId::as_str).collect::<Vec<_>>().join(" "),
            regime: if view.regime == CrisisRegime::None { "" } else { view.regime.label() },
            exercise: view.nature.is_exercise(),
            opened_at: view.opened_at.to_string(),
            opened: words(view.opened_at),
            due_at: upcoming.map(|upcoming| upcoming.due_at.to_string()).unwrap_or_default(),
            due: upcoming.map(|upcoming| words(upcoming.due_at)).unwrap_or_default(),
            tells: upcoming.map(Upcoming::in_words).unwrap_or_default(),
            partial: view.partial.iter().map(|partial| partial.text.as_str()).collect::<Vec<_>>().join(" ; "),
            in_charge: view.in_charge.unwrap_or_default().join(", "),
            unread: said("Nouveau", &view.unread),
            refused: said("Refus", &view.refused),
            reference: view.reference,
            kind_label: view.kind_label,
            sector_label: view.sector_label,
            place: view.place,
            hidden: false,
        }
    }
}

/// `Nouveau : arme vue, 45 personnes`; nothing when nothing is to be said. Scripts say it the same way.
fn said(what: &str, texts: &[String]) -> String {
    if texts.is_empty() { String::new() } else { format!("{what} : {}", texts.join(", ")) }
}
