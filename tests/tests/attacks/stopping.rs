//! Attacks 3, 4, 13 and 19: stopping what one was not asked to stop.

use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;
use vigie_platform::journal::{self, Entry};
use vigie_proto::{
    ActId, BodyId, IncidentId, RoleId, Severity,
    event::{Act, ActRecordedV1, Actor, ClosingReason, Event, Through},
};
use vigie_tests::{Options, Stack, Vigie, now, wait};

use super::{QUAY, act, applied, at_school, due, open, rixe};

#[tokio::test]
async fn attack_03_who_raises_near_a_grave_event_gets_no_hold_on_it() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let (_, incident) = open(&vigie, &stack, &scop, &rixe("serious", QUAY, 10.0)).await;
    let before = due(&vigie, incident).await;
    // A landlord and a site raise nearby and join it; a patrol of the whole city too.
    for (source, severity) in [("bailleur-19", "tension"), ("gpis", "tension"), ("gpis", "watch")] {
        let by = vigie.caller(source).await;
        let raised = by.raise(&rixe(severity, QUAY, 10.0)).await;
        assert_eq!(vigie.incident_of(&raised).await, incident, "{source} joins it");
        vigie.all_sent(&stack).await;
        by.get(&format!("/api/v1/incidents/{incident}")).await.expect(404);
        by.get(&format!("/api/v1/incidents/{incident}/explanations?body=scop")).await.expect(404);
        assert_eq!(by.get("/api/v1/incidents").await.expect(200).json()["incidents"], json!([]), "{source}");
        for (deed, body) in [
            ("acknowledgements", json!({})),
            ("seen", json!({})),
            ("refusals", json!({ "reason": "unavailable" })),
            ("handovers", json!({ "to": "scop" })),
            ("notes", json!({ "text": "rien" })),
            ("severity", json!({ "severity": "watch" })),
            ("resolution", json!({ "reason": "mistaken" })),
            ("regime", json!({ "regime": "local" })),
            ("involvements", json!({ "sectors": ["paris-18"] })),
            ("calls", json!({ "to": "scop" })),
            ("separations", json!({ "signal": raised.reference })),
        ] {
            let status = act(&vigie, &by, incident, deed, &body).await;
            assert!(status == 404 || status == 403, "{source} {deed}: {status}");
        }
        // It reads the fate of its own signal, its own estimate, and nothing else.
        let fate = by.get(&raised.status_url).await.expect(200).json();
        assert_eq!((&fate["state"], &fate["incident"]["severity"]), (&json!("joined"), &json!(severity)), "{source}");
    }
    assert_eq!(due(&vigie, incident).await, before, "every step is still due");
    assert_eq!(vigie.records().count("select count(*) from routing.acknowledgement").await, 0);
}

#[tokio::test]
async fn attack_04_a_school_says_seen_and_stops_nothing() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (head, scop) = (vigie.caller("college-19").await, vigie.caller("scop").await);
    let (_, incident) = open(&vigie, &stack, &head, &at_school("serious")).await;
    let before = due(&vigie, incident).await;
    assert!(before.iter().any(|step| step.contains("second-rang")), "{before:?}");

    let refused = head.post(&format!("/api/v1/incidents/{incident}/acknowledgements"), &json!({})).await.expect(403);
    assert_eq!(refused.code(), "only-watches");
    for (deed, body) in [
        ("refusals", json!({ "reason": "not-ours" })),
        ("severity", json!({ "severity": "watch" })),
        ("resolution", json!({ "reason": "averted" })),
        ("notes", json!({ "text": "calme" })),
    ] {
        assert_eq!(act(&vigie, &head, incident, deed, &body).await, 403, "{deed}");
    }
    assert_eq!(act(&vigie, &head, incident, "seen", &json!({})).await, 200);

    assert_eq!(due(&vigie, incident).await, before, "every step is still due");
    let seen = vigie.records().events("vigie.incident.seen.v1", Some(incident)).await;
    assert_eq!(seen.len(), 1);
    let story = scop.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(story["status"], "open");
    let lines = story["timeline"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["text"].as_str().unwrap().starts_with("Vu par")), "{lines:?}");
    // What the school sees of it: what its message said, and no more.
    let own = head.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!((&own["timeline"], &own["owed"], &own["signals"]), (&json!([]), &json!([]), &json!([])));
    assert!(own.get("upcoming").is_none() && own.get("in_charge").is_none(), "{own}");

    // Whoever was asked and intervenes does stop it, and only what asked it.
    let police = vigie.caller("commissariat-19").await;
    assert_eq!(act(&vigie, &police, incident, "acknowledgements", &json!({})).await, 200);
    let after = due(&vigie, incident).await;
    assert!(!after.iter().any(|step| step.contains("second-rang")), "{after:?}");
    assert!(after.iter().any(|step| step.contains("astreinte-secretariat-general")), "RIX-4 asked another: {after:?}");
    let told = vigie.records().events("vigie.incident.acknowledged.v1", Some(incident)).await;
    let counts_for = told[0]["counts_for"].as_array().unwrap();
    assert!(counts_for.contains(&json!("RIX-1")) && !counts_for.contains(&json!("RIX-4")), "{counts_for:?}");
}

#[tokio::test]
async fn whoever_takes_charge_unasked_is_recorded_and_stops_nothing() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let (_, incident) = open(&vigie, &stack, &vigie.caller("commissariat-19").await, &rixe("tension", QUAY, 5.0)).await;
    let before = due(&vigie, incident).await;
    // The operations room is only informed of a tension in its first hour.
    assert_eq!(act(&vigie, &scop, incident, "acknowledgements", &json!({})).await, 200);
    assert_eq!(due(&vigie, incident).await, before);
    let now = scop.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    assert_eq!(now["status"], "open");
    let told = vigie.records().events("vigie.incident.acknowledged.v1", Some(incident)).await;
    assert_eq!(told[0]["counts_for"], json!([]));
    // The mairie was asked: it counts like any other, also when it raised.
    let mairie = vigie.caller("mairie-19").await;
    assert_eq!(act(&vigie, &mairie, incident, "acknowledgements", &json!({})).await, 200);
    let after = due(&vigie, incident).await;
    assert!(before.len() > after.len(), "{after:?}");
}

#[tokio::test]
async fn attack_13_answering_back_and_forth_alarms_nobody_again() {
    let stack = Stack::start().await;
    // Room enough for the twenty answers: what is tried here is the plan, not the limit.
    let vigie = Vigie::start(&stack, Options::default().set("CONSOLE__ACTS_PER_LINK_PER_MINUTE", 1_000)).await;
    let (_, incident) = open(&vigie, &stack, &vigie.caller("scop").await, &rixe("serious", QUAY, 5.0)).await;
    let messages = vigie.all_sent(&stack).await;
    let first = messages.len();
    let mail = messages.iter().find(|m| m.channel == "email" && m.to.starts_with("commissariat-paris-19@")).unwrap();
    let link = mail.acknowledgement().unwrap().to_owned();
    let mut version = 1;
    for _ in 0..20 {
        vigie.anyone().post_form(&link, &[("version", &version.to_string())], None).await;
        super::applied(&vigie).await;
        vigie.anyone().post_form(&link, &[("version", "1"), ("did", "refuse"), ("reason", "unavailable")], None).await;
        super::applied(&vigie).await;
        let seen = vigie.caller("scop").await.get(&format!("/api/v1/incidents/{incident}")).await.json();
        version = seen["version"].as_u64().unwrap();
    }
    let after = vigie.all_sent(&stack).await.len();
    // One step was brought forward, once; everything else comes at its own time.
    assert!(after - first <= 12, "{first} messages before, {after} after");
    assert!(!due(&vigie, incident).await.is_empty(), "the climbing goes on");
}

#[tokio::test]
async fn acts_by_one_link_are_limited() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    open(&vigie, &stack, &vigie.caller("scop").await, &rixe("serious", QUAY, 5.0)).await;
    let messages = vigie.all_sent(&stack).await;
    let mail = messages.iter().find(|m| m.channel == "email" && m.to.starts_with("mairie-paris-19@")).unwrap();
    let link = mail.acknowledgement().unwrap().to_owned();
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(vigie.anyone().post_form(&link, &[("version", "1"), ("did", "see")], None).await.status);
    }
    assert_eq!(statuses[0], 303);
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

#[tokio::test]
async fn attack_19_a_version_that_does_not_exist_yet_is_refused() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let (_, incident) = open(&vigie, &stack, &scop, &rixe("serious", QUAY, 5.0)).await;
    let before = due(&vigie, incident).await;
    for version in [2_u64, 1_000, 4_294_967_295] {
        assert_eq!(act(&vigie, &scop, incident, "acknowledgements", &json!({ "version": version })).await, 422);
        assert_eq!(act(&vigie, &scop, incident, "seen", &json!({ "version": version })).await, 422);
    }
    let messages = vigie.all_sent(&stack).await;
    let mail = messages.iter().find(|m| m.channel == "email" && m.to.starts_with("commissariat-paris-19@")).unwrap();
    let link = mail.acknowledgement().unwrap().to_owned();
    vigie.anyone().post_form(&link, &[("version", "4294967295")], None).await.expect(422);
    assert_eq!(due(&vigie, incident).await, before);
    assert_eq!(vigie.records().count("select count(*) from routing.acknowledgement").await, 0);
}

#[tokio::test]
async fn closing_or_lowering_what_is_grave_and_unanswered_is_the_operations_rooms() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, police) = (vigie.caller("scop").await, vigie.caller("commissariat-19").await);
    let (_, incident) = open(&vigie, &stack, &scop, &rixe("serious", QUAY, 5.0)).await;
    let before = due(&vigie, incident).await;
    let path = |act: &str| format!("/api/v1/incidents/{incident}/{act}");
    assert_eq!(
        police.post(&path("resolution"), &json!({ "reason": "resolved" })).await.expect(409).code(),
        "unanswered"
    );
    assert_eq!(police.post(&path("severity"), &json!({ "severity": "watch" })).await.expect(409).code(), "unanswered");
    assert_eq!(due(&vigie, incident).await, before);
    // Not even once it has taken charge itself: another circuit still asks the secretariat.
    assert_eq!(act(&vigie, &police, incident, "acknowledgements", &json!({})).await, 200);
    police.post(&path("resolution"), &json!({ "reason": "resolved" })).await.expect(409);
    scop.post(&path("resolution"), &json!({ "reason": "resolved" })).await.expect(200);
}

#[tokio::test]
async fn a_quorum_that_is_not_complete_is_written_as_such() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, police) = (vigie.caller("scop").await, vigie.caller("commissariat-19").await);
    let (_, incident) = open(&vigie, &stack, &scop, &rixe("fatal", QUAY, 5.0)).await;
    assert_eq!(act(&vigie, &police, incident, "acknowledgements", &json!({})).await, 200);
    let seen = scop.get(&format!("/api/v1/incidents/{incident}")).await.expect(200).json();
    let partial = &seen["partial"][0];
    assert_eq!((&partial["circuit"], &partial["have"], &partial["need"]), (&json!("RIX-1"), &json!(1), &json!(2)));
    assert!(partial["text"].as_str().unwrap().starts_with("1 sur 2, attendu : "), "{partial}");
    let cookie = vigie.browser("scop").await;
    for page in ["/scop".to_owned(), format!("/scop/evenements/{incident}")] {
        let request = vigie.anyone().request(reqwest::Method::GET, &page).header("cookie", &cookie);
        let html = vigie.anyone().send(request).await.expect(200).text;
        assert!(html.contains("1 sur 2, attendu"), "{page}");
    }
    let messages = vigie.all_sent(&stack).await;
    let mail = messages.iter().find(|m| m.channel == "email" && m.to.starts_with("commissariat-paris-19@")).unwrap();
    let link = vigie.anyone().get(mail.acknowledgement().unwrap()).await.expect(200).text;
    assert!(link.contains("1 sur 2, attendu") && !link.contains("Les relances s&#39;arrêtent"), "{link}");
    // Who is awaited reads it too, and that its refusal was heard; the relief counts the incident as one to take charge of.
    let awaited = messages.iter().find(|m| m.channel == "email" && m.to.contains("dpmp")).unwrap();
    let awaited = awaited.acknowledgement().unwrap();
    let read = async || vigie.anyone().get(awaited).await.expect(200).text;
    assert!(read().await.contains("1 sur 2, attendu"), "{}", read().await);
    let refusal = [("version", "1"), ("did", "refuse"), ("reason", "unavailable")];
    vigie.anyone().post_form(awaited, &refusal, None).await.expect(303);
    assert!(read().await.contains("Refus enregistré"), "{}", read().await);
    let relief = vigie.anyone().request(reqwest::Method::GET, "/scop/releve").header("cookie", &cookie);
    let relief = vigie.anyone().send(relief).await.expect(200).text;
    assert!(relief.contains("à prendre en compte : 1"), "{relief}");
}

#[tokio::test]
async fn whoever_takes_charge_is_told_what_that_stops() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let cookie = vigie.browser("scop").await;
    // Of a tension the operations room is only informed; of what is grave it is asked at once.
    for (severity, told) in [("tension", "Aucune relance ne s'arrête"), ("serious", "Les relances s'arrêtent")] {
        let at = if severity == "tension" { QUAY } else { (2.3479, 48.8953) };
        let (_, incident) = open(&vigie, &stack, &scop, &rixe(severity, at, 5.0)).await;
        let page = format!("/scop/evenements/{incident}");
        let done = vigie.anyone().post_form(&page, &[("did", "acknowledge")], Some(&cookie)).await.expect(303);
        let shown = vigie.anyone().request(reqwest::Method::GET, done.header("location")).header("cookie", &cookie);
        let html = vigie.anyone().send(shown).await.expect(200).text;
        assert!(html.contains(&in_html(told)), "{severity}: {html}");
    }
}

/// As a page writes an apostrophe.
fn in_html(text: &str) -> String {
    text.replace('\'', "&#39;")
}

/// An edge that was taken over records what it should have refused: the owner refuses it, and says so.
#[tokio::test]
async fn what_an_edge_should_have_refused_its_owner_refuses() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (_, incident) = open(&vigie, &stack, &vigie.caller("college-19").await, &at_school("serious")).await;
    let before = due(&vigie, incident).await;
    let take = || Act::Acknowledge { version: 1, alert_id: None };
    let close = || Act::Close { reason: ClosingReason::Mistaken };
    let forged = [
        ("etab-0750507u", "etablissement", take()),
        ("bailleur-paris-19", "bailleur", take()),
        ("commissariat-paris-18", "commissariat", take()),
        ("commissariat-paris-18", "commissariat", close()),
        // In a role that is not its own, and a body that does not exist.
        ("etab-0750507u", "commissariat", take()),
        ("nobody", "scop", close()),
        ("mairie-paris-19", "mairie", close()),
        ("mairie-paris-19", "mairie", Act::ChangeSeverity { to: Severity::Watch }),
        ("commissariat-paris-19", "commissariat", close()),
    ];
    let entries: Vec<Entry> = forged
        .iter()
        .map(|(body, role, act)| {
            let actor =
                Actor { body: BodyId::new(*body).unwrap(), role: RoleId::new(*role).unwrap(), through: Through::Api };
            let (act_id, incident_id) = (ActId(Uuid::new_v4()), IncidentId(incident));
            let fact = ActRecordedV1 { act_id, incident_id, actor, act: act.clone(), at: now() };
            Entry::new("console", &Event::from(fact), now(), None, None)
        })
        .collect();
    let mut edge = PgConnection::connect(&vigie.login("console")).await.unwrap();
    journal::append(&mut edge, &entries).await.unwrap();
    applied(&vigie).await;

    assert_eq!(due(&vigie, incident).await, before, "every step is still due");
    let rejected = vigie.records().events("vigie.act.rejected.v1", Some(incident)).await;
    let why: Vec<_> = rejected.iter().map(|fact| fact["why"].as_str().unwrap()).collect();
    assert_eq!(why, ["not-allowed"; 8].into_iter().chain(["unanswered"]).collect::<Vec<_>>());
    wait::until("it is counted", wait::PATIENCE, || async { vigie.metric("vigie_acts_refused_total").await >= 8.0 })
        .await;
}
