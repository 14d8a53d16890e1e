//! Incidents in Postgres, read and written many at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;
use vigie_domain::{
    city::City,
    doctrine::Situation,
    incident::{Change, Debt, Given, Incident},
    pattern::{self, GraveIncident, Trace},
    territory::LonLat,
};
use vigie_platform::database::coded;
use vigie_proto::{
    BodyId, IncidentId, Kind, Nature, SectorId, SignalId, Uai,
    event::{Act, ActRecordedV1, IncidentSnapshot, SignalRaisedV1},
    plan::Owed,
};

/// Serialises correlation per kind and sector until the transaction ends, and returns `count` fresh numbers for
/// references; kinds whose signals may add up (`watched`) are serialised as a whole. Keys are sorted, so two batches
/// cannot wait for each other.
pub(crate) async fn lock(
    tx: &mut PgConnection,
    places: &BTreeSet<(Kind, SectorId)>,
    watched: &BTreeSet<Kind>,
    count: usize,
) -> Result<Vec<i64>, sqlx::Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut keys: Vec<String> = places.iter().map(|(kind, sector)| format!("{kind} {sector}")).collect();
    keys.extend(watched.iter().map(Kind::to_string));
    keys.sort_unstable();
    sqlx::query_scalar!(
        r#"with locked as materialized (
           select pg_advisory_xact_lock(hashtext('correlation'), hashtext(key)) from unnest($1::text[]) as key
         )
         select nextval('routing.incident_number') as "number!" from (select count(*) from locked) as l, unnest(array_fill(0, array[$2::int]))"#,
        keys,
        i32::try_from(count).unwrap_or(i32::MAX)
    )
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
    let incidents = sqlx::query!(
        r#"select snapshot as "snapshot: Json<IncidentSnapshot>", asked_version, situation as "situation: Json<Situation>",
                lon, lat, last_signal_at, closed_at, in_charge
           from routing.incident
          where id in (
                  select i.id from routing.incident i join unnest($1::text[], $2::text[]) as p (kind, sector)
                      on i.kind = p.kind and i.sector = p.sector
                   where i.status <> 'closed' and i.last_signal_at >= $3
                  union select unnest($4::uuid[]))
          order by id for update"#,
        places.iter().map(|(kind, _)| kind.to_string()).collect::<Vec<_>>(),
        places.iter().map(|(_, sector)| sector.to_string()).collect::<Vec<_>>(),
        oldest.to_sqlx(),
        acted_on.iter().map(|id| id.0).collect::<Vec<_>>()
    );
    let incidents = incidents.try_map(|row| {
        Ok(Incident {
            snapshot: row.snapshot.0,
            asked_version: row.asked_version.unsigned_abs(),
            situation: row.situation.0,
            at: point(row.lon, row.lat),
            last_signal_at: row.last_signal_at.to_jiff(),
            closed_at: row.closed_at.map(SqlTimestamp::to_jiff),
            owed: Vec::new(),
            in_charge: row.in_charge.into_iter().map(body).collect::<Result<_, _>>()?,
            change: Change::Untouched,
        })
    });
    let mut incidents = incidents.fetch_all(&mut *tx).await?;
    load_owed(tx, &mut incidents).await?;
    Ok(incidents)
}

/// A signal that belongs to an incident and somebody wants to take out.
#[derive(Debug)]
pub(crate) struct Separable {
    pub(crate) incident: IncidentId,
    pub(crate) signal: SignalId,
    /// As it was raised; none for the signal that opened the incident.
    pub(crate) raised: Option<SignalRaisedV1>,
}

/// The signal as it was raised, when it belongs to the incident; without that when it opened it.
pub(crate) async fn separable(
    tx: &mut PgConnection,
    incident: IncidentId,
    signal: SignalId,
) -> Result<Option<Separable>, sqlx::Error> {
    // A fact about an incident that a signal caused names the signal's own entry as its cause: no search by content.
    let row = sqlx::query_scalar!(
        r#"select (select raised.data from journal.entry fact join journal.entry raised on raised.event_id = fact.cause
                  where fact.incident_id = l.incident_id and fact.type <> $4
                    and raised.type = $3 and raised.data ->> 'signal_id' = l.signal_id::text limit 1)
                as "raised: Json<SignalRaisedV1>"
           from routing.incident_signal l where l.incident_id = $1 and l.signal_id = $2"#,
        incident.0,
        signal.0,
        "vigie.signal.raised.v1",
        "vigie.incident.opened.v1"
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|raised| Separable { incident, signal, raised: raised.map(|Json(raised)| raised) }))
}

async fn load_owed(tx: &mut PgConnection, incidents: &mut [Incident]) -> Result<(), sqlx::Error> {
    if incidents.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"select incident_id, owed as "owed: Json<Owed>", outcome, given_by, given_at
             from routing.owed where incident_id = any($1) order by id"#,
        incidents.iter().map(|i| i.snapshot.id.0).collect::<Vec<_>>()
    )
    .fetch_all(tx)
    .await?;
    for row in rows {
        let id = IncidentId(row.incident_id);
        let owed = row.owed.0;
        let given = row.given_by.zip(row.given_at).map(|(by, at)| {
            let outcome = coded(row.outcome.as_deref().unwrap_or_default(), "outcome")?;
            Ok::<_, sqlx::Error>(Given { by: body(by)?, outcome, at: at.to_jiff() })
        });
        let given = given.transpose()?;
        if let Some(incident) = incidents.iter_mut().find(|i| i.snapshot.id == id) {
            incident.owed.push(Debt { owed, given, change: Change::Untouched });
        }
    }
    Ok(())
}

/// Signals of one kind never meet those of another, nor the real the played.
pub(crate) type Remembered = BTreeMap<(Kind, Nature), pattern::Memory>;

/// Signals that may still add up and grave incidents whose reprisals are watched for, of the kinds `watched`.
pub(crate) async fn remember(
    tx: &mut PgConnection,
    watched: &BTreeSet<Kind>,
    city: &City,
    now: Timestamp,
) -> Result<Remembered, sqlx::Error> {
    let mut remembered = Remembered::default();
    // The indexes begin with both.
    let natures = Nature::ALL.map(|nature| nature.code().to_owned()).to_vec();
    for kind in watched {
        let Some(rule) = city.doctrine.kind(kind) else { continue };
        let days = |days: u32| (now - jiff::SignedDuration::from_hours(24 * i64::from(days))).to_sqlx();
        if let Some(sum) = &rule.accumulation {
            let rows = sqlx::query!(
                "select signal_id, nature, lon, lat, schools, received_at from routing.trace
                  where kind = $1 and nature = any($4) and severity = $2 and received_at >= $3 and not spent",
                kind.as_str(),
                sum.severity.code(),
                days(sum.within_days),
                natures.clone()
            )
            .fetch_all(&mut *tx)
            .await?;
            for row in rows {
                let trace = Trace {
                    signal: SignalId(row.signal_id),
                    severity: sum.severity,
                    at: point(row.lon, row.lat),
                    schools_around: row.schools.into_iter().filter_map(|uai| Uai::new(uai).ok()).collect(),
                    received_at: row.received_at.to_jiff(),
                    spent: false,
                };
                let key = (kind.clone(), coded(&row.nature, "nature")?);
                remembered.entry(key).or_default().traces.push(trace);
            }
        }
        if let Some(watch) = &rule.retaliation {
            let rows = sqlx::query!(
                r#"select id, snapshot as "snapshot: Json<IncidentSnapshot>", lon, lat, nature, last_signal_at from routing.incident
                  where kind = $1 and nature = any($4) and severity = any($2) and last_signal_at >= $3"#,
                kind.as_str(),
                watch.after.iter().map(|s| s.code().to_owned()).collect::<Vec<_>>(),
                days(watch.days),
                natures.clone()
            )
            .fetch_all(&mut *tx)
            .await?;
            for row in rows {
                let incident = GraveIncident {
                    id: IncidentId(row.id),
                    severity: row.snapshot.0.severity,
                    at: point(row.lon, row.lat),
                    last_signal_at: row.last_signal_at.to_jiff(),
                };
                remembered.entry((kind.clone(), coded(&row.nature, "nature")?)).or_default().grave.push(incident);
            }
        }
    }
    Ok(remembered)
}

/// Writes the traces that are new or spent.
pub(crate) async fn save_traces(tx: &mut PgConnection, remembered: &Remembered) -> Result<(), sqlx::Error> {
    for ((kind, nature), memory) in remembered {
        for trace in memory.changed() {
            sqlx::query!(
                "insert into routing.trace (signal_id, kind, nature, severity, lon, lat, schools, received_at, spent)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 on conflict (signal_id) do update set spent = excluded.spent",
                trace.signal.0,
                kind.as_str(),
                nature.code(),
                trace.severity.code(),
                trace.at.map(|at| at.lon),
                trace.at.map(|at| at.lat),
                trace.schools_around.iter().map(Uai::to_string).collect::<Vec<_>>(),
                trace.received_at.to_sqlx(),
                trace.spent
            )
            .execute(&mut *tx)
            .await?;
        }
    }
    Ok(())
}

fn point(lon: Option<f64>, lat: Option<f64>) -> Option<LonLat> {
    lon.zip(lat).map(|(lon, lat)| LonLat { lon, lat })
}

fn body(id: String) -> Result<BodyId, sqlx::Error> {
    BodyId::new(id).map_err(|error| sqlx::Error::Decode(Box::new(error)))
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
    save_owed(tx, incidents).await?;
    for act in acknowledgements {
        let Act::Acknowledge { version, .. } = &act.act else { continue };
        let through = serde_json::to_value(act.actor.through).unwrap_or_default();
        sqlx::query!(
            "insert into routing.acknowledgement (act_id, incident_id, body, role, through, seen_version, at)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            act.act_id.0,
            act.incident_id.0,
            act.actor.body.as_str(),
            act.actor.role.as_str(),
            through.as_str().unwrap_or("api"),
            i32::try_from(*version).unwrap_or(i32::MAX),
            act.at.to_sqlx()
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// What is owed, new or given.
async fn save_owed(tx: &mut PgConnection, incidents: &[Incident]) -> Result<(), sqlx::Error> {
    let changed: Vec<(Uuid, &Debt)> = incidents
        .iter()
        .flat_map(|i| i.owed.iter().map(move |debt| (i.snapshot.id.0, debt)))
        .filter(|(_, debt)| debt.change != Change::Untouched)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let given = || changed.iter().map(|(_, debt)| debt.given.as_ref());
    sqlx::query!(
        "insert into routing.owed (incident_id, id, owed, due_at, outcome, given_by, given_at)
         select * from unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::text[], $6::text[], $7::timestamptz[])
         on conflict (incident_id, id) do update
            set owed = excluded.owed, due_at = excluded.due_at, outcome = excluded.outcome, given_by = excluded.given_by,
                given_at = excluded.given_at",
        changed.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        changed.iter().map(|(_, debt)| debt.owed.id.clone()).collect::<Vec<_>>(),
        changed.iter().map(|(_, debt)| Json(&debt.owed)).collect::<Vec<_>>(),
        changed.iter().map(|(_, debt)| debt.owed.due_at.map(ToSqlx::to_sqlx)).collect::<Vec<_>>(),
        given().map(|g| g.map(|g| g.outcome.code().to_owned())).collect::<Vec<_>>() as _,
        given().map(|g| g.map(|g| g.by.to_string())).collect::<Vec<_>>() as _,
        given().map(|g| g.map(|g| g.at.to_sqlx())).collect::<Vec<_>>()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Incidents and the signals joined to them, in one statement: a signal never joins without changing its incident. A signal
/// that was taken out of another joins anew.
async fn upsert(
    tx: &mut PgConnection,
    incidents: &[&Incident],
    links: &[(SignalId, IncidentId)],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let text = |of: fn(&IncidentSnapshot) -> String| incidents.iter().map(|i| of(&i.snapshot)).collect::<Vec<_>>();
    sqlx::query!(
        "with linked as (
           insert into routing.incident_signal (signal_id, incident_id, joined_at)
           select signal, incident, $18 from unnest($16::uuid[], $17::uuid[]) as l (signal, incident)
           on conflict (signal_id) do update set incident_id = excluded.incident_id, joined_at = excluded.joined_at
         )
         insert into routing.incident (id, reference, version, asked_version, kind, severity, status, sector, also_concerns,
                                       snapshot, situation, lon, lat, opened_at, last_signal_at, closed_at, in_charge, regime, nature)
         select i.id, i.reference, i.version, i.asked_version, i.kind, i.severity, i.status, i.sector,
                array(select jsonb_array_elements_text(i.snapshot -> 'also_concerns')), i.snapshot, i.situation, i.lon, i.lat,
                i.opened_at, i.last_signal_at, i.closed_at, string_to_array(i.in_charge, ','), i.snapshot ->> 'regime',
                i.snapshot ->> 'nature'
           from unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
                       $10::jsonb[], $11::float8[], $12::float8[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $19::text[])
             as i (id, reference, version, asked_version, kind, severity, status, sector, snapshot, situation, lon, lat,
                   opened_at, last_signal_at, closed_at, in_charge)
         on conflict (id) do update
            set version = excluded.version, asked_version = excluded.asked_version, severity = excluded.severity,
                status = excluded.status, snapshot = excluded.snapshot, situation = excluded.situation,
                last_signal_at = excluded.last_signal_at, closed_at = excluded.closed_at,
                also_concerns = excluded.also_concerns, in_charge = excluded.in_charge, regime = excluded.regime",
        incidents.iter().map(|i| i.snapshot.id.0).collect::<Vec<_>>(),
        text(|s| s.reference.clone()),
        incidents.iter().map(|i| number(i.snapshot.version)).collect::<Vec<_>>(),
        incidents.iter().map(|i| number(i.asked_version)).collect::<Vec<_>>(),
        text(|s| s.kind.to_string()),
        text(|s| s.severity.to_string()),
        text(|s| s.status.to_string()),
        text(|s| s.sector.to_string()),
        incidents.iter().map(|i| Json(&i.snapshot)).collect::<Vec<_>>(),
        incidents.iter().map(|i| Json(&i.situation)).collect::<Vec<_>>(),
        incidents.iter().map(|i| i.at.map(|at| at.lon)).collect::<Vec<_>>(),
        incidents.iter().map(|i| i.at.map(|at| at.lat)).collect::<Vec<_>>(),
        incidents.iter().map(|i| i.snapshot.opened_at.to_sqlx()).collect::<Vec<_>>(),
        incidents.iter().map(|i| i.last_signal_at.to_sqlx()).collect::<Vec<_>>(),
        incidents.iter().map(|i| i.closed_at.map(ToSqlx::to_sqlx)).collect::<Vec<_>>(),
        links.iter().map(|(signal, _)| signal.0).collect::<Vec<_>>(),
        links.iter().map(|(_, incident)| incident.0).collect::<Vec<_>>(),
        now.to_sqlx(),
        incidents.iter().map(|i| i.in_charge.iter().map(BodyId::as_str).collect::<Vec<_>>().join(",")).collect::<Vec<_>>()
    )
    .execute(tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
