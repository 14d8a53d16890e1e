//! `/t/{token}`: the page a drill's message opens. `GET` shows; only `POST` answers, since mail scanners open links.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use vigie_domain::{directory::Ambit, french, link::LinkError};
use vigie_edge::{page::render, problem::Problem};
use vigie_proto::event::ProbePurpose;

use crate::{
    api::Edge,
    probe::{self, Probe},
};

#[derive(Debug, Template)]
#[template(path = "probe.html")]
struct ProbePage<'a> {
    /// The function tried, as messages name it.
    recipient: String,
    channel: &'a str,
    until: String,
    answered: bool,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let probe = open(&edge, &token).await?;
    Ok(page(&edge, &probe, probe.answered))
}

pub(crate) async fn answer(State(edge): State<Arc<Edge>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let probe = open(&edge, &token).await?;
    let mut tx = edge.pool.begin().await?;
    let entry = probe::answered(&mut tx, &probe, edge.now).await?;
    tx.commit().await?;
    edge.context.fresh.push(entry.into_iter().collect());
    Ok(page(&edge, &probe, true))
}

/// The probe a link was made for, or the page that says why it opens nothing.
async fn open(edge: &Edge, token: &str) -> Result<Probe, Problem> {
    let dead = |why, text| {
        let title = if why == LinkError::Expired { "L'essai est terminé" } else { "Ce lien n'ouvre rien" };
        Problem::dead_link(why, title, text)
    };
    let id = edge.signer.verify_probe(token, edge.now).map_err(|why| match why {
        LinkError::Altered => dead(why, "Il est incomplet ou a été modifié. Copiez-le en entier depuis le message."),
        LinkError::Expired => dead(why, "Le délai de réponse est passé. Il n'y a rien à faire."),
    })?;
    let probe = probe::find(&mut *edge.pool.begin().await?, id).await?;
    probe
        .filter(|probe| probe.purpose == ProbePurpose::Drill)
        .ok_or_else(|| dead(LinkError::Altered, "Cet essai n'existe pas, ou plus."))
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
