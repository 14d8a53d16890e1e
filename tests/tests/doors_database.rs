//! The doors of the database: whoever has a service's login has that service's tables, and nothing else.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use vigie_platform::database::{LOGINS, Login, role_of};
use vigie_proto::event::Event;
use vigie_tests::{Options, SCHOOL, Stack, Vigie};

/// What only some may read: column, and whom it is for.
const SENSITIVE: [(&str, &str, &[&str]); 12] = [
    ("intake.signal", "summary", &["intake", "console"]),
    ("console.act", "text", &["console"]),
    ("crisis.words", "text", &["crisis"]),
    ("directory.handover", "note", &["directory"]),
    ("directory.credential", "digest", &["directory", "authenticator"]),
    ("directory.session", "digest", &["directory", "authenticator"]),
    ("directory.used_link", "digest", &["directory"]),
    ("directory.feed", "digest", &["directory"]),
    ("directory.version", "content", &["directory", "contacts"]),
    ("directory.probe_address", "address", &["directory", "notification"]),
    ("directory.pending_contact", "address", &["directory"]),
    ("directory.proposal", "content", &["directory"]),
];

/// Whether Postgres refuses `statement` for want of the right; any other outcome but success ends the test.
async fn is_refused(connection: &mut PgConnection, statement: String) -> bool {
    match connection.execute(AssertSqlSafe(statement.clone())).await {
        Ok(_) => false,
        Err(error) => {
            let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
            assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
            true
        }
    }
}

async fn connected(vigie: &Vigie, login: &str) -> PgConnection {
    PgConnection::connect(&vigie.login(login)).await.expect(login)
}

#[tokio::test]
async fn a_login_of_a_service_cannot_become_anybody_else() {
    let stack = Stack::start().await;
    let vigie = Vigie::prepared(&stack, Options::default()).await;
    let everybody: Vec<String> = LOGINS.iter().map(|name| role_of(name)).collect();
    let above = ["vigie", "vigie_owner", "vigie_service", "vigie_operator"].map(str::to_owned);

    for login in LOGINS.into_iter().chain(["operator"]) {
        let mut connection = connected(&vigie, login).await;
        for role in everybody.iter().chain(&above).filter(|role| **role != role_of(login)) {
            assert!(is_refused(&mut connection, format!("set role {role}")).await, "{login} becomes {role}");
            let session = format!("set session authorization {role}");
            assert!(is_refused(&mut connection, session).await, "{login} becomes {role}");
        }
    }
}

#[tokio::test]
async fn what_only_some_may_read_is_refused_to_all_others() {
    let stack = Stack::start().await;
    let vigie = Vigie::prepared(&stack, Options::default()).await;

    for login in LOGINS.into_iter().chain(["operator"]) {
        let mut connection = connected(&vigie, login).await;
        for (table, column, readers) in SENSITIVE {
            let refused = is_refused(&mut connection, format!("select {column} from {table}")).await;
            assert_eq!(refused, !readers.contains(&login), "{login}: {table}.{column}");
            let refused = is_refused(&mut connection, format!("select * from {table}")).await;
            assert!(refused || readers.contains(&login), "{login}: all of {table}");
        }
    }
}

#[tokio::test]
async fn the_journal_is_only_ever_added_to_and_credentials_are_the_directorys() {
    let stack = Stack::start().await;
    let vigie = Vigie::prepared(&stack, Options::default()).await;

    for login in LOGINS.into_iter().chain(["operator"]) {
        let mut connection = connected(&vigie, login).await;
        for statement in [
            "update journal.entry set type = 'vigie.forged.v1'",
            "delete from journal.entry",
            "truncate journal.entry",
            "drop table journal.entry",
            "alter table journal.entry add column forged text",
            "create table journal.forged ()",
            "create schema forged",
            "create role forged",
        ] {
            assert!(is_refused(&mut connection, statement.to_owned()).await, "{login}: {statement}");
        }
        let credential = "insert into directory.credential (digest, source_id, purpose, created_at)
                          values (decode('00', 'hex'), 'admin', 'token', now())";
        assert_eq!(is_refused(&mut connection, credential.to_owned()).await, login != "directory", "{login}");
    }
}

/// Who may journal what, by how its type begins.
const AUTHORS: [(&str, &[&str]); 16] = [
    ("vigie.signal.raised", &["intake", "crisis"]),
    ("vigie.act.recorded", &["console", "crisis"]),
    ("vigie.act.rejected", &["routing"]),
    ("vigie.words.", &["console"]),
    ("vigie.indicator.", &["console"]),
    ("vigie.incident.", &["routing"]),
    ("vigie.alert.", &["escalation", "crisis"]),
    ("vigie.escalation.", &["escalation"]),
    ("vigie.delivery.", &["notification"]),
    ("vigie.probe.settled", &["notification"]),
    ("vigie.probe.", &["directory"]),
    ("vigie.security.", &["directory", "porter"]),
    ("vigie.crisis.", &["crisis"]),
    ("vigie.configuration.", &["directory"]),
    ("vigie.d", &["directory"]),
    ("vigie.", &[]),
];

#[tokio::test]
async fn nobody_journals_what_another_decides() {
    let stack = Stack::start().await;
    let vigie = Vigie::prepared(&stack, Options::default()).await;
    let insert = |type_name: &str, data: &str| {
        format!(
            "insert into journal.entry (event_id, type, subject, source, recorded_at, data)
             values (gen_random_uuid(), '{type_name}', 'vigie.x', '/vigie/x', now(), '{data}')"
        )
    };
    for login in LOGINS.into_iter().chain(["operator"]) {
        let mut connection = connected(&vigie, login).await;
        for type_name in Event::TYPES {
            let (_, authors) = AUTHORS.iter().find(|(start, _)| type_name.starts_with(start)).unwrap();
            let refused = is_refused(&mut connection, insert(type_name, "{}")).await;
            assert_eq!(refused, !authors.contains(&login), "{login}: {type_name}");
        }
        // Whoever raised a signal says at its own edge that it is over, and nothing else.
        for (did, by) in [("say-over", ["intake", "console", "crisis"].as_slice()), ("close", &["console", "crisis"])] {
            let act = insert("vigie.act.recorded.v1", &format!(r#"{{"act": {{"did": "{did}"}}}}"#));
            assert_eq!(is_refused(&mut connection, act).await, !by.contains(&login), "{login}: {did}");
        }
    }
}

#[tokio::test]
async fn nobody_connects_without_a_password() {
    let stack = Stack::start().await;
    let vigie = Vigie::prepared(&stack, Options::default()).await;
    let own = vigie.login("intake");
    let password = own.split([':', '@']).nth(2).expect("a URL with a password").to_owned();

    for (login, password) in
        [("vigie_intake", ""), ("vigie_intake", "wrong"), ("vigie_routing", &password), ("vigie", "")]
    {
        let refused = PgConnection::connect(&stack.postgres.url_as(login, password)).await;
        let refused = refused.err().unwrap_or_else(|| panic!("{login} came in")).to_string();
        assert!(refused.contains("password"), "{refused}");
    }
    PgConnection::connect(&stack.postgres.url_as("vigie_intake", &password)).await.expect("its own password");
}

#[tokio::test]
async fn serving_as_somebody_who_may_do_more_is_refused_with_the_remedy() {
    let stack = Stack::start().await;
    let vigie = Vigie::prepared(&stack, Options::default()).await;

    for (login, says) in [
        (stack.postgres.url(), "is a superuser"),
        (vigie.login("owner"), "owns the schemas"),
        (vigie.login("routing"), "may also act as vigie_routing"),
    ] {
        let said = vigie.refused_to_serve(&[("VIGIE__DATABASE__SERVICES__INTAKE", &login)]).await;
        assert!(said.contains(says) && said.contains("vigie database logins"), "{said}");
    }
    let adopted = vigie.records().count("select count(*) from directory.in_force").await;
    assert_eq!(adopted, 0, "refused before it wrote anything");
}

#[tokio::test]
async fn logins_may_be_made_again_and_stay_as_they_are() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let before = vigie.login("intake");
    let passwords =
        "select count(*) from pg_authid where rolname like 'vigie\\_%' and rolpassword like 'SCRAM-SHA-256$%'";
    let everybody = i64::try_from(Login::NAMES.len()).unwrap();
    assert_eq!(vigie.records().count(passwords).await, everybody, "a password each, as a verifier");

    // A second process on the same database prepares it again.
    let again = Vigie::prepared(&stack, Options::default()).await;

    assert_eq!(again.login("intake"), before);
    connected(&vigie, "intake").await;
    let foreign = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                    where n.nspname in ('journal', 'directory', 'intake', 'routing', 'escalation', 'notification', 'console', 'crisis')
                      and c.relkind in ('r', 'v', 'S') and c.relowner <> 'vigie_owner'::regrole";
    assert_eq!(vigie.records().count(foreign).await, 0, "the owner owns everything");
}

#[tokio::test]
async fn who_neither_sends_nor_keeps_the_directory_sees_no_address() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let text = "select convert_from(content, 'utf8') from directory.";
    let whole: String = sqlx::query_scalar(AssertSqlSafe(format!("{text}version where what = 'directory'")))
        .fetch_one(&mut connected(&vigie, "contacts").await)
        .await
        .unwrap();
    let shared: String = sqlx::query_scalar(AssertSqlSafe(format!("{text}shared where what = 'directory'")))
        .fetch_one(&mut connected(&vigie, "follower").await)
        .await
        .unwrap();
    let is_address = |text: &&str| text.contains('@') || text.contains("+33");
    assert!(whole.split(',').filter(is_address).count() > 100, "the directory in force has addresses");
    assert_eq!(shared.split(',').find(is_address), None);

    // A process that only takes signals in reads the same version without them, and locates by it.
    let edge = vigie.beside(&["intake"]).await;
    let head = vigie.caller("college-19").await;
    let signal = serde_json::json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } });
    let raised = head.at(edge.url()).raise(&signal).await;
    vigie.incident_of(&raised).await;
    assert_eq!(edge.operator().get("/readyz").await.json()["dependencies"]["doctrine"]["state"], "ok");
}
