//! Attacks 1, 2, 9 and 20: raising where one may not, or wider than one knows.

use serde_json::json;
use vigie_tests::{Options, SCHOOL, Stack, Vigie};

use super::{QUAY, due, open, rixe};

#[tokio::test]
async fn attack_01_vagueness_opens_no_neighbours_incident() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let (_, incident) = open(&vigie, &stack, &scop, &rixe("serious", QUAY, 10.0)).await;
    let before = due(&vigie, incident).await;
    let mairie = vigie.caller("mairie-18").await;
    for accuracy_m in [0.0, 150.0, 1_500.0, 5_000.0] {
        let refused = mairie.post("/api/v1/signals", &rixe("tension", QUAY, accuracy_m)).await.expect(403);
        assert_eq!(refused.code(), "not-allowed");
    }
    mairie.get(&format!("/api/v1/incidents/{incident}")).await.expect(404);
    mairie.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await.expect(404);
    assert_eq!(due(&vigie, incident).await, before, "nothing changed");
    assert_eq!(vigie.records().count("select count(*) from intake.signal").await, 1);
}

#[tokio::test]
async fn attack_02_nor_the_police_of_another_arrondissement() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    // Place du Tertre, in the 18th.
    let montmartre = (2.3407, 48.8865);
    let (_, incident) =
        open(&vigie, &stack, &vigie.caller("mairie-18").await, &rixe("serious", montmartre, 10.0)).await;
    let police = vigie.caller("commissariat-19").await;
    police.post("/api/v1/signals", &rixe("serious", montmartre, 5_000.0)).await.expect(403);
    let path = |act: &str| format!("/api/v1/incidents/{incident}/{act}");
    police.post(&path("severity"), &json!({ "severity": "watch" })).await.expect(404);
    police.post(&path("resolution"), &json!({ "reason": "averted" })).await.expect(404);
    police.get(&path("explanations?body=scop")).await.expect(404);
}

#[tokio::test]
async fn attack_09_a_vague_place_reaches_its_own_sector_and_the_city_and_says_so() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let head = vigie.caller("college-19").await;
    let scop = vigie.caller("scop").await;
    let (lon, lat) = school();
    let raised = head.raise(&rixe("tension", (lon, lat), 5_000.0)).await;
    let incident = vigie.incident_of(&raised).await;
    vigie.all_sent(&stack).await;
    let told: Vec<String> = sqlx::query_scalar("select distinct body from escalation.alert where incident_id = $1")
        .bind(incident)
        .fetch_all(vigie.records().pool())
        .await
        .unwrap();
    let elsewhere: Vec<&String> =
        told.iter().filter(|body| body.contains("-paris-") && !body.ends_with("-19")).collect();
    assert!(elsewhere.is_empty(), "other sectors are told: {elsewhere:?}");
    assert!(!told.iter().any(|body| body.starts_with("etab-")), "no school is told of a place nobody knows: {told:?}");
    assert!(told.iter().any(|body| body == "scop"), "the operations room is told: {told:?}");
    let seen = scop.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert!(seen["place_label"].as_str().unwrap().contains("imprécis"), "{seen}");
    assert_eq!(seen["also_concerns"], json!([]));
    let messages = stack.outbox.messages().await;
    assert!(messages.iter().any(|m| m.text.contains("imprécis")));
}

/// Where the school of the 19th lies, as the shipped territory says.
fn school() -> (f64, f64) {
    // Collège Georges Brassens, rue d'Hautpoul.
    (2.3903, 48.8826)
}

#[tokio::test]
async fn attack_20_an_exercise_takes_a_permission() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let played = json!({ "kind": "rixe", "severity": "serious", "exercise": true, "location": { "school": SCHOOL } });
    for source in ["college-19", "commissariat-19", "mairie-19", "bailleur-19"] {
        let refused = vigie.caller(source).await.post("/api/v1/signals", &played).await.expect(403);
        assert_eq!(refused.faulty_fields(), ["exercise"], "{source}");
    }
    vigie.caller("scop").await.raise(&played).await;
    assert_eq!(vigie.records().count("select count(*) from intake.signal").await, 1);
}
