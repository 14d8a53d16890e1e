//! Who can be reached: drills and verifications against real mail and SMS peers, and the hand-over of a duty.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use serde_json::{Value, json};
use vigie_tests::{Caller, Message, Options, Stack, Vigie, wait};

/// The path of the page a drill's message opens.
fn page(message: &Message) -> &str {
    message.links.iter().find_map(|link| link.find("/t/").map(|start| &link[start..])).expect("a drill has a link")
}

async fn report(admin: &Caller, drill: &str) -> Value {
    admin.get(&format!("/api/v1/directory/drills/{drill}")).await.expect(200).json()
}

fn tally<'a>(report: &'a Value, of: &str) -> &'a Value {
    let tallies = report["by_channel"].as_array().unwrap();
    tallies.iter().find(|tally| tally["of"] == of).unwrap()
}

/// The six digits of a verification.
fn code(message: &Message) -> String {
    let digits = |word: &str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    message.text.split_whitespace().find(|word| digits(word)).expect("a verification has a code").to_owned()
}

#[tokio::test]
async fn a_drill_asks_every_contact_point_and_says_who_cannot_be_reached() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("DIRECTORY__PROVE_AFTER_S", 12)).await;
    let admin = vigie.caller("admin").await;
    stack.outbox.behave(&json!({ "email": { "mairie-paris-19@example.org": "refuse" } })).await;

    let opened = admin.post("/api/v1/directory/drills", &json!({ "sectors": ["paris-19"] })).await.expect(201).json();
    let (drill, contacts) = (opened["id"].as_str().unwrap(), opened["contacts"].as_u64().unwrap());
    assert!(contacts > 20, "every contact point of the sector: {contacts}");
    let messages = wait::for_some("every message but the refused one", wait::PATIENCE, || async {
        let messages = stack.outbox.messages().await;
        (messages.len() as u64 + 1 >= contacts).then_some(messages)
    })
    .await;
    let marked = |message: &Message| message.subject.as_ref().unwrap_or(&message.text).contains("ESSAI");
    assert!(messages.iter().all(marked), "a drill cannot be taken for an alert");
    wait::until("the refusal is known", wait::PATIENCE, || async {
        tally(&report(&admin, drill).await, "email")["failed"] == 1
    })
    .await;

    // Mail scanners open links: that is no answer.
    let desk = messages.iter().find(|m| m.to.starts_with("epm-paris-19@")).unwrap();
    let anyone = vigie.anyone();
    let shown = anyone.get(page(desk)).await.expect(200);
    assert!(shown.text.contains("Ceci n'est pas une alerte") && shown.text.contains("19e arrondissement"));
    assert_eq!(tally(&report(&admin, drill).await, "email")["answered"], 0);
    assert!(!shown.text.contains("/contact.vcf"), "first the answer");
    for _ in 0..2 {
        let answered = anyone.post_form(page(desk), &[], None).await.expect(200);
        assert!(answered.text.contains("href=\"/contact.vcf\""), "{}", answered.text);
    }
    let said = report(&admin, drill).await;
    assert_eq!(tally(&said, "email")["answered"], 1, "answered once, however often the button is pressed");
    assert_eq!(said["by_sector"].as_array().unwrap().len(), 1);
    let unreached = said["unreached"].as_array().unwrap();
    assert_eq!(unreached.len() as u64, contacts - 1);
    assert_eq!((&unreached[0]["body"], &unreached[0]["why"]), (&json!("mairie-paris-19"), &json!("refused")));

    let answers = vigie.records().events("vigie.probe.answered.v1", None).await;
    assert_eq!((answers.len(), answers[0]["body"].as_str()), (1, Some("epm-paris-19")));
    assert_eq!(vigie.records().count("select count(*) from routing.incident").await, 0);
    let view = admin.get("/api/v1/directory/bodies/mairie-paris-19").await.expect(200).json();
    assert_eq!(view["contacts"][0]["silent"], true);

    // The prover of an unoptimised build takes its time.
    wait::until("the proof of what is in force knows of it", Duration::from_mins(2), || async {
        let proof = admin.get("/api/v1/configurations/proof").await.json();
        let findings = proof["report"]["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().any(|f| f["message"].to_string().contains("no contact point of mairie-paris-19"))
    })
    .await;

    anyone.get(&format!("{}x", page(desk))).await.expect(404);
    let scop = vigie.caller("scop").await;
    scop.post("/api/v1/directory/drills", &json!({})).await.expect(403);
    let nowhere = admin.post("/api/v1/directory/drills", &json!({ "sectors": ["paris-99"] })).await.expect(422);
    assert_eq!(nowhere.faulty_fields(), ["sectors"]);
}

#[tokio::test]
async fn a_contact_point_is_verified_by_the_code_that_comes_back() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (mairie, neighbour) = (vigie.caller("mairie-19").await, vigie.caller("mairie-18").await);
    let verifications = "/api/v1/directory/contacts/mairie-paris-19-desk/verifications";
    neighbour.post(verifications, &json!({})).await.expect(404);

    let begun = mairie.post(verifications, &json!({})).await.expect(201).json();
    let answer = format!("/api/v1/directory/verifications/{}", begun["id"].as_str().unwrap());
    let mails = wait::for_some("the code", wait::PATIENCE, || async {
        let mails = stack.outbox.messages_to("email", "mairie-paris-19@example.org").await;
        (!mails.is_empty()).then_some(mails)
    })
    .await;
    let right = code(&mails[0]);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    assert_eq!(mairie.post(&answer, &json!({ "code": wrong })).await.expect(422).faulty_fields(), ["code"]);
    neighbour.post(&answer, &json!({ "code": right })).await.expect(404);
    let spaced = format!("{} {}", &right[..3], &right[3..]);
    mairie.post(&answer, &json!({ "code": spaced })).await.expect(204);
    let view = mairie.get("/api/v1/directory/bodies/mairie-paris-19").await.expect(200).json();
    let today = vigie_tests::now().to_zoned(jiff::tz::TimeZone::get("Europe/Paris").unwrap()).date();
    assert_eq!(view["contacts"][0]["verified"], today.to_string());

    // A code is not to be guessed: after five wrong ones the right one comes too late.
    let begun = mairie.post(verifications, &json!({})).await.expect(201).json();
    let answer = format!("/api/v1/directory/verifications/{}", begun["id"].as_str().unwrap());
    for _ in 0..5 {
        mairie.post(&answer, &json!({ "code": "x" })).await.expect(422);
    }
    assert_eq!(mairie.post(&answer, &json!({ "code": "x" })).await.expect(409).code(), "void");
}

#[tokio::test]
async fn whoever_leaves_duty_tells_the_next_and_the_note_stays_with_the_body() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let path = "/api/v1/directory/bodies/scop/handovers";
    let note = "Deux événements suivis, rappel de la mairie du 19e attendu";

    let unknown = scop.post(path, &json!({ "from": "a", "to": "zz", "note": note })).await.expect(422);
    assert_eq!(unknown.faulty_fields(), ["to"]);
    scop.post(path, &json!({ "from": "a", "to": "b", "note": note })).await.expect(201);
    let told = scop.get(path).await.expect(200).json();
    assert_eq!((&told[0]["to"], &told[0]["note"]), (&json!("b"), &json!(note)));
    let facts = vigie.records().events("vigie.duty.handed-over.v1", None).await;
    assert_eq!(facts.len(), 1);
    assert!(!facts[0].to_string().contains("mairie du 19e"), "what was written is not in the fact: {}", facts[0]);
    vigie.caller("mairie-19").await.get(path).await.expect(404);

    // Attack 23: whoever administers may know that there was one, and when; the words are the body's.
    vigie.caller("admin").await.get(path).await.expect(403);
    let cookie = vigie.browser("admin").await;
    let anyone = vigie.anyone();
    let page = anyone.request(reqwest::Method::GET, "/annuaire/scop").header("cookie", &cookie);
    let page = anyone.send(page).await.expect(200).text;
    assert!(page.contains("Dernières relèves") && !page.contains("rappel de la mairie"), "{page}");
}

#[tokio::test]
async fn anybody_may_keep_whom_messages_come_from_and_a_call_offers_it() {
    let stack = Stack::start().await;
    let options = Options::default()
        .set("EMAIL__FROM", "Alertes de nuit <nuit@ville.example>")
        .set("SMS__SENDER", "+33612345678");
    let vigie = Vigie::start(&stack, options).await;
    let anyone = vigie.anyone();
    let card = anyone.get("/contact.vcf").await.expect(200);
    assert_eq!(card.header("content-type"), "text/vcard; charset=utf-8");
    for line in ["FN:Alertes de nuit", "EMAIL;TYPE=INTERNET,PREF:nuit@ville.example", "TEL;TYPE=CELL:+33612345678"] {
        assert!(card.text.contains(&format!("\r\n{line}\r\n")), "{line}: {}", card.text);
    }

    let report = json!({ "kind": "rixe", "severity": "serious", "location": { "school": vigie_tests::SCHOOL } });
    vigie.caller("college-19").await.raise(&report).await;
    let messages = vigie.all_sent(&stack).await;
    let offered = format!("{}/contact.vcf", vigie.url());
    let call = messages.iter().find(|m| m.to.starts_with("commissariat-paris-19@")).expect("a call");
    assert!(call.text.contains(&offered) && call.html.as_ref().unwrap().contains(&offered), "{}", call.text);
    let sms = messages.iter().filter(|message| message.channel == "sms");
    assert_eq!(sms.filter(|message| message.text.contains("vcf")).count(), 0, "an SMS has no room for it");
    let link = call.acknowledgement().unwrap();
    assert!(!anyone.get(link).await.expect(200).text.contains("/contact.vcf"), "first the answer");
    anyone.post_form(link, &[("version", "1")], None).await;
    wait::until("it is offered after the answer", wait::PATIENCE, || async {
        anyone.get(link).await.text.contains("/contact.vcf")
    })
    .await;
}
