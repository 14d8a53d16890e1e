//! Resources, and the requests for them.

use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::crisis::{
    Crisis,
    mobilisation::{Mobilisation, Move, Stage},
};
use vigie_proto::{BodyId, IncidentId, MobilisationId};

use super::Light;

/// A kind of resource.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ResourceView {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) units: u32,
    /// Over every open crisis of the same nature.
    pub(crate) engaged: u32,
    pub(crate) available: u32,
    pub(crate) guidance: Option<String>,
    /// The caller may ask for it.
    pub(crate) may_ask: bool,
}

/// One request for a resource.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MobilisationView {
    pub(crate) id: MobilisationId,
    pub(crate) resource: String,
    pub(crate) label: String,
    pub(crate) incident: IncidentId,
    /// `passing`, `asked`, `unanswered`, `accepted`, `under-way`, `on-site`, `released`.
    pub(crate) stage: &'static str,
    pub(crate) stage_label: &'static str,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) since: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) due_at: Option<Timestamp>,
    /// French: what is waited for until then.
    pub(crate) awaited: &'static str,
    /// Which choice of providers is asked, from 1, of how many.
    pub(crate) choice: Option<usize>,
    pub(crate) choices: usize,
    pub(crate) requested_by: BodyId,
    pub(crate) provider: Option<BodyId>,
    pub(crate) guidance: Option<String>,
    /// The resource it is coordinated with and how that one stands in this crisis, in French.
    pub(crate) coordinated_with: Option<String>,
    /// What the caller may do to it: `pass-on`, `accept`, `refuse`, `leave`, `arrive`, `release`.
    pub(crate) moves: Vec<&'static str>,
}

pub(super) fn resources(light: Light<'_>) -> Vec<ResourceView> {
    let view = |rule: &vigie_domain::crisis::ResourceRule| {
        let engaged = light.engaged.get(&rule.id).copied().unwrap_or(0);
        ResourceView {
            id: rule.id.clone(),
            label: rule.label.clone(),
            units: rule.units,
            engaged,
            available: rule.units.saturating_sub(engaged),
            guidance: rule.guidance.clone(),
            may_ask: rule.asked_by.contains(&light.caller.source.role),
        }
    };
    light.at.rules.resources.iter().map(view).collect()
}

pub(super) fn mobilisation(one: &Mobilisation, crisis: &Crisis, light: Light<'_>) -> MobilisationView {
    let other = one.rule.coordinated_with.as_deref().and_then(|id| light.at.rules.resource(id));
    let coordinated_with = other.map(|rule| {
        let last = crisis.mobilisations.iter().rev().find(|m| m.rule.id == rule.id);
        format!("{} : {}", rule.label, last.map_or("non activée", |m| m.stage.label()))
    });
    MobilisationView {
        id: one.id,
        resource: one.rule.id.clone(),
        label: one.rule.label.clone(),
        incident: one.incident,
        stage: one.stage.code(),
        stage_label: one.stage.label(),
        since: one.since,
        due_at: one.due_at(),
        awaited: awaited(&one.stage),
        requested_by: one.requested_by.clone(),
        provider: one.provider.clone(),
        guidance: one.rule.guidance.clone(),
        coordinated_with,
        choice: one.choice().map(|choice| choice + 1),
        choices: one.rule.choices.len(),
        moves: one.moves(&light.caller.source.role, &light.caller.source.body).into_iter().map(move_code).collect(),
    }
}

fn awaited(stage: &Stage) -> &'static str {
    match stage {
        Stage::Passing { .. } => "Transmission attendue",
        Stage::Asked { .. } => "Réponse attendue",
        Stage::Accepted { .. } | Stage::UnderWay { .. } => "Arrivée attendue",
        Stage::Unanswered | Stage::OnSite | Stage::Released => "",
    }
}

/// Stable code of a step, as orders name it.
pub(crate) fn move_code(step: Move) -> &'static str {
    match step {
        Move::PassOn => "pass-on",
        Move::Accept => "accept",
        Move::Refuse { .. } => "refuse",
        Move::Leave => "leave",
        Move::Arrive => "arrive",
        Move::Release => "release",
    }
}
