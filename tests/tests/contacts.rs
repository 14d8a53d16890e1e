//! A contact point that somebody enters serves once it is verified; codes are limited; the former address is told.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use serde_json::{Value, json};
use vigie_tests::{Caller, Message, Options, Stack, Vigie, wait};

const EDITS: &str = "/api/v1/directory/edits";
const BODY: &str = "mairie-paris-19";
const FORMER: &str = "mairie-paris-19@example.org";
const NEW: &str = "cellule-19@example.org";

fn set(id: &str, body: &str, channel: &str, address: &str) -> Value {
    json!({ "edits": [{ "edit": "set-contact", "id": id, "body": body, "channel": channel, "address": address }] })
}

async fn addresses(keeper: &Caller) -> Vec<String> {
    let view = keeper.get(&format!("/api/v1/directory/bodies/{BODY}")).await.expect(200).json();
    let address = |contact: &Value| contact["address"].as_str().unwrap().to_owned();
    view["contacts"].as_array().unwrap().iter().map(address).collect()
}

fn verifications(contact: &str) -> String {
    format!("/api/v1/directory/contacts/{contact}/verifications")
}

/// The six digits of a verification.
fn code(message: &Message) -> String {
    let digits = |word: &str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    message.text.split(|c: char| !c.is_ascii_digit()).find(|word| digits(word)).expect("a code").to_owned()
}

async fn received(stack: &Stack, channel: &str, to: &str) -> Message {
    wait::for_some("the message", wait::PATIENCE, || async { stack.outbox.messages_to(channel, to).await.pop() }).await
}

#[tokio::test]
async fn attack_14_an_address_serves_once_its_code_came_back_and_the_former_one_is_told() {
    let stack = Stack::start().await;
    // The prover of an unoptimised build takes its time.
    let vigie = Vigie::start(&stack, Options::default().set("HTTP__REQUEST_TIMEOUT_S", 120)).await;
    let (mairie, neighbour) = (vigie.caller("mairie-19").await, vigie.caller("mairie-18").await);
    let before = addresses(&mairie).await;
    assert!(before.contains(&FORMER.to_owned()));

    let asked = mairie.post(EDITS, &set("mairie-paris-19-desk", BODY, "email", NEW)).await.expect(200).json();
    assert_eq!((&asked["changed"], &asked["pending"]), (&json!([]), &json!(["mairie-paris-19-desk"])));
    assert_eq!(addresses(&mairie).await, before, "what is in force stays in force");
    let bad = mairie.post(EDITS, &set("mairie-paris-19-desk", BODY, "email", "nowhere")).await.expect(422);
    assert_eq!(bad.code(), "configuration-faults", "{}", bad.text);
    neighbour.post(&verifications("mairie-paris-19-desk"), &json!({})).await.expect(404);

    let begun = mairie.post(&verifications("mairie-paris-19-desk"), &json!({})).await.expect(201).json();
    let answer = format!("/api/v1/directory/verifications/{}", begun["id"].as_str().unwrap());
    let code = code(&received(&stack, "email", NEW).await);
    assert!(stack.outbox.messages_to("email", FORMER).await.is_empty(), "the code goes to the new address only");
    assert_eq!(addresses(&mairie).await, before, "a code on its way proves nothing");
    mairie.post(&answer, &json!({ "code": code })).await.expect(204);
    wait::until("the new address is in force", wait::PATIENCE, || async {
        addresses(&mairie).await.contains(&NEW.to_owned())
    })
    .await;
    let told = received(&stack, "email", FORMER).await;
    assert!(told.text.contains("appelez la SCOP") && !told.text.contains(NEW), "{}", told.text);
    assert!(told.subject.is_some_and(|subject| subject.contains("Point de contact remplacé")));
    let history = vigie.caller("admin").await.get("/api/v1/configurations?what=directory&limit=1").await.json();
    assert_eq!(history["activations"][0]["by"], "mairie-19");
    let view = mairie.get(&format!("/api/v1/directory/bodies/{BODY}")).await.json();
    let proven = view["contacts"].as_array().unwrap().iter().find(|contact| contact["address"] == NEW).unwrap();
    assert!(proven["verified"].is_string(), "{proven}");
    let facts = vigie.records().count("select count(*) from journal.entry where data::text like '%cellule-19@%'").await;
    assert_eq!(facts, 0, "no fact has an address");
}

#[tokio::test]
async fn attack_14_a_number_gets_three_codes_a_day_whoever_asks_and_whatever_restarts() {
    let stack = Stack::start().await;
    let mut vigie = Vigie::start(&stack, Options::default().set("HTTP__REQUEST_TIMEOUT_S", 120)).await;
    let (mairie, neighbour) = (vigie.caller("mairie-19").await, vigie.caller("mairie-18").await);
    let number = "+33639989801";
    mairie.post(EDITS, &set("mairie-paris-19-new", BODY, "sms", number)).await.expect(200);
    assert!(!addresses(&mairie).await.contains(&number.to_owned()), "nobody is called at a number nobody proved");
    neighbour.post(EDITS, &set("mairie-paris-19-new", "mairie-paris-18", "sms", number)).await.expect(403);

    for _ in 0..3 {
        mairie.post(&verifications("mairie-paris-19-new"), &json!({})).await.expect(201);
    }
    assert_eq!(
        mairie.post(&verifications("mairie-paris-19-new"), &json!({})).await.expect(429).code(),
        "too-many-codes"
    );
    // The number's limit, not the contact point's nor the source's.
    neighbour.post(EDITS, &set("mairie-paris-18-new", "mairie-paris-18", "sms", number)).await.expect(200);
    neighbour.post(&verifications("mairie-paris-18-new"), &json!({})).await.expect(429);
    vigie.stop();
    vigie.restart().await;
    mairie.post(&verifications("mairie-paris-19-new"), &json!({})).await.expect(429);
    wait::until("three codes arrived", wait::PATIENCE, || async {
        stack.outbox.messages_to("sms", number).await.len() >= 3
    })
    .await;
    assert_eq!(stack.outbox.messages_to("sms", number).await.len(), 3);

    let gone = json!({ "edits": [{ "edit": "remove-contact", "id": "mairie-paris-19-new" }] });
    mairie.post(EDITS, &gone).await.expect(200);
    mairie.post(&verifications("mairie-paris-19-new"), &json!({})).await.expect(404);
}
