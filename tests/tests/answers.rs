//! What is answered and becomes known of an event is read by whom it concerns: marked until it is read, said as it stands,
//! and no further than each may know.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs;

use serde_json::{Value, json};
use uuid::Uuid;
use vigie_tests::{Answer, Caller, Message, Options, SCHOOL, Stack, Vigie, wait};

/// Of the doctrine that ships, but that the mairie's pages read the quartier and no facts.
const MAIRIE_READS: &str = r#"
[[reads]]
roles = ["mairie"]
on = ["screen"]
place = "quartier"
facts = "none"
number = false
announced = false
"#;

/// Vigie under that doctrine.
async fn discreet(stack: &Stack) -> Vigie {
    let (from, to) = (concat!(env!("CARGO_MANIFEST_DIR"), "/../config/doctrine"), stack.folder().join("doctrine"));
    fs::create_dir(&to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let text = fs::read_to_string(file.path()).unwrap();
        let more = if file.file_name() == "doctrine.toml" {
            text.replacen("[[reads]]", &format!("{MAIRIE_READS}\n[[reads]]"), 1)
        } else {
            text
        };
        fs::write(to.join(file.file_name()), more).unwrap();
    }
    Vigie::start(stack, Options::default().set("PATHS__DOCTRINE", to.display())).await
}

fn rixe(severity: &str, more: &Value) -> Value {
    let mut report = json!({ "kind": "rixe", "severity": severity, "location": { "school": SCHOOL } });
    report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    report
}

/// The incident as a row of the caller's.
async fn row(caller: &Caller, incident: Uuid) -> Value {
    let listed = caller.get(&format!("/api/v1/incidents?ids={incident}")).await.expect(200).json();
    listed["incidents"][0].clone()
}

fn link(messages: &[Message], to: &str) -> String {
    let message = messages.iter().find(|m| m.channel == "email" && m.to.starts_with(to)).expect(to);
    message.acknowledgement().expect("it has a link").to_owned()
}

#[tokio::test]
async fn what_is_new_is_marked_for_each_desk_that_may_know_it_until_it_opens_the_event() {
    let stack = Stack::start().await;
    let vigie = discreet(&stack).await;
    let (head, scop, mairie) =
        (vigie.caller("college-19").await, vigie.caller("scop").await, vigie.caller("mairie-19").await);
    let raised = head.raise(&rixe("serious", &json!({}))).await;
    let incident = vigie.incident_of(&raised).await;
    vigie.all_sent(&stack).await;
    assert_eq!(row(&scop, incident).await["unread"], Value::Null, "an event is not news of itself");
    let (mut room, mut cell) = (scop.live(None).await, mairie.live(None).await);

    head.raise(&rixe("serious", &json!({ "facts": ["arme-vue"], "parties": { "estimated_count": 45 } }))).await;
    let unread = json!(["Une arme a été vue", "45 personnes"]);
    wait::until("it is marked", wait::PATIENCE, || async { row(&scop, incident).await["unread"] == unread }).await;
    assert_eq!(row(&mairie, incident).await["unread"], Value::Null, "it may know neither");
    let told = async |live: &mut vigie_tests::Live| loop {
        let told = live.next(wait::PATIENCE).await;
        if told.name == "incident.reinforced" {
            return told.data;
        }
    };
    let news = told(&mut room).await["news"].clone();
    assert_eq!((&news["facts"][0]["alarms"], &news["count"]), (&json!(true), &json!(45)), "{news}");
    assert_eq!(told(&mut cell).await["news"], Value::Null, "it may know neither");

    // Read again behind another page, it is not read; opened, it is, at every screen of the desk.
    let page = format!("/scop/evenements/{incident}");
    let behind = scop.get(&format!("{page}?depuis=2020-01-01T00:00:00Z&lu=non")).await.expect(200);
    assert!(behind.text.contains("<strong>Une arme a été vue</strong>"), "{}", behind.text);
    assert_eq!(row(&scop, incident).await["unread"], unread);
    let opened = scop.get(&page).await.expect(200);
    assert!(opened.text.contains("<strong>Une arme a été vue</strong>"), "{}", opened.text);
    assert_eq!(row(&scop, incident).await["unread"], Value::Null);
    let again = scop.get("/scop").await.expect(200);
    assert!(!again.text.contains("Nouveau :"), "{}", again.text);

    // What the reader's own body did is no news to it; to the others it is.
    scop.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await.expect(200);
    assert_eq!(row(&scop, incident).await["unread"], Value::Null);
    let cell = mairie.get("/cellule/paris-19").await.expect(200);
    assert!(cell.text.contains("Nouveau : pris en compte par Salle de Commandement"), "{}", cell.text);
    assert!(!cell.text.contains("Brassens"), "{}", cell.text);
}

#[tokio::test]
async fn a_quorum_reads_one_of_two_wherever_it_is_read_and_no_page_says_that_reminders_stop() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let head = vigie.caller("college-19").await;
    let incident = vigie.incident_of(&head.raise(&rixe("fatal", &json!({}))).await).await;
    let messages = vigie.all_sent(&stack).await;
    let own = link(&messages, "commissariat-paris-19@");
    let anyone = vigie.anyone();
    anyone.post_form(&own, &[("version", "1")], None).await.expect(303);
    let (scop, mairie) = (vigie.caller("scop").await, vigie.caller("mairie-19").await);
    wait::until("the plan has heard it", wait::PATIENCE, || async {
        row(&scop, incident).await["partial"][0]["have"] == 1
    })
    .await;
    let other = link(&messages, "division-dpmp-paris-19@");
    let pages: [(&str, Answer); 5] = [
        ("own link", anyone.get(&own).await),
        ("another's link", anyone.get(&other).await),
        ("board", scop.get("/scop").await),
        ("page", scop.get(&format!("/scop/evenements/{incident}")).await),
        ("cell", mairie.get("/cellule/paris-19").await),
    ];
    for (what, page) in pages {
        let page = page.expect(200).text;
        assert!(page.contains("1 sur 2"), "{what}: {page}");
        assert!(!page.contains("Les relances s'arrêtent."), "{what}: {page}");
    }
    let page = anyone.get(&own).await.text;
    assert!(page.contains("Les relances continuent") && page.contains("Prochaine relance"), "{page}");
}

#[tokio::test]
async fn closing_from_the_page_asks_first_and_says_what_stays_open() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let head = vigie.caller("college-19").await;
    let incident = vigie.incident_of(&head.raise(&rixe("serious", &json!({}))).await).await;
    vigie.all_sent(&stack).await;
    let scop = vigie.caller("scop").await;
    let here = format!("/scop/evenements/{incident}");
    let close = async |more: &[(&str, &str)]| {
        let fields = [&[("did", "close"), ("closing", "resolved")], more].concat();
        scop.post_form(&here, &fields, None).await
    };
    let asked = close(&[("text", "Tout est calme")]).await.expect(200).text;
    let alerted = "select count(distinct body) from escalation.alert where body <> 'scop'";
    let alerted = vigie.records().count(alerted).await;
    assert!(asked.contains(&format!("{alerted} services, qui avaient été alertés")), "{asked}");
    for said in ["Personne n&#39;a pris en compte", "Sollicités, sans réponse", "Tout est calme", "Ne pas clore"] {
        assert!(asked.contains(said), "{said}: {asked}");
    }
    assert_eq!(row(&scop, incident).await["status"], "open", "nothing is done yet");
    let named = close(&[("text", "Monsieur Dupont est parti")]).await.expect(422).text;
    assert!(!named.contains("Confirmer la clôture"), "{named}");
    scop.post_form(&here, &[("did", "close")], None).await.expect(422);
    vigie
        .caller("mairie-19")
        .await
        .post_form(&here, &[("did", "close"), ("closing", "resolved")], None)
        .await
        .expect(403);
    close(&[("text", "Tout est calme"), ("confirmed", "true")]).await.expect(303);
    assert_eq!(row(&scop, incident).await["status"], "closed");
}

#[tokio::test]
async fn weak_signals_of_a_cell_are_listed_as_finely_as_its_reader_may_know_them() {
    let stack = Stack::start().await;
    let vigie = discreet(&stack).await;
    let scop = vigie.caller("scop").await;
    let raised = scop.raise(&rixe("watch", &json!({}))).await;
    vigie.incident_of(&raised).await;
    let list = async |source: &str| {
        let page = vigie.caller(source).await.get("/cellule/paris-19").await.expect(200).text;
        let from = page.find("id=\"weak\"").expect("the list is there");
        page[from..].split("</section>").next().unwrap_or_default().to_owned()
    };
    let whole = list("scop").await;
    assert!(whole.contains("Collège Georges Brassens"), "{whole}");
    let coarse = list("mairie-19").await;
    assert!(coarse.contains("quartier Amérique") && !coarse.contains("Brassens"), "{coarse}");
}
