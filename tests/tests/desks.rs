//! The operators' pages over HTTP: who may open which, what they hold, and what their forms do without scripts.

use serde_json::{Value, json};
use uuid::Uuid;
use vigie_tests::{Caller, Options, SCHOOL, Stack, Vigie, wait};

const WORDS: &str = "Deux groupes se cherchent depuis midi";

/// A tension raised by the school of the 19th, with words.
async fn tension(vigie: &Vigie) -> Uuid {
    let school = vigie.caller("college-19").await;
    let report = json!({ "kind": "rixe", "severity": "tension", "summary": WORDS, "location": { "school": SCHOOL } });
    vigie.incident_of(&school.raise(&report).await).await
}

fn page(incident: Uuid) -> String {
    format!("/scop/evenements/{incident}")
}

/// The incident as the API shows it, once its plan is made.
async fn planned(caller: &Caller, incident: Uuid) -> Value {
    wait::for_some("the plan is made", wait::PATIENCE, || async {
        let seen = caller.get(&format!("/api/v1/incidents/{incident}")).await.json();
        seen["upcoming"].is_object().then_some(seen)
    })
    .await
}

#[tokio::test]
async fn each_desk_opens_for_its_function_and_for_nobody_else() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let incident = tension(&vigie).await;
    let incident = page(incident);
    let pages = ["/scop", "/scop/clos", "/scop/releve", &incident, "/cellule/paris-19"];
    let expected: [(&str, [u16; 5]); 7] = [
        ("scop", [200, 200, 200, 200, 200]),
        ("mairie-19", [403, 403, 403, 200, 200]),
        ("mairie-18", [403, 403, 403, 404, 403]),
        ("commissariat-19", [403, 403, 403, 200, 200]),
        // A reporter follows its signal on its own page, not how the incident is conducted.
        ("college-19", [403, 403, 403, 404, 403]),
        ("auditor", [403, 403, 403, 404, 403]),
        ("admin", [403, 403, 403, 404, 403]),
    ];
    for (source, statuses) in expected {
        let caller = vigie.caller(source).await;
        for (path, status) in pages.iter().zip(statuses) {
            assert_eq!(caller.get(path).await.status, status, "{source} at {path}");
        }
    }
    let anyone = vigie.anyone();
    for path in pages {
        let refused = anyone.get(path).await.expect(401);
        assert!(refused.text.contains("lien personnel"), "{path} says how to come in");
        assert!(!refused.text.contains("R-2026"), "{path} shows nothing");
    }
    let scop = vigie.caller("scop").await;
    scop.get("/cellule/paris-99").await.expect(404);
    scop.get("/scop?couleur=bleu").await.expect(422);
    scop.get("/scop/evenements/rien").await.expect(404);
    for path in pages {
        let shown = scop.get(path).await;
        assert!(shown.header("content-security-policy").contains("script-src 'self'"));
        for inline in ["<style", " style=", "<script>", " onclick=", " onsubmit="] {
            assert!(!shown.text.contains(inline), "{path} has {inline}, which its policy forbids");
        }
    }
}

#[tokio::test]
async fn words_are_shown_to_those_who_weigh_them_and_to_nobody_else() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let incident = tension(&vigie).await;
    let note = "Le gardien a vu une batte";
    let scop = vigie.caller("scop").await;
    scop.post(&format!("/api/v1/incidents/{incident}/notes"), &json!({ "text": note })).await.expect(200);
    for (source, reads) in [("scop", true), ("commissariat-19", true), ("mairie-19", false)] {
        let shown = vigie.caller(source).await.get(&page(incident)).await.expect(200).text;
        assert_eq!((shown.contains(WORDS), shown.contains(note)), (reads, reads), "{source}");
    }
    // Whoever is only concerned by it does not answer for it.
    scop.post(&format!("/api/v1/incidents/{incident}/involvements"), &json!({ "sectors": ["paris-18"] }))
        .await
        .expect(200);
    let neighbour = vigie.caller("mairie-18").await.get(&page(incident)).await.expect(200).text;
    assert!(!neighbour.contains(WORDS) && !neighbour.contains(note));
}

#[tokio::test]
async fn what_comes_next_is_told_to_those_who_conduct_the_incident() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let incident = tension(&vigie).await;
    let scop = vigie.caller("scop").await;
    let seen = planned(&scop, incident).await;
    // Just before an hour at which somebody begins to serve, they come first.
    let (next, tells) = (&seen["upcoming"]["step"], &seen["upcoming"]["tells"]);
    let waits = next.as_str().is_some_and(|step| step.starts_with("RIX-1/boucle+"));
    assert!(waits || *next == "RIX-1/relance-terrain", "{next}");
    assert!(waits || *tells == json!(["Division territoriale de la DPMP", "Commissariat d'arrondissement"]), "{tells}");
    assert_eq!(seen["in_charge"], json!([]));
    let shown = scop.get("/scop").await.expect(200).text;
    let due = seen["upcoming"]["due_at"].as_str().unwrap_or_default();
    let first = tells[0].as_str().unwrap_or_default();
    assert!(shown.contains(due) && shown.contains(&first.replace('\'', "&#39;")), "the board shows it");
    let ahead = scop.get(&page(incident)).await.text;
    assert!(ahead.contains("RIX-1/relance-terrain") && ahead.contains("sauf prise en compte"));

    let school = vigie.caller("college-19").await.get(&format!("/api/v1/incidents/{incident}")).await.json();
    assert!(school.get("upcoming").is_none() && school.get("in_charge").is_none(), "{school}");

    let police = vigie.caller("commissariat-19").await;
    police.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await.expect(200);
    wait::until("the relances stop", wait::PATIENCE, || async {
        let batch = scop.get(&format!("/api/v1/incidents?ids={incident},{}", Uuid::nil())).await.expect(200).json();
        let incidents = batch["incidents"].as_array().expect("a page").clone();
        assert_eq!(incidents.len(), 1);
        incidents[0]["upcoming"]["step"] != "RIX-1/relance-terrain"
            && incidents[0]["in_charge"] == json!(["Commissariat 19e arrondissement"])
    })
    .await;
    assert_eq!(scop.get("/api/v1/incidents?ids=x").await.expect(422).faulty_fields(), ["ids"]);
    let many = vec![incident.to_string(); 51].join(",");
    scop.get(&format!("/api/v1/incidents?ids={many}")).await.expect(422);
}

#[tokio::test]
async fn forms_act_like_the_api_and_say_why_when_they_do_not() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let incident = tension(&vigie).await;
    let (scop, mairie) = (vigie.caller("scop").await, vigie.caller("mairie-19").await);
    let here = page(incident);
    let send = async |caller: &Caller, fields: &[(&str, &str)]| caller.post_form(&here, fields, None).await;

    let done = send(&scop, &[("did", "note"), ("text", "Médiateurs prévenus")]).await.expect(303);
    assert_eq!(done.header("location"), format!("{here}?fait=note"));
    assert!(scop.get(done.header("location")).await.text.contains("Note ajoutée"));

    let long = "x".repeat(501);
    let refused = send(&scop, &[("did", "note"), ("text", &long)]).await.expect(422);
    assert!(refused.text.contains(&long), "nobody types it again");
    send(&mairie, &[("did", "severity"), ("severity", "serious")]).await.expect(403);
    send(&mairie, &[("did", "close"), ("closing", "resolved")]).await.expect(403);
    send(&vigie.caller("mairie-18").await, &[("did", "acknowledge")]).await.expect(404);
    send(&vigie.anyone(), &[("did", "acknowledge")]).await.expect(401);
    send(&scop, &[("did", "hand-over"), ("to", "nobody-of-this-name")]).await.expect(422);
    send(&scop, &[("did", "involve"), ("sector", "paris-99")]).await.expect(422);
    send(&scop, &[("did", "regime")]).await.expect(422);
    send(&scop, &[("did", "dance")]).await.expect(422);
    let acts = "select count(*) from console.act";
    assert_eq!(vigie.records().count(acts).await, 1, "what is refused is not recorded");

    // It worsened after the page was opened: the old page's button takes charge of nothing.
    send(&scop, &[("did", "severity"), ("severity", "serious"), ("text", "Une arme vue")]).await.expect(303);
    let stale = send(&mairie, &[("did", "acknowledge"), ("version", "1")]).await.expect(409);
    assert!(stale.text.contains("aggravé depuis") && stale.text.contains("Grave"), "it shows what stands now");
    send(&mairie, &[("did", "acknowledge"), ("version", "2")]).await.expect(303);
    send(&scop, &[("did", "regime"), ("regime", "local")]).await.expect(303);
    send(&scop, &[("did", "involve"), ("sector", "paris-18")]).await.expect(303);
    send(&mairie, &[("did", "hand-over"), ("to", "commissariat-paris-19")]).await.expect(303);
    let told = scop.get(&here).await.text;
    for line in ["Une arme vue", "Crise localisée", "passe le relais à Commissariat 19e arrondissement"] {
        assert!(told.contains(line), "the log tells: {line}");
    }
}

#[tokio::test]
async fn a_watch_cell_counts_for_its_own_sector_only() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let mairie = vigie.caller("mairie-19").await;
    let meeting = [("indicator", "reunions-cellule-de-veille")];
    let counted = mairie.post_form("/cellule/paris-19", &meeting, None).await.expect(303);
    assert_eq!(counted.header("location"), "/cellule/paris-19?fait=compte");
    mairie.post_form("/cellule/paris-18", &meeting, None).await.expect(403);
    mairie.post_form("/cellule/paris-19", &[("indicator", "instances-rixes")], None).await.expect(403);
    mairie.post_form("/cellule/paris-19", &[("indicator", "inconnu")], None).await.expect(422);
    let future = [("indicator", "reunions-cellule-de-veille"), ("on", "2099-01-01")];
    let refused = mairie.post_form("/cellule/paris-19", &future, None).await.expect(422);
    assert!(refused.text.contains("pas encore passé"));
    assert_eq!(vigie.records().count("select count(*) from console.count").await, 1);
}
