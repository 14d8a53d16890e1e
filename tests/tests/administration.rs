//! The directory's pages without any script: what each function may open, and what its forms do.

use serde_json::json;
use vigie_tests::{Answer, Options, Stack, Vigie, small_city, wait};

async fn open(vigie: &Vigie, path: &str, cookie: &str) -> Answer {
    let anyone = vigie.anyone();
    anyone.send(anyone.request(reqwest::Method::GET, path).header("cookie", cookie)).await
}

#[tokio::test]
async fn each_function_opens_its_own_pages_and_no_other() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (admin, scop, mairie) =
        (vigie.browser("admin").await, vigie.browser("scop").await, vigie.browser("mairie-19").await);
    let head = vigie.browser("college-19").await;

    for path in [
        "/administration",
        "/administration/versions",
        "/administration/essais",
        "/administration/doctrine",
        "/administration/ecarts",
        "/annuaire",
    ] {
        let page = open(&vigie, path, &admin).await.expect(200);
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
        for cookie in [&scop, &mairie, &head] {
            assert_ne!(open(&vigie, path, cookie).await.status, 200, "{path} is for whoever administers");
        }
        open(&vigie, path, "vigie_session=invented").await.expect(401);
    }
    let own = open(&vigie, "/annuaire/mairie-paris-19", &mairie).await.expect(200);
    assert!(own.text.contains("mairie-paris-19@example.org"));
    open(&vigie, "/annuaire/mairie-paris-18", &mairie).await.expect(404);
    open(&vigie, "/annuaire/etab-0750507u", &head).await.expect(403);
    assert_eq!(open(&vigie, "/", &head).await.expect(303).header("location"), "/signaler", "one desk opens at once");
    let home = open(&vigie, "/", &scop).await.expect(200);
    assert!(home.text.contains("/annuaire/scop"));

    let left = vigie.anyone().post_form("/quitter", &[], Some(&mairie)).await.expect(200);
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    open(&vigie, "/annuaire/mairie-paris-19", &mairie).await.expect(401);
}

#[tokio::test]
async fn forms_replace_verify_hand_over_drill_and_take_back_without_a_script() {
    let stack = Stack::start().await;
    // The prover of an unoptimised build takes its time.
    let vigie = Vigie::start(&stack, Options::default().set("HTTP__REQUEST_TIMEOUT_S", 120)).await;
    let (admin, scop) = (vigie.browser("admin").await, vigie.browser("scop").await);
    let anyone = vigie.anyone();

    let replacement = [
        ("from", "2031-12-24T08:00"),
        ("until", "2031-12-25T08:00"),
        ("rank", "1"),
        ("position", "c"),
        ("note", "fêtes"),
    ];
    let made = anyone.post_form("/annuaire/scop/remplacement", &replacement, Some(&scop)).await.expect(303);
    assert_eq!(made.header("location"), "/annuaire/scop?fait=remplacement");
    let of_week = "/annuaire/scop?du=2031-12-24";
    wait::until("the replacement is shown", wait::PATIENCE, || async {
        open(&vigie, of_week, &scop).await.text.contains("remplacement <form")
    })
    .await;
    let backwards = [("from", "2031-12-25T08:00"), ("until", "2031-12-24T08:00"), ("rank", "1"), ("position", "c")];
    let refused = anyone.post_form("/annuaire/scop/remplacement", &backwards, Some(&scop)).await.expect(422);
    assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);
    anyone.post_form("/annuaire/mairie-paris-19/remplacement", &replacement, Some(&scop)).await.expect(403);

    let handed = [("from", "a"), ("to", "b"), ("note", "rien à signaler")];
    anyone.post_form("/annuaire/scop/releve", &handed, Some(&scop)).await.expect(303);
    assert!(open(&vigie, "/annuaire/scop", &scop).await.text.contains("rien à signaler"));

    let sent =
        anyone.post_form("/annuaire/scop/verification", &[("contact", "scop-desk")], Some(&scop)).await.expect(303);
    let verification = sent.header("location").split("verification=").nth(1).unwrap().trim_end_matches("#code");
    let mails = wait::for_some("the code", wait::PATIENCE, || async {
        let mails = stack.outbox.messages_to("email", "scop@example.org").await;
        (!mails.is_empty()).then_some(mails)
    })
    .await;
    let code = mails[0].text.split_whitespace().find(|word| word.len() == 6 && word.parse::<u32>().is_ok()).unwrap();
    let fields = [("verification", verification), ("code", code)];
    anyone.post_form("/annuaire/scop/code", &fields, Some(&scop)).await.expect(303);

    let drill = [("channel", "email"), ("sector", "paris-19")];
    let begun = anyone.post_form("/administration/essais", &drill, Some(&admin)).await.expect(303);
    let report = open(&vigie, begun.header("location"), &admin).await.expect(200);
    assert!(report.text.contains("19e arrondissement") && !report.text.contains(">SMS<"));

    let history = vigie.caller("admin").await.get("/api/v1/configurations?what=directory").await.expect(200).json();
    let first = history["activations"].as_array().unwrap().last().unwrap()["hash"].as_str().unwrap().to_owned();
    let wanted = [("what", "directory"), ("hash", first.as_str()), ("note", "essai")];
    anyone.post_form("/administration/versions/retour", &wanted, Some(&scop)).await.expect(403);
    anyone.post_form("/administration/versions/retour", &wanted, Some(&admin)).await.expect(303);
    wait::until("the replacement is gone", wait::PATIENCE, || async {
        !open(&vigie, of_week, &scop).await.text.contains("remplacement <form")
    })
    .await;
    let facts = vigie.records().events("vigie.directory.changed.v1", None).await;
    assert_eq!(facts.last().unwrap()["rolled_back"], json!(true));
}

/// What stands in the hidden field `name` of a page.
fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect(name);
    field.split('"').next().expect("the field ends")
}

#[tokio::test]
async fn a_file_of_the_doctrine_is_read_tried_compared_and_put_in_force_on_its_page() {
    let stack = Stack::start().await;
    // Its prover takes no time.
    small_city::write(stack.folder());
    let options = Options::default().city(stack.folder()).set("HTTP__REQUEST_TIMEOUT_S", 120);
    let vigie = Vigie::start(&stack, options).await;
    let admin = vigie.browser(small_city::SOURCE).await;
    let anyone = vigie.anyone();
    let here = "/administration/doctrine/doctrine.toml";
    open(&vigie, "/administration/doctrine/none.toml", &admin).await.expect(404);
    assert!(open(&vigie, "/administration/doctrine", &admin).await.expect(200).text.contains("One call"));
    let page = open(&vigie, here, &admin).await.expect(200).text;
    let base = hidden(&page, "base").to_owned();
    let present = std::fs::read_to_string(stack.folder().join("doctrine/doctrine.toml")).expect("it was written");
    let send = async |text: &str, wish: &str| {
        let fields = [("text", text), ("base", base.as_str()), ("note", "libellé plus clair"), ("do", wish)];
        anyone.post_form(here, &fields, Some(&admin)).await
    };

    let broken = send(&present.replacen("[kinds.rixe]", "[kinds.rixe", 1), "try").await.expect(422);
    assert!(broken.text.contains("doctrine.toml") && broken.text.contains("role=\"alert\""), "it says where");
    assert!(broken.text.contains("[kinds.rixe\n"), "what was written is still there");
    let same = send(&format!("{present}\n# a comment\n"), "try").await.expect(200);
    assert!(same.text.contains("Rien ne change pour personne"));
    let clearer = present.replacen("label = \"Rixe\"", "label = \"Rixe entre groupes\"", 1);
    // As a browser sends it.
    let clearer = clearer.replace('\n', "\r\n");
    let tried = send(&clearer, "try").await.expect(200);
    assert!(tried.text.contains("Le changement tient") && tried.text.contains("Rixe entre groupes"));
    let untouched = vigie.caller(small_city::SOURCE).await.get("/api/v1/configurations").await.expect(200).json();
    assert_eq!(untouched["doctrine"], base.as_str(), "trying puts nothing in force");

    send(&clearer, "publish").await.expect(303);
    wait::until("it is in force", wait::PATIENCE, || async {
        open(&vigie, "/administration/doctrine/doctrine.toml", &admin).await.text.contains("Rixe entre groupes")
    })
    .await;
    let late = send(&present, "publish").await.expect(409);
    assert!(late.text.contains("changé entre-temps"), "nobody undoes what they have not seen");
}

#[tokio::test]
async fn what_was_set_aside_is_seen_and_tried_again_from_its_page() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (admin, scop) = (vigie.browser("admin").await, vigie.browser("scop").await);
    let records = vigie.records();
    records
        .execute(
            "insert into journal.entry (event_id, type, subject, source, recorded_at, data)
             values (gen_random_uuid(), 'vigie.signal.raised.v1', 'vigie.signal.raised', '/test', now(), '{}')",
        )
        .await;
    wait::until("routing sets it aside", wait::PATIENCE, || async {
        records.count("select count(*) from journal.dead_letter").await == 1
    })
    .await;

    let here = "/administration/ecarts";
    open(&vigie, here, &scop).await.expect(403);
    let page = open(&vigie, here, &admin).await.expect(200).text;
    assert!(page.contains("does not have the shape"), "it says why");
    let one = [("consumer", hidden(&page, "consumer")), ("event", hidden(&page, "event"))];
    vigie.anyone().post_form(here, &one, Some(&scop)).await.expect(403);
    vigie.anyone().post_form(here, &one, Some(&admin)).await.expect(303);
    wait::until("it is tried again", wait::PATIENCE, || async {
        records.count("select count(*) from journal.revival where settled_at is not null").await == 1
    })
    .await;
    assert!(open(&vigie, here, &admin).await.text.contains("de nouveau écarté"));
    assert!(open(&vigie, "/administration", &admin).await.text.contains("1 fait mis à l'écart"));
}
