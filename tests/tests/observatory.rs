//! The observatory: who reads it, what it counts, and what it keeps from being recognised.

use serde_json::json;
use vigie_tests::{Options, Stack, Vigie, wait};

#[tokio::test]
async fn few_events_of_a_sector_are_not_told_apart_and_the_played_are_counted_apart() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, auditor) = (vigie.caller("scop").await, vigie.caller("auditor").await);
    // Far enough from each other to be six events: five in the 19th, one in the 20th.
    let places = [(2.379, 48.885), (2.385, 48.880), (2.390, 48.889), (2.374, 48.891), (2.398, 48.878), (2.404, 48.863)];
    for (lon, lat) in places {
        let report = json!({ "kind": "rixe", "severity": "tension", "location": { "lon": lon, "lat": lat } });
        let raised = scop.raise(&report).await;
        vigie.incident_of(&raised).await;
    }
    let played =
        json!({ "kind": "rixe", "severity": "tension", "exercise": true, "location": { "sector": "paris-05" } });
    vigie.incident_of(&scop.raise(&played).await).await;

    let told = auditor.get("/observatoire.json").await.expect(200).json();
    let of = |sector: &str| {
        let sectors = told["by_sector"].as_array().unwrap();
        sectors.iter().find(|row| row["sector"] == sector).map(|row| row["incidents"].clone())
    };
    assert_eq!(told["incidents"], "6", "the played one is not among them: {told}");
    assert_eq!((of("paris-19"), of("paris-20"), of("paris-05")), (Some(json!("5")), Some(json!("< 5")), None));
    let narrow = auditor.get("/observatoire.json?secteur=paris-20").await.expect(200).json();
    assert_eq!((&narrow["incidents"], &narrow["took_charge_s"]), (&json!("< 5"), &json!(null)));
    let exercises = auditor.get("/observatoire.json?exercices=1").await.expect(200).json();
    assert_eq!(exercises["incidents"], "1");

    let page = auditor.get("/observatoire").await.expect(200);
    assert!(
        page.text.contains("<svg") && !page.text.contains("style="),
        "pictures stand in the page, without inline style"
    );
    assert!(page.text.contains("Indicateurs du contrat"));
    let table = auditor.get("/observatoire.csv").await.expect(200);
    assert!(table.text.starts_with("indicateur,libelle,lignes,nombre\n") && table.text.lines().count() > 30);

    vigie.caller("mairie-19").await.get("/observatoire").await.expect(403);
    vigie.caller("college-19").await.get("/observatoire").await.expect(403);
    auditor.get("/observatoire?du=2026-01-02&au=2026-01-01").await.expect(422);
    auditor.get("/observatoire?secteur=paris-99").await.expect(422);

    // One kind, and the bulletin of a month with the month before.
    let of_kind =
        async |kind: &str| auditor.get(&format!("/observatoire.json?type={kind}")).await.json()["incidents"].clone();
    assert_eq!((of_kind("rixe").await, of_kind("school-incident").await), (json!("6"), json!("0")));
    auditor.get("/observatoire?type=nothing").await.expect(422);
    let month = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::get("Europe/Paris").unwrap())
        .strftime("%Y-%m")
        .to_string();
    let bulletin = auditor.get(&format!("/observatoire?mois={month}")).await.expect(200).text;
    assert!(bulletin.contains("Bulletin mensuel, ") && bulletin.contains("le mois d&#39;avant : 0"), "{bulletin}");
    auditor.get("/observatoire?mois=2026-13").await.expect(422);
}

#[tokio::test]
async fn the_delay_until_somebody_took_charge_is_measured() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let report = json!({ "kind": "rixe", "severity": "serious", "location": { "sector": "paris-19" } });
    let incident = vigie.incident_of(&scop.raise(&report).await).await;
    assert_eq!(scop.get("/observatoire.json").await.json()["took_charge_s"], json!(null));
    scop.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await;
    wait::until("it is counted", wait::PATIENCE, || async {
        scop.get("/observatoire.json").await.json()["acknowledged"] == "1"
    })
    .await;
    let took = scop.get("/observatoire.json").await.json()["took_charge_s"][0].as_f64().unwrap();
    assert!(took > 0.0 && took < 60.0, "{took}");
}
