//! Vigie's pages in a real Chromium, against the real system: one test a journey, scripts in `tests/browser/journeys`.

use vigie_tests::{Journey, Options, Stack, Vigie};

#[tokio::test]
async fn a_personal_link_opens_the_home_of_ones_function() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    Journey::start(&vigie, "home", &["scop"]).await.walk().await;
}
