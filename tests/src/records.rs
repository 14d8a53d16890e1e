//! What the database holds, read as its superuser.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions, types::Json};
use uuid::Uuid;
use vigie_domain::escalation::{Escalation, replay};
use vigie_platform::journal::{self, Entry};

#[derive(Debug, Clone)]
pub struct Records(PgPool);

impl Records {
    pub(crate) fn new(url: &str) -> Self {
        Self(PgPoolOptions::new().max_connections(2).connect_lazy(url).expect("the URL is ours"))
    }

    pub fn pool(&self) -> &PgPool {
        &self.0
    }

    /// Does to the database what only a test may.
    pub async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.0).await.expect("the database does it");
    }

    /// The number a query answers.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.0).await.expect("the database answers")
    }

    /// Data of every event of a type, in order; of one incident when given.
    pub async fn events(&self, type_name: &str, incident: Option<Uuid>) -> Vec<Value> {
        sqlx::query_scalar(
            "select data::jsonb from journal.entry where type = $1 and ($2 is null or incident_id = $2) order by seq",
        )
        .bind(type_name)
        .bind(incident)
        .fetch_all(&self.0)
        .await
        .expect("the database answers")
    }

    /// The incident a signal belongs to, once it does.
    pub async fn incident_of(&self, signal: &str) -> Option<Uuid> {
        let signal: Uuid = signal.parse().expect("a signal's id");
        sqlx::query_scalar("select incident_id from routing.incident_signal where signal_id = $1")
            .bind(signal)
            .fetch_optional(&self.0)
            .await
            .expect("the database answers")
    }

    /// Steps of an incident with their outcome, by the journal.
    pub async fn steps(&self, incident: Uuid) -> Vec<(String, String)> {
        let settled = self.events("vigie.escalation.step-settled.v1", Some(incident)).await;
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        settled.iter().map(|event| (text(event, "step"), text(event, "outcome"))).collect()
    }

    /// Plays every incident's story again and holds it against the plan that escalation keeps; returns how many.
    ///
    /// What is journalled and not heard yet is left out, and both are read at one moment, so that it may be asked any time.
    pub async fn stories_are_kept(&self) -> usize {
        let mut tx = self.0.begin_with("begin isolation level repeatable read").await.expect("the database answers");
        let plans: Vec<(Uuid, Json<Escalation>)> = sqlx::query_as("select incident_id, state from escalation.plan")
            .fetch_all(&mut *tx)
            .await
            .expect("plans can be read");
        for (incident, Json(kept)) in &plans {
            let rows = sqlx::query(
                "select e.event_id, e.type, e.subject, e.source, e.recorded_at, e.incident_id, e.cause, e.traceparent,
                        e.data::text as data
                   from journal.entry e
                  where e.incident_id = $1
                    and (e.source = '/vigie/escalation'
                         or exists (select from escalation.inbox i where i.event_id = e.event_id))
                  order by e.seq",
            )
            .bind(incident)
            .fetch_all(&mut *tx)
            .await
            .expect("the journal can be read");
            let story: Vec<Entry> = rows.iter().map(|row| Entry::from_row(row).expect("an entry")).collect();
            let story = journal::facts(&story).expect("facts of this build");
            let replayed = replay(&story, None, &()).escalation;
            assert_eq!(replayed.as_ref(), Some(kept), "incident {incident}, played again from {story:#?}");
        }
        plans.len()
    }

    /// How many steps of an incident's plan are left that neither survive the closing nor wait for something.
    pub async fn open_steps(&self, incident: Uuid) -> usize {
        let state: Option<Value> = sqlx::query_scalar("select state from escalation.plan where incident_id = $1")
            .bind(incident)
            .fetch_optional(&self.0)
            .await
            .expect("the database answers");
        let state = state.unwrap_or_default();
        let settled = state["settled"].as_array().cloned().unwrap_or_default();
        let circuits = state["plan"]["circuits"].as_array().into_iter().flatten().enumerate();
        let steps = circuits.flat_map(|(c, circuit)| {
            let steps = circuit["steps"].as_array().into_iter().flatten().enumerate();
            steps.map(move |(s, step)| (json!([c, s]), step))
        });
        steps
            .filter(|(position, step)| {
                step["survives_closing"] != json!(true) && step["waits_for"].is_null() && !settled.contains(position)
            })
            .count()
    }

    /// Alerts that a message must follow (those for a screen are shown, not sent).
    pub async fn alerts_to_send(&self) -> i64 {
        self.count("select count(*) from escalation.alert where channel <> 'screen'").await
    }

    /// Whether everything accepted so far has had its consequences: signals have incidents, incidents their plans as
    /// they now are, due steps are settled.
    pub async fn is_quiet(&self) -> bool {
        let behind = "select (select count(*) from intake.signal) - (select count(*) from routing.incident_signal)
                + (select count(*) from routing.incident i left join escalation.plan p on p.incident_id = i.id
                    where p.incident_id is null or (p.snapshot ->> 'version')::int < i.version)
                + (select count(*) from escalation.plan where next_due <= now())";
        self.count(behind).await == 0
    }

    /// The instant an event's field gives.
    pub fn instant(event: &Value, field: &str) -> Timestamp {
        let text = event[field].as_str().unwrap_or_default();
        text.parse().unwrap_or_else(|_| unreadable(event, field))
    }
}

#[expect(clippy::panic, reason = "an event without its time ends the test")]
fn unreadable(event: &Value, field: &str) -> Timestamp {
    panic!("no instant in `{field}` of {event}")
}
