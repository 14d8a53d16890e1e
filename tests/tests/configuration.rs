//! What is in force is published, proved, followed by every replica at once, and taken back.

use serde_json::{Value, json};
use vigie_tests::{Caller, Options, Stack, Vigie, small_city, wait};

/// The small city's ladder with a second call, three minutes later.
const ONE_CALL: &str = "tell = [{ role = \"desk\", in = \"city\" }]\n";
const TWO_CALLS: &str = r#"tell = [{ role = "desk", in = "city" }]

[[circuit.step]]
id = "late"
after_min = 3
unless = "acknowledged"
expects = "acknowledgement"
channels = ["email"]
timing = "default"
tell = [{ role = "desk", in = "city" }]
"#;

async fn small(stack: &Stack) -> Vigie {
    small_city::write(stack.folder());
    Vigie::start(stack, Options::default().city(stack.folder()).time_scale(60.0)).await
}

/// The fiche's steps only: the file for all has the same words.
fn two_calls() -> Value {
    let mut files = small_city::doctrine("", "");
    let fiche = files["call.toml"].as_str().unwrap().replace(ONE_CALL, TWO_CALLS);
    files["call.toml"] = json!(fiche);
    files
}

async fn in_force(desk: &Caller) -> Value {
    desk.get("/api/v1/configurations").await.expect(200).json()
}

/// Publishes a doctrine; returns its hash.
async fn publish(desk: &Caller, doctrine: &Value) -> String {
    let body = json!({ "doctrine": doctrine, "note": "essai" });
    let answer = desk.post("/api/v1/configurations", &body).await.expect(200).json();
    assert_eq!(answer["changed"], json!(["doctrine"]));
    let force = desk.get("/api/v1/configurations?what=doctrine&limit=1").await.expect(200).json();
    force["activations"][0]["hash"].as_str().unwrap().to_owned()
}

async fn reaches(desk: &Caller, hash: &str) {
    wait::until("the replica has the version in force", wait::PATIENCE, || async {
        desk.get("/api/v1/configurations").await.json()["doctrine"] == hash
    })
    .await;
}

#[tokio::test]
async fn a_published_doctrine_reaches_every_replica_and_incidents_in_flight_keep_their_plan() {
    let mut stack = Stack::start().await;
    let vigie = small(&stack).await;
    let other = Vigie::start(&stack, Options::default().city(stack.folder()).time_scale(60.0)).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    let elsewhere = other.caller(small_city::SOURCE).await;
    let first = in_force(&desk).await["doctrine"].as_str().unwrap().to_owned();

    let second = publish(&desk, &two_calls()).await;
    reaches(&desk, &second).await;
    reaches(&elsewhere, &second).await;
    let early = vigie.incident_of(&desk.raise(&small_city::report(1)).await).await;

    // Taken back while the first incident waits for its second call.
    let back = desk.post("/api/v1/configurations/rollback", &json!({ "what": "doctrine" })).await.expect(200).json();
    assert_eq!(back["changed"], json!(["doctrine"]));
    reaches(&desk, &first).await;
    reaches(&elsewhere, &first).await;
    let late = vigie.incident_of(&elsewhere.raise(&small_city::report(2)).await).await;

    wait::until("the second call of the first incident", wait::PATIENCE, || async {
        vigie.records().steps(early).await.contains(&("CALL/late".to_owned(), "fired".to_owned()))
    })
    .await;
    let steps: Vec<String> = vigie.whole_plan(late).await.into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, ["CALL/call"], "opened after the return to the first doctrine");
    let facts = vigie.records().events("vigie.doctrine.activated.v1", None).await;
    let hashes: Vec<&str> = facts.iter().filter_map(|fact| fact["doctrine"].as_str()).collect();
    assert_eq!(hashes, [first.as_str(), second.as_str(), first.as_str()]);
    assert_eq!(facts[2]["rolled_back"], true);
    assert_eq!(facts[1]["by"]["body"], "desk");

    // Whoever lost its connection to the database hears of what was activated meanwhile.
    stack.postgres.kill();
    stack.postgres.restart().await;
    other.ready().await;
    vigie.ready().await;
    let body = json!({ "doctrine": two_calls() });
    wait::until("the publication is taken", wait::PATIENCE, || async {
        desk.post("/api/v1/configurations", &body).await.status == 200
    })
    .await;
    reaches(&elsewhere, &second).await;
}

#[tokio::test]
async fn what_does_not_hold_is_refused_with_every_fault_and_changes_nothing() {
    let stack = Stack::start().await;
    let vigie = small(&stack).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    let before = in_force(&desk).await;

    let typo = json!({ "doctrine": small_city::doctrine("role = \"desk\"", "role = \"desc\"") });
    let refused = desk.post("/api/v1/configurations", &typo).await.expect(422);
    assert_eq!(refused.code(), "configuration-faults");
    assert!(refused.json()["faults"].as_array().unwrap().len() >= 2, "every fault at once: {}", refused.text);

    let unbound = json!({ "doctrine": small_city::doctrine("serious = 5, fatal = 5", "fatal = 5") });
    let refused = desk.post("/api/v1/configurations", &unbound).await.expect(422);
    assert_eq!(refused.code(), "configuration-does-not-hold");
    assert_eq!(refused.faulty_fields(), ["doctrine.toml:4"], "{}", refused.text);

    let nothing = desk.post("/api/v1/configurations", &json!({})).await.expect(422);
    assert_eq!(nothing.code(), "invalid-fields");
    let unknown = json!({ "what": "doctrine", "hash": "0123456789" });
    desk.post("/api/v1/configurations/rollback", &unknown).await.expect(404);

    let tried = json!({ "doctrine": two_calls(), "only_try": true });
    let tried = desk.post("/api/v1/configurations", &tried).await.expect(200).json();
    assert_eq!((&tried["changed"], &tried["in_force"]), (&json!(["doctrine"]), &json!(false)));
    assert_eq!(in_force(&desk).await, before);
}

#[tokio::test]
async fn files_changed_on_the_disk_count_only_when_they_are_published() {
    let stack = Stack::start().await;
    let mut vigie = small(&stack).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    let before = in_force(&desk).await["doctrine"].clone();
    let fiche = stack.folder().join("doctrine/call.toml");
    std::fs::write(&fiche, two_calls()["call.toml"].as_str().unwrap()).unwrap();

    vigie.stop();
    vigie.restart().await;
    assert_eq!(in_force(&desk).await["doctrine"], before);
    vigie.command(&["configuration", "publish"]).await;
    wait::until("it is in force", wait::PATIENCE, || async { in_force(&desk).await["doctrine"] != before }).await;
    assert_eq!(vigie.command(&["configuration", "publish", "--if-new"]).await, "");
    vigie.command(&["configuration", "rollback", "doctrine"]).await;
    reaches(&desk, before.as_str().unwrap()).await;
    let listed = vigie.command(&["configuration", "list", "--what", "doctrine", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 3, "{listed}");
}
