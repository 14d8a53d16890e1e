//! What people do in a crisis, as data: the API reads it from JSON, the pages from their forms, one place applies it.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use vigie_domain::{
    city::City,
    crisis::{Crisis, Effect, Moment, Refused, exercise::Control, mobilisation::Move},
    text,
};
use vigie_edge::problem::Fault;
use vigie_platform::ids;
use vigie_proto::{
    BodyId, CareId, CrisisRegime, MobilisationId, RoleId, SectorId,
    crisis::TaskState,
    event::{Actor, IncidentSnapshot, RefusalReason},
};

use crate::key::IncidentKey;

/// Longest text of the authority that is kept to be relayed, in characters.
pub(crate) const MAX_RELAYED: usize = 2000;

/// One act on a crisis. Texts are 1 to 500 characters (2,000 for one to relay) without names; a text that seems to hold one is refused until
/// `sure` says that it does not.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case", tag = "do", deny_unknown_fields)]
pub(crate) enum Order {
    /// Attach an incident, by its identifier or its reference; it takes the regime of the crisis.
    Link {
        #[schema(value_type = String, example = "R-2026-000123")]
        incident: IncidentKey,
    },
    SetRegime {
        regime: CrisisRegime,
    },
    /// Name the one correspondent of the authority that gathers what concerns victims: a body, never a person. Nobody
    /// when absent.
    Appoint {
        correspondent: Option<BodyId>,
    },
    /// A body takes a seat in the City's crisis cell.
    Seat {
        body: BodyId,
    },
    /// A body leaves it.
    Unseat {
        body: BodyId,
    },
    /// Ask for a resource, where an incident is (the first of the crisis when absent).
    Request {
        resource: String,
        #[schema(value_type = Option<String>, example = "R-2026-000123")]
        incident: Option<IncidentKey>,
    },
    /// Move a mobilisation on.
    Mobilise {
        mobilisation: MobilisationId,
        to: MobilisationStep,
        reason: Option<RefusalReason>,
    },
    /// Open a reception centre.
    OpenCare {
        place: String,
        sector: SectorId,
        #[serde(default)]
        inside: Vec<String>,
    },
    SetTask {
        care: CareId,
        task: String,
        state: TaskState,
    },
    /// Numbers by category, nothing else.
    Count {
        care: CareId,
        people: BTreeMap<String, u32>,
    },
    /// Close a reception centre; every condition of the doctrine is named.
    CloseCare {
        care: CareId,
        conditions: Vec<String>,
    },
    /// Give the situation report owed by a sector (the caller's own when absent).
    Report {
        sector: Option<SectorId>,
        answers: BTreeMap<String, String>,
        text: Option<String>,
        #[serde(default)]
        sure: bool,
    },
    /// Keep a text of the authority that alone speaks to the population, for the services that relay it.
    ReceiveText {
        text: String,
        #[schema(value_type = Option<String>, format = DateTime)]
        #[serde(default, deserialize_with = "vigie_edge::moment::within_reach")]
        valid_until: Option<Timestamp>,
        #[serde(default)]
        sure: bool,
    },
    /// A text is no longer to be relayed.
    WithdrawText {
        number: u32,
    },
    Close {},
    /// Write a section of the feedback.
    Write {
        section: String,
        text: String,
        #[serde(default)]
        sure: bool,
    },
    AddAction {
        text: String,
        owner: RoleId,
        #[schema(value_type = String, format = Date)]
        #[serde(deserialize_with = "vigie_edge::moment::within_reach")]
        due_on: Date,
        #[serde(default)]
        sure: bool,
    },
    FinishAction {
        number: u32,
    },
    /// Complete the feedback: every section is written.
    Complete {},
    /// The clock of an exercise; `speed` is minutes of the script in a minute, 1 to 600.
    Control {
        to: ClockStep,
        speed: Option<u32>,
    },
}

/// Where a mobilisation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MobilisationStep {
    PassOn,
    Accept,
    Refuse,
    Leave,
    Arrive,
    Release,
}

/// What an exercise's clock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClockStep {
    Pause,
    Resume,
    Speed,
}

/// What an order did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) effects: Vec<Effect>,
    /// What somebody wrote, and about what.
    pub(crate) words: Option<(String, String)>,
}

/// Why an order was not followed.
#[derive(Debug)]
pub(crate) enum NotDone {
    Refused(Refused),
    /// Fields to mend.
    Faults(Vec<Fault>),
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Vec<Effect>> for Done {
    fn from(effects: Vec<Effect>) -> Self {
        Self { effects, words: None }
    }
}

/// Whoever gives an order, and when.
#[derive(Clone, Copy)]
pub(crate) struct Giver<'a> {
    /// The sector it is confined to.
    pub(crate) sector: Option<&'a SectorId>,
    pub(crate) actor: &'a Actor,
    pub(crate) city: &'a City,
    pub(crate) at: Moment<'a>,
}

impl Order {
    /// The incident it is about, which has to be looked up.
    pub(crate) fn incident(&self, crisis: &Crisis) -> Option<IncidentKey> {
        match self {
            Self::Link { incident } => Some(incident.clone()),
            Self::Request { incident, .. } => {
                incident.clone().or_else(|| crisis.incidents.first().copied().map(IncidentKey::Id))
            }
            Self::SetRegime { .. }
            | Self::Appoint { .. }
            | Self::Seat { .. }
            | Self::Unseat { .. }
            | Self::Mobilise { .. }
            | Self::OpenCare { .. }
            | Self::SetTask { .. }
            | Self::Count { .. }
            | Self::CloseCare { .. }
            | Self::Report { .. }
            | Self::ReceiveText { .. }
            | Self::WithdrawText { .. }
            | Self::Close {}
            | Self::Write { .. }
            | Self::AddAction { .. }
            | Self::FinishAction { .. }
            | Self::Complete {}
            | Self::Control { .. } => None,
        }
    }

    /// Applies it to `crisis`; `incident` is the one of [`Self::incident`], when the giver sees it.
    pub(crate) fn apply(
        self,
        crisis: &mut Crisis,
        incident: Option<&IncidentSnapshot>,
        giver: Giver<'_>,
    ) -> Result<Done, NotDone> {
        let Giver { actor, at, city, .. } = giver;
        let known = incident.ok_or(Refused::Unknown("incident"));
        Ok(match self {
            Self::Link { .. } => crisis.link(known?, actor, at)?.into(),
            Self::SetRegime { regime } => crisis.set_regime(regime, actor, at)?.into(),
            Self::Appoint { correspondent: None } => crisis.appoint(None, actor, at)?.into(),
            Self::Appoint { correspondent: Some(body) } => {
                let role = role_of(&body, city)?;
                crisis.appoint(Some((body, role)), actor, at)?.into()
            }
            Self::Seat { body } => {
                let role = role_of(&body, city)?;
                crisis.seat(body, role, actor, at)?.into()
            }
            Self::Unseat { body } => crisis.unseat(&body, actor, at)?.into(),
            Self::Request { resource, .. } => {
                let id = MobilisationId(ids::fresh());
                crisis.request(id, &resource, known.map_err(|_| Refused::NotLinked)?, actor, at)?.into()
            }
            Self::Mobilise { mobilisation, to, reason } => {
                crisis.mobilise(mobilisation, step(to, reason)?, actor, at)?.into()
            }
            Self::OpenCare { place, sector, inside } => {
                crisis.open_care(CareId(ids::fresh()), &place, sector, inside, actor, at)?.into()
            }
            Self::SetTask { care, task, state } => crisis.set_task(care, &task, state, actor, at)?.into(),
            Self::Count { care, people } => crisis.count(care, people, actor, at)?.into(),
            Self::CloseCare { care, conditions } => crisis.close_care(care, &conditions, actor, at)?.into(),
            Self::Report { sector, answers, text, sure } => report(crisis, sector, answers, text, sure, giver)?,
            Self::ReceiveText { text, valid_until, sure } => {
                let text = words(&text, MAX_RELAYED, sure)?;
                let (number, effects) = crisis.receive_text(valid_until, actor, at)?;
                Done { effects, words: Some((format!("relay/{number}"), text)) }
            }
            Self::WithdrawText { number } => crisis.withdraw_text(number, actor, at)?.into(),
            Self::Close {} => crisis.close(actor, at)?.into(),
            Self::Write { section, text, sure } => {
                let text = words(&text, text::MOST, sure)?;
                Done { effects: crisis.write(&section, actor, at)?, words: Some((format!("retex/{section}"), text)) }
            }
            Self::AddAction { text, owner, due_on, sure } => {
                let text = words(&text, text::MOST, sure)?;
                if city.directory.role(&owner).is_none() {
                    return Err(fault("owner", "Cette fonction n'est pas dans l'annuaire."));
                }
                let (number, effects) = crisis.add_action(owner, due_on, actor, at)?;
                Done { effects, words: Some((format!("action/{number}"), text)) }
            }
            Self::FinishAction { number } => crisis.finish_action(number, actor, at)?.into(),
            Self::Complete {} => crisis.complete(actor, at)?.into(),
            Self::Control { to, speed } => {
                let control = match (to, speed) {
                    (ClockStep::Pause, None) => Control::Pause,
                    (ClockStep::Resume, None) => Control::Resume,
                    (ClockStep::Speed, Some(speed)) => Control::Speed { speed },
                    (ClockStep::Pause | ClockStep::Resume, Some(_)) | (ClockStep::Speed, None) => {
                        return Err(fault("speed", "Donnez une vitesse pour « speed », et seulement pour elle."));
                    }
                };
                crisis.control(control, actor, at)?.into()
            }
        })
    }
}

pub(crate) fn step(to: MobilisationStep, reason: Option<RefusalReason>) -> Result<Move, NotDone> {
    Ok(match (to, reason) {
        (MobilisationStep::Refuse, Some(reason)) => Move::Refuse { reason },
        (MobilisationStep::Refuse, None) => return Err(fault("reason", "Dites pourquoi la demande est refusée.")),
        (_, Some(_)) => return Err(fault("reason", "Un motif ne se donne qu'avec un refus.")),
        (MobilisationStep::PassOn, None) => Move::PassOn,
        (MobilisationStep::Accept, None) => Move::Accept,
        (MobilisationStep::Leave, None) => Move::Leave,
        (MobilisationStep::Arrive, None) => Move::Arrive,
        (MobilisationStep::Release, None) => Move::Release,
    })
}

/// The role the directory gives a body.
fn role_of<'a>(body: &BodyId, city: &'a City) -> Result<&'a RoleId, NotDone> {
    let known = city.directory.body(body).map(|known| &known.role);
    known.ok_or_else(|| fault("body", "Ce service n'est pas dans l'annuaire."))
}

/// A sector gives its own report; somebody of the whole city says whose.
fn report(
    crisis: &mut Crisis,
    sector: Option<SectorId>,
    answers: BTreeMap<String, String>,
    text: Option<String>,
    sure: bool,
    giver: Giver<'_>,
) -> Result<Done, NotDone> {
    let own = giver.sector.cloned();
    let sector = match (own, sector) {
        (Some(own), Some(other)) if own != other => return Err(fault("sector", "Rendez le point de votre secteur.")),
        (Some(own), _) => own,
        (None, Some(sector)) => sector,
        (None, None) => return Err(fault("sector", "Dites de quel secteur est ce point de situation.")),
    };
    let text = kept(&text.unwrap_or_default(), text::MOST, sure)?;
    let (number, effects) = crisis.report(&sector, answers, giver.actor, giver.at)?;
    Ok(Done { effects, words: text.map(|text| (format!("report/{sector}/{number}"), text)) })
}

fn words(text: &str, most: usize, sure: bool) -> Result<String, NotDone> {
    kept(text, most, sure)?.ok_or_else(|| fault("text", text::expected(most)))
}

fn kept(text: &str, most: usize, sure: bool) -> Result<Option<String>, NotDone> {
    text::kept(text, most, sure).map_err(|why| NotDone::Faults(Fault::each("text", why)))
}

fn fault(field: &str, message: impl Into<String>) -> NotDone {
    NotDone::Faults(vec![Fault::new(field, message)])
}
