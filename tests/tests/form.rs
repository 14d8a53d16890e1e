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
