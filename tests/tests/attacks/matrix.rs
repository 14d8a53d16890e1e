//! Every door of an incident, by the table of routes itself, before every source of the city: who has no business with an
//! incident gets nothing through any of them, and a door that this table does not know fails the test.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use vigie_tests::{Options, SCHOOL, Stack, Vigie};

use super::{act, applied, at_school, due, open};

const DOOR: &str = "/api/v1/incidents/{id}";

/// What stands behind each door below an incident, with a body that its handler takes.
fn doors() -> Vec<(&'static str, Method, Value)> {
    vec![
        ("", Method::GET, Value::Null),
        ("/explanations", Method::GET, Value::Null),
        ("/acknowledgements", Method::POST, json!({})),
        ("/seen", Method::POST, json!({})),
        ("/refusals", Method::POST, json!({ "reason": "unavailable" })),
        ("/handovers", Method::POST, json!({ "to": "scop" })),
        ("/notes", Method::POST, json!({ "text": "calme" })),
        ("/severity", Method::POST, json!({ "severity": "watch" })),
        ("/resolution", Method::POST, json!({ "reason": "mistaken" })),
        ("/regime", Method::POST, json!({ "regime": "local" })),
        ("/involvements", Method::POST, json!({ "sectors": ["paris-18"] })),
        ("/calls", Method::POST, json!({ "to": "scop" })),
        ("/separations", Method::POST, json!({ "signal": "S-0000-0000" })),
        ("/returns", Method::POST, json!({ "owed": "compte-rendu", "outcome": "none-known" })),
        ("/mobilisations", Method::POST, json!({ "resource": "astreinte" })),
        ("/withdrawals", Method::POST, json!({})),
        ("/reopenings", Method::POST, json!({})),
    ]
}

/// A caller, and the doors it may try; those are tried elsewhere, all the others here.
type Row = (&'static str, &'static [&'static str]);

const OPERATOR: &[&str] = &[
    "",
    "/explanations",
    "/acknowledgements",
    "/seen",
    "/refusals",
    "/withdrawals",
    "/handovers",
    "/notes",
    "/severity",
    "/resolution",
    "/reopenings",
    "/regime",
    "/involvements",
    "/calls",
    "/separations",
    "/returns",
    "/mobilisations",
];

const COMMISSARIAT: &[&str] = &[
    "",
    "/explanations",
    "/acknowledgements",
    "/seen",
    "/refusals",
    "/withdrawals",
    "/handovers",
    "/notes",
    "/severity",
    "/resolution",
    "/reopenings",
    "/involvements",
    "/calls",
    "/returns",
    "/mobilisations",
];

const MAIRIE: &[&str] = &[
    "",
    "/explanations",
    "/acknowledgements",
    "/seen",
    "/refusals",
    "/withdrawals",
    "/handovers",
    "/notes",
    "/returns",
    "/mobilisations",
];

/// Reads why anybody was told or not, of incidents that no class withholds.
const AUDITOR: &[&str] = &["/explanations"];

/// A serious rixe at a collège of the 19th that its head raised.
const RIXE: &[Row] = &[
    ("scop", OPERATOR),
    ("commissariat-19", COMMISSARIAT),
    ("mairie-19", MAIRIE),
    ("college-19", &["", "/seen", "/returns"]),
    ("bailleur-19", &[]),
    ("mairie-18", &[]),
    ("parquet", &[]),
    ("mus", &[]),
    ("gpis", &[]),
    ("equipement-19", &[]),
    ("auditor", AUDITOR),
    ("admin", AUDITOR),
    ("admin-2", AUDITOR),
];

/// An offence that a head tells the prosecutor of: a class names who may know.
const OFFENCE: &[Row] = &[
    ("scop", &[]),
    ("commissariat-19", &[]),
    ("mairie-19", &[]),
    ("college-19", &[]),
    ("bailleur-19", &[]),
    ("mairie-18", &[]),
    ("parquet", OPERATOR),
    ("mus", &[]),
    ("gpis", &[]),
    ("equipement-19", &[]),
    ("auditor", &[]),
    ("admin", &[]),
    ("admin-2", &[]),
];

/// Every source of the demonstration's city.
pub(crate) fn everybody() -> BTreeSet<&'static str> {
    let sources = include_str!("../../../config/directory/sources.csv");
    sources.lines().skip(1).filter_map(|line| line.split(',').next()).collect()
}

/// A serious rixe at the same collège that the police raised, and for which the SCOP called the GPIS: a body that is only
/// informed, and one that is only asked.
const CALLED: &[Row] = &[
    ("gpis", &["", "/acknowledgements", "/seen", "/refusals", "/withdrawals", "/handovers", "/returns"]),
    ("college-19", &["", "/seen", "/returns"]),
    ("mairie-19", MAIRIE),
    ("scop", OPERATOR),
    ("commissariat-19", COMMISSARIAT),
    ("bailleur-19", &[]),
    ("mairie-18", &[]),
    ("parquet", &[]),
    ("mus", &[]),
    ("equipement-19", &[]),
    ("auditor", AUDITOR),
    ("admin", AUDITOR),
    ("admin-2", AUDITOR),
];

#[tokio::test]
async fn every_door_of_an_incident_is_shut_to_whoever_has_no_business_there() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let routes: Vec<Value> = serde_json::from_str(&vigie.command(&["contract", "routes"]).await).unwrap();
    let listed: BTreeSet<String> = doors().iter().map(|(below, method, _)| format!("{method} {DOOR}{below}")).collect();
    let below = routes.iter().filter(|route| route["path"].as_str().unwrap().starts_with(DOOR));
    let mounted: BTreeSet<String> = below
        .map(|route| format!("{} {}", route["method"].as_str().unwrap(), route["path"].as_str().unwrap()))
        .collect();
    assert_eq!(mounted, listed, "each door of an incident has its line here");

    let offence =
        json!({ "kind": "school-offence", "location": { "school": SCHOOL }, "facts": ["atteinte-aux-biens"] });
    let head = vigie.caller("college-19").await;
    for (what, report, rows) in [("rixe", at_school("serious"), RIXE), ("offence", offence, OFFENCE)] {
        let (_, incident) = open(&vigie, &stack, &head, &report).await;
        stays_as_it_is(&vigie, what, incident, rows).await;
    }
}

#[tokio::test]
async fn whoever_is_only_informed_and_whoever_is_only_asked_finds_the_doors_of_that() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let police = vigie.caller("commissariat-19").await;
    let (_, incident) = open(&vigie, &stack, &police, &at_school("serious")).await;
    let scop = vigie.caller("scop").await;
    assert_eq!(act(&vigie, &scop, incident, "calls", &json!({ "to": "gpis" })).await, 200);
    vigie.all_sent(&stack).await;
    stays_as_it_is(&vigie, "called", incident, CALLED).await;
}

/// Tries every door that is not a source's own before each of them: refused, or nothing there, and nothing has changed.
async fn stays_as_it_is(vigie: &Vigie, what: &str, incident: Uuid, rows: &[Row]) {
    assert_eq!(rows.iter().map(|row| row.0).collect::<BTreeSet<_>>(), everybody(), "each source has its line");
    let facts = async || {
        let done = [
            "acknowledged",
            "refused",
            "handed-over",
            "eased",
            "aggravated",
            "closed",
            "called",
            "noted",
            "taken-back",
            "reopened",
        ];
        let mut counts = Vec::new();
        for done in done {
            counts.push(vigie.records().events(&format!("vigie.incident.{done}.v1"), Some(incident)).await.len());
        }
        counts
    };
    let before = (due(vigie, incident).await, facts().await);
    let mut wrong = Vec::new();
    for (source, own) in rows {
        let by = vigie.caller(source).await;
        let knows = own.contains(&"");
        for (below, method, body) in doors() {
            let path = format!("/api/v1/incidents/{incident}{below}");
            let answer = match method {
                Method::GET if below == "/explanations" => by.get(&format!("{path}?body=scop")).await,
                Method::GET => by.get(&path).await,
                _ if own.contains(&below) => continue,
                _ => by.post(&path, &body).await,
            };
            // Whoever is informed may not ask why others are told; who may ask for means, his role alone says.
            let right = match answer.status {
                200 => own.contains(&below),
                404 => !knows || below == "/explanations",
                403 => !own.contains(&below) && (knows || below == "/mobilisations"),
                _ => false,
            };
            if !right {
                wrong.push(format!("{what}: {source} {method} {below}: {} {}", answer.status, answer.text));
            }
        }
    }
    applied(vigie).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((due(vigie, incident).await, facts().await), before, "{what}: every step is still due");
}
