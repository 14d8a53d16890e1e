//! The search against a naive one, and queries as people write them.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{
    index::What,
    query::Query,
    search::{Rank, typos_forgiven},
};
use crate::territory::{Fit, Found, Level, LonLat, PlaceKind, Territory, words};

static PARIS: LazyLock<Territory> =
    LazyLock::new(|| Territory::from_bytes(include_bytes!("../../../../../config/territory/paris.territory")).unwrap());

fn search(text: &str) -> Vec<Found> {
    PARIS.search(text, None, 10)
}

#[test]
fn places_are_found_as_people_write_them() {
    use PlaceKind::{Address, Quartier, School, Sector, Station, Street};
    // what is written, what must be first: its kind, label and the beginning of its detail, whether it is certain
    let asked = [
        ("20 r de crimée", Address, "20 rue de Crimée", "19e, quartier", true),
        ("20 rue de Crimée, 75019 Paris", Address, "20 rue de Crimée", "19e, quartier", true),
        ("crimee rue 20", Address, "20 rue de Crimée", "19e, quartier", true),
        ("97BIS RUE DE CRIMEE", Address, "97 bis rue de Crimée", "19e, quartier", true),
        ("97 bis, rue de Crimée 75019 PARIS CEDEX 19", Address, "97 bis rue de Crimée", "19e, quartier", true),
        ("stalingrad", Station, "Stalingrad", "19e, quartier", true),
        ("metro jaures", Station, "Jaurès", "19e, quartier", true),
        ("gare du nord", Station, "Gare du Nord", "10e, quartier", true),
        ("station Gare de l'Est", Station, "Gare de l'Est", "10e, quartier", true),
        ("college brassens", School, "Collège Georges Brassens", "19e, quartier", true),
        ("lycee bergson", School, "Lycée Bergson-Jacquard / Lycée Henri Bergson-Jacquard", "19e, quartier", true),
        ("clg claude chape", School, "Collège Claude Chappe", "19e, quartier", false),
        ("brassens collège", School, "Collège Georges Brassens", "19e, quartier", true),
        ("bd de la villette 19e", Street, "Boulevard de la Villette", "19e, quartier", true),
        ("boulevard de la villette paris 10", Street, "Boulevard de la Villette", "10e, quartier", true),
        ("rue des alouettes", Street, "Rue des Alouettes", "19e, quartier", true),
        ("rue des aloutettes", Street, "Rue des Alouettes", "19e, quartier", false),
        ("9 rue des Alouettes", Address, "9 rue des Alouettes", "19e, quartier", true),
        ("pl de la republique", Street, "Place de la République", "", true),
        ("av jean jaures 19eme", Street, "Avenue Jean Jaurès", "19e, quartier", true),
        ("jean-jaurès, 12 avenue, 75019", Address, "12 avenue Jean Jaurès", "19e, quartier", true),
        ("avenue jean jau", Street, "Avenue Jean Jaurès", "", false),
        ("mairie du 19e", PlaceKind::Mairie, "Mairie du 19e arrondissement", "19e, quartier", true),
        ("Mairie 1er arrondissement", PlaceKind::Mairie, "Mairie du 1er arrondissement", "1er, quartier", true),
        ("mairie paris centre", PlaceKind::Mairie, "Mairie du 3e arrondissement (Paris Centre)", "3e, quartier", true),
        ("19e", Sector, "19e arrondissement", "Paris", true),
        ("paris 19", Sector, "19e arrondissement", "Paris", true),
        ("paris centre", Sector, "Paris Centre", "Paris", true),
        ("aubervilliers", Sector, "Aubervilliers (93)", "commune", true),
        ("quartier amerique", Quartier, "Quartier Amérique", "19e", true),
        ("ecole des alouettes", School, "École élémentaire Alouettes (5)", "19e, quartier", true),
        ("boulevar magenta", Street, "Boulevard de Magenta", "10e, quartier", false),
    ];
    let mut wrong = Vec::new();
    for (text, kind, label, detail, certain) in asked {
        let found = search(text);
        let good = found.first().is_some_and(|first| {
            first.kind == kind && first.label == label && first.detail.starts_with(detail) && first.certain == certain
        });
        if !good {
            let shown = found.iter().take(3).map(|f| (f.kind, &f.label, &f.detail, f.fit, f.certain, f.accuracy_m));
            wrong.push(format!("{text}: {:?}", shown.collect::<Vec<_>>()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_street_of_several_arrondissements_is_asked_for_and_a_number_tells_which() {
    let found = search("boulevard de la villette");
    assert!(!found[0].certain && !found[1].certain);
    let details: Vec<_> = found[..2].iter().map(|found| &found.detail[..2]).collect();
    assert!(details.contains(&"10") && details.contains(&"19"), "{details:?}");
    assert!(search("41 boulevard de la villette")[0].detail.starts_with("10e"));
    assert!(search("58 boulevard de la villette")[0].detail.starts_with("19e"));
}

#[test]
fn a_number_that_is_not_known_is_its_neighbour_less_exactly() {
    let (known, unknown) = (&search("18 rue de Crimée")[0], &search("20 rue de Crimée")[0]);
    assert_eq!(known.at, unknown.at);
    assert!(known.accuracy_m < unknown.accuracy_m);
    assert!(unknown.detail.ends_with("d'après le 18"), "{}", unknown.detail);
    let far = &search("4000 rue de Crimée")[0];
    assert!(far.kind == PlaceKind::Address && !far.certain);
}

#[test]
fn the_nearest_of_equals_comes_first() {
    for sector in ["10e", "19e"] {
        let there = search(&format!("boulevard de la villette {sector}"))[0].at;
        let found = PARIS.search("boulevard de la villette", Some(there), 2);
        assert!(found[0].detail.starts_with(sector), "{sector}");
    }
}

#[test]
fn what_names_nothing_finds_nothing() {
    for text in ["", "   ", "12", "de la", "xyzzy plugh", "🙂", "\u{0}", "le 3"] {
        assert_eq!(search(text), [], "{text}");
    }
}

#[test]
fn a_very_long_text_is_answered_in_time_and_never_certain() {
    let long = "rue de crimee ".repeat(20_000);
    let started = std::time::Instant::now();
    assert!(search(&long).iter().all(|found| !found.certain));
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn every_address_finds_itself_by_its_label() {
    let index = &PARIS.named_places;
    let mut searched = 0;
    // `M Avenue Gambetta`, as some report, is no name
    let is_way = |name: &str| words::words(name).first().is_some_and(|word| words::is_way(word));
    for (number, street) in index.streets.iter().enumerate().filter(|(_, street)| is_way(&street.name)) {
        // one house of each street, another of each in turn
        let Some(house) = street.houses.get(number % street.houses.len().max(1)) else { continue };
        let town = super::arrondissement_of(street.insee)
            .map_or(String::new(), |number| format!(" {}", super::ordinal(number)));
        let label = super::as_label(house.number, &house.repetition, &street.name);
        let found = &PARIS.search(&format!("{label}{town}"), None, 1)[0];
        assert_eq!((&found.label, found.at), (&label, house.at.lon_lat()), "{label}{town}");
        searched += 1;
    }
    assert!(searched > 4_000, "{searched}");
}

#[test]
fn every_station_school_quartier_and_sector_finds_itself() {
    let index = &PARIS.named_places;
    for site in &index.sites {
        assert!(search(&site.name).iter().any(|found| found.label == site.name), "{}", site.name);
    }
    // the publisher of one gives no name
    for school in PARIS.schools().iter().filter(|school| !school.name.is_empty()) {
        let found = PARIS.search(&format!("{} {}", school.label(), super::ordinal(school.arrondissement)), None, 5);
        assert!(found.iter().any(|found| found.label == school.label()), "{}: {found:?}", school.id);
    }
    for (place, _) in PARIS.cells().filter(|(place, _)| place.quartier.is_some()) {
        let label = format!("Quartier {}", PARIS.name_of(&place));
        assert_eq!(search(&label)[0].label, label);
    }
    for sector in PARIS.sectors() {
        assert!(search(&sector.label).iter().any(|found| found.label == sector.label), "{}", sector.label);
    }
}

/// Letters wrong, in the plainest way: the table of all beginnings.
fn letters_wrong(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    table[a.len()][b.len()]
}

/// How well the name of a street has every word of a text: letters wrong, whether the last is only begun, words of the name
/// that are not said. Nothing when one is missing.
fn naive(name: &str, text: &[String]) -> Option<(usize, bool, usize)> {
    let name: Vec<String> = words::words(name).into_iter().filter(|word| !words::is_number(word)).collect();
    let (mut typos, mut prefix, mut covered) = (0, false, std::collections::BTreeSet::new());
    for (number, word) in text.iter().enumerate() {
        let most = usize::from(typos_forgiven(word.chars().count()));
        let quality = |known: &String| match letters_wrong(word, known) {
            0 => Some((0, 0)),
            _ if number + 1 == text.len() && known.starts_with(word.as_str()) => Some((1, 0)),
            wrong if wrong <= most => Some((2, wrong)),
            _ => None,
        };
        let mut known: Vec<(_, &String)> = name.iter().filter_map(|known| Some((quality(known)?, known))).collect();
        known.sort();
        let ((kind, wrong), known) = *known.first()?;
        typos += wrong;
        prefix |= kind == 1;
        covered.insert(known.clone());
    }
    let distinct: std::collections::BTreeSet<&String> = name.iter().collect();
    Some((typos, prefix, distinct.len() - covered.len()))
}

fn is_street(rank: Rank) -> bool {
    matches!(PARIS.named_places.entries[rank.entry as usize].what, What::Street(_))
}

/// Parts of street names, some changed, in any order.
fn texts() -> impl Strategy<Value = String> {
    let names: Vec<String> = PARIS.named_places.streets.iter().map(|street| street.name.clone()).collect();
    let word = |name: String| {
        let words: Vec<String> = words::words(&name).into_iter().filter(|word| !words::is_number(word)).collect();
        let count = words.len();
        (
            proptest::sample::subsequence(words, 1..=count.clamp(1, 4).min(count.max(1))).prop_shuffle(),
            any::<(bool, u8, char)>(),
        )
    };
    let street = proptest::sample::select(names)
        .prop_filter("words", |name| words::words(name).iter().any(|w| !words::is_number(w)));
    street.prop_flat_map(word).prop_map(|(words, (changed, place, _))| {
        let mut text = words.join(" ");
        if changed {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = places[usize::from(place) % places.len()];
            text.remove(at);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_naive_search_finds_the_same_streets_and_the_same_first(text in texts()) {
        let query = Query::of(&text);
        // a letter less makes an article of some, and an article asks for nothing
        prop_assume!(!query.words.is_empty() && query.numbers.is_empty() && query.within.is_none() && !query.cut);
        prop_assume!(query.words.iter().all(|word| !words::is_town(word)));
        let mut found: Vec<Rank> = PARIS.named_places.ranks(&query, None);
        found.retain(|rank| rank.missing == 0 && is_street(*rank));
        found.sort_unstable();
        let mut expected: Vec<_> = PARIS.named_places.streets.iter().enumerate()
            .filter_map(|(number, street)| Some((naive(&street.name, &query.words)?, number)))
            .collect();
        expected.sort_unstable();
        let streets = |ranks: &[Rank]| -> std::collections::BTreeSet<u32> {
            ranks.iter().filter_map(|rank| match PARIS.named_places.entries[rank.entry as usize].what {
                What::Street(number) => Some(number),
                What::School(_) | What::Site(_) | What::Quartier(_) | What::Sector(_) => None,
            }).collect()
        };
        let of_expected: std::collections::BTreeSet<u32> = expected.iter().map(|(_, number)| u32::try_from(*number).unwrap()).collect();
        let differ: Vec<_> = streets(&found).symmetric_difference(&of_expected).copied().take(5).collect();
        prop_assert!(differ.is_empty(), "{}: {:?}", text, differ);
        if let (Some(first), Some((quality, _))) = (found.first(), expected.first()) {
            // numbers of a name count as unsaid, the naive search has none
            let entry = &PARIS.named_places.entries[first.entry as usize];
            let unsaid = usize::from(first.unsaid) - entry.numbers.len();
            prop_assert_eq!((usize::from(first.typos), first.prefix), (quality.0, quality.1));
            prop_assert!(unsaid <= quality.2 || !entry.numbers.is_empty());
        }
    }

    #[test]
    fn one_letter_wrong_in_a_long_word_still_finds_the_street(
        street in 0..PARIS.named_places.streets.len(), word in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(), edit in 0..4_u8, letter in b'a'..=b'z',
    ) {
        let street = &PARIS.named_places.streets[street];
        let mut written = words::words(&street.name);
        let long: Vec<usize> = (0..written.len()).filter(|&n| written[n].len() >= 5 && written[n].is_ascii()).collect();
        prop_assume!(!long.is_empty() && written.iter().all(|word| !word.bytes().any(|byte| byte.is_ascii_digit())));
        let wrong = &mut written[long[word.index(long.len())]];
        let at = place.index(wrong.len() - 1);
        match edit {
            0 => _ = wrong.remove(at),
            1 => wrong.insert(at, char::from(letter)),
            2 => wrong.replace_range(at..=at, &char::from(letter).to_string()),
            _ => {
                let pair: String = wrong[at..at + 2].chars().rev().collect();
                wrong.replace_range(at..at + 2, &pair);
            }
        }
        let text = written.join(" ");
        prop_assume!(Query::of(&text).words == written);
        let town = super::arrondissement_of(street.insee).map_or(String::new(), |number| format!(" {}", super::ordinal(number)));
        let found = PARIS.search(&format!("{text}{town}"), None, 5);
        prop_assert!(found.iter().any(|found| found.label == street.name), "{text}: {found:?}");
    }

    #[test]
    fn any_text_is_answered_alike_each_time(text in any::<String>(), lon in any::<f64>(), lat in any::<f64>()) {
        let found = PARIS.search(&text, Some(LonLat::new(lon, lat)), 7);
        prop_assert!(found.len() <= 7);
        prop_assert_eq!(&found, &PARIS.search(&text, Some(LonLat::new(lon, lat)), 7));
        prop_assert!(found.iter().skip(1).all(|found| !found.certain));
        prop_assert!(found.iter().all(|found| !found.certain || found.fit == Fit::Exact));
    }

    #[test]
    fn a_position_is_named_by_the_nearest_house_and_school(x in 0.0..1.0_f64, y in 0.0..1.0_f64) {
        let at = LonLat::new(2.26 + 0.15 * x, 48.82 + 0.08 * y);
        prop_assume!(PARIS.locate(at).is_ok());
        let named = PARIS.named(at).unwrap();
        let houses = PARIS.named_places.streets.iter().flat_map(|street| &street.houses);
        let nearest_m = houses.map(|house| Territory::distance_m(at, house.at.lon_lat())).fold(f64::INFINITY, f64::min);
        match named.street {
            Some(street) => prop_assert!((street.distance_m - nearest_m).abs() < 0.1),
            None => prop_assert!(nearest_m > 59.9),
        }
        let schools = PARIS.schools().iter().map(|school| Territory::distance_m(at, school.at));
        let nearest_m = schools.fold(f64::INFINITY, f64::min);
        prop_assert!(named.school.map_or(nearest_m > 1_000.0, |(_, metres)| (metres - nearest_m).abs() < 0.5));
    }
}

#[test]
fn a_position_has_a_label_at_three_levels() {
    let house = &search("18 rue de Crimée 19e")[0];
    let named = PARIS.named(house.at).unwrap();
    let [exact, quartier, sector] = [Level::Exact, Level::Quartier, Level::Sector].map(|level| named.label(level));
    assert_eq!(exact, "18 rue de Crimée, 19e");
    assert!(quartier.starts_with("quartier ") && quartier.ends_with(", 19e"), "{quartier}");
    assert_eq!(sector, "19e arrondissement");
    let mut around = Vec::new();
    for (east, north) in [(0.000_3, 0.0), (-0.000_3, 0.0), (0.0, 0.000_3), (0.0, -0.000_3)] {
        let named = PARIS.named(LonLat::new(house.at.lon + east, house.at.lat + north)).unwrap();
        let label = named.label(Level::Exact);
        assert_eq!(label.starts_with("vers le "), named.street.unwrap().distance_m > 15.0, "{label}");
        around.push(label);
    }
    assert!(around.iter().any(|label| label.starts_with("vers le ")), "{around:?}");
}
