//! Building a territory from small sources: what is repaired, and what is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use serde_json::{Value, json};
use vigie_domain::territory::{
    Built, Fault, LonLat, PlaceSources, Problem, Source, Sources, Territory, TerritoryError, build, with_places,
};

/// In thousandths of a degree (73 m by 111 m) from 2.3 E, 48.8 N.
fn at(x: f64, y: f64) -> [f64; 2] {
    [2.3 + x / 1e3, 48.8 + y / 1e3]
}

fn ring(corners: &[(f64, f64)]) -> Value {
    json!([corners.iter().chain(corners.first()).map(|(x, y)| at(*x, *y)).collect::<Vec<_>>()])
}

fn square(west: f64, south: f64, side: f64) -> Value {
    ring(&[(west, south), (west + side, south), (west + side, south + side), (west, south + side)])
}

fn feature(properties: &Value, coordinates: &Value) -> Value {
    json!({ "type": "Feature", "properties": properties, "geometry": { "type": "Polygon", "coordinates": coordinates } })
}

/// A small city: arrondissements with one quartier each, communes, and lists of schools.
struct City {
    arrondissements: Vec<Value>,
    quartiers: Vec<Value>,
    communes: Vec<Value>,
    secondary: String,
    ecoles: String,
    /// Empty for none, as are the next.
    addresses: String,
    stations: String,
}

impl City {
    /// The 4th on the west, the 5th on the east, both squares of 10.
    fn new() -> Self {
        let mut city = Self {
            arrondissements: vec![],
            quartiers: vec![],
            communes: vec![],
            secondary: "uai,name,kind,sector,address,postal_code,arrondissement,lon,lat,flag\n".to_owned(),
            ecoles: "local_id,name,kind,address,postal_code,arrondissement,lon,lat\n".to_owned(),
            addresses: String::new(),
            stations: String::new(),
        };
        for (number, west) in [(4, 0.0), (5, 10.0)] {
            let outline = square(west, 0.0, 10.0);
            let arrondissement = json!({ "arrondissement": number, "insee": format!("7510{number}") });
            city.arrondissements.push(feature(&arrondissement, &outline));
            city.add_quartier(number, &outline);
        }
        city
    }

    fn add_quartier(&mut self, arrondissement: u8, outline: &Value) {
        let properties = json!({ "quartier": arrondissement * 4, "arrondissement": arrondissement, "name": "Q" });
        self.quartiers.push(feature(&properties, outline));
    }

    fn with_commune(borders_paris: bool, outline: &Value) -> Self {
        let mut city = Self::new();
        let properties =
            json!({ "insee": "93001", "name": "Ville", "departement": "93", "borders_paris": borders_paris });
        city.communes.push(feature(&properties, outline));
        city
    }

    fn add_college(&mut self, uai: &str, arrondissement: u8, (x, y): (f64, f64)) {
        let [lon, lat] = at(x, y);
        let row = [uai, "Collège", "college", "public", "1 rue X", "75004", &arrondissement.to_string()].join(",");
        self.secondary += &[row, lon.to_string(), lat.to_string(), "\n".to_owned()].join(",");
    }

    fn add_address(&mut self, number: &str, street: &str, insee: u32, (x, y): (f64, f64)) {
        if self.addresses.is_empty() {
            self.addresses.push_str("id;numero;rep;nom_voie;code_postal;code_insee;nom_commune;lon;lat\n");
        }
        let [lon, lat] = at(x, y);
        let [insee, lon, lat] = [insee.to_string(), lon.to_string(), lat.to_string()];
        self.addresses += &["i", number, "", street, "75004", &insee, "Paris", &lon, &lat].join(";");
        self.addresses.push('\n');
    }

    fn places(&self) -> PlaceSources<'_> {
        let source = |(name, text)| Source { name, text };
        let given = |file: &(_, &str)| !file.1.is_empty();
        PlaceSources {
            stations: Some(("stations.csv", self.stations.as_str())).filter(given).map(source),
            addresses: Some(("addresses.csv", self.addresses.as_str())).filter(given).map(source).into_iter().collect(),
            attribution: vec!["whoever".to_owned()],
            ..PlaceSources::default()
        }
    }

    fn build(&self) -> Result<Territory, Vec<Fault>> {
        self.built().map(|built| Territory::from_bytes(&built.bytes).unwrap())
    }

    fn built(&self) -> Result<Built, Vec<Fault>> {
        let [arrondissements, quartiers, communes] = [&self.arrondissements, &self.quartiers, &self.communes]
            .map(|features| json!({ "type": "FeatureCollection", "features": features }).to_string());
        let built = build(&Sources {
            arrondissements: Source { name: "arrondissements.geojson", text: &arrondissements },
            quartiers: Source { name: "quartiers.geojson", text: &quartiers },
            communes: Source { name: "communes.geojson", text: &communes },
            secondary: Source { name: "secondary.csv", text: &self.secondary },
            ecoles: Source { name: "ecoles.csv", text: &self.ecoles },
            places: self.places(),
        });
        match built {
            Ok(built) => Ok(built),
            Err(TerritoryError::Sources(faults)) => Err(faults),
            Err(other) => panic!("{other}"),
        }
    }

    fn only_fault(&self) -> Fault {
        let mut faults = self.build().unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }
}

fn owner(territory: &Territory, x: f64, y: f64) -> Option<String> {
    let [lon, lat] = at(x, y);
    let place = territory.locate(LonLat::new(lon, lat)).ok()?;
    Some(territory.sector_of(&place).id.to_string())
}

#[test]
fn two_squares_share_their_border_and_the_eastern_one_has_it() {
    let territory = City::new().build().unwrap();
    assert_eq!(owner(&territory, 9.9, 5.0).as_deref(), Some("paris-centre"));
    assert_eq!(owner(&territory, 10.0, 5.0).as_deref(), Some("paris-05"));
    assert_eq!(owner(&territory, 0.0, 0.0).as_deref(), Some("paris-centre"));
    assert_eq!(owner(&territory, 20.0, 5.0), None, "the eastern outline belongs to what is beyond");
}

#[test]
fn a_border_that_runs_due_east_belongs_to_the_north_of_it() {
    let territory = City::with_commune(true, &square(0.0, 10.0, 10.0)).build().unwrap();
    assert_eq!(owner(&territory, 5.0, 9.999_9).as_deref(), Some("paris-centre"));
    assert_eq!(owner(&territory, 5.0, 10.0).as_deref(), Some("com-93001"));
    assert_eq!(owner(&territory, 15.0, 10.0), None, "the northern outline belongs to what is beyond");
}

#[test]
fn a_corner_in_the_middle_of_a_neighbours_side_leaves_no_crack() {
    // its southern corners stand on the northern sides of both, one of them 4 cm off
    let outline = ring(&[(3.0, 10.000_4), (17.0, 10.0), (17.0, 14.0), (3.0, 14.0)]);
    let territory = City::with_commune(true, &outline).build().unwrap();
    for step in 0..=200 {
        let x = 3.1 + f64::from(step) * 0.069;
        for y in [9.999, 9.999_9, 10.0, 10.000_1, 10.000_2, 10.001] {
            assert!(owner(&territory, x, y).is_some(), "{x} {y}");
        }
    }
    assert_eq!(territory.neighbours(&"com-93001".parse().unwrap()).len(), 2);
}

#[test]
fn a_gap_thinner_than_half_a_metre_goes_to_a_neighbour() {
    // touches at both ends, 0.3 m away between
    let outline = ring(&[(0.0, 10.0), (5.0, 10.003), (10.0, 10.0), (10.0, 14.0), (0.0, 14.0)]);
    let territory = City::with_commune(true, &outline).build().unwrap();
    assert!(owner(&territory, 5.0, 10.001_5).is_some());
}

#[test]
fn a_hole_is_reported_with_its_place() {
    let outline = ring(&[(0.0, 10.0), (5.0, 12.0), (10.0, 10.0), (10.0, 14.0), (0.0, 14.0)]);
    let Problem::Gap { area_m2, lon, lat } = City::with_commune(true, &outline).only_fault().problem else { panic!() };
    assert!((area_m2 - 81_600.0).abs() < 2_000.0, "{area_m2}");
    assert!((lon - 2.305).abs() < 0.006 && (lat - 48.811).abs() < 0.002);
}

#[test]
fn an_overlap_is_reported_with_both_names_and_a_sliver_of_one_is_not() {
    let fault = City::with_commune(true, &square(19.0, 0.0, 10.0)).only_fault();
    assert_eq!((fault.file.as_str(), fault.at.as_str()), ("communes.geojson", "feature 1 (commune 93001)"));
    let Problem::Overlap { with, area_m2, .. } = &fault.problem else { panic!("{fault}") };
    assert_eq!(with, "arrondissement 5");
    assert!((area_m2 - 81_600.0).abs() < 2_000.0, "{area_m2}");

    let sliver = City::with_commune(true, &square(19.998, 0.0, 10.0)).build().unwrap();
    assert_eq!(owner(&sliver, 19.999, 5.0).as_deref(), Some("paris-05"));
}

#[test]
fn a_ring_that_crosses_itself_or_stays_open_is_reported() {
    let bow_tie = ring(&[(20.0, 0.0), (30.0, 10.0), (30.0, 0.0), (20.0, 10.0)]);
    assert!(matches!(City::with_commune(true, &bow_tie).only_fault().problem, Problem::SelfCrossing { .. }));
    let open = json!([[at(20.0, 0.0), at(30.0, 0.0), at(30.0, 10.0), at(20.0, 10.0)]]);
    assert_eq!(City::with_commune(true, &open).only_fault().problem, Problem::OpenRing);
}

#[test]
fn a_polygon_apart_from_the_others_is_reported_unless_it_does_not_border_paris() {
    let apart = square(40.0, 0.0, 10.0);
    assert_eq!(City::with_commune(true, &apart).only_fault().problem, Problem::Detached);
    assert_eq!(City::with_commune(false, &apart).build().unwrap().sectors().len(), 2);
}

#[test]
fn an_arrondissement_keeps_a_strip_that_its_quartier_forgets_but_not_a_field() {
    let mut city = City::new();
    let mut meet_at = |x: f64| {
        city.quartiers.clear();
        city.add_quartier(4, &ring(&[(0.0, 0.0), (x, 0.0), (x, 10.0), (0.0, 10.0)]));
        city.add_quartier(5, &ring(&[(x, 0.0), (20.0, 0.0), (20.0, 10.0), (x, 10.0)]));
        city.build()
    };
    let [lon, lat] = at(10.02, 5.0);
    let place = meet_at(10.04).unwrap().locate(LonLat::new(lon, lat)).unwrap();
    assert_eq!((place.arrondissement, place.quartier), (Some(5), Some(20)), "a strip of 3 m");

    let faults = meet_at(11.0).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].at, "feature 2 (arrondissement 5)");
    assert!(matches!(faults[0].problem, Problem::Uncovered { .. }));
}

#[test]
fn all_faults_are_reported_together_with_their_rows() {
    let mut city = City::new();
    city.add_college("0750655E", 4, (5.0, 5.0));
    city.add_college("0750655F", 4, (5.0, 5.0));
    city.add_college("0750655E", 4, (6.0, 5.0));
    city.add_college("0750654D", 5, (5.0, 5.0));
    city.add_college("0750699C", 4, (50.0, 5.0));
    city.secondary += "0753873C,Collège,college,maybe,1 rue X,75004,4,2.3,48.8,\n";
    city.ecoles += "E1,École,piscine,2 rue Y,75004,4,2.301,48.801\n";
    city.ecoles += "E2,École,maternelle,2 rue Y,75004,quatre,2.301,48.801\n";
    let faults = city.build().unwrap_err();
    let mut seen: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.file, fault.at)).collect();
    seen.sort();
    let secondary = (3..=7).map(|row| format!("secondary.csv row {row}"));
    let expected: Vec<_> = (2..=3).map(|row| format!("ecoles.csv row {row}")).chain(secondary).collect();
    assert_eq!(seen, expected);
    let text = TerritoryError::Sources(faults).to_string();
    for line in [
        "secondary.csv, row 3: `0750655F` is not a UAI: its check letter should be E",
        "row 4: repeats `0750655E`",
        "row 5: states arrondissement 5, but its position lies in arrondissement 4",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn missing_properties_values_out_of_range_and_repeats_are_reported() {
    let mut city = City::new();
    city.arrondissements[1]["properties"] = json!({ "arrondissement": 21, "insee": "75121" });
    city.quartiers[1]["properties"] = json!({ "quartier": 16, "arrondissement": 4, "name": "Q" });
    city.communes.push(feature(&json!({ "name": "Ville" }), &square(0.0, 10.0, 5.0)));
    let problems: Vec<_> = city.build().unwrap_err().into_iter().map(|fault| fault.problem).collect();
    assert!(matches!(problems[0], Problem::BadValue { column: "arrondissement", .. }));
    assert_eq!(problems[1], Problem::Missing("borders_paris"));
    assert_eq!(problems[2], Problem::Repeated("quartier 16".to_owned()));
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let (one, other) = (City::new().build().unwrap(), City::new().build().unwrap());
    assert_eq!(one.hash(), other.hash());
    assert!(!one.attribution().is_empty());
}

/// The place that a text names: its label, and in brackets what tells it from others; empty for none.
fn first(territory: &Territory, text: &str) -> String {
    let found = territory.search(text, None, 1).into_iter().next();
    found.map(|found| format!("{} ({})", found.label, found.detail)).unwrap_or_default()
}

#[test]
fn addresses_become_streets_and_those_elsewhere_are_counted() {
    let mut city = City::new();
    city.add_address("2", "Rue de la Paix", 75_104, (2.0, 5.0));
    city.add_address("4", "RUE DE LA PAIX", 75_104, (3.0, 5.0));
    city.add_address("6", "Rue de la Paix", 75_104, (4.0, 5.0));
    city.add_address("8", "Rue de la Paix", 75_105, (15.0, 5.0));
    city.add_address("99999", "Villa sans Numéro", 75_104, (6.0, 6.0));
    city.add_address("10", "Rue d'Ailleurs", 93_066, (40.0, 5.0));
    city.add_address("12", "Rue Égarée", 75_105, (2.0, 5.0));
    city.add_address("12", "- 14 Rue de la Paix", 75_104, (5.0, 5.0));
    city.stations = "id,name,lines,lon,lat\n1,Gare,METRO 2 · RER B,2.302,48.802\n2,Loin,METRO 1,3.0,48.8\n".to_owned();
    let built = city.built().unwrap();
    assert_eq!(
        built.notes,
        [
            "stations.csv: 1 row(s) left out, outside the territory",
            "addresses.csv: 1 row(s) left out, outside the territory",
            "addresses.csv: 1 row(s) left out, more than 200 m away from the arrondissement or commune they state",
        ]
    );
    let territory = Territory::from_bytes(&built.bytes).unwrap();
    let counts = territory.place_counts();
    assert_eq!((counts.streets, counts.addresses, counts.stations), (3, 5, 1));
    assert_eq!(first(&territory, "4 rue de la paix"), "4 rue de la Paix (4e, quartier Q)", "the common spelling");
    assert_eq!(first(&territory, "12 rue de la paix"), "12 rue de la Paix (4e, quartier Q)");
    assert_eq!(first(&territory, "villa sans numero"), "Villa sans Numéro (4e, quartier Q)");
    assert_eq!(first(&territory, "metro gare"), "Gare (4e, quartier Q, métro 2 ; RER B)");
    assert!(territory.attribution().iter().any(|line| line == "whoever"));
    assert_eq!(city.built().unwrap(), built, "the same sources give the same bytes");
}

#[test]
fn places_of_nobody_and_faults_of_their_files_are_refused() {
    let mut city = City::new();
    city.add_address("deux", "Rue X", 75_104, (2.0, 5.0));
    let fault = city.only_fault();
    assert!(fault.to_string().starts_with("addresses.csv, row 2: `numero` holds `deux`"), "{fault}");
    let ground = City::new().built().unwrap();
    let mut city = City::new();
    city.add_address("2", "Rue X", 75_104, (2.0, 5.0));
    let nobodys = PlaceSources { attribution: vec![], ..city.places() };
    let Err(TerritoryError::Sources(faults)) = with_places(&ground.bytes, &nobodys) else { panic!() };
    assert_eq!(faults[0].problem, Problem::Unattributed);
}

#[test]
fn places_take_the_place_of_those_of_their_sort_in_a_file() {
    let mut city = City::new();
    city.add_address("2", "Rue Ancienne", 75_104, (2.0, 5.0));
    city.stations = "name,lines,lon,lat\nGare,METRO 2,2.302,48.802\n".to_owned();
    let before = city.built().unwrap();
    let mut newer = City::new();
    newer.add_address("2", "Rue Nouvelle", 75_104, (2.0, 5.0));
    let after = with_places(&before.bytes, &newer.places()).unwrap();
    let territory = Territory::from_bytes(&after.bytes).unwrap();
    assert_eq!(first(&territory, "rue ancienne"), "");
    assert_eq!(first(&territory, "2 rue nouvelle"), "2 rue Nouvelle (4e, quartier Q)");
    assert_eq!(first(&territory, "gare"), "Gare (4e, quartier Q, métro 2)");
    assert_eq!(with_places(&before.bytes, &city.places()).unwrap(), before, "the same places change nothing");
}

#[test]
fn a_file_of_before_places_by_name_is_read() {
    let territory = Territory::from_bytes(include_bytes!("data/small-1.territory")).unwrap();
    assert_eq!(territory.sectors().len(), 3);
    assert_eq!(territory.schools().len(), 1);
    assert_eq!(first(&territory, "1 rue X"), "1 rue X (4e, quartier Q)", "the address of its school");
    assert_eq!(territory.place_counts().stations, 0);
}
