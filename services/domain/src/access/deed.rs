//! What a party may do to an incident: relation × role × class × act, one table for every door and for the owner.

use vigie_proto::{
    event::{Act, IncidentSnapshot},
    plan::Owed,
};

use super::{Position, Relation};
use crate::directory::{Directory, Permission};

/// An act, as far as who may do it depends on what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// « Vu »: it knows.
    See,
    /// Takes charge; what that stops, the circuits say.
    TakeCharge,
    Refuse,
    HandOver,
    Note,
    /// Says that it is over: a report, which closes nothing.
    SayOver,
    /// Raises the severity.
    Aggravate,
    /// Lowers the severity.
    Ease,
    Close,
    SetRegime,
    /// Brings sectors in.
    Involve,
    /// Has a body asked.
    Call,
    Separate,
    /// Gives what is owed.
    Return,
    /// Takes its own answer back.
    TakeBack,
    /// Opens again what was closed.
    Reopen,
}

/// Why a deed is not for this party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It does not know of the incident: to it, there is none.
    Unknown,
    /// It was not asked, or only told.
    NotAsked,
    /// Its role only watches: it may say that it has seen it.
    OnlyWatches,
    /// Its role, or its relation, does not allow this.
    NotAllowed,
}

impl Deed {
    pub const ALL: [Self; 16] = [
        Self::See,
        Self::TakeCharge,
        Self::Refuse,
        Self::HandOver,
        Self::Note,
        Self::SayOver,
        Self::Aggravate,
        Self::Ease,
        Self::Close,
        Self::SetRegime,
        Self::Involve,
        Self::Call,
        Self::Separate,
        Self::Return,
        Self::TakeBack,
        Self::Reopen,
    ];

    /// The deed that `act` is on `incident` as it stands.
    pub fn of(act: &Act, incident: &IncidentSnapshot) -> Self {
        match act {
            Act::See { .. } => Self::See,
            Act::Acknowledge { .. } => Self::TakeCharge,
            Act::Refuse { .. } => Self::Refuse,
            Act::HandOver { .. } => Self::HandOver,
            Act::Note => Self::Note,
            Act::SayOver => Self::SayOver,
            Act::ChangeSeverity { to } if *to < incident.severity => Self::Ease,
            Act::ChangeSeverity { .. } => Self::Aggravate,
            Act::Close { .. } => Self::Close,
            Act::SetRegime { .. } => Self::SetRegime,
            Act::Involve { .. } => Self::Involve,
            Act::Call { .. } => Self::Call,
            Act::Separate { .. } => Self::Separate,
            Act::Return { .. } => Self::Return,
            Act::TakeBack => Self::TakeBack,
            Act::Reopen => Self::Reopen,
        }
    }

    /// The permission of the role it takes; none when every role may, by its relation alone.
    pub fn permission(self) -> Option<Permission> {
        match self {
            Self::See | Self::SayOver | Self::Return => None,
            Self::TakeCharge | Self::Refuse | Self::HandOver | Self::TakeBack => Some(Permission::Acknowledge),
            Self::Note => Some(Permission::Note),
            Self::Aggravate | Self::Ease => Some(Permission::ChangeSeverity),
            Self::Close | Self::Reopen => Some(Permission::Close),
            Self::SetRegime => Some(Permission::SetRegime),
            Self::Involve | Self::Call => Some(Permission::Involve),
            Self::Separate => Some(Permission::Separate),
        }
    }
}

impl Position<'_> {
    /// May the party do this?
    ///
    /// Allowed means: recorded and applied. What taking charge *stops* is another question, which only the circuits that
    /// asked answer.
    pub fn may(&self, deed: Deed) -> Result<(), Denial> {
        // Its own signal is in it: that much it knows, and may say of it.
        if deed == Deed::SayOver && self.is(Relation::Reporter) {
            return Ok(());
        }
        if self.clearance().is_none() {
            return Err(Denial::Unknown);
        }
        if deed.permission().is_some_and(|permission| !self.party.role.may.contains(&permission)) {
            return Err(Denial::NotAllowed);
        }
        let asked = self.is(Relation::Asked);
        let answers_for_it = self.answers_for_it && (self.is(Relation::Concerned) || self.is(Relation::Operator));
        let holds = |holds: bool| if holds { Ok(()) } else { Err(Denial::NotAllowed) };
        match deed {
            // Whom what is owed is owed by is known only with the thing owed: `may_return`.
            Deed::See | Deed::Return => Ok(()),
            Deed::TakeCharge | Deed::Refuse | Deed::HandOver | Deed::TakeBack if !self.intervenes => {
                Err(Denial::OnlyWatches)
            }
            Deed::TakeCharge | Deed::Refuse | Deed::HandOver | Deed::TakeBack if asked || answers_for_it => Ok(()),
            Deed::TakeCharge | Deed::Refuse | Deed::HandOver | Deed::TakeBack => Err(Denial::NotAsked),
            Deed::Note => holds(asked || self.is(Relation::Concerned) || self.is(Relation::Operator)),
            Deed::SayOver => Err(Denial::NotAllowed),
            Deed::Aggravate
            | Deed::Ease
            | Deed::Close
            | Deed::Reopen
            | Deed::SetRegime
            | Deed::Involve
            | Deed::Call
            | Deed::Separate => holds(answers_for_it),
        }
    }

    /// May the party give `owed`? Whoever owes it, and whoever may close.
    pub fn may_return(&self, owed: &Owed, directory: &Directory) -> Result<(), Denial> {
        self.may(Deed::Return)?;
        let is_theirs = directory.bodies_of(&owed.by).iter().any(|body| body.id == *self.party.body);
        if is_theirs || self.may(Deed::Close).is_ok() { Ok(()) } else { Err(Denial::NotAllowed) }
    }

    /// May it close or lower what is grave and not answered by all who must?
    pub fn may_end_unanswered(&self) -> bool {
        self.is(Relation::Operator) || (self.without_operator && self.answers_for_it)
    }
}
