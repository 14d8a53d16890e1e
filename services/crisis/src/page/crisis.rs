//! `/crises/{id}`: one crisis, what is asked of whom, and every act on it.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::{
    account,
    crisis::{CategoryRule, Rules, TaskRule, exercise::SPEEDS},
    directory::{Ambit, Body},
};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::{
    CrisisRegime, IncidentId, RoleId, SectorId,
    crisis::TaskState,
    event::{IncidentSnapshot, RefusalReason},
};

use super::{
    Asked, Sent, Worded, follow,
    form::{self, Fields},
    position,
    progress::{self, Step},
    said, status_of,
};
use crate::{
    api,
    desk::{self, Edge},
    order::MAX_RELAYED,
    store,
    view::{AwaitedView, CrisisView, MobilisationView},
};

/// Lines of the log the page shows, newest first; the feedback has them all.
const LOG_LINES: usize = 60;

#[derive(Template)]
#[template(path = "crisis.html")]
struct CrisisPage<'a> {
    frame: Frame,
    crisis: CrisisView,
    rules: &'a Rules,
    incidents: Vec<IncidentSnapshot>,
    /// Open events that belong to no crisis, for whoever conducts.
    free: Vec<IncidentSnapshot>,
    /// Time and sentence, newest first.
    log: Vec<(String, String)>,
    conducts: bool,
    role: &'a RoleId,
    /// The sector whose report the caller gives.
    own_sector: Option<&'a SectorId>,
    /// Where the live stream goes on from.
    after: String,
    done: Option<&'static str>,
    sent: Sent,
    problem: Option<Problem>,
    edge: &'a Edge,
}

/// `GET /crises/{id}`
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    page(&edge, &presented, &id, said::done(&asked.fait), Sent::default(), None).await
}

/// `POST /crises/{id}`: the order of one of its forms.
pub(crate) async fn act(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    match follow(&edge, &presented, &id, &fields).await {
        Ok(crisis) => {
            let done = form::value(&fields, "do").unwrap_or_default();
            Ok(Redirect::to(&format!("/crises/{}?fait={done}", crisis.snapshot.id)).into_response())
        }
        Err(problem) => page(&edge, &presented, &id, None, Sent(fields), Some(problem)).await,
    }
}

async fn page(
    edge: &Edge,
    presented: &Presented,
    id: &str,
    done: Option<&'static str>,
    sent: Sent,
    problem: Option<Problem>,
) -> Result<Response, Problem> {
    let caller = desk::caller(edge, presented)?;
    // Before the rest is read: what happens meanwhile is then told by the stream.
    let after = position(edge).await?;
    let crisis = desk::see(edge, caller, api::parse_id(id)?).await?;
    let rules = desk::moment(edge)?.rules;
    let conducts = rules.conducted_by.contains(&caller.source.role);
    let (incidents, free, story) = {
        let mut connection = edge.pool.acquire().await?;
        let mut incidents = Vec::new();
        for id in &crisis.incidents {
            let known = store::incident(&mut connection, *id).await?;
            incidents.extend(known.filter(|incident| caller.follows(incident, &edge.city)));
        }
        let mut free = Vec::new();
        if conducts && !crisis.snapshot.closed {
            free = store::free_incidents(&mut connection, crisis.snapshot.nature).await?;
        }
        (incidents, free, store::story(&mut connection, &crisis).await?)
    };
    let mut log = account::log(&crisis, &story, &edge.city);
    log.reverse();
    log.truncate(LOG_LINES);
    Ok(render(
        status_of(problem.as_ref()),
        &CrisisPage {
            frame: Frame::of(caller, "/crises"),
            crisis: api::view(edge, caller, &crisis).await?,
            rules,
            incidents,
            free: free.into_iter().filter(|incident| caller.follows(incident, &edge.city)).collect(),
            log,
            conducts,
            role: &caller.source.role,
            own_sector: caller.sector(),
            after,
            done,
            sent,
            problem,
            edge,
        },
    ))
}

impl CrisisPage<'_> {
    fn yours(&self) -> Vec<&AwaitedView> {
        self.crisis.awaited.iter().filter(|one| one.yours).collect()
    }

    fn late(&self) -> Vec<&AwaitedView> {
        self.crisis.awaited.iter().filter(|one| one.late).collect()
    }

    /// Mobilisations with their place in the page: those under way, or those that are over.
    fn mobilisations(&self, over: bool) -> Vec<(usize, &MobilisationView)> {
        let all = self.crisis.mobilisations.iter().enumerate().map(|(position, one)| (position + 1, one));
        all.filter(|(_, one)| (one.stage == "released") == over).collect()
    }

    fn steps(&self, one: &MobilisationView) -> Vec<Step> {
        let rule = self.rules.resource(&one.resource);
        progress::steps(one.stage, one.stage == "passing" || rule.is_some_and(|rule| rule.through.is_some()))
    }

    /// Whether a step is the one the reader has to take.
    fn is_next(&self, number: usize, one: &MobilisationView, code: &str) -> bool {
        let anchor = format!("#m{number}");
        let theirs = self.crisis.awaited.iter().any(|awaited| awaited.yours && awaited.anchor == anchor);
        theirs && one.moves.first().is_some_and(|first| *first == code)
    }

    fn incident_label(&self, id: &IncidentId) -> String {
        let known = self.incidents.iter().find(|incident| incident.id == *id);
        known.map_or_else(String::new, |incident| format!("{}, {}", incident.reference, incident.sector_label))
    }

    /// Bodies that may be the one correspondent.
    fn correspondents(&self) -> impl Iterator<Item = &Body> {
        self.edge.city.directory.bodies().filter(|body| self.rules.correspondents.contains(&body.role))
    }

    /// Bodies that may take a seat in the crisis cell, by function: the city's, and those of the crisis' sectors.
    fn seats(&self) -> Vec<(&str, Vec<&Body>)> {
        let directory = &self.edge.city.directory;
        let here = |body: &&Body| match &body.ambit {
            Ambit::City => true,
            Ambit::Sector(sector) => self.crisis.sectors.contains(sector),
            Ambit::School(_) => false,
        };
        let free = |body: &&Body| self.rules.may_sit(&body.role) && !self.crisis.cell.contains(&body.id);
        let mut by_role: BTreeMap<&str, Vec<&Body>> = BTreeMap::new();
        for body in directory.bodies().filter(here).filter(free) {
            by_role.entry(directory.role_label(&body.role)).or_default().push(body);
        }
        by_role.into_iter().collect()
    }

    fn directed_by(&self, regime: CrisisRegime) -> &str {
        self.rules.regime(regime).map_or("", |rule| rule.directed_by.as_str())
    }

    fn may_arm(&self) -> bool {
        self.rules.care.opened_by.contains(self.role)
    }

    fn may_report(&self, sector: &SectorId) -> bool {
        self.rules.report.given_by.contains(self.role) && self.own_sector == Some(sector)
    }

    /// The reader owes a report: it stands first.
    fn reports_now(&self) -> bool {
        self.crisis.awaited.iter().any(|one| one.yours && one.what == "report")
    }

    /// Whose texts are kept here, when the reader keeps or relays them.
    fn relayed_from(&self) -> Option<&str> {
        let rules = self.rules.relay.as_ref()?;
        let reads = rules.kept_by.contains(self.role) || rules.shown_to.contains(self.role);
        reads.then_some(rules.from.as_str())
    }

    fn keeps_texts(&self) -> bool {
        self.rules.relay.as_ref().is_some_and(|rules| rules.kept_by.contains(self.role))
    }

    /// Categories whose number the caller gives.
    fn counted(&self) -> Vec<&CategoryRule> {
        self.rules.care.categories.iter().filter(|category| category.counted_by.contains(self.role)).collect()
    }

    fn may_task(&self, id: &str) -> bool {
        let own = |rule: &TaskRule| rule.id == id && rule.role == *self.role;
        self.may_arm() || self.rules.care.tasks.iter().any(own)
    }

    fn inside_label<'a>(&'a self, id: &'a str) -> &'a str {
        self.rules.care.inside.iter().find(|inside| inside.id == id).map_or(id, |inside| &inside.label)
    }

    /// The part of a form that was refused, shown open.
    fn reopened(&self, what: &str) -> bool {
        form::value(&self.sent.0, "do") == Some(what)
    }
}
