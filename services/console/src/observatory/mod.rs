//! `/observatoire`: what a period has seen, in the whole city or one sector, to read, print and take away; of one month, the
//! bulletin, which says what has changed since the month before.
//!
//! Periods are whole months; few events are never told apart, wherever and whoever asks ([`vigie_domain::discretion`]);
//! nothing here leads back to an incident or a person.

mod fiches;
pub(crate) mod figures;
mod headlines;
mod pictures;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{ToSpan, civil::Date};
use serde::Deserialize;
use serde_json::json;
use vigie_domain::{
    city::City,
    directory::{Permission, Sight},
    discretion::Told,
    doctrine::Indicator,
};
use vigie_edge::{
    credential::Presented,
    moment::Dated,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::Severity;

use crate::{Edge, page};
use fiches::FicheFigures;
use figures::{Figures, Period, Scope, shown};
use headlines::Headline;

/// Bulletins offered, the current month's first.
const BULLETINS: i32 = 6;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// A day of the first month, `YYYY-MM-DD`; a year ago when absent.
    #[serde(default)]
    du: String,
    /// A day of the last month; today when absent.
    #[serde(default)]
    au: String,
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

pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let observed = observed(&edge, &presented, &asked).await?;
    Ok(render(StatusCode::OK, &written_page(&edge.city, &asked, observed)))
}

/// `GET /observatoire.csv`: one line a number, with the lines of the contract.
pub(crate) async fn csv(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let observed = observed(&edge, &presented, &asked).await?;
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut write = |row: [&str; 4]| table.write_record(row).expect("a Vec takes everything");
    write(["indicateur", "libelle", "lignes", "nombre"]);
    for (id, Indicator { label, lines, .. }) in &edge.city.doctrine.indicators {
        let number = observed.figures.indicators.get(id).copied().unwrap_or(Told::Number(0));
        write([id, label, lines, &shown(number)]);
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"observatoire.csv\""),
    ];
    Ok((headers, table.into_inner().expect("a Vec takes everything")).into_response())
}

/// `GET /observatoire.json`: the same figures for a program, as they may be told: `"12"`, `"< 5"`, `"non communiqué"`,
/// `"au moins 12"`. `from` and `until` are the whole months counted.
pub(crate) async fn json(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let Observed { figures, scope, .. } = observed(&edge, &presented, &asked).await?;
    let sectors: Vec<_> =
        figures.by_sector.iter().map(|(sector, told)| json!({ "sector": sector, "incidents": shown(*told) })).collect();
    let months: Vec<_> =
        figures.by_month.iter().map(|(month, told)| json!({ "month": month, "incidents": shown(*told) })).collect();
    let body = json!({
        "from": scope.period.from.to_string(), "until": scope.period.until.to_string(), "sector": scope.sector,
        "nature": scope.nature, "incidents": shown(figures.incidents), "acknowledged": shown(figures.acknowledged),
        "took_charge_s": figures.took_charge_s,
        "relaunched": shown(figures.relaunched), "owed": shown(figures.owed), "given": shown(figures.given),
        "given_in_time": shown(figures.given_in_time), "overdue": shown(figures.overdue),
        "by_sector": sectors, "by_month": months,
        "indicators": figures.indicators.iter().map(|(id, told)| (id.clone(), shown(*told))).collect::<std::collections::BTreeMap<_, _>>(),
    });
    Ok(axum::Json(body).into_response())
}

/// Who asks, for what, and what was counted.
async fn observed(edge: &Edge, presented: &Presented, asked: &Asked) -> Result<Observed, Problem> {
    let caller = edge.caller(presented)?;
    if caller.role.sees != Sight::Everything && !caller.may(Permission::Audit) {
        return Err(Problem::not_allowed());
    }
    let now = edge.now;
    let today = now.to_zoned(edge.city.doctrine.zone.clone()).date();
    let (period, one_month) = period(asked, today)?;
    let known = edge.city.territory.sectors().iter().any(|sector| sector.id.as_str() == asked.secteur);
    if !asked.secteur.is_empty() && !known {
        return Err(Problem::invalid("secteur", format!("« {} » n'est pas un secteur.", asked.secteur)));
    }
    let kind = vigie_proto::Kind::new(asked.kind.as_str()).ok().filter(|kind| edge.city.doctrine.kind(kind).is_some());
    if !asked.kind.is_empty() && kind.is_none() {
        return Err(Problem::invalid("type", format!("« {} » n'est pas un type d'événement.", asked.kind)));
    }
    let scope = Scope {
        period,
        sector: known.then(|| asked.secteur.clone()),
        kind: kind.map(|kind| kind.to_string()),
        nature: if asked.exercices.is_empty() { "real" } else { "exercise" },
        zone: edge.city.doctrine.zone.iana_name().unwrap_or("UTC").to_owned(),
        withheld: page::withheld(edge, caller),
    };
    let figures = figures::count(&edge.pool, &scope, now).await?;
    let former = period.from.yesterday().ok().and_then(|last| Period::around(last, last)).filter(|_| one_month);
    let before = match former {
        Some(period) => {
            let former = Scope { period, ..scope.clone() };
            Some(figures::count(&edge.pool, &former, now).await?)
        }
        None => None,
    };
    Ok(Observed { figures, before, today, scope, frame: Frame::of(caller, "/observatoire") })
}

fn written_page(city: &City, asked: &Asked, observed: Observed) -> ObservatoryPage {
    let Observed { figures, before, today, scope, frame } = observed;
    let one_sector = scope.sector.is_some();
    let sectors = city.territory.sectors().iter().filter(|sector| sector.in_paris);
    let sectors: Vec<(String, String, bool)> = sectors
        .map(|sector| (sector.id.to_string(), sector.label.clone(), sector.id.as_str() == asked.secteur))
        .collect();
    let place = sectors.iter().find(|(_, _, chosen)| *chosen).map_or_else(|| "Paris".to_owned(), |s| s.1.clone());
    let kinds = figures.by_kind.iter().map(|((kind, severity), told)| {
        let label = vigie_proto::Kind::new(kind.as_str()).ok().map(|kind| city.doctrine.kind_label(&kind).to_owned());
        let severity = severity.parse::<Severity>().map_or("", Severity::label);
        (label.unwrap_or_else(|| kind.clone()), severity, shown(*told))
    });
    let exercises = if asked.exercices.is_empty() { "" } else { "&exercices=1" };
    ObservatoryPage {
        period: (written_day(scope.period.from), written_day(scope.period.until)),
        from: scope.period.from.to_string(),
        until: scope.period.until.to_string(),
        exercise: scope.nature == "exercise",
        headlines: headlines::of(&figures, before.as_ref()),
        month: if asked.mois.is_empty() { String::new() } else { pictures::month_name(scope.period.from) },
        bulletins: (0..BULLETINS)
            .filter_map(|back| today.first_of_month().checked_sub(back.months()).ok())
            .map(|month| (month.strftime("%Y-%m").to_string(), pictures::month_name(month)))
            .collect(),
        months: pictures::months(&figures, &scope.period.months()),
        map: (!one_sector).then(|| pictures::map(&figures, city)),
        kinds: kinds.collect(),
        fiches: fiches::of(city, &figures),
        types: types(city, &asked.kind),
        query: format!(
            "du={}&au={}&secteur={}&type={}{exercises}",
            scope.period.from, scope.period.until, asked.secteur, asked.kind
        ),
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

/// The period asked for, and whether it is one month's bulletin.
fn period(asked: &Asked, today: Date) -> Result<(Period, bool), Problem> {
    if !asked.mois.is_empty() {
        let month = Period::month(&asked.mois);
        let month = month
            .ok_or_else(|| Problem::invalid("mois", format!("« {} » n'est pas un mois, comme 2026-10.", asked.mois)));
        return month.map(|month| (month, true));
    }
    let day = |field: &str, text: &str| {
        if text.is_empty() {
            return Ok(None);
        }
        let day = text.parse().ok().filter(Dated::is_within_reach);
        day.map(Some).ok_or_else(|| Problem::invalid(field, format!("« {text} » n'est pas un jour, comme 2026-10-31.")))
    };
    let until = day("au", &asked.au)?.unwrap_or(today);
    let from = day("du", &asked.du)?.unwrap_or_else(|| until.checked_sub(1.year()).unwrap_or(until));
    let period = Period::around(from, until);
    let period = period.ok_or_else(|| Problem::invalid("au", "Après le début, et au plus cinq ans plus tard."))?;
    Ok((period, false))
}

fn written_day(day: Date) -> String {
    day.strftime("%d/%m/%Y").to_string()
}
