//! Before an incident is closed from its page: who will learn of it, and what nobody has answered yet.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use vigie_domain::{
    access::{self, Caller},
    french,
};
use vigie_edge::{
    page::{Frame, render},
    problem::{Problem, written},
};
use vigie_proto::{
    IncidentId, Severity,
    event::ClosingReason,
    plan::{NewsGroup, NewsTrigger},
    sensitivity::Sensitivity,
};

use super::deed::Deed;
use crate::{
    Edge,
    act::request::denied,
    caller::Seen,
    incidents::{self, OwedView, PartialView, body_name},
    news,
};

#[derive(Debug, Template)]
#[template(path = "closing.html")]
struct ClosingPage<'a> {
    frame: Frame,
    id: IncidentId,
    reference: &'a str,
    kind: &'a str,
    place: String,
    severity: Severity,
    exercise: bool,
    reason: ClosingReason,
    text: &'a str,
    sure: bool,
    /// Who is told that it is over, in French.
    told: String,
    /// What is not answered, or not given, in French.
    open: Vec<String>,
}

/// Asks whether the incident is to be closed as `deed` says; what is wrong with it otherwise.
pub(super) async fn ask(edge: &Edge, caller: Caller<'_>, seen: &Seen, deed: &Deed) -> Result<Response, Problem> {
    let position = seen.position(edge, caller.party()).ok_or_else(|| Problem::not_found("Événement"))?;
    position.may(access::Deed::Close).map_err(denied)?;
    deed.request()?;
    let reason = deed.closing.ok_or_else(|| Problem::invalid("closing", "Choisissez un motif de clôture."))?;
    written("note", &deed.text, deed.sure)?;
    let shown = caller.shown(&seen.snapshot, position.clearance().unwrap_or(Sensitivity::Public), &edge.city);
    let page = ClosingPage {
        frame: Frame::of(caller, if caller.operates() { "/scop" } else { "" }),
        id: seen.snapshot.id,
        reference: &shown.reference,
        kind: &shown.kind_label,
        place: shown.place_in_words(),
        severity: shown.severity,
        exercise: shown.nature.is_exercise(),
        reason,
        text: deed.text.trim(),
        sure: deed.sure,
        told: told(edge, caller, seen).await?,
        open: open(edge, caller, seen).await?,
    };
    Ok(render(StatusCode::OK, &page))
}

/// Who is told that it is over: those who were alerted, when the plan says so.
async fn told(edge: &Edge, caller: Caller<'_>, seen: &Seen) -> Result<String, sqlx::Error> {
    let rules = seen.plan.iter().flat_map(|plan| &plan.plan.news);
    let over: Vec<_> = rules.filter(|rule| rule.on.contains(&NewsTrigger::Over)).collect();
    let alerted = if over.iter().any(|rule| rule.groups.contains(&NewsGroup::Alerted)) {
        sqlx::query_scalar!(
            r#"select count(distinct body) as "alerted!" from escalation.alert where incident_id = $1 and body <> $2"#,
            seen.snapshot.id.0,
            caller.source.body.as_str()
        )
        .fetch_one(&edge.pool)
        .await?
    } else {
        0
    };
    let others = over.iter().flat_map(|rule| &rule.tell).map(|target| edge.city.directory.role_label(&target.role));
    let alerted = match alerted {
        0 => None,
        1 => Some("1 service, qui avait été alerté".to_owned()),
        many => Some(format!("{many} services, qui avaient été alertés")),
    };
    let all: Vec<String> = alerted.into_iter().chain(others.map(str::to_owned)).collect();
    Ok(if all.is_empty() { "personne : aucun message ne part".to_owned() } else { all.join(", ") })
}

/// What is not answered, or not given.
async fn open(edge: &Edge, caller: Caller<'_>, seen: &Seen) -> Result<Vec<String>, sqlx::Error> {
    let directory = &edge.city.directory;
    let mut connection = edge.pool.acquire().await?;
    let id = seen.snapshot.id;
    let news = news::of(&mut connection, &[id.0], caller.source.id.as_str()).await?.remove(&id).unwrap_or_default();
    let mut open = Vec::new();
    if let Some(standing) = &seen.standing {
        let partial = standing.partial().into_iter().map(|partial| PartialView::of(partial, directory).text);
        open.extend(partial.map(|text| format!("Prise en compte : {text}")));
        if !standing.circuits.is_empty() && standing.circuits.iter().all(|circuit| circuit.have.is_empty()) {
            open.push("Personne n'a pris en compte l'événement".to_owned());
        }
        let asked = standing.circuits.iter().filter(|circuit| !circuit.satisfied);
        let asked = asked.flat_map(|circuit| circuit.asked.iter().filter(|asked| !circuit.have.contains(asked)));
        let mut silent: Vec<String> = asked
            .filter(|asked| !news.refusals.iter().any(|refusal| refusal.body == **asked))
            .map(|body| body_name(directory, body.to_string()))
            .collect();
        silent.sort();
        silent.dedup();
        if !silent.is_empty() {
            open.push(format!("Sollicités, sans réponse : {}", silent.join(" ; ")));
        }
    }
    open.extend(news.refusals_in_words(&edge.city).into_iter().map(|refusal| format!("Refus de {refusal}")));
    let expected = seen.snapshot.expected_at.filter(|at| *at > edge.now);
    open.extend(
        expected.map(|at| format!("Annoncé pour {}, encore à venir", french::date_time(at, &edge.city.doctrine.zone))),
    );
    let owed = incidents::owed(edge, &mut connection, id).await?.into_iter().filter(|owed| owed.outcome.is_none());
    open.extend(owed.map(|OwedView { what, by, .. }| format!("Retour dû : {what}, par {by}")));
    Ok(open)
}
