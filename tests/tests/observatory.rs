//! The observatory: who reads it, what it counts, and what it keeps from being recognised.

use serde_json::json;
use vigie_tests::{Options, Stack, Vigie, wait};

/// Far enough from each other to be seven events: six in the 19th, the last in the 20th.
const PLACES: [(f64, f64); 7] = [
    (2.379, 48.885),
    (2.385, 48.880),
    (2.390, 48.889),
    (2.374, 48.891),
    (2.398, 48.878),
    (2.382, 48.8935),
    (2.404, 48.863),
];

#[tokio::test]
async fn few_events_of_a_sector_are_not_told_apart_and_the_played_are_counted_apart() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, auditor) = (vigie.caller("scop").await, vigie.caller("auditor").await);
    for (lon, lat) in PLACES {
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
    assert_eq!(told["incidents"], "7", "the played one is not among them: {told}");
    let hidden = json!("non communiqué");
    assert_eq!((of("paris-19"), of("paris-20"), of("paris-05")), (Some(hidden.clone()), Some(json!("< 5")), None));
    // Asked for by itself, a sector is told no more.
    let narrow = async |query: &str| auditor.get(&format!("/observatoire.json?{query}")).await.expect(200).json();
    assert_eq!(narrow("secteur=paris-20").await["incidents"], "< 5");
    assert_eq!(narrow("secteur=paris-20").await["took_charge_s"], json!(null));
    assert_eq!(narrow("secteur=paris-19").await["incidents"], hidden);
    assert_eq!(narrow("secteur=paris-19&type=rixe").await["incidents"], hidden);

    // Attack 15: a day is the whole month, here and for the contract's indicators.
    let paris = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::get("Europe/Paris").unwrap());
    let (first, last) = (paris.date().first_of_month(), paris.date().last_of_month());
    let today = paris.date();
    let day = narrow(&format!("du={today}&au={today}&type=rixe")).await;
    assert_eq!((&day["from"], &day["until"]), (&json!(first.to_string()), &json!(last.to_string())));
    assert_eq!(day["incidents"], "7");
    let path = format!("/api/v1/indicators?from={today}&until={today}");
    let of = |indicator: &serde_json::Value, sector: &str| {
        let numbers = indicator["numbers"].as_array().cloned().unwrap_or_default();
        numbers.into_iter().find(|number| number["nature"] == "real" && number["sector"] == sector)
    };
    // Plans are made a moment after their incidents.
    let hides = |indicator: &serde_json::Value| {
        let (own, other) = (of(indicator, "paris-19"), of(indicator, "paris-20"));
        own.is_some_and(|n| n["shown"] == hidden && n["count"].is_null()) && other.is_some_and(|n| n["shown"] == "< 5")
    };
    wait::until("the indicators have all seven", wait::PATIENCE, || async {
        auditor.get(&path).await.json().as_array().unwrap().iter().any(hides)
    })
    .await;
    let told = auditor.get(&path).await.expect(200).json();
    let own = vigie.caller("mairie-19").await.get(&path).await.expect(200).json();
    for (indicator, own) in told.as_array().unwrap().iter().zip(own.as_array().unwrap()) {
        assert_eq!((&indicator["from"], &indicator["until"]), (&json!(first.to_string()), &json!(last.to_string())));
        let numbers = indicator["numbers"].as_array().unwrap();
        assert!(numbers.iter().all(|n| n["count"].as_u64().is_none_or(|count| count >= 5)), "{indicator}");
        assert_eq!(of(own, "paris-19"), of(indicator, "paris-19"), "everybody is told the same");
        assert_eq!(of(own, "paris-20"), None);
    }
    let exercises = auditor.get("/observatoire.json?exercices=1").await.expect(200).json();
    assert_eq!(exercises["incidents"], "< 5");

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
    assert_eq!((of_kind("rixe").await, of_kind("school-incident").await), (json!("7"), json!("0")));
    auditor.get("/observatoire?type=nothing").await.expect(422);
    let month = paris.strftime("%Y-%m").to_string();
    let bulletin = auditor.get(&format!("/observatoire?mois={month}")).await.expect(200).text;
    assert!(bulletin.contains("Bulletin mensuel, ") && bulletin.contains("le mois d&#39;avant : 0"), "{bulletin}");
    for absurd in ["mois=2026-13", "mois=-009999-01", "du=-009999-01-01", "au=9999-12-31", "du=x"] {
        auditor.get(&format!("/observatoire?{absurd}")).await.expect(422);
        auditor.get(&format!("/observatoire.json?{absurd}")).await.expect(422);
    }
    auditor.get("/api/v1/indicators?from=-009999-01-01&until=-009999-01-02").await.expect(422);
}

#[tokio::test]
async fn the_delay_until_somebody_took_charge_is_measured() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    // The five of the 19th, so that they are enough to be told.
    for (lon, lat) in &PLACES[..5] {
        let report = json!({ "kind": "rixe", "severity": "serious", "location": { "lon": lon, "lat": lat } });
        let incident = vigie.incident_of(&scop.raise(&report).await).await;
        assert_eq!(scop.get("/observatoire.json").await.json()["took_charge_s"], json!(null));
        scop.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await;
    }
    wait::until("it is counted", wait::PATIENCE, || async {
        scop.get("/observatoire.json").await.json()["acknowledged"] == "5"
    })
    .await;
    let took = scop.get("/observatoire.json").await.json()["took_charge_s"][0].as_f64().unwrap();
    assert!(took > 0.0 && took < 60.0, "{took}");
}
