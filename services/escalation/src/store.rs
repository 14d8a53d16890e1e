//! Plans and alerts in Postgres.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;
use vigie_domain::{
    escalation::{Ahead, Escalation, Partial},
    round::{InHand, Origin},
};
use vigie_proto::{
    EventId, IncidentId, RoleId,
    event::{AlertIssuedV1, IncidentSnapshot},
};

struct Row {
    state: Json<Escalation>,
    snapshot: Json<IncidentSnapshot>,
    cause: Uuid,
    traceparent: Option<String>,
}

impl From<Row> for InHand {
    fn from(row: Row) -> Self {
        Self {
            snapshot: row.snapshot.0,
            escalation: row.state.0,
            origin: Origin { cause: EventId(row.cause), traceparent: row.traceparent },
        }
    }
}

/// The plans of these incidents, locked in order of id.
pub(crate) async fn load(tx: &mut PgConnection, ids: &[IncidentId]) -> Result<Vec<InHand>, sqlx::Error> {
    let plans = sqlx::query_as!(
        Row,
        r#"select state as "state: _", snapshot as "snapshot: _", cause, traceparent from escalation.plan
          where incident_id = any($1) order by incident_id for update"#,
        ids.iter().map(|id| id.0).collect::<Vec<_>>()
    );
    plans.map(InHand::from).fetch_all(tx).await
}

/// Claims up to `limit` plans with a step due at `now`; other replicas skip them.
pub(crate) async fn claim_due(tx: &mut PgConnection, now: Timestamp, limit: usize) -> Result<Vec<InHand>, sqlx::Error> {
    let plans = sqlx::query_as!(
        Row,
        r#"select state as "state: _", snapshot as "snapshot: _", cause, traceparent from escalation.plan
          where next_due <= $1 order by next_due limit $2 for update skip locked"#,
        now.to_sqlx(),
        i64::try_from(limit).unwrap_or(i64::MAX)
    );
    plans.map(InHand::from).fetch_all(tx).await
}

/// The earliest due time of all; one look into the index.
pub(crate) async fn next_due(pool: &PgPool) -> Result<Option<Timestamp>, sqlx::Error> {
    let next = sqlx::query_scalar!(
        r#"select next_due as "at!" from escalation.plan where next_due is not null order by next_due limit 1"#
    );
    let next = next.fetch_optional(pool).await?;
    Ok(next.map(SqlTimestamp::to_jiff))
}

/// How many plans still wait for a due time; reads them all.
pub(crate) async fn waiting(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from escalation.plan where next_due is not null"#)
        .fetch_one(pool)
        .await
}

/// Writes plans back, new or changed; `relaunched` had a step after the first told just now.
pub(crate) async fn save(
    tx: &mut PgConnection,
    plans: &[InHand],
    relaunched: &BTreeSet<IncidentId>,
) -> Result<(), sqlx::Error> {
    if plans.is_empty() {
        return Ok(());
    }
    let due_first = |p: &InHand| p.escalation.ahead().into_iter().find(|ahead| ahead.due_at.is_some());
    let next: Vec<Option<Ahead>> = plans.iter().map(due_first).collect();
    let due = |ahead: &Option<Ahead>| ahead.as_ref().and_then(|ahead| ahead.due_at).map(ToSqlx::to_sqlx);
    let step = |ahead: &Option<Ahead>| ahead.as_ref().and_then(|ahead| ahead.step.clone());
    let roles = |ahead: &Option<Ahead>| {
        let roles = ahead.iter().flat_map(|ahead| &ahead.roles).map(RoleId::as_str);
        roles.collect::<Vec<_>>().join(",")
    };
    sqlx::query!(
        "insert into escalation.plan (incident_id, state, snapshot, next_due, cause, traceparent, next_step, next_roles, partial,
                                      counts, relaunched)
         select p.id, p.state, p.snapshot, p.next_due, p.cause, p.traceparent, p.step, string_to_array(p.roles, ','), p.partial,
                string_to_array(p.counts, ','), p.relaunched
           from unnest($1::uuid[], $2::jsonb[], $3::jsonb[], $4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[],
                       $9::jsonb[], $10::text[], $11::bool[])
             as p (id, state, snapshot, next_due, cause, traceparent, step, roles, partial, counts, relaunched)
         on conflict (incident_id) do update
            set state = excluded.state, snapshot = excluded.snapshot, next_due = excluded.next_due,
                cause = excluded.cause, traceparent = excluded.traceparent,
                next_step = excluded.next_step, next_roles = excluded.next_roles, partial = excluded.partial,
                counts = excluded.counts, relaunched = plan.relaunched or excluded.relaunched",
        plans.iter().map(|p| p.snapshot.id.0).collect::<Vec<_>>(),
        plans.iter().map(|p| Json(&p.escalation)).collect::<Vec<_>>(),
        plans.iter().map(|p| Json(&p.snapshot)).collect::<Vec<_>>(),
        next.iter().map(due).collect::<Vec<_>>(),
        plans.iter().map(|p| p.origin.cause.0).collect::<Vec<_>>(),
        plans.iter().map(|p| p.origin.traceparent.clone()).collect::<Vec<_>>() as _,
        next.iter().map(step).collect::<Vec<_>>() as _,
        next.iter().map(roles).collect::<Vec<_>>(),
        plans.iter().map(|p| partial(&p.escalation)).collect::<Vec<_>>(),
        plans.iter().map(|p| counts(&p.escalation)).collect::<Vec<_>>(),
        &plans.iter().map(|p| relaunched.contains(&p.snapshot.id)).collect::<Vec<_>>()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Indicators that the plan's circuits count for, with commas between them.
fn counts(escalation: &Escalation) -> String {
    let counts: BTreeSet<&str> = escalation.plan.circuits.iter().flat_map(|c| &c.counts).map(String::as_str).collect();
    counts.into_iter().collect::<Vec<_>>().join(",")
}

/// Circuits with some in charge and not enough; none when there is none, which is nearly always.
fn partial(escalation: &Escalation) -> Option<Json<Vec<Partial>>> {
    if escalation.acknowledgements.is_empty() {
        return None;
    }
    Some(escalation.standing().partial()).filter(|partial| !partial.is_empty()).map(Json)
}

/// What is told once: a step of the plan, or one telling of news.
fn once(alert: &AlertIssuedV1, step: &str) -> String {
    if vigie_domain::escalation::is_news(step) {
        format!("{step}@{}", alert.issued_at.as_microsecond())
    } else {
        step.to_owned()
    }
}

/// Records that each step has told its contact, and returns the alerts none of whose pairs was there before.
///
/// The primary key makes a second alert for one (incident, generation, step, contact) impossible, whatever runs twice.
pub(crate) async fn record_told(
    tx: &mut PgConnection,
    alerts: Vec<AlertIssuedV1>,
) -> Result<Vec<AlertIssuedV1>, sqlx::Error> {
    if alerts.is_empty() {
        return Ok(alerts);
    }
    let pairs: Vec<(&AlertIssuedV1, &String)> =
        alerts.iter().flat_map(|a| a.steps.iter().map(move |step| (a, step))).collect();
    let text = |of: fn(&AlertIssuedV1) -> String| alerts.iter().map(of).collect::<Vec<_>>();
    let fresh = sqlx::query_scalar!(
        "with told as (
           insert into escalation.told (incident_id, generation, step, contact, alert_id)
           select * from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::uuid[]) on conflict do nothing returning alert_id
         )
         insert into escalation.alert (id, incident_id, generation, version, purpose, body, role, contact, channel, steps, issued_at,
                                       owed)
         select a.id, a.incident_id, a.generation, a.version, a.purpose, a.body, a.role, a.contact, a.channel,
                string_to_array(a.steps, ','), a.issued_at, a.owed
           from unnest($6::uuid[], $7::uuid[], $8::int[], $9::int[], $10::text[], $11::text[], $12::text[], $13::text[],
                       $14::text[], $15::text[], $16::timestamptz[], $17::text[])
             as a (id, incident_id, generation, version, purpose, body, role, contact, channel, steps, issued_at, owed)
          where a.id in (select alert_id from told)
         returning id",
        pairs.iter().map(|(a, _)| a.incident.id.0).collect::<Vec<_>>(),
        pairs.iter().map(|(a, _)| signed(a.generation)).collect::<Vec<_>>(),
        pairs.iter().map(|(a, step)| once(a, step)).collect::<Vec<_>>(),
        pairs.iter().map(|(a, _)| a.contact.to_string()).collect::<Vec<_>>(),
        pairs.iter().map(|(a, _)| a.alert_id.0).collect::<Vec<_>>(),
        alerts.iter().map(|a| a.alert_id.0).collect::<Vec<_>>(),
        alerts.iter().map(|a| a.incident.id.0).collect::<Vec<_>>(),
        alerts.iter().map(|a| signed(a.generation)).collect::<Vec<_>>(),
        alerts.iter().map(|a| signed(a.incident.version)).collect::<Vec<_>>(),
        text(|a| a.purpose.code().to_owned()),
        text(|a| a.body.to_string()),
        text(|a| a.role.to_string()),
        text(|a| a.contact.to_string()),
        text(|a| a.channel.to_string()),
        text(|a| a.steps.join(",")),
        alerts.iter().map(|a| a.issued_at.to_sqlx()).collect::<Vec<_>>(),
        alerts.iter().map(|a| a.owed_id.as_deref()).collect::<Vec<_>>() as _
    )
    .fetch_all(tx)
    .await?;
    let fresh: HashSet<Uuid> = fresh.into_iter().collect();
    Ok(alerts.into_iter().filter(|a| fresh.contains(&a.alert_id.0)).collect())
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
