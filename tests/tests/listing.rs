//! The list of incidents, however it is asked for, holds those the caller may open that meet what it asks, newest first.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vigie_tests::{Caller, Options, Stack, Vigie, wait};

const KINDS: [&str; 4] = ["rixe", "suspicious-event", "hall-occupation", "social-emergency"];

type Meets<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

/// Every page of the list, in order, as ids.
async fn listed(caller: &Caller, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/api/v1/incidents?{query}{cursor}")).await.expect(200).json();
        let of_page = page["incidents"].as_array().expect("a list");
        ids.extend(of_page.iter().map(|incident| incident["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next"].as_str() else { return ids };
        assert_eq!(of_page.len(), 50, "a page that has a next is full");
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn a_list_is_what_may_be_opened_one_by_one_and_meets_what_is_asked() {
    let stack = Stack::start().await;
    let options =
        Options::default().set("INTAKE__RATE_BURST", 1_000).set("CONSOLE__ACTS_PER_SOURCE_PER_MINUTE", 10_000);
    let vigie = Vigie::start(&stack, options).await;
    let scop = vigie.caller("scop").await;
    for district in 5..=24 {
        for (at, kind) in KINDS.iter().enumerate() {
            let severity = ["tension", "serious"][(district + at) % 2];
            let sector = match district {
                21.. => ["com-93066", "com-93001", "com-92044", "paris-centre"][district - 21].to_owned(),
                _ => format!("paris-{district:02}"),
            };
            let report = json!({ "kind": kind, "severity": severity, "location": { "sector": sector } });
            scop.raise(&report).await;
        }
    }
    wait::until("all are judged", wait::PATIENCE, || async {
        vigie.records().count("select count(*) from routing.incident_signal").await == 80
    })
    .await;
    vigie.all_sent(&stack).await;
    let all = listed(&scop, "").await;
    assert!(all.len() > 60, "{} incidents", all.len());
    for id in all.iter().step_by(5) {
        scop.post(&format!("/api/v1/incidents/{id}/acknowledgements"), &json!({})).await.expect(200);
    }
    for id in all.iter().step_by(10) {
        // Refused where a return is owed first.
        scop.post(&format!("/api/v1/incidents/{id}/resolution"), &json!({ "reason": "resolved" })).await;
    }
    assert!(listed(&scop, "status=closed").await.len() > 2, "some are closed");
    let since = scop.get(&format!("/api/v1/incidents/{}", all[30])).await.expect(200).json()["opened_at"].clone();
    let since = since.as_str().unwrap().to_owned();

    for source in
        ["scop", "mairie-19", "mairie-18", "commissariat-19", "gpis", "mus", "parquet", "college-19", "auditor"]
    {
        let caller = vigie.caller(source).await;
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        for id in &all {
            let answer = caller.get(&format!("/api/v1/incidents/{id}")).await;
            if answer.status == 200 {
                known.insert(id.clone(), answer.json());
            }
        }
        let is = |incident: &Value, field: &str, value: &str| incident[field] == value;
        let concerns = |incident: &Value, sector: &str| {
            is(incident, "sector", sector) || incident["also_concerns"].as_array().unwrap().contains(&json!(sector))
        };
        let asked: [(String, Meets); 9] = [
            (String::new(), Box::new(|_| true)),
            ("status=open".to_owned(), Box::new(|i| is(i, "status", "open"))),
            ("status=closed".to_owned(), Box::new(|i| is(i, "status", "closed"))),
            ("kind=rixe".to_owned(), Box::new(|i| is(i, "kind", "rixe"))),
            ("kind=care-opening".to_owned(), Box::new(|i| is(i, "kind", "care-opening"))),
            ("sector=paris-18".to_owned(), Box::new(|i| concerns(i, "paris-18"))),
            (
                "sector=com-93066&status=acknowledged".to_owned(),
                Box::new(|i| concerns(i, "com-93066") && is(i, "status", "acknowledged")),
            ),
            (format!("since={since}"), Box::new(|i| i["opened_at"].as_str().unwrap() >= since.as_str())),
            (
                format!("ids={}", all[..20].join(",")),
                Box::new(|i| all[..20].contains(&i["id"].as_str().unwrap().to_owned())),
            ),
        ];
        for (query, meets) in &asked {
            let expected: Vec<&String> = all.iter().filter(|id| known.get(*id).is_some_and(meets)).collect();
            assert_eq!(listed(&caller, query).await.iter().collect::<Vec<_>>(), expected, "{source} {query}");
        }
    }
}
