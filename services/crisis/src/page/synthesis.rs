//! `/crises/{id}/synthese`: the whole crisis on a page that prints, for whoever decides with the figures before them.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use vigie_domain::crisis::Rules;
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};

use super::Worded;
use crate::{
    api,
    desk::{self, Edge},
    view::{CrisisView, RelayView, ReportView},
};

#[derive(Template)]
#[template(path = "synthesis.html")]
struct SynthesisPage<'a> {
    frame: Frame,
    crisis: CrisisView,
    rules: &'a Rules,
    edge: &'a Edge,
}

/// `GET /crises/{id}/synthese`
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    page(&edge, &presented, &id).await
}

async fn page(edge: &Edge, presented: &Presented, id: &str) -> Result<Response, Problem> {
    let caller = desk::caller(edge, presented)?;
    let crisis = desk::see(edge, caller, api::parse_id(id)?).await?;
    let crisis = api::view(edge, caller, &crisis).await?;
    let page = SynthesisPage { frame: Frame::of(caller, "/crises"), crisis, rules: desk::moment(edge)?.rules, edge };
    Ok(render(axum::http::StatusCode::OK, &page))
}

impl SynthesisPage<'_> {
    /// The reports, the late first, then those due soonest.
    fn reports(&self) -> Vec<&ReportView> {
        let mut reports: Vec<&ReportView> = self.crisis.reports.iter().collect();
        reports.sort_by_key(|report| (!self.is_late(report), report.due_at.is_none(), report.due_at));
        reports
    }

    fn is_late(&self, report: &ReportView) -> bool {
        report.due_at.is_some_and(|due| due <= self.edge.now)
    }

    /// What stands to be relayed.
    fn texts(&self) -> Vec<&RelayView> {
        self.crisis.relays.iter().filter(|text| text.stands).collect()
    }

    /// The number of one category over every centre.
    fn total(&self, category: &str) -> u32 {
        self.crisis.care.iter().filter_map(|care| care.people.get(category)).sum()
    }
}
