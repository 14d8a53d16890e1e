//! What a crisis waits for: of whom, until when, and whether it is late.

use jiff::Timestamp;
use vigie_proto::{BodyId, MobilisationId, RoleId, SectorId};

use super::{
    Crisis, Place, Rules,
    mobilisation::{Mobilisation, Stage},
};

/// One thing somebody has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    pub what: Wait,
    /// Whoever has to do it.
    pub of: Whom,
    /// None when nothing says until when, or when its lateness was said already.
    pub due_at: Option<Timestamp>,
    pub late: bool,
}

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A request is to be passed on to whoever provides.
    PassOn(MobilisationId),
    /// Whoever provides accepts or refuses.
    Answer(MobilisationId),
    /// Nobody provides: somebody decides what to do.
    Decide(MobilisationId),
    Arrive(MobilisationId),
    /// A situation report of a sector, by its number.
    Report(SectorId, u32),
    /// The feedback is completed.
    Complete,
}

/// Bodies that have to do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    Body(BodyId),
    /// Any body of these roles.
    Roles(Vec<RoleId>),
    /// Any body of these roles in one of these sectors, or of these roles in the whole city.
    Around {
        roles: Vec<RoleId>,
        sectors: Vec<SectorId>,
        city: Vec<RoleId>,
    },
}

impl Whom {
    /// Whether it is for this body, of `role`, confined to `sector` unless it is the whole city's.
    pub fn is(&self, body: &BodyId, role: &RoleId, sector: Option<&SectorId>) -> bool {
        match self {
            Self::Body(own) => own == body,
            Self::Roles(roles) => roles.contains(role),
            Self::Around { roles, sectors, city } => {
                city.contains(role) || (roles.contains(role) && sector.is_some_and(|own| sectors.contains(own)))
            }
        }
    }
}

impl Crisis {
    /// Everything it waits for at `now`, what is late first, then what is due soonest.
    pub fn awaited(&self, rules: &Rules, now: Timestamp) -> Vec<Awaited> {
        let mut awaited: Vec<Awaited> = self.mobilisations.iter().filter_map(|m| of_mobilisation(m, rules)).collect();
        awaited.extend(self.reports.iter().filter_map(|reporting| {
            let due_at = reporting.due_at?;
            Some(Awaited {
                what: Wait::Report(reporting.sector.clone(), reporting.number),
                of: Whom::Around {
                    roles: reporting.rules.given_by.clone(),
                    sectors: vec![reporting.sector.clone()],
                    city: Vec::new(),
                },
                due_at: Some(due_at),
                late: due_at <= now,
            })
        }));
        awaited.extend(self.retex.iter().filter(|retex| retex.completed_at.is_none()).map(|retex| Awaited {
            what: Wait::Complete,
            of: Whom::Roles(retex.rules.written_by.clone()),
            due_at: retex.next_due(),
            late: retex.was_reminded_of(),
        }));
        awaited.sort_by_key(|one| (!one.late, one.due_at.is_none(), one.due_at));
        awaited
    }
}

fn of_mobilisation(one: &Mobilisation, rules: &Rules) -> Option<Awaited> {
    let due_at = one.due_at();
    let (what, of, late) = match one.stage {
        Stage::Passing { due_at } => {
            let through = one.rule.through.iter().flat_map(|through| through.roles.clone());
            (Wait::PassOn(one.id), Whom::Roles(through.collect()), due_at.is_none())
        }
        Stage::Asked { .. } => {
            let told = |place: Place| {
                one.asked().iter().filter(move |t| t.place == place).map(|t| t.role.clone()).collect::<Vec<_>>()
            };
            let of = Whom::Around { roles: told(Place::Sector), sectors: one.sectors.clone(), city: told(Place::City) };
            (Wait::Answer(one.id), of, false)
        }
        Stage::Unanswered => (Wait::Decide(one.id), Whom::Roles(rules.conducted_by.clone()), true),
        Stage::Accepted { due_at } | Stage::UnderWay { due_at } => {
            let of = one.provider.clone().map_or_else(|| Whom::Roles(rules.conducted_by.clone()), Whom::Body);
            (Wait::Arrive(one.id), of, due_at.is_none())
        }
        Stage::OnSite | Stage::Released => return None,
    };
    Some(Awaited { what, of, due_at, late })
}
