//! `/observatoire`: what a period has seen, in the whole city or one sector, to read, print and take away; of one month, the
//! bulletin, which says what has changed since the month before.
//!
//! Few events of one sector are never told apart; nothing here leads back to an incident or a person.

mod fiches;
mod figures;
mod headlines;
mod pictures;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{ToSpan, civil::Date};
use serde::Deserialize;
use serde_json::json;
use vigie_domain::{
    city::City,
    directory::{Permission, Sight},
    doctrine::Indicator,
};
use vigie_platform::{moment::Dated, page::Frame, problem::Problem};
use vigie_proto::Severity;

use crate::{Edge, page};
use fiches::FicheFigures;
use figures::{Figures, Scope, protected};
use headlines::Headline;

/// Longest period, days: five years.
const DAYS_AT_MOST: i32 = 1_827;
/// Bulletins offered, the current month's first.
const BULLETINS: i32 = 6;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// First day, `YYYY-MM-DD`; a year ago when absent.
    #[serde(default, deserialize_with = "vigie_platform::moment::within_reach")]
    du: Option<Date>,
    /// Last day, included; today when absent.
    #[serde(default, deserialize_with = "vigie_platform::moment::within_reach")]
    au: Option<Date>,
    /// One month, `2026-10`, instead of a first and a last day.
    #[serde(default)]
    mois: String,
    #[serde(default)]
    secteur: String,
    /// One kind; every kind when empty.
    #[serde(default, rename = "type")]
    kind: String,
    /// Played instead of real.
    #[serde(default)]
    exercices: String,
}

#[derive(Debug, Template)]
#[template(path = "observatory.html")]
struct ObservatoryPage {
    frame: Frame,
    /// `YYYY-MM-DD`, as the fields of a form take it.
    from: String,
    until: String,
    /// The same as people write it.
    period: (String, String),
    place: String,
    /// `octobre 2026`, of a bulletin.
    month: String,
    /// Months whose bulletin there is to read: value and name, the latest first.
    bulletins: Vec<(String, String)>,
    exercise: bool,
    /// Value, label, and whether it is chosen.
    sectors: Vec<(String, String, bool)>,
    types: Vec<(String, String, bool)>,
    headlines: Vec<Headline>,
    months: String,
    map: Option<String>,
    /// Kind, severity, number.
    kinds: Vec<(String, &'static str, String)>,
    fiches: Vec<FicheFigures>,
    /// The same as CSV and JSON.
    query: String,
}

/// One answer, in whatever form it is asked for.
struct Observed {
    figures: Figures,
    /// Of the month before, for a bulletin.
    before: Option<Figures>,
    today: Date,
    scope: Scope,
    frame: Frame,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    if let Err(response) = page::visitor(&edge, &headers).await {
        return response;
    }
    match observed(&edge, &headers, &asked).await {
        Ok(observed) => page::rendered(StatusCode::OK, &written_page(&edge.city, &asked, observed)),
        Err(problem) => page::problem(&problem),
    }
}

/// `GET /observatoire.csv`: one line a number, with the lines of the contract.
pub(crate) async fn csv(State(edge): State<Arc<Edge>>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let observed = match observed(&edge, &headers, &asked).await {
        Ok(observed) => observed,
        Err(problem) => return problem.into_response(),
    };
    let one_sector = observed.scope.sector.is_some();
    let line = |(id, indicator): (&String, &Indicator)| {
        let number = observed.figures.indicators.get(id).copied().unwrap_or(0);
        let label = indicator.label.replace('"', "\"\"");
        format!("{id},\"{label}\",\"{}\",{}\n", indicator.lines, protected(number, one_sector))
    };
    let lines = edge.city.doctrine.indicators.iter().map(line);
    let text: String = std::iter::once("indicateur,libelle,lignes,nombre\n".to_owned()).chain(lines).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"observatoire.csv\""),
    ];
    (headers, text).into_response()
}

/// `GET /observatoire.json`: the same figures for a program, protected alike.
pub(crate) async fn json(State(edge): State<Arc<Edge>>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let Observed { figures, scope, .. } = match observed(&edge, &headers, &asked).await {
        Ok(observed) => observed,
        Err(problem) => return problem.into_response(),
    };
    let one_sector = scope.sector.is_some();
    let told = |number: u64| protected(number, one_sector);
    let sectors: Vec<_> = figures
        .by_sector
        .iter()
        .map(|(sector, number)| json!({ "sector": sector, "incidents": protected(*number, true) }))
        .collect();
    let months: Vec<_> =
        figures.by_month.iter().map(|(month, number)| json!({ "month": month, "incidents": told(*number) })).collect();
    let body = json!({
        "from": scope.from.to_string(), "until": scope.until.to_string(), "sector": scope.sector,
        "nature": scope.nature, "incidents": told(figures.incidents), "acknowledged": told(figures.acknowledged),
        "took_charge_s": figures.took_charge_s.filter(|_| !told(figures.acknowledged).starts_with('<')),
        "relaunched": told(figures.relaunched), "owed": told(figures.owed), "given": told(figures.given),
        "given_in_time": told(figures.given_in_time), "overdue": told(figures.overdue),
        "by_sector": sectors, "by_month": months,
        "indicators": figures.indicators.iter().map(|(id, number)| (id.clone(), told(*number))).collect::<std::collections::BTreeMap<_, _>>(),
    });
    axum::Json(body).into_response()
}

/// Who asks, for what, and what was counted.
async fn observed(edge: &Edge, headers: &HeaderMap, asked: &Asked) -> Result<Observed, Problem> {
    let caller = crate::caller::authenticate(edge, headers).await?;
    if caller.role.sees != Sight::Everything && !caller.may(Permission::Audit) {
        return Err(crate::act::forbidden());
    }
    let now = edge.context.clock.now();
    let today = now.to_zoned(edge.city.doctrine.zone.clone()).date();
    let month = match asked.mois.as_str() {
        "" => None,
        text => Some(month(text).ok_or_else(|| {
            crate::incidents::invalid("mois", format!("« {text} » n'est pas un mois, comme 2026-10."))
        })?),
    };
    let until = month.map_or(asked.au.unwrap_or(today), Date::last_of_month);
    let from = month.or(asked.du).unwrap_or_else(|| until.checked_sub(1.year()).unwrap_or(until));
    let days = (until - from).get_days();
    if !(0..=DAYS_AT_MOST).contains(&days) {
        return Err(crate::incidents::invalid("au", "Après le début, et au plus cinq ans plus tard.".to_owned()));
    }
    let known = edge.city.territory.sectors().iter().any(|sector| sector.id.as_str() == asked.secteur);
    if !asked.secteur.is_empty() && !known {
        return Err(crate::incidents::invalid("secteur", format!("« {} » n'est pas un secteur.", asked.secteur)));
    }
    let kind = vigie_proto::Kind::new(asked.kind.as_str()).ok().filter(|kind| edge.city.doctrine.kind(kind).is_some());
    if !asked.kind.is_empty() && kind.is_none() {
        return Err(crate::incidents::invalid("type", format!("« {} » n'est pas un type d'événement.", asked.kind)));
    }
    let scope = Scope {
        from,
        until,
        sector: known.then(|| asked.secteur.clone()),
        kind: kind.map(|kind| kind.to_string()),
        nature: if asked.exercices.is_empty() { "real" } else { "exercise" },
        zone: edge.city.doctrine.zone.iana_name().unwrap_or("UTC").to_owned(),
    };
    let figures = figures::count(&edge.pool, &scope, now).await.map_err(|e| Problem::from_store(&e))?;
    let before = match month.and_then(|month| month.checked_sub(1.month()).ok()) {
        Some(former) => {
            let former = Scope { from: former, until: former.last_of_month(), ..scope.clone() };
            Some(figures::count(&edge.pool, &former, now).await.map_err(|e| Problem::from_store(&e))?)
        }
        None => None,
    };
    Ok(Observed { figures, before, today, scope, frame: page::frame(caller, "/observatoire") })
}

fn written_page(city: &City, asked: &Asked, observed: Observed) -> ObservatoryPage {
    let Observed { figures, before, today, scope, frame } = observed;
    let one_sector = scope.sector.is_some();
    let told = |number: u64| protected(number, one_sector);
    let sectors = city.territory.sectors().iter().filter(|sector| sector.in_paris);
    let sectors: Vec<(String, String, bool)> = sectors
        .map(|sector| (sector.id.to_string(), sector.label.clone(), sector.id.as_str() == asked.secteur))
        .collect();
    let place = sectors.iter().find(|(_, _, chosen)| *chosen).map_or_else(|| "Paris".to_owned(), |s| s.1.clone());
    let kinds = figures.by_kind.iter().map(|((kind, severity), number)| {
        let label = vigie_proto::Kind::new(kind.as_str()).ok().map(|kind| city.doctrine.kind_label(&kind).to_owned());
        let severity = severity.parse::<Severity>().map_or("", Severity::label);
        (label.unwrap_or_else(|| kind.clone()), severity, told(*number))
    });
    let exercises = if asked.exercices.is_empty() { "" } else { "&exercices=1" };
    ObservatoryPage {
        period: (written_day(scope.from), written_day(scope.until)),
        from: scope.from.to_string(),
        until: scope.until.to_string(),
        exercise: scope.nature == "exercise",
        headlines: headlines::of(&figures, before.as_ref(), one_sector),
        month: if asked.mois.is_empty() { String::new() } else { pictures::month_name(scope.from) },
        bulletins: (0..BULLETINS)
            .filter_map(|back| today.first_of_month().checked_sub(back.months()).ok())
            .map(|month| (month.strftime("%Y-%m").to_string(), pictures::month_name(month)))
            .collect(),
        months: pictures::months(&figures, &months(&scope), one_sector),
        map: (!one_sector).then(|| pictures::map(&figures, city)),
        kinds: kinds.collect(),
        fiches: fiches::of(city, &figures, one_sector),
        types: types(city, &asked.kind),
        query: format!("du={}&au={}&secteur={}&type={}{exercises}", scope.from, scope.until, asked.secteur, asked.kind),
        frame,
        place,
        sectors,
    }
}

/// The kinds to choose from: id, label, whether it is chosen.
fn types(city: &City, chosen: &str) -> Vec<(String, String, bool)> {
    let kinds = city.doctrine.kinds.iter();
    kinds.map(|(id, rule)| (id.to_string(), rule.label.clone(), id.as_str() == chosen)).collect()
}

/// The first day of `2026-10`.
fn month(text: &str) -> Option<Date> {
    format!("{text}-01").parse().ok().filter(Dated::is_within_reach)
}

fn written_day(day: Date) -> String {
    day.strftime("%d/%m/%Y").to_string()
}

/// Every month of the period, `YYYY-MM`.
fn months(scope: &Scope) -> Vec<String> {
    let mut months = Vec::new();
    let mut month = scope.from.first_of_month();
    while month <= scope.until {
        months.push(month.strftime("%Y-%m").to_string());
        let Ok(next) = month.checked_add(1.month()) else { break };
        month = next;
    }
    months
}
