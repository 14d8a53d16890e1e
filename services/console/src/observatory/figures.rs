//! What a period and a place have seen, as numbers: incidents, how soon somebody took charge, what was owed and given.
//!
//! Played and real are never added together. Nothing here tells one incident from another.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use jiff_sqlx::ToSqlx;
use sqlx::{PgPool, Row};

/// Below this a number of one sector is not told: few events could be recognised.
pub(crate) const FEW: u64 = 5;

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// First local day.
    pub(crate) from: Date,
    /// Last local day, included.
    pub(crate) until: Date,
    /// The whole city when absent.
    pub(crate) sector: Option<String>,
    /// Every kind when absent.
    pub(crate) kind: Option<String>,
    /// `real` or `exercise`.
    pub(crate) nature: &'static str,
    /// IANA name of the city's time zone.
    pub(crate) zone: String,
}

/// Everything counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) incidents: u64,
    /// By sector id, every incident of the scope.
    pub(crate) by_sector: BTreeMap<String, u64>,
    /// By `YYYY-MM`.
    pub(crate) by_month: BTreeMap<String, u64>,
    /// Kind and severity codes.
    pub(crate) by_kind: BTreeMap<(String, String), u64>,
    pub(crate) acknowledged: u64,
    /// Seconds from the opening to the first body that took charge, of half and of nine in ten.
    pub(crate) took_charge_s: Option<(f64, f64)>,
    /// Incidents for which at least one step after the first was told.
    pub(crate) relaunched: u64,
    pub(crate) owed: u64,
    pub(crate) given: u64,
    pub(crate) given_in_time: u64,
    pub(crate) overdue: u64,
    /// Indicator of the doctrine, by id.
    pub(crate) indicators: BTreeMap<String, u64>,
}

/// A number of one sector as it may be told.
pub(crate) fn protected(number: u64, one_sector: bool) -> String {
    if one_sector && (1..FEW).contains(&number) { format!("< {FEW}") } else { vigie_picture::number::count(number) }
}

/// Counts the scope at `now`.
pub(crate) async fn count(pool: &PgPool, scope: &Scope, now: Timestamp) -> Result<Figures, sqlx::Error> {
    let mut figures = Figures::default();
    incidents(pool, scope, &mut figures).await?;
    charge(pool, scope, &mut figures).await?;
    returns(pool, scope, now, &mut figures).await?;
    indicators(pool, scope, &mut figures).await?;
    Ok(figures)
}

/// The incidents of the scope: binds $1 from, $2 until, $3 zone, $4 sector, $5 nature, $6 kind.
macro_rules! of_scope {
    ($select:literal) => {
        concat!(
            "with seen as (
               select i.id, i.sector, i.kind, i.severity, i.opened_at, i.status,
                      (i.opened_at at time zone $3)::date as day
                 from routing.incident i
                where i.nature = $5 and ($4::text is null or i.sector = $4) and ($6::text is null or i.kind = $6)
                  and (i.opened_at at time zone $3)::date between $1::date and $2::date) ",
            $select
        )
    };
}

macro_rules! bound {
    ($query:expr, $scope:expr) => {
        $query
            .bind($scope.from.to_sqlx())
            .bind($scope.until.to_sqlx())
            .bind(&$scope.zone)
            .bind(&$scope.sector)
            .bind($scope.nature)
            .bind(&$scope.kind)
    };
}

async fn incidents(pool: &PgPool, scope: &Scope, figures: &mut Figures) -> Result<(), sqlx::Error> {
    let query = of_scope!(
        "select sector, kind, severity, to_char(day, 'YYYY-MM') as month, count(*) as number
           from seen group by 1, 2, 3, 4"
    );
    for row in bound!(sqlx::query(query), scope).fetch_all(pool).await? {
        let number = unsigned(row.try_get("number")?);
        figures.incidents += number;
        *figures.by_sector.entry(row.try_get("sector")?).or_default() += number;
        *figures.by_month.entry(row.try_get("month")?).or_default() += number;
        *figures.by_kind.entry((row.try_get("kind")?, row.try_get("severity")?)).or_default() += number;
    }
    Ok(())
}

async fn charge(pool: &PgPool, scope: &Scope, figures: &mut Figures) -> Result<(), sqlx::Error> {
    let query = of_scope!(
        ", first as (
             select s.id, min(a.at) - s.opened_at as took from seen s
               join routing.acknowledgement a on a.incident_id = s.id group by s.id, s.opened_at)
         select count(*) as number,
                extract(epoch from percentile_cont(0.5) within group (order by took))::float8 as half,
                extract(epoch from percentile_cont(0.9) within group (order by took))::float8 as most
           from first"
    );
    let row = bound!(sqlx::query(query), scope).fetch_one(pool).await?;
    figures.acknowledged = unsigned(row.try_get("number")?);
    let (half, most): (Option<f64>, Option<f64>) = (row.try_get("half")?, row.try_get("most")?);
    figures.took_charge_s = half.zip(most);
    let query = of_scope!(
        "select count(distinct s.id) as number from seen s
           join journal.entry e on e.incident_id = s.id and e.type = 'vigie.escalation.step-settled.v1'
          where e.data ->> 'outcome' = 'fired' and (e.data ->> 'due_at')::timestamptz > s.opened_at + interval '1 minute'"
    );
    figures.relaunched = unsigned(bound!(sqlx::query_scalar(query), scope).fetch_one(pool).await?);
    Ok(())
}

async fn returns(pool: &PgPool, scope: &Scope, now: Timestamp, figures: &mut Figures) -> Result<(), sqlx::Error> {
    let query = of_scope!(
        "select count(*) as owed, count(o.given_at) as given,
                count(*) filter (where o.given_at <= o.due_at) as in_time,
                count(*) filter (where o.given_at is null and o.due_at <= $7) as overdue
           from seen s join routing.owed o on o.incident_id = s.id"
    );
    let row = bound!(sqlx::query(query), scope).bind(now.to_sqlx()).fetch_one(pool).await?;
    figures.owed = unsigned(row.try_get("owed")?);
    figures.given = unsigned(row.try_get("given")?);
    figures.given_in_time = unsigned(row.try_get("in_time")?);
    figures.overdue = unsigned(row.try_get("overdue")?);
    Ok(())
}

/// Activations of circuits, and, for what is real and of every kind, the numbers kept without content.
async fn indicators(pool: &PgPool, scope: &Scope, figures: &mut Figures) -> Result<(), sqlx::Error> {
    let query = of_scope!(
        ", activated as (
             select distinct s.id, jsonb_array_elements_text(circuit -> 'counts') as indicator
               from seen s join escalation.plan p on p.incident_id = s.id,
                    jsonb_array_elements(p.state -> 'plan' -> 'circuits') as circuit
              where jsonb_typeof(circuit -> 'counts') = 'array'),
           numbered as (
             select indicator, 1 as amount from activated
             union all
             select indicator, amount from console.count
              where $5 = 'real' and $6::text is null and counted_on between $1::date and $2::date and ($4::text is null or sector = $4))
         select indicator, sum(amount)::bigint as number from numbered group by 1"
    );
    for row in bound!(sqlx::query(query), scope).fetch_all(pool).await? {
        figures.indicators.insert(row.try_get("indicator")?, unsigned(row.try_get("number")?));
    }
    Ok(())
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_events_of_one_sector_are_not_told_and_those_of_the_city_are() {
        assert_eq!(protected(0, true), "0");
        assert_eq!(protected(4, true), "< 5");
        assert_eq!(protected(5, true), "5");
        assert_eq!(protected(4, false), "4");
    }
}
