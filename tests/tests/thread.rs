//! The thread of an event: an alert says where and what to those who go there, and what comes next reaches those in charge.

use serde_json::json;
use vigie_tests::{Message, Options, SCHOOL, Stack, Vigie, wait};

/// What only those who intervene may read of it.
const EXACT: [&str; 3] = ["Georges Brassens", "30 personnes", "Armes évoquées"];

fn to<'a>(messages: &'a [Message], channel: &str, begins: &str) -> &'a Message {
    messages.iter().find(|m| m.channel == channel && m.to.starts_with(begins)).expect(begins)
}

/// Everything that whoever receives it can read in it.
fn whole(message: &Message) -> String {
    let Message { subject, text, html, .. } = message;
    format!("{} {text} {}", subject.as_deref().unwrap_or_default(), html.as_deref().unwrap_or_default())
}

#[tokio::test]
async fn an_alert_says_where_to_those_who_go_there_and_the_quartier_to_those_who_watch() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let parties = json!({ "estimated_count": 30, "weapons": "suspected" });
    let report = json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL }, "parties": parties });
    let raised = vigie.caller("college-19").await.raise(&report).await;
    let messages = vigie.all_sent(&stack).await;

    let sms: Vec<&Message> = messages.iter().filter(|m| m.channel == "sms").collect();
    assert!(!sms.is_empty());
    for message in &sms {
        assert!(message.text.contains("Georges Brassens") && message.text.contains("/a/"), "{}", message.text);
        assert!(message.text.chars().count() <= 160, "one SMS: {}", message.text);
    }
    let commissariat = to(&messages, "email", "commissariat-paris-19@");
    for known in EXACT {
        assert!(commissariat.text.contains(known), "{known}: {}", commissariat.text);
    }
    for watcher in ["associations-paris-19@", "etab-"] {
        let message = to(&messages, "email", watcher);
        assert!(message.text.contains("quartier Amérique"), "{}", message.text);
        for known in EXACT {
            assert!(!whole(message).contains(known), "{watcher} reads {known}: {}", message.text);
        }
    }
    let club = to(&messages, "email", "prevention-specialisee-paris-19@");
    assert!(club.text.contains("Georges Brassens"), "{}", club.text);
    assert!(!whole(club).contains("30 personnes") && !whole(club).contains("Armes"), "{}", club.text);

    let anyone = vigie.anyone();
    let page = anyone.get(commissariat.acknowledgement().unwrap()).await.expect(200).text;
    for known in EXACT.into_iter().chain(["geo:48."]) {
        assert!(page.contains(known), "{known}: {page}");
    }
    let watched = to(&messages, "email", "associations-paris-19@").acknowledgement().unwrap();
    let page = anyone.get(watched).await.expect(200).text;
    for known in EXACT.into_iter().chain(["geo:48."]) {
        assert!(!page.contains(known), "{known}: {page}");
    }
    let incident = vigie.incident_of(&raised).await;
    let row = vigie.caller("scop").await.get(&format!("/api/v1/incidents?ids={incident}")).await.expect(200).json();
    assert_eq!(row["incidents"][0]["place"], "Collège Georges Brassens, quartier Amérique");
    assert_eq!(row["incidents"][0]["known"]["count"], 30);
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn what_becomes_known_reaches_those_in_charge_and_its_end_all_who_were_alerted() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let head = vigie.caller("college-19").await;
    let report = |facts: &[&str]| json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL }, "facts": facts });
    let raised = head.raise(&report(&[])).await;
    let first = vigie.all_sent(&stack).await;
    let link = to(&first, "email", "commissariat-paris-19@").acknowledgement().unwrap().to_owned();
    vigie.anyone().post_form(&link, &[("version", "1")], None).await.expect(303);
    let about = |subject: &'static str, begins: &'static str| {
        let outbox = &stack.outbox;
        move || async move {
            let messages = outbox.messages_to("email", begins).await;
            messages.into_iter().find(|m| m.subject.as_deref().unwrap_or_default().contains(subject))
        }
    };

    let taken = wait::for_some("the head learns of it", wait::PATIENCE, about("Du nouveau", "etab-0750507u@")).await;
    assert!(taken.text.contains("pris en compte par Commissariat 19e arrondissement"), "{}", taken.text);

    head.raise(&report(&["arme-vue", "blesse"])).await;
    let told =
        wait::for_some("who is in charge is told", wait::PATIENCE, about("Du nouveau", "commissariat-paris-19")).await;
    assert!(told.text.contains("Du nouveau : Une arme a été vue"), "{}", told.text);
    assert!(!whole(&told).contains("blessée"), "that somebody is hurt is not for a mail: {}", told.text);

    let scop = vigie.caller("scop").await;
    let incident = vigie.incident_of(&raised).await;
    scop.post(&format!("/api/v1/incidents/{incident}/resolution"), &json!({ "reason": "resolved" })).await.expect(200);
    for alerted in ["commissariat-paris-19", "associations-paris-19@", "mairie-paris-19@", "etab-0750507u@"] {
        let over = wait::for_some("it is over", wait::PATIENCE, about("Fin d'alerte", alerted)).await;
        assert!(over.text.contains("l'événement est clos"), "{}", over.text);
    }
    let all = vigie.all_sent(&stack).await;
    let ends = all.iter().filter(|m| m.to.starts_with("associations-paris-19@") && whole(m).contains("Fin d'alerte"));
    assert_eq!(ends.count(), 1, "each is told once");
    assert!(vigie.records().stories_are_kept().await > 0);
}

/// A mistake costs nothing: an answer is taken back, a closing undone, and everybody reads how it stands.
#[tokio::test]
async fn an_answer_is_taken_back_and_a_closing_undone_and_each_is_told() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let head = vigie.caller("college-19").await;
    let raised = head.raise(&json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } })).await;
    let sent = vigie.all_sent(&stack).await;
    let link = to(&sent, "email", "commissariat-paris-19@").acknowledgement().unwrap().to_owned();
    vigie.anyone().post_form(&link, &[("version", "1")], None).await.expect(303);
    let incident = vigie.incident_of(&raised).await;
    let at = |act: &str| format!("/api/v1/incidents/{incident}/{act}");
    let scop = vigie.caller("scop").await;
    let state = || async { scop.get(at("").trim_end_matches('/')).await.expect(200).json() };
    assert_eq!(state().await["status"], "acknowledged");

    let police = vigie.caller("commissariat-19").await;
    assert_eq!(police.post(&at("withdrawals"), &json!({})).await.expect(200).json()["status"], "open");
    assert_eq!(police.post(&at("withdrawals"), &json!({})).await.expect(409).json()["code"], "nothing-said");
    // The next call comes at once: whoever said « je traite » and let go has cost time.
    let again = wait::for_some("the next call", wait::PATIENCE, || async {
        let messages = stack.outbox.messages_to("sms", "").await;
        messages.into_iter().find(|message| message.text.contains("relance"))
    });
    again.await;

    vigie.caller("mairie-19").await.post(&at("reopenings"), &json!({})).await.expect(403);
    assert_eq!(scop.post(&at("reopenings"), &json!({})).await.expect(409).json()["code"], "not-closed");
    scop.post(&at("resolution"), &json!({ "reason": "mistaken" })).await.expect(200);
    assert_eq!(scop.post(&at("reopenings"), &json!({})).await.expect(200).json()["status"], "open");
    let reopened = wait::for_some("who read that it was over reads that it is not", wait::PATIENCE, || async {
        let messages = stack.outbox.messages_to("email", "associations-paris-19@").await;
        messages.into_iter().find(|message| message.subject.as_deref().unwrap_or_default().contains("Réouverture"))
    });
    assert!(reopened.await.text.contains("rouvert"));
    police.post(&at("acknowledgements"), &json!({})).await.expect(200);
    assert_eq!(state().await["status"], "acknowledged");
    assert!(vigie.records().stories_are_kept().await > 0);
}
