//! The doors of the bus: a message only wakes, and only the relay publishes.

use async_nats::{ConnectOptions, HeaderMap, jetstream};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;
use vigie_proto::{EventId, envelope::Envelope, permission};
use vigie_tests::{Nats, Options, Stack, Vigie, now, small_city, wait};

/// A client of that user, as whoever took its key would be.
async fn intruder(stack: &Stack, user: &str) -> jetstream::Context {
    let options = ConnectOptions::with_nkey(stack.nats.key(user)).custom_inbox_prefix(permission::inbox_of(user));
    jetstream::new(options.connect(stack.nats.url()).await.expect("the key is good"))
}

async fn administrator(stack: &Stack) -> jetstream::Context {
    let (user, password) = Nats::ADMINISTRATOR;
    let options = ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    jetstream::new(options.connect(stack.nats.url()).await.expect("the administrator comes in"))
}

async fn in_the_small_city(stack: &Stack) -> Vigie {
    small_city::write(stack.folder());
    Vigie::start(stack, Options::default().city(stack.folder())).await
}

/// A message on the bus, whoever made it up.
#[derive(Debug, Clone)]
struct Forged {
    id: Uuid,
    type_name: String,
    subject: String,
    data: String,
}

impl Forged {
    /// A fact that nobody ever journalled.
    fn new(type_name: &str, subject: &str, data: &Value) -> Self {
        let (type_name, subject) = (type_name.to_owned(), subject.to_owned());
        Self { id: Uuid::new_v4(), type_name, subject, data: data.to_string() }
    }

    /// A fact as it stands in the journal, the first of its type.
    async fn of_the_journal(vigie: &Vigie, type_name: &str) -> Self {
        let row = sqlx::query(
            "select event_id, type, subject, data::text as data from journal.entry where type = $1 order by seq limit 1",
        )
        .bind(type_name)
        .fetch_one(vigie.records().pool())
        .await
        .expect("it happened");
        Self { id: row.get("event_id"), type_name: row.get("type"), subject: row.get("subject"), data: row.get("data") }
    }

    /// Publishes it, under a message id of its own so that JetStream does not take it for a repetition.
    async fn publish(&self, bus: &jetstream::Context) {
        let envelope = Envelope {
            id: EventId(self.id),
            type_name: self.type_name.clone(),
            source: "/vigie/console".to_owned(),
            time: now(),
            cause: None,
            traceparent: None,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in envelope.headers() {
            headers.insert(name, value.as_str());
        }
        headers.insert("Nats-Msg-Id", Uuid::new_v4().to_string().as_str());
        let sent = bus.publish_with_headers(self.subject.clone(), headers, self.data.clone().into()).await;
        sent.expect("it is sent").await.expect("the bus keeps it");
    }
}

fn sample(type_name: &str) -> Value {
    let path = format!("{}/../proto/samples/{type_name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("every event has a sample");
    serde_json::from_str(&text).expect("a sample is JSON")
}

/// What anybody could see of a change.
async fn everything(stack: &Stack, vigie: &Vigie) -> Vec<i64> {
    let mut seen = vec![i64::try_from(stack.outbox.messages().await.len()).expect("few messages")];
    for table in [
        "journal.entry",
        "journal.dead_letter",
        "routing.inbox",
        "routing.incident",
        "routing.acknowledgement",
        "routing.incident_signal",
        "escalation.inbox",
        "escalation.alert",
        "notification.inbox",
        "notification.delivery",
    ] {
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")));
        seen.push(count.fetch_one(vigie.records().pool()).await.expect("the database answers"));
    }
    let open = "select count(*) from routing.incident where status = 'open'";
    seen.push(vigie.records().count(open).await);
    seen
}

/// How often, as `/metrics` says it.
async fn refused(vigie: &Vigie, consumer: &str, why: &str) -> String {
    let times = vigie.metric(&format!("vigie_bus_refused_total{{consumer=\"{consumer}\",why=\"{why}\"}}")).await;
    times.to_string()
}

#[tokio::test]
async fn a_stranger_is_refused_and_a_service_can_neither_publish_nor_touch_stream_or_consumers() {
    let stack = Stack::start().await;
    let vigie = in_the_small_city(&stack).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    desk.raise(&small_city::report(0)).await;
    vigie.all_sent(&stack).await;

    let stranger = ConnectOptions::new().connect(stack.nats.url()).await;
    assert!(stranger.unwrap_err().to_string().to_lowercase().contains("authorization"));

    let administrator = administrator(&stack).await;
    let mut stream = administrator.get_stream("VIGIE").await.unwrap();
    let before = stream.info().await.unwrap().state.messages;
    for user in ["routing", "escalation", "notification", "directory", "crisis"] {
        let mut bus = intruder(&stack, user).await;
        bus.set_timeout(std::time::Duration::from_millis(300));
        let act = bus.publish("vigie.act.recorded", "{}".into()).await.expect("it is sent");
        assert!(act.await.is_err(), "{user} publishes");
        assert!(bus.delete_stream("VIGIE").await.is_err(), "{user} deletes the stream");
        let own = bus.get_stream_no_info("VIGIE").await.unwrap();
        assert!(own.purge().await.is_err(), "{user} purges the stream");
        assert!(own.delete_consumer("routing").await.is_err(), "{user} deletes a consumer");
        let other = if user == "routing" { "escalation" } else { "routing" };
        let stolen = own.get_consumer::<jetstream::consumer::pull::Config>(other).await;
        assert!(stolen.is_err(), "{user} reads what is for {other}");
    }
    let after = stream.info().await.unwrap().state.clone();
    // The house itself may still have told of its mail meanwhile.
    assert!(after.messages >= before, "nothing is purged: {} of {before} messages", after.messages);
    assert_eq!(after.consumer_count, 6);
    assert!(stream.get_last_raw_message_by_subject("vigie.act.recorded").await.is_err(), "no act is on the stream");

    // The house goes on over its own connections.
    desk.raise(&small_city::report(1)).await;
    vigie.all_sent(&stack).await;
    assert_eq!(refused(&vigie, "routing", "absent").await, "0");
}

#[tokio::test]
async fn what_the_journal_does_not_hold_changes_nothing_and_shows() {
    let stack = Stack::start().await;
    let vigie = in_the_small_city(&stack).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    let incident = vigie.incident_of(&desk.raise(&small_city::report(0)).await).await;
    vigie.all_sent(&stack).await;
    wait::until("the mail is recorded", wait::PATIENCE, || async {
        vigie.records().count("select count(*) from notification.delivery where state = 'sent'").await == 1
    })
    .await;
    let before = everything(&stack, &vigie).await;
    let bus = intruder(&stack, permission::RELAY).await;

    let mut act = sample("vigie.act.recorded.v1");
    act["incident_id"] = json!(incident);
    act["actor"] = json!({ "body": "desk", "role": "desk", "through": "api" });
    act["act"] = json!({ "did": "close", "reason": "resolved" });
    act["at"] = json!(now());
    let mut alert = sample("vigie.alert.issued.v1");
    alert["contact"] = json!("desk-mail");
    alert["channel"] = json!("email");
    alert["body"] = json!("desk");
    alert["role"] = json!("desk");
    alert["incident"]["kind_label"] = json!("CANARY");
    let signal = sample("vigie.signal.raised.v1");
    let invented = [
        Forged::new("vigie.act.recorded.v1", "vigie.act.recorded", &act),
        Forged::new("vigie.act.recorded.v1", "vigie.signal.raised.rixe", &act),
        Forged::new("vigie.signal.raised.v1", "vigie.signal.raised.rixe", &signal),
        Forged::new("vigie.alert.issued.v1", "vigie.alert.issued.email", &alert),
    ];
    for forged in &invented {
        forged.publish(&bus).await;
    }
    // What happened, told otherwise: another type, another subject, other words.
    let opened = Forged::of_the_journal(&vigie, "vigie.incident.opened.v1").await;
    let raised = Forged::of_the_journal(&vigie, "vigie.signal.raised.v1").await;
    Forged {
        type_name: "vigie.act.recorded.v1".to_owned(),
        subject: "vigie.act.recorded".to_owned(),
        ..opened.clone()
    }
    .publish(&bus)
    .await;
    Forged { subject: "vigie.act.recorded".to_owned(), ..raised.clone() }.publish(&bus).await;
    Forged { data: raised.data.replace("serious", "fatal"), ..raised.clone() }.publish(&bus).await;
    // And what is no event at all.
    bus.publish("vigie.act.recorded", "CANARY".into()).await.unwrap().await.unwrap();

    for (consumer, why, times) in [
        ("routing", "absent", "3"),
        ("notification", "absent", "1"),
        ("routing", "type", "1"),
        ("routing", "subject", "1"),
        ("routing", "data", "1"),
        ("routing", "unreadable", "1"),
    ] {
        wait::until(&format!("{consumer} refuses: {why}"), wait::PATIENCE, || async {
            refused(&vigie, consumer, why).await == times
        })
        .await;
    }
    // A signal that comes after shows that everything before it was dealt with.
    let later = vigie.incident_of(&desk.raise(&small_city::report(1)).await).await;
    assert_ne!(later, incident);
    let messages = vigie.all_sent(&stack).await;
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|message| !message.text.contains("CANARY")));
    let grown: Vec<i64> =
        everything(&stack, &vigie).await.iter().zip(&before).map(|(after, before)| after - before).collect();
    let (incidents, acknowledgements, dead, open) = (grown[4], grown[5], grown[2], grown[11]);
    assert_eq!((incidents, acknowledgements, dead, open), (1, 0, 0, 1), "{grown:?}");
    assert_eq!(grown[3], 1, "the inbox of routing knows the new signal only");

    let ready = vigie.operator().get("/readyz").await.json();
    assert_eq!(ready["dependencies"]["nats"]["state"], "degraded", "{ready}");
    assert!(ready["dependencies"]["nats"]["why"].as_str().unwrap().contains("refused"), "{ready}");
    let log = vigie.log();
    let alarms =
        log.lines().filter(|line| line.contains("ERROR") && line.contains("not what the journal holds")).count();
    assert_eq!(alarms, 6, "one for each consumer and reason");
    assert!(!log.contains("CANARY"));
}

#[tokio::test]
async fn an_old_entry_played_again_is_not_applied_again() {
    let stack = Stack::start().await;
    let vigie = in_the_small_city(&stack).await;
    let desk = vigie.caller(small_city::SOURCE).await;
    desk.raise(&small_city::report(0)).await;
    vigie.all_sent(&stack).await;
    let bus = intruder(&stack, permission::RELAY).await;
    let raised = Forged::of_the_journal(&vigie, "vigie.signal.raised.v1").await;

    // Still in the inbox: it may be a legitimate repetition, and is only acknowledged.
    raised.publish(&bus).await;
    let pending = async || {
        let administrator = administrator(&stack).await;
        let stream = administrator.get_stream("VIGIE").await.unwrap();
        let mut consumer = stream.get_consumer::<jetstream::consumer::pull::Config>("routing").await.unwrap();
        let info = consumer.info().await.unwrap();
        info.num_pending + u64::try_from(info.num_ack_pending).unwrap()
    };
    wait::until("it is acknowledged", wait::PATIENCE, || Box::pin(async { pending().await == 0 })).await;
    assert_eq!(refused(&vigie, "routing", "watermark").await, "0");

    let passed = "select count(*) from routing.watermark w join journal.entry e on e.tx < w.tx
                   where w.consumer = 'routing' and e.type = 'vigie.signal.raised.v1'";
    wait::until("the mark has passed it", wait::PATIENCE, || async { vigie.records().count(passed).await == 1 }).await;
    // As the purge does after eight days.
    vigie.records().execute("delete from routing.inbox").await;
    raised.publish(&bus).await;

    wait::until("it is refused", wait::PATIENCE, || async { refused(&vigie, "routing", "watermark").await == "1" })
        .await;
    assert_eq!(vigie.records().count("select count(*) from routing.inbox").await, 0);
    assert_eq!(vigie.records().count("select count(*) from routing.incident").await, 1);
    assert_eq!(vigie.records().count("select count(*) from journal.dead_letter").await, 0);
}
