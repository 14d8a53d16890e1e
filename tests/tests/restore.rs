//! A day like another: the database is restored into another cluster, whose transaction numbers begin again; a standby takes
//! over under a running Vigie; it goes back to a backup, and what came after was never written.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use vigie_tests::{Options, SCHOOL, Stack, Vigie, now, wait};

/// With the bus gone an alert may take this long, no longer.
const WITHOUT_BUS: Duration = Duration::from_secs(5);

fn at_the_school() -> Value {
    json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } })
}

/// Far from the school and from each other.
fn elsewhere(lon: f64) -> Value {
    json!({ "kind": "rixe", "severity": "serious", "location": { "lon": lon, "lat": 48.8432 } })
}

#[tokio::test]
async fn after_a_restore_alerts_leave_without_a_bus_and_streams_go_on_or_say_that_they_cannot() {
    let mut stack = Stack::start().await;
    let mut vigie = Vigie::start(&stack, Options::default()).await;
    let (head, desk) = (vigie.caller("college-19").await, vigie.caller("scop").await);
    let mut live = desk.live(None).await;
    live.alive(wait::PATIENCE).await;
    let first = vigie.incident_of(&head.raise(&at_the_school()).await).await;
    let last = live.next(wait::PATIENCE).await.id;
    let before = vigie.all_sent(&stack).await.len();
    // The old cluster has counted far beyond where the new one begins.
    vigie
        .records()
        .execute("do $$ begin for i in 1..20000 loop perform pg_current_xact_id(); commit; end loop; end $$")
        .await;
    let later = vigie.incident_of(&desk.raise(&elsewhere(2.2905)).await).await;
    let all = vigie.all_sent(&stack).await.len();
    let highest = "select max(tx) from journal.entry";
    let counted = vigie.records().count(highest).await;

    vigie.stop();
    stack.nats.kill();
    stack.postgres.restore_elsewhere().await;
    vigie.restart().await;

    let began = now();
    let raised = desk.raise(&elsewhere(2.3605)).await;
    wait::until("its mails leave without a bus", WITHOUT_BUS, || async {
        stack.outbox.messages().await.iter().any(|m| m.channel == "email" && m.received_at >= began)
    })
    .await;
    let third = vigie.incident_of(&raised).await;
    let messages = vigie.all_sent(&stack).await;
    let ids: BTreeSet<&str> = messages.iter().map(|m| m.message_id.as_str()).collect();
    assert_eq!(ids.len(), messages.len(), "nothing is told twice");
    assert!(messages.len() > all && all >= before, "{} messages after {all} after {before}", messages.len());
    assert_eq!(vigie.records().count("select max(epoch)::bigint from journal.entry").await, 2);
    let new = "select max(tx) from journal.entry where epoch = 2";
    assert!(vigie.records().count(new).await < counted, "or it would prove nothing");

    // A stream that was at the first incident gets what it missed, in the old cluster and in the new one.
    let mut resumed = desk.live(Some(&last)).await;
    let missed = resumed.until_alive(wait::PATIENCE).await;
    let of = |id: &uuid::Uuid| missed.iter().filter(|told| told.data["incident"]["id"] == json!(id)).count();
    assert!(of(&later) > 0 && of(&third) > 0, "{missed:?}");
    assert!(missed.iter().all(|told| told.name != "reload") && of(&first) < missed.len());
    let mut unknown = desk.live(Some("7-1-1")).await;
    assert_eq!(unknown.next(wait::PATIENCE).await.name, "reload");

    // And with the bus again.
    stack.nats.restart().await;
    let count = vigie.all_sent(&stack).await.len();
    vigie.incident_of(&desk.raise(&elsewhere(2.3305)).await).await;
    assert!(vigie.all_sent(&stack).await.len() >= count);
    assert_eq!(vigie.records().count("select count(*) from journal.dead_letter").await, 0);
    assert!(vigie.records().stories_are_kept().await >= 3);
}

#[tokio::test]
async fn when_a_standby_takes_over_a_running_vigie_goes_on_without_a_bus_and_tells_nothing_twice() {
    let mut stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (head, desk) = (vigie.caller("college-19").await, vigie.caller("scop").await);
    let mut live = desk.live(None).await;
    live.alive(wait::PATIENCE).await;
    vigie.incident_of(&head.raise(&at_the_school()).await).await;
    let last = live.next(wait::PATIENCE).await.id;
    let before = vigie.all_sent(&stack).await.len();

    stack.nats.kill();
    stack.postgres.fail_over().await;
    vigie.ready().await;
    let began = now();
    let raised = desk.raise(&elsewhere(2.3605)).await;
    wait::until("its mails leave without a bus", WITHOUT_BUS, || async {
        stack.outbox.messages().await.iter().any(|m| m.channel == "email" && m.received_at >= began)
    })
    .await;
    let second = vigie.incident_of(&raised).await;
    let messages = vigie.all_sent(&stack).await;
    let ids: BTreeSet<&str> = messages.iter().map(|m| m.message_id.as_str()).collect();
    assert_eq!(ids.len(), messages.len(), "nothing is told twice");
    assert!(messages.len() > before);
    assert_eq!(vigie.records().count("select max(epoch)::bigint from journal.entry").await, 2);

    let missed = desk.live(Some(&last)).await.until_alive(wait::PATIENCE).await;
    assert!(missed.iter().any(|told| told.data["incident"]["id"] == json!(second)), "{missed:?}");
    assert!(missed.iter().all(|told| told.name != "reload"));
    stack.nats.restart().await;
    vigie.incident_of(&desk.raise(&elsewhere(2.2905)).await).await;
    vigie.all_sent(&stack).await;
    assert_eq!(vigie.records().count("select count(*) from journal.dead_letter").await, 0);
    assert!(vigie.records().stories_are_kept().await >= 3);
}

#[tokio::test]
async fn back_at_a_backup_what_was_lost_is_believed_no_more_and_what_comes_is_told() {
    let mut stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (head, desk) = (vigie.caller("college-19").await, vigie.caller("scop").await);
    vigie.incident_of(&head.raise(&at_the_school()).await).await;
    let kept = vigie.all_sent(&stack).await.len();
    let backup = stack.postgres.backup().await;
    let mut live = desk.live(None).await;
    live.alive(wait::PATIENCE).await;
    let lost = vigie.incident_of(&desk.raise(&elsewhere(2.2905)).await).await;
    let after_it = live.next(wait::PATIENCE).await.id;
    let all = vigie.all_sent(&stack).await.len();

    // Under a Vigie that runs: whoever looks at what is gone is told, and the bus still has it.
    stack.postgres.go_back(backup).await;
    vigie.ready().await;
    while live.next(wait::PATIENCE).await.name != "reload" {}
    assert!(vigie.records().events("vigie.incident.opened.v1", Some(lost)).await.is_empty(), "it was never written");

    let began = now();
    let raised = desk.raise(&elsewhere(2.3605)).await;
    wait::until("its mails leave", WITHOUT_BUS, || async {
        stack.outbox.messages().await.iter().any(|m| m.channel == "email" && m.received_at >= began)
    })
    .await;
    vigie.incident_of(&raised).await;
    // The messages of what is gone had left; those of what came since are all there are besides.
    let gone = i64::try_from(all - kept).unwrap();
    let messages = wait::for_some("every alert has left", wait::PATIENCE, || async {
        let messages = stack.outbox.messages().await;
        let alerts = vigie.records().alerts_to_send().await + gone;
        (vigie.records().is_quiet().await && i64::try_from(messages.len()) == Ok(alerts)).then_some(messages)
    })
    .await;
    let ids: BTreeSet<&str> = messages.iter().map(|m| m.message_id.as_str()).collect();
    assert_eq!(ids.len(), messages.len(), "nothing is told twice");
    assert!(messages.len() > all);
    assert_eq!(vigie.records().count("select max(epoch)::bigint from journal.entry").await, 2);
    // Whoever had seen what is gone must look again.
    assert_eq!(desk.live(Some(&after_it)).await.next(wait::PATIENCE).await.name, "reload");
    assert_eq!(vigie.records().count("select count(*) from journal.dead_letter").await, 0);
    assert!(vigie.records().stories_are_kept().await >= 2);
}
