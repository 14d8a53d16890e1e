//! Incidents in Postgres, read and written many at a time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};
use vigie_domain::{doctrine::Situation, territory::LonLat};
use vigie_proto::{
    IncidentId, Kind, SectorId, SignalId,
    event::{Act, ActRecordedV1, IncidentSnapshot},
};

use crate::incident::{Change, Incident};

/// Serialises correlation per kind and sector until the transaction ends, and returns `count` fresh numbers for
/// references. `places` are sorted, so two batches cannot wait for each other.
pub(crate) async fn lock(
    tx: &mut PgConnection,
    places: &BTreeSet<(Kind, SectorId)>,
    count: usize,
) -> Result<Vec<i64>, sqlx::Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let keys: Vec<String> = places.iter().map(|(kind, sector)| format!("{kind} {sector}")).collect();
    sqlx::query_scalar(
        "with locked as materialized (
           select pg_advisory_xact_lock(hashtext('correlation'), hashtext(key)) from unnest($1::text[]) as key
         )
         select nextval('routing.incident_number') from (select count(*) from locked) as l, generate_series(1, $2)",
    )
    .bind(keys)
    .bind(i32::try_from(count).unwrap_or(i32::MAX))
    .fetch_all(tx)
    .await
}

/// The open incidents a signal of these places may join, and those acted on; locked, in order of id.
pub(crate) async fn load(
    tx: &mut PgConnection,
    places: &BTreeSet<(Kind, SectorId)>,
    acted_on: &BTreeSet<IncidentId>,
    oldest: Timestamp,
) -> Result<Vec<Incident>, sqlx::Error> {
    let rows = sqlx::query(
        "select snapshot, asked_version, situation, lon, lat, last_signal_at, closed_at
           from routing.incident
          where id in (
                  select i.id from routing.incident i join unnest($1::text[], $2::text[]) as p (kind, sector)
                      on i.kind = p.kind and i.sector = p.sector
                   where i.status <> 'closed' and i.last_signal_at >= $3
                  union select unnest($4::uuid[]))
          order by id for update",
    )
    .bind(places.iter().map(|(kind, _)| kind.to_string()).collect::<Vec<_>>())
    .bind(places.iter().map(|(_, sector)| sector.to_string()).collect::<Vec<_>>())
    .bind(oldest.to_sqlx())
    .bind(acted_on.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &PgRow) -> Result<Incident, sqlx::Error> {
    let point: (Option<f64>, Option<f64>) = (row.try_get("lon")?, row.try_get("lat")?);
    Ok(Incident {
        snapshot: row.try_get::<Json<IncidentSnapshot>, _>("snapshot")?.0,
        asked_version: row.try_get::<i32, _>("asked_version")?.unsigned_abs(),
        situation: row.try_get::<Json<Situation>, _>("situation")?.0,
        at: match point {
            (Some(lon), Some(lat)) => Some(LonLat { lon, lat }),
            _ => None,
        },
        last_signal_at: row.try_get::<SqlTimestamp, _>("last_signal_at")?.to_jiff(),
        closed_at: row.try_get::<Option<SqlTimestamp>, _>("closed_at")?.map(SqlTimestamp::to_jiff),
        change: Change::Untouched,
    })
}

/// Writes what changed: incidents, which signals belong to them, who took charge.
pub(crate) async fn save(
    tx: &mut PgConnection,
    incidents: &[Incident],
    links: &[(SignalId, IncidentId)],
    acknowledgements: &[ActRecordedV1],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let changed: Vec<&Incident> = incidents.iter().filter(|i| i.change != Change::Untouched).collect();
    if !changed.is_empty() {
        upsert(tx, &changed, links, now).await?;
    }
    for act in acknowledgements {
        let Act::Acknowledge { version, .. } = &act.act else { continue };
        let through = serde_json::to_value(act.actor.through).unwrap_or_default();
        sqlx::query(
            "insert into routing.acknowledgement (act_id, incident_id, body, role, through, seen_version, at)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
        )
        .bind(act.act_id.0)
        .bind(act.incident_id.0)
        .bind(act.actor.body.as_str())
        .bind(act.actor.role.as_str())
        .bind(through.as_str().unwrap_or("api"))
        .bind(i32::try_from(*version).unwrap_or(i32::MAX))
        .bind(act.at.to_sqlx())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Incidents and the signals joined to them, in one statement: a signal never joins without changing its incident.
async fn upsert(
    tx: &mut PgConnection,
    incidents: &[&Incident],
    links: &[(SignalId, IncidentId)],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let text = |of: fn(&IncidentSnapshot) -> String| incidents.iter().map(|i| of(&i.snapshot)).collect::<Vec<_>>();
    sqlx::query(
        "with linked as (
           insert into routing.incident_signal (signal_id, incident_id, joined_at)
           select signal, incident, $18 from unnest($16::uuid[], $17::uuid[]) as l (signal, incident) on conflict do nothing
         )
         insert into routing.incident (id, reference, version, asked_version, kind, severity, status, sector, also_concerns,
                                       snapshot, situation, lon, lat, opened_at, last_signal_at, closed_at)
         select i.id, i.reference, i.version, i.asked_version, i.kind, i.severity, i.status, i.sector,
                array(select jsonb_array_elements_text(i.snapshot -> 'also_concerns')), i.snapshot, i.situation, i.lon, i.lat,
                i.opened_at, i.last_signal_at, i.closed_at
           from unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
                       $10::jsonb[], $11::float8[], $12::float8[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[])
             as i (id, reference, version, asked_version, kind, severity, status, sector, snapshot, situation, lon, lat,
                   opened_at, last_signal_at, closed_at)
         on conflict (id) do update
            set version = excluded.version, asked_version = excluded.asked_version, severity = excluded.severity,
                status = excluded.status, snapshot = excluded.snapshot, situation = excluded.situation,
                last_signal_at = excluded.last_signal_at, closed_at = excluded.closed_at",
    )
    .bind(incidents.iter().map(|i| i.snapshot.id.0).collect::<Vec<_>>())
    .bind(text(|s| s.reference.clone()))
    .bind(incidents.iter().map(|i| number(i.snapshot.version)).collect::<Vec<_>>())
    .bind(incidents.iter().map(|i| number(i.asked_version)).collect::<Vec<_>>())
    .bind(text(|s| s.kind.to_string()))
    .bind(text(|s| s.severity.to_string()))
    .bind(text(|s| s.status.to_string()))
    .bind(text(|s| s.sector.to_string()))
    .bind(incidents.iter().map(|i| Json(&i.snapshot)).collect::<Vec<_>>())
    .bind(incidents.iter().map(|i| Json(&i.situation)).collect::<Vec<_>>())
    .bind(incidents.iter().map(|i| i.at.map(|at| at.lon)).collect::<Vec<_>>())
    .bind(incidents.iter().map(|i| i.at.map(|at| at.lat)).collect::<Vec<_>>())
    .bind(incidents.iter().map(|i| i.snapshot.opened_at.to_sqlx()).collect::<Vec<_>>())
    .bind(incidents.iter().map(|i| i.last_signal_at.to_sqlx()).collect::<Vec<_>>())
    .bind(incidents.iter().map(|i| i.closed_at.map(ToSqlx::to_sqlx)).collect::<Vec<_>>())
    .bind(links.iter().map(|(signal, _)| signal.0).collect::<Vec<_>>())
    .bind(links.iter().map(|(_, incident)| incident.0).collect::<Vec<_>>())
    .bind(now.to_sqlx())
    .execute(tx)
    .await?;
    Ok(())
}
