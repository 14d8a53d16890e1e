//! Every page and every reading of the table of routes, before every source of the city: who may open it, and that nothing
//! of an incident is in it that its reader may not know. What is secret is looked for in whatever comes back.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use vigie_tests::{Options, Raised, SCHOOL, Stack, Vigie};

use super::{applied, due, open};

const RIXE_WORDS: &str = "canari-rixe-7421";
const OFFENCE_WORDS: &str = "canari-atteinte-5163";
/// Requests under way at once.
const AT_ONCE: usize = 6;

/// Pages without a parameter that are not for everybody: who may open them. All others are.
const DESKS: &[(&str, &[&str])] = &[
    ("/scop", &["scop"]),
    ("/scop/clos", &["scop"]),
    ("/scop/releve", &["scop"]),
    (
        "/signaler",
        &[
            "college-19",
            "commissariat-19",
            "bailleur-19",
            "scop",
            "mairie-19",
            "mairie-18",
            "parquet",
            "mus",
            "gpis",
            "equipement-19",
        ],
    ),
    ("/crises", &["scop", "commissariat-19", "mairie-19", "mairie-18"]),
    ("/observatoire", &["scop", "auditor", "admin", "admin-2"]),
    ("/observatoire.csv", &["scop", "auditor", "admin", "admin-2"]),
    ("/observatoire.json", &["scop", "auditor", "admin", "admin-2"]),
    ("/administration", &["admin", "admin-2"]),
    ("/administration/doctrine", &["admin", "admin-2"]),
    ("/administration/ecarts", &["admin", "admin-2"]),
    ("/administration/essais", &["admin", "admin-2"]),
    ("/administration/territoire", &["admin", "admin-2"]),
    ("/administration/versions", &["admin", "admin-2"]),
    ("/annuaire", &["admin", "admin-2"]),
    ("/cellule/paris-19", &["scop", "commissariat-19", "mairie-19"]),
];

/// What is looked for, and who may read it.
struct Secret {
    what: &'static str,
    text: String,
    readers: &'static [&'static str],
}

fn secrets(rixe: &(Raised, Uuid), offence: &(Raised, Uuid)) -> Vec<Secret> {
    let secret = |what, text: &str, readers| Secret { what, text: text.to_owned(), readers };
    let told: &[&str] = &["scop", "commissariat-19", "mairie-19", "college-19"];
    vec![
        secret("the rixe", &rixe.1.to_string(), told),
        secret("its signal", &rixe.0.signal_id, told),
        // Whoever raised it reads its own words; who weighs them is who may change the severity.
        secret("its words", RIXE_WORDS, &["scop", "commissariat-19", "college-19"]),
        secret("the offence", &offence.1.to_string(), &["parquet"]),
        secret("its signal", &offence.0.signal_id, &["parquet", "college-19"]),
        secret("its words", OFFENCE_WORDS, &["parquet", "college-19"]),
    ]
}

#[tokio::test]
async fn every_page_and_reading_says_nothing_that_its_reader_may_not_know() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("CONSOLE__ACTS_PER_SOURCE_PER_MINUTE", 10_000)).await;
    let head = vigie.caller("college-19").await;
    let report = |kind: &str, words: &str| json!({ "kind": kind, "location": { "school": SCHOOL }, "summary": words });
    let mut serious = report("rixe", RIXE_WORDS);
    serious["severity"] = json!("serious");
    let mut judicial = report("school-offence", OFFENCE_WORDS);
    judicial["facts"] = json!(["atteinte-aux-biens"]);
    let rixe = open(&vigie, &stack, &head, &serious).await;
    let offence = open(&vigie, &stack, &head, &judicial).await;
    let before = (due(&vigie, rixe.1).await, due(&vigie, offence.1).await);

    let routes: Vec<Value> = serde_json::from_str(&vigie.command(&["contract", "routes"]).await).unwrap();
    let text = |route: &Value, field: &str| route[field].as_str().unwrap().to_owned();
    let inner = routes.iter().filter(|route| route["knock"] == "caller" && route["speaks"] != "stream");
    let (readings, acts): (Vec<_>, Vec<_>) = inner.partition(|route| route["method"] == "GET");
    let ids = [rixe.1.to_string(), offence.1.to_string(), rixe.0.signal_id.clone(), offence.0.signal_id.clone()];
    let places = ["paris-19".to_owned(), "scop".to_owned(), "doctrine.toml".to_owned()];
    let addresses: Vec<String> = readings
        .iter()
        .flat_map(|route| {
            let path = text(route, "path");
            let (start, end) = (path.find('{'), path.find('}'));
            let Some((start, end)) = start.zip(end) else { return vec![path] };
            ids.iter().chain(&places).map(|id| format!("{}{id}{}", &path[..start], &path[end + 1..])).collect()
        })
        .collect();
    assert!(addresses.len() > 150, "{}", addresses.len());

    let secrets = secrets(&rixe, &offence);
    let desks: BTreeMap<&str, &[&str]> = DESKS.iter().copied().collect();
    for (desk, _) in DESKS {
        assert!(addresses.iter().any(|address| address == desk), "{desk} is a page");
    }
    let mut wrong = Vec::new();
    for source in super::matrix::everybody() {
        let cookie = vigie.browser(source).await;
        let anyone = vigie.anyone();
        let read = |address: &String| {
            let request = anyone.request(Method::GET, address).header("cookie", &cookie);
            let (anyone, address) = (anyone.clone(), address.clone());
            async move { (anyone.send(request).await, address) }
        };
        let mut answers = stream::iter(addresses.iter().map(read)).buffer_unordered(AT_ONCE);
        while let Some((answer, address)) = answers.next().await {
            if answer.status >= 500 {
                wrong.push(format!("{source} {address}: {}", answer.status));
            }
            if let Some(readers) = desks.get(address.as_str())
                && (answer.status == 200) != readers.contains(&source)
            {
                wrong.push(format!("{source} {address}: {}", answer.status));
            }
            for secret in &secrets {
                // What somebody asked for may be said back to them.
                let echoed = answer.status >= 400 && address.contains(&secret.text);
                if answer.text.contains(&secret.text) && !echoed && !secret.readers.contains(&source) {
                    wrong.push(format!("{source} reads {} at {address}", secret.what));
                }
            }
        }
        // Forms of whoever has no business there: refused, and nothing has changed afterwards.
        if ["scop", "commissariat-19", "mairie-19", "college-19", "parquet"].contains(&source) {
            continue;
        }
        for route in acts.iter().filter(|route| route["speaks"] == "page" && text(route, "path").contains("evenements"))
        {
            for incident in [rixe.1, offence.1] {
                for did in ["see", "acknowledge", "note", "severity", "close", "involve", "call", "hand-over", "regime"]
                {
                    let path = text(route, "path").replace("{id}", &incident.to_string());
                    let form = [
                        ("did", did),
                        ("text", "calme"),
                        ("severity", "watch"),
                        ("closing", "mistaken"),
                        ("sector", "paris-18"),
                        ("to", "scop"),
                        ("regime", "local"),
                    ];
                    let answer = anyone.post_form(&path, &form, Some(&cookie)).await;
                    if ![403, 404].contains(&answer.status) {
                        wrong.push(format!("{source} {did} {path}: {}", answer.status));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    applied(&vigie).await;
    assert_eq!((due(&vigie, rixe.1).await, due(&vigie, offence.1).await), before, "every step is still due");
}
