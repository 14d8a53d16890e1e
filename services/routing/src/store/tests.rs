//! Incidents and what is remembered of signals on a real database, as the routing's login.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection, PgConnection, error::DatabaseError};
use uuid::Uuid;
use vigie_domain::{
    assess::assess,
    doctrine::Situation,
    incident::{Change, Debt, Given, Incident},
    pattern::{Memory, Trace},
    territory::LonLat,
};
use vigie_proto::{
    ActId, CrisisRegime, IncidentId, IncidentStatus, Kind, Nature, SectorId, Severity, SignalId,
    event::{Act, ActRecordedV1, Actor, IncidentOpenedV1, IncidentSnapshot, ReturnOutcome, SignalRaisedV1, Through},
    plan::{Owed, OwedTo, Rank, Scope, Target},
    signal::Location,
};
use vigie_tests::{Store, shipped_city};

use super::{Remembered, load, lock, remember, save, save_traces};

const KINDS: [&str; 2] = ["rixe", "social-emergency"];
const SECTORS: [&str; 3] = ["paris-18", "paris-19", "paris-20"];
const STATUSES: [IncidentStatus; 3] = [IncidentStatus::Open, IncidentStatus::Acknowledged, IncidentStatus::Closed];

fn now() -> Timestamp {
    "2026-12-01T08:00:00Z".parse().unwrap()
}

/// The sample's incident, elsewhere, of another kind, some hours old; what else it has follows from its number.
fn incident(number: usize, kind: &str, sector: &str, status: IncidentStatus, hours: i64) -> Incident {
    let sample = include_str!("../../../../proto/samples/vigie.incident.opened.v1.json");
    let opened: IncidentOpenedV1 = serde_json::from_str(sample).unwrap();
    let last_signal_at = now() - SignedDuration::from_hours(hours);
    let snapshot = IncidentSnapshot {
        id: IncidentId(Uuid::from_u128(number as u128 + 1)),
        reference: format!("R-2026-{number:06}"),
        version: u32::try_from(number).unwrap() + 1,
        kind: kind.parse().unwrap(),
        status,
        sector: sector.parse().unwrap(),
        also_concerns: SECTORS[..number % 3].iter().map(|id| id.parse().unwrap()).collect(),
        opened_at: last_signal_at,
        nature: Nature::ALL[number % Nature::ALL.len()],
        ..opened.incident
    };
    let situation = Situation {
        kind: snapshot.kind.clone(),
        severity: snapshot.severity,
        raised_by: "mairie".parse().unwrap(),
        raiser: None,
        sectors: vec![snapshot.sector.clone()],
        neighbours: Vec::new(),
        school: None,
        schools_around: Vec::new(),
        regime: CrisisRegime::None,
        nature: snapshot.nature,
        expected_at: None,
    };
    let in_charge = ["mairie-paris-19", "scop"][..number % 3].iter();
    Incident {
        asked_version: snapshot.version,
        situation,
        at: number.is_multiple_of(2).then_some(LonLat { lon: 2.38, lat: 48.88 }),
        last_signal_at,
        closed_at: (status == IncidentStatus::Closed).then_some(now()),
        owed: Vec::new(),
        in_charge: in_charge.map(|body| body.parse().unwrap()).collect(),
        change: Change::New,
        snapshot,
    }
}

/// What there is to compare of an incident.
fn told(incident: &Incident) -> String {
    let Incident { snapshot, asked_version, situation, at, last_signal_at, closed_at, owed, in_charge, change: _ } =
        incident;
    let owed: Vec<_> = owed.iter().map(|debt| (&debt.owed, &debt.given)).collect();
    format!("{snapshot:?} {asked_version} {situation:?} {at:?} {last_signal_at} {closed_at:?} {owed:?} {in_charge:?}")
}

#[tokio::test]
async fn what_a_signal_may_join_or_an_act_is_about_is_loaded_as_it_was_saved_and_nothing_else() {
    let database = Store::start().await;
    let pool = database.pool("routing");
    let mut connection = pool.acquire().await.unwrap();
    let mut incidents = Vec::new();
    for kind in KINDS {
        for sector in SECTORS {
            for status in STATUSES {
                for hours in [1, 5, 30] {
                    incidents.push(incident(incidents.len(), kind, sector, status, hours));
                }
            }
        }
    }
    save(&mut connection, &incidents, &[], &[], now()).await.unwrap();
    let oldest = now() - SignedDuration::from_hours(5);
    let mut loaded_in_all = 0;
    for mask in 0..64_usize {
        let pairs = KINDS.iter().flat_map(|kind| SECTORS.iter().map(move |sector| (*kind, *sector)));
        let chosen = pairs.enumerate().filter(|(place, _)| mask & (1 << place) > 0).map(|(_, pair)| pair);
        let places: BTreeSet<(Kind, SectorId)> =
            chosen.map(|(kind, sector)| (kind.parse().unwrap(), sector.parse().unwrap())).collect();
        let acted_on: BTreeSet<IncidentId> =
            incidents.iter().skip(mask % 7).step_by(11).map(|incident| incident.snapshot.id).collect();
        let wanted = |incident: &&Incident| {
            let place = (incident.snapshot.kind.clone(), incident.snapshot.sector.clone());
            let joins = places.contains(&place)
                && incident.snapshot.status != IncidentStatus::Closed
                && incident.last_signal_at >= oldest;
            joins || acted_on.contains(&incident.snapshot.id)
        };
        let expected: Vec<String> = incidents.iter().filter(wanted).map(told).collect();
        let loaded = load(&mut connection, &places, &acted_on, oldest).await.unwrap();
        assert_eq!(loaded.iter().map(told).collect::<Vec<_>>(), expected, "{places:?}");
        assert!(loaded.iter().all(|incident| incident.change == Change::Untouched));
        loaded_in_all += loaded.len();
    }
    assert!(loaded_in_all > 500, "{loaded_in_all}");
}

#[tokio::test]
async fn what_changed_is_written_over_and_what_did_not_is_left() {
    let database = Store::start().await;
    let pool = database.pool("routing");
    let mut connection = pool.acquire().await.unwrap();
    let mut one = incident(3, "rixe", "paris-19", IncidentStatus::Open, 1);
    let owed = |id: &str| Owed {
        id: id.to_owned(),
        circuit: "C-1".to_owned(),
        lines: "12-14".to_owned(),
        what: "ce qui est devenu du signalement".to_owned(),
        by: Target {
            role: "mairie".parse().unwrap(),
            scope: Scope::City,
            rank: Rank::First,
            serves: None,
            otherwise: Vec::new(),
        },
        to: OwedTo::Raiser,
        due_at: Some(now() + SignedDuration::from_hours(24)),
        from_closing: None,
        blocks_closing: true,
        may_be_unknown: false,
    };
    let debt = |id: &str| Debt { owed: owed(id), given: None, change: Change::New };
    one.owed = vec![debt("C-1/answer"), debt("C-1/answer#2")];
    let signal = SignalId(Uuid::from_u128(7));
    save(&mut connection, std::slice::from_ref(&one), &[(signal, one.snapshot.id)], &[], now()).await.unwrap();

    one.change = Change::Updated;
    one.snapshot.version += 1;
    one.snapshot.severity = Severity::Fatal;
    one.snapshot.status = IncidentStatus::Acknowledged;
    one.in_charge = vec!["scop".parse().unwrap(), "mairie-paris-19".parse().unwrap()];
    let given = Given { by: "mairie-paris-19".parse().unwrap(), outcome: ReturnOutcome::Communicated, at: now() };
    one.owed[1] = Debt { given: Some(given), change: Change::Updated, ..one.owed[1].clone() };
    let act = ActRecordedV1 {
        act_id: ActId(Uuid::from_u128(9)),
        incident_id: one.snapshot.id,
        actor: Actor { body: "scop".parse().unwrap(), role: "scop".parse().unwrap(), through: Through::Link },
        act: Act::Acknowledge { version: 4, alert_id: None },
        at: now(),
    };
    let acts = [act.clone(), act];
    save(&mut connection, std::slice::from_ref(&one), &[], &acts, now()).await.unwrap();
    // Untouched: what it says now is not what was decided.
    let mut stale = one.clone();
    (stale.change, stale.snapshot.version) = (Change::Untouched, 99);
    save(&mut connection, &[stale], &[], &[], now()).await.unwrap();

    let acted_on = BTreeSet::from([one.snapshot.id]);
    let loaded = load(&mut connection, &BTreeSet::new(), &acted_on, now()).await.unwrap();
    assert_eq!(loaded.iter().map(told).collect::<Vec<_>>(), [told(&one)]);
    let kept: (i64, String) = sqlx::query_as("select count(*), min(through) from routing.acknowledgement")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(kept, (1, "link".to_owned()), "an act heard twice counts once");

    // Taken out and joined elsewhere: it belongs to one incident.
    let other = incident(4, "rixe", "paris-19", IncidentStatus::Open, 1);
    save(&mut connection, std::slice::from_ref(&other), &[(signal, other.snapshot.id)], &[], now()).await.unwrap();
    let owners: Vec<Uuid> = sqlx::query_scalar("select incident_id from routing.incident_signal where signal_id = $1")
        .bind(signal.0)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    assert_eq!(owners, [other.snapshot.id.0]);
}

#[tokio::test]
async fn one_place_is_judged_by_one_at_a_time_and_numbers_are_given_once() {
    let database = Store::start().await;
    let pool = database.pool("routing");
    let (mut one, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let mut first = one.begin().await.unwrap();
    let places = |ids: &[&str]| -> BTreeSet<(Kind, SectorId)> {
        ids.iter().map(|id| ("rixe".parse().unwrap(), id.parse().unwrap())).collect()
    };
    let (none, nowhere) = (BTreeSet::new(), BTreeSet::new());
    let numbers = lock(&mut first, &places(&["paris-18", "paris-19"]), &none, 3).await.unwrap();
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 3);
    let watched = BTreeSet::from(["social-emergency".parse().unwrap()]);
    assert!(lock(&mut first, &places(&["paris-18"]), &watched, 0).await.unwrap().is_empty(), "nothing to judge");
    lock(&mut first, &nowhere, &watched, 1).await.unwrap();
    assert_eq!(waits(&mut other, &places(&["paris-20"]), &none).await, Ok(1));
    assert_eq!(waits(&mut other, &places(&["paris-19", "paris-20"]), &none).await, Err("55P03".to_owned()));
    assert_eq!(waits(&mut other, &nowhere, &watched).await, Err("55P03".to_owned()));
    first.commit().await.unwrap();
    assert_eq!(waits(&mut other, &places(&["paris-19", "paris-20"]), &watched).await, Ok(1));
}

/// How many numbers are given for these places; the code of the error if somebody else holds one of them.
async fn waits(
    connection: &mut PgConnection,
    places: &BTreeSet<(Kind, SectorId)>,
    watched: &BTreeSet<Kind>,
) -> Result<usize, String> {
    let mut tx = connection.begin().await.unwrap();
    sqlx::query("set local lock_timeout = '50ms'").execute(&mut *tx).await.unwrap();
    let numbers = lock(&mut tx, places, watched, 1).await;
    tx.rollback().await.unwrap();
    let code = |error: sqlx::Error| error.as_database_error().and_then(DatabaseError::code).unwrap().into_owned();
    numbers.map(|numbers| numbers.len()).map_err(code)
}

/// What is remembered is what was noted within the days its rule gives, of its severity and not spent.
#[tokio::test]
async fn traces_come_back_until_they_are_spent_or_too_old() {
    let database = Store::start().await;
    let pool = database.pool("routing");
    let mut connection = pool.acquire().await.unwrap();
    let city = shipped_city();
    let kind: Kind = "rixe".parse().unwrap();
    let rule = city.doctrine.kind(&kind).unwrap();
    let sum = rule.accumulation.as_ref().unwrap();
    let day = SignedDuration::from_hours(24);
    let oldest = now() - day * i32::try_from(sum.within_days).unwrap();
    let place = assess(&Location::School { uai: "0750507U".parse().unwrap() }, 1_000.0, rule, &city.territory).unwrap();
    let raised = |number: u128, severity, received_at| {
        let sample = include_str!("../../../../proto/samples/vigie.signal.raised.v1.json");
        let sample: SignalRaisedV1 = serde_json::from_str(sample).unwrap();
        SignalRaisedV1 { signal_id: SignalId(Uuid::from_u128(number)), severity, received_at, ..sample }
    };
    let others = Severity::ALL.into_iter().find(|severity| *severity != sum.severity).unwrap();
    let mut remembered = Remembered::default();
    let mut expected: Vec<Trace> = Vec::new();
    for (number, nature, severity, at) in [
        (1, Nature::Real, sum.severity, oldest),
        (2, Nature::Real, sum.severity, oldest - SignedDuration::from_secs(1)),
        (3, Nature::Real, others, now()),
        (4, Nature::ALL[1], sum.severity, now()),
    ] {
        let mut memory = Memory::default();
        memory.complete(&raised(number, severity, at), &place, rule, at);
        expected.extend(memory.traces.iter().filter(|_| number == 1 || number == 4).cloned());
        save_traces(&mut connection, &Remembered::from([((kind.clone(), nature), memory)])).await.unwrap();
    }
    let watched = BTreeSet::from([kind.clone()]);
    let recalled = remember(&mut connection, &watched, &city, now()).await.unwrap();
    remembered.extend(recalled);
    let traces: Vec<Trace> = remembered.values().flat_map(|memory| memory.traces.clone()).collect();
    assert_eq!(traces, expected);

    // Enough of them make one graver signal, and are spent by it.
    let memory = remembered.get_mut(&(kind.clone(), Nature::Real)).unwrap();
    let pattern = (10..).find_map(|number| memory.complete(&raised(number, sum.severity, now()), &place, rule, now()));
    assert!(pattern.is_some());
    save_traces(&mut connection, &remembered).await.unwrap();
    let left = remember(&mut connection, &watched, &city, now()).await.unwrap();
    assert!(left.get(&(kind, Nature::Real)).is_none_or(|memory| memory.traces.iter().all(|trace| trace.spent)));
}
