//! A crisis as people and programs read it: what stands, what is waited for, what the caller may do.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use vigie_domain::{
    access::Caller,
    city::City,
    crisis::{
        Crisis, Moment, account,
        care::Care,
        exercise::Play,
        mobilisation::{Mobilisation, Move, Stage},
        report::Reporting,
        retex::Retex,
    },
};
use vigie_proto::{
    BodyId, CareId, CrisisId, CrisisRegime, IncidentId, MobilisationId, Nature, RoleId, SectorId, crisis::TaskState,
};

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
    /// Everything the city has, and what is left of it.
    pub(crate) resources: Vec<ResourceView>,
    pub(crate) mobilisations: Vec<MobilisationView>,
    pub(crate) care: Vec<CareView>,
    pub(crate) reports: Vec<ReportView>,
    pub(crate) retex: Option<RetexView>,
    pub(crate) exercise: Option<PlayView>,
}

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
    pub(crate) requested_by: BodyId,
    pub(crate) provider: Option<BodyId>,
    pub(crate) guidance: Option<String>,
    /// The resource it is coordinated with and how that one stands in this crisis, in French.
    pub(crate) coordinated_with: Option<String>,
    /// What the caller may do to it: `pass-on`, `accept`, `refuse`, `leave`, `arrive`, `release`.
    pub(crate) moves: Vec<&'static str>,
}

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

/// A script being played.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PlayView {
    pub(crate) script: String,
    pub(crate) title: String,
    pub(crate) speed: u32,
    pub(crate) running: bool,
    /// Minutes of the script that have passed.
    pub(crate) minute: i64,
    /// What the players have been told, oldest first.
    pub(crate) told: Vec<String>,
    /// Events still to come.
    pub(crate) left: usize,
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
            resources: resources(light),
            mobilisations: crisis.mobilisations.iter().map(|m| mobilisation(m, crisis, light)).collect(),
            care: crisis.cares.iter().map(|one| care(one, at.now)).collect(),
            reports: crisis.reports.iter().map(|one| report(one, words)).collect(),
            retex: crisis.retex.as_ref().map(|one| retex(one, light)),
            exercise: crisis.play.as_ref().map(|one| play(one, at.now)),
        }
    }
}

fn resources(light: Light<'_>) -> Vec<ResourceView> {
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

fn mobilisation(one: &Mobilisation, crisis: &Crisis, light: Light<'_>) -> MobilisationView {
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
        moves: one.moves(&light.caller.source.role).into_iter().map(move_code).collect(),
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

fn move_code(step: Move) -> &'static str {
    match step {
        Move::PassOn => "pass-on",
        Move::Accept => "accept",
        Move::Refuse { .. } => "refuse",
        Move::Leave => "leave",
        Move::Arrive => "arrive",
        Move::Release => "release",
    }
}

fn care(one: &Care, now: Timestamp) -> CareView {
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

fn report(one: &Reporting, words: &BTreeMap<String, String>) -> ReportView {
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

fn retex(one: &Retex, light: Light<'_>) -> RetexView {
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

fn play(one: &Play, now: Timestamp) -> PlayView {
    PlayView {
        script: one.name.clone(),
        title: one.script.title.clone(),
        speed: one.speed,
        running: one.running_since.is_some(),
        minute: one.elapsed(now).as_mins(),
        told: one.script.injects.iter().take(one.played).map(|inject| inject.say.clone()).collect(),
        left: one.script.injects.len() - one.played,
    }
}
