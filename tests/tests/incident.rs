//! Signals become incidents: located, joined, made worse, told to the neighbours, closed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use vigie_tests::{Answer, Message, Options, Stack, Vigie};

/// Quai de la Seine, in the middle of the 19th.
fn on_the_quay(severity: &str) -> Value {
    json!({ "kind": "rixe", "severity": severity, "location": { "lon": 2.3791, "lat": 48.8853, "accuracy_m": 20 } })
}

/// Some 40 m from there.
fn a_few_steps_on(severity: &str) -> Value {
    json!({ "kind": "rixe", "severity": severity, "location": { "lon": 2.3795, "lat": 48.8855 } })
}

fn received<'a>(messages: &'a [Message], address: &str) -> &'a Message {
    messages.iter().find(|m| m.channel == "email" && m.to.starts_with(address)).expect(address)
}

#[tokio::test]
async fn a_point_opens_the_incident_of_the_sector_it_lies_in() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;

    let raised = scop.raise(&on_the_quay("serious")).await;

    let incident = vigie.incident_of(&raised).await;
    let seen = scop.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(seen["sector"], "paris-19");
    assert_eq!(seen["signals"], json!([raised.reference]));
    let messages = vigie.all_sent(&stack).await;
    received(&messages, "commissariat-paris-19@");
    assert!(messages.iter().any(|m| m.to.starts_with("etab-")), "the schools around the point are told");
    assert!(messages.iter().all(|m| !m.to.contains("paris-18")), "the 18th is too far to be concerned");
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_a_key_serves_one_report() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;

    let first = scop.try_raise(&on_the_quay("tension"), "key-1").await.unwrap().expect(202);
    let again = scop.try_raise(&on_the_quay("tension"), "key-1").await.unwrap().expect(202);
    let other = scop.try_raise(&on_the_quay("serious"), "key-1").await.unwrap().expect(409);

    assert_eq!(again.json(), first.json());
    assert_eq!(other.code(), "idempotency-key-reused");
    vigie.all_sent(&stack).await;
    assert_eq!(vigie.records().count("select count(*) from routing.incident_signal").await, 1);
    assert_eq!(vigie.records().events("vigie.signal.raised.v1", None).await.len(), 1);
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn simultaneous_repetitions_of_a_request_are_one_signal() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let report = on_the_quay("tension");

    let answers = futures::future::join_all((0..10).map(|_| scop.try_raise(&report, "key-1"))).await;

    let answers: BTreeSet<String> = answers.into_iter().map(|answer| answer.unwrap().expect(202).text).collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(vigie.records().count("select count(*) from intake.signal").await, 1);
}

#[tokio::test]
async fn a_counter_of_references_that_fell_behind_refuses_nobody() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let mut references = BTreeSet::new();
    let note = |answer: Answer, references: &mut BTreeSet<String>| {
        let reference = answer.expect(202).json()["reference"].as_str().unwrap().to_owned();
        assert!(references.insert(reference), "given twice");
    };
    for number in 0..4 {
        note(scop.try_raise(&on_the_quay("tension"), &format!("before-{number}")).await.unwrap(), &mut references);
    }

    vigie.records().execute("select setval('intake.signal_number', 1)").await;

    let report = on_the_quay("tension");
    let keys: Vec<String> = (0..6).map(|number| format!("after-{number}")).collect();
    for answer in futures::future::join_all(keys.iter().map(|key| scop.try_raise(&report, key))).await {
        note(answer.unwrap(), &mut references);
    }
}

#[tokio::test]
async fn a_second_signal_close_by_reinforces_the_incident_and_asks_nobody_again() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, landlord) = (vigie.caller("scop").await, vigie.caller("bailleur-19").await);

    let first = scop.raise(&on_the_quay("tension")).await;
    let incident = vigie.incident_of(&first).await;
    let before = vigie.all_sent(&stack).await.len();
    let second = landlord.raise(&a_few_steps_on("tension")).await;

    assert_eq!(vigie.incident_of(&second).await, incident);
    assert_eq!(vigie.records().events("vigie.incident.reinforced.v1", Some(incident)).await.len(), 1);
    assert_eq!(vigie.all_sent(&stack).await.len(), before);
    let seen = scop.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(seen["signals"], json!([first.reference, second.reference]));
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn an_incident_made_worse_is_asked_again_and_an_old_page_does_not_acknowledge_it() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, anyone) = (vigie.caller("scop").await, vigie.anyone());
    let incident = vigie.incident_of(&scop.raise(&on_the_quay("tension")).await).await;
    let messages = vigie.all_sent(&stack).await;
    let link = received(&messages, "epm-paris-19@").acknowledgement().unwrap().to_owned();
    anyone.post_form(&link, &[("version", "1")], None).await.expect(303);

    let graver = scop.raise(&a_few_steps_on("serious")).await;

    assert_eq!(vigie.incident_of(&graver).await, incident);
    let all = vigie.all_sent(&stack).await;
    let again = all[messages.len()..].iter().find(|m| m.channel == "email" && m.to.starts_with("epm-paris-19@"));
    let subject = again.expect("whoever had acknowledged is asked again").subject.clone().unwrap();
    assert!(subject.contains("Aggravation"), "{subject}");
    let acknowledged = async || vigie.records().events("vigie.incident.acknowledged.v1", Some(incident)).await.len();
    let stale = anyone.post_form(&link, &[("version", "1")], None).await.expect(409);
    assert!(stale.text.contains("s'est aggravé") || stale.text.contains("s&#39;est aggravé"), "{}", stale.text);
    assert_eq!(acknowledged().await, 1, "the old acknowledgement only");
    let seen = scop.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(seen["status"], "open");
    let version = seen["version"].to_string();
    anyone.post_form(&link, &[("version", &version)], None).await.expect(303);
    assert_eq!(acknowledged().await, 2);
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn neighbours_across_the_border_are_told_and_asked_nothing() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;

    // Rue d'Aubervilliers, less than 100 m from the 18th.
    scop.raise(&json!({ "kind": "rixe", "severity": "tension", "location": { "lon": 2.3695, "lat": 48.89 } })).await;

    let messages = vigie.all_sent(&stack).await;
    received(&messages, "commissariat-paris-19@");
    for neighbour in ["mairie-paris-18@", "commissariat-paris-18@", "division-dpmp-paris-18@"] {
        let mail = received(&messages, neighbour);
        assert!(mail.subject.as_deref().unwrap().contains("Information"), "{:?}", mail.subject);
        assert!(
            mail.text.contains("sans engager personne"),
            "who is only informed may say so, and no more: {}",
            mail.text
        );
        let page = vigie.anyone().get(mail.acknowledgement().expect("where to say it")).await.expect(200);
        assert!(page.text.contains("vu") && !page.text.contains("prends en compte"), "{}", page.text);
    }
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_weak_signal_waits_for_the_next_common_reading() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;

    let incident = vigie.incident_of(&scop.raise(&on_the_quay("watch")).await).await;

    assert!(vigie.all_sent(&stack).await.is_empty());
    let opened = &vigie.records().events("vigie.incident.opened.v1", Some(incident)).await[0];
    let step = &opened["plan"]["circuits"][0]["steps"][0];
    let due: Timestamp = step["due_at"].as_str().unwrap().parse().unwrap();
    let local = due.to_zoned(jiff::tz::TimeZone::get("Europe/Paris").unwrap());
    assert!([8, 17].contains(&local.hour()) && local.minute() == 0, "{local}");
    assert_eq!(vigie.records().count("select count(*) from escalation.plan where next_due > now()").await, 1);
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_resolution_stops_everything() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().time_scale(20.0)).await;
    let scop = vigie.caller("scop").await;
    let incident = vigie.incident_of(&scop.raise(&on_the_quay("serious")).await).await;
    let before = vigie.all_sent(&stack).await;
    let acts = format!("/api/v1/incidents/{incident}");

    let closed = scop.post(&format!("{acts}/resolution"), &json!({ "reason": "averted" })).await.expect(200);

    assert_eq!(closed.json()["status"], "closed");
    let steps = vigie.whole_plan(incident).await;
    let superseded = steps.iter().filter(|(_, outcome)| outcome == "superseded").count();
    assert_eq!(superseded, 5, "second rank, all ranks, secretariat, and the ladder of the operations room: {steps:?}");
    let after = vigie.all_sent(&stack).await;
    let known = |message: &&Message| before.iter().any(|sent| sent.message_id == message.message_id);
    let told: Vec<&Message> = after.iter().filter(|message| !known(message)).collect();
    assert!(!told.is_empty(), "whoever was alerted is told that it is over");
    for message in told {
        assert!(message.subject.as_deref().is_some_and(|s| s.contains("Fin d'alerte")), "{message:?}");
    }
    let late = scop.post(&format!("{acts}/acknowledgements"), &json!({})).await.expect(409);
    assert_eq!(late.code(), "closed");
    let link = received(&before, "epm-paris-19@").acknowledgement().unwrap();
    assert!(vigie.anyone().get(link).await.expect(200).text.contains("est clos"), "the page says so");
    // What happens there now is another event.
    let next = vigie.incident_of(&scop.raise(&a_few_steps_on("tension")).await).await;
    assert_ne!(next, incident);
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_person_may_raise_or_lower_the_severity_with_the_version_following() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let incident = vigie.incident_of(&scop.raise(&on_the_quay("tension")).await).await;
    let severity = format!("/api/v1/incidents/{incident}/severity");

    let worse = scop.post(&severity, &json!({ "severity": "grave", "reason": "Une arme a été vue" })).await.expect(200);
    assert_eq!((&worse.json()["severity"], &worse.json()["version"]), (&json!("serious"), &json!(2)));
    let same = scop.post(&severity, &json!({ "severity": "serious" })).await.expect(409);
    assert_eq!(same.code(), "unchanged");
    let milder = scop.post(&severity, &json!({ "severity": "tension" })).await.expect(200);
    assert_eq!((&milder.json()["severity"], &milder.json()["version"]), (&json!("tension"), &json!(3)));
    let told = vigie.all_sent(&stack).await;
    assert!(told.iter().any(|m| m.to.starts_with("secretariat-general@")), "made grave, the centre was told");
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_signal_that_joined_by_mistake_opens_its_own_incident_and_its_people_are_told() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, landlord, police) =
        (vigie.caller("scop").await, vigie.caller("bailleur-19").await, vigie.caller("commissariat-19").await);
    let first = scop.raise(&on_the_quay("tension")).await;
    let incident = vigie.incident_of(&first).await;
    let second = landlord.raise(&a_few_steps_on("serious")).await;
    assert_eq!(vigie.incident_of(&second).await, incident, "they are taken for one event");
    let told_before = vigie.all_sent(&stack).await.len();
    let separations = format!("/api/v1/incidents/{incident}/separations");

    let not_his = police.post(&separations, &json!({ "signal": second.reference })).await.expect(403);
    let opener = scop.post(&separations, &json!({ "signal": first.reference })).await.expect(409);
    let unknown = scop.post(&separations, &json!({ "signal": "S-2026-999999" })).await.expect(422);
    let kept = scop.post(&separations, &json!({ "signal": second.reference })).await.expect(200).json();
    let again = scop.post(&separations, &json!({ "signal": second.reference })).await.expect(422);

    assert_eq!((not_his.code(), opener.code()), ("not-allowed".to_owned(), "opened-by-it".to_owned()));
    assert_eq!((unknown.code(), again.code()), ("invalid-fields".to_owned(), "invalid-fields".to_owned()));
    assert_eq!((&kept["severity"], &kept["status"]), (&json!("serious"), &json!("open")), "it stays as it is");
    let other = vigie.incident_of(&second).await;
    assert_ne!(other, incident);
    let other = scop.get(&format!("/api/v1/incidents/{other}")).await.expect(200).json();
    assert_eq!((&other["severity"], &other["signals"]), (&json!("serious"), &json!([second.reference])));
    let kept = scop.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(kept["signals"], json!([first.reference]));
    let line = |what: &str, of: &Value| of["timeline"].as_array().unwrap().iter().any(|line| line["what"] == what);
    assert!(line("incident.separated", &kept) && line("incident.opened", &other));
    let told = vigie.all_sent(&stack).await;
    let reference = other["reference"].as_str().unwrap();
    assert!(
        told.len() > told_before && told.iter().any(|m| m.text.contains(reference)),
        "nobody was told of {reference}"
    );
    assert!(vigie.records().stories_are_kept().await > 0);
}
