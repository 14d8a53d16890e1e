//! Everything is killed in turn under load. What was answered 202 is mailed about, and nobody is alerted twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use vigie_tests::{Caller, Options, Raised, Stack, Vigie, small_city, wait};

/// Signals a second.
const RATE: u32 = 50;

/// Raises signals at a steady rate for `lasting`; an answer that does not come is asked for again under the same key,
/// as a caller would, until the load is over.
async fn load(desk: &Caller, lasting: Duration) -> Vec<Raised> {
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut under_way = FuturesUnordered::new();
    let mut raised = Vec::new();
    let mut number = 0;
    while begun.elapsed() < lasting {
        tokio::select! {
            _ = ticks.tick() => {
                under_way.push(raise(desk, number, begun + lasting));
                number += 1;
            }
            Some(answer) = under_way.next() => raised.extend(answer),
        }
    }
    while let Some(answer) = under_way.next().await {
        raised.extend(answer);
    }
    raised
}

/// The answer to one signal, unless none came before `deadline`.
async fn raise(desk: &Caller, number: u32, deadline: Instant) -> Option<Raised> {
    let (report, key) = (small_city::report(number), format!("key-{number}"));
    let mut pauses = tokio::time::interval(Duration::from_millis(200));
    while Instant::now() < deadline {
        pauses.tick().await;
        let Ok(answer) = desk.try_raise(&report, &key).await else { continue };
        match answer.status {
            202 => return Some(serde_json::from_str(&answer.text).expect("202 says what was taken")),
            503 => {}
            other => assert_eq!(other, 503, "{}", answer.text),
        }
    }
    None
}

/// Kills Vigie, NATS and Postgres in turn, a second after the last has come back, until the load is nearly over.
async fn crashes(stack: &mut Stack, vigie: &mut Vigie, lasting: Duration) -> u32 {
    let until = Instant::now() + lasting;
    let mut pauses = tokio::time::interval(Duration::from_secs(1));
    pauses.tick().await;
    for crash in 0.. {
        pauses.tick().await;
        if Instant::now() > until {
            return crash;
        }
        match crash % 3 {
            0 => {
                vigie.kill();
                vigie.launch();
            }
            1 => {
                stack.nats.kill();
                stack.nats.restart().await;
            }
            _ => {
                stack.postgres.kill();
                stack.postgres.restart().await;
            }
        }
        pauses.reset();
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_signal_accepted_is_mailed_about_and_none_twice_while_everything_is_killed() {
    let lasting = Duration::from_secs(vigie_tests::fault_seconds());
    let mut stack = Stack::start().await;
    small_city::write(stack.folder());
    let generous = Options::default().set("INTAKE__RATE_BURST", 100_000).set("INTAKE__RATE_PER_MINUTE", 100_000);
    let mut vigie = Vigie::start(&stack, generous.city(stack.folder())).await;
    let desk = vigie.caller(small_city::SOURCE).await;

    let (raised, crashes) = tokio::join!(load(&desk, lasting), crashes(&mut stack, &mut vigie, lasting));

    assert!(crashes >= 3, "each was killed: {crashes}");
    vigie.ready().await;
    wait::until("every signal stored has its incident and its mail", Duration::from_mins(1), || async {
        if !vigie.records().is_quiet().await {
            return false;
        }
        let mails: BTreeSet<String> = stack.outbox.messages().await.into_iter().map(|m| m.message_id).collect();
        i64::try_from(mails.len()) == Ok(vigie.records().alerts_to_send().await)
    })
    .await;

    let incidents = incidents_of_signals(&vigie).await;
    let mut mails: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let messages = stack.outbox.messages().await;
    for message in &messages {
        let subject = message.subject.clone().unwrap_or_default();
        let reference = subject.rsplit(' ').next().unwrap_or_default().to_owned();
        mails.entry(reference).or_default().insert(message.message_id.clone());
    }
    for signal in &raised {
        let reference = incidents.get(&signal.signal_id).unwrap_or_else(|| panic!("{} was lost", signal.reference));
        let ids = mails.get(reference).unwrap_or_else(|| panic!("{reference} was not mailed about"));
        assert_eq!(ids.len(), 1, "{reference} was alerted about more than once: {ids:?}");
    }
    let signals = vigie.records().count("select count(*) from intake.signal").await;
    let keys = vigie.records().count("select count(distinct idempotency_key) from intake.signal").await;
    assert_eq!(signals, keys, "a repeated request was stored twice");
    println!(
        "{} signals accepted, {signals} stored, {crashes} kills, {} mails of which {} left again under the same Message-ID",
        raised.len(),
        messages.len(),
        messages.len() - mails.values().map(BTreeSet::len).sum::<usize>()
    );
    assert!(vigie.records().stories_are_kept().await > 0);
}

/// References of incidents, by signal id.
async fn incidents_of_signals(vigie: &Vigie) -> BTreeMap<String, String> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select s.signal_id::text, i.reference from routing.incident_signal s join routing.incident i on i.id = s.incident_id",
    )
    .fetch_all(vigie.records().pool())
    .await
    .expect("the database answers");
    rows.into_iter().collect()
}
