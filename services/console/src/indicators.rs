//! The contract's numbers: `POST /api/v1/counts` keeps one without content, `GET /api/v1/indicators` reads them per sector
//! and month.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use serde::{Deserialize, Serialize};
use vigie_domain::{
    access::Caller,
    directory::{Permission, Sight},
    discretion::Told,
};
use vigie_edge::{credential::Presented, problem::Problem};
use vigie_platform::{ids, journal, journal::Entry};
use vigie_proto::{
    SectorId,
    event::{Event, IndicatorCountedV1},
};

use crate::{
    Edge,
    observatory::figures::{self, Counts, Period, Scope},
};

/// A number to keep.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountBody {
    /// An indicator the doctrine declares as counted.
    pub(crate) indicator: String,
    /// The sector counted in; the caller's own when absent, the whole city for those without one.
    pub(crate) sector: Option<SectorId>,
    /// 1 to 10,000; 1 when absent.
    pub(crate) amount: Option<u32>,
    /// Local day; today when absent.
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(default, deserialize_with = "vigie_edge::moment::within_reach")]
    pub(crate) on: Option<Date>,
}

/// Keep a number of something Vigie does not carry: no content, no name.
#[utoipa::path(
    post, path = "/api/v1/counts", operation_id = "indicator_count", tag = "indicators", request_body = CountBody, security(("token" = [])),
    responses(
        (status = 201, description = "Counted"),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for this role", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field at fault", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Nothing was recorded: retry", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn count(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    body: Result<Json<CountBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    let Json(body) = body?;
    counted(&edge, caller, body).await?;
    Ok(StatusCode::CREATED.into_response())
}

/// Keeps a number in the caller's name, or says what is wrong with it.
pub(crate) async fn counted(edge: &Edge, caller: Caller<'_>, body: CountBody) -> Result<(), Problem> {
    let now = edge.now;
    let counted: Vec<_> =
        edge.city.doctrine.counted.iter().filter(|circuit| circuit.indicators.contains(&body.indicator)).collect();
    if counted.is_empty() {
        return Err(Problem::invalid(
            "indicator",
            format!("« {} » n'est pas un indicateur que l'on compte.", body.indicator),
        ));
    }
    if !counted.iter().any(|circuit| circuit.by.contains(&caller.source.role)) {
        return Err(Problem::not_allowed());
    }
    let sector = body.sector.or_else(|| caller.sector().cloned());
    if let Some(sector) = &sector {
        if edge.city.territory.sector(sector).is_none() {
            return Err(Problem::invalid("sector", format!("« {sector} » n'est pas un secteur.")));
        }
        if caller.sector().is_some_and(|own| own != sector) {
            return Err(Problem::not_allowed());
        }
    }
    let amount = body.amount.unwrap_or(1);
    if !(1..=10_000).contains(&amount) {
        return Err(Problem::invalid("amount", "De 1 à 10 000."));
    }
    let today = now.to_zoned(edge.city.doctrine.zone.clone()).date();
    let on = body.on.unwrap_or(today);
    if on > today {
        return Err(Problem::invalid("on", "Ce jour n'est pas encore passé."));
    }
    let by = caller.actor();
    let fact = IndicatorCountedV1 { indicator: body.indicator, sector, amount, by, on };
    Ok(keep(edge, &fact, now).await?)
}

async fn keep(edge: &Edge, fact: &IndicatorCountedV1, now: jiff::Timestamp) -> Result<(), sqlx::Error> {
    let entry = Entry::new("console", &Event::from(fact.clone()), now, None, None);
    let mut tx = edge.pool.begin().await?;
    sqlx::query(
        "insert into console.count (id, indicator, sector, amount, counted_on, body, at) values ($1, $2, $3, $4, $5::date, $6, $7)",
    )
    .bind(ids::fresh())
    .bind(&fact.indicator)
    .bind(fact.sector.as_ref().map(SectorId::as_str))
    .bind(i32::try_from(fact.amount).unwrap_or(i32::MAX))
    .bind(fact.on.to_sqlx())
    .bind(fact.by.body.as_str())
    .bind(now.to_sqlx())
    .execute(&mut *tx)
    .await?;
    journal::append(&mut tx, std::slice::from_ref(&entry)).await?;
    tx.commit().await?;
    edge.context.fresh.push(vec![entry]);
    Ok(())
}

/// Which period to read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// A day of the first month, `YYYY-MM-DD`, local: whole months are counted.
    #[param(value_type = String, format = Date)]
    #[serde(deserialize_with = "vigie_edge::moment::within_reach")]
    from: Date,
    /// A day of the last month, at most five years later.
    #[param(value_type = String, format = Date)]
    #[serde(deserialize_with = "vigie_edge::moment::within_reach")]
    until: Date,
}

/// One indicator over the period.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IndicatorView {
    indicator: String,
    /// French label.
    label: String,
    /// Lines of the contract.
    lines: String,
    /// The whole months counted: first and last day.
    #[schema(value_type = String, format = Date)]
    from: Date,
    #[schema(value_type = String, format = Date)]
    until: Date,
    /// One line per sector, month and nature that has a number.
    numbers: Vec<Number>,
}

/// A number of one sector and month.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Number {
    /// Null for what is of no sector.
    sector: Option<String>,
    /// `YYYY-MM`, local.
    month: String,
    /// `real` or `exercise`, never added together.
    nature: &'static str,
    /// Null when it is 1 to 4, or when such a number could be computed from it.
    count: Option<u64>,
    /// The same as people read it: `12`, `< 5`, `non communiqué`.
    shown: String,
}

/// The contract's indicators per sector and month: activations of circuits, and numbers kept. No personal data.
///
/// Numbers of 1 to 4 are not told, nor those they could be computed from.
#[utoipa::path(
    get, path = "/api/v1/indicators", operation_id = "indicator_read", tag = "indicators", params(Asked), security(("token" = [])),
    responses(
        (status = 200, description = "Every indicator of the doctrine", body = Vec<IndicatorView>),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not for this role", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A period not understood", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn read(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Vec<IndicatorView>>, Problem> {
    let caller = edge.caller(&presented)?;
    let Query(asked) = asked?;
    let period = Period::around(asked.from, asked.until)
        .ok_or_else(|| Problem::invalid("until", "Après le début, et au plus cinq ans plus tard."))?;
    let everything = caller.role.sees == Sight::Everything || caller.may(Permission::Audit);
    let own = caller.sector().filter(|_| caller.role.sees == Sight::Sector).map(ToString::to_string);
    if !everything && own.is_none() {
        return Err(Problem::not_allowed());
    }
    let zone = edge.city.doctrine.zone.iana_name().unwrap_or("UTC").to_owned();
    let withheld = crate::page::withheld(&edge, caller);
    let mut by_indicator: BTreeMap<String, Vec<Number>> = BTreeMap::new();
    for nature in ["real", "exercise"] {
        let (zone, withheld) = (zone.clone(), withheld.clone());
        let scope = Scope { period, sector: None, kind: None, nature, zone, withheld };
        let counted = figures::indicators(&edge.pool, &scope).await?;
        for (indicator, counts) in counted {
            by_indicator.entry(indicator).or_default().extend(numbers(&counts, own.as_deref(), nature));
        }
    }
    let (from, until) = (period.from, period.until);
    let views = edge.city.doctrine.indicators.iter().map(|(id, indicator)| IndicatorView {
        indicator: id.clone(),
        label: indicator.label.clone(),
        lines: indicator.lines.clone(),
        from,
        until,
        numbers: by_indicator.remove(id).unwrap_or_default(),
    });
    Ok(Json(views.collect()))
}

/// Those of every sector, or of one's own: judged on the whole city, so that everybody is told the same.
fn numbers(counts: &Counts, own: Option<&str>, nature: &'static str) -> Vec<Number> {
    let tables = counts.tables();
    let sectors = counts.sectors();
    let of = |sector: &str| {
        let place = (!sector.is_empty()).then(|| sector.to_owned());
        let number = move |(month, told): (String, Told)| Number {
            sector: place.clone(),
            month,
            nature,
            count: told.exact(),
            shown: figures::shown(told),
        };
        tables.by_month(Some(sector), None).into_iter().map(number).collect::<Vec<_>>()
    };
    let mut numbers: Vec<Number> =
        sectors.into_iter().filter(|sector| own.is_none_or(|own| own == *sector)).flat_map(of).collect();
    numbers.sort_by(|one, other| (&one.month, &one.sector).cmp(&(&other.month, &other.sector)));
    numbers
}
