//! Rosters that people change: a replacement takes effect at once, within one's own body, and calendars follow.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use jiff::{ToSpan, Zoned, tz::TimeZone};
use serde_json::{Value, json};
use vigie_tests::{Caller, Options, Stack, Vigie, wait};

const EDITS: &str = "/api/v1/directory/edits";

/// A replacement on the SCOP's first rank, from an hour ago to in an hour.
fn replacement(id: &str, position: &str) -> Value {
    let now = vigie_tests::now().to_zoned(TimeZone::get("Europe/Paris").unwrap());
    let local = |at: &Zoned| at.strftime("%Y-%m-%dT%H:%M").to_string();
    let (from, until) = (now.checked_sub(1.hour()).unwrap(), now.checked_add(1.hour()).unwrap());
    json!({ "edit": "replace", "id": id, "body": "scop", "from": local(&from), "until": local(&until),
            "position": position, "note": "échange de service" })
}

async fn on_duty(caller: &Caller) -> Vec<String> {
    let view = caller.get("/api/v1/directory/bodies/scop").await.expect(200).json();
    view["on_duty"].as_array().unwrap().iter().map(|position| position.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn whoever_keeps_a_roster_replaces_and_the_next_alert_goes_to_the_replacement() {
    let stack = Stack::start().await;
    // The prover of an unoptimised build takes its time.
    let vigie = Vigie::start(&stack, Options::default().set("HTTP__REQUEST_TIMEOUT_S", 120)).await;
    let (scop, mairie, admin) =
        (vigie.caller("scop").await, vigie.caller("mairie-19").await, vigie.caller("admin").await);
    let before = on_duty(&scop).await;
    assert_eq!(before.len(), 3);
    let last = before[2].clone();

    mairie.post(EDITS, &json!({ "edits": [replacement("r1", &last)] })).await.expect(403);
    let unknown = json!({ "edits": [replacement("r1", &last), replacement("r2", "zz")] });
    let refused = scop.post(EDITS, &unknown).await.expect(422);
    assert!(refused.json()["faults"].to_string().contains("zz"), "{}", refused.text);
    assert_eq!(on_duty(&scop).await, before, "one that cannot be made keeps the other from being made");

    let made = scop.post(EDITS, &json!({ "edits": [replacement("r1", &last)] })).await.expect(200).json();
    assert_eq!(made["changed"], json!(["directory"]));
    wait::until("the replacement is on duty", wait::PATIENCE, || async { on_duty(&scop).await[0] == last }).await;
    scop.raise(&json!({ "kind": "rixe", "severity": "serious", "location": { "sector": "paris-19" } })).await;
    let called = vigie.all_sent(&stack).await;
    // Whoever is on duty gets the SMS, and no e-mail beside it.
    let numbers = ["39980000", "39980001", "39980002"];
    let on_call = ["a", "b", "c"].iter().position(|duty| *duty == last);
    let by_sms = called.iter().filter(|m| m.channel == "sms");
    let at_the_scop = by_sms.filter_map(|m| numbers.iter().position(|number| m.to.ends_with(number)));
    assert_eq!(at_the_scop.map(Some).collect::<Vec<_>>(), [on_call]);

    let history = admin.get("/api/v1/configurations?what=directory&limit=1").await.expect(200).json();
    let activation = &history["activations"][0];
    assert_eq!(activation["by"], "scop");
    let changes = admin.get(&format!("/api/v1/configurations/{}/changes", activation["id"])).await.expect(200).json();
    assert_eq!(changes, json!([{ "file": "overrides.csv", "id": "r1", "verb": "added" }]));

    scop.post(EDITS, &json!({ "edits": [{ "edit": "remove-override", "id": "r1" }] })).await.expect(200);
    wait::until("the rotation holds again", wait::PATIENCE, || async { on_duty(&scop).await == before }).await;
}

#[tokio::test]
async fn a_calendar_shows_one_position_to_whoever_holds_its_address_until_it_is_revoked() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, anyone) = (vigie.caller("scop").await, vigie.anyone());
    let feeds = "/api/v1/directory/bodies/scop/feeds";

    assert_eq!(scop.post(feeds, &json!({ "position": "zz" })).await.expect(422).faulty_fields(), ["position"]);
    vigie.caller("mairie-19").await.post(feeds, &json!({})).await.expect(404);
    let made = scop.post(feeds, &json!({ "position": "a" })).await.expect(201).json();
    let url = made["url"].as_str().unwrap();
    let path = &url[url.find("/astreintes/").unwrap()..];
    let calendar = anyone.get(path).await.expect(200);
    assert!(calendar.header("content-type").starts_with("text/calendar"));
    assert!(calendar.text.starts_with("BEGIN:VCALENDAR\r\n") && calendar.text.contains("X-VIGIE-POSITION:a"));
    assert!(!calendar.text.contains("X-VIGIE-POSITION:b"), "one position's duty only");
    let shifts = scop.get("/api/v1/directory/bodies/scop/shifts").await.expect(200).json();
    assert!(shifts["shifts"].as_array().unwrap().len() > 20 && shifts["gaps"] == json!([]), "{shifts}");
    scop.send(scop.request(reqwest::Method::DELETE, feeds)).await.expect(204);
    anyone.get(path).await.expect(404);
}
