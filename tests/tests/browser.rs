//! Vigie's pages in a real Chromium, against the real system: one test a journey, scripts in `tests/browser/journeys`.

use vigie_tests::{Journey, Options, Stack, Vigie};

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
    assert_eq!(raised, 3, "one through the lost network, its precision, and one by keyboard");
}

#[tokio::test]
async fn whoever_administers_reads_every_page_of_theirs() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    Journey::start(&vigie, "administration", &["admin"]).await.walk().await;
}
