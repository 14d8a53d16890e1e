//! A crisis as people and programs read it: what stands, what is waited for, what the caller may do.

mod awaited;
mod care;
mod play;
mod report;
mod resource;
mod retex;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::{
    access::Caller,
    city::City,
    crisis::{Crisis, Moment},
};
use vigie_proto::{BodyId, CrisisId, CrisisRegime, IncidentId, Nature, SectorId};

pub(crate) use awaited::AwaitedView;
pub(crate) use care::CareView;
pub(crate) use play::PlayView;
pub(crate) use report::{RelayView, ReportView};
pub(crate) use resource::{MobilisationView, ResourceView, move_code};
pub(crate) use retex::RetexView;

/// One crisis.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CrisisView {
    pub(crate) id: CrisisId,
    pub(crate) reference: String,
    pub(crate) regime: CrisisRegime,
    /// French.
    pub(crate) regime_label: &'static str,
    pub(crate) nature: Nature,
    pub(crate) closed: bool,
    pub(crate) sectors: Vec<SectorId>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) opened_at: Timestamp,
    /// French: who directs under this regime.
    pub(crate) directed_by: String,
    /// French sentences to keep in mind under this regime.
    pub(crate) guidance: Vec<String>,
    pub(crate) correspondent: Option<BodyId>,
    pub(crate) cell: Vec<BodyId>,
    pub(crate) incidents: Vec<IncidentId>,
    /// What has to be done, by whom: late first, then due soonest.
    pub(crate) awaited: Vec<AwaitedView>,
    /// Everything the city has, and what is left of it.
    pub(crate) resources: Vec<ResourceView>,
    pub(crate) mobilisations: Vec<MobilisationView>,
    pub(crate) care: Vec<CareView>,
    pub(crate) reports: Vec<ReportView>,
    /// Texts of the authority that alone speaks to the population, newest first; for those only who keep or relay them.
    pub(crate) relays: Vec<RelayView>,
    pub(crate) retex: Option<RetexView>,
    pub(crate) exercise: Option<PlayView>,
}

/// What a view is made with.
#[derive(Clone, Copy)]
pub(crate) struct Light<'a> {
    pub(crate) city: &'a City,
    pub(crate) at: Moment<'a>,
    pub(crate) caller: Caller<'a>,
    /// Units engaged by resource.
    pub(crate) engaged: &'a BTreeMap<String, u32>,
    pub(crate) words: &'a BTreeMap<String, String>,
}

impl CrisisView {
    /// How many things are late, and how many are the reader's to do.
    pub(crate) fn waits(&self) -> (usize, usize) {
        let count = |is: fn(&AwaitedView) -> bool| self.awaited.iter().filter(|one| is(one)).count();
        (count(|one| one.late), count(|one| one.yours))
    }

    /// What stands before every title of an exercise.
    pub(crate) fn mark(&self) -> &'static str {
        vigie_domain::crisis::mark(self.nature)
    }

    pub(crate) fn of(crisis: &Crisis, light: Light<'_>) -> Self {
        let Light { at, words, .. } = light;
        let (snapshot, regime) = (&crisis.snapshot, at.rules.regime(crisis.snapshot.regime));
        Self {
            id: snapshot.id,
            reference: snapshot.reference.clone(),
            regime: snapshot.regime,
            regime_label: snapshot.regime.label(),
            nature: snapshot.nature,
            closed: snapshot.closed,
            sectors: snapshot.sectors.clone(),
            opened_at: snapshot.opened_at,
            directed_by: regime.map(|rule| rule.directed_by.clone()).unwrap_or_default(),
            guidance: regime.map(|rule| rule.guidance.clone()).unwrap_or_default(),
            correspondent: crisis.correspondent.clone(),
            cell: crisis.cell.clone(),
            incidents: crisis.incidents.clone(),
            resources: resource::resources(light),
            mobilisations: crisis.mobilisations.iter().map(|m| resource::mobilisation(m, crisis, light)).collect(),
            awaited: awaited::awaited(crisis, light),
            care: crisis.cares.iter().map(|one| care::care(one, at.now)).collect(),
            reports: crisis.reports.iter().map(|one| report::report(one, words)).collect(),
            relays: if reads_texts(crisis, light) { report::relays(&crisis.relays, light) } else { Vec::new() },
            retex: crisis.retex.as_ref().map(|one| retex::retex(one, light)),
            exercise: crisis.play.as_ref().map(|one| play::play(one, at.now)),
        }
    }
}

/// Whoever keeps the texts to relay, and whoever the doctrine shows them to.
fn reads_texts(crisis: &Crisis, light: Light<'_>) -> bool {
    let Some(rules) = &light.at.rules.relay else { return false };
    let role = &light.caller.source.role;
    light.caller.sees_crisis(&crisis.snapshot) && (rules.kept_by.contains(role) || rules.shown_to.contains(role))
}
