//! What `/metrics` says is watched by people's alarms: names, kinds, labels and help change only on purpose.

use std::collections::BTreeMap;

use serde_json::json;
use vigie_tests::{Options, Stack, Vigie, wait};

/// Every series, one a line: its name, its kind, its unit, its labels, its help.
const KNOWN: &str = include_str!("metrics.txt");
/// Series without a sample until something fails that does not fail here; then they are not told at all.
const NOT_PROVOKED: [&str; 3] = ["vigie_bus_refused ", "vigie_deliveries_failed ", "vigie_delivery_retries "];

/// The series of an `OpenMetrics` text, in the form of [`KNOWN`].
fn series(text: &str) -> Vec<String> {
    let mut described: BTreeMap<&str, [String; 4]> = BTreeMap::new();
    for line in text.lines() {
        if let ["#", what, name, told] = line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            let place = ["TYPE", "UNIT", "labels", "HELP"].iter().position(|place| *place == what);
            described.entry(name).or_default()[place.expect("one of these")] = format!(" {told}");
        } else if let Some((sample, labels)) = line.split_once('{') {
            let name = ["_total", "_bucket"].iter().find_map(|end| sample.strip_suffix(end)).unwrap_or(sample);
            let names = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0));
            let names: Vec<&str> = names.filter(|name| *name != "le").collect();
            if !names.is_empty() {
                described.entry(name).or_default()[2] = format!(" {{{}}}", names.join(","));
            }
        }
    }
    described.into_iter().map(|(name, told)| format!("{name}{}", told.concat())).collect()
}

#[tokio::test]
async fn the_series_of_metrics_are_those_that_alarms_know() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().time_scale(60.0).set("DIRECTORY__PROVE_AFTER_S", 0)).await;
    let scop = vigie.caller("scop").await;
    scop.raise(&json!({ "kind": "rixe", "severity": "grave", "location": { "sector": "paris-19" } })).await;
    scop.post("/api/v1/signals", &json!({ "kind": "unheard-of" })).await.expect(422);
    vigie.anyone().with_token("vigie_token_x").get("/api/v1/incidents").await.expect(401);

    let is_provoked = |line: &String| !NOT_PROVOKED.iter().any(|name| line.starts_with(name));
    let known: Vec<String> = KNOWN.lines().map(str::to_owned).filter(is_provoked).collect();
    let seen = || async {
        let series = series(&vigie.operator().get("/metrics").await.text);
        series.into_iter().filter(is_provoked).collect::<Vec<_>>()
    };
    // The proof of a whole city takes its time where other tests run.
    let patience = 4 * wait::PATIENCE;
    wait::until("as many series as are known", patience, || async { seen().await.len() >= known.len() }).await;
    assert_eq!(seen().await, known);
}
