//! Reception centres: numbers, never names.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::{account, crisis::care::Care};
use vigie_proto::{BodyId, CareId, SectorId, crisis::TaskState};

/// One reception centre.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CareView {
    pub(crate) id: CareId,
    pub(crate) place: String,
    pub(crate) place_label: String,
    pub(crate) sector: SectorId,
    pub(crate) inside: Vec<String>,
    pub(crate) armed_by: BodyId,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) opened_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) closed_at: Option<Timestamp>,
    /// French.
    pub(crate) lasted: String,
    pub(crate) tasks: Vec<TaskView>,
    /// Numbers by category.
    pub(crate) people: BTreeMap<String, u32>,
}

/// One task of a centre's checklist.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TaskView {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) state: TaskState,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) at: Option<Timestamp>,
}

pub(super) fn care(one: &Care, now: Timestamp) -> CareView {
    let tasks = one.rules.tasks.iter().map(|rule| TaskView {
        id: rule.id.clone(),
        label: rule.label.clone(),
        state: one.task(rule),
        at: one.tasks.get(&rule.id).map(|(_, at)| *at),
    });
    CareView {
        id: one.id,
        place: one.place.clone(),
        place_label: one.place_label().to_owned(),
        sector: one.sector.clone(),
        inside: one.inside.clone(),
        armed_by: one.armed_by.clone(),
        opened_at: one.opened_at,
        closed_at: one.closed_at,
        lasted: account::lasted(one.opened_at, one.opened_at + one.lasted(now)),
        tasks: tasks.collect(),
        people: one.people.clone(),
    }
}
