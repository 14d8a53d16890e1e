//! The feedback.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use vigie_domain::crisis::retex::Retex;
use vigie_proto::RoleId;

use super::Light;

/// The feedback.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RetexView {
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) sections: Vec<SectionView>,
    pub(crate) actions: Vec<ActionView>,
}

/// One section of the feedback.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SectionView {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) text: Option<String>,
}

/// Something to improve.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ActionView {
    pub(crate) number: u32,
    pub(crate) text: String,
    pub(crate) owner: RoleId,
    /// French.
    pub(crate) owner_label: String,
    #[schema(value_type = String, format = Date)]
    pub(crate) due_on: Date,
    pub(crate) done: bool,
}

pub(super) fn retex(one: &Retex, light: Light<'_>) -> RetexView {
    let sections = one.rules.sections.iter().map(|rule| SectionView {
        id: rule.id.clone(),
        label: rule.label.clone(),
        text: light.words.get(&format!("retex/{}", rule.id)).cloned(),
    });
    let actions = one.actions.iter().map(|action| ActionView {
        number: action.number,
        text: light.words.get(&format!("action/{}", action.number)).cloned().unwrap_or_default(),
        owner: action.owner.clone(),
        owner_label: light.city.directory.role_label(&action.owner).to_owned(),
        due_on: action.due_on,
        done: action.done,
    });
    RetexView { completed_at: one.completed_at, sections: sections.collect(), actions: actions.collect() }
}
