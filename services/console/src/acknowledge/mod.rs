//! `/a/{token}`: the page a signed link opens. `GET` shows the least its recipient may see; only `POST` acts, since mail
//! scanners open links: it takes charge, refuses, or gives what is owed.

pub(crate) mod echo;
mod place;

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Deserialize;
use sqlx::types::Json as SqlJson;
use vigie_domain::{
    access::{Deed, Party},
    doctrine::Medium,
    french,
    link::{LinkError, Signer},
};
use vigie_edge::{page::render, problem::Problem};
use vigie_proto::{
    AlertId, BodyId, IncidentId, IncidentStatus, RoleId,
    event::{Act, Actor, RefusalReason, Rejection, ReturnOutcome, Through},
    plan::Owed,
    sensitivity::Sensitivity,
};

use self::{
    echo::{Echo, Said},
    place::PlaceMap,
};
use crate::{
    Edge,
    act::{self, Outcome},
    caller::{self, Seen},
    news::{self, Refusal},
};

/// The alert a link was made for.
#[derive(Debug)]
struct Alert {
    id: AlertId,
    incident_id: IncidentId,
    body: BodyId,
    role: RoleId,
    /// Asked again after having taken charge: only what comes after it answers.
    asked_again_at: Option<jiff::Timestamp>,
    /// What is owed, when the link is to give it, and whether it was given.
    owed: Option<(Owed, bool)>,
    /// The message asked for an answer, and did not only inform.
    asks: bool,
}

/// What a good link opens: the alert, the incident as its recipient may know it, and what it may do.
#[derive(Debug)]
struct Opened {
    alert: Alert,
    seen: Seen,
    clearance: Sensitivity,
    /// It may take charge, and refuse.
    may_answer: bool,
}

#[derive(Debug, Template)]
#[template(path = "acknowledge.html")]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each a part of the page")]
struct AcknowledgePage<'a> {
    seen: &'a Seen,
    map: Option<PlaceMap>,
    body_name: String,
    opened: String,
    expected: Option<String>,
    acknowledged: Vec<(String, String)>,
    /// This body is among them, for the present severity.
    done: bool,
    /// It worsened while the page was open.
    stale: bool,
    /// Recorded, but the result is not known yet.
    pending: bool,
    /// What is owed, when the link is to give it.
    owed: Option<&'a Owed>,
    owed_by: Option<String>,
    refusals: &'a [RefusalReason],
    /// It may take charge, and refuse; otherwise only say that it has seen it.
    may_answer: bool,
    /// When it has said so.
    has_seen: Option<String>,
    /// When it took charge, for the present severity.
    taken: Option<String>,
    /// Its last answer was that it cannot: when, and why.
    refused: Option<(String, &'static str)>,
    echo: Echo,
}

/// What the person did, and the version under their eyes.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    version: u32,
    #[serde(default)]
    did: Did,
    #[serde(default)]
    reason: Option<RefusalReason>,
    #[serde(default)]
    outcome: Option<ReturnOutcome>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Did {
    #[default]
    Acknowledge,
    Refuse,
    See,
    Return,
    TakeBack,
}

impl Answer {
    /// The act it is; none when the form is incomplete.
    fn act(&self, alert: &Alert) -> Option<Act> {
        let alert_id = Some(alert.id);
        match self.did {
            Did::Acknowledge => Some(Act::Acknowledge { version: self.version, alert_id }),
            Did::See => Some(Act::See { version: self.version, alert_id }),
            Did::Refuse => Some(Act::Refuse { reason: self.reason?, alert_id }),
            Did::TakeBack => Some(Act::TakeBack),
            Did::Return => Some(Act::Return { owed: alert.owed.as_ref()?.0.id.clone(), outcome: self.outcome? }),
        }
    }
}

/// What is to be said above the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    None,
    /// It worsened while the page was open.
    Stale,
    /// Recorded, not applied yet.
    Pending,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let opened = open(&edge, &token).await?;
    page(&edge, &opened, StatusCode::OK, Note::None).await
}

pub(crate) async fn acknowledge(
    State(edge): State<Arc<Edge>>,
    Path(token): Path<String>,
    form: Result<Form<Answer>, FormRejection>,
) -> Result<Response, Problem> {
    let opened = open(&edge, &token).await?;
    let answer = match form {
        Ok(Form(answer)) if answer.version <= opened.seen.snapshot.version => answer,
        Ok(_) | Err(_) => return page(&edge, &opened, StatusCode::UNPROCESSABLE_ENTITY, Note::None).await,
    };
    edge.limits.take_for_link(opened.alert.id)?;
    let alert = &opened.alert;
    let Some(act) = answer.act(alert) else {
        return page(&edge, &opened, StatusCode::UNPROCESSABLE_ENTITY, Note::None).await;
    };
    if !opened.may_answer && matches!(act, Act::Acknowledge { .. } | Act::Refuse { .. } | Act::TakeBack) {
        return page(&edge, &opened, StatusCode::FORBIDDEN, Note::None).await;
    }
    let actor = Actor { body: alert.body.clone(), role: alert.role.clone(), through: Through::Link };
    match act::perform(&edge, alert.incident_id, actor, act, None).await? {
        Outcome::Recorded => page(&edge, &opened, StatusCode::ACCEPTED, Note::Pending).await,
        Outcome::Rejected(Rejection::Stale) => page(&edge, &opened, StatusCode::CONFLICT, Note::Stale).await,
        // Applied, or of no effect any more: the page says how it stands now.
        Outcome::Applied(_) | Outcome::Rejected(_) => Ok(Redirect::to(&format!("/a/{token}")).into_response()),
    }
}

/// What a token opens, or the page that says why it does not: it was made for a contact point of the body, as that still
/// is, and the body may know of the incident.
async fn open(edge: &Edge, token: &str) -> Result<Opened, Problem> {
    let dead = || dead_link(LinkError::Altered);
    let claimed = Signer::claimed(token).ok_or_else(dead)?;
    let alert = alert(edge, claimed).await?.ok_or_else(dead)?;
    let directory = &edge.city.directory;
    let body = directory.body(&alert.body).ok_or_else(dead)?;
    edge.signer.verify(token, &body.contacts, edge.now).map_err(dead_link)?;
    let seen = caller::tied(&edge.pool, alert.incident_id, &alert.body, None).await?.ok_or_else(dead)?;
    let position = Party::of_body(body, directory).and_then(|party| seen.position(edge, party)).ok_or_else(dead)?;
    let snapshot = position.view(&seen.snapshot, &edge.city.doctrine, Medium::Link).ok_or_else(dead)?;
    let may_answer = alert.asks && position.may(Deed::TakeCharge).is_ok();
    let clearance = position.clearance().ok_or_else(dead)?;
    let seen = Seen { snapshot, ..seen };
    Ok(Opened { alert, seen, clearance, may_answer })
}

async fn alert(edge: &Edge, id: AlertId) -> Result<Option<Alert>, sqlx::Error> {
    let row = sqlx::query!(
        "select incident_id, body, role, purpose, steps, owed, issued_at from escalation.alert where id = $1 and purpose = any($2)",
        id.0,
        ["acknowledge", "confirm", "take-over", "return", "inform"].map(str::to_owned).to_vec()
    )
    .fetch_optional(&edge.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let Some((body, role)) = BodyId::new(row.body).ok().zip(RoleId::new(row.role).ok()) else { return Ok(None) };
    let incident_id = IncidentId(row.incident_id);
    let purpose = row.purpose;
    let asked_again_at = (purpose == "confirm").then(|| row.issued_at.to_jiff());
    let owed = if purpose == "return" {
        owed_by(edge, incident_id, (row.owed.as_deref(), &row.steps), &role).await?
    } else {
        None
    };
    let asks = purpose != "inform" && purpose != "return";
    Ok(Some(Alert { id, incident_id, body, role, asked_again_at, owed, asks }))
}

/// What a reminder is about, and whether it was given: the debt it names, or for alerts of a former release, which named
/// none, one of the circuit of `steps` owed by `role`.
async fn owed_by(
    edge: &Edge,
    incident: IncidentId,
    (id, steps): (Option<&str>, &[String]),
    role: &RoleId,
) -> Result<Option<(Owed, bool)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select owed as "owed: SqlJson<Owed>", outcome is not null as "given!"
             from routing.owed where incident_id = $1 order by 2, due_at"#,
        incident.0
    )
    .fetch_all(&edge.pool)
    .await?;
    for row in rows {
        let SqlJson(owed) = row.owed;
        let of_step = steps.iter().any(|step| step.split('/').next() == Some(owed.circuit.as_str()));
        if id.map_or(of_step && owed.by.role == *role, |id| owed.id == id) {
            return Ok(Some((owed, row.given)));
        }
    }
    Ok(None)
}

async fn page(edge: &Edge, opened: &Opened, status: StatusCode, note: Note) -> Result<Response, Problem> {
    let Opened { alert, seen, clearance, may_answer } = opened;
    let refusals = refusals(edge, alert.incident_id).await?;
    let acknowledged = acknowledged(edge, alert.incident_id, seen.asked_version).await?;
    let name = |id: &BodyId| edge.city.directory.body(id).map_or_else(|| id.to_string(), |body| body.name.clone());
    let zone = &edge.city.doctrine.zone;
    let date_time = |at| french::date_time(at, zone);
    let moment = |at: Timestamp| french::moment(&at.to_zoned(zone.clone()), &edge.now.to_zoned(zone.clone()));
    let since = |at: Timestamp| alert.asked_again_at.is_none_or(|asked| at >= asked);
    let taken = acknowledged.iter().find(|(body, at)| *body == alert.body && since(*at)).map(|(_, at)| *at);
    let refused = refusals.iter().find(|known| known.body == alert.body && since(known.at)).filter(|_| taken.is_none());
    let said = taken
        .map(|at| Said::Acknowledged { at })
        .or_else(|| refused.map(|refusal| Said::Refused { at: refusal.at, reason: refusal.reason }));
    let template = AcknowledgePage {
        map: place::map(&seen.snapshot, &edge.city.territory),
        body_name: name(&alert.body),
        opened: date_time(seen.snapshot.opened_at),
        expected: seen.snapshot.expected_at.map(date_time),
        done: match &alert.owed {
            Some((_, given)) => *given,
            None => taken.is_some(),
        },
        owed: alert.owed.as_ref().map(|(owed, _)| owed),
        owed_by: alert.owed.as_ref().and_then(|(owed, _)| owed.due_at).map(date_time),
        refusals: &RefusalReason::ALL,
        may_answer: *may_answer,
        has_seen: seen_at(edge, alert).await?.map(moment),
        taken: taken.map(moment),
        refused: refused.map(|refusal| (moment(refusal.at), refusal.reason.label())),
        echo: echo::echo(edge, seen, (&alert.body, &alert.role), *clearance, said, &refusals),
        acknowledged: acknowledged.iter().map(|(body, at)| (name(body), date_time(*at))).collect(),
        seen,
        stale: note == Note::Stale,
        pending: note == Note::Pending,
    };
    Ok(render(status, &template))
}

/// When the body of the alert last said that it has seen the incident.
async fn seen_at(edge: &Edge, alert: &Alert) -> Result<Option<Timestamp>, sqlx::Error> {
    let at = sqlx::query_scalar!(
        "select max(at) from console.act where incident_id = $1 and body = $2 and did ->> 'did' = 'see'",
        alert.incident_id.0,
        alert.body.as_str()
    )
    .fetch_one(&edge.pool)
    .await?;
    Ok(at.map(SqlTimestamp::to_jiff))
}

/// Who will not take charge of the incident.
async fn refusals(edge: &Edge, incident: IncidentId) -> Result<Vec<Refusal>, sqlx::Error> {
    let mut connection = edge.pool.acquire().await?;
    // What a desk has read is not asked for: a link is of no desk.
    let news = news::of(&mut connection, &[incident.0], "").await?.remove(&incident);
    Ok(news.map(|news| news.refusals).unwrap_or_default())
}

/// Bodies in charge of the present severity, each with its last word, first first.
async fn acknowledged(
    edge: &Edge,
    incident: IncidentId,
    since_version: u32,
) -> Result<Vec<(BodyId, jiff::Timestamp)>, sqlx::Error> {
    let acknowledged = sqlx::query!(
        r#"select a.body, max(a.at) as "at!" from routing.acknowledgement a join routing.incident i on i.id = a.incident_id
          where a.incident_id = $1 and a.seen_version >= $2 and a.body = any(i.in_charge) group by a.body order by 2"#,
        incident.0,
        i32::try_from(since_version).unwrap_or(i32::MAX)
    );
    let acknowledged = acknowledged.map(|row| Some((BodyId::new(row.body).ok()?, row.at.to_jiff())));
    Ok(acknowledged.fetch_all(&edge.pool).await?.into_iter().flatten().collect())
}

fn dead_link(error: LinkError) -> Problem {
    let (title, text) = match error {
        LinkError::Expired => {
            ("Ce lien a expiré", "Le délai de ce lien est passé. Appelez la SCOP pour prendre l'événement en compte.")
        }
        LinkError::Altered => (
            "Ce lien n'est pas valable",
            "Le lien est incomplet ou a été modifié. Recopiez-le en entier, ou appelez la SCOP.",
        ),
    };
    Problem::dead_link(error, title, text)
}

impl AcknowledgePage<'_> {
    fn closed(&self) -> bool {
        self.seen.snapshot.status == IncidentStatus::Closed
    }
}
