//! What maps are made of, over HTTP: who may ask for it, how often it is sent, what else a browser may then load.

use reqwest::Method;
use serde_json::json;
use vigie_tests::{Options, Stack, Vigie};

const LAYERS: [&str; 2] = ["/api/v1/territory/sectors.geojson", "/api/v1/territory/schools.geojson"];

#[tokio::test]
async fn layers_are_sent_once_a_version_and_a_position_is_located_as_the_tool_does() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let head = vigie.caller("college-19").await;
    for path in LAYERS {
        let first = head.get(path).await.expect(200);
        assert_eq!(first.header("content-type"), "application/geo+json", "{path}");
        assert_eq!(first.json()["type"], "FeatureCollection");
        let again = head.request(Method::GET, path).header("if-none-match", first.header("etag"));
        let again = head.send(again).await.expect(304);
        assert_eq!((again.text.as_str(), again.header("etag")), ("", first.header("etag")), "{path}");
        let other = head.request(Method::GET, path).header("if-none-match", "\"another\"");
        head.send(other).await.expect(200);
    }

    let (lon, lat) = ("2.3966", "48.8905");
    let told = head.get(&format!("/api/v1/territory/place?lon={lon}&lat={lat}&accuracy_m=300")).await.expect(200);
    let tool = vigie.command(&["locate", lon, lat, "--accuracy-m", "300"]).await;
    assert_eq!(told.json(), serde_json::from_str::<serde_json::Value>(&tool).expect("JSON"));
    assert!(told.json()["concerned"].as_array().is_some_and(|sectors| sectors.len() > 1), "{}", told.text);
    for bad in ["lon=48.86&lat=2.35", "lon=3.5&lat=48.8", "lon=x&lat=1", "lon=2.35&lat=48.86&reach_m=90000", "lon=2.35"]
    {
        let refused = head.get(&format!("/api/v1/territory/place?{bad}")).await.expect(422);
        assert_eq!(refused.code(), "invalid-fields", "{bad}");
        assert!(!refused.json()["faults"][0]["message"].as_str().unwrap_or_default().is_empty(), "{bad}");
    }
}

#[tokio::test]
async fn a_place_is_found_by_its_name_as_the_tool_does() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let head = vigie.caller("college-19").await;
    let path = "/api/v1/territory/search";
    vigie.anyone().get(&format!("{path}?q=stalingrad")).await.expect(401);
    for (text, label, certain) in [
        ("20 r de crimée", "20 rue de Crimée", true),
        ("college brassens", "Collège Georges Brassens", true),
        ("rue des aloutettes", "Rue des Alouettes", false),
    ] {
        let told = head.get(&format!("{path}?q={}", text.replace(' ', "+"))).await.expect(200).json();
        let first = &told["places"][0];
        assert_eq!((first["label"].as_str(), first["certain"].as_bool()), (Some(label), Some(certain)), "{told}");
        let tool = vigie.command(&["territory", "search", text, "--json"]).await;
        let tool: serde_json::Value = serde_json::from_str(&tool).expect("JSON");
        assert_eq!((&tool[0]["label"], &tool[0]["at"]["lon"]), (&first["label"], &first["lon"]), "{text}");
    }
    assert_eq!(head.get(&format!("{path}?q=xyzzy")).await.expect(200).json()["places"], json!([]));
    for bad in ["", "q=a&limit=0", "q=a&limit=21", "q=a&lon=2.3", &format!("q={}", "a".repeat(201)), "q=a&other=1"] {
        head.get(&format!("{path}?{bad}")).await.expect(422);
    }
    // by its name, a street is no school, and a doubt is told with what may be meant
    let desk = vigie.caller("scop").await;
    let raise = async |text: &str| {
        desk.post("/api/v1/signals", &json!({ "kind": "rixe", "severity": "tension", "location": { "address": text } }))
            .await
    };
    raise("rue des Alouettes").await.expect(202);
    let refused = raise("rue des aloutettes").await.expect(422);
    assert!(refused.text.contains("« Rue des Alouettes, 19e"), "{}", refused.text);
}

#[tokio::test]
async fn the_library_is_sent_compressed_and_pages_may_load_nothing_else() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let anyone = vigie.anyone();
    for (file, at_most) in [("maplibre-gl.mjs", 320_000), ("maplibre-gl-worker.mjs", 170_000), ("licences.txt", 20_000)]
    {
        let path = format!("/assets/map/{file}");
        let packed = anyone.request(Method::GET, &path).header("accept-encoding", "gzip");
        let packed = packed.send().await.expect("it answers");
        assert_eq!(packed.headers()["content-encoding"], "gzip", "{file}");
        let packed = packed.bytes().await.expect("a body").len();
        assert!(packed < at_most, "{file} weighs {packed} bytes");
        let plain = anyone.get(&path).await.expect(200);
        assert_eq!(plain.header("content-encoding"), "");
        assert!(plain.text.len() > packed, "{file}");
    }
    anyone.get("/assets/map/another.mjs").await.expect(404);
    let tiles = anyone.get("/assets/map/tiles.json").await.expect(200).json();
    assert_eq!(tiles["tiles"], serde_json::json!([]), "no tiles unless they are configured");
    let policy = anyone.get("/accessibilite").await.expect(200).header("content-security-policy").to_owned();
    assert!(policy.contains("script-src 'self'; ") && policy.contains("connect-src 'self'; "), "{policy}");
    assert!(!policy.contains("http") && !policy.contains("unsafe") && !policy.contains("blob:"), "{policy}");
}

#[tokio::test]
async fn the_point_of_an_incident_is_for_those_who_intervene() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let point = json!({ "lon": 2.3801, "lat": 48.8849, "accuracy_m": 20 });
    let raised = scop.raise(&json!({ "kind": "rixe", "severity": "serious", "location": point })).await;
    let path = format!("/scop/evenements/{}", vigie.incident_of(&raised).await);
    // Who watches has no page of it; `thread.rs` reads the page of its link.
    for source in ["scop", "commissariat-19", "mairie-19"] {
        let page = vigie.caller(source).await.get(&path).await.expect(200).text;
        assert!(page.contains("data-sectors=\"paris-19"), "{source} sees the sector");
        assert!(page.contains("2.3801"), "{source}");
    }
}
