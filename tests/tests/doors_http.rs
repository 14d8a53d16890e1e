//! What reaches a handler at all: who may knock, from whose page, in which form, how often, and what everybody is told.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use vigie_tests::{Answer, Caller, Options, SCHOOL, Stack, Vigie, wait};

const NOBODY: &str = "0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d";
const NOTED: &str = "vigie.security.noted.v1";

/// A row of `vigie contract routes`.
#[derive(Debug, Clone, Deserialize)]
struct Door {
    method: String,
    path: String,
    speaks: String,
    knock: String,
}

impl Door {
    /// Its address, with something in place of each parameter.
    fn address(&self) -> String {
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    fn method(&self) -> Method {
        self.method.parse().expect("a method")
    }

    fn acts(&self) -> bool {
        self.method != "GET"
    }
}

async fn doors(vigie: &Vigie) -> Vec<Door> {
    let doors: Vec<Door> =
        serde_json::from_str(&vigie.command(&["contract", "routes"]).await).expect("the table of routes");
    assert!(doors.len() > 100, "the table of routes is short: {}", doors.len());
    doors
}

fn at_the_school() -> Value {
    json!({ "kind": "rixe", "severity": "tension", "location": { "school": SCHOOL } })
}

/// A refusal as a program reads it.
fn is_problem(answer: &Answer, at: &str) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{at}: {}", answer.text);
    assert_eq!(answer.header("content-language"), "fr", "{at}");
    assert!(!answer.code().is_empty(), "{at}: {}", answer.text);
}

/// A refusal as people read it, with the emergency numbers.
fn is_page(answer: &Answer, at: &str) {
    assert!(answer.header("content-type").starts_with("text/html"), "{at}: {}", answer.text);
    for number in ["tel:17", "tel:15", "tel:18", "tel:112"] {
        assert!(answer.text.contains(number), "{at}: {}", answer.text);
    }
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{at}: {policy}");
}

fn is_dressed(answer: &Answer, at: &str) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{at}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{at}");
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{at}");
    assert!(!answer.header("cache-control").is_empty(), "{at}");
}

#[tokio::test]
async fn nobody_passes_a_door_without_what_it_asks_for() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let anyone = vigie.anyone();
    for door in doors(&vigie).await {
        let address = door.address();
        let at = format!("{} {address}", door.method);
        let answer = anyone.send(anyone.request(door.method(), &address).json(&json!({}))).await;
        match (door.speaks.as_str(), door.knock.as_str()) {
            ("api" | "stream", "caller") => {
                assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{at}: {}", answer.text);
                is_problem(&answer, &at);
            }
            ("page", "caller") => {
                assert_eq!(answer.status, 401, "{at}: {}", answer.text);
                assert!(answer.text.contains("Ouvrez votre lien personnel"), "{at}: {}", answer.text);
                is_page(&answer, &at);
            }
            (_, "link" | "key") => assert!((400..500).contains(&answer.status), "{at}: {}", answer.status),
            (_, "anybody") => assert!(answer.status != 401 && answer.status < 500, "{at}: {}", answer.status),
            other => panic!("{at}: {other:?} is no door this test knows"),
        }
        is_dressed(&answer, &at);
    }
}

#[tokio::test]
async fn a_page_of_somebody_else_makes_a_browser_do_nothing() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let incident = vigie.incident_of(&vigie.caller("scop").await.raise(&at_the_school()).await).await;
    let (cookie, anyone) = (vigie.browser("scop").await, vigie.anyone());
    let port = vigie.url().rsplit_once(':').unwrap().1;
    let strangers = [
        ("origin", "https://evil.example.org".to_owned()),
        ("origin", "http://127.0.0.1:1".to_owned()),
        ("origin", format!("http://127.0.0.1.nip.example:{port}")),
        ("origin", format!("https://127.0.0.1:{port}")),
        ("origin", "null".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
        ("sec-fetch-site", "cross-site".to_owned()),
    ];
    for door in doors(&vigie).await.into_iter().filter(Door::acts) {
        let address = door.address().replace(NOBODY, &incident.to_string());
        for (header, value) in &strangers {
            let request = anyone.request(door.method(), &address).header("cookie", &cookie).header(*header, value);
            let answer = anyone.send(request.json(&json!({ "text": "x" }))).await;
            assert_eq!(answer.status, 403, "{} {address} {value}: {}", door.method, answer.text);
            assert!(answer.text.contains("autre site"), "{}", answer.text);
        }
    }
    // A stranger's link does not open this browser either, and is not used up by it.
    let link = vigie.command(&["token", "link", "--source", "admin"]).await;
    let key = link.split_once("cle=").unwrap().1;
    let open = || anyone.request(Method::POST, "/ouvrir").header("content-type", "application/x-www-form-urlencoded");
    let refused = anyone.send(open().header("origin", "https://evil.example.org").body(format!("cle={key}"))).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (403, ""));
    anyone.post_form("/ouvrir", &[("cle", key)], None).await.expect(303);

    // JSON that a page may send unasked, because it does not say that it is JSON; and nothing at all.
    let note = format!("/api/v1/incidents/{incident}/notes");
    let acknowledge = format!("/api/v1/incidents/{incident}/acknowledgements");
    let ours = |path: &str| anyone.request(Method::POST, path).header("cookie", &cookie).header("origin", vigie.url());
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let request = ours(&note).header("content-type", content_type).body(r#"{"text": "x"}"#);
        assert_eq!(anyone.send(request).await.expect(415).code(), "not-json", "{content_type}");
    }
    assert_eq!(anyone.send(ours(&acknowledge)).await.expect(415).code(), "not-json");
    assert_eq!(vigie.records().count("select count(*) from console.act").await, 0);

    // Our own page, and a program that has a token and nothing to say.
    let scop = vigie.caller("scop").await;
    scop.send(scop.request(Method::POST, &acknowledge)).await.expect(200);
    anyone.send(ours(&note).json(&json!({ "text": "Vu" }))).await.expect(200);
    let fetched = ours(&note).header("sec-fetch-site", "same-origin").json(&json!({ "text": "Vu encore" }));
    anyone.send(fetched).await.expect(200);
    let refused = wait::for_some("the refusals are journalled", wait::PATIENCE, || async {
        let noted = vigie.records().events(NOTED, None).await;
        noted.into_iter().find(|noted| noted["what"] == "origin-refused")
    });
    assert!(refused.await["count"].as_u64().unwrap() > 100);
}

#[tokio::test]
async fn whoever_sends_half_a_request_keeps_nobody_out() {
    let stack = Stack::start().await;
    let options = Options::default().set("HTTP__HEADER_TIMEOUT_S", 2).set("HTTP__CONNECTIONS", 64);
    let vigie = Vigie::start(&stack, options).await;
    let address = vigie.url().strip_prefix("http://").unwrap().to_owned();
    let mut halves = Vec::new();
    for _ in 0..200 {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket.write_all(b"GET /scop HTTP/1.1\r\nHost: vigie\r\nX-Half: ").await.unwrap();
        halves.push(socket);
    }
    let scop = vigie.caller("scop").await;
    let begun = Instant::now();
    scop.get("/api/v1/incidents").await.expect(200);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(1), "others waited {took:?}");
    for mut half in halves {
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), half.read_to_end(&mut answer)).await;
        ended.expect("a head that does not come is given up").ok();
    }
}

#[tokio::test]
async fn a_source_keeps_so_many_streams_open_and_no_more() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("HTTP__STREAMS_PER_SOURCE", 3)).await;
    let scop = vigie.caller("scop").await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(scop.live(None).await);
    }
    // A stream that is let in does not end by itself.
    let refused = tokio::time::timeout(wait::PATIENCE, scop.get("/api/v1/events")).await;
    let refused = refused.expect("the fourth stream is refused").expect(429);
    assert_eq!(refused.code(), "too-many-streams");
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    assert!((vigie.metric("vigie_streams_open").await - 3.0).abs() < f64::EPSILON);
    vigie.caller("mairie-19").await.live(None).await.alive(wait::PATIENCE).await;

    open.pop();
    wait::until("a seat is free again", wait::PATIENCE, || async {
        scop.request(Method::GET, "/api/v1/events").send().await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    wait::until("the refusal is journalled", wait::PATIENCE, || async {
        let noted = vigie.records().events(NOTED, None).await;
        noted.iter().any(|noted| noted["what"] == "stream-refused" && noted["who"] == "scop")
    })
    .await;
}

#[tokio::test]
async fn guessing_is_slowed_down_told_in_a_few_entries_and_keeps_nobody_else_out() {
    const GUESSES: usize = 3_000;
    let stack = Stack::start().await;
    let options = Options::default().set("HTTP__FAILED_LOGINS_PER_MINUTE", 6).set("HTTP__TRUSTED_PROXIES", "127.0.0.1");
    let vigie = Vigie::start(&stack, options).await;
    let scop = vigie.caller("scop").await;
    scop.get("/api/v1/incidents").await.expect(200);
    let from = |caller: &Caller, address: &str| {
        caller.request(Method::GET, "/api/v1/incidents").header("x-forwarded-for", address)
    };

    let statuses: Vec<u16> = stream::iter(0..GUESSES)
        .map(|n| {
            let guess = vigie.anyone().with_token(&format!("vigie_token_{n:043}"));
            async move { guess.send(from(&guess, "192.0.2.7")).await.status }
        })
        .buffer_unordered(32)
        .collect()
        .await;
    let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
    for status in statuses {
        *by_status.entry(status).or_default() += 1;
    }
    assert_eq!(by_status.keys().copied().collect::<Vec<_>>(), [401, 429], "{by_status:?}");
    // Three at once, and one more every ten seconds.
    assert!((3..30).contains(&by_status[&401]), "{by_status:?}");

    // The right token of there, known a moment ago; a right one nobody knows yet, of elsewhere.
    scop.send(from(&scop, "192.0.2.7")).await.expect(200);
    let mairie = vigie.caller("mairie-19").await;
    mairie.send(from(&mairie, "192.0.2.8")).await.expect(200);
    let waits = mairie.with_token(&format!("vigie_token_{:043}", 0));
    let waits = wait::for_some("the next guess has to wait", wait::PATIENCE, || async {
        Some(waits.send(from(&waits, "192.0.2.7")).await).filter(|answer| answer.status == 429)
    })
    .await;
    assert_eq!(waits.code(), "too-many-failed-logins");
    assert!(waits.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=60).contains(&seconds)));

    let noted = wait::for_some("every guess is accounted for", wait::PATIENCE, || async {
        let mut noted = vigie.records().events(NOTED, None).await;
        noted.retain(|noted| noted["from"] == "192.0.2.7");
        let total: u64 = noted.iter().filter_map(|noted| noted["count"].as_u64()).sum();
        (total >= GUESSES as u64).then_some(noted)
    })
    .await;
    assert!(noted.len() <= 20, "{} entries", noted.len());
    let text = serde_json::to_string(&noted).unwrap();
    assert!(text.contains("login-failed") && text.contains("login-deferred"), "{text}");
    assert!(!text.contains("vigie_token_"), "{text}");
}

#[tokio::test]
async fn links_and_calendar_addresses_are_guessed_no_faster() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("HTTP__FAILED_LOGINS_PER_MINUTE", 10)).await;
    let anyone = vigie.anyone();
    for _ in 0..5 {
        anyone.post_form("/ouvrir", &[("cle", "vigie_link_x")], None).await.expect(410);
    }
    let refused = anyone.post_form("/ouvrir", &[("cle", "vigie_link_x")], None).await.expect(429);
    is_page(&refused, "/ouvrir");
    assert!(!refused.header("retry-after").is_empty());
    anyone.get("/astreintes/vigie_feed_x.ics").await.expect(429);
    // Whoever has a signed link of an alert is not asked to wait for the guesses of others.
    anyone.get("/a/x").await.expect(404);
}

#[tokio::test]
async fn only_this_machine_is_told_how_vigie_is_doing() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (anyone, operator) = (vigie.anyone(), vigie.operator());
    anyone.get("/metrics").await.expect(404);
    assert_eq!(anyone.get("/healthz").await.expect(200).text, "ok\n");
    assert_eq!(anyone.get("/readyz").await.expect(200).text, "ready\n");
    assert_eq!(operator.get("/readyz").await.expect(200).json()["dependencies"]["postgres"]["state"], "ok");
    assert!(operator.get("/metrics").await.expect(200).text.contains("vigie_outbox_depth"));
    operator.get("/api/v1/incidents").await.expect(404);
}

#[tokio::test]
async fn every_refusal_is_said_in_french_to_whom_it_is_said() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (scop, anyone) = (vigie.caller("scop").await, vigie.anyone());
    let large = json!({ "text": "a".repeat(20_000) });
    let incident = vigie.incident_of(&scop.raise(&at_the_school()).await).await;
    let notes = format!("/api/v1/incidents/{incident}/notes");
    let form = "application/x-www-form-urlencoded";
    let cookie = vigie.browser("scop").await;
    let page = |method: Method, path: &str| anyone.request(method, path).header("cookie", &cookie);
    for (request, status, problem) in [
        (scop.request(Method::GET, "/api/v1/nowhere"), 404, true),
        (scop.request(Method::PUT, "/api/v1/incidents").json(&large), 405, true),
        (scop.request(Method::POST, &notes).json(&large), 413, true),
        (scop.request(Method::POST, &notes).header("content-type", "text/plain").body("x"), 415, true),
        (scop.request(Method::POST, &notes).json(&json!({ "texte": 1 })), 422, true),
        (scop.request(Method::GET, "/api/v1/incidents?secteur=x"), 422, true),
        (scop.request(Method::GET, "/api/v1/counts"), 405, true),
        (page(Method::GET, "/nulle-part"), 404, false),
        (page(Method::DELETE, "/scop"), 405, false),
        (page(Method::POST, "/cellule/paris-19").header("content-type", form).body("a".repeat(20_000)), 413, false),
        (page(Method::POST, "/crises").header("content-type", "text/plain").body("x"), 415, false),
        (page(Method::GET, "/observatoire?du=hier"), 422, false),
        (page(Method::POST, "/administration/versions/retour").header("content-type", form).body("x=1"), 422, false),
    ] {
        let answer = anyone.send(request).await;
        let at = format!("{status}: {}", answer.text);
        assert_eq!(answer.status, status, "{at}");
        if problem {
            is_problem(&answer, &at);
        } else {
            is_page(&answer, &at);
        }
        is_dressed(&answer, &at);
        assert_eq!(answer.header("cache-control"), "no-store", "{at}");
        assert!(status != 405 || answer.header("allow").contains("POST") || answer.header("allow").contains("GET"));
        for english in ["Failed to", "unknown field", "missing field", "expected", "Method Not"] {
            assert!(!answer.text.contains(english), "{at}");
        }
    }
    let script = anyone.get("/assets/console/board.js").await.expect(200);
    let again = anyone.request(Method::GET, "/assets/console/board.js").header("if-none-match", script.header("etag"));
    anyone.send(again).await.expect(304);
}

/// Attack 21 and its kind: what is beyond arithmetic, or beyond what Postgres keeps, is the request's fault.
#[tokio::test]
async fn what_no_calendar_and_no_database_holds_is_a_fault_of_the_request() {
    let stack = Stack::start().await;
    let options = Options::default().set("INTAKE__RATE_BURST", 1_000);
    let vigie = Vigie::start(&stack, options).await;
    let (scop, admin) = (vigie.caller("scop").await, vigie.caller("admin").await);
    let incident = vigie.incident_of(&scop.raise(&at_the_school()).await).await;
    let acts = format!("/api/v1/incidents/{incident}");
    let (scop_page, admin_page) = (vigie.browser("scop").await, vigie.browser("admin").await);

    let ends = ["9999-12-30T00:00:00Z", "-009999-01-02T00:00:00Z", "-004800-01-01T00:00:00Z"];
    let days = ["9999-12-31", "-009999-01-01"];
    let shifts = "/api/v1/directory/bodies/scop/shifts";
    for end in ends {
        admin.get(&format!("{shifts}?from={end}")).await.expect(422);
        admin.get(&format!("{shifts}?until={end}")).await.expect(422);
        scop.get(&format!("/api/v1/incidents?since={end}")).await.expect(422);
        scop.get(&format!("/api/v1/incidents?cursor={end}_{NOBODY}")).await.expect(422);
        for field in ["occurred_at", "expected_at", "learnt_at"] {
            let mut report = at_the_school();
            report[field] = json!(end);
            scop.post("/api/v1/signals", &report).await.expect(422);
        }
    }
    let page = |cookie: &str, path: String| vigie.anyone().request(Method::GET, &path).header("cookie", cookie);
    for day in days {
        scop.get(&format!("/api/v1/indicators?from={day}&until=2026-01-01")).await.expect(422);
        scop.get(&format!("/api/v1/indicators?from=2026-01-01&until={day}")).await.expect(422);
        for address in [format!("/observatoire?du={day}"), format!("/observatoire?au={day}")] {
            vigie.anyone().send(page(&scop_page, address)).await.expect(422);
        }
        vigie.anyone().send(page(&admin_page, format!("/annuaire/scop?du={day}"))).await.expect(422);
    }
    for month in ["-009999-01", "9999-12", "2026-13"] {
        for view in ["", ".csv", ".json"] {
            let answer = vigie.anyone().send(page(&scop_page, format!("/observatoire{view}?mois={month}"))).await;
            assert_eq!(answer.status, 422, "{month} {view}: {}", answer.text);
        }
    }
    for position in ["x", "-1-2-3", "99999999999999999999-0", "71234-9", "1-9223372036854775807-9223372036854775807"] {
        let mut live = scop.live(Some(position)).await;
        assert_eq!(live.next(wait::PATIENCE).await.name, "reload", "{position}");
        live.alive(wait::PATIENCE).await;
    }

    let nul = "a\u{0}b";
    for (act, body, field) in [
        ("notes", json!({ "text": nul }), "text"),
        ("separations", json!({ "signal": nul, "reason": "x" }), "signal"),
        ("returns", json!({ "owed": nul, "outcome": "done" }), "owed"),
        ("handovers", json!({ "to": nul }), "to"),
        ("calls", json!({ "body": nul }), "body"),
    ] {
        let answer = scop.post(&format!("{acts}/{act}"), &body).await.expect(422);
        assert_eq!(
            (answer.code().as_str(), answer.faulty_fields()),
            ("invalid-fields", vec![field.to_owned()]),
            "{act}"
        );
    }
    for address in ["/api/v1/incidents?cursor=%00", "/api/v1/incidents/%00", "/api/v1/directory/bodies/a%00b/shifts"] {
        scop.get(address).await.expect(422);
    }
    for fields in [[("key", "a\0b"), ("kind", "rixe")], [("summary", "a\0b"), ("kind", "rixe")]] {
        let refused = vigie.anyone().post_form("/signaler", &fields, Some(&scop_page)).await.expect(422);
        is_page(&refused, "/signaler");
    }
    assert_eq!(vigie.records().count("select count(*) from console.act").await, 0);
    assert_eq!(vigie.records().count("select count(*) from intake.signal").await, 1);
}
