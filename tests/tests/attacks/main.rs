//! Attacks that once worked, each by name, on the running system; and siblings of each: other roles, acts, sectors.
//!
//! What is asserted of an alert is always the same: every step that was due before is due after, at its time.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod classes;
mod links;
mod matrix;
mod pages;
mod raising;
mod stopping;

use serde_json::{Value, json};
use uuid::Uuid;
use vigie_tests::{Caller, Raised, SCHOOL, Stack, Vigie, wait};

/// Quai de la Seine, in the middle of the 19th.
pub(crate) const QUAY: (f64, f64) = (2.3791, 48.8853);

/// A signal of a rixe at a point.
pub(crate) fn rixe(severity: &str, (lon, lat): (f64, f64), accuracy_m: f64) -> Value {
    json!({ "kind": "rixe", "severity": severity, "location": { "lon": lon, "lat": lat, "accuracy_m": accuracy_m } })
}

pub(crate) fn at_school(severity: &str) -> Value {
    json!({ "kind": "rixe", "severity": severity, "location": { "school": SCHOOL } })
}

/// Raises, and waits until everybody who is told at once has been.
pub(crate) async fn open(vigie: &Vigie, stack: &Stack, by: &Caller, report: &Value) -> (Raised, Uuid) {
    let raised = by.raise(report).await;
    let incident = vigie.incident_of(&raised).await;
    vigie.all_sent(stack).await;
    (raised, incident)
}

/// Every step of an incident that is still to come, with its time, as the plan's owner keeps it.
pub(crate) async fn due(vigie: &Vigie, incident: Uuid) -> Vec<String> {
    let state: Value = sqlx::query_scalar("select state from escalation.plan where incident_id = $1")
        .bind(incident)
        .fetch_one(vigie.records().pool())
        .await
        .unwrap();
    let settled = state["settled"].as_array().cloned().unwrap_or_default();
    let moved = state["moved"].as_array().cloned().unwrap_or_default();
    let mut due = Vec::new();
    for (c, circuit) in state["plan"]["circuits"].as_array().unwrap().iter().enumerate() {
        for (s, step) in circuit["steps"].as_array().unwrap().iter().enumerate() {
            let position = json!([c, s]);
            if settled.contains(&position) {
                continue;
            }
            let at = moved.iter().find(|moved| moved[0] == position).map_or(&step["due_at"], |moved| &moved[1]);
            due.push(format!("{}/{} {}", circuit["id"], step["id"], at));
        }
    }
    due
}

/// Acts as `by`, then waits until whatever it led to has been applied.
pub(crate) async fn act(vigie: &Vigie, by: &Caller, incident: Uuid, act: &str, body: &Value) -> u16 {
    let status = by.post(&format!("/api/v1/incidents/{incident}/{act}"), body).await.status;
    applied(vigie).await;
    status
}

/// Waits until every recorded act is settled, and every plan has heard of it.
pub(crate) async fn applied(vigie: &Vigie) {
    wait::until("every act is applied", wait::PATIENCE, || async {
        let behind = "select count(*) from journal.entry a where a.type = 'vigie.act.recorded.v1' and not exists
                        (select from routing.inbox i where i.event_id = a.event_id)";
        let unheard = "select count(*) from journal.entry a where a.type like 'vigie.incident.%'
                         and a.type = any(array['vigie.incident.acknowledged.v1', 'vigie.incident.refused.v1',
                             'vigie.incident.eased.v1', 'vigie.incident.closed.v1', 'vigie.incident.called.v1',
                             'vigie.incident.handed-over.v1', 'vigie.incident.replanned.v1'])
                         and not exists (select from escalation.inbox i where i.event_id = a.event_id)";
        vigie.records().count(behind).await == 0 && vigie.records().count(unheard).await == 0
    })
    .await;
}
