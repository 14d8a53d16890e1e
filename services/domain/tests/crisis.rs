//! Crises by the shipped doctrine: who may ask for what, what waits and for how long, what never has a name.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(dead_code, reason = "shared with the rules of the contract")]
mod shipped;

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;
use vigie_domain::{
    account::{self, Block, Told},
    city::{City, CityError},
    crisis::{
        Crisis, Effect, Moment, Refused, Tell,
        awaited::Wait,
        exercise::{Control, Play, Script},
        mobilisation::{Move, Stage},
    },
};
use vigie_proto::{
    BodyId, CareId, CrisisId, CrisisRegime, IncidentId, IncidentStatus, Kind, MobilisationId, Nature, RoleId, SectorId,
    Severity,
    crisis::{CrisisSnapshot, Mobilised, TaskState},
    event::{Actor, Event, IncidentSnapshot, Known, RefusalReason, Through, Whereabouts},
};

use self::shipped::text;

static CITY: LazyLock<City> = LazyLock::new(shipped::city);

/// The shipped city with this text for the fiche of crises.
fn read(fiche: &str) -> Result<City, CityError> {
    let mut doctrine = shipped::doctrine_files();
    doctrine.insert("f-3-13.toml".to_owned(), fiche.to_owned());
    shipped::city_of(&doctrine, &shipped::directory_files())
}

fn start() -> Timestamp {
    "2026-11-23T15:40:00Z".parse().unwrap()
}

fn at(minutes: i64) -> Moment<'static> {
    let rules = CITY.doctrine.crisis.as_ref().unwrap();
    Moment { rules, now: start() + SignedDuration::from_mins(minutes), zone: "Europe/Paris", time_scale: 1.0 }
}

fn actor(role: &str) -> Actor {
    Actor { body: BodyId::new(role).unwrap(), role: RoleId::new(role).unwrap(), through: Through::Api }
}

fn sector() -> SectorId {
    SectorId::new("paris-19").unwrap()
}

fn incident(nature: Nature) -> IncidentSnapshot {
    IncidentSnapshot {
        id: IncidentId(Uuid::from_u128(7)),
        reference: "R-2026-000001".to_owned(),
        version: 1,
        kind: Kind::new("crisis-event").unwrap(),
        kind_label: "Crise".to_owned(),
        severity: Severity::Serious,
        status: IncidentStatus::Open,
        sector: sector(),
        sector_label: "19e arrondissement".to_owned(),
        also_concerns: Vec::new(),
        place_label: String::new(),
        expected_at: None,
        opened_at: start(),
        regime: CrisisRegime::None,
        nature,
        precisions: Vec::new(),
        whereabouts: Whereabouts::default(),
        known: Known::default(),
    }
}

fn opened(regime: CrisisRegime, nature: Nature) -> (Crisis, Vec<Effect>) {
    let snapshot = CrisisSnapshot {
        id: CrisisId(Uuid::from_u128(1)),
        reference: "C-2026-000001".to_owned(),
        regime,
        nature,
        closed: false,
        sector: sector(),
        sectors: vec![sector()],
        opened_at: start(),
    };
    Crisis::open(snapshot, Some(&incident(nature)), &actor("scop"), at(0)).unwrap()
}

const ID: MobilisationId = MobilisationId(Uuid::from_u128(3));
const CARE: CareId = CareId(Uuid::from_u128(4));

fn requested(resource: &str, by: &str) -> Result<(Crisis, Vec<Effect>), Refused> {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    let effects = crisis.request(ID, resource, &incident(Nature::Real), &actor(by), at(0))?;
    Ok((crisis, effects))
}

fn told(effects: &[Effect]) -> Vec<&Tell> {
    effects.iter().filter_map(|effect| if let Effect::Tell(tell) = effect { Some(tell) } else { None }).collect()
}

fn told_roles(effects: &[Effect]) -> Vec<&str> {
    told(effects).iter().flat_map(|tell| &tell.targets).map(|target| target.role.as_str()).collect()
}

fn mobilised(effects: &[Effect]) -> Vec<Mobilised> {
    let moved = |effect: &Effect| match effect {
        Effect::Fact(Event::CrisisMobilisationMoved(e)) => Some(e.moved),
        Effect::Fact(_)
        | Effect::Tell(_)
        | Effect::SetRegime { .. }
        | Effect::Settle { .. }
        | Effect::Inject(_)
        | Effect::End { .. } => None,
    };
    effects.iter().filter_map(moved).collect()
}

#[test]
fn a_mairie_asks_for_the_vpu_and_the_umip_and_only_the_scop_hears_of_it() {
    for resource in ["vpu", "umip"] {
        let (crisis, effects) = requested(resource, "mairie").unwrap();
        assert_eq!(told_roles(&effects), ["scop"], "{resource}");
        assert!(matches!(crisis.mobilisations[0].stage, Stage::Passing { due_at: Some(_) }));
    }
}

#[test]
fn everybody_the_shipped_rules_ask_for_a_resource_of_the_19th_can_be_reached() {
    for rule in &at(0).rules.resources {
        let role = rule.asked_by[0].as_str();
        let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
        let mut effects = crisis.request(ID, &rule.id, &incident(Nature::Real), &actor(role), at(0)).unwrap();
        if crisis.mobilisations[0].stage.code() == "passing" {
            effects.extend(crisis.mobilise(ID, Move::PassOn, &actor("scop"), at(0)).unwrap());
        }
        while let Some(due) = crisis.next_due() {
            effects.extend(crisis.settle_due(Moment { now: due, ..at(0) }));
        }
        let alone = |tell: &&&Tell| {
            let bodies = tell.targets.iter().flat_map(|target| CITY.directory.bodies_of(target));
            !bodies.flat_map(|body| &body.contacts).any(|contact| tell.channels.contains(&contact.channel))
        };
        let tells = told(&effects);
        let unreached: Vec<&&Tell> = tells.iter().filter(alone).collect();
        assert!(unreached.is_empty(), "{}: {unreached:?}", rule.id);
    }
}

#[test]
fn nobody_but_a_mairie_asks_for_the_vpu_or_the_umip() {
    for (resource, role) in [("vpu", "scop"), ("vpu", "division-dpmp"), ("umip", "etablissement"), ("umip", "scop")] {
        assert!(matches!(requested(resource, role), Err(Refused::NotYours { .. })), "{resource} by {role}");
    }
}

#[test]
fn a_mairie_cannot_pass_its_own_request_on() {
    let (mut crisis, _) = requested("vpu", "mairie").unwrap();
    let before = crisis.clone();
    assert!(matches!(crisis.mobilise(ID, Move::PassOn, &actor("mairie"), at(1)), Err(Refused::NotYours { .. })));
    assert_eq!(crisis, before);
    let effects = crisis.mobilise(ID, Move::PassOn, &actor("scop"), at(1)).unwrap();
    assert_eq!(told_roles(&effects), ["permanence-dpmp"]);
}

#[test]
fn a_request_nobody_answers_goes_to_its_second_choice_at_its_time_and_then_to_whoever_conducts() {
    let (mut crisis, effects) = requested("mediation", "mairie").unwrap();
    assert_eq!(told_roles(&effects), ["epm"]);
    assert_eq!(crisis.next_due(), Some(at(10).now));
    let just_before = Moment { now: at(10).now - SignedDuration::from_millis(1), ..at(0) };
    assert_eq!(crisis.settle_due(just_before), []);

    let effects = crisis.settle_due(at(10));
    assert_eq!(told_roles(&effects), ["permanence-dpmp"]);
    let asked = Mobilised::Asked { choice: 2, due_at: at(20).now };
    assert_eq!(mobilised(&effects), [Mobilised::Overdue { due_at: at(10).now }, asked]);
    assert_eq!(crisis.settle_due(at(10)), [], "once only");

    let effects = crisis.settle_due(at(20));
    assert_eq!(told_roles(&effects), ["scop"]);
    assert_eq!(crisis.mobilisations[0].stage, Stage::Unanswered);
    assert_eq!(crisis.next_due(), None);
}

#[test]
fn a_refusal_asks_the_second_choice_at_once() {
    let (mut crisis, _) = requested("mediation", "mairie").unwrap();
    let refuse = Move::Refuse { reason: RefusalReason::Unavailable };
    let effects = crisis.mobilise(ID, refuse, &actor("epm"), at(2)).unwrap();
    assert_eq!(told_roles(&effects), ["permanence-dpmp"]);
    assert_eq!(crisis.next_due(), Some(at(12).now));
}

#[test]
fn a_mobilisation_is_accepted_goes_arrives_is_released_and_holds_its_unit_meanwhile() {
    let (mut crisis, _) = requested("mediation", "mairie").unwrap();
    for (step, minute, engaged) in
        [(Move::Accept, 3, 1), (Move::Leave, 5, 1), (Move::Arrive, 20, 1), (Move::Release, 60, 0)]
    {
        crisis.mobilise(ID, step, &actor("epm"), at(minute)).unwrap();
        assert_eq!(crisis.engaged("mediation").count(), engaged, "{step:?}");
    }
    assert_eq!(crisis.mobilise(ID, Move::Accept, &actor("epm"), at(61)), Err(Refused::NotNow));
}

#[test]
fn lateness_on_the_way_is_said_once() {
    let (mut crisis, _) = requested("mediation", "mairie").unwrap();
    crisis.mobilise(ID, Move::Accept, &actor("epm"), at(3)).unwrap();
    crisis.mobilise(ID, Move::Leave, &actor("epm"), at(5)).unwrap();
    assert_eq!(crisis.next_due(), Some(at(48).now), "the time to arrive runs from the acceptance");
    assert_eq!(mobilised(&crisis.settle_due(at(50))), [Mobilised::Overdue { due_at: at(48).now }]);
    assert_eq!(crisis.settle_due(at(90)), []);
}

#[test]
fn reality_and_exercise_are_never_mixed() {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    assert_eq!(crisis.link(&incident(Nature::Exercise), &actor("scop"), at(1)), Err(Refused::OtherNature));
}

#[test]
fn a_regime_is_that_of_every_incident_of_the_crisis() {
    let (mut crisis, effects) = opened(CrisisRegime::Local, Nature::Real);
    let id = IncidentId(Uuid::from_u128(7));
    assert!(effects.contains(&Effect::SetRegime { incident: id, to: CrisisRegime::Local }));
    let effects = crisis.set_regime(CrisisRegime::City, &actor("scop"), at(1)).unwrap();
    assert!(effects.contains(&Effect::SetRegime { incident: id, to: CrisisRegime::City }));
    assert!(matches!(
        crisis.set_regime(CrisisRegime::National, &actor("mairie"), at(2)),
        Err(Refused::NotYours { .. })
    ));
}

fn armed() -> Crisis {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    crisis.open_care(CARE, "gymnase", sector(), vec!["cai".to_owned()], &actor("mairie"), at(5)).unwrap();
    crisis
}

fn people(category: &str, number: u32) -> BTreeMap<String, u32> {
    BTreeMap::from([(category.to_owned(), number)])
}

#[test]
fn a_centre_holds_numbers_by_category_and_victims_come_from_the_rescue_services_only() {
    let mut crisis = armed();
    crisis.count(CARE, people("implique", 42), &actor("mairie"), at(6)).unwrap();
    crisis.count(CARE, people("sinistre", 7), &actor("dsol"), at(7)).unwrap();
    assert!(matches!(crisis.count(CARE, people("victime", 1), &actor("mairie"), at(8)), Err(Refused::NotYours { .. })));
    crisis.count(CARE, people("victime", 1), &actor("scop"), at(8)).unwrap();
    assert_eq!(crisis.count(CARE, people("dupont", 1), &actor("scop"), at(9)), Err(Refused::Unknown("category")));
    assert_eq!(crisis.cares[0].people.len(), 3);
}

#[test]
fn a_centre_closes_when_both_conditions_hold_and_not_before() {
    let mut crisis = armed();
    let one = ["secours".to_owned()];
    assert!(matches!(crisis.close_care(CARE, &one, &actor("mairie"), at(9)), Err(Refused::Missing(_))));
    assert!(matches!(crisis.close(&actor("scop"), at(9)), Err(Refused::Missing(_))), "a crisis waits for its centres");
    let both = ["secours".to_owned(), "recensement".to_owned()];
    crisis.close_care(CARE, &both, &actor("mairie"), at(65)).unwrap();
    assert_eq!(crisis.cares[0].lasted(at(99).now), SignedDuration::from_mins(60));
    crisis.close(&actor("scop"), at(66)).unwrap();
}

#[test]
fn each_direction_says_how_far_its_own_task_is() {
    let mut crisis = armed();
    crisis.set_task(CARE, "recensement", TaskState::UnderWay, &actor("dsol"), at(6)).unwrap();
    let other = crisis.set_task(CARE, "recensement", TaskState::Done, &actor("dlh"), at(7));
    assert!(matches!(other, Err(Refused::NotYours { .. })));
}

fn answers() -> BTreeMap<String, String> {
    [("evolution", "stable"), ("moyens", "tendus"), ("accueil", "ouvert")].map(|(k, v)| (k.into(), v.into())).into()
}

#[test]
fn reports_are_owed_under_the_regime_of_the_city_only_and_reminded_of() {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    assert_eq!(crisis.next_due(), None);
    crisis.set_regime(CrisisRegime::City, &actor("scop"), at(0)).unwrap();
    assert_eq!(crisis.next_due(), Some(at(60).now));
    assert_eq!(told_roles(&crisis.settle_due(at(60))), ["mairie"]);
    assert_eq!(told_roles(&crisis.settle_due(at(75))), ["mairie-elu", "mairie"]);
    assert_eq!((crisis.reports[0].missed, crisis.next_due()), (1, Some(at(120).now)));
    let given = crisis.report(&sector(), answers(), &actor("mairie"), at(110)).unwrap();
    assert_eq!((given.0, crisis.next_due()), (2, Some(at(180).now)));
    crisis.set_regime(CrisisRegime::National, &actor("scop"), at(111)).unwrap();
    assert_eq!(crisis.next_due(), None);
}

/// What of the incident's own circuits is given with it: the debt, and where only.
fn settled(effects: &[Effect]) -> Vec<(&str, Option<SectorId>)> {
    let of = |effect: &'_ Effect| matches!(effect, Effect::Settle { .. });
    let settled = effects.iter().filter(|effect| of(effect)).filter_map(|effect| match effect {
        Effect::Settle { owed, sector, .. } => Some((owed.as_str(), sector.clone())),
        Effect::Fact(_) | Effect::Tell(_) | Effect::SetRegime { .. } | Effect::Inject(_) | Effect::End { .. } => None,
    });
    settled.collect()
}

#[test]
fn what_the_circuits_of_an_event_and_its_crisis_both_ask_for_is_given_once() {
    let (mut crisis, _) = opened(CrisisRegime::City, Nature::Real);
    let (_, effects) = crisis.report(&sector(), answers(), &actor("mairie"), at(10)).unwrap();
    assert_eq!(settled(&effects), [("CRI-8/point-de-situation", Some(sector()))]);
    crisis.close(&actor("scop"), at(60)).unwrap();
    for section in ["bien", "mal", "coordination", "enseignements"] {
        crisis.write(section, &actor("scop"), at(70)).unwrap();
    }
    let effects = crisis.complete(&actor("scop"), at(80)).unwrap();
    assert_eq!(settled(&effects), [("CRI-15/debriefing", None), ("CRI-15/retex", None)]);
}

#[test]
fn a_report_answers_every_field_with_one_of_its_options() {
    let (mut crisis, _) = opened(CrisisRegime::City, Nature::Real);
    let mut few = answers();
    few.remove("moyens");
    assert!(matches!(crisis.report(&sector(), few, &actor("mairie"), at(1)), Err(Refused::Missing(_))));
    let mut free = answers();
    free.insert("evolution".to_owned(), "Monsieur Dupont est blessé".to_owned());
    assert_eq!(crisis.report(&sector(), free, &actor("mairie"), at(1)), Err(Refused::Unknown("field")));
}

#[test]
fn a_feedback_is_owed_after_every_crisis_and_exercise_and_reminded_of_until_it_is_complete() {
    for nature in [Nature::Real, Nature::Exercise] {
        let (mut crisis, _) = opened(CrisisRegime::Local, nature);
        crisis.close(&actor("scop"), at(60)).unwrap();
        let third_day: Timestamp = "2026-11-26T08:00:00Z".parse().unwrap();
        assert_eq!(crisis.next_due(), Some(third_day), "at nine, three local days later");
        let later = Moment { now: third_day, ..at(0) };
        assert_eq!(told_roles(&crisis.settle_due(later)), ["scop"]);
        assert!(matches!(crisis.complete(&actor("scop"), later), Err(Refused::Missing(_))));
        for section in ["bien", "mal", "coordination", "enseignements"] {
            crisis.write(section, &actor("scop"), later).unwrap();
        }
        crisis.complete(&actor("scop"), later).unwrap();
        assert_eq!(crisis.next_due(), None);
    }
}

#[test]
fn after_an_outage_the_feedback_is_reminded_of_once() {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    crisis.close(&actor("scop"), at(0)).unwrap();
    let effects = crisis.settle_due(Moment { now: start() + SignedDuration::from_hours(24 * 60), ..at(0) });
    assert_eq!((told(&effects).len(), crisis.next_due()), (1, None), "all three at once, and none is left");
}

fn script() -> Script {
    Script::read("crise.toml", &text("exercises/crise.toml")).unwrap()
}

#[test]
fn the_shipped_scripts_can_be_read_and_name_sources_and_kinds_that_exist() {
    for file in ["crise.toml", "ppms.toml"] {
        let script = Script::read(file, &text(&format!("exercises/{file}"))).unwrap();
        for signal in script.injects.iter().filter_map(|inject| inject.signal.as_ref()) {
            let source = CITY.directory.source(&signal.source).unwrap();
            assert!(CITY.directory.role(&source.role).unwrap().raises.contains(&signal.kind), "{file}: {signal:?}");
        }
    }
    assert!(Script::read("x.toml", &text("exercises/ppms.toml").replace("after_min", "after_mn")).is_err());
}

#[test]
fn a_script_is_played_only_in_an_exercise() {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    let play = Play::start("crise", script(), 60, &actor("scop"), start());
    assert_eq!(crisis.play(play, &actor("scop"), at(0)), Err(Refused::OtherNature));
}

#[test]
fn a_clock_that_stands_keeps_what_is_left_and_a_faster_one_hastens_it() {
    let mut play = Play::start("crise", script(), 1, &actor("scop"), start());
    play.played = 1;
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Exercise);
    crisis.play(play, &actor("scop"), at(0)).unwrap();
    crisis.control(Control::Pause, &actor("scop"), at(4)).unwrap();
    assert_eq!(crisis.next_due(), None);
    crisis.control(Control::Resume, &actor("scop"), at(30)).unwrap();
    assert_eq!(crisis.next_due(), Some(at(36).now), "six of ten minutes were left");
    crisis.control(Control::Speed { speed: 6 }, &actor("scop"), at(30)).unwrap();
    assert_eq!(crisis.next_due(), Some(at(31).now));
    assert_eq!(crisis.control(Control::Speed { speed: 0 }, &actor("scop"), at(30)), Err(Refused::Unknown("speed")));
}

#[test]
fn the_account_tells_delays_and_keeps_peoples_words_out_of_the_markup() {
    let (mut crisis, mut effects) = opened(CrisisRegime::Local, Nature::Exercise);
    let snapshot = incident(Nature::Exercise);
    effects.extend(crisis.request(ID, "mediation", &snapshot, &actor("mairie"), at(0)).unwrap());
    effects.extend(crisis.mobilise(ID, Move::Accept, &actor("epm"), at(4)).unwrap());
    effects.extend(crisis.mobilise(ID, Move::Release, &actor("epm"), at(30)).unwrap());
    effects.extend(crisis.close(&actor("scop"), at(60)).unwrap());
    let minute = |event: &Event| if let Event::CrisisMobilisationMoved(e) = event { e.at } else { start() };
    let story: Vec<Told> = effects
        .into_iter()
        .filter_map(|effect| if let Effect::Fact(event) = effect { Some(event) } else { None })
        .map(|event| Told { at: minute(&event), event })
        .collect();
    let words = BTreeMap::from([("retex/bien".to_owned(), "Bien | <b>vite</b>".to_owned())]);
    let blocks = account::blocks(&crisis, &story, &words, &CITY);
    let text = account::markdown(&blocks);
    assert!(text.starts_with("# EXERCICE – Retour d'expérience"), "{text}");
    assert!(text.contains("de la demande à l'accord | 10 min | 4 min 0 s |"), "{text}");
    assert!(text.contains("Bien \\| \\<b\\>vite\\</b\\>"), "{text}");
    assert!(blocks.contains(&Block::Heading("Enseignements".to_owned())));
}

#[test]
fn a_crisis_section_with_a_typo_a_stranger_or_a_hole_is_refused() {
    let shipped = text("doctrine/f-3-13.toml");
    for (from, to, said) in [
        ("on_site_within_min = 45", "on_site_within_mn = 45", "on_site_within_mn"),
        ("correspondents = [\"secretariat-general\"]", "correspondents = [\"nobody\"]", "nobody"),
        ("coordinated_with = \"cump\"", "coordinated_with = \"samu\"", "samu"),
        ("settles = [\"CRI-15/debriefing\"", "settles = [\"CRI-15/debrief\"", "CRI-15/debrief"),
        ("regime = \"national\"\nlines = \"4936", "regime = \"city\"\nlines = \"4936", "national"),
    ] {
        assert!(shipped.contains(from), "{from}");
        let error = read(&shipped.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(said) && (error.contains("f-3-13.toml:") || error.contains("[crisis]")), "{error}");
    }
}

#[test]
fn of_several_functions_asked_together_one_refusal_leaves_the_others_their_time() {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    crisis.request(ID, "astreinte-directions", &incident(Nature::Real), &actor("scop"), at(0)).unwrap();
    let refuse = Move::Refuse { reason: RefusalReason::Unavailable };
    for role in ["ddct", "dsol"] {
        assert_eq!(told_roles(&crisis.mobilise(ID, refuse, &actor(role), at(1)).unwrap()), [] as [&str; 0], "{role}");
    }
    let effects = crisis.mobilise(ID, refuse, &actor("dlh"), at(2)).unwrap();
    assert_eq!(told_roles(&effects), ["secretariat-general"]);
}

#[test]
fn what_one_body_accepted_no_other_carries_on_but_whoever_conducts() {
    let (mut crisis, effects) = requested("mediation", "mairie").unwrap();
    assert_eq!(told(&effects)[0].request.as_ref().unwrap().answer_by, at(10).now, "an answer is asked by a link");
    crisis.mobilise(ID, Move::Accept, &actor("epm"), at(1)).unwrap();
    let other = Actor { body: BodyId::new("epm-paris-18").unwrap(), ..actor("epm") };
    assert!(crisis.mobilisations[0].moves(&other.role, &other.body).is_empty());
    assert_eq!(crisis.mobilise(ID, Move::Leave, &other, at(2)), Err(Refused::NotNow));
    crisis.mobilise(ID, Move::Leave, &actor("scop"), at(3)).unwrap();
    assert_eq!(crisis.mobilisations[0].provider, Some(BodyId::new("epm").unwrap()));
}

#[test]
fn what_is_waited_for_says_of_whom_until_when_and_what_is_late_comes_first() {
    let (mut crisis, _) = requested("vpu", "mairie").unwrap();
    crisis.set_regime(CrisisRegime::City, &actor("scop"), at(0)).unwrap();
    let waits = |crisis: &Crisis, minute| crisis.awaited(at(minute).rules, at(minute).now);
    let first = waits(&crisis, 0);
    assert_eq!((&first[0].what, first[0].due_at, first[0].late), (&Wait::PassOn(ID), Some(at(5).now), false));
    let (body, scop, mairie) = (BodyId::new("x").unwrap(), actor("scop").role, actor("mairie").role);
    assert!(first[0].of.is(&body, &scop, None) && !first[0].of.is(&body, &mairie, Some(&sector())));
    assert!(first[1].of.is(&body, &mairie, Some(&sector())), "the mairie of the sector reports");
    let elsewhere = SectorId::new("paris-05").unwrap();
    assert!(!first[1].of.is(&body, &mairie, Some(&elsewhere)));
    crisis.settle_due(at(61));
    let late = waits(&crisis, 61);
    assert_eq!(late.iter().map(|one| one.late).collect::<Vec<_>>(), [true, true]);
    assert_eq!(late[0].what, Wait::Report(sector(), 1), "what has a due time goes before what was said already");
}

#[test]
fn a_text_is_kept_by_those_the_doctrine_names_until_it_is_withdrawn_or_over() {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    assert!(matches!(crisis.receive_text(None, &actor("mairie"), at(1)), Err(Refused::NotYours { .. })));
    assert_eq!(crisis.receive_text(Some(at(0).now), &actor("scop"), at(1)), Err(Refused::Unknown("valid_until")));
    let (number, effects) = crisis.receive_text(Some(at(30).now), &actor("scop"), at(1)).unwrap();
    assert_eq!((number, told_roles(&effects)), (1, vec!["mairie", "mairie-elu", "ddct", "dicom"]));
    assert!(crisis.relays[0].stands(at(29).now) && !crisis.relays[0].stands(at(30).now));
    crisis.withdraw_text(1, &actor("scop"), at(2)).unwrap();
    assert!(!crisis.relays[0].stands(at(3).now));
    assert_eq!(crisis.withdraw_text(1, &actor("scop"), at(4)), Err(Refused::Unchanged));
}

#[test]
fn bodies_sit_in_the_cell_one_by_one_and_one_corresponds() {
    let (mut crisis, _) = opened(CrisisRegime::Local, Nature::Real);
    let body = |id: &str| BodyId::new(id).unwrap();
    let role = |id: &str| RoleId::new(id).unwrap();
    crisis.seat(body("mairie-paris-19"), &role("mairie"), &actor("scop"), at(1)).unwrap();
    crisis.seat(body("umip"), &role("umip"), &actor("scop"), at(2)).unwrap();
    let twice = crisis.seat(body("umip"), &role("umip"), &actor("scop"), at(3));
    assert_eq!(twice, Err(Refused::Unchanged));
    let stranger = crisis.seat(body("x"), &role("commissariat"), &actor("scop"), at(3));
    assert!(matches!(stranger, Err(Refused::NotYours { .. })));
    crisis.unseat(&body("mairie-paris-19"), &actor("scop"), at(4)).unwrap();
    assert_eq!(crisis.cell, [body("umip")]);
    let other = crisis.appoint(Some((body("mairie-paris-19"), &role("mairie"))), &actor("scop"), at(5));
    assert!(matches!(other, Err(Refused::NotYours { .. })));
    let named = body("secretariat-general");
    crisis.appoint(Some((named.clone(), &role("secretariat-general"))), &actor("scop"), at(6)).unwrap();
    assert_eq!(crisis.correspondent, Some(named));
}

proptest! {
    /// Whatever is done and whenever it is looked: nothing due stays due, and the state survives being stored.
    #[test]
    fn whatever_happens_everything_due_is_settled_and_stored(steps in prop::collection::vec((0_u8..7, 0_i64..40), 1..40)) {
        let (mut crisis, _) = opened(CrisisRegime::City, Nature::Real);
        crisis.request(ID, "mediation", &incident(Nature::Real), &actor("mairie"), at(0)).unwrap();
        let mut minute = 0;
        for (step, later) in steps {
            minute += later;
            let now = at(minute);
            for _ in 0..100 {
                if crisis.next_due().is_none_or(|due| due > now.now) { break; }
                prop_assert!(!crisis.settle_due(now).is_empty());
            }
            prop_assert!(crisis.next_due().is_none_or(|due| due > now.now));
            let refuse = Move::Refuse { reason: RefusalReason::NotOurs };
            let moves = [Move::PassOn, Move::Accept, refuse, Move::Leave, Move::Arrive, Move::Release];
            let before = crisis.clone();
            let done = match moves.get(usize::from(step)) {
                Some(step) => crisis.mobilise(ID, *step, &actor("scop"), now).map(|_| ()),
                None => crisis.report(&sector(), answers(), &actor("mairie"), now).map(|_| ()),
            };
            if done.is_err() {
                prop_assert_eq!(&crisis, &before);
            }
            let stored = serde_json::to_string(&crisis).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Crisis>(&stored).unwrap(), &crisis);
        }
    }
}
