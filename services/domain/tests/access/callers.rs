//! What a source may raise, follow and work at, beside a naive reading: any role, at any place.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::subsequence};
use vigie_domain::{
    access::{Caller, Refusal},
    assess::{Assessment, assess},
    directory::{Ambit, Permission, Role, Sight, Source},
    territory::{LonLat, Territory},
};
use vigie_proto::{
    CrisisId, CrisisRegime, Kind, Nature, RoleId, SectorId, Severity, crisis::CrisisSnapshot, event::Through,
    signal::Location,
};

use super::{CITY, school, snapshot, start};

const SECTORS: [&str; 3] = ["paris-18", "paris-19", "paris-20"];
const PERMISSIONS: [Permission; 11] = [
    Permission::Acknowledge,
    Permission::Note,
    Permission::ChangeSeverity,
    Permission::Close,
    Permission::SetRegime,
    Permission::Involve,
    Permission::Separate,
    Permission::Exercise,
    Permission::Audit,
    Permission::KeepRoster,
    Permission::Administer,
];

fn kinds() -> Vec<Kind> {
    CITY.doctrine.kinds.keys().cloned().collect()
}

fn ambit() -> impl Strategy<Value = Ambit> {
    prop_oneof![
        Just(Ambit::City),
        prop::sample::select(&SECTORS[..]).prop_map(|id| Ambit::Sector(id.parse().unwrap())),
        Just(Ambit::School(school().parse().unwrap())),
    ]
}

/// A source of any role of the shipped city, which may be anything.
fn source() -> impl Strategy<Value = (Source, Role)> {
    let roles: Vec<RoleId> = CITY.directory.roles().cloned().collect();
    let sees = prop::sample::select(vec![Sight::Nothing, Sight::OwnSignals, Sight::Sector, Sight::Everything]);
    let raises = subsequence(kinds(), 0..=kinds().len());
    let may = subsequence(PERMISSIONS.to_vec(), 0..=PERMISSIONS.len());
    let reach_m = prop::sample::select(vec![0_u32, 250, 600]);
    (prop::sample::select(roles), sees, raises, may, reach_m, ambit()).prop_map(
        |(role, sees, raises, may, surroundings_m, ambit)| {
            let rule = Role { sees, raises, may, surroundings_m, ..CITY.directory.role(&role).unwrap().clone() };
            let source = Source {
                id: "somebody".parse().unwrap(),
                body: "some-body".parse().unwrap(),
                role,
                ambit,
                name: String::new(),
            };
            (source, rule)
        },
    )
}

/// A place in or around the three sectors.
fn place() -> impl Strategy<Value = Location> {
    let point = (2.33_f64..2.42, 48.86_f64..48.905)
        .prop_filter("outside the territory", |(lon, lat)| {
            CITY.territory.locate(LonLat { lon: *lon, lat: *lat }).is_ok()
        })
        .prop_map(|(lon, lat)| Location::Point { lon, lat, accuracy_m: 20.0 });
    let sector = prop::sample::select(&SECTORS[..]).prop_map(|id| Location::Sector { sector: id.parse().unwrap() });
    prop_oneof![4 => point, 1 => sector, 1 => Just(Location::School { uai: school().parse().unwrap() })]
}

fn assessed(location: &Location) -> Assessment {
    let rule = CITY.doctrine.kind(&"rixe".parse().unwrap()).unwrap();
    assess(location, 1_000.0, rule, &CITY.territory).unwrap()
}

/// Whether something of the sector lies within `reach_m`, looked for by walking; none when it is too close to call.
fn near(at: LonLat, sector: &SectorId, reach_m: f64) -> Option<bool> {
    let found = |reach_m: f64| {
        (0..96).any(|step| {
            let angle = f64::from(step) / 96.0 * std::f64::consts::TAU;
            (1..=8).any(|ring| {
                let metres = reach_m * f64::from(ring) / 8.0;
                let there = LonLat {
                    lon: at.lon + metres * angle.cos() / (111_195.0 * at.lat.to_radians().cos()),
                    lat: at.lat + metres * angle.sin() / 111_195.0,
                };
                CITY.territory.locate(there).is_ok_and(|place| CITY.territory.sector_of(&place).id == *sector)
            })
        })
    };
    let (closer, further) = (found(reach_m * 0.9), found(reach_m * 1.1));
    (closer == further).then_some(closer)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_source_raises_what_its_role_says_where_it_is(
        (source, role) in source(),
        location in place(),
        kind in prop::sample::select(kinds()),
        exercise in any::<bool>(),
    ) {
        let place = assessed(&location);
        let reach_m = f64::from(role.surroundings_m);
        let within = match (&source.ambit, place.at) {
            (Ambit::City, _) => Some(true),
            (Ambit::Sector(own), _) if place.owner() == own => Some(true),
            (Ambit::Sector(own), Some(at)) if reach_m > 0.0 => near(at, own, reach_m),
            (Ambit::Sector(_), _) | (Ambit::School(_), None) => Some(false),
            (Ambit::School(uai), Some(at)) => {
                let metres = Territory::distance_m(CITY.territory.school(uai).unwrap().at, at);
                Some(metres <= reach_m)
            }
        };
        prop_assume!(within.is_some());
        let expected = if !role.raises.contains(&kind) {
            Err(Refusal::Kind)
        } else if exercise && !role.may.contains(&Permission::Exercise) {
            Err(Refusal::Exercise)
        } else if within == Some(true) {
            Ok(())
        } else {
            Err(Refusal::Place)
        };
        let caller = Caller { source: &source, role: &role };
        prop_assert_eq!(caller.may_raise(&kind, &place, exercise, &CITY.territory), expected);
    }

    #[test]
    fn what_a_source_is_shown_is_its_affair_and_not_withheld((source, role) in source()) {
        let caller = Caller { source: &source, role: &role };
        let (affairs, withheld) = (caller.affairs(&CITY.doctrine), caller.withheld(&CITY.doctrine));
        for kind in CITY.doctrine.kinds.keys() {
            let roles: BTreeSet<&RoleId> = CITY.doctrine.class_of(kind).into_iter().flat_map(|class| &class.roles).collect();
            let named = roles.contains(&source.role);
            let affair = named && source.ambit == Ambit::City && role.sees != Sight::Nothing;
            prop_assert_eq!(affairs.contains(&kind), affair, "{}", kind);
            prop_assert_eq!(withheld.contains(&kind), !roles.is_empty() && !named, "{}", kind);
            let incident = snapshot(kind, Severity::Serious);
            let touched = ["paris-19", "paris-20"].iter().any(|id| source.ambit == Ambit::Sector(id.parse().unwrap()));
            let sees = role.sees == Sight::Everything || (role.sees == Sight::Sector && touched) || affair;
            let follows = sees && (roles.is_empty() || named);
            prop_assert_eq!(caller.follows(&incident, &CITY), follows, "{}", kind);
        }
        let own = match &source.ambit {
            Ambit::Sector(id) => Some(id),
            Ambit::City | Ambit::School(_) => None,
        };
        prop_assert_eq!(caller.sector(), own);
        let crisis = CrisisSnapshot {
            id: CrisisId(uuid::Uuid::nil()),
            reference: "C-2026-000001".to_owned(),
            regime: CrisisRegime::Local,
            nature: Nature::Real,
            closed: false,
            sector: "paris-19".parse().unwrap(),
            sectors: vec!["paris-19".parse().unwrap(), "paris-20".parse().unwrap()],
            opened_at: start(),
        };
        let there = own.is_some_and(|own| ["paris-19", "paris-20"].contains(&own.as_str()));
        prop_assert_eq!(
            caller.sees_crisis(&crisis),
            role.sees == Sight::Everything || (role.sees == Sight::Sector && there)
        );
    }

    #[test]
    fn a_source_works_at_the_pages_its_role_has_use_for((source, role) in source()) {
        let caller = Caller { source: &source, role: &role };
        let may = |permission| role.may.contains(&permission);
        for permission in PERMISSIONS {
            prop_assert_eq!(caller.may(permission), may(permission));
        }
        let everything = role.sees == Sight::Everything;
        let cell = match &source.ambit {
            Ambit::Sector(sector) if role.sees == Sight::Sector => Some(format!("/cellule/{sector}")),
            _ => None,
        };
        let operates = everything && may(Permission::ChangeSeverity);
        prop_assert_eq!(caller.operates(), operates);
        let pages = [
            operates.then(|| "/scop".to_owned()),
            cell.clone(),
            (!role.raises.is_empty()).then(|| "/signaler".to_owned()),
            ((everything || cell.is_some()) && may(Permission::Acknowledge)).then(|| "/crises".to_owned()),
            (everything || may(Permission::Audit)).then(|| "/observatoire".to_owned()),
            // An administration keeps every roster from its own page.
            (may(Permission::KeepRoster) && !may(Permission::Administer)).then(|| "/annuaire/some-body".to_owned()),
            may(Permission::Administer).then(|| "/administration".to_owned()),
        ];
        let expected: Vec<String> = pages.into_iter().flatten().collect();
        let desks: Vec<String> = caller.desks().into_iter().map(|desk| desk.path).collect();
        prop_assert_eq!(desks, expected);
    }
}

#[test]
fn a_caller_is_what_its_source_and_the_directory_say() {
    for source in CITY.directory.sources() {
        let caller = Caller::of(source, &CITY.directory).unwrap();
        assert_eq!(caller.role, CITY.directory.role(&source.role).unwrap());
        let actor = caller.actor();
        assert_eq!((&actor.body, &actor.role, actor.through), (&source.body, &source.role, Through::Api));
        let party = caller.party();
        assert_eq!((party.body, party.role_id, party.ambit), (&source.body, &source.role, &source.ambit));
        assert_eq!(party.operates(), caller.operates());
    }
    let mut stranger = CITY.directory.sources().next().unwrap().clone();
    stranger.role = "nobody-has-this-role".parse().unwrap();
    assert!(Caller::of(&stranger, &CITY.directory).is_none());
}
