//! The forms of an incident's page: the same acts as the API's, for those who have no scripts.

use serde::Deserialize;
use vigie_edge::problem::Problem;
use vigie_proto::{
    BodyId, CrisisRegime, SectorId, Severity,
    event::{ClosingReason, ReturnOutcome},
};

use crate::act::{
    AcknowledgementBody, NoteBody, ResolutionBody, SeenBody, SeverityBody,
    body::{CallBody, HandoverBody, InvolvementBody, RegimeBody, ReturnBody, SeparationBody},
    request::Request,
};

/// What was done with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Did {
    See,
    Acknowledge,
    Note,
    Severity,
    Regime,
    HandOver,
    Involve,
    Call,
    Separate,
    Return,
    TakeBack,
    Close,
    Reopen,
}

vigie_proto::coded! { pub(crate) Did {
    See = "see",
    Acknowledge = "acknowledge",
    Note = "note",
    Severity = "severity",
    Regime = "regime",
    HandOver = "hand-over",
    Involve = "involve",
    Call = "call",
    Separate = "separate",
    Return = "return",
    TakeBack = "take-back",
    Close = "close",
    Reopen = "reopen",
} }

impl Did {
    /// What is said once it is done.
    pub(crate) fn done(self) -> &'static str {
        match self {
            Self::See => "Vu : c'est noté, et aucune relance ne s'arrête.",
            Self::Acknowledge => "Pris en compte.",
            Self::Note => "Note ajoutée à la main courante.",
            Self::Severity => "Niveau changé.",
            Self::Regime => "Régime de crise changé.",
            Self::HandOver => "Relais demandé : le service est prévenu.",
            Self::Involve => "Secteur associé : ses services sont prévenus.",
            Self::Call => "Le service est sollicité de nouveau, par tous ses moyens.",
            Self::Separate => "Signalement séparé : il ouvre son propre événement, dont les services sont prévenus.",
            Self::Return => "Retour enregistré.",
            Self::TakeBack => "Votre réponse est retirée : vous pouvez répondre de nouveau.",
            Self::Close => "Événement clos.",
            Self::Reopen => "Événement rouvert : ce que la clôture avait arrêté reprend.",
        }
    }
}

/// A form as the browser sends it; fields of other forms are empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deed {
    pub(crate) did: Did,
    version: Option<u32>,
    /// Also given back to the page when it was not taken, so that nobody types it again.
    #[serde(default)]
    pub(crate) text: String,
    /// Ticked when the words name nobody.
    #[serde(default)]
    pub(crate) sure: bool,
    severity: Option<Severity>,
    regime: Option<CrisisRegime>,
    to: Option<String>,
    sector: Option<SectorId>,
    signal: Option<String>,
    owed: Option<String>,
    outcome: Option<ReturnOutcome>,
    pub(crate) closing: Option<ClosingReason>,
    /// The person was asked whether the incident is to be closed.
    #[serde(default)]
    pub(crate) confirmed: bool,
}

impl Deed {
    /// The act asked for; what is missing otherwise.
    pub(crate) fn request(&self) -> Result<Request, Problem> {
        let sure = self.sure;
        let words = || Some(self.text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let asked = match self.did {
            Did::See => Some(Request::See(SeenBody { version: self.version })),
            Did::Acknowledge => Some(Request::Acknowledge(AcknowledgementBody { version: self.version })),
            Did::Note => Some(Request::Note(NoteBody { text: self.text.clone(), sure })),
            Did::Severity => {
                self.severity.map(|severity| Request::ChangeSeverity(SeverityBody { severity, reason: words(), sure }))
            }
            Did::Regime => self.regime.map(|regime| Request::SetRegime(RegimeBody { regime })),
            Did::HandOver => self.body().map(|to| Request::HandOver(HandoverBody { to })),
            Did::Involve => {
                self.sector.clone().map(|sector| Request::Involve(InvolvementBody { sectors: vec![sector] }))
            }
            Did::Call => self.body().map(|to| Request::Call(CallBody { to })),
            Did::Separate => self.signal.clone().map(|signal| Request::Separate(SeparationBody { signal })),
            Did::Return => {
                self.owed.clone().zip(self.outcome).map(|(owed, outcome)| Request::Return(ReturnBody { owed, outcome }))
            }
            Did::TakeBack => Some(Request::TakeBack),
            Did::Reopen => Some(Request::Reopen),
            Did::Close => self.closing.map(|reason| Request::Close(ResolutionBody { reason, note: words(), sure })),
        };
        asked.ok_or_else(|| Problem::invalid("", "Choisissez une réponse, puis envoyez de nouveau."))
    }

    fn body(&self) -> Option<BodyId> {
        BodyId::new(self.to.as_deref()?).ok()
    }
}
