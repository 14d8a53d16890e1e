//! The board under load: 500 open incidents and 50 facts a second, while somebody works at it.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;
use vigie_tests::{Caller, Journey, Options, Stack, Vigie, board_seconds, small_city, wait};

const INCIDENTS: u32 = 500;
const FACTS_A_SECOND: u64 = 50;

/// Opens the incidents and returns their ids.
async fn open(vigie: &Vigie, desk: &Caller) -> Vec<Uuid> {
    let raise = |number| async move { desk.raise(&small_city::report(number)).await };
    let raised: Vec<_> = stream::iter(0..INCIDENTS).map(raise).buffer_unordered(16).collect().await;
    let mut incidents = Vec::new();
    for raised in &raised {
        incidents.push(vigie.incident_of(raised).await);
    }
    incidents
}

/// The act number `turn`: mostly notes, some change what every line shows. Each has an effect: an incident is acted on again
/// after all the others, and then its severity goes the other way.
fn act(turn: u64) -> (&'static str, Value) {
    let graver = turn / u64::from(INCIDENTS) % 2 == 1;
    match turn % 10 {
        0 | 5 if graver => ("severity", json!({ "severity": "serious" })),
        0 | 5 => ("severity", json!({ "severity": "tension" })),
        2 | 7 => ("acknowledgements", json!({})),
        _ => ("notes", json!({ "text": "Rien à signaler" })),
    }
}

/// Acts on incident after incident, by the clock; returns how many acts were taken.
async fn load(desk: Caller, incidents: Arc<Vec<Uuid>>) -> u64 {
    let mut clock = tokio::time::interval(Duration::from_millis(1_000 / FACTS_A_SECOND));
    let mut acts = JoinSet::new();
    let turns = (0..board_seconds() * FACTS_A_SECOND).zip(incidents.iter().cycle().step_by(7));
    for (turn, &incident) in turns {
        clock.tick().await;
        let (path, body) = act(turn);
        let desk = desk.clone();
        acts.spawn(async move { desk.post(&format!("/api/v1/incidents/{incident}/{path}"), &body).await.status });
    }
    let answered = acts.join_all().await;
    answered.into_iter().filter(|status| matches!(status, 200 | 202)).count() as u64
}

#[tokio::test]
async fn the_board_loses_nothing_and_keeps_nobody_waiting_under_load() {
    let stack = Stack::start().await;
    small_city::write(stack.folder());
    let options = Options::default().city(stack.folder()).set("INTAKE__RATE_BURST", 10_000);
    let options = options.set("CONSOLE__ACTS_PER_SOURCE_PER_MINUTE", 100_000);
    let vigie = Vigie::start(&stack, options).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    let incidents = Arc::new(open(&vigie, &desk).await);
    let mut under_way = JoinSet::new();
    let mut journey = Journey::start(&vigie, "load", &[small_city::SOURCE]).await;
    while let Some(asked) = journey.asks().await {
        match asked.as_str() {
            "load" => drop(under_way.spawn(load(desk.clone(), Arc::clone(&incidents)))),
            "settle" => {
                let acts = under_way.join_next().await.expect("there was a load").expect("the load ends");
                println!("load: {acts} acts taken in {} s", board_seconds());
                assert_eq!(acts, board_seconds() * FACTS_A_SECOND, "every act changes or adds something");
                wait::until("everything has had its consequences", wait::PATIENCE, || vigie.records().is_quiet()).await;
            }
            other => unreachable!("the journey asks to {other}"),
        }
        journey.done().await;
    }
}
