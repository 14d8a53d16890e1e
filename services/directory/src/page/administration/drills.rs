//! `/administration/essais`: is everybody reachable? Begins a drill and shows who answered, per channel and sector.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Json,
    extract::{Path, State},
    http::StatusCode,
    response::{Redirect, Response},
};
use uuid::Uuid;
use vigie_domain::{directory::Permission, french};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::{Channel, DrillId, SectorId};

use crate::{
    api::{Edge, drills as api},
    drill::{self, DrillReport, Tally},
};

const HERE: &str = "/administration/essais";
/// Drills shown, newest first.
const SHOWN: i64 = 12;
/// Contact points without an answer that are shown.
const UNREACHED: usize = 200;

#[derive(Debug, Template)]
#[template(path = "administration/drills.html")]
struct DrillsPage {
    frame: Frame,
    sectors: Vec<(String, String)>,
    drills: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    path: String,
    at: String,
    standing: String,
}

#[derive(Debug, Template)]
#[template(path = "administration/drill.html")]
struct DrillPage {
    frame: Frame,
    report: DrillReport,
    opened: String,
    closes: String,
    unreached: Vec<UnreachedLine>,
    more: usize,
}

#[derive(Debug)]
struct UnreachedLine {
    body: String,
    path: String,
    channel: &'static str,
    why: &'static str,
}

pub(crate) async fn list(State(edge): State<Arc<Edge>>, presented: Presented) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let mut drills = Vec::new();
    for id in drill::list(&edge.pool, SHOWN).await? {
        drills.extend(drill::report(&edge.pool, &edge.city, id, edge.now).await?.map(|report| line(&edge, &report)));
    }
    let sectors = edge.city.territory.sectors().iter().filter(|sector| sector.in_paris);
    let sectors = sectors.map(|sector| (sector.id.to_string(), sector.label.clone())).collect();
    Ok(render(StatusCode::OK, &DrillsPage { frame: Frame::of(caller, HERE), sectors, drills }))
}

fn line(edge: &Edge, report: &DrillReport) -> Line {
    let total = |of: fn(&Tally) -> u32| report.by_channel.iter().map(of).sum::<u32>();
    let open = if report.open { "en cours" } else { "terminé" };
    Line {
        path: format!("{HERE}/{}", report.id),
        at: french::date_time(report.opened_at, &edge.city.doctrine.zone),
        standing: format!(
            "{open} : {} réponses sur {}, {} échecs d'envoi",
            total(|tally| tally.answered),
            total(|tally| tally.asked),
            total(|tally| tally.failed)
        ),
    }
}

/// Fields of the form: `sector` and `channel`, each as often as chosen.
pub(crate) async fn open(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Redirect, Problem> {
    // Before what is chosen is read: whoever may not is told that, and not what is missing.
    edge.allowed(&presented, Permission::Administer)?;
    let chosen =
        |name: &str| fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.clone()).collect();
    let (sectors, channels): (Vec<String>, Vec<String>) = (chosen("sector"), chosen("channel"));
    let sectors: Vec<SectorId> = sectors.into_iter().filter_map(|sector| SectorId::new(sector).ok()).collect();
    let channels = Channel::ALL.into_iter().filter(|channel| channels.iter().any(|code| code == channel.code()));
    let channels: Vec<Channel> = channels.collect();
    // A form without a channel means none, not all of them.
    if channels.is_empty() {
        return Err(Problem::invalid("", "Choisissez au moins un canal : rien n'a été envoyé."));
    }
    let body = api::DrillBody { channels, sectors, answer_within_h: None };
    let (_, Json(opened)) = api::open(State(edge), presented, Ok(Json(body))).await?;
    Ok(Redirect::to(&format!("{HERE}/{}", opened.id)))
}

pub(crate) async fn one(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let missing = || Problem::not_found("Essai");
    let id = DrillId(id.parse::<Uuid>().map_err(|_| missing())?);
    let report = drill::report(&edge.pool, &edge.city, id, edge.now).await?.ok_or_else(missing)?;
    Ok(render(StatusCode::OK, &page(&edge, Frame::of(caller, HERE), report)))
}

fn page(edge: &Edge, frame: Frame, report: DrillReport) -> DrillPage {
    let zone = &edge.city.doctrine.zone;
    let unreached = report.unreached.iter().take(UNREACHED).map(|unreached| UnreachedLine {
        body: unreached.body_name.clone(),
        path: format!("/annuaire/{}", unreached.body),
        channel: match unreached.channel {
            Channel::Email => "courriel",
            Channel::Sms => "SMS",
            Channel::Screen => "écran",
        },
        why: match unreached.why.as_str() {
            "silent" => "pas de réponse",
            "refused" => "refusé par le destinataire",
            "exhausted" => "impossible à envoyer",
            "no-receipt" => "aucun accusé de l'appareil",
            "undelivered" => "non remis à l'appareil",
            _ => "coordonnée retirée",
        },
    });
    DrillPage {
        opened: french::date_time(report.opened_at, zone),
        closes: french::date_time(report.closes_at, zone),
        unreached: unreached.collect(),
        more: report.unreached.len().saturating_sub(UNREACHED),
        frame,
        report,
    }
}
