//! Bad input gets a clear answer and changes nothing.

#![expect(clippy::needless_pass_by_value, reason = "cases give their bodies as they are written")]

use reqwest::Method;
use serde_json::json;
use vigie_tests::{Answer, Options, SCHOOL, Stack, Vigie, wait};

/// A request, and what it must be answered.
struct Case {
    name: &'static str,
    source: &'static str,
    body: String,
    status: u16,
    code: &'static str,
    field: &'static str,
}

fn case(name: &'static str, body: impl ToString, status: u16, code: &'static str, field: &'static str) -> Case {
    Case { name, source: "college-19", body: body.to_string(), status, code, field }
}

/// A good report of the school with `over` laid over it.
fn with(over: serde_json::Value) -> serde_json::Value {
    let mut report = json!({ "kind": "rixe", "severity": "tension", "location": { "school": SCHOOL } });
    report.as_object_mut().expect("an object").extend(over.as_object().expect("an object").clone());
    report
}

fn flawed(name: &'static str, over: serde_json::Value, field: &'static str) -> Case {
    case(name, with(over), 422, "invalid-fields", field)
}

fn cases() -> Vec<Case> {
    let here = |location: serde_json::Value| json!({ "location": location });
    let sent_by = |source, case| Case { source, ..case };
    vec![
        case("nothing at all", "", 400, "malformed-json", ""),
        case("cut short", r#"{"kind": "rixe","#, 400, "malformed-json", ""),
        case("not JSON", "kind=rixe", 400, "malformed-json", ""),
        case("two objects", format!("{0}{0}", with(json!({}))), 400, "malformed-json", ""),
        case("a list", "[]", 422, "invalid-fields", ""),
        case("no kind", json!({ "location": { "school": SCHOOL } }), 422, "invalid-fields", ""),
        flawed("a number as kind", json!({ "kind": 7 }), "kind"),
        flawed("unknown kind", json!({ "kind": "tremblement" }), "kind"),
        flawed("a kind that is no word", json!({ "kind": "RIXE !" }), "kind"),
        flawed("unknown severity", json!({ "severity": "gravissime" }), "severity"),
        flawed("unknown field", json!({ "severty": "grave" }), "severty"),
        flawed("unknown field inside", json!({ "parties": { "count": 3 } }), "parties.count"),
        flawed("no place", here(json!({})), "location"),
        flawed("two places", here(json!({ "school": SCHOOL, "sector": "paris-19" })), "location"),
        flawed("half a point", here(json!({ "lon": 2.37 })), "location"),
        flawed("a text as longitude", here(json!({ "lon": "2.37", "lat": 48.88 })), "location.lon"),
        flawed("swapped coordinates", here(json!({ "lon": 48.8853, "lat": 2.3791 })), "location"),
        flawed("far outside", here(json!({ "lon": 5.37, "lat": 43.29 })), "location"),
        flawed(
            "no precision at all",
            here(json!({ "lon": 2.37, "lat": 48.88, "accuracy_m": 90_000 })),
            "location.accuracy_m",
        ),
        flawed(
            "a precision without a point",
            here(json!({ "school": SCHOOL, "accuracy_m": 10 })),
            "location.accuracy_m",
        ),
        flawed("a school of nowhere", here(json!({ "school": "0010001W" })), "location.school"),
        flawed("a wrong check letter", here(json!({ "school": "0750507A" })), "location.school"),
        flawed("a UAI cut short", here(json!({ "school": "0750507" })), "location.school"),
        flawed("unknown address", here(json!({ "address": "1 rue de Nulle Part" })), "location.address"),
        flawed("unknown sector", here(json!({ "sector": "paris-21" })), "location.sector"),
        flawed("long ago", json!({ "occurred_at": "2020-01-01T00:00:00Z" }), "occurred_at"),
        flawed("not yet", json!({ "occurred_at": "2090-01-01T00:00:00Z" }), "occurred_at"),
        flawed("announced for another life", json!({ "expected_at": "2090-01-01T00:00:00Z" }), "expected_at"),
        flawed("a time without its zone", json!({ "occurred_at": "2026-11-22T10:00:00" }), "occurred_at"),
        flawed("nobody", json!({ "parties": { "estimated_count": 0 } }), "parties.estimated_count"),
        flawed("fewer than nobody", json!({ "parties": { "estimated_count": -1 } }), "parties.estimated_count"),
        flawed("unknown weapons", json!({ "parties": { "weapons": "rumoured" } }), "parties.weapons"),
        flawed("unknown fact", json!({ "facts": ["pluie"] }), "facts"),
        flawed("an endless text", json!({ "summary": "a".repeat(501) }), "summary"),
        flawed("control characters", json!({ "summary": "a\u{0}b" }), "summary"),
        case("a body beyond all measure", with(json!({ "summary": "a".repeat(20_000) })), 413, "body-too-large", ""),
        case("another school", with(here(json!({ "school": "0750711R" }))), 403, "not-allowed", "location"),
        case("another sector", with(here(json!({ "sector": "paris-19" }))), 403, "not-allowed", "location"),
        case("not its kind", with(json!({ "kind": "crisis-event" })), 403, "not-allowed", "kind"),
        sent_by("mairie-18", case("the 19th by the 18th", with(json!({})), 403, "not-allowed", "location")),
    ]
}

/// Everything a request could have left behind.
async fn rows(vigie: &Vigie) -> i64 {
    let all = "select (select count(*) from intake.signal) + (select count(*) from journal.entry where type not like 'vigie.security.%')
                    + (select count(*) from console.act) + (select count(*) from routing.incident)";
    vigie.records().count(all).await
}

/// A Vigie that has said what doctrine and directory are in force, so that the journal is at rest.
async fn at_rest(stack: &Stack, options: Options) -> Vigie {
    let vigie = Vigie::start(stack, options).await;
    wait::until("doctrine and directory are announced", wait::PATIENCE, || async { rows(&vigie).await == 2 }).await;
    vigie
}

fn check(case: &Case, answer: &Answer) {
    let Case { name, status, code, field, .. } = case;
    assert_eq!((answer.status, answer.code().as_str()), (*status, *code), "{name}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{name}");
    if !field.is_empty() {
        assert!(
            answer.faulty_fields().contains(&(*field).to_owned()),
            "{name}: {} not named in {}",
            field,
            answer.text
        );
    }
    assert!(!answer.text.contains("sqlx") && !answer.text.contains("panicked"), "{name}: {}", answer.text);
}

#[tokio::test]
async fn every_bad_report_is_refused_with_its_code_and_field_and_leaves_nothing() {
    let stack = Stack::start().await;
    let vigie = at_rest(&stack, Options::default().set("INTAKE__RATE_BURST", 1_000)).await;

    for case in cases() {
        let caller = vigie.caller(case.source).await;
        let request = caller.request(Method::POST, "/api/v1/signals").header("content-type", "application/json");
        check(&case, &caller.send(request.body(case.body.clone())).await);
    }
    let head = vigie.caller("college-19").await;
    let as_text = head.request(Method::POST, "/api/v1/signals").header("content-type", "text/plain");
    let answer = head.send(as_text.body(with(json!({})).to_string())).await;
    assert_eq!((answer.status, answer.code().as_str()), (415, "not-json"));
    for key in ["", "é", &"k".repeat(129)] {
        let request = head.request(Method::POST, "/api/v1/signals").header("idempotency-key", key);
        let answer = head.send(request.json(&with(json!({})))).await.expect(422);
        assert_eq!(answer.faulty_fields(), ["Idempotency-Key"]);
    }

    assert_eq!(rows(&vigie).await, 2, "a refused request left something behind");
    assert!(stack.outbox.messages().await.is_empty());
    head.raise(&with(json!({}))).await;
}

#[tokio::test]
async fn a_bad_act_or_filter_is_refused_and_leaves_nothing() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let incident = vigie.incident_of(&scop.raise(&with(json!({}))).await).await;
    vigie.all_sent(&stack).await;
    let acts = format!("/api/v1/incidents/{incident}");

    for (act, body) in [
        ("notes", json!({ "text": "" })),
        ("notes", json!({ "text": "a".repeat(501) })),
        ("notes", json!({ "texte": "x" })),
        ("severity", json!({ "severity": "pire" })),
        ("severity", json!({})),
        ("resolution", json!({ "reason": "fini" })),
        ("acknowledgements", json!({ "version": "un" })),
    ] {
        let answer = scop.post(&format!("{acts}/{act}"), &body).await.expect(422);
        assert_eq!(answer.code(), "invalid-fields", "{act} {body}");
    }
    for filter in ["status=ouvert", "since=hier", "cursor=x", "secteur=paris-19", "sector=PARIS"] {
        let answer = scop.get(&format!("/api/v1/incidents?{filter}")).await.expect(422);
        assert_eq!(answer.code(), "invalid-fields", "{filter}");
    }
    scop.get("/api/v1/incidents/not-an-id").await.expect(404);
    scop.get("/api/v1/signals/not-an-id").await.expect(404);
    assert_eq!(vigie.records().count("select count(*) from console.act").await, 0);
}

/// One rule for whatever somebody writes in their own words; a signal is taken whatever it says.
#[tokio::test]
async fn a_text_that_names_somebody_waits_until_its_writer_is_sure_and_one_that_shows_nothing_is_none() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let scop = vigie.caller("scop").await;
    let incident = vigie.incident_of(&scop.raise(&with(json!({}))).await).await;
    let opened = scop.post("/api/v1/crises", &json!({ "regime": "local", "incident": incident })).await.expect(201);
    let crisis = format!("/api/v1/crises/{}/acts", opened.json()["id"].as_str().unwrap());
    let (acts, relief) = (format!("/api/v1/incidents/{incident}"), "/api/v1/directory/bodies/scop/handovers");
    let texts = |text: &str| {
        [
            (format!("{acts}/notes"), json!({ "text": text }), "text"),
            (relief.to_owned(), json!({ "from": "a", "to": "b", "note": text }), "note"),
            (crisis.clone(), json!({ "do": "receive-text", "text": text }), "text"),
            (format!("{acts}/severity"), json!({ "severity": "serious", "reason": text }), "reason"),
            (format!("{acts}/resolution"), json!({ "reason": "resolved", "note": text }), "note"),
        ]
    };
    let named = "Rappeler Camille Martin demain";
    for (path, body, field) in texts(named) {
        let refused = scop.post(&path, &body).await.expect(422);
        assert_eq!(refused.faulty_fields(), [field], "{path}");
        assert!(refused.text.contains("nom de personne") && refused.text.contains("confirmez"), "{}", refused.text);
    }
    for (path, body, field) in texts("\u{200b} \u{2060}\u{feff}\u{ad}").into_iter().take(3) {
        assert_eq!(scop.post(&path, &body).await.expect(422).faulty_fields(), [field], "{path}");
    }
    let written = "select (select count(*) from console.act) + (select count(*) from directory.handover) + (select count(*) from crisis.words)";
    assert_eq!(vigie.records().count(written).await, 0);
    for (path, mut body, _) in texts(named).into_iter().take(2) {
        body["sure"] = json!(true);
        assert!([200, 201].contains(&scop.post(&path, &body).await.status), "{path}");
    }
    assert_eq!(vigie.records().count(written).await, 2);

    for (summary, warned) in [(named, true), ("\u{200b}\u{2060}", false)] {
        let taken = scop.post("/api/v1/signals", &with(json!({ "summary": summary }))).await.expect(202).json();
        assert_eq!(taken["warnings"].is_array(), warned, "{taken}");
    }
    assert_eq!(vigie.records().count("select count(*) from intake.signal where summary is not null").await, 1);
}

#[tokio::test]
async fn an_altered_link_opens_nothing_and_an_expired_one_says_so() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("LINKS__VALID_HOURS", 0)).await;
    let (scop, anyone) = (vigie.caller("scop").await, vigie.anyone());
    scop.raise(&with(json!({}))).await;
    let messages = vigie.all_sent(&stack).await;
    let link = messages.iter().find_map(|m| m.acknowledgement()).expect("a link").to_owned();
    let altered = format!("{}{}", &link[..link.len() - 1], if link.ends_with('A') { 'B' } else { 'A' });

    for wrong in [altered.as_str(), &link[..link.len() - 2], "/a/x", "/a/%00"] {
        anyone.get(wrong).await.expect(404);
        anyone.post_form(wrong, &[("version", "1")], None).await.expect(404);
    }
    wait::until("the link expires", wait::PATIENCE, || async { anyone.get(&link).await.status == 410 }).await;
    anyone.post_form(&link, &[("version", "1")], None).await.expect(410);
    assert_eq!(vigie.records().count("select count(*) from console.act").await, 0);
}

#[tokio::test]
async fn a_source_that_raises_too_many_is_asked_to_wait_and_the_others_are_not() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("INTAKE__RATE_BURST", 2)).await;
    let head = vigie.caller("college-19").await;

    head.raise(&with(json!({}))).await;
    head.raise(&with(json!({}))).await;
    let refused = head.post("/api/v1/signals", &with(json!({}))).await.expect(429);

    assert_eq!(refused.code(), "too-many-signals");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1));
    vigie.caller("scop").await.raise(&with(json!({}))).await;
}
