//! Vigie's pages in a real Chromium, against the real system: one test a journey, scripts in `tests/browser/journeys`.

use vigie_tests::{Journey, Options, Stack, Vigie, wait};

#[tokio::test]
async fn a_personal_link_opens_the_home_of_ones_function() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    Journey::start(&vigie, "home", &["scop"]).await.walk().await;
}

#[tokio::test]
async fn the_board_shows_what_happens_through_lost_connections_and_a_killed_server() {
    let stack = Stack::start().await;
    let mut vigie = Vigie::start(&stack, Options::default()).await;
    let mut journey = Journey::start(&vigie, "board", &["scop"]).await;
    while let Some(asked) = journey.asks().await {
        match asked.as_str() {
            "kill" => vigie.kill(),
            "restart" => vigie.restart().await,
            "freeze" => vigie.signal("STOP"),
            "thaw" => vigie.signal("CONT"),
            other => unreachable!("the journey asks to {other}"),
        }
        journey.done().await;
    }
}

#[tokio::test]
async fn a_head_in_a_corridor_without_network_raises_one_signal_and_follows_it() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    Journey::start(&vigie, "signaler", &["college-19"]).await.walk().await;
    let raised = vigie.records().count("select count(*) from intake.signal").await;
    let over = "select count(*) from journal.entry where type = 'vigie.incident.noted.v1' and data ->> 'over' = 'true'";
    wait::until("whoever follows it sees that it is over", wait::PATIENCE, || async {
        vigie.records().count(over).await == 1
    })
    .await;
    let late = "select count(*) from intake.signal where occurred_at < received_at - interval '1 second'";
    assert!(vigie.records().count(late).await >= 1, "what was written without network happened when it was written");
    assert_eq!(raised, 3, "one through the lost network, its precision, and one by keyboard");
}

#[tokio::test]
async fn whoever_administers_reads_every_page_of_theirs() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    Journey::start(&vigie, "administration", &["admin"]).await.walk().await;
}

#[tokio::test]
async fn an_incident_is_followed_and_conducted_from_its_page_also_without_scripts() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    Journey::start(&vigie, "incident", &["scop"]).await.walk().await;
}

#[tokio::test]
async fn a_shift_is_relieved_and_a_watch_cell_tells_the_operations_room() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    Journey::start(&vigie, "desks", &["scop", "mairie-19", "college-19"]).await.walk().await;
    let told = vigie.records().count("select count(*) from journal.entry where data ->> 'learnt_at' is not null").await;
    assert_eq!(told, 1, "when the mairie knew is kept");
    assert_eq!(vigie.records().count("select count(*) from console.count where sector = 'paris-19'").await, 1);
}

/// The latest link to answer a request for a resource that somebody received.
async fn request_link(stack: &Stack, to: &str) -> String {
    wait::for_some("a link to answer has left", wait::PATIENCE, || async {
        let messages = stack.outbox.messages_to("email", to).await;
        messages.iter().rev().find_map(|message| message.request().map(str::to_owned))
    })
    .await
}

#[tokio::test]
async fn an_exercise_is_played_by_its_pages_from_the_alert_to_the_completed_feedback() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let mut journey = Journey::start(&vigie, "exercise", &["scop", "mairie-19"]).await;
    while let Some(asked) = journey.asks().await {
        let to = asked.strip_prefix("link ").expect("it asks for links only");
        journey.answer(&request_link(&stack, to).await).await;
    }
    let messages = stack.outbox.messages().await;
    assert!(messages.iter().all(|m| m.subject.as_ref().unwrap_or(&m.text).contains("EXERCICE")), "{messages:?}");
    let real = vigie.records().count("select count(*) from routing.incident where nature <> 'exercise'").await;
    assert_eq!(real, 0, "an exercise engages nothing real");
}

#[tokio::test]
async fn a_crisis_is_opened_from_the_page_of_an_event_and_conducted_without_scripts() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let mut journey = Journey::start(&vigie, "crisis", &["scop", "mairie-19"]).await;
    while let Some(asked) = journey.asks().await {
        let to = asked.strip_prefix("link ").expect("it asks for links only");
        journey.answer(&request_link(&stack, to).await).await;
    }
}
