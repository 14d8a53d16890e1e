//! Streams played in virtual time, beside what the rules give by hand.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;
use vigie_domain::{
    assess::assess,
    audience::{Resolved, resolve},
    city::City,
    directory::DirectoryFiles,
    doctrine::{Situation, freeze},
    escalation::Escalation,
    incident::Incident,
    simulation::{Answered, Answers, Due, Observer, Simulation, Told, Unplaced},
    territory::Territory,
};
use vigie_proto::{
    IncidentStatus, Kind, Nature, RoleId, SectorId, Severity, SignalId, SourceId, event::SignalRaisedV1,
    signal::Location,
};

const DOCTRINE: &str = r#"
timezone = "Europe/Paris"

[kinds.brawl]
label = "Brawl"
default_severity = "tension"
schools_within_m = 300
neighbours_within_m = 200
correlation = { radius_m = 300, window_min = 60 }
accumulation = { severity = "watch", count = 3, within_days = 7, radius_m = 500, becomes = "tension" }
retaliation = { after = ["fatal"], days = 7, radius_m = 1000, becomes = "serious" }

[undeliverable]
tell = [{ role = "desk", in = "city" }]
channels = ["email"]
"#;

const FICHE: &str = r#"
[fiche]
id = "T.1"
title = "Ladder"
lines = "1"

[[circuit]]
id = "LADDER"
title = "Ladder"
lines = "1"
kinds = ["brawl"]
severities = ["tension", "serious", "fatal"]
satisfied_by = "anyone"

[[circuit.owed]]
id = "answer"
what = "an answer"
lines = "2"
by = { role = "desk", in = "city" }
to = "raiser"
within_min = 300
blocks_closing = true
timing = "default"

[[circuit.step]]
id = "sector"
after_min = 0
expects = "acknowledgement"
channels = ["email"]
timing = "default"
tell = [{ role = "post", in = "sector" }]

[[circuit.step]]
id = "again"
after_min = 10
unless = "acknowledged"
expects = "acknowledgement"
channels = ["sms", "email"]
timing = "default"
tell = [{ role = "post", in = "sector", rank = "all" }]

[[circuit.step]]
id = "desk"
after_min = 30
unless = "acknowledged"
expects = "acknowledgement"
channels = ["screen"]
timing = "default"
tell = [{ role = "desk", in = "city" }]

[[circuit]]
id = "WEAK"
title = "Read together"
lines = "3"
kinds = ["brawl"]
severities = ["watch"]
satisfied_by = "anyone"

[[circuit.step]]
id = "together"
next_local = ["08:00", "17:00"]
expects = "nothing"
channels = ["email"]
timing = "default"
tell = [{ role = "post", in = "sector" }]
"#;

const ROLES: &str =
    "[desk]\nlabel = \"Desk\"\nintervenes = true\nraises = [\"brawl\"]\n[post]\nlabel = \"Post\"\nintervenes = true\n";

const BODIES: &str = "id,role,territory,name\n\
    desk,desk,city,Desk\n\
    post-18,post,paris-18,Post 18\n\
    post-19,post,paris-19,Post 19\n";

const CONTACTS: &str = "id,body,channel,address,duty\n\
    desk-screen,desk,screen,room,\n\
    desk-email,desk,email,desk@example.org,\n\
    post-18-email,post-18,email,post18@example.org,\n\
    post-19-email,post-19,email,post19@example.org,\n\
    post-19-a,post-19,sms,+33639980001,a\n\
    post-19-b,post-19,sms,+33639980002,b\n";

const ROSTERS: &str = "timezone = \"Europe/Paris\"\n[[roster]]\nbody = \"post-19\"\nstarts = \"2026-01-05T08:00\"\nevery_days = 1\norder = [\"a\", \"b\"]\n";

static CITY: LazyLock<City> = LazyLock::new(|| {
    let territory = include_bytes!("../../../config/territory/paris.territory");
    let directory = DirectoryFiles {
        roles_toml: ROLES.into(),
        bodies_csv: BODIES.into(),
        contacts_csv: CONTACTS.into(),
        rosters_toml: ROSTERS.into(),
        sources_csv: "id,role,body,territory,name\n".into(),
        overrides_csv: String::new(),
    };
    let doctrine = [("doctrine.toml", DOCTRINE), ("t-1.toml", FICHE)];
    let doctrine: BTreeMap<String, String> = doctrine.map(|(name, text)| (name.into(), text.into())).into();
    City::read(Territory::from_bytes(territory).unwrap(), &directory, &doctrine).unwrap()
});

/// What was seen, one line each.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Log(Vec<String>);

impl Log {
    fn of(&self, word: &str) -> Vec<&str> {
        self.0.iter().filter(|line| line.contains(word)).map(String::as_str).collect()
    }
}

impl Observer for Log {
    fn unplaced(&mut self, _: &SignalRaisedV1, why: &Unplaced) {
        self.0.push(format!("unplaced: {why}"));
    }
    fn opened(&mut self, at: Timestamp, incident: &Incident, _: &SignalRaisedV1) {
        let snapshot = &incident.snapshot;
        self.0.push(format!("{at} opened {} {} {}", snapshot.sector, snapshot.severity, snapshot.nature.code()));
    }
    fn told(&mut self, told: &Told<'_>) {
        let (telling, with) = (told.telling, if told.shares_message { " (shared)" } else { "" });
        self.0.push(format!("{} told {} by {}{with}", told.at, telling.contact, telling.steps.join("+")));
    }
    fn took_charge(&mut self, answered: &Answered<'_>) {
        self.0.push(format!("{} taken by {}", answered.at, answered.body));
    }
    fn unanswered(&mut self, at: Timestamp, _: &Incident) {
        self.0.push(format!("{at} unanswered"));
    }
    fn returned(&mut self, due: &Due<'_>) {
        self.0.push(format!("{} returned {}", due.at, due.debt.owed.id));
    }
    fn overdue(&mut self, due: &Due<'_>) {
        self.0.push(format!("{} overdue {}", due.at, due.debt.owed.id));
    }
    fn closed(&mut self, at: Timestamp, _: &Incident) {
        self.0.push(format!("{at} closed"));
    }
}

fn start() -> Timestamp {
    "2026-11-23T15:00:00Z".parse().unwrap()
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// In the middle of the 19th, `east` thousandths of a degree (73 m each) further on.
fn signal(number: u128, after_min: i64, severity: Severity, east: f64) -> SignalRaisedV1 {
    SignalRaisedV1 {
        signal_id: SignalId(Uuid::from_u128(number)),
        reference: format!("S-{number}"),
        source: SourceId::new("desk").unwrap(),
        source_role: RoleId::new("desk").unwrap(),
        kind: Kind::new("brawl").unwrap(),
        severity,
        location: Location::Point { lon: 2.3791 + east / 1e3, lat: 48.8853, accuracy_m: 0.0 },
        occurred_at: start() + minutes(after_min),
        expected_at: None,
        parties: None,
        facts: Vec::new(),
        received_at: start() + minutes(after_min),
        source_body: None,
        learnt_at: None,
        nature: Nature::Real,
    }
}

fn answers(text: &str) -> Answers {
    Answers::read(text, &CITY.directory).unwrap()
}

fn play(signals: &[SignalRaisedV1], answers: &Answers, seed: u64) -> Log {
    let mut simulation = Simulation::new(&CITY, answers, seed, Log::default());
    for signal in signals {
        simulation.signal(signal).unwrap();
    }
    simulation.finish(start() + minutes(60 * 24 * 30))
}

#[test]
fn what_is_told_is_what_the_plan_the_machine_and_the_roster_give_by_hand() {
    let signal = signal(1, 0, Severity::Serious, 0.0);
    let played = play(std::slice::from_ref(&signal), &Answers::nobody(), 0);

    let rule = CITY.doctrine.kind(&signal.kind).unwrap();
    let place = assess(&signal.location, 150.0, rule, &CITY.territory).unwrap();
    let situation = Situation {
        kind: signal.kind.clone(),
        severity: signal.severity,
        raised_by: signal.source_role.clone(),
        raiser: None,
        sectors: place.sectors,
        neighbours: place.neighbours,
        school: place.school,
        schools_around: place.schools_around,
        regime: vigie_proto::CrisisRegime::None,
        nature: Nature::Real,
        expected_at: None,
    };
    let mut escalation = Escalation::start(freeze(&CITY.doctrine, &situation, start(), 1.0), 1);
    let mut by_hand = Vec::new();
    for minute in 0..60 * 24 {
        let now = start() + minutes(minute);
        let Resolved { tellings, nobody, .. } = resolve(&escalation.settle_due(now), &[], &CITY.directory, now);
        assert!(nobody.is_empty());
        by_hand.extend(tellings.into_iter().map(|t| format!("{now} told {} by {}", t.contact, t.steps.join("+"))));
    }
    assert_eq!(by_hand.len(), 5, "one, then three by the whole roster, then the desk: {by_hand:?}");
    assert_eq!(played.of(" told "), by_hand);
    assert_eq!(played.of("unanswered"), ["2026-11-23T15:30:00Z unanswered"]);
}

#[test]
fn a_seed_decides_everything_and_another_decides_otherwise() {
    let model =
        answers("[default]\nanswers = 0.5\nmedian_min = 8\np90_min = 40\n[returns]\ngives = 0.5\nmedian_min = 90\n");
    let signals: Vec<_> =
        (0..40u8).map(|n| signal(n.into(), 70 * i64::from(n), Severity::Tension, f64::from(n % 5) * 3.0)).collect();
    let first = play(&signals, &model, 1);
    assert_eq!(first, play(&signals, &model, 1));
    assert_ne!(first, play(&signals, &model, 2));
    assert!(first.of("taken by").len() > 5);
}

#[test]
fn an_answer_stops_the_ladder_and_the_incident_closes_once_what_is_owed_is_given() {
    let model = answers(
        "[default]\nanswers = 1.0\nmedian_min = 12\n[returns]\ngives = 1.0\nmedian_min = 200\n\
         [closing]\nafter_min = 60\nunanswered_after_min = 600\n",
    );
    let log = play(&[signal(1, 0, Severity::Tension, 0.0)], &model, 0);
    let lines: Vec<&str> = log.0.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        lines,
        [
            "opened paris-19 tension real",
            "told post-19-email by LADDER/sector",
            "told post-19-a by LADDER/again",
            "told post-19-b by LADDER/again",
            "told post-19-email by LADDER/again",
            "taken by post-19",
            "returned LADDER/answer",
            "closed",
        ]
    );
    assert_eq!(log.of("closed"), ["2026-11-23T18:20:00Z closed"], "held open until the answer was given");
}

#[test]
fn what_nobody_gives_is_overdue_at_its_time_and_holds_the_incident_open() {
    let log = play(&[signal(1, 0, Severity::Tension, 0.0)], &Answers::nobody(), 0);
    assert_eq!(log.of("overdue"), ["2026-11-23T20:00:00Z overdue LADDER/answer"]);
    assert!(log.of("closed").is_empty());
}

#[test]
fn the_played_and_the_real_never_meet_not_even_in_a_message() {
    let played = SignalRaisedV1 { nature: Nature::Exercise, ..signal(2, 1, Severity::Watch, 0.0) };
    let second = signal(3, 2, Severity::Watch, 10.0);
    let log = play(&[signal(1, 0, Severity::Watch, 0.0), played, second], &Answers::nobody(), 0);
    assert_eq!(log.of("opened").len(), 3);
    // 17:00 in Paris is 16:00 UTC: the two real incidents share a message, the exercise has its own.
    assert_eq!(
        log.of(" told "),
        [
            "2026-11-23T16:00:00Z told post-19-email by WEAK/together",
            "2026-11-23T16:00:00Z told post-19-email by WEAK/together",
            "2026-11-23T16:00:00Z told post-19-email by WEAK/together (shared)",
        ]
    );
}

#[test]
fn weak_signals_add_up_once_and_a_milder_one_after_a_death_is_taken_as_graver() {
    // Out of the reach of correlation in time, not of accumulation.
    let weak = (0..4).map(|n| signal(n, 120 * i64::try_from(n).unwrap(), Severity::Watch, 0.0));
    let log = play(&weak.collect::<Vec<_>>(), &Answers::nobody(), 0);
    let severities: Vec<&str> = log.of("opened").iter().map(|line| line.split(' ').nth(3).unwrap()).collect();
    assert_eq!(severities, ["watch", "watch", "tension", "watch"]);

    let after = [signal(1, 0, Severity::Fatal, 0.0), signal(2, 60 * 48, Severity::Tension, 5.0)];
    let log = play(&after, &Answers::nobody(), 0);
    assert!(log.of("opened")[1].contains("serious"), "{log:?}");
}

#[test]
fn a_signal_without_a_place_is_seen_and_one_out_of_order_is_refused() {
    let nowhere = SignalRaisedV1 {
        location: Location::Sector { sector: SectorId::new("atlantis").unwrap() },
        ..signal(1, 10, Severity::Tension, 0.0)
    };
    let model = Answers::nobody();
    let mut simulation = Simulation::new(&CITY, &model, 0, Log::default());
    simulation.signal(&nowhere).unwrap();
    let error = simulation.signal(&signal(2, 9, Severity::Tension, 0.0)).unwrap_err();
    assert!(error.to_string().contains("in order of time"));
    assert_eq!(simulation.finish(start()).of("unplaced").len(), 1);
}

#[test]
fn a_file_of_answers_is_checked() {
    let error = |text: &str| Answers::read(text, &CITY.directory).unwrap_err().to_string();
    assert!(error("[default]\nanswer = 1\n").contains("line 2"));
    assert!(error("[default]\nanswers = 0.8\nrefuses = 0.3\n").contains("together at most 1"));
    assert!(error("[role.nobody]\nanswers = 0.8\n").contains("not in the directory"));
    assert!(error("[returns]\ngives = 2.0\n").contains("`returns`"));
    assert!(error("[manned]\nmedian_min = 5\np90_min = 4\n").contains("at least median_min"));
}

/// Every telling of a run, to compare with the rules.
#[derive(Default)]
struct Keys {
    told: Vec<(u128, u32, String, String)>,
    broken: Vec<String>,
    closed: BTreeSet<u128>,
    last: Option<Timestamp>,
}

impl Observer for Keys {
    fn told(&mut self, told: &Told<'_>) {
        let id = told.incident.snapshot.id.0.as_u128();
        if self.last.is_some_and(|last| told.at < last) {
            self.broken.push(format!("time went back at {}", told.at));
        }
        self.last = Some(told.at);
        if self.closed.contains(&id) {
            self.broken.push(format!("told after closing at {}", told.at));
        }
        let step = told.telling.steps.join("+");
        // Not so while whoever is in charge was asked before it worsened only, and not since: that counts for nothing.
        if step != "LADDER/sector" && told.incident.snapshot.status == IncidentStatus::Acknowledged {
            self.broken.push(format!("{step} told although in charge at {}", told.at));
        }
        self.told.push((id, told.generation, step, told.telling.contact.to_string()));
    }
    fn closed(&mut self, _: Timestamp, incident: &Incident) {
        self.closed.insert(incident.snapshot.id.0.as_u128());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Nobody is told twice by one step, after an acknowledgement or after the closing.
    #[test]
    fn whatever_comes_and_whoever_answers_nothing_is_told_twice_or_too_late(
        stream in proptest::collection::vec((0i64..90, 0usize..4, 0.0f64..12.0), 1..40),
        (answers_with, seed) in (0.0f64..1.0, any::<u64>()),
    ) {
        let model = answers(&format!("[default]\nanswers = {answers_with:.3}\nmedian_min = 5\np90_min = 60\n[returns]\ngives = 0.9\nmedian_min = 30\n"));
        let mut simulation = Simulation::new(&CITY, &model, seed, Keys::default());
        let mut at = 0;
        for (number, (later, severity, east)) in (0..).zip(stream) {
            at += later;
            simulation.signal(&signal(number, at, Severity::ALL[severity], east)).unwrap();
        }
        let keys = simulation.finish(start() + minutes(at + 60 * 24 * 10));
        prop_assert!(keys.broken.is_empty(), "{:?}", keys.broken);
        let distinct: BTreeSet<_> = keys.told.iter().collect();
        prop_assert_eq!(distinct.len(), keys.told.len(), "told twice");
    }
}
