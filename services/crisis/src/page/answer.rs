//! `/m/{token}`: the page a request for a resource is answered on. `GET` shows what is asked, of whom, where and until
//! when; only `POST` acts, since mail scanners open links.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::{
    crisis::mobilisation::{Mobilisation, Move},
    link::{LinkError, Signer},
};
use vigie_platform::problem::Problem;
use vigie_proto::event::{IncidentSnapshot, RefusalReason};

use super::{
    Shown,
    form::{self, Fields},
    progress::{self, Step},
    render, shown, status_of,
};
use crate::{
    desk::Edge,
    order::{MobilisationStep, step},
    problems::{invalid, not_done, stored},
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
pub(crate) async fn show(State(edge): State<Arc<Edge>>, Path(token): Path<String>) -> Response {
    shown(page(&edge, &token, None).await)
}

/// `POST /m/{token}`
pub(crate) async fn act(
    State(edge): State<Arc<Edge>>,
    Path(token): Path<String>,
    Form(fields): Form<Fields>,
) -> Response {
    let answered = async {
        let opened = open(&edge, &token).await?;
        edge.answer(&opened.ask, asked_for(&edge, &fields)?).await
    };
    match answered.await {
        Ok(()) => Redirect::to(&format!("/m/{token}")).into_response(),
        Err(problem) => shown(page(&edge, &token, Some(problem)).await),
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
        _ => return Err(invalid("to", "Choisissez une réponse.")),
    };
    let reason = form::value(fields, "reason");
    let reason = reason.and_then(|code| RefusalReason::ALL.into_iter().find(|reason| reason.code() == code));
    step(to, reason.filter(|_| to == MobilisationStep::Refuse)).map_err(|why| not_done(&why, &edge.city))
}

/// What the token opens, or why it does not.
async fn open(edge: &Edge, token: &str) -> Result<Opened, Problem> {
    let missing = || dead(LinkError::Altered);
    let claimed = Signer::claimed(token).ok_or_else(missing)?;
    let mut connection = edge.connection().await?;
    let ask = store::ask(&mut connection, claimed).await.map_err(stored)?.ok_or_else(missing)?;
    let body = edge.city.directory.body(&ask.body).ok_or_else(missing)?;
    edge.desk.signer.verify_request(token, &body.contacts, edge.now).map_err(dead)?;
    let crisis = store::read(&mut connection, ask.crisis).await.map_err(stored)?.ok_or_else(missing)?;
    let closed = crisis.snapshot.closed;
    let mobilisation = crisis.mobilisations.into_iter().find(|m| m.id == ask.mobilisation).ok_or_else(missing)?;
    let incident = store::incident(&mut connection, mobilisation.incident).await.map_err(stored)?;
    Ok(Opened { ask, mobilisation, incident: incident.ok_or_else(missing)?, closed })
}

async fn page(edge: &Edge, token: &str, problem: Option<Problem>) -> Shown {
    let Opened { ask, mobilisation, incident, closed } = open(edge, token).await?;
    let moves = mobilisation.moves(&ask.role, &ask.body);
    let passed_on = mobilisation.rule.through.is_some();
    render(
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
    )
}

fn dead(error: LinkError) -> Problem {
    match error {
        LinkError::Expired => Problem::new(StatusCode::GONE, "link-expired", "Ce lien n'est plus valable")
            .detail("Il a expiré. Appelez la SCOP pour répondre."),
        LinkError::Altered => Problem::new(StatusCode::NOT_FOUND, "link-altered", "Ce lien n'est pas valable")
            .detail("Le lien est incomplet ou a été modifié. Recopiez-le en entier, ou appelez la SCOP."),
    }
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
