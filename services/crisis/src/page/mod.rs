//! `/crises`: the list, one crisis, its feedback. Every form is plain HTML and posts one order; nothing needs JavaScript.

mod form;

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::{
    access::Caller,
    crisis::{Crisis, Rules, account, exercise::SPEEDS},
    french,
};
use vigie_platform::{
    page::{Frame, respond},
    problem::Problem,
};
use vigie_proto::{CrisisRegime, IncidentStatus, RoleId, SectorId, crisis::TaskState, event::RefusalReason};

use crate::{
    api::{self, exercises},
    desk::{Edge, Opening, sees, stored},
    store,
    view::CrisisView,
};
use form::Fields;

/// Lines of the log a crisis' page shows, newest first; the feedback has them all.
const LOG_LINES: usize = 60;

#[derive(Template)]
#[template(path = "crises.html")]
struct ListPage<'a> {
    frame: Frame,
    crises: Vec<CrisisView>,
    /// Whoever conducts may open.
    conducts: bool,
    sectors: Vec<(&'a SectorId, &'a str)>,
    scripts: Vec<(&'a String, &'a str)>,
    problem: Option<Problem>,
    edge: &'a Edge,
}

#[derive(Template)]
#[template(path = "crisis.html")]
struct CrisisPage<'a> {
    frame: Frame,
    crisis: CrisisView,
    rules: &'a Rules,
    incidents: Vec<IncidentLine>,
    /// Time and sentence, newest first.
    log: Vec<(String, String)>,
    conducts: bool,
    role: &'a RoleId,
    /// The sector whose report the caller gives.
    own_sector: Option<&'a SectorId>,
    problem: Option<Problem>,
    edge: &'a Edge,
}

#[derive(Template)]
#[template(path = "retex.html")]
struct RetexPage<'a> {
    frame: Frame,
    crisis: CrisisView,
    writes: bool,
    /// The document, without what people wrote: they see it in the fields.
    blocks: Vec<account::Block>,
    roles: Vec<(&'a RoleId, &'a str)>,
    /// What was sent and not kept, by section.
    draft: Option<(String, String)>,
    problem: Option<Problem>,
    edge: &'a Edge,
}

#[derive(Template)]
#[template(path = "crisis_said.html")]
struct SaidPage<'a> {
    problem: &'a Problem,
}

/// An incident of the crisis, in one line.
struct IncidentLine {
    reference: String,
    text: String,
    status: IncidentStatus,
}

/// What a page shows or why it does not.
type Shown = Result<Response, Problem>;

pub(crate) async fn list(State(edge): State<Arc<Edge>>, headers: HeaderMap) -> Response {
    shown(show_list(&edge, &headers, None).await)
}

pub(crate) async fn open(State(edge): State<Arc<Edge>>, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    let opened = async {
        let caller = edge.authenticate(&headers).await?;
        edge.open(caller, opening(&edge, &fields)?).await
    };
    match opened.await {
        Ok(crisis) => Redirect::to(&format!("/crises/{}", crisis.snapshot.id)).into_response(),
        Err(problem) => shown(show_list(&edge, &headers, Some(problem)).await),
    }
}

pub(crate) async fn one(State(edge): State<Arc<Edge>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    shown(show_one(&edge, &headers, &id, None).await)
}

pub(crate) async fn act(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Response {
    match follow(&edge, &headers, &id, &fields).await {
        Ok(crisis) => Redirect::to(&format!("/crises/{}", crisis.snapshot.id)).into_response(),
        Err(problem) => shown(show_one(&edge, &headers, &id, Some(problem)).await),
    }
}

pub(crate) async fn retex(State(edge): State<Arc<Edge>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    shown(show_retex(&edge, &headers, &id, None, None).await)
}

pub(crate) async fn act_on_retex(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Response {
    match follow(&edge, &headers, &id, &fields).await {
        Ok(crisis) => Redirect::to(&format!("/crises/{}/retex", crisis.snapshot.id)).into_response(),
        Err(problem) => {
            let section = form::value(&fields, "section").unwrap_or("action").to_owned();
            let draft = form::value(&fields, "text").map(|text| (section, text.to_owned()));
            shown(show_retex(&edge, &headers, &id, draft, Some(problem)).await)
        }
    }
}

async fn follow(edge: &Edge, headers: &HeaderMap, id: &str, fields: &Fields) -> Result<Crisis, Problem> {
    let caller = edge.authenticate(headers).await?;
    let id = api::parse_id(id)?;
    edge.see(caller, id).await?;
    edge.follow(caller, id, form::order(fields)?).await
}

fn opening(edge: &Edge, fields: &Fields) -> Result<Opening, Problem> {
    let bad = |field, message: &str| crate::desk::invalid(field, message);
    if let Some(script) = form::value(fields, "script") {
        let speed = form::value(fields, "speed").and_then(|text| text.parse().ok());
        return exercises::opening(edge, script, speed.ok_or_else(|| bad("speed", "Donnez une vitesse."))?);
    }
    let regime = form::value(fields, "regime");
    let regime = CrisisRegime::ALL.into_iter().find(|known| Some(known.code()) == regime);
    let incident = match form::value(fields, "incident") {
        Some(text) => {
            Some(text.parse().map_err(|_| bad("incident", "Cet identifiant n'est pas celui d'un événement."))?)
        }
        None => None,
    };
    Ok(Opening {
        regime: regime.ok_or_else(|| bad("regime", "Choisissez un régime."))?,
        incident,
        sector: form::value(fields, "sector").and_then(|text| text.parse().ok()),
        nature: vigie_proto::Nature::Real,
        script: None,
    })
}

async fn show_list(edge: &Edge, headers: &HeaderMap, problem: Option<Problem>) -> Shown {
    let caller = edge.authenticate(headers).await?;
    let sector = caller.sector().map(SectorId::as_str);
    let known = store::list(&mut *edge.connection().await?, sector).await.map_err(stored)?;
    let mut crises = Vec::with_capacity(known.len());
    for crisis in known.iter().filter(|crisis| sees(caller, &crisis.snapshot)) {
        crises.push(api::view(edge, caller, crisis).await?);
    }
    let rules = edge.moment()?.rules;
    let sectors = edge.city.territory.sectors().iter().map(|sector| (&sector.id, sector.label.as_str()));
    render(
        status_of(problem.as_ref()),
        &ListPage {
            frame: frame(caller),
            crises,
            conducts: rules.conducted_by.contains(&caller.source.role),
            sectors: sectors.collect(),
            scripts: edge.desk.scripts.iter().map(|(name, script)| (name, script.title.as_str())).collect(),
            problem,
            edge,
        },
    )
}

async fn show_one(edge: &Edge, headers: &HeaderMap, id: &str, problem: Option<Problem>) -> Shown {
    let caller = edge.authenticate(headers).await?;
    let crisis = edge.see(caller, api::parse_id(id)?).await?;
    let (incidents, story) = {
        let mut connection = edge.connection().await?;
        let mut incidents = Vec::new();
        for id in &crisis.incidents {
            incidents.extend(store::incident(&mut connection, *id).await.map_err(stored)?);
        }
        (incidents, store::story(&mut connection, &crisis).await.map_err(stored)?)
    };
    let incidents = incidents.into_iter().map(|incident| IncidentLine {
        text: format!("{} – {} – {}", incident.kind_label, incident.sector_label, incident.severity.label()),
        reference: incident.reference,
        status: incident.status,
    });
    let mut log = account::log(&crisis, &story, &edge.city);
    log.reverse();
    log.truncate(LOG_LINES);
    let rules = edge.moment()?.rules;
    render(
        status_of(problem.as_ref()),
        &CrisisPage {
            frame: frame(caller),
            crisis: api::view(edge, caller, &crisis).await?,
            rules,
            incidents: incidents.collect(),
            log,
            conducts: rules.conducted_by.contains(&caller.source.role),
            role: &caller.source.role,
            own_sector: caller.sector(),
            problem,
            edge,
        },
    )
}

async fn show_retex(
    edge: &Edge,
    headers: &HeaderMap,
    id: &str,
    draft: Option<(String, String)>,
    problem: Option<Problem>,
) -> Shown {
    let caller = edge.authenticate(headers).await?;
    let crisis = edge.see(caller, api::parse_id(id)?).await?;
    let Some(retex) = &crisis.retex else { return Err(api::retex::too_early()) };
    let mut blocks = api::retex::blocks(edge, &crisis).await?;
    // The title is the page's, and what people wrote is in the fields below.
    let first = retex.rules.sections.first().map(|section| account::Block::Heading(section.label.clone()));
    let end = blocks.iter().position(|block| Some(block) == first.as_ref()).unwrap_or(blocks.len());
    blocks.truncate(end);
    let blocks = blocks.split_off(1.min(blocks.len()));
    let owners = edge.city.directory.role_rules().map(|(id, role)| (id, role.label.as_str()));
    let rules = edge.moment()?.rules;
    render(
        status_of(problem.as_ref()),
        &RetexPage {
            frame: frame(caller),
            crisis: api::view(edge, caller, &crisis).await?,
            writes: rules.retex.written_by.contains(&caller.source.role),
            blocks,
            roles: owners.collect(),
            draft,
            problem,
            edge,
        },
    )
}

impl Edge {
    /// `16 h 30`, with the day when it is another.
    fn clock(&self, at: &jiff::Timestamp) -> String {
        let zoned = |at: jiff::Timestamp| at.to_zoned(self.city.doctrine.zone.clone());
        french::moment(&zoned(*at), &zoned(self.now))
    }

    fn sector_label<'a>(&'a self, id: &'a SectorId) -> &'a str {
        self.city.sector_label(id)
    }

    /// The button of a mobilisation's next step.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn move_label(&self, code: &str) -> &'static str {
        match code {
            "pass-on" => "Transmettre la demande",
            "accept" => "Accepter",
            "refuse" => "Refuser",
            "leave" => "En route",
            "arrive" => "Sur place",
            _ => "Libérer",
        }
    }

    fn body_label(&self, id: &vigie_proto::BodyId) -> String {
        self.city.directory.body(id).map_or_else(|| id.to_string(), |body| body.name.clone())
    }
}

impl CrisisPage<'_> {
    /// Bodies that may be the one correspondent.
    fn correspondents(&self) -> impl Iterator<Item = &vigie_domain::directory::Body> {
        self.edge.city.directory.bodies().filter(|body| self.rules.correspondents.contains(&body.role))
    }

    fn may_arm(&self) -> bool {
        self.rules.care.opened_by.contains(self.role)
    }

    fn may_report(&self, sector: &SectorId) -> bool {
        self.rules.report.given_by.contains(self.role) && self.own_sector == Some(sector)
    }

    /// Categories whose number the caller gives.
    fn counted(&self) -> Vec<&vigie_domain::crisis::CategoryRule> {
        self.rules.care.categories.iter().filter(|category| category.counted_by.contains(self.role)).collect()
    }

    fn may_task(&self, id: &str) -> bool {
        let own = |rule: &vigie_domain::crisis::TaskRule| rule.id == id && rule.role == *self.role;
        self.may_arm() || self.rules.care.tasks.iter().any(own)
    }

    fn inside_label<'a>(&'a self, id: &'a str) -> &'a str {
        self.rules.care.inside.iter().find(|inside| inside.id == id).map_or(id, |inside| &inside.label)
    }
}

impl RetexPage<'_> {
    /// What was sent about `what` and not kept.
    fn draft_of(&self, what: &str) -> Option<&str> {
        self.draft.as_ref().filter(|(about, _)| about == what).map(|(_, text)| text.as_str())
    }
}

fn frame(caller: Caller<'_>) -> Frame {
    let links = caller.desks().into_iter().map(|desk| (desk.path, desk.label.to_owned()));
    Frame::new(&caller.source.name, links, "/crises")
}

fn status_of(problem: Option<&Problem>) -> StatusCode {
    problem.and_then(|problem| StatusCode::from_u16(problem.status).ok()).unwrap_or(StatusCode::OK)
}

/// The page, or a page that says why there is none.
fn shown(page: Shown) -> Response {
    page.unwrap_or_else(|problem| {
        render(status_of(Some(&problem)), &SaidPage { problem: &problem }).unwrap_or_else(IntoResponse::into_response)
    })
}

fn render(status: StatusCode, page: &impl Template) -> Shown {
    page.render().map(|html| respond(status, html)).map_err(|error| {
        tracing::error!(error = %error, "a page could not be rendered");
        Problem::unavailable()
    })
}
