//! `/t/{token}`: the page a drill's message opens. `GET` shows; only `POST` answers, since mail scanners open links.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use vigie_domain::{directory::Ambit, french, link::LinkError};
use vigie_platform::{page::respond, problem::Problem};
use vigie_proto::event::ProbePurpose;

use super::{Edge, stored};
use crate::probe::{self, Probe};

#[derive(Debug, Template)]
#[template(path = "probe.html")]
struct ProbePage<'a> {
    /// The function tried, as messages name it.
    recipient: String,
    channel: &'a str,
    until: String,
    answered: bool,
}

#[derive(Debug, Template)]
#[template(path = "dead_probe.html")]
struct DeadProbePage<'a> {
    title: &'a str,
    text: &'a str,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, Path(token): Path<String>) -> Response {
    match open(&edge, &token).await {
        Ok(probe) => page(&edge, &probe, probe.answered),
        Err(response) => response,
    }
}

pub(crate) async fn answer(State(edge): State<Arc<Edge>>, Path(token): Path<String>) -> Response {
    let probe = match open(&edge, &token).await {
        Ok(probe) => probe,
        Err(response) => return response,
    };
    let now = edge.context.clock.now();
    let recorded = async {
        let mut tx = edge.pool.begin().await?;
        let entry = probe::answered(&mut tx, &probe, now).await?;
        tx.commit().await?;
        Ok::<_, sqlx::Error>(entry)
    };
    match recorded.await {
        Ok(entry) => {
            edge.context.fresh.push(entry.into_iter().collect());
            page(&edge, &probe, true)
        }
        Err(error) => stored(error).into_response(),
    }
}

/// The probe a link was made for, or the page that says why it opens nothing.
async fn open(edge: &Edge, token: &str) -> Result<Probe, Response> {
    let now = edge.context.clock.now();
    let id = edge.signer.verify_probe(token, now).map_err(|error| match error {
        LinkError::Altered => dead(
            StatusCode::NOT_FOUND,
            "Ce lien n'ouvre rien",
            "Il est incomplet ou a été modifié. Copiez-le en entier depuis le message.",
        ),
        LinkError::Expired => {
            dead(StatusCode::GONE, "L'essai est terminé", "Le délai de réponse est passé. Il n'y a rien à faire.")
        }
    })?;
    let found = async {
        let mut tx = edge.pool.begin().await?;
        probe::find(&mut tx, id).await
    };
    let probe = found.await.map_err(|error| Problem::from_store(&error).into_response())?;
    probe
        .filter(|probe| probe.purpose == ProbePurpose::Drill)
        .ok_or_else(|| dead(StatusCode::NOT_FOUND, "Ce lien n'ouvre rien", "Cet essai n'existe pas, ou plus."))
}

fn page(edge: &Edge, probe: &Probe, answered: bool) -> Response {
    let directory = &edge.city.directory;
    let role = directory.role_label(&probe.role);
    let recipient = match directory.body(&probe.body) {
        Some(body) if !matches!(body.ambit, Ambit::School(_)) => format!("{} ({role})", body.name),
        Some(_) | None => role.to_owned(),
    };
    let page = ProbePage {
        recipient,
        channel: match probe.channel {
            vigie_proto::Channel::Email => "courriel",
            vigie_proto::Channel::Sms => "SMS",
            vigie_proto::Channel::Screen => "écran",
        },
        until: french::date_time(probe.expires_at, &edge.city.doctrine.zone),
        answered,
    };
    render(StatusCode::OK, &page)
}

fn dead(status: StatusCode, title: &str, text: &str) -> Response {
    render(status, &DeadProbePage { title, text })
}

fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => respond(status, html),
        Err(error) => {
            tracing::error!(error = %error, "a page could not be rendered");
            Problem::unavailable().into_response()
        }
    }
}
