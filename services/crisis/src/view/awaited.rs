//! What a crisis waits for.

use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::crisis::{
    Crisis,
    awaited::{Awaited, Wait, Whom},
};
use vigie_proto::MobilisationId;

use super::Light;

/// One thing somebody has to do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AwaitedView {
    /// `pass-on`, `answer`, `decide`, `arrive`, `report`, `complete`.
    pub(crate) what: &'static str,
    /// French, such as `Transmettre la demande : VPU`.
    pub(crate) label: String,
    /// French: who has to do it.
    pub(crate) of: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) late: bool,
    /// The caller has to do it, or may.
    pub(crate) yours: bool,
    /// The part of the crisis' page where it is done.
    #[serde(skip)]
    pub(crate) anchor: String,
}

pub(super) fn awaited(crisis: &Crisis, light: Light<'_>) -> Vec<AwaitedView> {
    let source = light.caller.source;
    let view = |one: Awaited| AwaitedView {
        what: code(&one.what),
        label: label(&one.what, crisis, light),
        of: of(&one.of, light),
        due_at: one.due_at,
        late: one.late,
        yours: one.of.is(&source.body, &source.role, light.caller.sector()),
        anchor: anchor(&one.what, crisis),
    };
    crisis.awaited(light.at.rules, light.at.now).into_iter().map(view).collect()
}

fn code(what: &Wait) -> &'static str {
    match what {
        Wait::PassOn(_) => "pass-on",
        Wait::Answer(_) => "answer",
        Wait::Decide(_) => "decide",
        Wait::Arrive(_) => "arrive",
        Wait::Report(..) => "report",
        Wait::Complete => "complete",
    }
}

fn label(what: &Wait, crisis: &Crisis, light: Light<'_>) -> String {
    let resource = |id: &MobilisationId| {
        let rule = crisis.mobilisations.iter().find(|m| m.id == *id).map(|m| &m.rule);
        rule.map_or_else(String::new, |rule| rule.short.clone().unwrap_or_else(|| rule.label.clone()))
    };
    match what {
        Wait::PassOn(id) => format!("Transmettre la demande : {}", resource(id)),
        Wait::Answer(id) => format!("Répondre à la demande : {}", resource(id)),
        Wait::Decide(id) => format!("Décider, personne n'a répondu : {}", resource(id)),
        Wait::Arrive(id) => format!("Arriver sur place : {}", resource(id)),
        Wait::Report(sector, number) => format!("Point de situation n° {number}, {}", light.city.sector_label(sector)),
        Wait::Complete => "Compléter le retour d'expérience".to_owned(),
    }
}

fn of(whom: &Whom, light: Light<'_>) -> String {
    let directory = &light.city.directory;
    match whom {
        Whom::Body(id) => directory.body(id).map_or_else(|| id.to_string(), |body| body.name.clone()),
        Whom::Roles(roles) => roles.iter().map(|role| directory.role_label(role)).collect::<Vec<_>>().join(", "),
        Whom::Around { roles, city, .. } => {
            roles.iter().chain(city).map(|role| directory.role_label(role)).collect::<Vec<_>>().join(", ")
        }
    }
}

fn anchor(what: &Wait, crisis: &Crisis) -> String {
    match what {
        Wait::PassOn(id) | Wait::Answer(id) | Wait::Decide(id) | Wait::Arrive(id) => {
            let position = crisis.mobilisations.iter().position(|m| m.id == *id).unwrap_or_default();
            format!("#m{}", position + 1)
        }
        Wait::Report(..) => "#points".to_owned(),
        Wait::Complete => format!("/crises/{}/retex", crisis.snapshot.id),
    }
}
