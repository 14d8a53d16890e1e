//! What a period and a place have seen, as numbers: incidents, how soon somebody took charge, what was owed and given.
//!
//! Played and real are never added together. Everything is counted for the whole city, month by month, and told by the
//! one rule of [`vigie_domain::discretion`], whatever part of it is asked for. Nothing here tells one incident from
//! another.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan, civil::Date};
use jiff_sqlx::ToSqlx;
use sqlx::{PgPool, Row, postgres::PgRow};
use vigie_domain::discretion::{Atom, FEW, Table, Told};
use vigie_proto::YEARS;

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) period: Period,
    /// The whole city when absent.
    pub(crate) sector: Option<String>,
    /// Every kind when absent.
    pub(crate) kind: Option<String>,
    /// `real` or `exercise`.
    pub(crate) nature: &'static str,
    /// IANA name of the city's time zone.
    pub(crate) zone: String,
    /// Kinds whoever asks may know nothing of.
    pub(crate) withheld: Vec<String>,
}

/// Whole calendar months, local. Days of a month are never told apart: two periods that differ by a day would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    /// The first day of a month.
    pub(crate) from: Date,
    /// The last day of a month, included.
    pub(crate) until: Date,
}

/// Longest period, months: five years and a month begun.
const MONTHS_AT_MOST: usize = 61;

impl Period {
    /// The whole months that the days from `from` to `until` touch; none when that is no period, or too long a one.
    pub(crate) fn around(from: Date, until: Date) -> Option<Self> {
        let known = YEARS.contains(&from.year()) && YEARS.contains(&until.year()) && from <= until;
        let period = known.then(|| Self { from: from.first_of_month(), until: until.last_of_month() })?;
        (period.months().len() <= MONTHS_AT_MOST).then_some(period)
    }

    /// The month of `2026-10`; none of any other text.
    pub(crate) fn month(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
        Self::around(first, first)
    }

    /// Every month of it, `YYYY-MM`.
    pub(crate) fn months(self) -> Vec<String> {
        let mut months = Vec::new();
        let mut month = self.from;
        while month <= self.until && months.len() <= MONTHS_AT_MOST {
            months.push(month.strftime("%Y-%m").to_string());
            let Ok(next) = month.checked_add(1.month()) else { break };
            month = next;
        }
        months
    }
}

/// Everything counted, as it may be told.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) incidents: Told,
    /// By sector id, those that have any.
    pub(crate) by_sector: BTreeMap<String, Told>,
    /// By `YYYY-MM`, those that have any.
    pub(crate) by_month: BTreeMap<String, Told>,
    /// Kind and severity codes, those that have any.
    pub(crate) by_kind: BTreeMap<(String, String), Told>,
    pub(crate) acknowledged: Told,
    /// Seconds from the opening to the first body that took charge, of half and of nine in ten; of few, none is told.
    pub(crate) took_charge_s: Option<(f64, f64)>,
    /// Incidents for which at least one step after the first was told.
    pub(crate) relaunched: Told,
    pub(crate) owed: Told,
    pub(crate) given: Told,
    pub(crate) given_in_time: Told,
    pub(crate) overdue: Told,
    /// Indicator of the doctrine, by id; those that have any.
    pub(crate) indicators: BTreeMap<String, Told>,
}

/// A number as people read it.
pub(crate) fn shown(told: Told) -> String {
    match told {
        Told::Number(number) => vigie_picture::number::count(number),
        Told::Few => format!("< {FEW}"),
        Told::Withheld => "non communiqué".to_owned(),
        Told::AtLeast(number) => format!("au moins {}", vigie_picture::number::count(number)),
    }
}

/// Counts of one thing for the whole city, by month.
#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<String, Vec<(Atom, u64)>>);

impl Counts {
    fn add(&mut self, month: String, atom: Atom, number: u64) {
        self.0.entry(month).or_default().push((atom, number));
    }

    /// Every sector that has any, in order; an empty one for what is of none.
    pub(crate) fn sectors(&self) -> BTreeSet<&str> {
        self.0.values().flatten().map(|(atom, _)| atom.sector.as_str()).collect()
    }

    /// What may be told of them, each month judged whole.
    pub(crate) fn tables(&self) -> Tables {
        let table = |(month, counts): (&String, &Vec<(Atom, u64)>)| {
            (month.clone(), Table::of(counts.iter().map(|(atom, number)| (atom, *number))))
        };
        Tables(self.0.iter().map(table).collect())
    }
}

/// What may be told of one thing, by month.
#[derive(Debug, Default)]
pub(crate) struct Tables(BTreeMap<String, Table>);

impl Tables {
    /// Over all months.
    fn told(&self, sector: Option<&str>, kind: Option<&str>, severity: Option<&str>) -> Told {
        self.0.values().map(|table| table.told(sector, kind, severity)).fold(Told::Number(0), Told::plus)
    }

    /// Month by month.
    pub(crate) fn by_month(&self, sector: Option<&str>, kind: Option<&str>) -> BTreeMap<String, Told> {
        let told = |(month, table): (&String, &Table)| (month.clone(), table.told(sector, kind, None));
        self.0.iter().map(told).filter(|(_, told)| *told != Told::Number(0)).collect()
    }
}

/// Counts the scope at `now`.
pub(crate) async fn count(pool: &PgPool, scope: &Scope, now: Timestamp) -> Result<Figures, sqlx::Error> {
    let incidents = incidents(pool, scope).await?;
    let others = others(pool, scope, now).await?;
    let (sector, kind) = (scope.sector.as_deref(), scope.kind.as_deref());
    let of = |counts: &Counts| counts.tables().told(sector, kind, None);
    let other = |what: &str| others.get(what).map_or(Told::Number(0), of);
    let told = incidents.tables();
    let atoms = || incidents.0.values().flatten().map(|(atom, _)| atom);
    let sectors: BTreeSet<&String> = atoms().map(|atom| &atom.sector).collect();
    let kinds: BTreeSet<(&String, &String)> = atoms().map(|atom| (&atom.kind, &atom.severity)).collect();
    let asked = |id: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| wanted == id);
    let some = |told: &Told| *told != Told::Number(0);
    let acknowledged = other("acknowledged");
    Ok(Figures {
        incidents: told.told(sector, kind, None),
        by_sector: sectors
            .into_iter()
            .filter(|id| asked(id, sector))
            .map(|id| (id.clone(), told.told(Some(id), kind, None)))
            .filter(|(_, told)| some(told))
            .collect(),
        by_month: told.by_month(sector, kind),
        by_kind: kinds
            .into_iter()
            .filter(|(id, _)| asked(id, kind))
            .map(|(id, severity)| ((id.clone(), severity.clone()), told.told(sector, Some(id), Some(severity))))
            .filter(|(_, told)| some(told))
            .collect(),
        acknowledged,
        took_charge_s: if acknowledged.known() < FEW { None } else { took_charge(pool, scope).await? },
        relaunched: other("relaunched"),
        owed: other("owed"),
        given: other("given"),
        given_in_time: other("in_time"),
        overdue: other("overdue"),
        indicators: indicators(pool, scope)
            .await?
            .into_iter()
            .map(|(id, counts)| (id, of(&counts)))
            .filter(|(_, told)| some(told))
            .collect(),
    })
}

/// The incidents of the period, everywhere and of every kind: binds $1 from, $2 until, $3 zone, $4 nature, $5 kinds withheld.
macro_rules! of_period {
    ($select:literal) => {
        concat!(
            "with seen as (
               select i.id, i.sector, i.kind, i.severity, i.opened_at,
                      to_char(i.opened_at at time zone $3, 'YYYY-MM') as month
                 from routing.incident i
                where i.nature = $4 and not i.kind = any($5)
                  and i.opened_at >= $1::date::timestamp at time zone $3
                  and i.opened_at < ($2::date + 1)::timestamp at time zone $3) ",
            $select
        )
    };
}

macro_rules! bound {
    ($query:expr, $scope:expr) => {
        $query
            .bind($scope.period.from.to_sqlx())
            .bind($scope.period.until.to_sqlx())
            .bind(&$scope.zone)
            .bind($scope.nature)
            .bind(&$scope.withheld)
    };
}

async fn incidents(pool: &PgPool, scope: &Scope) -> Result<Counts, sqlx::Error> {
    let query = of_period!("select month, sector, kind, severity, count(*) as number from seen group by 1, 2, 3, 4");
    let mut counts = Counts::default();
    for row in bound!(sqlx::query(query), scope).fetch_all(pool).await? {
        counts.add(row.try_get("month")?, atom(&row, row.try_get("severity")?)?, unsigned(row.try_get("number")?));
    }
    Ok(counts)
}

/// What became of them, by what is counted.
async fn others(pool: &PgPool, scope: &Scope, now: Timestamp) -> Result<BTreeMap<String, Counts>, sqlx::Error> {
    let query = of_period!(
        ", owed as (
             select s.month, s.sector, s.kind, o.given_at, o.due_at
               from seen s join routing.owed o on o.incident_id = s.id),
           told as (
             select 'acknowledged' as what, month, sector, kind, count(*) as number from seen s
              where exists (select from routing.acknowledgement a where a.incident_id = s.id) group by 2, 3, 4
             union all
             select 'relaunched', month, sector, kind, count(*) from seen s
               join escalation.plan p on p.incident_id = s.id where p.relaunched group by 2, 3, 4
             union all select 'owed', month, sector, kind, count(*) from owed group by 2, 3, 4
             union all select 'given', month, sector, kind, count(given_at) from owed group by 2, 3, 4
             union all select 'in_time', month, sector, kind, count(*) filter (where given_at <= due_at) from owed group by 2, 3, 4
             union all select 'overdue', month, sector, kind, count(*) filter (where given_at is null and due_at <= $6)
                         from owed group by 2, 3, 4)
         select what, month, sector, kind, number from told where number > 0"
    );
    let rows = bound!(sqlx::query(query), scope).bind(now.to_sqlx()).fetch_all(pool).await?;
    by_what(&rows)
}

/// Activations of circuits, and, for what is real, the numbers kept without content; those of no kind.
pub(crate) async fn indicators(pool: &PgPool, scope: &Scope) -> Result<BTreeMap<String, Counts>, sqlx::Error> {
    let query = of_period!(
        ", activated as (
             select s.month, s.sector, s.kind, unnest(p.counts) as what
               from seen s join escalation.plan p on p.incident_id = s.id where p.counts <> '{}'),
           numbered as (
             select what, month, sector, kind, 1 as amount from activated
             union all
             select indicator, to_char(counted_on, 'YYYY-MM'), coalesce(sector, ''), '', amount from console.count
              where $4 = 'real' and counted_on between $1::date and $2::date)
         select what, month, sector, kind, sum(amount)::bigint as number from numbered group by 1, 2, 3, 4"
    );
    let rows = bound!(sqlx::query(query), scope).fetch_all(pool).await?;
    by_what(&rows)
}

/// How soon somebody took charge in the part that is asked for.
async fn took_charge(pool: &PgPool, scope: &Scope) -> Result<Option<(f64, f64)>, sqlx::Error> {
    let query = of_period!(
        ", first as (
             select s.id, min(a.at) - s.opened_at as took from seen s
               join routing.acknowledgement a on a.incident_id = s.id
              where ($6::text is null or s.sector = $6) and ($7::text is null or s.kind = $7)
              group by s.id, s.opened_at)
         select extract(epoch from percentile_cont(0.5) within group (order by took))::float8 as half,
                extract(epoch from percentile_cont(0.9) within group (order by took))::float8 as most
           from first"
    );
    let row = bound!(sqlx::query(query), scope).bind(&scope.sector).bind(&scope.kind).fetch_one(pool).await?;
    let (half, most): (Option<f64>, Option<f64>) = (row.try_get("half")?, row.try_get("most")?);
    Ok(half.zip(most))
}

fn by_what(rows: &[PgRow]) -> Result<BTreeMap<String, Counts>, sqlx::Error> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for row in rows {
        let of = counts.entry(row.try_get("what")?).or_default();
        of.add(row.try_get("month")?, atom(row, String::new())?, unsigned(row.try_get("number")?));
    }
    Ok(counts)
}

fn atom(row: &PgRow, severity: String) -> Result<Atom, sqlx::Error> {
    Ok(Atom { sector: row.try_get("sector")?, kind: row.try_get("kind")?, severity })
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_widened_to_whole_months_and_no_absurd_one_is_taken() {
        let around = |from, until| Period::around(day(from), day(until));
        let one = around("2026-10-05", "2026-11-02").unwrap();
        assert_eq!((one.from, one.until), (day("2026-10-01"), day("2026-11-30")));
        assert_eq!(one.months(), ["2026-10", "2026-11"]);
        assert_eq!(Period::month("2026-02").map(|period| period.until), Some(day("2026-02-28")));
        assert_eq!(around("2026-01-02", "2026-01-01"), None);
        assert_eq!(around("2016-01-01", "2026-01-01"), None);
        for absurd in ["-009999-01", "2026-13", "2026-1", "0000-01", "9999-12", "+02026-01", "2026-10-01", ""] {
            assert_eq!(Period::month(absurd), None, "{absurd}");
        }
    }

    #[test]
    fn few_are_not_told_and_nor_are_they_by_a_longer_period() {
        let atom = |sector: &str| Atom { sector: sector.to_owned(), kind: "x".to_owned(), severity: String::new() };
        let mut counts = Counts::default();
        counts.add("2026-10".to_owned(), atom("a"), 10);
        counts.add("2026-11".to_owned(), atom("a"), 2);
        let tables = counts.tables();
        assert_eq!(shown(tables.told(Some("a"), None, None)), "au moins 10");
        assert_eq!(tables.by_month(None, None)["2026-11"], Told::Few);
        assert_eq!(shown(Told::Few), "< 5");
        assert_eq!(shown(Told::Number(0)), "0");
    }
}
