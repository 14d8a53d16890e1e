//! The live stream: what happens, as it happens, to those who may see it, with nothing missed in between.

use std::time::Duration;

use serde_json::{Value, json};
use vigie_tests::{Options, Stack, Vigie, wait::PATIENCE};

fn in_sector(sector: &str) -> Value {
    json!({ "kind": "rixe", "severity": "tension", "location": { "sector": sector } })
}

#[tokio::test]
async fn an_opening_is_seen_live_by_those_concerned() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let mut everything = scop.live(None).await;
    let mut of_the_18th = vigie.caller("mairie-18").await.live(None).await;

    let first = vigie.incident_of(&scop.raise(&in_sector("paris-19")).await).await;
    let second = vigie.incident_of(&scop.raise(&in_sector("paris-18")).await).await;

    let told = everything.next(PATIENCE).await;
    assert_eq!((told.name.as_str(), &told.data["incident"]["id"]), ("incident.opened", &json!(first)));
    assert_eq!(everything.next(PATIENCE).await.data["incident"]["id"], json!(second));
    // The 19th's opening came before and was not shown.
    let told = of_the_18th.next(PATIENCE).await;
    assert_eq!((told.name.as_str(), &told.data["incident"]["id"]), ("incident.opened", &json!(second)));
}

#[tokio::test]
async fn whoever_reconnects_misses_nothing_and_sees_nothing_twice() {
    let stack = Stack::start().await;
    let mut vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let mut live = scop.live(None).await;
    vigie.incident_of(&scop.raise(&in_sector("paris-19")).await).await;
    let last = live.next(PATIENCE).await;
    drop(live);

    let missed = vigie.incident_of(&scop.raise(&in_sector("paris-13")).await).await;
    vigie.stop();
    vigie.restart().await;
    let mut live = scop.live(Some(&last.id)).await;
    let told = live.next(PATIENCE).await;
    assert_eq!((told.name.as_str(), &told.data["incident"]["id"]), ("incident.opened", &json!(missed)));

    let next = vigie.incident_of(&scop.raise(&in_sector("paris-12")).await).await;
    let told = live.next(PATIENCE).await;
    assert_eq!((told.name.as_str(), &told.data["incident"]["id"]), ("incident.opened", &json!(next)));
}

#[tokio::test]
async fn a_stream_shows_states_and_never_plans_nor_contacts() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let mut live = scop.live(None).await;

    let incident = vigie.incident_of(&scop.raise(&in_sector("paris-19")).await).await;
    let opened = live.next(PATIENCE).await;
    scop.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await.expect(200);
    let acknowledged = live.next(PATIENCE).await;

    assert_eq!(acknowledged.name, "incident.acknowledged", "alerts and deliveries in between are not shown");
    assert_eq!(acknowledged.data["did"], json!({ "by": "scop" }));
    for told in [opened, acknowledged] {
        let text = told.data.to_string();
        assert!(!text.contains("circuits") && !text.contains("example.org"), "{text}");
    }
}

#[tokio::test]
async fn a_stream_says_that_it_is_alive_while_others_are_busy() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let incident = vigie.incident_of(&scop.raise(&in_sector("paris-19")).await).await;
    let mut of_the_18th = vigie.caller("mairie-18").await.live(None).await;

    // Twice a second something happens that the 18th may not see.
    let mut busy = tokio::task::JoinSet::new();
    busy.spawn(async move {
        let mut clock = tokio::time::interval(Duration::from_millis(500));
        loop {
            clock.tick().await;
            let note = json!({ "text": "Rien de nouveau" });
            scop.post(&format!("/api/v1/incidents/{incident}/notes"), &note).await.expect(200);
        }
    });
    of_the_18th.alive(PATIENCE).await;
    of_the_18th.alive(PATIENCE).await;
}
