//! What a doctrine can ask of those it tells, on the running system: quorum, refusal, hand-over, staleness, anticipation,
//! accumulation, obligation clocks, digests and exercises.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;
use vigie_tests::{Message, Options, Stack, Vigie, now, practice_city, practice_city::report, wait};

/// The longest delay of this doctrine, and patience.
const SOON: Duration = Duration::from_secs(30);

/// The practice city, a minute lasting a second.
async fn practice(stack: &Stack, scale: f64) -> Vigie {
    practice_city::write(stack.folder());
    Vigie::start(stack, Options::default().city(stack.folder()).time_scale(scale)).await
}

/// The `number`th e-mail to an address, as soon as it is there.
async fn mail(stack: &Stack, to: &str, number: usize) -> Message {
    wait::for_some(&format!("e-mail {number} to {to}"), SOON, || async {
        stack.outbox.messages_to("email", to).await.into_iter().nth(number - 1)
    })
    .await
}

/// Outcome of a step, as soon as it is settled.
async fn settled(vigie: &Vigie, incident: Uuid, step: &str) -> Value {
    wait::for_some(&format!("{step} is settled"), SOON, || async {
        let steps = vigie.records().events("vigie.escalation.step-settled.v1", Some(incident)).await;
        steps.into_iter().rfind(|settled| settled["step"] == step)
    })
    .await
}

/// `body` answers the link it was sent.
async fn answer(vigie: &Vigie, mail: &Message, fields: &[(&str, &str)]) {
    let link = mail.acknowledgement().expect("the mail carries a link");
    vigie.anyone().post_form(link, fields, None).await.expect(303);
}

#[tokio::test]
async fn a_quorum_of_two_is_not_met_by_one_and_who_has_answered_is_not_asked_again() {
    let stack = Stack::start().await;
    let vigie = practice(&stack, 60.0).await;
    let raised = vigie.caller("desk").await.raise(&report("quorum")).await;
    let incident = vigie.incident_of(&raised).await;

    answer(&vigie, &mail(&stack, "alpha@", 1).await, &[("version", "1")]).await;
    assert_eq!(settled(&vigie, incident, "QUORUM/desk").await["outcome"], "fired", "one of two is not enough");
    mail(&stack, "desk@", 1).await;

    answer(&vigie, &mail(&stack, "beta@", 1).await, &[("version", "1")]).await;
    assert_eq!(settled(&vigie, incident, "QUORUM/late").await["outcome"], "acknowledged");
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn when_all_who_were_asked_refuse_the_next_are_told_at_once() {
    let stack = Stack::start().await;
    let vigie = practice(&stack, 1.0).await;
    let raised = vigie.caller("desk").await.raise(&report("refusal")).await;
    let incident = vigie.incident_of(&raised).await;

    for body in ["alpha@", "beta@"] {
        let refusal = [("version", "1"), ("did", "refuse"), ("reason", "unavailable")];
        answer(&vigie, &mail(&stack, body, 1).await, &refusal).await;
    }
    assert!(stack.outbox.messages_to("email", "desk@").await.is_empty(), "gamma may still answer");
    // Through the API as through the link.
    let gamma = vigie.caller("gamma").await;
    gamma.post(&format!("/api/v1/incidents/{incident}/refusals"), &json!({ "reason": "not-ours" })).await.expect(200);

    // The plan gives the desk ten hours; it is told now.
    mail(&stack, "desk@", 1).await;
    let refused = vigie.records().events("vigie.incident.refused.v1", Some(incident)).await;
    assert_eq!(
        refused.iter().map(|e| e["reason"].as_str().unwrap()).collect::<Vec<_>>(),
        ["unavailable", "unavailable", "not-ours"]
    );
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_hand_over_asks_the_next_body_and_the_ladder_resumes_when_it_stays_silent() {
    let stack = Stack::start().await;
    let vigie = practice(&stack, 60.0).await;
    let raised = vigie.caller("desk").await.raise(&report("relay")).await;
    let incident = vigie.incident_of(&raised).await;
    let (alpha, beta) = (vigie.caller("alpha").await, vigie.caller("beta").await);
    let handovers = format!("/api/v1/incidents/{incident}/handovers");

    let refused = beta.post(&handovers, &json!({ "to": "gamma" })).await.expect(409);
    assert_eq!(refused.code(), "not-in-charge");
    answer(&vigie, &mail(&stack, "alpha@", 1).await, &[("version", "1")]).await;
    let after = alpha.post(&handovers, &json!({ "to": "gamma" })).await.expect(200).json();
    assert_eq!(after["status"], "open", "nobody has it until the next body says so");

    let asked = mail(&stack, "gamma@", 2).await;
    assert!(asked.subject.as_deref().is_some_and(|s| s.contains("Relève demandée")), "{:?}", asked.subject);
    // Two minutes of silence, which last two seconds here.
    assert_eq!(settled(&vigie, incident, "RELAY/desk").await["outcome"], "acknowledged", "stopped by alpha at first");
    let mail = mail(&stack, "desk@", 1).await;
    assert!(mail.received_at.duration_since(asked.received_at) >= SignedDuration::from_millis(1_500));

    answer(&vigie, &asked, &[("version", "3")]).await;
    let view = vigie.caller("desk").await.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(view["status"], "acknowledged");
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn an_acknowledgement_gone_stale_is_questioned_and_then_no_longer_counts() {
    let stack = Stack::start().await;
    // Slower than elsewhere: whoever is asked has four seconds to confirm, not two.
    let vigie = practice(&stack, 30.0).await;
    vigie.caller("desk").await.raise(&report("stale")).await;

    answer(&vigie, &mail(&stack, "alpha@", 1).await, &[("version", "1")]).await;
    let question = mail(&stack, "alpha@", 2).await;
    assert!(question.subject.as_deref().is_some_and(|s| s.contains("Toujours en charge")), "{:?}", question.subject);
    assert!(stack.outbox.messages_to("email", "desk@").await.is_empty(), "there is time to confirm");
    // Confirmed once: asked again after as long.
    answer(&vigie, &question, &[("version", "2")]).await;
    mail(&stack, "alpha@", 3).await;
    assert!(stack.outbox.messages_to("email", "desk@").await.is_empty());
    // Not confirmed: it climbs.
    mail(&stack, "desk@", 1).await;
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn an_announced_event_is_checked_on_half_an_hour_before_also_when_the_hour_is_learnt_later() {
    let stack = Stack::start().await;
    let vigie = practice(&stack, 1.0).await;
    let desk = vigie.caller("desk").await;
    let at = |ahead: SignedDuration| now() + SignedDuration::from_mins(30) + ahead;
    let expected = at(SignedDuration::from_secs(3));
    let mut announced = report("announced");
    announced["expected_at"] = json!(expected);

    let raised = desk.raise(&announced).await;
    let incident = vigie.incident_of(&raised).await;
    mail(&stack, "alpha@", 1).await;
    let check = settled(&vigie, incident, "ANNOUNCED/check").await;
    let due = expected - SignedDuration::from_mins(30);
    assert_eq!(check["due_at"].as_str().unwrap().parse::<Timestamp>().unwrap(), due);
    let told = mail(&stack, "desk@", 1).await;
    // The outbox counts in milliseconds.
    assert!(told.received_at >= due - SignedDuration::from_millis(1), "before its time: {told:?}");
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn three_weak_signals_around_a_place_in_a_week_make_a_tension_and_are_counted_once() {
    let stack = Stack::start().await;
    let vigie = practice(&stack, 1.0).await;
    let desk = vigie.caller("desk").await;
    let weak = |metres_east: f64| json!({ "kind": "weak", "severity": "watch", "location": { "lon": 2.3791 + metres_east / 73_300.0, "lat": 48.8853 } });
    for raised in [desk.raise(&weak(0.0)).await, desk.raise(&weak(1_500.0)).await, desk.raise(&weak(200.0)).await] {
        let incident = vigie.incident_of(&raised).await;
        let view = desk.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
        assert_eq!(view["severity"], "watch", "two near each other and one far away");
    }
    let third = desk.raise(&weak(100.0)).await;
    let incident = vigie.incident_of(&third).await;
    let view = desk.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(view["severity"], "tension");
    let opened = vigie.records().events("vigie.incident.opened.v1", Some(incident)).await;
    assert_eq!(opened[0]["accumulated"].as_array().unwrap().len(), 2);
    mail(&stack, "desk@", 1).await;
    // Spent: the next one starts again from nothing.
    let fourth = desk.raise(&weak(50.0)).await;
    let incident = vigie.incident_of(&fourth).await;
    let view = desk.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(view["severity"], "watch");
    // What the contract counts, per sector and month.
    wait::until("five activations are counted", SOON, || async {
        desk.get("/observatoire.json").await.expect(200).json()["indicators"]["reports"] == "5"
    })
    .await;
    // In two sectors: each is few.
    let today = now().in_tz("Europe/Paris").unwrap().date();
    let path = format!("/api/v1/indicators?from={today}&until={today}");
    let indicators = desk.get(&path).await.expect(200).json();
    assert_eq!(indicators[0]["indicator"], "reports");
    let numbers = indicators[0]["numbers"].as_array().unwrap();
    assert_eq!(numbers.len(), 2, "{indicators}");
    assert!(numbers.iter().all(|number| number["count"].is_null() && number["shown"] == "< 5"), "{indicators}");
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn what_is_owed_is_shown_reminded_of_and_holds_the_closing_back_until_it_is_given() {
    let stack = Stack::start().await;
    let vigie = practice(&stack, 60.0).await;
    let desk = vigie.caller("desk").await;
    let raised = desk.raise(&report("owed")).await;
    let incident = vigie.incident_of(&raised).await;

    let view = desk.get(&raised.status_url).await.expect(200).json();
    assert_eq!(view["returns"][0]["what"], "Suites données");
    assert_eq!(view["returns"][0]["state"], "awaited");
    let resolution = format!("/api/v1/incidents/{incident}/resolution");
    let refused = desk.post(&resolution, &json!({ "reason": "resolved" })).await.expect(409);
    assert_eq!(refused.code(), "return-owed");

    let (warning, overdue) = (mail(&stack, "alpha@", 2).await, mail(&stack, "alpha@", 3).await);
    for reminder in [&warning, &overdue] {
        assert!(reminder.subject.as_deref().is_some_and(|s| s.contains("Retour attendu")), "{:?}", reminder.subject);
    }
    assert_eq!(desk.get(&raised.status_url).await.expect(200).json()["returns"][0]["state"], "overdue");
    let page = vigie.anyone().get(overdue.acknowledgement().unwrap()).await.expect(200);
    assert!(page.text.contains("Sans suite connue"), "{}", page.text);
    answer(&vigie, &overdue, &[("version", "1"), ("did", "return"), ("outcome", "none-known")]).await;

    let view = desk.get(&raised.status_url).await.expect(200).json();
    assert_eq!(view["returns"][0]["state"], "none-known");
    desk.post(&resolution, &json!({ "reason": "resolved" })).await.expect(200);
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn what_can_wait_is_read_together_in_one_message() {
    let stack = Stack::start().await;
    let mut vigie = practice(&stack, 1.0).await;
    let desk = vigie.caller("desk").await;
    for _ in 0..3 {
        vigie.incident_of(&desk.raise(&report("digest")).await).await;
    }
    wait::until("three plans wait for one reading", SOON, || async {
        vigie.records().count("select count(*) from escalation.plan where next_due is not null").await == 3
    })
    .await;
    assert_eq!(vigie.records().count("select count(distinct next_due) from escalation.plan").await, 1);
    // The hour comes while Vigie is away, as if it were now.
    vigie.stop();
    let hour = "update escalation.plan set next_due = now(),
                  state = jsonb_set(state, '{plan,circuits,0,steps,0,due_at}', to_jsonb(now()))";
    vigie.records().execute(hour).await;
    vigie.restart().await;

    let mail = mail(&stack, "desk@", 1).await;
    assert!(mail.subject.as_deref().is_some_and(|s| s.contains("3 événements à lire")), "{:?}", mail.subject);
    for number in 1..=3 {
        assert!(mail.text.contains(&format!("R-{}-{number:06}", now().in_tz("UTC").unwrap().year())), "{}", mail.text);
    }
    assert_eq!(stack.outbox.messages().await.len(), 1, "one message, not three");
}

#[tokio::test]
async fn an_exercise_is_marked_everywhere_joins_nothing_real_and_is_counted_apart() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let place = json!({ "lon": 2.3791, "lat": 48.8853 });
    let real = scop.raise(&json!({ "kind": "rixe", "severity": "serious", "location": place })).await;
    let played =
        json!({ "kind": "rixe", "severity": "serious", "location": place, "exercise": true, "facts": ["arme-vue"] });
    let played = scop.raise(&played).await;

    let (real, played) = (vigie.incident_of(&real).await, vigie.incident_of(&played).await);
    assert_ne!(real, played, "an exercise joins nothing real");
    let messages = vigie.all_sent(&stack).await;
    let view = scop.get(&format!("/api/v1/incidents/{played}")).await.expect(200).json();
    assert_eq!(view["nature"], "exercise");
    let reference = view["reference"].as_str().unwrap();
    let (marked, others): (Vec<&Message>, Vec<&Message>) = messages.iter().partition(|m| m.text.contains(reference));
    assert_eq!(marked.len(), others.len(), "it goes the same way");
    for message in marked {
        let said = format!("{}{}", message.subject.as_deref().unwrap_or_default(), message.text);
        assert!(said.contains("EXERCICE"), "{said}");
    }
    assert!(others.iter().all(|m| !m.text.contains("EXERCICE")));
    let link = messages.iter().find(|m| m.text.contains(reference)).and_then(Message::acknowledgement).unwrap();
    assert!(vigie.anyone().get(link).await.expect(200).text.contains("EXERCICE"));
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_body_learns_why_it_was_told_or_not() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let raised = scop
        .raise(&json!({ "kind": "rixe", "severity": "serious", "location": { "lon": 2.3791, "lat": 48.8853 } }))
        .await;
    let incident = vigie.incident_of(&raised).await;
    let messages = vigie.all_sent(&stack).await;
    let link = messages.iter().find(|m| m.to.starts_with("epm-paris-19@")).and_then(Message::acknowledgement).unwrap();
    vigie.anyone().post_form(link, &[("version", "1")], None).await.expect(303);
    // Its answer stops what asked it; what asks others goes on.
    settled(&vigie, incident, "RIX-1/second-rang").await;

    let auditor = vigie.caller("auditor").await;
    let why = async |body: &str| {
        let path = format!("/api/v1/incidents/{incident}/explanations?body={body}");
        auditor.get(&path).await.expect(200).json()
    };
    let verdicts = |answer: &Value| -> Vec<(String, String)> {
        let circuits = answer["circuits"].as_array().unwrap().iter();
        let steps = circuits.flat_map(|c| c["steps"].as_array().unwrap());
        steps.map(|s| (s["step"].as_str().unwrap().to_owned(), s["verdict"].as_str().unwrap().to_owned())).collect()
    };
    let told = why("commissariat-paris-19").await;
    assert_eq!(told["told"], true);
    assert!(verdicts(&told).contains(&("RIX-1/boucle".into(), "told".into())), "{told}");
    assert!(verdicts(&told).contains(&("RIX-1/second-rang".into(), "acknowledged".into())), "{told}");
    let elsewhere = why("commissariat-paris-05").await;
    assert_eq!(elsewhere["told"], false);
    assert!(verdicts(&elsewhere).contains(&("RIX-1/boucle".into(), "elsewhere".into())), "{elsewhere}");
    // Raised by the SCOP: the follow-up of what schools report does not apply, and it says so.
    let follow_up = why("emas").await;
    assert_eq!(follow_up["told"], false);
    let reasons = follow_up["circuits"].to_string();
    assert!(reasons.contains("Seulement si le signalement vient de"), "{reasons}");
    let head = vigie.caller("college-19").await;
    head.get(&format!("/api/v1/incidents/{incident}/explanations?body=emas")).await.expect(404);
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_regime_and_other_sectors_are_brought_in_by_those_who_may() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, mairie) = (vigie.caller("scop").await, vigie.caller("mairie-18").await);
    let raised = scop
        .raise(&json!({ "kind": "rixe", "severity": "serious", "location": { "lon": 2.3791, "lat": 48.8853 } }))
        .await;
    let incident = vigie.incident_of(&raised).await;
    vigie.all_sent(&stack).await;
    let path = |act: &str| format!("/api/v1/incidents/{incident}{act}");

    mairie.get(&path("")).await.expect(404);
    scop.post(&path("/involvements"), &json!({ "sectors": ["paris-18"] })).await.expect(200);
    let view = mairie.get(&path("")).await.expect(200).json();
    assert_eq!(view["also_concerns"], json!(["paris-18"]));
    let messages = vigie.all_sent(&stack).await;
    assert!(messages.iter().any(|m| m.to.starts_with("mairie-paris-18@")), "it is told");
    scop.post(&path("/involvements"), &json!({ "sectors": ["paris-18"] })).await.expect(409);
    scop.post(&path("/involvements"), &json!({ "sectors": ["paris-99"] })).await.expect(422);

    mairie.post(&path("/regime"), &json!({ "regime": "local" })).await.expect(403);
    let view = scop.post(&path("/regime"), &json!({ "regime": "local" })).await.expect(200).json();
    assert_eq!(view["regime"], "local");
    scop.post(&path("/regime"), &json!({ "regime": "local" })).await.expect(409);
    assert!(vigie.records().stories_are_kept().await > 0);
}
