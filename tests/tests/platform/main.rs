//! The platform on a real database and bus: consumers handle every fact once, the relay hands every fact over.

mod growth;
mod probe;

use probe::{House, Probe, fact};
use sqlx::Executor;
use uuid::Uuid;
use vigie_platform::{consumer::Handler as _, journal};
use vigie_tests::{Stack, wait};

async fn connected() -> House {
    let house = House::new(Stack::start_open().await).await;
    wait::until("the bus is there", wait::PATIENCE, || async { house.bus.is_connected() }).await;
    house.bus.ensure(&[Probe::CONSUMER]).await.expect("stream and consumer can be made");
    house
}

#[tokio::test]
async fn an_event_that_comes_twice_is_handled_once() {
    let mut house = connected().await;
    let probe = house.consume();
    let first = house.publish("first").await;
    wait::until("it is handled", wait::PATIENCE, || async { probe.times("first") == 1 }).await;

    // A new stream knows nothing of the message, so it takes and delivers it again.
    let client = async_nats::connect(house.stack.nats.url()).await.unwrap();
    async_nats::jetstream::new(client).delete_stream("VIGIE").await.unwrap();
    house.bus.ensure(&[Probe::CONSUMER]).await.unwrap();
    house.publish_again(&first).await;
    house.publish("second").await;

    wait::until("the next is handled", wait::PATIENCE, || async { probe.times("second") == 1 }).await;
    assert_eq!(probe.times("first"), 1, "{:?}", probe.shown());
    let followed = "select count(*) from journal.entry where type = 'vigie.doctrine.activated.v1'";
    wait::until("each has its one consequence", wait::PATIENCE, || async { house.count(followed).await == 2 }).await;
}

#[tokio::test]
async fn what_is_put_off_comes_again_until_it_is_done() {
    let mut house = connected().await;
    let probe = house.consume();

    house.publish("later").await;

    let settled = "select count(*) from probe.inbox";
    wait::until("it is done at the third time", wait::PATIENCE, || async { house.count(settled).await == 1 }).await;
    assert_eq!(probe.times("later"), 3, "{:?}", probe.shown());
    assert_eq!(house.count("select count(*) from journal.dead_letter").await, 0);
}

#[tokio::test]
async fn what_can_never_be_applied_is_kept_aside_and_holds_up_nobody() {
    let mut house = connected().await;
    let mut unreadable = fact("unreadable");
    unreadable.data = r#"{"directory": 7}"#.to_owned();
    let mut connection = house.pool.acquire().await.unwrap();
    journal::append(&mut connection, std::slice::from_ref(&unreadable)).await.unwrap();
    house.publish_again(&unreadable).await;
    for text in ["dead", "fails", "fine"] {
        house.publish(text).await;
    }

    let probe = house.consume();

    let dead = "select count(*) from journal.dead_letter";
    wait::until("three are dead letters", wait::PATIENCE, || async { house.count(dead).await == 3 }).await;
    let reasons: Vec<String> =
        sqlx::query_scalar("select why from journal.dead_letter order by 1").fetch_all(&house.pool).await.unwrap();
    assert_eq!(reasons[0], "always");
    assert!(reasons[1].contains("does not have the shape") && reasons[1].contains("directory"), "{reasons:?}");
    assert_eq!(reasons[2], "of no use");
    wait::until("the good one is done", wait::PATIENCE, || async {
        house.count("select count(*) from probe.inbox").await == 4
    })
    .await;
    assert!(probe.times("fine") >= 1);
    let followed = "select count(*) from journal.entry where type = 'vigie.doctrine.activated.v1'";
    assert_eq!(house.count(followed).await, 1, "a handler that fails leaves nothing behind");
}

#[tokio::test]
async fn what_was_set_aside_is_tried_again_once_when_somebody_asks() {
    let mut house = connected().await;
    house.publish("dead").await;
    let probe = house.consume();
    let dead = "select count(*) from journal.dead_letter";
    wait::until("it is set aside", wait::PATIENCE, || async { house.count(dead).await == 1 }).await;
    let ask = "insert into journal.revival (consumer, event_id, asked_by, asked_at)
               select consumer, event_id, 'admin', now() from journal.dead_letter";
    let settled = "select count(*) from journal.revival where settled_at is not null";

    house.pool.execute(ask).await.unwrap();
    wait::until("it fails once more", wait::PATIENCE, || async { house.count(settled).await == 1 }).await;
    assert_eq!(house.count("select count(*) from journal.revival where why = 'of no use'").await, 1);

    probe.mend();
    house.pool.execute(ask).await.unwrap();
    wait::until("it is applied", wait::PATIENCE, || async { house.count(settled).await == 2 }).await;
    assert_eq!(house.count("select count(*) from journal.revival where why is null").await, 1);
    let followed = "select count(*) from journal.entry where type = 'vigie.doctrine.activated.v1'";
    assert_eq!(house.count(followed).await, 1, "what follows from it follows once");
    assert_eq!(probe.times("dead"), 3, "first, tried in vain, tried again");
    assert_eq!(house.count("select count(*) from probe.inbox").await, 1);
}

#[tokio::test]
async fn without_a_bus_the_journal_brings_what_is_owed() {
    let mut stack = Stack::start_open().await;
    stack.nats.kill();
    let mut house = House::new(stack).await;
    house.journal("before it started").await;
    let probe = house.consume();

    house.journal("while it runs").await;

    wait::until("both are handled", wait::PATIENCE, || async { probe.shown().len() == 2 }).await;
    assert_eq!(probe.shown(), ["before it started", "while it runs"], "in the order of the journal");
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_not_passed_over() {
    let mut stack = Stack::start_open().await;
    stack.nats.kill();
    let mut house = House::new(stack).await;
    let probe = house.consume();
    let mut slow = house.pool.begin().await.unwrap();
    journal::append(&mut slow, &[fact("slow")]).await.unwrap();
    house.journal("quick").await;
    // Each look into the journal would move the mark, if it could.
    let looked = "select count(*) from probe.watermark";
    wait::until("the consumer has looked", wait::PATIENCE, || async { house.count(looked).await == 1 }).await;

    slow.commit().await.unwrap();

    wait::until("both are handled", wait::PATIENCE, || async { probe.shown().len() == 2 }).await;
    assert_eq!((probe.times("slow"), probe.times("quick")), (1, 1));
}

#[tokio::test]
async fn a_page_full_of_what_is_put_off_hides_nothing_behind_it() {
    let mut stack = Stack::start_open().await;
    stack.nats.kill();
    let mut house = House::new(stack).await;
    for _ in 0..600 {
        house.journal("waits").await;
    }
    house.journal("behind").await;
    let probe = house.consume();

    wait::until("what lies behind is handled", wait::PATIENCE, || async { probe.times("behind") == 1 }).await;

    probe.mend();
    let done = "select count(*) from probe.inbox";
    wait::until("each is done in the end", wait::PATIENCE, || async { house.count(done).await == 601 }).await;
    assert_eq!(house.count("select count(*) from journal.dead_letter").await, 0);
}

#[tokio::test]
async fn what_has_waited_too_long_is_set_aside_and_comes_back_with_what_it_waited_for() {
    let mut stack = Stack::start_open().await;
    stack.nats.kill();
    let mut house = House::new(stack).await;
    let (incident, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    house.journal_old("dead", incident, 3).await;
    house.journal_old("waits", incident, 2).await;
    house.journal_old("waits", other, 2).await;
    house.journal_old("waits", Uuid::from_u128(3), 0).await;
    let probe = house.consume();
    let dead = "select count(*) from journal.dead_letter";
    wait::until("three are set aside", wait::PATIENCE, || async { house.count(dead).await == 3 }).await;
    assert_eq!(house.count("select count(*) from journal.dead_letter where waits").await, 2);
    let why = "select count(*) from journal.dead_letter where why = 'waited for more than 1h: not yet'";
    assert_eq!(house.count(why).await, 2);

    // What they waited for was set aside itself, and is tried again.
    probe.mend();
    let ask = "insert into journal.revival (consumer, event_id, asked_by, asked_at)
               select consumer, event_id, 'admin', now() from journal.dead_letter where not waits";
    house.pool.execute(ask).await.unwrap();

    let applied = "select count(*) from journal.revival where settled_at is not null and why is null";
    wait::until("it is applied, and who waited for it", wait::PATIENCE, || async { house.count(applied).await == 2 })
        .await;
    let of_it = "select count(*) from journal.revival r join journal.entry e using (event_id)
                  where r.asked_by = 'probe' and e.incident_id = '00000000-0000-0000-0000-000000000001'";
    assert_eq!(house.count(of_it).await, 1, "of its own incident only");
    assert_eq!(house.count("select count(*) from journal.revival").await, 2, "each once");
}

#[tokio::test]
async fn a_stream_and_a_consumer_of_a_former_release_are_brought_up_to_date() {
    let mut house = House::new(Stack::start_open().await).await;
    let client = async_nats::connect(house.stack.nats.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let former = async_nats::jetstream::stream::Config {
        name: "VIGIE".to_owned(),
        subjects: vec!["vigie.>".to_owned()],
        max_bytes: 1 << 20,
        ..Default::default()
    };
    let stream = context.create_stream(former).await.unwrap();
    let older = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some(Probe::CONSUMER.name.to_owned()),
        filter_subjects: vec!["vigie.signal.raised.>".to_owned()],
        ..Default::default()
    };
    stream.create_consumer(older).await.unwrap();

    house.relay();
    let probe = house.consume();
    wait::until("the bus is there", wait::PATIENCE, || async { house.bus.is_connected() }).await;
    let limits = async || context.get_stream("VIGIE").await.unwrap().cached_info().config.clone();
    let wanted = house.context.config.bus.stream_max_bytes;
    wait::until("the limits are those of the configuration", wait::PATIENCE, || async {
        limits().await.max_bytes == wanted
    })
    .await;
    let filter = async || {
        let found = stream.get_consumer::<async_nats::jetstream::consumer::pull::Config>(Probe::CONSUMER.name).await;
        let config = found.unwrap().cached_info().config.clone();
        config.filter_subjects.into_iter().chain([config.filter_subject]).filter(|s| !s.is_empty()).collect::<Vec<_>>()
    };
    wait::until("it takes what this build asks for", wait::PATIENCE, || async {
        filter().await == ["vigie.directory.changed"]
    })
    .await;
    // By the bus: the journal is looked into for what is older than seconds only.
    house.publish("new type").await;
    wait::until("it is handled", wait::PATIENCE, || async { probe.times("new type") == 1 }).await;

    // Nothing is changed that is as it should be.
    let before = limits().await;
    house.bus.ensure(&[Probe::CONSUMER]).await.unwrap();
    assert_eq!(limits().await, before);
}

#[tokio::test]
async fn what_is_not_on_the_bus_goes_there_when_the_bus_returns() {
    let mut stack = Stack::start_open().await;
    stack.nats.kill();
    let mut house = House::new(stack).await;
    house.relay();
    let fresh = house.journal("handed over").await;
    house.context.fresh.push(vec![fresh]);
    house.journal("found by the sweep").await;
    assert_eq!(house.count("select count(*) from journal.pending").await, 2);

    house.stack.nats.restart().await;

    wait::until("nothing is pending", wait::PATIENCE, || async {
        house.count("select count(*) from journal.pending").await == 0
    })
    .await;
    let client = async_nats::connect(house.stack.nats.url()).await.unwrap();
    let mut stream = async_nats::jetstream::new(client).get_stream("VIGIE").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 2);
}

#[tokio::test]
async fn two_migrations_at_once_do_not_disturb_each_other() {
    let stack = Stack::start_open().await;
    let url = stack.postgres.url();
    let journal = [vigie_platform::database::journal_migrations()];

    let migrations = (0..4).map(|_| vigie_platform::database::migrate(&url, &journal));

    for outcome in futures::future::join_all(migrations).await {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn the_relay_may_take_entries_off_the_pending_list_and_nothing_else() {
    let house = House::new(Stack::start_open().await).await;
    house.journal("pending").await;
    let relay = vigie_platform::database::pool(&house.context.config.database, "relay", 2).unwrap();

    for statement in [
        "insert into journal.entry (event_id, type, subject, source, recorded_at, data)
         values (gen_random_uuid(), 'x', 'x', 'x', now(), '{}')",
        "update journal.entry set type = 'x'",
        "delete from journal.entry",
        "insert into journal.pending values (gen_random_uuid())",
    ] {
        let refused = relay.execute(statement).await.expect_err(statement);
        assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
    }
    let taken = relay.execute("delete from journal.pending").await.unwrap();
    assert_eq!(taken.rows_affected(), 1);
}
