//! One poisoned signal harms nobody: whatever shares its commit is durable exactly once, and it is refused alone.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, json};
use vigie_tests::{Answer, Caller, Options, Stack, Vigie, small_city, wait};

/// The database refuses a signal for the words of its text, with the SQLSTATE they name: no check of ours knows that.
const REFUSE: &str = "create function intake.refuse_for_test() returns trigger language plpgsql as $$ begin
    if new.summary like 'refuse %' then
        raise exception 'refused by the test' using errcode = substr(new.summary, 8);
    end if;
    return new; end $$;
    create trigger refuse_for_test before insert on intake.signal for each row execute function intake.refuse_for_test()";
/// SQLSTATEs of content that cannot be kept.
const OF_CONTENT: [&str; 5] = ["22021", "22P05", "23514", "54000", "P0001"];
/// The database's own trouble, here with one signal only: the disk is full.
const UNWELL: &str = "53100";

/// One signal of a mix.
#[derive(Debug, Clone)]
enum Sort {
    Good,
    GoodByForm,
    /// The form's key is this.
    Key(String),
    /// The text holds a character that no text may.
    Control(char),
    /// The database refuses it with this SQLSTATE, whatever Vigie's own checks say.
    Refused(&'static str),
}

impl Sort {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            5 => Just(Self::Good),
            2 => Just(Self::GoodByForm),
            1 => prop_oneof![
                Just("a\0b".to_owned()),
                // Too long for an index even when it is compressed.
                "[a-zA-Z0-9]{9000}",
                "[a-z]{1,5}[\u{1}-\u{1f}\u{7f}-\u{9f}é][a-z]{1,5}",
            ].prop_map(Self::Key),
            1 => prop_oneof![Just('\0'), Just('\u{1b}'), Just('\u{85}')].prop_map(Self::Control),
            1 => proptest::sample::select(&OF_CONTENT[..]).prop_map(Self::Refused),
            1 => Just(Self::Refused(UNWELL)),
        ]
    }

    /// It passes Vigie's checks and waits for a commit.
    fn is_committed(&self) -> bool {
        matches!(self, Self::Good | Self::GoodByForm | Self::Refused(_))
    }

    fn is_good(&self) -> bool {
        matches!(self, Self::Good | Self::GoodByForm)
    }

    fn status(&self) -> u16 {
        match self {
            Self::Good => 202,
            Self::GoodByForm => 303,
            Self::Refused(UNWELL) => 503,
            Self::Key(_) | Self::Control(_) | Self::Refused(_) => 422,
        }
    }
}

/// A signal to raise.
#[derive(Debug, Clone)]
struct Signal {
    sort: Sort,
    key: String,
    /// Where it is; small enough for `small_city::report`.
    number: u32,
}

/// Vigie, and who raises.
struct Desk {
    vigie: Vigie,
    api: Caller,
    cookie: String,
}

impl Desk {
    async fn start(stack: &Stack) -> Self {
        small_city::write(stack.folder());
        let options = Options::default().city(stack.folder()).set("INTAKE__RATE_BURST", 100_000);
        let vigie = Vigie::start(stack, options).await;
        let api = vigie.caller(small_city::SOURCE).await;
        let cookie = vigie.browser(small_city::SOURCE).await;
        sqlx::raw_sql(REFUSE).execute(vigie.records().pool()).await.expect("the database takes a trigger");
        Self { vigie, api, cookie }
    }

    async fn raise(&self, signal: &Signal) -> Answer {
        let Signal { sort, key, number } = signal;
        let mut report = small_city::report(*number);
        match sort {
            Sort::Good => {}
            Sort::Control(c) => report["summary"] = json!(format!("un{c}mot")),
            Sort::Refused(state) => report["summary"] = json!(format!("refuse {state}")),
            Sort::GoodByForm => return self.by_form(key, &report).await,
            Sort::Key(poisoned) => return self.by_form(poisoned, &report).await,
        }
        self.api.try_raise(&report, key).await.expect("Vigie answers")
    }

    async fn by_form(&self, key: &str, report: &Value) -> Answer {
        let point = format!("{}, {}", report["location"]["lat"], report["location"]["lon"]);
        let answers = [
            ("kind", "rixe"),
            ("severity", "tension"),
            ("place", "point"),
            ("point", &point),
            ("when", "now"),
            ("key", key),
        ];
        self.vigie.anyone().post_form("/signaler", &answers, Some(&self.cookie)).await
    }

    /// Raises a mix whose signals share one commit, and returns the answers in its order.
    async fn share_a_commit(&self, mix: &[Signal]) -> Vec<Answer> {
        let records = self.vigie.records();
        let mut lock = records.pool().begin().await.expect("the database answers");
        sqlx::query("lock table intake.signal in exclusive mode").execute(&mut *lock).await.expect("a lock");
        let held_up = async |loops: i64| {
            wait::until("commits wait for the table", wait::PATIENCE, || async {
                let waiting =
                    "select count(*) from pg_locks where relation = 'intake.signal'::regclass and not granted";
                records.count(waiting).await == loops
            })
            .await;
        };
        // Each loop has a signal it cannot store yet: whatever comes now waits for the next commit.
        let first = async { self.api.raise(&small_city::report(30_000)).await };
        let second = async {
            held_up(1).await;
            self.api.raise(&small_city::report(30_001)).await
        };
        let all = async {
            held_up(2).await;
            join_all(mix.iter().map(|signal| self.raise(signal))).await
        };
        let committed = count(mix, Sort::is_committed);
        let unlock = async {
            held_up(2).await;
            wait::until("all of them wait for one commit", wait::PATIENCE, || async {
                self.shows("vigie_signals_waiting", committed).await
            })
            .await;
            lock.rollback().await.expect("the lock goes");
        };
        tokio::join!(first, second, all, unlock).2
    }

    /// How many rows and how many facts there are of a key.
    async fn kept(&self, key: &str) -> (i64, i64) {
        sqlx::query_as(
            "select count(distinct s.id), count(e.seq) from intake.signal s
               left join journal.entry e on e.type = 'vigie.signal.raised.v1' and e.data ->> 'signal_id' = s.id::text
              where s.idempotency_key = $1",
        )
        .bind(key)
        .fetch_one(self.vigie.records().pool())
        .await
        .expect("the database answers")
    }

    /// Whether the series of `/metrics` stands at `count`.
    async fn shows(&self, series: &str, count: u32) -> bool {
        (self.vigie.metric(series).await - f64::from(count)).abs() < 0.5
    }

    async fn signals(&self) -> i64 {
        self.vigie.records().count("select count(*) from intake.signal").await
    }
}

/// Raises the mix, and checks that each signal is answered and kept as if it were alone.
async fn harms_nobody(desk: &Desk, mix: &[Signal]) -> Result<(), TestCaseError> {
    let before = desk.signals().await;
    let answers = desk.share_a_commit(mix).await;
    for (signal, answer) in mix.iter().zip(&answers) {
        prop_assert_eq!(answer.status, signal.sort.status(), "{:?}: {}", signal, answer.text);
        if let Sort::Refused(state) = signal.sort {
            let code = if state == UNWELL { "unavailable" } else { "content-refused" };
            prop_assert_eq!(answer.code(), code);
        }
        // The form is shown again; a key that is none was not kept under any other.
        let kept = if signal.sort.is_good() { (1, 1) } else { (0, 0) };
        prop_assert_eq!(desk.kept(&signal.key).await, kept, "{:?}", signal);
    }
    let good = count(mix, Sort::is_good);
    prop_assert_eq!(desk.signals().await - before, i64::from(good) + 2, "nothing else, but the two that came before");
    Ok(())
}

fn count(mix: &[Signal], what: impl Fn(&Sort) -> bool) -> u32 {
    mix.iter().map(|signal| u32::from(what(&signal.sort))).sum()
}

fn numbered(sorts: Vec<Sort>, round: u32) -> Vec<Signal> {
    let signals = sorts.into_iter().zip(0_u32..);
    signals.map(|(sort, number)| Signal { sort, number, key: format!("signal-{round}-{number}") }).collect()
}

#[test]
fn whatever_shares_a_commit_is_durable_once_and_what_is_poisoned_is_refused_alone() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stack = runtime.block_on(Stack::start());
    let desk = runtime.block_on(Desk::start(&stack));
    let (round, refused) = (AtomicU32::new(0), AtomicU32::new(0));
    let config = Config { cases: 12, failure_persistence: None, max_shrink_iters: 64, ..Config::default() };

    let outcome = TestRunner::new(config).run(&vec(Sort::any(), 2..48), |sorts| {
        let mix = numbered(sorts, round.fetch_add(1, Ordering::Relaxed));
        let of_content = |sort: &Sort| matches!(sort, Sort::Refused(state) if *state != UNWELL);
        refused.fetch_add(count(&mix, of_content), Ordering::Relaxed);
        runtime.block_on(harms_nobody(&desk, &mix))
    });

    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    runtime.block_on(async {
        let counted = desk.shows("vigie_signals_poisoned_total", refused.into_inner()).await;
        assert!(counted, "each refusal is counted once");
        // Nothing was remembered of what was refused: once the cause is gone the same is taken.
        let one = Signal { sort: Sort::Refused("23514"), number: 7, key: "again".to_owned() };
        desk.raise(&one).await.expect(422);
        desk.vigie.records().execute("drop trigger refuse_for_test on intake.signal").await;
        desk.raise(&one).await.expect(202);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_with_a_key_that_is_none_does_not_fail_the_fifty_five_beside_it() {
    let stack = Stack::start().await;
    let desk = Desk::start(&stack).await;
    let long: String = (0..9_000_u32).map(|n| char::from(b'a' + u8::try_from(n * n % 26).unwrap())).collect();
    let mut sorts = vec![Sort::Good; 55];
    sorts.insert(20, Sort::Key("a\0b".to_owned()));
    sorts.insert(40, Sort::Key(long));
    let mix = numbered(sorts, 0);

    harms_nobody(&desk, &mix).await.unwrap();

    // One with a NUL goes no further than the door; one too long gets the form again.
    let refused = desk.raise(&mix[40]).await.expect(422);
    assert!(refused.text.contains("relisez vos réponses"), "{}", refused.text);
    let fresh = refused.text.split_once(r#"name="key" value=""#).expect("the form again").1.split('"').next().unwrap();
    assert!(uuid::Uuid::try_parse(fresh).is_ok(), "with a key of its own: {fresh}");
    let mended = Signal { sort: Sort::Key(fresh.to_owned()), ..mix[40].clone() };
    desk.raise(&mended).await.expect(303);
    assert_eq!(desk.kept(fresh).await, (1, 1));
}

/// What cannot be stored is found before it shares a commit, in whatever field it stands.
#[tokio::test]
async fn no_text_with_a_character_that_cannot_be_kept_reaches_a_commit() {
    let stack = Stack::start().await;
    let desk = Desk::start(&stack).await;
    let report = |field: &str, value: Value| {
        let mut report = small_city::report(1);
        report[field] = value;
        report
    };
    for (case, report, field) in [
        ("summary", report("summary", json!("un\0mot")), "summary"),
        ("facts", report("facts", json!(["a\0b"])), "facts"),
        ("a long fact", report("facts", json!(["a".repeat(9_000)])), "facts"),
        ("kind", report("kind", json!("ri\0xe")), "kind"),
        ("address", report("location", json!({ "address": "1 rue\0 de Rivoli" })), "location.address"),
        ("a long address", report("location", json!({ "address": "a".repeat(9_000) })), "location.address"),
        ("school", report("location", json!({ "school": "075\u{0}507U" })), "location.school"),
        ("sector", report("location", json!({ "sector": "paris\0" })), "location.sector"),
        ("weapons", report("parties", json!({ "weapons": "none\0" })), "parties.weapons"),
    ] {
        let answer = desk.api.post("/api/v1/signals", &report).await.expect(422);
        assert_eq!(
            (answer.code().as_str(), answer.faulty_fields().contains(&field.to_owned())),
            ("invalid-fields", true),
            "{case}: {}",
            answer.text
        );
    }
    assert!(desk.shows("vigie_signals_poisoned_total", 0).await, "the database was not asked");
    assert_eq!(desk.signals().await, 0);
}
