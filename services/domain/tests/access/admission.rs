//! What makes a signal acceptable: any report, each of its fields right or wrong, beside the list of what is wrong.

use jiff::{SignedDuration, Timestamp};
use proptest::{option, prelude::*, sample::select};
use vigie_domain::{
    access::Caller,
    admission::{Admitted, Inadmissible, admit, naming},
    territory::{Fit, LonLat, Understood},
};
use vigie_proto::{
    Kind, Severity,
    signal::{Location, LocationFields, Parties, SignalReport},
};

use super::{CITY, school, start};

/// A field as it may be given: the value, and what is wrong with it, or doubtful.
#[derive(Debug, Clone)]
struct Given<T> {
    value: T,
    flaw: Option<&'static str>,
    doubt: Option<&'static str>,
}

fn right<T>(value: T) -> Given<T> {
    Given { value, flaw: None, doubt: None }
}

fn wrong<T>(value: T, field: &'static str) -> Given<T> {
    Given { value, flaw: Some(field), doubt: None }
}

fn doubtful<T>(value: T, field: &'static str) -> Given<T> {
    Given { value, flaw: None, doubt: Some(field) }
}

/// Seconds from now at which something may be said to have happened, and whether that is taken.
fn time(
    field: &'static str,
    behind: i64,
    ahead: i64,
    doubt: Option<i64>,
) -> impl Strategy<Value = Given<Option<Timestamp>>> {
    let edges = vec![-behind - 1, -behind, -1, 0, 1, 299, 300, 301, ahead - 1, ahead, ahead + 1];
    let seconds = prop_oneof![select(edges), (-2 * behind)..(2 * ahead)];
    option::of(seconds).prop_map(move |seconds| {
        let at = seconds.map(|seconds| start() + SignedDuration::from_secs(seconds));
        match seconds {
            Some(seconds) if seconds < -behind || seconds > ahead => wrong(at, field),
            Some(seconds) if doubt.is_some_and(|doubt| seconds > doubt) => doubtful(at, field),
            _ => right(at),
        }
    })
}

const DAY: i64 = 24 * 3_600;

fn summary() -> impl Strategy<Value = Given<Option<String>>> {
    let text = |text: &str| Some(text.to_owned());
    prop_oneof![
        Just(right(None)),
        Just(right(text("  \n "))),
        Just(right(text("Un groupe se forme devant la grille."))),
        Just(right(text(&"a".repeat(500)))),
        Just(wrong(text(&"a".repeat(501)), "summary")),
        Just(wrong(text("avant\u{7}après"), "summary")),
        Just(doubtful(text("Kevin Durand veut se venger."), "summary")),
    ]
}

fn address(address: &str) -> LocationFields {
    LocationFields { address: Some(address.to_owned()), ..LocationFields::default() }
}

fn point(lon: f64, lat: f64, accuracy_m: Option<f64>) -> LocationFields {
    LocationFields { lon: Some(lon), lat: Some(lat), accuracy_m, ..LocationFields::default() }
}

fn sector(id: &str) -> LocationFields {
    LocationFields { sector: Some(id.parse().unwrap()), ..LocationFields::default() }
}

fn at_school(uai: &str) -> LocationFields {
    LocationFields { school: Some(uai.parse().unwrap()), ..LocationFields::default() }
}

/// Where the school is, and a point of the 19th and one of the 18th.
fn places() -> (LonLat, LonLat, LonLat) {
    let at = CITY.territory.school(&school().parse().unwrap()).unwrap().at;
    (at, LonLat { lon: 2.385, lat: 48.885 }, LonLat { lon: 2.345, lat: 48.892 })
}

fn location() -> impl Strategy<Value = Given<LocationFields>> {
    let (at, inside, beyond) = places();
    let both = LocationFields { school: Some(school().parse().unwrap()), ..sector("paris-19") };
    let named = LocationFields { accuracy_m: Some(10.0), ..at_school(school()) };
    let half = LocationFields { lon: Some(2.38), ..LocationFields::default() };
    select(vec![
        right(point(at.lon, at.lat, None)),
        right(point(inside.lon, inside.lat, Some(0.0))),
        right(point(beyond.lon, beyond.lat, Some(80.0))),
        doubtful(point(inside.lon, inside.lat, Some(5_000.0)), "location.accuracy_m"),
        right(at_school(school())),
        right(sector("paris-19")),
        right(sector("paris-18")),
        wrong(LocationFields::default(), "location"),
        wrong(both, "location"),
        wrong(named, "location.accuracy_m"),
        wrong(half, "location"),
        wrong(point(inside.lon, inside.lat, Some(5_000.1)), "location.accuracy_m"),
        wrong(point(inside.lon, inside.lat, Some(-0.1)), "location.accuracy_m"),
        wrong(point(inside.lat, inside.lon, None), "location"),
        wrong(at_school("0759999L"), "location.school"),
        wrong(sector("paris-99"), "location.sector"),
        wrong(address("rue qui n'existe pas"), "location.address"),
        wrong(address(&"x".repeat(200)), "location.address"),
        wrong(address(&"x".repeat(201)), "location.address"),
        wrong(address("12 rue\u{1b}[0m"), "location.address"),
    ])
}

fn kinds() -> Vec<Kind> {
    CITY.doctrine.kinds.keys().cloned().collect()
}

fn parties() -> impl Strategy<Value = Given<Option<Parties>>> {
    let of = |count| Some(Parties { estimated_count: Some(count), weapons: None });
    let none = Some(Parties { estimated_count: None, weapons: None });
    let flawed = |count| wrong(of(count), "parties.estimated_count");
    select(vec![right(None), right(none), right(of(1)), right(of(10_000)), flawed(0), flawed(10_001)])
}

/// How many facts are given of the kind's own, and whether one that nobody knows is.
fn facts() -> impl Strategy<Value = (usize, bool)> {
    (0_usize..4, prop::bool::weighted(0.1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each fault is told, under its field, and nothing else is.
    #[test]
    fn whatever_is_wrong_is_said_under_its_field_and_nothing_else(
        source in select(CITY.directory.sources().map(|source| source.id.clone()).collect::<Vec<_>>()),
        kind in prop_oneof![9 => select(kinds()), 1 => Just("no-such-kind".parse().unwrap())],
        (severity, exercise) in (option::of(select(Severity::ALL.to_vec())), prop::bool::weighted(0.2)),
        (summary, parties, location) in (summary(), parties(), location()),
        occurred in time("occurred_at", 30 * DAY, DAY, Some(300)),
        learnt in time("learnt_at", 30 * DAY, DAY, None),
        expected in time("expected_at", DAY, 60 * DAY, None),
        (known_facts, unknown_fact) in facts(),
    ) {
        let source = CITY.directory.source(&source).unwrap();
        let caller = Caller::of(source, &CITY.directory).unwrap();
        let rule = CITY.doctrine.kind(&kind);
        let mut given: Vec<String> =
            rule.iter().flat_map(|rule| &rule.facts).take(known_facts).map(|fact| fact.code.clone()).collect();
        given.extend(unknown_fact.then(|| "no-such-fact".to_owned()));
        let report = SignalReport {
            kind: kind.clone(),
            severity,
            summary: summary.value.clone(),
            location: location.value.clone(),
            occurred_at: occurred.value,
            expected_at: expected.value,
            parties: parties.value.clone(),
            facts: given.clone(),
            learnt_at: learnt.value,
            exercise,
        };

        let mut flaws: Vec<&str> = [summary.flaw, occurred.flaw, learnt.flaw, expected.flaw, parties.flaw]
            .into_iter()
            .flatten()
            .collect();
        // Whether a place is known is asked of a known kind only: it has the distances.
        let of_form = ["location", "location.accuracy_m", "location.address"];
        let outside = location.value.lat.is_some_and(|lat| lat < 10.0);
        flaws.extend(location.flaw.filter(|field| rule.is_some() || (of_form.contains(field) && !outside)));
        // An address that is too long, or no text, is unknown as well.
        let odd = |address: &String| address.len() > 200 || address.contains('\u{1b}');
        flaws.extend(location.value.address.as_ref().filter(|address| odd(address)).map(|_| "location.address"));
        match rule {
            None => flaws.push("kind"),
            Some(rule) => {
                flaws.extend(unknown_fact.then_some("facts"));
                let of_choice = given.iter().filter(|fact| rule.one_fact_of.contains(fact)).count();
                flaws.extend((!rule.one_fact_of.is_empty() && of_choice != 1).then_some("facts"));
            }
        }
        flaws.sort_unstable();

        match admit(&report, caller, &CITY, start()) {
            Err(Inadmissible::Flawed(said)) => {
                let mut fields: Vec<&str> = said.iter().map(|flaw| flaw.field).collect();
                fields.sort_unstable();
                prop_assert_eq!(fields, flaws);
                prop_assert!(said.iter().all(|flaw| flaw.message.len() > 10), "{:?}", said);
            }
            Err(Inadmissible::Forbidden(said)) => {
                prop_assert!(flaws.is_empty(), "{:?} not told: {:?}", flaws, said);
                let raises = caller.role.raises.contains(&kind);
                let played = !exercise || caller.may(vigie_domain::directory::Permission::Exercise);
                let field = if !raises { "kind" } else if played { "location" } else { "exercise" };
                prop_assert_eq!(said.field, field);
            }
            Ok(admitted) => {
                prop_assert!(flaws.is_empty(), "{:?} not told", flaws);
                prop_assert_eq!(admitted.severity, severity.unwrap_or(rule.unwrap().default_severity));
                prop_assert_eq!(admitted.occurred_at, occurred.value.unwrap_or(start()));
                let mut doubts: Vec<&str> =
                    [summary.doubt, location.doubt, occurred.doubt].into_iter().flatten().collect();
                doubts.sort_unstable();
                let mut told: Vec<&str> = admitted.warnings.iter().map(|flaw| flaw.field).collect();
                told.sort_unstable();
                prop_assert_eq!(told, doubts);
                prop_assert_eq!(admitted.place.vague, location.doubt.is_some());
                let fields = &location.value;
                let meant = match (&fields.school, &fields.sector) {
                    (Some(uai), _) => Location::School { uai: uai.clone() },
                    (_, Some(sector)) => Location::Sector { sector: sector.clone() },
                    _ => Location::Point {
                        lon: fields.lon.unwrap(),
                        lat: fields.lat.unwrap(),
                        accuracy_m: fields.accuracy_m.unwrap_or(0.0),
                    },
                };
                prop_assert_eq!(admitted.location, meant);
            }
        }
    }
}

/// A rixe with nothing said of it, raised by the operations room.
fn plain(location: LocationFields) -> SignalReport {
    SignalReport {
        kind: "rixe".parse().unwrap(),
        severity: None,
        summary: None,
        location,
        occurred_at: None,
        expected_at: None,
        parties: None,
        facts: Vec::new(),
        learnt_at: None,
        exercise: false,
    }
}

fn judged(report: &SignalReport) -> Result<Admitted, Inadmissible> {
    let source = CITY.directory.source(&"scop".parse().unwrap()).unwrap();
    admit(report, Caller::of(source, &CITY.directory).unwrap(), &CITY, start())
}

/// What is made of an address.
fn at_address(text: &str) -> Result<Location, &'static str> {
    match judged(&plain(address(text))) {
        Ok(admitted) => Ok(admitted.location),
        Err(Inadmissible::Flawed(flaws)) => Err(flaws[0].field),
        Err(Inadmissible::Forbidden(flaw)) => Err(flaw.field),
    }
}

#[test]
fn a_clock_five_minutes_ahead_is_believed_and_one_a_second_more_is_told() {
    for (seconds, doubts) in [(-1, 0), (0, 0), (300, 0), (301, 1)] {
        let occurred_at = Some(start() + SignedDuration::from_secs(seconds));
        let admitted = judged(&SignalReport { occurred_at, ..plain(sector("paris-19")) }).unwrap();
        assert_eq!(admitted.warnings.len(), doubts, "{seconds} s ahead");
    }
}

#[test]
fn an_address_is_a_school_there_or_its_point_and_never_one_of_several_places() {
    let (mut named, mut points, mut several) = (0, 0, 0);
    for school in CITY.territory.schools().iter().filter(|school| !school.address.is_empty()) {
        let understood = CITY.territory.understand(&school.address, None);
        match at_address(&school.address) {
            Err(field) => {
                assert_eq!(field, "location.address");
                assert!(!matches!(understood, Understood::Place(_) | Understood::Point(_)), "{}", school.address);
                several += 1;
            }
            Ok(location) => {
                let Understood::Place(found) = understood else { panic!("{}: {understood:?}", school.address) };
                assert!(found.certain && found.fit == Fit::Exact);
                match (location, &found.school) {
                    (Location::School { uai }, Some(expected)) => {
                        assert_eq!(uai, *expected);
                        named += 1;
                    }
                    (Location::Point { lon, lat, accuracy_m }, None) => {
                        assert_eq!((lon, lat, accuracy_m), (found.at.lon, found.at.lat, found.accuracy_m));
                        points += 1;
                    }
                    (other, school) => panic!("{other:?} {school:?}"),
                }
            }
        }
    }
    assert!(named > 200 && points > 200, "{named} {points} {several}");
}

#[test]
fn a_street_is_no_school_and_a_doubt_names_what_may_be_meant() {
    let at = |text: &str| at_address(text);
    assert!(matches!(at("rue des Alouettes"), Ok(Location::Point { accuracy_m, .. }) if accuracy_m > 50.0));
    assert!(matches!(at("20 rue de Crimée, 75019 Paris"), Ok(Location::Point { .. })));
    assert!(matches!(at("48.8853, 2.3791"), Ok(Location::Point { lon, lat, .. }) if lon < lat));
    assert!(matches!(at("2.3791, 48.8853"), Ok(Location::Point { lon, lat, .. }) if lon < lat), "in either order");
    assert_eq!(at("19e"), Ok(Location::Sector { sector: "paris-19".parse().unwrap() }));
    for (text, said) in [
        ("boulevard de la Villette", "« Boulevard de la Villette, 10e"),
        ("rue des aloutettes", "« Rue des Alouettes, 19e"),
    ] {
        let Err(Inadmissible::Flawed(flaws)) = judged(&plain(address(text))) else {
            panic!("{text} was chosen in silence")
        };
        assert!(flaws[0].message.contains(said), "{}", flaws[0].message);
    }
}

#[test]
fn a_text_that_seems_to_name_somebody_is_doubted_as_it_is_read() {
    assert_eq!(naming("Kevin Durand veut se venger.")[0].field, "summary");
    assert_eq!(naming("Un groupe se forme devant la grille."), []);
    assert_eq!(naming(" \u{a0} "), []);
}
