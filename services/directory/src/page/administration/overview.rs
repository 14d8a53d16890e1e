//! `/administration`: what is in force, whether it holds, who could be reached last time, what was set aside.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::Value;
use vigie_domain::{directory::Permission, french};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};

use super::dead_letters;
use crate::{api::Edge, drill, proof, proposal, version};

#[derive(Debug, Template)]
#[template(path = "administration/overview.html")]
struct OverviewPage {
    frame: Frame,
    versions: Vec<InForceLine>,
    proof: Option<ProofLine>,
    drill: Option<DrillLine>,
    dependencies: Vec<(String, &'static str)>,
    /// Facts set aside that nobody has had applied since.
    set_aside: i64,
    /// Changes that wait for a second person.
    proposals: i64,
}

#[derive(Debug)]
struct InForceLine {
    what: &'static str,
    hash: String,
    since: String,
    by: String,
}

#[derive(Debug)]
struct ProofLine {
    at: String,
    errors: usize,
    warnings: usize,
    /// Place, message and remedy of each, in English as the prover writes them.
    findings: Vec<(String, String, String)>,
}

#[derive(Debug)]
struct DrillLine {
    path: String,
    at: String,
    asked: u32,
    answered: u32,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, presented: Presented) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    Ok(render(StatusCode::OK, &gathered(&edge, Frame::of(caller, "/administration")).await?))
}

async fn gathered(edge: &Edge, frame: Frame) -> Result<OverviewPage, sqlx::Error> {
    let zone = &edge.city.doctrine.zone;
    let history = version::history(&edge.pool, None, 500).await?;
    let hashes = edge.city.hashes();
    let line = |what: version::What| {
        let last = history.iter().find(|activation| activation.what == what);
        InForceLine {
            what: label(what),
            hash: what.of(&hashes).get(..12).unwrap_or_default().to_owned(),
            since: last.map(|last| french::date_time(last.at, zone)).unwrap_or_default(),
            by: last.and_then(|last| last.by.clone()).unwrap_or_else(|| "cette machine".to_owned()),
        }
    };
    let drill = match drill::list(&edge.pool, 1).await?.first() {
        Some(id) => drill::report(&edge.pool, &edge.city, *id, edge.now).await?,
        None => None,
    };
    let (_, dependencies) = edge.context.health.snapshot();
    Ok(OverviewPage {
        frame,
        versions: version::What::ALL.into_iter().map(line).collect(),
        proof: proof::last(&edge.pool, &hashes).await?.map(|proof| ProofLine::of(&proof, zone)),
        drill: drill.map(|report| DrillLine {
            path: format!("/administration/essais/{}", report.id),
            at: french::date_time(report.opened_at, zone),
            asked: report.by_channel.iter().map(|tally| tally.asked).sum(),
            answered: report.by_channel.iter().map(|tally| tally.answered).sum(),
        }),
        dependencies: dependencies
            .into_iter()
            .map(|(name, state)| {
                use vigie_platform::health::State::{Degraded, Failed, Ok};
                let state = match state {
                    Ok => "en service",
                    Degraded(_) => "dégradé",
                    Failed(_) => "en panne",
                };
                (name.to_owned(), state)
            })
            .collect(),
        set_aside: dead_letters::unsettled(&edge.pool).await?,
        proposals: proposal::waiting(&mut *edge.pool.acquire().await?).await?,
    })
}

impl ProofLine {
    fn of(proof: &proof::Proof, zone: &jiff::tz::TimeZone) -> Self {
        let findings = proof.report["findings"].as_array().cloned().unwrap_or_default();
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        let errors = findings.iter().filter(|finding| finding["level"] == "error").count();
        Self {
            at: french::date_time(proof.at, zone),
            errors,
            warnings: findings.len() - errors,
            findings: findings
                .iter()
                .map(|finding| {
                    let place = format!("{}:{}", text(finding, "file"), finding["line"]);
                    (place, text(finding, "message"), text(finding, "remedy"))
                })
                .collect(),
        }
    }
}

pub(super) fn label(what: version::What) -> &'static str {
    match what {
        version::What::Doctrine => "Doctrine",
        version::What::Directory => "Annuaire",
        version::What::Territory => "Territoire",
    }
}
