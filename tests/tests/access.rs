//! Who sees what: by role and territory, never by guessing an address.

use reqwest::Method;
use serde_json::{Value, json};
use vigie_tests::{Options, SCHOOL, Stack, Vigie};

fn at_the_school() -> Value {
    json!({ "kind": "rixe", "severity": "tension", "location": { "school": SCHOOL } })
}

#[tokio::test]
async fn the_mairie_of_another_sector_does_not_know_the_incident_exists() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let incident = vigie.incident_of(&vigie.caller("college-19").await.raise(&at_the_school()).await).await;
    let (own, other) = (vigie.caller("mairie-19").await, vigie.caller("mairie-18").await);
    let path = format!("/api/v1/incidents/{incident}");

    assert_eq!(own.get(&path).await.expect(200).json()["id"], incident.to_string());
    assert_eq!(own.get("/api/v1/incidents").await.expect(200).json()["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(other.get(&path).await.expect(404).code(), "not-found");
    assert_eq!(other.get("/api/v1/incidents").await.expect(200).json()["incidents"], json!([]));
    assert_eq!(other.get("/api/v1/incidents?sector=paris-19").await.expect(200).json()["incidents"], json!([]));
    for act in ["acknowledgements", "notes", "severity", "resolution"] {
        let body = json!({ "text": "x", "severity": "serious", "reason": "resolved" });
        assert_eq!(other.post(&format!("{path}/{act}"), &body).await.expect(404).code(), "not-found", "{act}");
    }
    assert_eq!(vigie.records().count("select count(*) from console.act").await, 0);
}

#[tokio::test]
async fn a_school_follows_its_own_signal_and_no_other() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (head, scop) = (vigie.caller("college-19").await, vigie.caller("scop").await);
    let police = vigie.caller("commissariat-19").await;
    // Grave, so that the school is told at any hour.
    let grave = json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } });
    let own = head.raise(&grave).await;
    let elsewhere = json!({ "kind": "rixe", "severity": "tension", "location": { "sector": "paris-13" } });
    let others = scop.raise(&elsewhere).await;
    let incident = vigie.incident_of(&own).await;
    let foreign = vigie.incident_of(&others).await;
    vigie.all_sent(&stack).await;
    police.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await.expect(200);

    let view = head.get(&own.status_url).await.expect(200).json();
    assert_eq!((&view["state"], &view["reference"]), (&json!("joined"), &json!(own.reference)));
    assert_eq!(view["incident"]["status"], "acknowledged");
    let told: Vec<&str> = view["told"].as_array().unwrap().iter().map(|b| b["body"].as_str().unwrap()).collect();
    assert!(told.contains(&"Commissariat 19e arrondissement"), "{told:?}");
    let acknowledged = &view["acknowledged_by"][0]["body"];
    assert_eq!(acknowledged, "Commissariat 19e arrondissement");

    head.get(&others.status_url).await.expect(404);
    head.get(&format!("/api/v1/incidents/{foreign}")).await.expect(404);
    let detail = head.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(detail["timeline"], json!([]), "that it is followed, not how");
    assert_eq!(head.get("/api/v1/incidents").await.expect(200).json()["incidents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_auditor_sees_no_incident_and_raises_nothing() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let raised = vigie.caller("college-19").await.raise(&at_the_school()).await;
    let incident = vigie.incident_of(&raised).await;
    let auditor = vigie.caller("auditor").await;

    assert_eq!(auditor.get("/api/v1/incidents").await.expect(200).json()["incidents"], json!([]));
    auditor.get(&format!("/api/v1/incidents/{incident}")).await.expect(404);
    auditor.get(&raised.status_url).await.expect(404);
    assert_eq!(auditor.post("/api/v1/signals", &at_the_school()).await.expect(403).code(), "not-allowed");
}

#[tokio::test]
async fn a_role_does_only_what_it_may() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let incident = vigie.incident_of(&vigie.caller("college-19").await.raise(&at_the_school()).await).await;
    let mairie = vigie.caller("mairie-19").await;
    let act = |name: &str| format!("/api/v1/incidents/{incident}/{name}");

    let refused = mairie.post(&act("resolution"), &json!({ "reason": "resolved" })).await.expect(403);
    assert_eq!(refused.code(), "not-allowed");
    mairie.post(&act("severity"), &json!({ "severity": "fatal" })).await.expect(403);
    mairie.post(&act("notes"), &json!({ "text": "Médiateurs sur place" })).await.expect(200);
    mairie.post(&act("acknowledgements"), &json!({})).await.expect(200);
    let kept: Vec<String> = sqlx::query_scalar("select text from console.act where text is not null")
        .fetch_all(vigie.records().pool())
        .await
        .unwrap();
    assert_eq!(kept, ["Médiateurs sur place"]);
    let spread = "select count(*) from journal.entry where data::text like '%Médiateurs%'";
    assert_eq!(vigie.records().count(spread).await, 0, "free text never enters an event");
}

/// Every route of the contract, so that a new one without a token fails here.
#[tokio::test]
async fn every_route_of_the_api_wants_a_token_in_force() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("HTTP__FAILED_LOGINS_PER_MINUTE", 10_000)).await;
    let document = vigie.anyone().get("/api/v1/openapi.json").await.expect(200).json();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d");
        let methods = methods.as_object().unwrap().keys();
        let methods = methods.filter(|m| ["get", "post", "put", "patch", "delete"].contains(&m.as_str()));
        routes.extend(methods.map(|method| (method.clone(), path.clone())));
    }
    assert!(routes.len() > 8, "{routes:?}");
    let revoked = vigie.command(&["token", "issue", "--source", "scop"]).await;
    vigie.command(&["token", "revoke", "--source", "scop"]).await;
    let link = vigie.command(&["token", "link", "--source", "college-19"]).await;
    let link = link.split_once("cle=").unwrap().1;

    let callers = [
        ("none", vigie.anyone()),
        ("unknown", vigie.anyone().with_token("vigie_token_0000000000000000000000000000000000000000000")),
        ("empty", vigie.anyone().with_token("")),
        ("revoked", vigie.anyone().with_token(&revoked)),
        ("a form's link", vigie.anyone().with_token(link)),
    ];
    for (method, path) in &routes {
        for (kind, caller) in &callers {
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = caller.send(caller.request(method, path).json(&json!({}))).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{path} with {kind} token");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
        }
    }
}
