//! Crises and what belongs to them on a real database, as the crises' login.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::{Connection, PgConnection, error::DatabaseError};
use uuid::Uuid;
use vigie_domain::{
    city::City,
    crisis::{Crisis, Moment},
};
use vigie_proto::{
    AlertId, CrisisId, CrisisRegime, IncidentId, MobilisationId, Nature, SectorId, SignalId,
    event::{Actor, CrisisSnapshot, IncidentOpenedV1, Through},
};
use vigie_tests::{Store, shipped_city};

use super::{
    Ask, ask, claim_due, crisis_of, exercise_of, free_incidents, incident_named, link, list, lock, next_due,
    outstanding, played, read, record_ask, save, words, write,
};
use crate::key::IncidentKey;

const SECTORS: [&str; 3] = ["paris-18", "paris-19", "paris-20"];

fn at(minutes: i64) -> Timestamp {
    "2026-12-01T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

/// A crisis opened so many minutes in, over some of the sectors.
fn crisis(city: &City, number: i64, closed: bool) -> Crisis {
    let place = usize::try_from(number).unwrap() % 3;
    let sectors: Vec<SectorId> = SECTORS[place..].iter().map(|id| id.parse().unwrap()).collect();
    let snapshot = CrisisSnapshot {
        id: CrisisId(Uuid::from_u128(u128::try_from(number).unwrap() + 1)),
        reference: format!("C-2026-{number:06}"),
        regime: CrisisRegime::Local,
        nature: Nature::ALL[place % Nature::ALL.len()],
        closed: false,
        sector: sectors[0].clone(),
        sectors,
        opened_at: at(number),
    };
    let by = Actor { body: "scop".parse().unwrap(), role: "scop".parse().unwrap(), through: Through::Api };
    let (rules, zone) = (city.doctrine.crisis.as_ref().unwrap(), city.doctrine.zone.iana_name().unwrap());
    let moment = Moment { rules, zone, now: at(number), time_scale: 1.0 };
    let (mut crisis, _) = Crisis::open(snapshot, None, &by, moment).unwrap();
    crisis.snapshot.closed = closed;
    crisis
}

fn references(crises: &[Crisis]) -> Vec<&str> {
    crises.iter().map(|crisis| crisis.snapshot.reference.as_str()).collect()
}

#[tokio::test]
async fn crises_are_read_as_they_were_written_and_listed_newest_first_by_place() {
    let database = Store::start().await;
    let (pool, city) = (database.pool("crisis"), shipped_city());
    let mut connection = pool.acquire().await.unwrap();
    let mut crises: Vec<Crisis> = (0..9).map(|number| crisis(&city, number, number % 4 == 3)).collect();
    for crisis in &crises {
        save(&mut connection, crisis).await.unwrap();
    }
    crises[2].snapshot.closed = true;
    crises[2].snapshot.sectors.truncate(1);
    save(&mut connection, &crises[2]).await.unwrap();
    for crisis in &crises {
        let kept = read(&mut connection, crisis.snapshot.id).await.unwrap();
        assert_eq!(kept.map(|kept| format!("{kept:?}")), Some(format!("{crisis:?}")));
    }
    assert!(read(&mut connection, CrisisId(Uuid::nil())).await.unwrap().is_none());

    crises.reverse();
    let listed = |wanted: &dyn Fn(&Crisis) -> bool| -> Vec<String> {
        crises.iter().filter(|crisis| wanted(crisis)).map(|crisis| crisis.snapshot.reference.clone()).collect()
    };
    assert_eq!(references(&list(&mut connection, None).await.unwrap()), listed(&|_| true));
    for sector in SECTORS {
        let there = |crisis: &Crisis| crisis.snapshot.sectors.iter().any(|id| id.as_str() == sector);
        assert_eq!(references(&list(&mut connection, Some(sector)).await.unwrap()), listed(&there), "{sector}");
    }
    let open = super::open(&mut connection).await.unwrap();
    let open: BTreeSet<&str> = references(&open).into_iter().collect();
    let expected = listed(&|crisis| !crisis.snapshot.closed);
    assert_eq!(open, expected.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn what_is_due_is_claimed_by_one_alone_the_earliest_first() {
    let database = Store::start().await;
    let (pool, city) = (database.pool("crisis"), shipped_city());
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(next_due(&mut connection).await.unwrap(), None);
    for number in 0..3 {
        let crisis = crisis(&city, number, false);
        save(&mut connection, &crisis).await.unwrap();
        let due = (number < 2).then(|| at(60 - number).to_sqlx());
        let moved = "update crisis.crisis set next_due = $2 where id = $1";
        sqlx::query(moved).bind(crisis.snapshot.id.0).bind(due).execute(&mut *connection).await.unwrap();
    }
    assert_eq!(next_due(&mut connection).await.unwrap(), Some(at(59)));
    let (mut one, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let (mut one, mut other) = (one.begin().await.unwrap(), other.begin().await.unwrap());
    let reference = |crisis: Option<Crisis>| crisis.map(|crisis| crisis.snapshot.reference);
    assert_eq!(reference(claim_due(&mut one, at(58)).await.unwrap()), None);
    assert_eq!(reference(claim_due(&mut one, at(60)).await.unwrap()).as_deref(), Some("C-2026-000001"));
    assert_eq!(reference(claim_due(&mut other, at(60)).await.unwrap()).as_deref(), Some("C-2026-000000"));
    assert_eq!(reference(claim_due(&mut other, at(60)).await.unwrap()).as_deref(), Some("C-2026-000000"));

    // Whoever changes a crisis has it alone.
    sqlx::query("set local lock_timeout = '50ms'").execute(&mut *other).await.unwrap();
    let refused = lock(&mut other, CrisisId(Uuid::from_u128(2))).await.unwrap_err();
    assert_eq!(refused.as_database_error().and_then(DatabaseError::code).unwrap(), "55P03");
}

#[tokio::test]
async fn an_incident_a_text_an_ask_and_a_played_signal_belong_to_one_crisis() {
    let database = Store::start().await;
    let (pool, city) = (database.pool("crisis"), shipped_city());
    let mut connection = pool.acquire().await.unwrap();
    let ids: Vec<CrisisId> = [crisis(&city, 0, false), crisis(&city, 1, false)].map(|crisis| crisis.snapshot.id).into();
    for number in 0..2 {
        save(&mut connection, &crisis(&city, number, false)).await.unwrap();
    }
    let incident = IncidentId(Uuid::from_u128(50));
    assert!(link(&mut connection, ids[0], incident).await.unwrap());
    assert!(!link(&mut connection, ids[1], incident).await.unwrap(), "it belongs to the first");
    assert_eq!(crisis_of(&mut connection, incident).await.unwrap(), Some(ids[0]));
    assert_eq!(crisis_of(&mut connection, IncidentId(Uuid::nil())).await.unwrap(), None);

    for (of, about, text) in [(0, "report/1", "premier"), (0, "report/2", "autre"), (0, "report/1", "second")] {
        write(&mut connection, ids[of], about, text, "scop", at(1)).await.unwrap();
    }
    let written = words(&mut connection, &ids).await.unwrap();
    let of_first: Vec<(&str, &str)> = written[&ids[0]].iter().map(|(about, text)| (&**about, &**text)).collect();
    assert_eq!(of_first, [("report/1", "second"), ("report/2", "autre")]);
    assert!(!written.contains_key(&ids[1]));

    let (alert, asked) = (
        AlertId(Uuid::from_u128(60)),
        Ask {
            crisis: ids[1],
            mobilisation: MobilisationId(Uuid::from_u128(61)),
            body: "scop".parse().unwrap(),
            role: "scop".parse().unwrap(),
        },
    );
    record_ask(&mut connection, alert, &asked, at(2)).await.unwrap();
    assert_eq!(ask(&mut connection, alert).await.unwrap(), Some(asked));
    assert_eq!(ask(&mut connection, AlertId(Uuid::nil())).await.unwrap(), None);

    let signal = SignalId(Uuid::from_u128(70));
    played(&mut connection, ids[1], signal).await.unwrap();
    assert_eq!(exercise_of(&mut connection, signal).await.unwrap(), Some(ids[1]));
    assert_eq!(exercise_of(&mut connection, SignalId(Uuid::nil())).await.unwrap(), None);
}

/// An incident as its owner publishes it, written by that owner's login.
async fn published(routing: &mut PgConnection, number: u32, status: &str, nature: Nature) -> IncidentId {
    let sample = include_str!("../../../../proto/samples/vigie.incident.opened.v1.json");
    let mut snapshot = serde_json::from_str::<IncidentOpenedV1>(sample).unwrap().incident;
    snapshot.id = IncidentId(Uuid::from_u128(u128::from(number) + 100));
    snapshot.reference = format!("R-2026-{number:06}");
    snapshot.nature = nature;
    let insert = "insert into routing.incident (id, reference, version, asked_version, kind, severity, status, sector,
                    also_concerns, snapshot, situation, opened_at, last_signal_at, in_charge, regime, nature)
                  values ($1, $2, 1, 1, 'rixe', 'serious', $3, 'paris-19', '{}', $4, '{}', $5, $5, '{}', 'none', $6)";
    sqlx::query(insert)
        .bind(snapshot.id.0)
        .bind(&snapshot.reference)
        .bind(status)
        .bind(serde_json::to_value(&snapshot).unwrap())
        .bind(at(i64::from(number)).to_sqlx())
        .bind(nature.code())
        .execute(routing)
        .await
        .unwrap();
    snapshot.id
}

#[tokio::test]
async fn incidents_free_to_join_are_the_open_ones_of_the_nature_in_no_crisis() {
    let database = Store::start().await;
    let (pool, city) = (database.pool("crisis"), shipped_city());
    let mut connection = pool.acquire().await.unwrap();
    let mut routing = database.acting_as("routing").await;
    let [real, played] = [Nature::ALL[0], Nature::ALL[1]];
    let mut ids = Vec::new();
    for (status, nature) in [("open", real), ("acknowledged", real), ("closed", real), ("open", played), ("open", real)]
    {
        ids.push(published(&mut routing, u32::try_from(ids.len()).unwrap(), status, nature).await);
    }
    save(&mut connection, &crisis(&city, 0, false)).await.unwrap();
    link(&mut connection, crisis(&city, 0, false).snapshot.id, ids[4]).await.unwrap();
    let free = async |connection: &mut PgConnection, nature| -> Vec<IncidentId> {
        free_incidents(connection, nature).await.unwrap().into_iter().map(|snapshot| snapshot.id).collect()
    };
    assert_eq!(free(&mut connection, real).await, [ids[1], ids[0]]);
    assert_eq!(free(&mut connection, played).await, [ids[3]]);

    for (key, expected) in [("R-2026-000003", Some(ids[3])), ("R-2026-000009", None)] {
        let found = incident_named(&mut connection, &IncidentKey::Reference(key.to_owned())).await.unwrap();
        assert_eq!(found.map(|snapshot| snapshot.id), expected, "{key}");
    }
    let found = incident_named(&mut connection, &IncidentKey::Id(ids[2])).await.unwrap();
    assert_eq!(found.map(|snapshot| snapshot.id), Some(ids[2]));

    // What is owed under one name, also several times: the earliest that was not given.
    for (id, due, given) in [
        ("C-1/answer", Some(10), true),
        ("C-1/answer#2", Some(30), false),
        ("C-1/answer#3", Some(20), false),
        ("C-1/answer#4", None, false),
        ("C-1/answers", Some(1), false),
    ] {
        let insert = "insert into routing.owed (incident_id, id, owed, due_at, outcome, given_by, given_at)
                      values ($1, $2, '{}', $3, $4, $5, $6)";
        sqlx::query(insert)
            .bind(ids[0].0)
            .bind(id)
            .bind(due.map(|due| at(due).to_sqlx()))
            .bind(given.then_some("communicated"))
            .bind(given.then_some("scop"))
            .bind(given.then(|| at(5).to_sqlx()))
            .execute(&mut routing)
            .await
            .unwrap();
    }
    let owed = outstanding(&mut connection, ids[0], "C-1/answer").await.unwrap();
    assert_eq!(owed.as_deref(), Some("C-1/answer#3"));
    assert_eq!(outstanding(&mut connection, ids[1], "C-1/answer").await.unwrap(), None);
}
