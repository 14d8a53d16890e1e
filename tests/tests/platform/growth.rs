//! The journal grows by months: nothing is lost, read past or let in twice, whatever a clock says.

use jiff::SignedDuration;
use sqlx::{Connection, Executor, PgConnection, Row, migrate::Migrator};
use uuid::Uuid;
use vigie_platform::{
    database::{self, SchemaMigrations},
    health::State,
    journal::{self, Entry, Position},
};
use vigie_proto::EventId;
use vigie_tests::{Stack, wait};

use crate::probe::{House, fact};

/// A month is never longer.
const MONTH: i64 = 31 * 24;

/// A fact whose identifier was made by a clock that is wrong by so many hours.
fn made_at(text: &str, hours: i64) -> Entry {
    let mut entry = fact(text);
    let at = entry.envelope.time + SignedDuration::from_hours(hours);
    let at = uuid::Timestamp::from_unix(uuid::NoContext, at.as_second().unsigned_abs(), 0);
    entry.envelope.id = EventId(Uuid::new_v7(at));
    entry
}

async fn keep(house: &House) -> i64 {
    house.count("select journal.keep(3)").await
}

#[tokio::test]
async fn what_is_read_from_a_position_on_is_all_there_is_whatever_the_clocks() {
    let house = House::new(Stack::start_open().await).await;
    // Right, a little off, a day and more behind, months behind or ahead: in an order that mixes them.
    let hours = [0, -1, 0, -30, 2, 0, -3 * MONTH, 0, -50, 3 * MONTH, 0, -MONTH];
    let mut seed = 7_usize;
    for step in 0..96 {
        seed = (seed * 1_103 + 12_345) % 65_537;
        if step % 8 == 0 {
            keep(&house).await;
        }
        let mut entry = made_at("any", hours[seed % hours.len()]);
        if step % 13 == 0 {
            entry.envelope.id = EventId(Uuid::new_v4());
        }
        house.append(&entry).await;
    }
    assert!(house.count("select count(*) from journal.late").await > 10, "some are late");
    // The database's own clock ran ahead when it noted where the journal was; what follows is dated as it should be.
    keep(&house).await;
    house.pool.execute("update journal.mark set at = now() + interval '9 days'").await.unwrap();
    for _ in 0..5 {
        house.append(&made_at("any", 0)).await;
    }

    let mut connection = house.pool.acquire().await.unwrap();
    let all = sqlx::query("select epoch, tx, seq, event_id from journal.entry order by epoch, tx, seq");
    let all = all.fetch_all(&mut *connection).await.unwrap();
    let all: Vec<(Position, Uuid)> = all
        .iter()
        .map(|row| (Position { epoch: row.get("epoch"), tx: row.get("tx"), seq: row.get("seq") }, row.get("event_id")))
        .collect();
    assert_eq!(all.len(), 101);
    for (read, (position, _)) in all.iter().enumerate() {
        let after = journal::read_after(&mut connection, *position, 1_000).await.unwrap();
        let after: Vec<Uuid> = after.iter().map(|(_, entry)| entry.envelope.id.0).collect();
        let expected: Vec<Uuid> = all[read + 1..].iter().map(|(_, id)| *id).collect();
        assert_eq!(after, expected, "after {position}");
    }
}

#[tokio::test]
async fn a_consumer_finds_in_the_journal_what_a_slow_clock_made_without_the_bus() {
    let mut house = House::new(Stack::start_open().await).await;
    house.stack.nats.kill();
    let probe = house.consume();
    house.append(&fact("first")).await;
    wait::until("the mark has moved", wait::PATIENCE, || async { probe.times("first") == 1 }).await;
    keep(&house).await;
    for (text, hours) in [("months behind", -3 * MONTH), ("days behind", -49), ("months ahead", 6 * MONTH)] {
        house.append(&made_at(text, hours)).await;
        wait::until("it is found", wait::PATIENCE, || async { probe.times(text) == 1 }).await;
    }
}

#[tokio::test]
async fn a_fact_of_no_month_is_told_and_moves_when_its_month_is_made() {
    let mut house = House::new(Stack::start_open().await).await;
    assert_eq!(keep(&house).await, 0);
    house.append(&made_at("ahead", 6 * MONTH)).await;
    assert_eq!(keep(&house).await, 1);

    house.watch_growth();
    let health = house.context.health.clone();
    wait::until("it is told", wait::PATIENCE, || async {
        matches!(health.snapshot().1.get("journal"), Some(State::Degraded(why)) if why.contains("clock"))
    })
    .await;

    assert_eq!(house.count("select journal.keep(8)").await, 0);
    assert_eq!(house.count("select count(*) from journal.entry").await, 1);
    // Made once, whoever asks again.
    assert_eq!(house.count("select journal.keep(8)").await, 0);
}

#[tokio::test]
async fn a_partition_is_taken_off_only_when_nobody_may_want_what_is_in_it() {
    let house = House::new(Stack::start_open().await).await;
    house.append(&fact("old")).await;
    let mut admin = PgConnection::connect(&house.stack.postgres.url()).await.unwrap();
    let detach = "select journal.detach(date_trunc('month', now(), 'UTC') + interval '1 month')";
    let refused = async |admin: &mut PgConnection| admin.execute(detach).await.unwrap_err().to_string();
    assert!(refused(&mut admin).await.contains("have not reached the bus"));
    admin.execute("delete from journal.pending").await.unwrap();
    admin.execute("insert into probe.watermark values ('probe', 1, 1)").await.unwrap();
    assert!(refused(&mut admin).await.contains("may still be read by a consumer of probe.watermark"));
    let passed = "update probe.watermark set tx = pg_current_xact_id()::text::bigint";
    admin.execute(passed).await.unwrap();
    let taken: Vec<String> = sqlx::query_scalar(detach).fetch_all(&mut admin).await.unwrap();
    assert_eq!(taken, ["journal.entry_first"]);
    assert_eq!(house.count("select count(*) from journal.entry_first").await, 1);
    assert_eq!(house.count("select count(*) from journal.entry").await, 0);
    let again: Vec<String> = sqlx::query_scalar(detach).fetch_all(&mut admin).await.unwrap();
    assert!(again.is_empty());
    // What comes goes on being taken.
    house.append(&made_at("next", MONTH)).await;
    assert_eq!(house.count("select count(*) from journal.entry").await, 1);
    // Only the owner takes off.
    for login in [database::RELAY, "probe"] {
        let pool = database::pool(&house.context.config.database, login, 1).unwrap();
        let refused = pool.execute(detach).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied"), "{login}: {refused}");
    }
}

/// The journal's migrations before it was divided.
fn whole() -> SchemaMigrations {
    let SchemaMigrations { schema, migrator } = database::journal_migrations();
    let before = migrator.iter().filter(|migration| migration.version < 20_261_130_002_004).cloned().collect();
    SchemaMigrations { schema, migrator: Migrator::with_migrations(before) }
}

#[tokio::test]
async fn the_table_of_before_is_the_first_partition_and_numbers_go_on() {
    let stack = Stack::start_open().await;
    let url = stack.postgres.url();
    database::migrate(&url, &[whole()]).await.unwrap();
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let insert = "insert into journal.entry (event_id, type, subject, source, recorded_at, data)
                  values ($1, 'x', 'x', 'x', now(), '{}')";
    // The last was made by a clock that runs ahead.
    let ids = [made_at("", 0), made_at("", -3 * MONTH), made_at("", 2 * MONTH)].map(|entry| entry.envelope.id.0);
    for id in ids {
        sqlx::query(insert).bind(id).execute(&mut admin).await.unwrap();
    }
    database::migrate(&url, &[database::journal_migrations()]).await.unwrap();

    let kept: Vec<Uuid> =
        sqlx::query_scalar("select event_id from journal.entry order by seq").fetch_all(&mut admin).await.unwrap();
    assert_eq!(kept, ids);
    for id in ids {
        let twice = sqlx::query(insert).bind(id).execute(&mut admin).await.unwrap_err();
        assert!(twice.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation), "{twice}");
    }
    let last: i64 = sqlx::query_scalar("select max(seq) from journal.entry").fetch_one(&mut admin).await.unwrap();
    let next = format!("{insert} returning seq");
    let next: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(next)).bind(fact("").envelope.id.0).fetch_one(&mut admin).await.unwrap();
    assert!(next > last, "{next} after {last}");
    // Who may do what is the whole's, and nobody reaches a part.
    let porter = "select has_table_privilege('vigie_service', 'journal.entry', 'insert')
                     and not has_table_privilege('vigie_service', 'journal.entry_first', 'select')
                     and (select relrowsecurity from pg_class where oid = 'journal.entry'::regclass)
                     and (select count(*) from pg_policies where schemaname = 'journal' and tablename = 'entry') = 2";
    assert!(sqlx::query_scalar::<_, bool>(porter).fetch_one(&mut admin).await.unwrap());
}
