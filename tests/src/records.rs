//! What the database holds, read as its owner.

use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

#[derive(Debug, Clone)]
pub struct Records(PgPool);

impl Records {
    pub(crate) fn new(url: &str) -> Self {
        Self(PgPoolOptions::new().max_connections(2).connect_lazy(url).expect("the URL is ours"))
    }

    pub fn pool(&self) -> &PgPool {
        &self.0
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

    /// Alerts of an incident that a message must follow (those for a screen are shown, not sent).
    pub async fn alerts_to_send(&self, incident: Uuid) -> i64 {
        sqlx::query_scalar("select count(*) from escalation.alert where incident_id = $1 and channel <> 'screen'")
            .bind(incident)
            .fetch_one(&self.0)
            .await
            .expect("the database answers")
    }
}
