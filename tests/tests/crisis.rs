//! Crises on the running system: exercises from the alert to the feedback, requests by the doctrine's way, deadlines that
//! outlive a crash, numbers and never names.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use serde_json::{Value, json};
use vigie_tests::{Caller, Options, Stack, Vigie, wait};

const CRISES: &str = "/api/v1/crises";

fn acts(crisis: &Value) -> String {
    format!("{CRISES}/{}/acts", crisis["id"].as_str().unwrap())
}

async fn again(caller: &Caller, crisis: &Value) -> Value {
    caller.get(&format!("{CRISES}/{}", crisis["id"].as_str().unwrap())).await.expect(200).json()
}

/// A crisis opened by the SCOP from an incident that the mairie of the 19th raised.
async fn opened(vigie: &Vigie, regime: &str) -> Value {
    let (scop, mairie) = (vigie.caller("scop").await, vigie.caller("mairie-19").await);
    let event = json!({ "kind": "crisis-event", "severity": "serious", "location": { "lon": 2.3791, "lat": 48.8853 } });
    let incident = vigie.incident_of(&mairie.raise(&event).await).await;
    scop.post(CRISES, &json!({ "regime": regime, "incident": incident })).await.expect(201).json()
}

/// Facts of a type, as they stand in the journal.
async fn facts(vigie: &Vigie, name: &str) -> Vec<Value> {
    sqlx::query_scalar("select data::jsonb from journal.entry where type = $1 order by seq")
        .bind(format!("vigie.crisis.{name}.v1"))
        .fetch_all(vigie.records().pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_exercise_plays_from_the_alert_to_the_completed_feedback_and_is_marked_everywhere() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().time_scale(60.0)).await;
    let (scop, mairie) = (vigie.caller("scop").await, vigie.caller("mairie-19").await);

    let scripts = scop.get("/api/v1/exercises").await.expect(200).json();
    assert!(scripts.as_array().unwrap().iter().any(|script| script["name"] == "crise"), "{scripts}");
    mairie.post("/api/v1/exercises", &json!({ "script": "crise", "speed": 600 })).await.expect(403);
    let crisis = scop.post("/api/v1/exercises", &json!({ "script": "crise", "speed": 600 })).await.expect(201).json();
    assert_eq!(crisis["nature"], "exercise");
    let acts = acts(&crisis);
    let linked = wait::for_some("the played signal opened an incident of the exercise", wait::PATIENCE, || async {
        again(&scop, &crisis).await["incidents"][0].as_str().map(str::to_owned)
    })
    .await;
    let incident = wait::for_some("the incident has the regime of its crisis", wait::PATIENCE, || async {
        let seen = scop.get(&format!("/api/v1/incidents/{linked}")).await.expect(200).json();
        (seen["regime"] == "local").then_some(seen)
    })
    .await;
    assert_eq!(incident["nature"], "exercise");

    let asked = mairie.post(&format!("/api/v1/incidents/{linked}/mobilisations"), &json!({ "resource": "vpu" })).await;
    let vpu = asked.expect(200).json()["mobilisations"][0]["id"].clone();
    for (who, to, stage) in [
        (&scop, "pass-on", "asked"),
        (&scop, "accept", "accepted"),
        (&scop, "leave", "under-way"),
        (&scop, "arrive", "on-site"),
    ] {
        let moved = who.post(&acts, &json!({ "do": "mobilise", "mobilisation": vpu, "to": to })).await.expect(200);
        assert_eq!(moved.json()["mobilisations"][0]["stage"], stage);
    }
    let seen = again(&scop, &crisis).await;
    let resource = seen["resources"].as_array().unwrap().iter().find(|r| r["id"] == "vpu").unwrap().clone();
    assert_eq!((&resource["engaged"], &resource["available"]), (&json!(1), &json!(0)));

    let care = json!({ "do": "open-care", "place": "gymnase", "sector": "paris-19", "inside": ["cai", "caf"] });
    let care = mairie.post(&acts, &care).await.expect(200).json()["care"][0]["id"].clone();
    mairie.post(&acts, &json!({ "do": "count", "care": care, "people": { "implique": 60 } })).await.expect(200);
    scop.post(&acts, &json!({ "do": "set-regime", "regime": "city" })).await.expect(200);
    let report =
        json!({ "do": "report", "answers": { "evolution": "stable", "moyens": "tendus", "accueil": "ouvert" } });
    let reported = mairie.post(&acts, &report).await.expect(200).json();
    assert_eq!(reported["reports"][0]["given"], 1);

    wait::until("the script is played", Duration::from_secs(30), || async {
        again(&scop, &crisis).await["exercise"]["left"] == 0
    })
    .await;
    scop.post(&acts, &json!({ "do": "close" })).await.expect(409);
    scop.post(&acts, &json!({ "do": "mobilise", "mobilisation": vpu, "to": "release" })).await.expect(200);
    mairie.post(&acts, &json!({ "do": "close-care", "care": care, "conditions": ["secours"] })).await.expect(409);
    let both = json!({ "do": "close-care", "care": care, "conditions": ["secours", "recensement"] });
    mairie.post(&acts, &both).await.expect(200);
    scop.post(&acts, &json!({ "do": "close" })).await.expect(200);
    wait::until("its events end with it, whatever they still owed", wait::PATIENCE, || async {
        vigie.records().count("select count(*) from routing.incident where status <> 'closed'").await == 0
    })
    .await;
    let owed = "select count(*) from routing.owed where given_at is null";
    assert_eq!(vigie.records().count(owed).await, 0);
    wait::until("their plans have nothing left to do", wait::PATIENCE, || async {
        vigie.records().count("select count(*) from escalation.plan where next_due is not null").await == 0
    })
    .await;
    let ended = stack.outbox.messages().await;
    let told = ended.iter().filter(|m| m.subject.as_deref().unwrap_or_default().contains("Fin d'alerte"));
    assert_eq!(told.count(), 0, "the exercise is over: nobody is told of it, event by event");

    let missing = scop.post(&acts, &json!({ "do": "complete" })).await.expect(409).json();
    assert_eq!(missing["faults"].as_array().unwrap().len(), 4, "{missing}");
    for section in ["bien", "mal", "coordination", "enseignements"] {
        let text = format!("Ce que nous retenons de {section} | à suivre.");
        scop.post(&acts, &json!({ "do": "write", "section": section, "text": text })).await.expect(200);
    }
    let action =
        json!({ "do": "add-action", "text": "Revoir la fiche réflexe", "owner": "ddct", "due_on": "2027-01-31" });
    scop.post(&acts, &action).await.expect(200);
    let complete = scop.post(&acts, &json!({ "do": "complete" })).await.expect(200).json();
    assert!(complete["retex"]["completed_at"].is_string());

    let id = crisis["id"].as_str().unwrap();
    let text = scop.get(&format!("{CRISES}/{id}/retex.md")).await.expect(200).text;
    for said in [
        "# EXERCICE – Retour d'expérience",
        "Une explosion est signalée",
        "de la demande à l'accord | 15 min",
        "| Impliqués | 60 |",
        "Ce que nous retenons de bien \\| à suivre.",
        "Revoir la fiche réflexe",
        "rendus : 1",
    ] {
        assert!(text.contains(said), "no « {said} » in {text}");
    }
    let pdf = scop.get(&format!("{CRISES}/{id}/retex.pdf")).await.expect(200);
    assert_eq!(pdf.header("content-type"), "application/pdf");
    assert!(pdf.text.starts_with("%PDF-"));
    for path in ["/crises".to_owned(), format!("/crises/{id}"), format!("/crises/{id}/retex")] {
        let page = scop.get(&path).await.expect(200).text;
        assert!(page.contains("EXERCICE – ") && page.contains("Crises"), "{path}: {page}");
    }
    let messages = stack.outbox.messages().await;
    assert!(!messages.is_empty());
    assert!(messages.iter().all(|m| m.subject.as_ref().unwrap_or(&m.text).contains("EXERCICE")), "{messages:?}");
    let mixed = vigie.records().count("select count(*) from routing.incident where nature <> 'exercise'").await;
    assert_eq!(mixed, 0);
}

#[tokio::test]
async fn a_clock_that_is_stopped_keeps_the_script_waiting_through_a_crash() {
    let stack = Stack::start().await;
    let mut vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let crisis = scop.post("/api/v1/exercises", &json!({ "script": "ppms", "speed": 1 })).await.expect(201).json();
    wait::until("the first event is played", wait::PATIENCE, || async {
        again(&scop, &crisis).await["exercise"]["left"] == 2
    })
    .await;
    scop.post(&acts(&crisis), &json!({ "do": "control", "to": "pause" })).await.expect(200);
    scop.post(&acts(&crisis), &json!({ "do": "control", "to": "speed" })).await.expect(422);
    scop.post(&acts(&crisis), &json!({ "do": "control", "to": "speed", "speed": 600 })).await.expect(200);
    vigie.kill();
    vigie.restart().await;
    let still = again(&scop, &crisis).await;
    assert_eq!((&still["exercise"]["left"], &still["exercise"]["running"]), (&json!(2), &json!(false)));
    scop.post(&acts(&crisis), &json!({ "do": "control", "to": "resume" })).await.expect(200);
    wait::until("the rest is played, ten times sixty times as fast", wait::PATIENCE, || async {
        again(&scop, &crisis).await["exercise"]["left"] == 0
    })
    .await;
    assert_eq!(facts(&vigie, "exercise-moved").await.iter().filter(|f| f["moved"]["to"] == "injected").count(), 3);
}

#[tokio::test]
async fn a_request_nobody_answers_goes_to_its_second_choice_once_even_if_vigie_is_killed_meanwhile() {
    let stack = Stack::start().await;
    // Ten minutes last four seconds.
    let mut vigie = Vigie::start(&stack, Options::default().time_scale(150.0)).await;
    let mairie = vigie.caller("mairie-19").await;
    let crisis = opened(&vigie, "local").await;
    let request = json!({ "do": "request", "resource": "mediation" });
    mairie.post(&acts(&crisis), &request).await.expect(200);
    vigie.kill();
    vigie.restart().await;
    wait::until("the second choice is asked, then whoever conducts", Duration::from_secs(30), || async {
        again(&mairie, &crisis).await["mobilisations"][0]["stage"] == "unanswered"
    })
    .await;
    let moved: Vec<Value> = facts(&vigie, "mobilisation-moved").await.iter().map(|f| f["moved"].clone()).collect();
    let steps: Vec<&str> = moved.iter().map(|moved| moved["to"].as_str().unwrap()).collect();
    assert_eq!(steps, ["requested", "asked", "overdue", "asked", "overdue", "unanswered"]);
    assert_eq!((&moved[1]["choice"], &moved[3]["choice"]), (&json!(1), &json!(2)));
    wait::until("both choices have their message", wait::PATIENCE, || async {
        let messages = stack.outbox.messages().await;
        let said = |to: &str, what: &str| messages.iter().any(|m| m.to.starts_with(to) && m.text.contains(what));
        said("epm-paris-19", "Une équipe de médiation est demandée") && said("permanence-dpmp", "une équipe voisine")
    })
    .await;
}

#[tokio::test]
async fn the_vpu_and_the_umip_are_asked_for_by_a_mairie_through_the_scop_and_by_no_other_way() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, mairie) = (vigie.caller("scop").await, vigie.caller("mairie-19").await);
    let crisis = opened(&vigie, "local").await;
    let acts = acts(&crisis);
    for resource in ["vpu", "umip"] {
        let request = json!({ "do": "request", "resource": resource });
        for other in ["scop", "commissariat-19"] {
            vigie.caller(other).await.post(&acts, &request).await.expect(403);
        }
        vigie.caller("mairie-18").await.post(&acts, &request).await.expect(404);
        assert_eq!(
            again(&scop, &crisis).await["mobilisations"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|m| m["resource"] == resource)
                .count(),
            0
        );
        let asked = mairie.post(&acts, &request).await.expect(200).json();
        let asked =
            asked["mobilisations"].as_array().unwrap().iter().find(|m| m["resource"] == resource).unwrap().clone();
        assert_eq!(asked["stage"], "passing");
        let pass_on = json!({ "do": "mobilise", "mobilisation": asked["id"], "to": "pass-on" });
        mairie.post(&acts, &pass_on).await.expect(403);
        scop.post(&acts, &pass_on).await.expect(200);
    }
    let seen = again(&scop, &crisis).await;
    assert!(seen["mobilisations"][1]["coordinated_with"].as_str().unwrap().contains("non activée"), "{seen}");
    scop.post(&acts, &json!({ "do": "request", "resource": "cump" })).await.expect(200);
    let cump = again(&scop, &crisis).await["mobilisations"][2]["id"].clone();
    scop.post(&acts, &json!({ "do": "mobilise", "mobilisation": cump, "to": "accept" })).await.expect(200);
    assert!(
        again(&mairie, &crisis).await["mobilisations"][1]["coordinated_with"].as_str().unwrap().contains("Accepté")
    );
}

#[tokio::test]
async fn no_list_and_no_name_finds_a_place_and_what_people_write_stays_out_of_facts_and_messages() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, mairie) = (vigie.caller("scop").await, vigie.caller("mairie-19").await);
    let crisis = opened(&vigie, "national").await;
    let acts = acts(&crisis);
    let guidance = again(&scop, &crisis).await["guidance"].to_string();
    assert!(guidance.contains("École Militaire") && guidance.contains("Parquet"), "{guidance}");

    let care = json!({ "do": "open-care", "place": "mairie", "sector": "paris-19" });
    let care = mairie.post(&acts, &care).await.expect(200).json()["care"][0]["id"].clone();
    let before = again(&scop, &crisis).await["care"].to_string();
    for people in [
        json!({ "victime": ["Camille Martin"] }),
        json!({ "victime": "Camille Martin" }),
        json!({ "Camille Martin": 1 }),
        json!({ "implique": -1 }),
        json!({ "implique": 1.5 }),
        json!({ "implique": 200_000 }),
    ] {
        let count = json!({ "do": "count", "care": care, "people": people });
        scop.post(&acts, &count).await.expect(422);
    }
    let named = json!({ "do": "count", "care": care, "people": { "victime": 1 }, "names": ["Camille Martin"] });
    scop.post(&acts, &named).await.expect(422);
    mairie.post(&acts, &json!({ "do": "count", "care": care, "people": { "victime": 1 } })).await.expect(403);
    mairie
        .post(&acts, &json!({ "do": "open-care", "place": "12 rue Camille Martin", "sector": "paris-19" }))
        .await
        .expect(422);
    assert_eq!(again(&scop, &crisis).await["care"].to_string(), before, "nothing of it was kept");
    scop.post(&acts, &json!({ "do": "count", "care": care, "people": { "victime": 3 } })).await.expect(200);

    scop.post(&acts, &json!({ "do": "set-regime", "regime": "city" })).await.expect(200);
    let mut report = json!({ "do": "report", "text": "Périmètre tenu, appel de Camille Martin",
        "answers": { "evolution": "stable", "moyens": "tendus", "accueil": "ouvert" } });
    let warned = mairie.post(&acts, &report).await.expect(422);
    assert_eq!(warned.faulty_fields(), ["text"]);
    report["sure"] = json!(true);
    mairie.post(&acts, &report).await.expect(200);
    let leaked = "select count(*) from journal.entry where data::text like '%Camille%'";
    assert_eq!(vigie.records().count(leaked).await, 0);
    assert!(stack.outbox.messages().await.iter().all(|m| !m.text.contains("Camille")));
}

#[tokio::test]
async fn a_crisis_is_seen_by_its_sectors_only_and_an_incident_belongs_to_one() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, neighbour) = (vigie.caller("scop").await, vigie.caller("mairie-18").await);
    let crisis = opened(&vigie, "local").await;
    let path = format!("{CRISES}/{}", crisis["id"].as_str().unwrap());
    neighbour.get(&path).await.expect(404);
    assert_eq!(neighbour.get(CRISES).await.expect(200).json(), json!([]));
    vigie.caller("college-19").await.get(&path).await.expect(403);
    vigie.anyone().get(&path).await.expect(401);
    let twice = json!({ "regime": "local", "incident": crisis["incidents"][0] });
    assert_eq!(scop.post(CRISES, &twice).await.expect(409).code(), "other-crisis");
    assert_eq!(vigie.records().count("select count(*) from crisis.crisis").await, 1);

    let page = format!("/crises/{}", crisis["id"].as_str().unwrap());
    let refused = scop.post_form(&page, &[("do", "request"), ("resource", "vpu")], None).await.expect(403);
    assert!(refused.text.contains("Mairie d&#39;arrondissement"), "{}", refused.text);
    let done = scop.post_form(&page, &[("do", "set-regime"), ("regime", "city")], None).await.expect(303);
    assert_eq!(done.header("location"), format!("{page}?fait=set-regime"));
    assert_eq!(again(&scop, &crisis).await["regime"], "city");
}

#[tokio::test]
async fn whoever_is_asked_for_a_resource_answers_by_a_link_that_opening_does_not_answer() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, mairie, anyone) = (vigie.caller("scop").await, vigie.caller("mairie-19").await, vigie.anyone());
    let crisis = opened(&vigie, "local").await;
    mairie.post(&acts(&crisis), &json!({ "do": "request", "resource": "mediation" })).await.expect(200);
    let message = wait::for_some("the request has left", wait::PATIENCE, || async {
        stack.outbox.messages_to("email", "epm-paris-19").await.into_iter().find(|m| m.request().is_some())
    })
    .await;
    assert!(message.subject.as_deref().unwrap().contains("Demande de moyens : EPM"), "{message:?}");
    assert!(message.text.contains("Demandé : Équipe Parisienne de Médiation (EPM)"), "{message:?}");
    let sms = stack.outbox.messages().await.into_iter().find(|m| m.channel == "sms" && m.request().is_some());
    let sms = sms.expect("by SMS too").text;
    assert!(sms.starts_with("VIGIE demande: ") && sms.chars().count() <= 160, "{sms}");

    wait::until("what waits is counted", wait::PATIENCE, || async {
        vigie.metric(r#"vigie_crisis_open{nature="real"}"#).await >= 1.0
            && vigie.metric(r#"vigie_crisis_mobilisations{state="waiting"}"#).await >= 1.0
    })
    .await;
    let link = message.request().unwrap();
    let stage = || async { again(&scop, &crisis).await["mobilisations"][0]["stage"].as_str().unwrap().to_owned() };
    let page = anyone.get(link).await.expect(200).text;
    assert!(page.contains("Nous acceptons") && page.contains("19e arrondissement"), "{page}");
    assert_eq!(stage().await, "asked", "opening answers nothing");
    anyone.post_form(link, &[("to", "pass-on")], None).await.expect(422);
    anyone.post_form(link, &[("to", "refuse")], None).await.expect(422);
    anyone.post_form(link, &[("to", "arrive")], None).await.expect(409);
    assert_eq!(stage().await, "asked");
    anyone.post_form(link, &[("to", "accept")], None).await.expect(303);
    anyone.post_form(link, &[("to", "leave")], None).await.expect(303);
    anyone.post_form(link, &[("to", "arrive")], None).await.expect(303);
    assert_eq!(again(&scop, &crisis).await["mobilisations"][0]["provider"], "epm-paris-19");
    anyone.post_form(link, &[("to", "accept")], None).await.expect(409);
    anyone.post_form(link, &[("to", "release")], None).await.expect(303);
    assert_eq!(stage().await, "released");
    assert_eq!(facts(&vigie, "mobilisation-moved").await.last().unwrap()["by"]["through"], "link");

    let (head, last) = link.split_at(link.len() - 1);
    let altered = format!("{head}{}", if last == "A" { "B" } else { "A" });
    anyone.get(&altered).await.expect(404);
    anyone.post_form(&altered, &[("to", "accept")], None).await.expect(404);
    // An acknowledgement's link is for that only.
    anyone.get(&link.replace("/m/", "/a/")).await.expect(404);
}

#[tokio::test]
async fn an_incident_is_named_by_what_people_read_and_bodies_sit_in_the_cell_one_by_one() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let crisis = opened(&vigie, "local").await;
    let acts = acts(&crisis);
    let raised =
        scop.raise(&json!({ "kind": "rixe", "severity": "tension", "location": { "sector": "paris-18" } })).await;
    let id = vigie.incident_of(&raised).await;
    let reference = scop.get(&format!("/api/v1/incidents/{id}")).await.expect(200).json()["reference"].clone();
    scop.post(&acts, &json!({ "do": "link", "incident": "R-2026-999999" })).await.expect(404);
    scop.post(&acts, &json!({ "do": "link", "incident": "la rixe" })).await.expect(422);
    let linked = scop.post(&acts, &json!({ "do": "link", "incident": reference })).await.expect(200).json();
    assert_eq!(linked["incidents"].as_array().unwrap().len(), 2);
    assert_eq!(linked["sectors"], json!(["paris-19", "paris-18"]));

    scop.post(&acts, &json!({ "do": "seat", "body": "nobody" })).await.expect(422);
    scop.post(&acts, &json!({ "do": "seat", "body": "commissariat-paris-19" })).await.expect(403);
    scop.post(&acts, &json!({ "do": "seat", "body": "mairie-paris-19" })).await.expect(200);
    scop.post(&acts, &json!({ "do": "seat", "body": "mairie-paris-19" })).await.expect(409);
    let two = scop.post(&acts, &json!({ "do": "seat", "body": "umip" })).await.expect(200).json();
    assert_eq!(two["cell"], json!(["mairie-paris-19", "umip"]));
    let one = scop.post(&acts, &json!({ "do": "unseat", "body": "mairie-paris-19" })).await.expect(200).json();
    assert_eq!(one["cell"], json!(["umip"]));
    scop.post(&acts, &json!({ "do": "appoint", "correspondent": "mairie-paris-19" })).await.expect(403);
    scop.post(&acts, &json!({ "do": "appoint", "correspondent": "secretariat-general" })).await.expect(200);
}

#[tokio::test]
async fn a_text_to_relay_is_read_by_those_who_relay_it_and_sent_to_nobody() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, mairie, police) =
        (vigie.caller("scop").await, vigie.caller("mairie-19").await, vigie.caller("commissariat-19").await);
    let crisis = opened(&vigie, "local").await;
    let acts = acts(&crisis);
    let text = json!({ "do": "receive-text", "text": "Évitez la place des Fêtes jusqu'à 20 heures." });
    mairie.post(&acts, &text).await.expect(403);
    let past = json!({ "do": "receive-text", "text": "Trop tard.", "valid_until": "2020-01-01T00:00:00Z" });
    scop.post(&acts, &past).await.expect(422);
    scop.post(&acts, &text).await.expect(200);
    assert_eq!(again(&mairie, &crisis).await["relays"][0]["text"], "Évitez la place des Fêtes jusqu'à 20 heures.");
    assert_eq!(again(&police, &crisis).await["relays"], json!([]), "only those who relay read it");
    wait::until("those who relay are told that there is one", wait::PATIENCE, || async {
        let messages = stack.outbox.messages_to("email", "mairie-paris-19").await;
        messages.iter().any(|message| message.text.contains("Un texte du Préfet de Police est à relayer"))
    })
    .await;
    scop.post(&acts, &json!({ "do": "withdraw-text", "number": 1 })).await.expect(200);
    scop.post(&acts, &json!({ "do": "withdraw-text", "number": 1 })).await.expect(409);
    let withdrawn = again(&mairie, &crisis).await["relays"][0].clone();
    assert_eq!((&withdrawn["stands"], withdrawn["withdrawn_at"].is_string()), (&json!(false), true));
    assert!(stack.outbox.messages().await.iter().all(|m| !m.text.contains("place des Fêtes")));
    let leaked = "select count(*) from journal.entry where data::text like '%Fêtes%'";
    assert_eq!(vigie.records().count(leaked).await, 0);
}

#[tokio::test]
async fn a_report_given_in_a_crisis_is_given_for_its_event_too() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let mairie = vigie.caller("mairie-19").await;
    let crisis = opened(&vigie, "city").await;
    let owed = "select count(*) from routing.owed where id like 'CRI-8/point-de-situation%' and given_at is null";
    wait::until("the circuit of the event asks for it", wait::PATIENCE, || async {
        vigie.records().count(owed).await == 12
    })
    .await;

    let report =
        json!({ "do": "report", "answers": { "evolution": "stable", "moyens": "tendus", "accueil": "ouvert" } });
    mairie.post(&acts(&crisis), &report).await.expect(200);

    wait::until("the event owes one less", wait::PATIENCE, || async { vigie.records().count(owed).await == 11 }).await;
    let given = vigie.records().events("vigie.incident.return-given.v1", None).await;
    assert_eq!((given.len(), &given[0]["owed"]), (1, &json!("CRI-8/point-de-situation")));
    assert_eq!(given[0]["by"]["role"], "mairie", "by whoever gave the report");
}

#[tokio::test]
async fn the_live_stream_tells_of_crises_to_those_who_ask_and_may_know() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let mairie = vigie.caller("mairie-19").await;
    let crisis = opened(&vigie, "local").await;
    let mut hears = mairie.live_at("/api/v1/events?crises=true", Some("1-1-0")).await;
    let mut stranger = vigie.caller("mairie-18").await.live_at("/api/v1/events?crises=true", Some("1-1-0")).await;
    let told = loop {
        let told = hears.next(wait::PATIENCE).await;
        if told.name.starts_with("crisis.") {
            break told;
        }
    };
    assert_eq!((told.name.as_str(), &told.data["crisis"]["id"]), ("crisis.opened", &crisis["id"]));
    let told = stranger.until_alive(wait::PATIENCE).await;
    assert!(told.iter().all(|one| !one.name.starts_with("crisis.")), "nothing of it is theirs: {told:?}");
}
