//! Situation reports, and texts to relay.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::crisis::{relay::Relay, report::Reporting};
use vigie_proto::{BodyId, SectorId};

use super::Light;

/// What one sector owes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReportView {
    pub(crate) sector: SectorId,
    /// Of the one owed now.
    pub(crate) number: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) given: u32,
    pub(crate) missed: u32,
    /// The last one given: option by field.
    pub(crate) answers: BTreeMap<String, String>,
    pub(crate) text: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) given_at: Option<Timestamp>,
}

/// A text to relay.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RelayView {
    pub(crate) number: u32,
    pub(crate) text: String,
    pub(crate) received_by: BodyId,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) received_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) valid_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) withdrawn_at: Option<Timestamp>,
    /// To relay now: neither withdrawn nor over.
    pub(crate) stands: bool,
}

pub(super) fn report(one: &Reporting, words: &BTreeMap<String, String>) -> ReportView {
    let last = one.last.as_ref();
    ReportView {
        sector: one.sector.clone(),
        number: one.number,
        due_at: one.due_at,
        given: one.given,
        missed: one.missed,
        answers: last.map(|last| last.answers.clone()).unwrap_or_default(),
        text: last.and_then(|last| words.get(&format!("report/{}/{}", one.sector, last.number)).cloned()),
        given_at: last.map(|last| last.at),
    }
}

/// The newest first.
pub(super) fn relays(known: &[Relay], light: Light<'_>) -> Vec<RelayView> {
    let view = |one: &Relay| RelayView {
        number: one.number,
        text: light.words.get(&format!("relay/{}", one.number)).cloned().unwrap_or_default(),
        received_by: one.received_by.clone(),
        received_at: one.received_at,
        valid_until: one.valid_until,
        withdrawn_at: one.withdrawn_at,
        stands: one.stands(light.at.now),
    };
    known.iter().rev().map(view).collect()
}
