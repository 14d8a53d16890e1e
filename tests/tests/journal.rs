//! The journal: only ever added to, and the story is told from it.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use vigie_tests::{Options, SCHOOL, Stack, Vigie, wait};

#[tokio::test]
async fn no_role_of_a_service_can_change_or_remove_an_entry() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let roles: Vec<String> = sqlx::query_scalar(
        "select rolname from pg_roles where rolname like 'vigie\\_%' and rolname <> 'vigie_owner' order by 1",
    )
    .fetch_all(vigie.records().pool())
    .await
    .unwrap();
    assert!(roles.len() >= 9, "{roles:?}");
    let entries = async || vigie.records().count("select count(*) from journal.entry").await;
    wait::until("doctrine and directory are announced", wait::PATIENCE, || async { entries().await == 2 }).await;

    for role in &roles {
        let mut connection = PgConnection::connect(&stack.postgres.url()).await.unwrap();
        connection.execute(AssertSqlSafe(format!("set role {role}"))).await.unwrap();
        for statement in [
            "update journal.entry set type = 'vigie.forged.v1'",
            "delete from journal.entry",
            "truncate journal.entry",
            "alter table journal.entry add column forged text",
            "drop table journal.entry",
        ] {
            let refused = connection.execute(statement).await.expect_err(statement);
            let code = refused.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
            assert_eq!(code.as_deref(), Some("42501"), "{role}: {statement}: {refused}");
        }
    }
    assert_eq!(entries().await, 2);
}

#[tokio::test]
async fn a_service_writes_its_own_schema_and_no_other() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let tables: Vec<(String, String)> = sqlx::query_as(
        "select schemaname::text, tablename::text from pg_tables
          where schemaname in ('intake', 'routing', 'escalation', 'notification', 'console', 'directory')
            and tablename <> '_sqlx_migrations' order by 1, 2",
    )
    .fetch_all(vigie.records().pool())
    .await
    .unwrap();
    assert!(tables.len() > 10, "{tables:?}");

    for service in ["intake", "routing", "escalation", "notification", "console", "directory", "crisis", "relay"] {
        for (schema, table) in tables.iter().filter(|(schema, _)| schema != service) {
            let foreign: bool =
                sqlx::query_scalar("select has_table_privilege($1, $2, 'insert, update, delete, truncate')")
                    .bind(format!("vigie_{service}"))
                    .bind(format!("{schema}.{table}"))
                    .fetch_one(vigie.records().pool())
                    .await
                    .unwrap();
            assert!(!foreign, "{service} may write {schema}.{table}");
        }
    }
}

#[tokio::test]
async fn the_story_of_an_incident_is_what_the_journal_holds_in_order() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (head, scop) = (vigie.caller("college-19").await, vigie.caller("scop").await);
    let raised = head.raise(&json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } })).await;
    let incident = vigie.incident_of(&raised).await;
    vigie.all_sent(&stack).await;
    let acts = format!("/api/v1/incidents/{incident}");
    scop.post(&format!("{acts}/acknowledgements"), &json!({})).await.expect(200);
    scop.post(&format!("{acts}/resolution"), &json!({ "reason": "resolved" })).await.expect(200);
    vigie.whole_plan(incident).await;

    let story = scop.get(&acts).await.expect(200).json()["timeline"].clone();
    let told: Vec<&str> = story.as_array().unwrap().iter().map(|line| line["what"].as_str().unwrap()).collect();
    let kept: Vec<String> = sqlx::query_scalar(
        "select replace(replace(type, 'vigie.', ''), '.v1', '') from journal.entry
          where incident_id = $1 and type <> 'vigie.act.recorded.v1' order by seq limit $2",
    )
    .bind(incident)
    .bind(i64::try_from(told.len()).unwrap())
    .fetch_all(vigie.records().pool())
    .await
    .unwrap();

    assert_eq!(told, kept);
    let first = |what: &str| told.iter().position(|line| *line == what).expect(what);
    assert_eq!(first("incident.opened"), 0);
    assert!(first("alert.issued") < first("delivery.sent"));
    assert!(first("incident.acknowledged") < first("incident.closed"));
    assert!(story[0]["text"].as_str().unwrap().contains("niveau Grave"), "{}", story[0]);
}
