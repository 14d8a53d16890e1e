//! The journal played again: the simulation and the services tell the same people of the same signals.

use serde_json::{Value, json};
use vigie_tests::{Options, SCHOOL, Stack, Vigie};

async fn replayed(vigie: &Vigie, more: &[&str]) -> Value {
    let arguments: Vec<&str> = ["replay", "--journal", "--json"].iter().chain(more).copied().collect();
    serde_json::from_str(&vigie.command(&arguments).await).expect("a JSON report")
}

#[tokio::test]
async fn the_journal_played_again_tells_whom_the_services_told() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (head, scop) = (vigie.caller("college-19").await, vigie.caller("scop").await);
    let quay =
        |severity: &str| json!({ "kind": "rixe", "severity": severity, "location": { "lon": 2.3479, "lat": 48.8953 } });

    head.raise(&json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } })).await;
    let milder = scop.raise(&quay("tension")).await;
    vigie.incident_of(&milder).await;
    scop.raise(&quay("serious")).await;
    let messages = vigie.all_sent(&stack).await.len();
    let report = replayed(&vigie, &["--nobody-answers"]).await;

    assert_eq!(report["format"], "vigie.replay.v1");
    assert_eq!(report["run"]["signals"], 3);
    assert_eq!(report["run"]["incidents"], 2);
    assert_eq!(report["run"]["aggravated"], 1);
    assert!(messages > 20, "the loop, the centre, the schools: {messages}");
    assert_eq!(report["differences"]["same"], true, "{:#}", report["differences"]);
    assert_eq!(report["differences"]["messages"]["this"], report["differences"]["messages"]["other"]);
    assert_eq!(report["differences"]["bodies"], json!([]));
}

#[tokio::test]
async fn an_answer_really_given_shows_as_a_difference_from_a_city_where_nobody_answers() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (head, anyone) = (vigie.caller("college-19").await, vigie.anyone());

    head.raise(&json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } })).await;
    let messages = vigie.all_sent(&stack).await;
    // Not everybody who gets a link is asked: an association is only told.
    let police = messages.iter().find(|message| message.to.starts_with("commissariat-paris-19@"));
    let link = police.and_then(|message| message.acknowledgement()).expect("a link to acknowledge");
    anyone.post_form(link, &[("version", "1")], None).await.expect(303);
    let report = replayed(&vigie, &["--nobody-answers"]).await;

    assert_eq!(report["differences"]["taken"], json!({ "this": 0, "other": 1 }));
}
