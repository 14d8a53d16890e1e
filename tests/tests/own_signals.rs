//! « Mes signalements »: a source finds everything it raised and what became of each, and nothing of anybody else's.

use std::collections::BTreeMap;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use vigie_tests::{Caller, Options, Raised, SCHOOL, Stack, Vigie, wait};

/// Every page of the list over HTTP, in order.
async fn listed(caller: &Caller) -> Vec<Value> {
    let (mut all, mut query) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/api/v1/signals{query}")).await.expect(200).json();
        let signals = page["signals"].as_array().expect("a list").clone();
        let full = signals.len() == 50;
        all.extend(signals);
        let Some(next) = page["next"].as_str() else { return all };
        assert!(full, "a page that has a next is full");
        query = format!("?cursor={next}");
    }
}

/// References of every page that a browser is shown, in order.
async fn shown(vigie: &Vigie, cookie: &str) -> Vec<String> {
    let (mut all, mut path) = (Vec::new(), "/signaler/mes-signalements".to_owned());
    loop {
        let page = page(vigie, cookie, &path).await;
        let before = all.len();
        all.extend(page.split("<h2><a href=\"/signaler/").skip(1).map(|line| {
            let reference = line.split_once('>').and_then(|(_, rest)| rest.split_once('<'));
            reference.expect("a reference").0.to_owned()
        }));
        assert!(all.len() - before <= 20);
        let next = page.split_once("href=\"/signaler/mes-signalements?avant=");
        let Some((next, _)) = next.and_then(|(_, rest)| rest.split_once('"')) else { return all };
        path = format!("/signaler/mes-signalements?avant={next}");
    }
}

async fn page(vigie: &Vigie, cookie: &str, path: &str) -> String {
    let anyone = vigie.anyone();
    anyone.send(anyone.request(Method::GET, path).header("cookie", cookie)).await.expect(200).text.replace("&#39;", "'")
}

#[tokio::test]
async fn a_source_is_shown_all_it_raised_newest_first_and_nothing_of_anothers() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("INTAKE__RATE_BURST", 1_000)).await;
    let names = ["college-19", "mairie-19", "scop"];
    let mut callers = BTreeMap::new();
    for name in names {
        callers.insert(name, vigie.caller(name).await);
    }
    for (name, caller) in &callers {
        assert_eq!(listed(caller).await, Vec::<Value>::new(), "{name}");
    }
    let cookie = vigie.browser("college-19").await;
    let empty = page(&vigie, &cookie, "/signaler/mes-signalements").await;
    assert!(empty.contains("Vous n'avez encore rien signalé"), "{empty}");

    // Together, so that several are durable at one instant; the model is what their answers say.
    let report = json!({ "kind": "rixe", "severity": "tension", "location": { "school": SCHOOL } });
    let raised = join_all((0..130).map(|n| {
        let name = if n % 13 == 0 { names[1 + n % 2] } else { names[0] };
        let (caller, report) = (&callers[name], &report);
        async move { (name, caller.post("/api/v1/signals", report).await.expect(202).json()) }
    }));
    let mut model: BTreeMap<&str, Vec<(String, String, String)>> = BTreeMap::new();
    for (name, answer) in raised.await {
        let text = |field: &str| answer[field].as_str().expect("text").to_owned();
        let signal = (text("received_at"), text("signal_id"), text("reference"));
        model.entry(name).or_default().push(signal);
    }
    let instants = model["college-19"].iter().map(|signal| &signal.0).collect::<std::collections::BTreeSet<_>>();
    assert!(instants.len() < model["college-19"].len(), "some share their instant");
    assert!(model["college-19"].len() > 100);
    for (name, signals) in &mut model {
        // RFC 3339 of one length and zone is ordered as text once the fraction is as long.
        signals.sort_by_key(|(at, id, _)| (at.parse::<jiff::Timestamp>().expect("a time"), id.clone()));
        signals.reverse();
        let references: Vec<&str> = signals.iter().map(|signal| signal.2.as_str()).collect();
        let listed = listed(&callers[name]).await;
        let told: Vec<&str> = listed.iter().map(|signal| signal["reference"].as_str().expect("text")).collect();
        assert_eq!(told, references, "{name}");
    }
    let references: Vec<&str> = model["college-19"].iter().map(|signal| signal.2.as_str()).collect();
    assert_eq!(shown(&vigie, &cookie).await, references);

    // A cursor of somebody else's list is none of this one, and says nothing of what it names.
    let other = &model["scop"][0].1;
    for cursor in [other.as_str(), "00000000-0000-7000-8000-000000000000", "x"] {
        let refused = callers["college-19"].get(&format!("/api/v1/signals?cursor={cursor}")).await.expect(422);
        assert_eq!(refused.faulty_fields(), ["cursor"], "{}", refused.text);
    }
    served_by_its_index(&vigie).await;
}

/// The page after the first is read from where it begins: not by reading what others raised, nor what comes before.
async fn served_by_its_index(vigie: &Vigie) {
    // As many others as make a walk through the table the dearer way.
    let others = vigie.records().execute(
        "insert into intake.signal (id, reference, source_id, source_role, kind, severity, location, occurred_at,
                                    received_at, idempotency_key, fingerprint)
         select gen_random_uuid(), 'X-' || n, 'source-' || n % 500, 'mairie', 'rixe', 'tension', '{}', now(),
                now() - n * interval '1 minute', 'x-' || n, '' from generate_series(1, 50000) n",
    );
    others.await;
    vigie.records().execute("analyze intake.signal").await;
    let plan: Vec<String> = sqlx::query_scalar(
        "explain select * from intake.signal where source_id = 'source-7'
            and (received_at, id) < (coalesce(now() - interval '9 days', 'infinity'::timestamptz),
                                     coalesce(null, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
          order by received_at desc, id desc limit 21",
    )
    .fetch_all(vigie.records().pool())
    .await
    .expect("the database explains");
    let plan = plan.join("\n");
    assert!(plan.contains("signal_source") && !plan.contains("Seq Scan"), "{plan}");
}

#[tokio::test]
async fn each_line_says_what_the_signals_own_page_says_from_received_to_over() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (school, scop) = (vigie.caller("college-19").await, vigie.caller("scop").await);
    let police = vigie.caller("commissariat-19").await;
    let cookie = vigie.browser("college-19").await;
    let location = json!({ "address": "rue Goubet, 75019 Paris" });
    let report = json!({ "kind": "rixe", "severity": "serious", "location": location, "facts": [] });
    let raised = school.raise(&report).await;
    let incident = vigie.incident_of(&raised).await;
    vigie.all_sent(&stack).await;

    let line = one(&school, &raised).await;
    assert_eq!(line["kind_label"], "Rixe");
    assert!(line["place"].as_str().expect("a place").contains("rue Goubet, 19e, à 56"), "{line}");
    says(&vigie, &cookie, &["Transmis", "services ont été prévenus", "Personne ne l'a encore pris en compte"]).await;

    police.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await.expect(200);
    wait::until("somebody is in charge", wait::PATIENCE, || async {
        one(&school, &raised).await["incident"]["status"] == "acknowledged"
    })
    .await;
    says(&vigie, &cookie, &["Pris en compte", "Commissariat 19e arrondissement s'en charge depuis aujourd"]).await;

    let anyone = vigie.anyone();
    anyone.post_form(&format!("/signaler/{}/termine", raised.signal_id), &[], Some(&cookie)).await.expect(303);
    says(&vigie, &cookie, &["Vous avez dit que c'est terminé, aujourd"]).await;

    scop.post(&format!("/api/v1/incidents/{incident}/resolution"), &json!({ "reason": "resolved" })).await.expect(200);
    wait::until("it is over", wait::PATIENCE, || async {
        one(&school, &raised).await["incident"]["status"] == "closed"
    })
    .await;
    says(&vigie, &cookie, &["Terminé", "L'événement est clos"]).await;
    // What a raiser is owed is said until it is given.
    let (mairie, theirs) = (vigie.caller("mairie-19").await, vigie.browser("mairie-19").await);
    let need = mairie.raise(&json!({ "kind": "social-emergency", "location": { "sector": "paris-19" } })).await;
    let owed = wait::for_some("the mairie is owed an answer", wait::PATIENCE, || async {
        one(&mairie, &need).await["returns"][0]["what"].as_str().map(str::to_owned)
    })
    .await;
    says(&vigie, &theirs, &["Vous attendez encore", &owed, "attendu pour"]).await;
    let incident = vigie.incident_of(&need).await;
    let given = json!({ "owed": "CFG-308a/reponse", "outcome": "communicated" });
    vigie.caller("mus").await.post(&format!("/api/v1/incidents/{incident}/returns"), &given).await.expect(200);
    wait::until("it is given", wait::PATIENCE, || async {
        !page(&vigie, &theirs, "/signaler/mes-signalements").await.contains(&owed)
    })
    .await;

    // A session that ended is told what the form tells; whoever raises nothing too.
    let path = "/signaler/mes-signalements";
    assert_eq!(anyone.get(path).await.expect(401).text, anyone.get("/signaler").await.expect(401).text);
    let auditor = vigie.browser("auditor").await;
    for page in [path, "/signaler"] {
        anyone.send(anyone.request(Method::GET, page).header("cookie", &auditor)).await.expect(403);
    }
}

/// The line of the list; it has all that the signal's own answer has, and the same.
async fn one(caller: &Caller, raised: &Raised) -> Value {
    let own = caller.get(&raised.status_url).await.expect(200).json();
    let list = listed(caller).await;
    let line = list.iter().find(|line| line["signal_id"] == raised.signal_id).expect("it is listed").clone();
    if own == caller.get(&raised.status_url).await.expect(200).json() {
        for (field, value) in own.as_object().expect("an object") {
            assert_eq!(line[field], *value, "{field}");
        }
    }
    line
}

/// The page, once it has these texts.
async fn says(vigie: &Vigie, cookie: &str, texts: &[&str]) -> String {
    let page = page(vigie, cookie, "/signaler/mes-signalements").await;
    for text in texts {
        assert!(page.contains(text), "{text}: {page}");
    }
    page
}
