//! `/m/{token}`: the page a request for a resource is answered on. `GET` shows what is asked, of whom, where and until
//! when; only `POST` acts, since mail scanners open links.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::{
    crisis::mobilisation::{Mobilisation, Move},
    doctrine::Medium,
    link::{LinkError, Signer},
};
use vigie_edge::{page::render, problem::Problem};
use vigie_proto::{
    event::{IncidentSnapshot, RefusalReason},
    sensitivity::Sensitivity,
};

use super::{
    Worded,
    form::{self, Fields},
    progress::{self, Step},
    status_of,
};
use crate::{
    conduct,
    desk::Edge,
    order::{MobilisationStep, step},
    problems::not_done,
    store::{self, Ask},
    view,
};

#[derive(Template)]
#[template(path = "answer.html")]
struct AnswerPage<'a> {
    mobilisation: &'a Mobilisation,
    incident: &'a IncidentSnapshot,
    body: String,
    /// What the body may do now, by its code.
    moves: Vec<&'static str>,
    steps: Vec<Step>,
    /// Another body accepted.
    others: bool,
    problem: Option<Problem>,
    edge: &'a Edge,
}

/// What a link opens.
struct Opened {
    ask: Ask,
    mobilisation: Mobilisation,
    incident: IncidentSnapshot,
    /// The crisis is over: nothing is asked any more.
    closed: bool,
}

/// `GET /m/{token}`
pub(crate) async fn show(State(edge): State<Arc<Edge>>, Path(token): Path<String>) -> Result<Response, Problem> {
    page(&edge, &token, None).await
}

/// `POST /m/{token}`
pub(crate) async fn act(
    State(edge): State<Arc<Edge>>,
    Path(token): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let answered = async {
        let opened = open(&edge, &token).await?;
        conduct::answer(&edge, &opened.ask, asked_for(&edge, &fields)?).await
    };
    match answered.await {
        Ok(()) => Ok(Redirect::to(&format!("/m/{token}")).into_response()),
        Err(problem) => page(&edge, &token, Some(problem)).await,
    }
}

/// The step a form asks for. Passing a request on is not for whoever provides.
fn asked_for(edge: &Edge, fields: &Fields) -> Result<Move, Problem> {
    let to = match form::value(fields, "to") {
        Some("accept") => MobilisationStep::Accept,
        Some("refuse") => MobilisationStep::Refuse,
        Some("leave") => MobilisationStep::Leave,
        Some("arrive") => MobilisationStep::Arrive,
        Some("release") => MobilisationStep::Release,
        _ => return Err(Problem::invalid("to", "Choisissez une réponse.")),
    };
    let reason = form::value(fields, "reason");
    let reason = reason.and_then(|code| RefusalReason::ALL.into_iter().find(|reason| reason.code() == code));
    step(to, reason.filter(|_| to == MobilisationStep::Refuse)).map_err(|why| not_done(&why, &edge.city))
}

/// What the token opens, or why it does not.
async fn open(edge: &Edge, token: &str) -> Result<Opened, Problem> {
    let missing = || dead(LinkError::Altered);
    let claimed = Signer::claimed(token).ok_or_else(missing)?;
    let mut connection = edge.pool.acquire().await?;
    let ask = store::ask(&mut connection, claimed).await?.ok_or_else(missing)?;
    let body = edge.city.directory.body(&ask.body).ok_or_else(missing)?;
    edge.signer.verify_request(token, &body.contacts, edge.now).map_err(dead)?;
    let crisis = store::read(&mut connection, ask.crisis).await?.ok_or_else(missing)?;
    let closed = crisis.snapshot.closed;
    let mobilisation = crisis.mobilisations.into_iter().find(|m| m.id == ask.mobilisation).ok_or_else(missing)?;
    let incident = store::incident(&mut connection, mobilisation.incident).await?.ok_or_else(missing)?;
    let reading = edge.city.reading(&incident.kind, &ask.role, Medium::Link);
    let incident = reading.of(&incident, Sensitivity::Operational);
    Ok(Opened { ask, mobilisation, incident, closed })
}

async fn page(edge: &Edge, token: &str, problem: Option<Problem>) -> Result<Response, Problem> {
    let Opened { ask, mobilisation, incident, closed } = open(edge, token).await?;
    let moves = mobilisation.moves(&ask.role, &ask.body);
    let passed_on = mobilisation.rule.through.is_some();
    Ok(render(
        status_of(problem.as_ref()),
        &AnswerPage {
            body: edge.body_label(&ask.body),
            moves: if closed { Vec::new() } else { moves.into_iter().map(view::move_code).collect() },
            steps: progress::steps(mobilisation.stage.code(), passed_on),
            others: mobilisation.provider.as_ref().is_some_and(|provider| *provider != ask.body),
            mobilisation: &mobilisation,
            incident: &incident,
            problem,
            edge,
        },
    ))
}

fn dead(why: LinkError) -> Problem {
    let (title, text) = match why {
        LinkError::Expired => ("Ce lien n'est plus valable", "Il a expiré. Appelez la SCOP pour répondre."),
        LinkError::Altered => (
            "Ce lien n'est pas valable",
            "Le lien est incomplet ou a été modifié. Recopiez-le en entier, ou appelez la SCOP.",
        ),
    };
    Problem::dead_link(why, title, text)
}

impl AnswerPage<'_> {
    fn may(&self, code: &str) -> bool {
        self.moves.contains(&code)
    }

    /// Refused, or released, or another's: nothing is asked of this body any more.
    fn is_over(&self) -> bool {
        !self.moves.iter().any(|code| *code != "release")
    }
}
