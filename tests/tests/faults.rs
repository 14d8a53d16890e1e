//! What is accepted survives: NATS gone or emptied, Vigie or Postgres killed at the worst moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use vigie_tests::{Message, Nats, Options, Raised, SCHOOL, Stack, Vigie, now, small_city, wait};

/// With the bus gone an alert may take this long, no longer.
const WITHOUT_BUS: Duration = Duration::from_secs(5);

fn at_the_school() -> Value {
    json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } })
}

/// A stack whose Vigie sends exactly one mail an incident, and takes as many signals as come.
async fn counting(stack: &Stack) -> Vigie {
    small_city::write(stack.folder());
    let generous = Options::default().set("INTAKE__RATE_BURST", 100_000).set("INTAKE__RATE_PER_MINUTE", 100_000);
    Vigie::start(stack, generous.city(stack.folder())).await
}

/// No alert was issued twice for one (incident, step, contact), and no message left twice under different ids.
async fn nothing_twice(vigie: &Vigie, messages: &[Message]) {
    let repeated = vigie
        .records()
        .count(
            "select count(*) from (select 1 from escalation.alert a, unnest(a.steps) step
              group by a.incident_id, a.generation, step, a.contact having count(*) > 1) twice",
        )
        .await;
    assert_eq!(repeated, 0, "an alert was issued twice");
    let issued = vigie.records().count("select count(*) from escalation.alert where channel = 'email'").await;
    let ids: BTreeSet<&str> = messages.iter().filter(|m| m.channel == "email").map(|m| m.message_id.as_str()).collect();
    assert_eq!(i64::try_from(ids.len()), Ok(issued), "one Message-ID for each alert");
}

/// Every incident has been mailed about, once: mails per reference.
async fn one_mail_each(stack: &Stack, vigie: &Vigie, raised: &[Raised], within: Duration) {
    wait::until("every accepted signal has its incident and its mail", within, || async {
        let joined = vigie.records().count("select count(*) from routing.incident_signal").await;
        let mails: BTreeSet<String> = stack.outbox.messages().await.into_iter().map(|m| m.message_id).collect();
        usize::try_from(joined).is_ok_and(|joined| joined >= raised.len() && mails.len() >= joined)
    })
    .await;
    for signal in raised {
        assert!(vigie.records().incident_of(&signal.signal_id).await.is_some(), "{} was lost", signal.reference);
    }
    nothing_twice(vigie, &stack.outbox.messages().await).await;
}

#[tokio::test]
async fn a_signal_raised_while_nats_is_down_is_mailed_within_seconds() {
    let mut stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default()).await;
    let head = vigie.caller("college-19").await;
    stack.nats.kill();

    let raised = head.raise(&at_the_school()).await;

    wait::until("the loop is told without the bus", WITHOUT_BUS, || async {
        let mails = stack.outbox.messages_to("email", "commissariat-paris-19@").await;
        !mails.is_empty()
    })
    .await;
    assert_eq!(vigie.operator().get("/readyz").await.json()["dependencies"]["nats"]["state"], "degraded");
    let incident = vigie.incident_of(&raised).await;
    let link = stack.outbox.messages_to("email", "epm-paris-19@").await[0].acknowledgement().unwrap().to_owned();
    let answer = vigie.anyone().post_form(&link, &[("version", "1")], None).await;
    assert!([202, 303].contains(&answer.status), "{}", answer.text);
    wait::until("the acknowledgement is applied without the bus", WITHOUT_BUS, || async {
        !vigie.records().events("vigie.incident.acknowledged.v1", Some(incident)).await.is_empty()
    })
    .await;

    stack.nats.restart().await;
    wait::until("everything reaches the bus once it is back", wait::PATIENCE, || async {
        vigie.records().count("select count(*) from journal.pending").await == 0
    })
    .await;
    let messages = vigie.all_sent(&stack).await;
    nothing_twice(&vigie, &messages).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_deleted_with_unread_messages_loses_nothing() {
    let stack = Stack::start().await;
    let vigie = counting(&stack).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    let (user, password) = Nats::ADMINISTRATOR;
    let administrator = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    let client = administrator.connect(stack.nats.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);

    let mut raised = Vec::new();
    for round in 0..3 {
        let reports: Vec<Value> = (0..30).map(|n| small_city::report(round * 30 + n)).collect();
        raised.extend(futures::future::join_all(reports.iter().map(|report| desk.raise(report))).await);
        // Deleted the moment before, it may still have to be made again.
        wait::until("the stream can be deleted", wait::PATIENCE, || async {
            jetstream.delete_stream("VIGIE").await.is_ok()
        })
        .await;
    }

    one_mail_each(&stack, &vigie, &raised, wait::PATIENCE).await;
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test]
async fn a_bus_that_takes_nothing_more_is_told_and_mails_leave_all_the_same() {
    let stack = Stack::start().await;
    // Room for a fact or two, as on a disk that is full.
    let vigie = Vigie::start(&stack, Options::default().set("BUS__STREAM_MAX_BYTES", 4_000)).await;
    let head = vigie.caller("college-19").await;

    let raised = head.raise(&at_the_school()).await;

    let nats = async || vigie.operator().get("/readyz").await.json()["dependencies"]["nats"].clone();
    wait::until("it is told that the bus takes nothing", wait::PATIENCE, || async {
        let why = nats().await["why"].as_str().unwrap_or_default().to_owned();
        why.contains("takes no facts") && why.contains("maximum bytes exceeded")
    })
    .await;
    assert!(vigie.metric("vigie_publishes_refused_total").await > 0.0);
    vigie.incident_of(&raised).await;
    assert!(!vigie.all_sent(&stack).await.is_empty());
    assert_eq!(vigie.records().count("select count(*) from journal.dead_letter").await, 0);
    let said = vigie.log().matches("takes no facts").count();
    assert!((1..=2).contains(&said), "said once, not {said} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_comes_back_empty_has_lost_nothing() {
    let mut stack = Stack::start().await;
    let vigie = counting(&stack).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    let reports: Vec<Value> = (0..60).map(small_city::report).collect();

    let mut raised = futures::future::join_all(reports[..30].iter().map(|report| desk.raise(report))).await;
    stack.nats.wipe();
    raised.extend(futures::future::join_all(reports[30..].iter().map(|report| desk.raise(report))).await);
    stack.nats.restart().await;
    raised.push(desk.raise(&small_city::report(60)).await);

    one_mail_each(&stack, &vigie, &raised, wait::PATIENCE).await;
    let before = vigie.metric("vigie_published_total").await;
    desk.raise(&small_city::report(61)).await;
    wait::until("the bus carries facts again", wait::PATIENCE, || async {
        vigie.metric("vigie_published_total").await > before
    })
    .await;
}

#[tokio::test]
async fn a_vigie_killed_in_the_middle_of_an_escalation_goes_on_where_it_was() {
    let stack = Stack::start().await;
    // Second rank after 2.5 s, all ranks after 5, secretariat after 7.5.
    let mut vigie = Vigie::start(&stack, Options::default().time_scale(120.0)).await;
    let head = vigie.caller("college-19").await;
    let incident = vigie.incident_of(&head.raise(&at_the_school()).await).await;
    wait::until("the first steps have fired", wait::PATIENCE, || async {
        !vigie.records().steps(incident).await.is_empty()
    })
    .await;

    // At once: first mails may be half out.
    vigie.kill();
    wait::until("two steps of one circuit are overdue", wait::PATIENCE, || async {
        let overdue = "select count(*) from escalation.plan where next_due < now() - interval '2700 milliseconds'";
        vigie.records().count(overdue).await == 1
    })
    .await;
    vigie.restart().await;
    let back = now();

    let steps: BTreeMap<String, String> = vigie.whole_plan(incident).await.into_iter().collect();
    assert_eq!(steps["RIX-1/second-rang"], "folded", "{steps:?}");
    assert_eq!(steps["RIX-1/tous-les-rangs"], "fired", "{steps:?}");
    assert_eq!(steps["RIX-4/astreinte-secretariat-general"], "fired", "{steps:?}");
    let last = vigie.records().events("vigie.escalation.step-settled.v1", Some(incident)).await.pop().unwrap();
    let at = |field: &str| vigie_tests::Records::instant(&last, field);
    // Not early; and as soon as it is back, which takes as long as the machine needs.
    let possible = at("due_at").max(back);
    assert!(at("settled_at") >= at("due_at") && at("settled_at") < possible + SignedDuration::from_secs(2), "{last}");

    let issued = vigie.records().alerts_to_send().await;
    wait::until("every alert is a message", wait::PATIENCE, || async {
        let sent =
            "select count(*) from notification.delivery where state in ('sent', 'delivered') and channel <> 'screen'";
        vigie.records().count(sent).await == issued
    })
    .await;
    nothing_twice(&vigie, &stack.outbox.messages().await).await;
    assert!(vigie.records().stories_are_kept().await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_signal_accepted_before_postgres_was_killed_has_its_incident() {
    let mut stack = Stack::start().await;
    let vigie = counting(&stack).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    let load = async {
        let mut raised = Vec::new();
        for number in 0..200 {
            let key = format!("key-{number}");
            let answer = desk.try_raise(&small_city::report(number), &key).await.expect("Vigie answers all the while");
            match answer.status {
                202 => raised.push(serde_json::from_str::<Raised>(&answer.text).expect("202 says what was taken")),
                _ => assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"), "{}", answer.text),
            }
        }
        raised
    };
    let crash = async {
        wait::until("the load is under way", wait::PATIENCE, || async {
            vigie.metric("vigie_signals_accepted_total").await > 20.0
        })
        .await;
        stack.postgres.kill();
        stack.postgres.restart().await;
    };

    let (raised, ()) = tokio::join!(load, crash);

    assert!(raised.len() > 20, "{}", raised.len());
    one_mail_each(&stack, &vigie, &raised, wait::PATIENCE).await;
    vigie.ready().await;
    desk.raise(&small_city::report(1_000)).await;
    assert!(vigie.records().stories_are_kept().await > 0);
}
