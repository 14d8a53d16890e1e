//! Tokens, links and sessions: each opens what it is for, as long as its source may come in, and is listed and ended.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use vigie_tests::{Answer, Caller, Options, Stack, Vigie, wait};

/// Whatever was revoked is refused everywhere within this time.
const REVOKED_WITHIN: Duration = Duration::from_secs(10);
const NOTED: &str = "vigie.security.noted.v1";

async fn with_cookie(vigie: &Vigie, cookie: &str, path: &str) -> Answer {
    let anyone = vigie.anyone();
    anyone.send(anyone.request(Method::GET, path).header("cookie", cookie)).await
}

async fn keys(caller: &Caller, path: &str) -> Vec<Value> {
    caller.get(path).await.expect(200).json()["keys"].as_array().expect("a list").clone()
}

/// How often each matter of a source was noted.
async fn noted(vigie: &Vigie, what: &str, who: &str) -> u64 {
    let noted = vigie.records().events(NOTED, None).await;
    let theirs = noted.iter().filter(|noted| noted["what"] == what && noted["who"] == who);
    theirs.filter_map(|noted| noted["count"].as_u64()).sum()
}

#[tokio::test]
async fn a_revoked_source_is_out_within_ten_seconds_with_its_session_and_its_streams() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (mairie, other) = (vigie.caller("mairie-19").await, vigie.caller("mairie-18").await);
    let cookie = vigie.browser("mairie-19").await;
    let mut by_token = mairie.live(None).await;
    let anyone = vigie.anyone();
    let mut by_session = anyone.live_with("/api/v1/events", "cookie", &cookie).await;
    let mut of_another = other.live(None).await;
    by_token.alive(wait::PATIENCE).await;
    by_session.alive(wait::PATIENCE).await;

    vigie.command(&["token", "revoke", "--source", "mairie-19"]).await;
    let revoked = Instant::now();
    by_token.ended(REVOKED_WITHIN).await;
    by_session.ended(REVOKED_WITHIN.saturating_sub(revoked.elapsed())).await;
    wait::until("token and session open nothing", REVOKED_WITHIN.saturating_sub(revoked.elapsed()), || async {
        let by_session = with_cookie(&vigie, &cookie, "/cellule/paris-19").await;
        mairie.get("/api/v1/incidents").await.status == 401 && by_session.status == 401
    })
    .await;
    of_another.alive(wait::PATIENCE).await;
    other.get("/api/v1/incidents").await.expect(200);
    assert_eq!(noted(&vigie, "session-ended", "mairie-19").await, 1);
    assert_eq!(noted(&vigie, "token-revoked", "mairie-19").await, 1);
}

#[tokio::test]
async fn each_session_is_listed_and_ended_by_its_own_people_and_by_who_administers() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (mairie, other, admin) =
        (vigie.caller("mairie-19").await, vigie.caller("mairie-18").await, vigie.caller("admin").await);
    let (first, second) = (vigie.browser("mairie-19").await, vigie.browser("mairie-19").await);
    with_cookie(&vigie, &first, "/cellule/paris-19").await.expect(200);
    let used = "select count(*) from directory.session where last_used_at is not null";
    wait::until("the use of the session is written", wait::PATIENCE, || async {
        vigie.records().count(used).await == 1
    })
    .await;

    let sessions = keys(&mairie, "/api/v1/sessions").await;
    assert_eq!(sessions.len(), 2);
    let (latest, earliest) = (&sessions[0], &sessions[1]);
    assert_eq!((&latest["source"], &latest["opened_by"]), (&json!("mairie-19"), &json!("link")));
    assert!(latest["since"].is_string() && latest["until"].is_string() && latest["last_used"].is_null());
    assert!(earliest["last_used"].as_str().unwrap().ends_with(":00:00Z"), "{earliest}");
    let secret = first.split_once('=').unwrap().1;
    assert!(!sessions.iter().any(|session| session.to_string().contains(secret)));
    assert_eq!(keys(&admin, "/api/v1/sessions?source=mairie-19").await, sessions);
    assert_eq!(keys(&admin, "/api/v1/sessions?source=all").await.len(), 2);
    other.get("/api/v1/sessions?source=mairie-19").await.expect(403);
    other.get("/api/v1/sessions?source=all").await.expect(403);

    let end = |caller: &Caller, key: &Value| {
        caller.request(Method::DELETE, &format!("/api/v1/sessions/{}", key["id"].as_str().unwrap()))
    };
    assert_eq!(other.send(end(&other, earliest)).await.expect(404).code(), "not-found");
    mairie.send(end(&mairie, earliest)).await.expect(204);
    with_cookie(&vigie, &first, "/cellule/paris-19").await.expect(401);
    with_cookie(&vigie, &second, "/cellule/paris-19").await.expect(200);
    admin.send(end(&admin, latest)).await.expect(204);
    with_cookie(&vigie, &second, "/cellule/paris-19").await.expect(401);
    mairie.send(end(&mairie, latest)).await.expect(404);

    let facts = vigie.records().events(NOTED, None).await;
    let ended: Vec<&Value> =
        facts.iter().filter(|fact| fact["what"] == "session-ended").map(|fact| &fact["by"]).collect();
    assert_eq!(ended, [&Value::Null, &json!("admin")]);
    assert_eq!(noted(&vigie, "session-opened", "mairie-19").await, 2);
    let told = serde_json::to_string(&facts).unwrap();
    assert!(!told.contains("vigie_session_") && !told.contains(secret), "{told}");
}

#[tokio::test]
async fn a_source_changes_from_one_token_to_the_next_without_an_interruption() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let issue = ["token", "issue", "--source", "mairie-18"];
    let anyone = vigie.anyone();
    let old = anyone.with_token(&vigie.command(&[&issue[..], &["--days", "30"]].concat()).await);
    let new = anyone.with_token(&vigie.command(&issue).await);
    let third = vigie.refused(&issue).await;
    assert!(third.contains("2 tokens in force") && third.contains("--replace"), "{third}");
    for token in [&old, &new] {
        token.get("/api/v1/incidents").await.expect(200);
    }

    let tokens = keys(&old, "/api/v1/tokens").await;
    assert_eq!(tokens.len(), 2);
    assert!(tokens[0]["until"].is_null() && tokens[1]["until"].is_string(), "{tokens:?}");
    let listed = vigie.command(&["token", "list", "--source", "mairie-18"]).await;
    assert_eq!(listed.lines().filter(|line| line.starts_with("token")).count(), 2, "{listed}");
    vigie.command(&["token", "revoke", "--id", tokens[1]["id"].as_str().unwrap()]).await;
    wait::until("the old token is refused", REVOKED_WITHIN, || async {
        old.get("/api/v1/incidents").await.status == 401
    })
    .await;
    new.get("/api/v1/incidents").await.expect(200);

    let only = vigie.command(&[&issue[..], &["--replace"]].concat()).await;
    wait::until("what was replaced is refused", REVOKED_WITHIN, || async {
        new.get("/api/v1/incidents").await.status == 401
    })
    .await;
    let only = anyone.with_token(&only);
    let own = keys(&only, "/api/v1/tokens").await;
    only.send(only.request(Method::DELETE, &format!("/api/v1/tokens/{}", own[0]["id"].as_str().unwrap())))
        .await
        .expect(204);
    only.get("/api/v1/incidents").await.expect(401);
}

#[tokio::test]
async fn what_is_made_for_one_thing_opens_no_other() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("HTTP__FAILED_LOGINS_PER_MINUTE", 1_000)).await;
    let (anyone, scop) = (vigie.anyone(), vigie.caller("scop").await);
    let token = vigie.command(&["token", "issue", "--source", "scop"]).await;
    let link = vigie.command(&["token", "link", "--source", "scop"]).await;
    let link = link.split_once("cle=").unwrap().1.to_owned();
    let session = vigie.browser("scop").await.split_once('=').unwrap().1.to_owned();
    let feed = scop.post("/api/v1/directory/bodies/scop/feeds", &json!({})).await.expect(201).json();
    let feed = feed["url"].as_str().unwrap().rsplit_once('/').unwrap().1.strip_suffix(".ics").unwrap().to_owned();

    for (what, secret) in [("token", &token), ("link", &link), ("session", &session), ("feed", &feed)] {
        let opens = |as_what: &str| what == as_what;
        let bearer = anyone.with_token(secret).get("/api/v1/incidents").await.status;
        assert_eq!(bearer == 200, opens("token"), "a {what} as a token");
        for cookie in ["vigie_session", "__Host-vigie_session"] {
            let answer = with_cookie(&vigie, &format!("{cookie}={secret}"), "/scop").await;
            assert_eq!(answer.status == 200, opens("session") && cookie == "vigie_session", "a {what} as {cookie}");
        }
        let calendar = anyone.get(&format!("/astreintes/{secret}.ics")).await.status;
        assert_eq!(calendar == 200, opens("feed"), "a {what} as a calendar");
        for path in ["a", "m", "t"] {
            anyone.get(&format!("/{path}/{secret}")).await.expect(404);
        }
    }
    // Last, since it serves once.
    for (what, secret) in [("token", &token), ("session", &session), ("feed", &feed), ("link", &link)] {
        let opened = anyone.post_form("/ouvrir", &[("cle", secret)], None).await.status;
        assert_eq!(opened == 303, what == "link", "a {what} as a link");
    }
    // Two sessions at once are none: somebody else may have set one of them.
    let two = format!("vigie_session={session}; vigie_session={session}");
    with_cookie(&vigie, &two, "/scop").await.expect(401);
    with_cookie(&vigie, &two, "/api/v1/incidents").await.expect(401);
}

#[tokio::test]
async fn a_session_lasts_as_long_as_the_role_says() {
    let stack = Stack::start().await;
    let options = Options::default().set("HTTP__PUBLIC_URL", "https://vigie.example.org");
    let vigie = Vigie::start(&stack, options).await;
    for (source, hours) in
        [("scop", 12), ("admin", 12), ("mairie-19", 7 * 24), ("college-19", 30 * 24), ("commissariat-19", 180 * 24)]
    {
        let link = vigie.command(&["token", "link", "--source", source]).await;
        let key = link.split_once("https://vigie.example.org/ouvrir?cle=").expect("a link of the public address").1;
        let opened = vigie.anyone().post_form("/ouvrir", &[("cle", key)], None).await.expect(303);
        let cookie = opened.header("set-cookie");
        assert!(cookie.starts_with("__Host-vigie_session=vigie_session_"), "{cookie}");
        for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", &format!("; Max-Age={}", hours * 3_600)] {
            assert!(cookie.contains(part), "{source}: {cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        let lasts = vigie.records().events(NOTED, None).await;
        assert!(lasts.iter().any(|fact| fact["what"] == "session-opened" && fact["who"] == source));
    }
    let stored = "select count(*) from directory.session s
                   where source_id = 'scop' and s.expires_at - s.created_at = interval '12 hours'";
    assert_eq!(vigie.records().count(stored).await, 1);
}
