//! The head's form: a personal link, one session, one signal.

use vigie_tests::{Options, Stack, Vigie};

/// The secret of a fresh personal link.
async fn key(vigie: &Vigie) -> String {
    let link = vigie.command(&["token", "link", "--source", "college-19"]).await;
    link.split_once("/ouvrir?cle=").expect("a link to the form").1.to_owned()
}

const ANSWERS: [(&str, &str); 6] = [
    ("kind", "rixe"),
    ("severity", "tension"),
    ("place", "school"),
    ("when", "now"),
    ("weapons", "unknown"),
    ("key", "one-form-shown"),
];

#[tokio::test]
async fn the_personal_link_opens_once_and_looking_at_it_does_not_use_it_up() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (anyone, key) = (vigie.anyone(), key(&vigie).await);

    for _ in 0..2 {
        anyone.get(&format!("/ouvrir?cle={key}")).await.expect(200);
    }
    let opened = anyone.post_form("/ouvrir", &[("cle", &key)], None).await.expect(303);
    assert_eq!(opened.header("location"), "/");
    let cookie = opened.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite"), "{cookie}");
    anyone.post_form("/ouvrir", &[("cle", &key)], None).await.expect(410);
    anyone.post_form("/ouvrir", &[("cle", "vigie_link_invented")], None).await.expect(410);
}

#[tokio::test]
async fn the_form_needs_its_session_and_ends_on_the_page_that_follows_the_signal() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let anyone = vigie.anyone();
    anyone.get("/signaler").await.expect(401);
    anyone.post_form("/signaler", &ANSWERS, None).await.expect(401);
    let cookie = vigie.browser("college-19").await;
    let get =
        async |path: &str| anyone.send(anyone.request(reqwest::Method::GET, path).header("cookie", &cookie)).await;

    let page = get("/signaler").await.expect(200);
    assert!(page.text.contains("Direction du collège Georges Brassens"), "{}", page.text);
    let sent = anyone.post_form("/signaler", &ANSWERS, Some(&cookie)).await.expect(303);
    let follow = sent.header("location").to_owned();
    let again = anyone.post_form("/signaler", &ANSWERS, Some(&cookie)).await.expect(303);
    assert_eq!(again.header("location"), follow, "pressed twice, sent once");

    vigie.all_sent(&stack).await;
    let followed = get(&follow).await.expect(200);
    assert!(followed.text.contains("Commissariat 19e arrondissement"), "{}", followed.text);
    anyone.get(&follow).await.expect(401);
    assert_eq!(vigie.records().count("select count(*) from intake.signal").await, 1);
}

#[tokio::test]
async fn a_name_in_the_text_is_doubted_and_nothing_is_sent_until_confirmed() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (anyone, cookie) = (vigie.anyone(), vigie.browser("college-19").await);
    let mut answers = ANSWERS.to_vec();
    answers.push(("summary", "c'est Kevin Durand qui a lancé le rendez-vous"));

    let doubted = anyone.post_form("/signaler", &answers, Some(&cookie)).await.expect(422);
    assert!(doubted.text.contains("nom de personne") && doubted.text.contains("Kevin Durand"), "{}", doubted.text);
    assert_eq!(vigie.records().count("select count(*) from intake.signal").await, 0);

    answers.push(("confirmed", "1"));
    anyone.post_form("/signaler", &answers, Some(&cookie)).await.expect(303);
    let messages = vigie.all_sent(&stack).await;
    assert!(!messages.is_empty());
    for message in messages {
        let whole = [message.subject.as_deref(), Some(&*message.text), message.html.as_deref()];
        assert!(!whole.iter().flatten().any(|part| part.contains("Durand")), "the text left the house: {message:?}");
    }
    let spread = "select count(*) from journal.entry where data::text like '%Durand%'";
    assert_eq!(vigie.records().count(spread).await, 0);
}

#[tokio::test]
async fn a_form_filled_in_badly_says_what_to_mend_and_keeps_the_answers() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (anyone, cookie) = (vigie.anyone(), vigie.browser("college-19").await);
    let answers = [
        ("kind", "rixe"),
        ("place", "point"),
        ("when", "announced"),
        ("count", "beaucoup"),
        ("summary", "À la sortie"),
    ];

    let page = anyone.post_form("/signaler", &answers, Some(&cookie)).await.expect(422);

    for remedy in ["Choisissez un niveau", "Indiquez le point", "Indiquez la date", "en chiffres"] {
        assert!(page.text.contains(remedy), "{remedy} in {}", page.text);
    }
    assert!(page.text.contains("À la sortie"));
    assert_eq!(vigie.records().count("select count(*) from intake.signal").await, 0);
    assert_eq!(vigie.records().events("vigie.signal.raised.v1", None).await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn the_form_says_what_was_last_received_of_its_own_source_only() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (anyone, cookie) = (vigie.anyone(), vigie.browser("college-19").await);
    let others = vigie.browser("mairie-19").await;
    let form = async |cookie: &str| {
        let request = anyone.request(reqwest::Method::GET, "/signaler").header("cookie", cookie);
        anyone.send(request).await.expect(200).text
    };
    assert!(!form(&cookie).await.contains("Dernier signalement"));

    let answers = [&ANSWERS[..], &[("summary", "Devant la grille")]].concat();
    let sent = anyone.post_form("/signaler", &answers, Some(&cookie)).await.expect(303);
    let reference = sqlx::query_scalar::<_, String>("select reference from intake.signal");
    let reference = reference.fetch_one(vigie.records().pool()).await.expect("it was received");

    let page = form(&cookie).await;
    assert!(page.contains("Dernier signalement reçu de votre établissement"), "{page}");
    assert!(page.contains(&format!(r#"<a href="{}">{reference}</a>"#, sent.header("location"))), "{page}");
    assert!(!page.contains("Devant la grille"), "what somebody wrote is not shown again");
    assert!(!form(&others).await.contains("Dernier signalement"));
    vigie.records().execute("update intake.signal set received_at = received_at - interval '25 hours'").await;
    assert!(!form(&cookie).await.contains("Dernier signalement"), "of yesterday's nobody is told for good");
}

#[tokio::test]
async fn the_forms_script_is_told_what_was_received_and_the_same_again_for_the_same_key() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (anyone, cookie) = (vigie.anyone(), vigie.browser("college-19").await);
    let post = async |summary: &str| {
        let request = anyone.request(reqwest::Method::POST, "/signaler").header("cookie", &cookie);
        let answers = ANSWERS.iter().chain(&[("summary", "")]).map(|(name, value)| match *name {
            "summary" => format!("summary={summary}"),
            _ => format!("{name}={value}"),
        });
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        anyone.send(request.header("accept", "application/json").body(answers.collect::<Vec<_>>().join("&"))).await
    };

    let first = post("deux%0Alignes").await.expect(202);
    // As a browser without the script sends the same text.
    let again = post("deux%0D%0Alignes").await.expect(202);

    assert_eq!(again.json(), first.json());
    let receipt = first.json();
    let mut told: Vec<&str> = receipt.as_object().expect("an object").keys().map(String::as_str).collect();
    told.sort_unstable();
    assert_eq!(told, ["follow", "kind", "received_at", "reference", "time"]);
    assert_eq!(receipt["kind"], "Rixe");
    let count = vigie.records().count("select count(*) from intake.signal").await;
    assert_eq!(count, 1);
}

/// What a hidden field of a page holds.
fn hidden<'p>(page: &'p str, name: &str) -> &'p str {
    let field = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
    page.split_once(&field).and_then(|(_, rest)| rest.split_once('"')).expect("the field").0
}

#[tokio::test]
async fn a_place_is_shown_as_it_was_understood_before_it_is_sent() {
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let (anyone, cookie) = (vigie.anyone(), vigie.browser("mairie-19").await);
    let signals = "select count(*) from intake.signal";
    let of = |key, text| {
        let fixed = [("kind", "rixe"), ("severity", "tension"), ("place", "point"), ("when", "now")];
        fixed.into_iter().chain([("key", key), ("point", text)]).collect::<Vec<_>>()
    };
    let post = async |answers: &[(&str, &str)], status| {
        anyone.post_form("/signaler", answers, Some(&cookie)).await.expect(status)
    };

    let written = of("one-place", "20 r de crimée");
    let page = post(&written, 422).await.text;
    assert!(page.contains("Lieu compris :") && page.contains("20 rue de Crimée, 19e, quartier"), "{page}");
    assert_eq!(vigie.records().count(signals).await, 0, "nothing is sent before it was seen");
    let mut seen = written.clone();
    seen.extend([("meant", hidden(&page, "meant")), ("meant_of", hidden(&page, "meant_of"))]);
    assert_eq!(hidden(&page, "meant_of"), "20 r de crimée");
    post(&seen, 303).await;
    assert_eq!(vigie.records().count(signals).await, 1);

    // something else was written since: it is shown again
    let mut changed = of("another-place", "stalingrad");
    changed.extend([("meant", hidden(&page, "meant")), ("meant_of", hidden(&page, "meant_of"))]);
    assert!(post(&changed, 422).await.text.contains("Stalingrad, 19e"), "what was shown stood for another text");
    // left later by itself, a place beyond doubt is taken
    changed.push(("unseen", "1"));
    post(&changed, 303).await;

    // several places: they are to choose from, and none is chosen in silence, seen or not
    let mut unclear = of("unclear-place", "boulevard de la villette");
    unclear.push(("unseen", "1"));
    let page = post(&unclear, 422).await.text;
    assert!(page.contains("Vouliez-vous dire") && page.contains("Boulevard de la Villette, 10e"), "{page}");
    let choice = page.split("name=\"meant\" value=\"").skip(1).map(|rest| rest.split_once('"').expect("a value"));
    let (chosen, _) = choice
        .into_iter()
        .find(|(_, rest)| {
            rest.split_once("</label>").is_some_and(|(label, _)| label.contains("Boulevard de la Villette, 19e"))
        })
        .expect("the one of the 19e");
    unclear.extend([("meant", chosen), ("meant_of", "boulevard de la villette")]);
    post(&unclear, 303).await;

    // coordinates in either order go as they are
    post(&of("latitude-first", "48.8853, 2.3791"), 303).await;
    post(&of("longitude-first", "2.3791 48.8853"), 303).await;
    assert_eq!(vigie.records().count(signals).await, 5);
    assert!(post(&of("nowhere", "rue de nulle part"), 422).await.text.contains("Lieu inconnu"));
}
