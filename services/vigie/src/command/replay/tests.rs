use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use vigie_proto::Channel;

use super::*;
use crate::config::PathsConfig;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

static PARIS: LazyLock<City> = LazyLock::new(|| {
    let config = root().join("config");
    let paths = PathsConfig {
        territory: config.join("territory/paris.territory"),
        doctrine: config.join("doctrine"),
        directory: config.join("directory"),
        exercises: config.join("exercises"),
    };
    city::read(&paths).unwrap()
});

/// Invented: three in the 19th, one known by its arrondissement only, one in the 16th.
const EVENTS: &str = "when,what,lon,lat,district\n\
    2026-06-01T08:15,hurt,2.3791,48.8853,19\n\
    2026-06-01T08:40,hurt,2.3795,48.8855,19\n\
    2026-06-03T23:50,dead,2.3791,48.8853,19\n\
    2026-06-12T18:05,grave,,,20\n\
    2026-07-20T12:00,hurt,2.2700,48.8600,16\n";

fn mapping(more: &str) -> Mapping {
    let text = format!(
        "name = \"Test\"\n{more}\n[time]\ncolumn = \"when\"\nformat = \"%Y-%m-%dT%H:%M\"\n\
         [place]\nlon = \"lon\"\nlat = \"lat\"\narrondissement = \"district\"\n[kind]\nvalue = \"crisis-event\"\n\
         [severity]\ncolumn = \"what\"\nvalues = {{ hurt = \"tension\", grave = \"serious\", dead = \"fatal\" }}\n\
         [reporter]\nrole = \"commissariat\"\n[[skip]]\ncolumn = \"what\"\nis = [\"nothing\"]\n"
    );
    Mapping::parse(&text, Path::new("test.toml"), &PARIS).unwrap()
}

fn rows(text: &str, mapping: &Mapping) -> csv::Rows {
    csv::rows(text.as_bytes(), Path::new("test.csv"), mapping, &PARIS, 1).unwrap()
}

const JUNE_AND_JULY: Days = Days { first: jiff::civil::date(2026, 6, 1), last: jiff::civil::date(2026, 7, 31) };

fn play(signals: &[SignalRaisedV1], city: &City, answers: &Answers, seed: u64) -> (Tally, Figures) {
    let until = signals.last().unwrap().received_at + AFTERWARDS;
    let player = Player { signals, answers, seed, until };
    let tally = player.play(city, Tally::new(city.doctrine.zone.clone(), true), &Progress::new(false)).unwrap();
    let figures = Figures::of(&tally, city, JUNE_AND_JULY);
    (tally, figures)
}

fn report(figures: Figures, differences: Option<Differences>, bad_rows: Vec<csv::BadRow>) -> Report {
    Report {
        format: FORMAT,
        stream: Stream {
            name: "Test".into(),
            rows: 5,
            skipped: 0,
            bad_rows,
            unplaced: Vec::new(),
            first: Timestamp::UNIX_EPOCH,
            last: Timestamp::UNIX_EPOCH,
            days: 61,
        },
        setting: Setting {
            doctrine: "d".into(),
            directory: "d".into(),
            territory: "t".into(),
            answers: "réponses".into(),
            seed: 1,
        },
        run: figures,
        differences,
        speed: None,
    }
}

/// Paris, but that `change` was made to its doctrine.
fn otherwise(change: impl FnOnce(&mut vigie_domain::doctrine::Doctrine)) -> City {
    let mut doctrine = (*PARIS.doctrine).clone();
    change(&mut doctrine);
    City { doctrine: Arc::new(doctrine), ..PARIS.clone() }
}

#[test]
fn every_row_is_a_signal_or_a_line_that_says_why_not() {
    let text = "when,what,lon,lat,district\n\
        2026-06-01T08:15,hurt,2.3791,48.8853,19\n\
        yesterday,hurt,2.3791,48.8853,19\n\
        2026-06-01T08:16,scratched,2.3791,48.8853,19\n\
        2026-06-01T08:17,nothing,,,\n\
        2026-06-01T08:18,hurt,48.8853,2.3791,19\n\
        2026-06-01T08:19,hurt,,,21\n\
        2026-06-01T08:20,hurt,east,48.8,\n\
        2026-06-01T08:21,hurt,2.3791\n\
        2026-06-01T07:00,hurt,,,4\n";
    let rows = rows(text, &mapping(""));
    assert_eq!((rows.read, rows.skipped, rows.signals.len()), (9, 1, 2));
    assert!(rows.signals[0].received_at < rows.signals[1].received_at, "in order of time, not of lines");
    let said: Vec<(u64, &str)> = rows.bad.iter().map(|row| (row.line, row.why.as_str())).collect();
    let expected = [
        (3, "`yesterday` in `when` is not a time"),
        (4, "`scratched` in `what` has no severity"),
        (6, "swapped"),
        (7, "`21` in `district` is not an arrondissement"),
        (8, "`east` is not a number"),
        (9, "3 fields, the header has 5"),
    ];
    assert_eq!(said.len(), expected.len(), "{said:?}");
    for ((line, why), (expected_line, part)) in said.iter().zip(expected) {
        assert!(*line == expected_line && why.contains(part), "{line}: {why}");
    }
}

#[test]
fn a_mapping_that_names_what_is_not_there_is_refused_with_its_place() {
    let parse = |text: &str| Mapping::parse(text, Path::new("m.toml"), &PARIS).unwrap_err();
    assert!(format!("{:#}", parse("name = \"x\"\ncolour = 1\n")).contains("m.toml:2"));
    let error = csv::rows("a,b\n1,2\n".as_bytes(), Path::new("test.csv"), &mapping(""), &PARIS, 1).unwrap_err();
    assert!(
        error.to_string().contains("has no column district, lat, lon, what, when: its columns are a, b"),
        "{error}"
    );
}

#[test]
fn the_shipped_mappings_and_answers_are_read() {
    for name in ["accidents.toml", "dmr.toml"] {
        Mapping::read(&root().join("config/replay").join(name), &PARIS).unwrap();
    }
    Answers::read(USUAL_ANSWERS, &PARIS.directory).unwrap();
}

#[test]
fn a_day_without_hours_gets_one_from_the_seed() {
    let text = "name = \"x\"\n[time]\ncolumn = \"when\"\nformat = \"%Y-%m-%d\"\n\
        hours = [0,0,0,0,0,0,0,0,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0]\n[place]\narrondissement = \"district\"\n\
        [kind]\nvalue = \"rixe\"\n[severity]\nvalue = \"watch\"\n[reporter]\nrole = \"mairie\"\n";
    let mapping = Mapping::parse(text, Path::new("m.toml"), &PARIS).unwrap();
    let days = format!("when,district\n{}", "2026-06-01,19\n".repeat(50));
    let hours = |seed| -> Vec<i8> {
        let rows = csv::rows(days.as_bytes(), Path::new("t.csv"), &mapping, &PARIS, seed).unwrap();
        rows.signals.iter().map(|s| s.received_at.to_zoned(PARIS.doctrine.zone.clone()).hour()).collect()
    };
    assert!(hours(1).iter().all(|hour| (8..10).contains(hour)) && hours(1).contains(&8) && hours(1).contains(&9));
    assert_eq!(hours(1), hours(1));
    assert_ne!(
        csv::rows(days.as_bytes(), Path::new("t.csv"), &mapping, &PARIS, 1).unwrap().signals,
        csv::rows(days.as_bytes(), Path::new("t.csv"), &mapping, &PARIS, 2).unwrap().signals
    );
}

#[test]
fn the_same_stream_and_seed_give_the_same_report_to_the_byte() {
    let signals = rows(EVENTS, &mapping("")).signals;
    let answers = Answers::read(USUAL_ANSWERS, &PARIS.directory).unwrap();
    let json = |seed| serde_json::to_string(&report(play(&signals, &PARIS, &answers, seed).1, None, vec![])).unwrap();
    assert_eq!(json(1), json(1));
    assert_ne!(json(1), json(2));
}

#[test]
fn a_doctrine_compared_with_itself_shows_nothing_and_without_one_step_shows_that_step() {
    let signals = rows(EVENTS, &mapping("")).signals;
    let here = play(&signals, &PARIS, &Answers::nobody(), 1);
    let compare = |other: &City| {
        let there = play(&signals, other, &Answers::nobody(), 1);
        Differences::between("une autre".into(), &PARIS, (&here.0, &here.1), (&there.0, &there.1))
    };
    let same = compare(&PARIS);
    assert!(same.same && same.steps.is_empty() && same.bodies.is_empty());

    // The busiest conditional step, whatever it is called.
    let conditional = |circuit: &vigie_domain::doctrine::Circuit, step: &vigie_domain::doctrine::Step| {
        step.unless_acknowledged.then(|| format!("{}/{}", circuit.id, step.id))
    };
    let all = PARIS.doctrine.circuits.iter().flat_map(|c| c.steps.iter().filter_map(move |s| conditional(c, s)));
    let tellings = |step: &String| here.0.steps.get(step).map_or(0, |count| count.tellings);
    let removed = all.max_by_key(tellings).unwrap();
    assert!(tellings(&removed) > 0);
    let without = otherwise(|doctrine| {
        for circuit in &mut doctrine.circuits {
            let id = circuit.id.clone();
            circuit.steps.retain(|step| format!("{id}/{}", step.id) != removed);
        }
    });
    let differences = compare(&without);
    let named: Vec<&str> = differences.steps.iter().map(|step| step.step.as_str()).collect();
    // Whom nobody alerted is not told that it is over.
    let named: Vec<&str> = named.into_iter().filter(|step| !step.starts_with("news/")).collect();
    assert_eq!(named, [removed.as_str()], "exactly the step removed");
    assert_eq!(differences.steps[0].tellings.other, 0);
    assert!(differences.bodies.iter().all(|body| body.messages.this >= body.messages.other && body.later == 0));
}

#[test]
fn what_is_played_is_counted_apart_from_what_is_real() {
    let real = play(&rows(EVENTS, &mapping("")).signals, &PARIS, &Answers::nobody(), 1).1;
    let played = play(&rows(EVENTS, &mapping("exercise = true")).signals, &PARIS, &Answers::nobody(), 1).1;
    assert_eq!((played.signals, played.incidents, played.messages), (0, 0, 0));
    assert_eq!((played.played.signals, played.played.incidents), (real.signals, real.incidents));
    assert_eq!(real.played, tally::Played::default());
}

#[test]
fn sums_agree_whichever_way_messages_are_counted() {
    let signals = rows(EVENTS, &mapping("")).signals;
    let (_, run) = play(&signals, &PARIS, &Answers::nobody(), 1);
    assert_eq!(run.signals, 5);
    assert_eq!(run.incidents + run.reinforced + run.aggravated, 5);
    assert_eq!(run.week.iter().flatten().sum::<u64>(), run.messages);
    assert_eq!(run.bodies.iter().map(|body| body.messages).sum::<u64>(), run.messages);
    assert_eq!(run.by_channel.values().sum::<u64>(), run.messages);
    assert_eq!(run.sectors.iter().map(|sector| sector.messages).sum::<u64>(), run.messages);
    let months = run.sectors.iter().flat_map(|sector| &sector.months);
    assert_eq!(months.map(|month| month.incidents).sum::<u64>(), run.incidents);
    assert_eq!(run.escalations.taken, 0);
    assert!(run.by_channel.contains_key(&Channel::Email));
}

#[test]
fn every_telling_is_a_row_that_names_its_signal_and_its_step() {
    let signals = rows(EVENTS, &mapping("")).signals;
    let (answers, until) = (Answers::nobody(), signals[4].received_at + AFTERWARDS);
    let player = Player { signals: &signals, answers: &answers, seed: 1, until };
    let zone = PARIS.doctrine.zone.clone();
    let mut written = Vec::new();
    let list = List::new(&mut written, zone.clone()).unwrap();
    let (tally, list) = player.play(&PARIS, (Tally::new(zone, false), list), &Progress::new(false)).unwrap();
    list.finish().unwrap();
    let text = String::from_utf8(written).unwrap();
    assert_eq!(figures::size(text.lines().count()), tally.tellings + 1);
    let first = text.lines().nth(1).unwrap();
    assert!(
        first.starts_with("2026-06-01T08:15:00+02:00,line 2,R-2026-000001,real,paris-19,crisis-event,tension,"),
        "{first}"
    );
}

#[test]
fn every_picture_says_what_it_shows_to_those_who_cannot_see_it() {
    let signals = rows(EVENTS, &mapping("")).signals;
    let here = play(&signals, &PARIS, &Answers::nobody(), 1);
    let other = otherwise(|doctrine| doctrine.circuits.truncate(1));
    let there = play(&signals, &other, &Answers::nobody(), 1);
    let differences = Differences::between("<l'autre>".into(), &PARIS, (&here.0, &here.1), (&there.0, &there.1));
    let bad = vec![csv::BadRow { line: 7, why: "<script>".into() }];
    let report = report(here.1, Some(differences), bad);
    let pictures = picture::all(&report, Some(&there.1), &PARIS);
    assert_eq!(pictures.len(), 6);
    for picture in &pictures {
        let tag = |name: &str| picture.svg.contains(&format!("<{name} id=\"{}-", picture.name));
        assert!(tag("title") && tag("desc") && picture.svg.contains("role=\"img\""), "{}", picture.name);
        assert!(!picture.svg.contains("NaN") && !picture.svg.contains("inf"), "{}", picture.name);
        assert_eq!(picture.svg.matches("<g").count(), picture.svg.matches("</g>").count());
    }
    let page = page::page(&report, &pictures);
    assert!(page.contains("ligne 7") && !page.contains("<script>") && !page.contains("<l'autre>"));
    let mut table = Vec::new();
    table::print(&report, &mut table).unwrap();
    assert!(String::from_utf8(table).unwrap().contains("ligne 7"));
}
