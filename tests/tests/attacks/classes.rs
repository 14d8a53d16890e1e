//! Attack 6: a class binds every door, whatever the role otherwise sees.

use reqwest::Method;
use serde_json::{Value, json};
use vigie_tests::{Options, SCHOOL, Stack, Vigie, wait};

use super::{act, open};

/// Kinds of the shipped doctrine whose class withholds them, who raises them, and who may know.
fn withheld() -> Vec<(&'static str, &'static str, Value, &'static [&'static str])> {
    let at = json!({ "sector": "paris-19" });
    vec![
        (
            "school-offence",
            "college-19",
            json!({ "kind": "school-offence", "location": { "school": SCHOOL }, "facts": ["atteinte-aux-biens"] }),
            &["parquet"],
        ),
        (
            "pav-requisition",
            "parquet",
            json!({ "kind": "pav-requisition", "location": at, "facts": ["classique"] }),
            &["parquet"],
        ),
        (
            "umip-request",
            "mairie-19",
            json!({ "kind": "umip-request", "location": at, "facts": ["cump-non-activee"] }),
            &["scop", "mus"],
        ),
        ("social-emergency", "equipement-19", json!({ "kind": "social-emergency", "location": at }), &["scop", "mus"]),
    ]
}

#[tokio::test]
async fn attack_06_what_a_class_withholds_does_not_exist() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let everybody = [
        "college-19",
        "commissariat-19",
        "bailleur-19",
        "scop",
        "mairie-19",
        "mairie-18",
        "parquet",
        "mus",
        "gpis",
        "auditor",
    ];
    for (kind, raiser, report, admitted) in withheld() {
        let (raised, incident) = open(&vigie, &stack, &vigie.caller(raiser).await, &report).await;
        for source in everybody {
            let by = vigie.caller(source).await;
            let path = format!("/api/v1/incidents/{incident}");
            let listed = by.get("/api/v1/incidents").await.expect(200).json()["incidents"].to_string();
            let (status, seen) = (by.get(&path).await.status, listed.contains(&incident.to_string()));
            if admitted.contains(&source) {
                assert_eq!((status, seen), (200, true), "{source} may know of {kind}");
                continue;
            }
            assert_eq!((status, seen), (404, false), "{source} must not know of {kind}");
            assert!(!listed.contains(kind), "{source}: {listed}");
            by.get(&format!("{path}/explanations?body=scop")).await.expect(404);
            for (deed, body) in
                [("acknowledgements", json!({})), ("seen", json!({})), ("resolution", json!({ "reason": "resolved" }))]
            {
                assert_eq!(act(&vigie, &by, incident, deed, &body).await, 404, "{source} {deed} {kind}");
            }
            // Whoever raised it still reads the fate of its own signal; nobody else does.
            let fate = by.get(&raised.status_url).await.status;
            assert_eq!(fate, if source == raiser { 200 } else { 404 }, "{source} {kind}");
        }
        // Pages: the board, the closed ones, the relief, the cell, the incident.
        for (source, pages) in [
            ("scop", vec!["/scop".to_owned(), "/scop/releve".to_owned(), "/scop/clos".to_owned()]),
            ("commissariat-19", vec!["/cellule/paris-19".to_owned()]),
            ("mairie-19", vec!["/cellule/paris-19".to_owned()]),
        ] {
            let cookie = vigie.browser(source).await;
            for page in pages.into_iter().chain([format!("/scop/evenements/{incident}")]) {
                let request = vigie.anyone().request(Method::GET, &page).header("cookie", &cookie);
                let answer = vigie.anyone().send(request).await;
                let shows = answer.text.contains(&incident.to_string()) && answer.status == 200;
                assert!(!shows || admitted.contains(&source), "{source} {page} {kind}");
            }
        }
    }
}

/// Whoever sees a crisis would see them, and whoever is mobilised would read them.
#[tokio::test]
async fn what_a_class_withholds_has_no_place_in_a_crisis() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let report = json!({ "kind": "social-emergency", "location": { "sector": "paris-19" } });
    let (_, hidden) = open(&vigie, &stack, &vigie.caller("mus").await, &report).await;
    let (_, plain) = open(&vigie, &stack, &scop, &super::rixe("serious", super::QUAY, 5.0)).await;
    let opened = scop.post("/api/v1/crises", &json!({ "regime": "local", "incident": plain })).await.expect(201).json();
    let acts = format!("/api/v1/crises/{}/acts", opened["id"].as_str().unwrap());
    for act in [
        json!({ "do": "link", "incident": hidden }),
        json!({ "do": "request", "resource": "mediation", "incident": hidden }),
    ] {
        assert_eq!(scop.post(&acts, &act).await.expect(422).code(), "withheld", "{act}");
    }
    let from = json!({ "regime": "local", "incident": hidden });
    assert_eq!(scop.post("/api/v1/crises", &from).await.expect(422).code(), "withheld");
    let shown = vigie.caller("commissariat-19").await.get("/api/v1/crises").await.expect(200).text;
    assert!(!shown.contains(&hidden.to_string()), "{shown}");
}

/// It says what it knows of its own signal, and learns nothing; nobody is alarmed.
#[tokio::test]
async fn whoever_raised_what_a_class_hides_says_that_it_is_over() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let offence =
        json!({ "kind": "school-offence", "location": { "school": SCHOOL }, "facts": ["atteinte-aux-biens"] });
    let (raised, incident) = open(&vigie, &stack, &vigie.caller("college-19").await, &offence).await;
    let cookie = vigie.browser("college-19").await;
    let over = format!("/signaler/{}/termine", raised.signal_id);
    vigie.anyone().post_form(&over, &[], Some(&cookie)).await.expect(303);
    super::applied(&vigie).await;
    assert_eq!(vigie.records().events("vigie.act.rejected.v1", Some(incident)).await, Vec::<Value>::new());
    assert_eq!(vigie.records().events("vigie.incident.closed.v1", Some(incident)).await, Vec::<Value>::new());
    assert!(vigie.metric("vigie_acts_refused_total").await < 0.5);
}

#[tokio::test]
async fn the_stream_says_nothing_of_what_a_class_withholds() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let mut police = vigie.caller("commissariat-19").await.live(None).await;
    let (_, judicial) = open(
        &vigie,
        &stack,
        &vigie.caller("parquet").await,
        &json!({ "kind": "pav-requisition", "location": { "sector": "paris-19" }, "facts": ["classique"] }),
    )
    .await;
    let (_, plain) = open(&vigie, &stack, &vigie.caller("scop").await, &super::rixe("tension", super::QUAY, 5.0)).await;
    let told = police.next(wait::PATIENCE).await;
    assert_eq!(told.data["incident"]["id"], plain.to_string(), "the first it hears is not {judicial}");
}
