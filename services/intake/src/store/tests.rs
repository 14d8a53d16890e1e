//! Signals on a real database, as the intake's login.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use vigie_proto::{Nature, Severity, SignalId, signal::Location};
use vigie_tests::Store;

use super::{IdempotencyKey, NewSignal, Stored, is_number_taken, move_counter_on, store};

fn now() -> Timestamp {
    "2026-12-01T08:00:00Z".parse().unwrap()
}

/// A signal of `source` under `key`, or its own, that says `text`.
fn signal(number: u128, source: &str, key: Option<&str>, text: u8) -> NewSignal {
    NewSignal {
        id: SignalId(Uuid::from_u128(number)),
        source: source.parse().unwrap(),
        source_role: "mairie".parse().unwrap(),
        source_body: "mairie-paris-19".parse().unwrap(),
        kind: "rixe".parse().unwrap(),
        severity: Severity::Tension,
        summary: Some(format!("texte {text}")),
        location: Location::Sector { sector: "paris-19".parse().unwrap() },
        occurred_at: now(),
        expected_at: None,
        parties: None,
        facts: vec!["bande".to_owned(), "armes".to_owned()],
        learnt_at: None,
        nature: Nature::Real,
        idempotency_key: key.map(|key| IdempotencyKey::new(key).unwrap()),
        fingerprint: [text; 32],
        traceparent: None,
    }
}

fn reference(stored: &Stored) -> Option<&str> {
    match stored {
        Stored::Durable { reference, .. } => Some(reference),
        Stored::KeyReused => None,
    }
}

#[tokio::test]
async fn whatever_is_handed_in_again_a_key_has_one_signal_and_one_fact() {
    let database = Store::start().await;
    let pool = database.pool("intake");
    let mut model: HashMap<(String, String), (u8, String)> = HashMap::new();
    let (mut seed, mut number, mut facts) = (11_usize, 0_u128, 0);
    let mut draw = |below: usize| {
        seed = (seed * 1_103 + 12_345) % 65_537;
        seed % below
    };
    for _ in 0..60 {
        // A batch never has one key twice: it is told apart before.
        let mut batch: Vec<NewSignal> = Vec::new();
        for _ in 0..=draw(6) {
            number += 1;
            let (source, key) = (["a", "b"][draw(2)], format!("key-{}", draw(12)));
            let text = u8::try_from(draw(2)).unwrap();
            let next = signal(number, source, Some(&key), text);
            if batch.iter().all(|known| (&known.source, known.key()) != (&next.source, next.key())) {
                batch.push(next);
            }
        }
        let (stored, entries) = store(&pool, &batch, now()).await.unwrap();
        facts += entries.len();
        for (signal, stored) in batch.iter().zip(&stored) {
            let told = reference(stored);
            let text = signal.fingerprint[0];
            match model.get(&(signal.source.to_string(), signal.key())) {
                Some((before, given)) if *before == text => assert_eq!(told, Some(given.as_str())),
                Some(_) => assert_eq!(stored, &Stored::KeyReused),
                None => {
                    let given = told.expect("what is new is stored").to_owned();
                    assert!(model.values().all(|(_, known)| *known != given), "{given} was given before");
                    model.insert((signal.source.to_string(), signal.key()), (text, given));
                }
            }
        }
    }
    let kept: i64 = sqlx::query_scalar("select count(*) from intake.signal").fetch_one(&pool).await.unwrap();
    let told: i64 = sqlx::query_scalar("select count(*) from journal.entry").fetch_one(&pool).await.unwrap();
    assert_eq!((kept, told), (i64::try_from(model.len()).unwrap(), i64::try_from(facts).unwrap()));
    assert_eq!(model.len(), facts);
}

#[tokio::test]
async fn a_counter_behind_its_table_is_moved_on_and_nothing_is_stored_meanwhile() {
    let database = Store::start().await;
    let pool = database.pool("intake");
    let first = [signal(1, "a", None, 0), signal(2, "a", None, 0)];
    store(&pool, &first, now()).await.unwrap();
    // As after a failover: what the former server gave last is not known here.
    sqlx::query("select setval('intake.signal_number', 1, false)").execute(&pool).await.unwrap();
    let next = [signal(3, "a", None, 0)];

    let taken = store(&pool, &next, now()).await.unwrap_err();
    assert!(is_number_taken(&taken), "{taken}");
    let told: i64 = sqlx::query_scalar("select count(*) from journal.entry").fetch_one(&pool).await.unwrap();
    assert_eq!(told, 2);

    move_counter_on(&pool, now()).await.unwrap();
    let (stored, _) = store(&pool, &next, now()).await.unwrap();
    assert_eq!(reference(&stored[0]), Some("S-2026-000003"));
}

#[tokio::test]
async fn an_attempt_whose_outcome_was_not_heard_is_answered_with_what_it_left() {
    let database = Store::start().await;
    let pool = database.pool("intake");
    let batch = [signal(1, "a", None, 0)];
    let (first, _) = store(&pool, &batch, now()).await.unwrap();
    let later = now() + SignedDuration::from_secs(9);
    let (again, entries) = store(&pool, &batch, later).await.unwrap();
    assert_eq!(first, again, "with the time it was received at");
    assert!(entries.is_empty());
}
