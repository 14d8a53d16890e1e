//! What a round hands on: one message for several incidents, whom to tell that somebody could not be reached, and what each
//! fact follows from.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(dead_code, reason = "shared with the rules of the contract")]
mod shipped;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;
use vigie_domain::{
    audience::{Telling, resolve},
    escalation::Settlement,
    round::{Heard, Round, grouped},
};
use vigie_proto::{
    AlertId, BodyId, Channel, ContactId, EventId, IncidentId, Nature,
    envelope::Fact,
    event::{
        AlertIssuedV1, DeliveryDeadLetteredV1, Event, IncidentOpenedV1, IncidentReinforcedV1, IncidentSnapshot,
        Occasion, Purpose, StepOutcome,
    },
    plan::{NewsTrigger, PlannedNews, Rank, Scope, Target},
};

fn alert(number: u128, contact: &str, nature: Nature) -> AlertIssuedV1 {
    let sample = include_str!("../../../proto/samples/vigie.alert.issued.v1.json");
    let sample: AlertIssuedV1 = serde_json::from_str(sample).unwrap();
    let mut incident = sample.incident.clone();
    (incident.id, incident.nature) = (IncidentId(Uuid::from_u128(number + 1_000)), nature);
    let steps = vec![format!("C/{number}")];
    let generation = u32::try_from(number % 3).unwrap() + 1;
    AlertIssuedV1 {
        alert_id: AlertId(Uuid::from_u128(number)),
        contact: contact.parse().unwrap(),
        incident,
        steps,
        generation,
        ..sample
    }
}

/// One settled step: whom it tells, for what, and who is in charge.
fn settlement() -> impl Strategy<Value = Settlement> {
    let step = prop::sample::select(vec!["A/1", "A/2", "B/1"]);
    let role = prop::sample::select(vec!["scop", "mairie", "commissariat"]);
    let purpose = prop::sample::select(vec![Purpose::Acknowledge, Purpose::Inform]);
    let guidance = prop::option::of(prop::sample::select(vec!["de jour", "de nuit"]));
    let except = prop::option::of(Just("scop"));
    (step, role, purpose, any::<bool>(), guidance, except).prop_map(
        |(step, role, purpose, digest, guidance, except)| {
            let scope = if role == "scop" { Scope::City } else { Scope::Sectors(vec!["paris-19".parse().unwrap()]) };
            let role = role.parse().unwrap();
            Settlement {
                generation: 1,
                step: step.to_owned(),
                due_at: at_two(),
                outcome: StepOutcome::Fired,
                tell: vec![Target { role, scope, rank: Rank::First, serves: None, otherwise: Vec::new() }],
                except: except.into_iter().map(|body| body.parse().unwrap()).collect(),
                channels: vec![Channel::Email, Channel::Sms],
                fallback: Vec::new(),
                purpose,
                digest,
                owed: None,
                guidance: guidance.map(str::to_owned),
                occasion: None,
            }
        },
    )
}

fn at_two() -> Timestamp {
    "2026-12-01T14:00:00Z".parse().unwrap()
}

/// What one contact is to be told, gathered step by step.
#[derive(Debug, Default, PartialEq)]
struct Gathered {
    asks: bool,
    waits: bool,
    steps: Vec<String>,
    guidance: Vec<String>,
}

proptest! {
    /// Each contact gets one message for all the steps of the moment: it asks if one of them does, waits only if all may,
    /// and says nothing twice. Whoever is in charge gets none.
    #[test]
    fn a_contact_is_told_once_for_all_the_steps_of_a_moment(
        settlements in prop::collection::vec(settlement(), 1..6),
    ) {
        let city = shipped::city();
        let mut expected: BTreeMap<ContactId, Gathered> = BTreeMap::new();
        let mut spared: BTreeMap<String, BTreeSet<BodyId>> = BTreeMap::new();
        for settlement in &settlements {
            for body in city.directory.bodies_of(&settlement.tell[0]) {
                if settlement.except.contains(&body.id) {
                    if settlement.purpose == Purpose::Acknowledge {
                        spared.entry(settlement.step.clone()).or_default().insert(body.id.clone());
                    }
                    continue;
                }
                for channel in &settlement.channels {
                    for contact in body.reach(*channel, Rank::First, at_two()) {
                        let gathered = expected
                            .entry(contact.id.clone())
                            .or_insert_with(|| Gathered { waits: true, ..Gathered::default() });
                        gathered.asks |= settlement.purpose == Purpose::Acknowledge;
                        gathered.waits = gathered.waits && settlement.digest;
                        let once = |list: &mut Vec<String>, text: &String| {
                            if !list.contains(text) {
                                list.push(text.clone());
                            }
                        };
                        once(&mut gathered.steps, &settlement.step);
                        settlement.guidance.iter().for_each(|text| once(&mut gathered.guidance, text));
                    }
                }
            }
        }
        let resolved = resolve(&settlements, &[], &city.directory, at_two());
        let told: BTreeMap<ContactId, Gathered> = resolved
            .tellings
            .iter()
            .map(|telling| {
                let (steps, guidance) = (telling.steps.clone(), telling.guidance.clone());
                let asks = telling.purpose == Purpose::Acknowledge;
                (telling.contact.clone(), Gathered { asks, waits: telling.digest, steps, guidance })
            })
            .collect();
        prop_assert_eq!(resolved.tellings.len(), told.len());
        prop_assert_eq!(told, expected);
        prop_assert_eq!(resolved.in_charge, spared);
        prop_assert_eq!(resolved.nobody, Vec::<String>::new());
    }

    /// Nobody's alert is lost or doubled, what may not wait stands alone, and a message carries one contact and one nature.
    #[test]
    fn grouped_alerts_are_all_there_once_each_with_those_of_its_contact_and_nature(
        drawn in prop::collection::vec((0_usize..3, any::<bool>(), any::<bool>()), 0..12),
    ) {
        let contacts = ["scop-a-sms", "mairie-19-email", "mairie-19-sms"];
        let mut digest = BTreeSet::new();
        let alerts: Vec<AlertIssuedV1> = (0..)
            .zip(&drawn)
            .map(|(number, (contact, played, shares))| {
                let alert = alert(number, contacts[*contact], Nature::ALL[usize::from(*played)]);
                digest.extend(shares.then_some(alert.alert_id));
                alert
            })
            .collect();
        let messages = grouped(alerts.clone(), &digest);
        let of = |id: AlertId| alerts.iter().find(|alert| alert.alert_id == id).unwrap();
        let mut seen: Vec<AlertId> = Vec::new();
        for message in &messages {
            seen.push(message.alert_id);
            seen.extend(message.also.iter().map(|also| also.alert_id));
            prop_assert!(message.also.is_empty() || digest.contains(&message.alert_id));
            for also in &message.also {
                let alone = of(also.alert_id);
                prop_assert!(digest.contains(&also.alert_id));
                prop_assert_eq!((&alone.contact, alone.incident.nature), (&message.contact, message.incident.nature));
                let kept = (&also.incident, also.generation, &also.steps);
                prop_assert_eq!(kept, (&alone.incident, alone.generation, &alone.steps));
            }
        }
        seen.sort();
        prop_assert_eq!(seen, alerts.iter().map(|alert| alert.alert_id).collect::<Vec<_>>());
        // As few messages as there are contacts and natures that may share, and those that stand alone.
        let shared: BTreeSet<_> = drawn.iter().filter(|(_, _, shares)| *shares).map(|(c, played, _)| (c, played)).collect();
        let alone = drawn.iter().filter(|(_, _, shares)| !shares).count();
        prop_assert_eq!(messages.len(), shared.len() + alone);
    }
}

/// A step that tells these, by e-mail and else by SMS.
fn telling(tell: Vec<Target>) -> Settlement {
    Settlement {
        generation: 1,
        step: "A/1".to_owned(),
        due_at: at_two(),
        outcome: StepOutcome::Fired,
        tell,
        except: BTreeSet::new(),
        channels: vec![Channel::Email],
        fallback: vec![Channel::Sms, Channel::Email],
        purpose: Purpose::Acknowledge,
        digest: false,
        owed: None,
        guidance: None,
        occasion: None,
    }
}

fn target(role: &str) -> Target {
    Target { role: role.parse().unwrap(), scope: Scope::City, rank: Rank::First, serves: None, otherwise: Vec::new() }
}

#[test]
fn a_step_finds_nobody_only_where_it_meant_somebody() {
    let city = shipped::city();
    let nobody = |tell| resolve(&[telling(tell)], &[], &city.directory, at_two()).nobody;
    assert_eq!(nobody(vec![target("nobody-has-this-role")]), ["A/1"]);
    assert_eq!(nobody(vec![target("nobody-has-this-role"), target("scop")]), Vec::<String>::new());
    let closed = Target { serves: Some(Vec::new()), ..target("scop") };
    assert_eq!(nobody(vec![closed.clone()]), Vec::<String>::new(), "outside its hours is no hole");
    assert_eq!(nobody(vec![closed, target("nobody-has-this-role")]), ["A/1"]);
}

#[test]
fn the_spare_way_to_somebody_is_another_channel() {
    let city = shipped::city();
    let resolved = resolve(&[telling(vec![target("scop")])], &[], &city.directory, at_two());
    assert!(!resolved.tellings.is_empty());
    for told in &resolved.tellings {
        let body = city.directory.body(&told.body).unwrap();
        let sms: Vec<&ContactId> =
            body.reach(Channel::Sms, Rank::First, at_two()).into_iter().map(|contact| &contact.id).take(1).collect();
        let spare: Vec<&ContactId> = told.fallback.iter().map(|fallback| &fallback.contact).collect();
        assert_eq!(spare, sms, "{}", told.contact);
        assert!(told.fallback.iter().all(|fallback| fallback.channel == Channel::Sms));
    }
    // Nobody reads mail: the spare channels are used at once, and have nothing behind them.
    let by_screen = Settlement { channels: vec![Channel::Screen], ..telling(vec![target("mairie-elu")]) };
    let elus = Target { scope: Scope::Sectors(vec!["paris-19".parse().unwrap()]), ..target("mairie-elu") };
    let resolved = resolve(&[Settlement { tell: vec![elus], ..by_screen }], &[], &city.directory, at_two());
    assert!(resolved.tellings.iter().all(|told| told.channel != Channel::Screen) && !resolved.tellings.is_empty());
}

/// Of several numbers that stand in for a channel which reaches nobody, none is tried after another.
#[test]
fn what_failed_by_one_channel_is_not_tried_by_it_again() {
    let city = shipped::city();
    let everybody =
        Target { scope: Scope::Sectors(vec!["paris-19".parse().unwrap()]), rank: Rank::All, ..target("commissariat") };
    let step = Settlement { channels: vec![Channel::Screen], ..telling(vec![everybody]) };
    let resolved = resolve(&[step], &[], &city.directory, at_two());
    let by_sms = resolved.tellings.iter().filter(|told| told.channel == Channel::Sms).count();
    assert!(by_sms > 1, "the duty of the shipped directory has several numbers");
    for told in resolved.tellings {
        assert!(told.fallback.iter().all(|spare| spare.channel != told.channel), "{told:?}");
    }
}

/// Whoever is on duty gets one message, by the first way that is proven; the others stand behind it. The desk is told beside it.
#[test]
fn somebody_on_duty_gets_one_message_and_keeps_every_way_to_be_reached() {
    let city = shipped::city();
    let both =
        |tell| Settlement { channels: vec![Channel::Email, Channel::Sms], fallback: Vec::new(), ..telling(tell) };
    let everybody = Target { rank: Rank::All, ..target("scop") };
    let by_each = resolve(&[both(vec![everybody.clone()])], &[], &city.directory, at_two()).tellings;
    for (order, first) in
        [([Channel::Sms, Channel::Email], Channel::Sms), ([Channel::Email, Channel::Sms], Channel::Email)]
    {
        let once = resolve(&[both(vec![everybody.clone()])], &order, &city.directory, at_two()).tellings;
        let ways = |tellings: &[Telling]| -> BTreeSet<ContactId> {
            let spare = |told: &Telling| told.fallback.iter().map(|spare| spare.contact.clone()).collect::<Vec<_>>();
            tellings.iter().flat_map(|told| spare(told).into_iter().chain([told.contact.clone()])).collect()
        };
        assert_eq!(ways(&once), ways(&by_each), "nobody loses a way");
        let duty = |told: &Telling| city.directory.contact(&told.contact).unwrap().contact.duty.clone();
        let on_duty: Vec<&Telling> = once.iter().filter(|told| duty(told).is_some()).collect();
        let persons: BTreeSet<Option<String>> = on_duty.iter().map(|told| duty(told)).collect();
        assert_eq!((persons.len(), on_duty.len()), (3, 3));
        assert!(on_duty.iter().all(|told| told.channel == first && told.fallback.len() == 1));
        assert_eq!(once.len(), 4, "and the desk");
    }
    // Two steps of one moment, each by a channel of its own, are one message for both.
    let by = |step: &str, channel| Settlement {
        step: step.to_owned(),
        channels: vec![channel],
        ..both(vec![target("scop")])
    };
    let steps = [by("A/1", Channel::Email), by("B/1", Channel::Sms)];
    let once = resolve(&steps, &[Channel::Sms, Channel::Email], &city.directory, at_two()).tellings;
    let sms: Vec<&Telling> = once.iter().filter(|told| told.channel == Channel::Sms).collect();
    assert_eq!((sms.len(), once.len()), (1, 2));
    assert_eq!(sms[0].steps.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&"A/1".to_owned(), &"B/1".to_owned()]));
}

/// The desk of a body that has one; whoever is on duty where it has none.
#[test]
fn the_desk_is_told_or_whoever_is_on_duty_where_there_is_none() {
    let city = shipped::city();
    let scop = city.directory.body(&"scop".parse().unwrap()).unwrap();
    let reach =
        |channel, rank| scop.reach(channel, rank, at_two()).iter().map(|c| c.id.to_string()).collect::<Vec<_>>();
    assert_eq!(reach(Channel::Email, Rank::Desk), ["scop-desk"]);
    assert_eq!(reach(Channel::Email, Rank::First).len(), 2);
    assert_eq!(reach(Channel::Sms, Rank::Desk), reach(Channel::Sms, Rank::First));
}

/// The plan tells somebody at the minute at which something becomes known that this reader may not know: the message comes,
/// without it. At another minute there is none.
#[test]
fn what_the_plan_tells_is_not_lost_with_news_its_reader_may_not_read() {
    let city = shipped::city();
    let sample = include_str!("../../../proto/samples/vigie.incident.opened.v1.json");
    let mut opened: IncidentOpenedV1 = serde_json::from_str(sample).unwrap();
    let watcher =
        Target { scope: Scope::Sectors(vec![opened.incident.sector.clone()]), ..target("prevention-specialisee") };
    let mut circuit = opened.plan.circuits.swap_remove(0);
    circuit.steps.truncate(1);
    let due = opened.incident.opened_at + jiff::SignedDuration::from_mins(20);
    (circuit.steps[0].due_at, circuit.steps[0].tell) = (due, vec![watcher.clone()]);
    let planned = format!("{}/{}", circuit.id, circuit.steps[0].id);
    opened.plan.circuits = vec![circuit];
    opened.plan.news = vec![PlannedNews {
        id: "nombre".to_owned(),
        on: BTreeSet::from([NewsTrigger::Number]),
        tell: vec![watcher],
        groups: BTreeSet::new(),
        rank: Rank::First,
        channels: vec![Channel::Email, Channel::Sms],
        fallback: Vec::new(),
        every_s: 0,
    }];
    let sample = include_str!("../../../proto/samples/vigie.incident.reinforced.v1.json");
    let mut more: IncidentReinforcedV1 = serde_json::from_str(sample).unwrap();
    more.incident = IncidentSnapshot { version: 2, ..opened.incident.clone() };
    more.incident.known.count = Some(45);
    more.news.count = Some(45);
    let told_at = |now: Timestamp| {
        let fact = |number, event| Fact { id: EventId(Uuid::from_u128(number)), cause: None, at: now, event };
        let mut round = Round::new(&city, now, Vec::new());
        assert_eq!(round.hear(&fact(1, opened.clone().into()), None), Heard::Done);
        assert_eq!(round.hear(&fact(2, more.clone().into()), None), Heard::Done);
        round.settle_due();
        let outcome = round.carry();
        let settled: Vec<String> = outcome.carried[0].settled.iter().map(|step| step.settlement.step.clone()).collect();
        let mut number = 0;
        let fresh = || {
            number += 1;
            AlertId(Uuid::from_u128(number))
        };
        (settled, outcome.alerts(&city, now, fresh).0)
    };
    let (settled, alerts) = told_at(due);
    assert_eq!(settled, [planned.as_str(), "news/nombre"]);
    assert!(!alerts.is_empty());
    for alert in alerts {
        assert!(alert.steps.contains(&planned), "{:?}", alert.steps);
        assert_eq!((alert.occasion, alert.incident.known.count), (Some(Occasion::First), None));
    }
    let (settled, alerts) = told_at(due - jiff::SignedDuration::from_mins(1));
    assert_eq!((settled, alerts), (vec!["news/nombre".to_owned()], Vec::new()));
}

fn dead(purpose: Purpose) -> DeliveryDeadLetteredV1 {
    let sample = include_str!("../../../proto/samples/vigie.delivery.dead-lettered.v1.json");
    let sample: DeliveryDeadLetteredV1 = serde_json::from_str(sample).unwrap();
    DeliveryDeadLetteredV1 { purpose, body: "mairie-paris-19".parse().unwrap(), ..sample }
}

/// The alerts of a round that hears of these.
fn told(heard: Vec<Event>) -> Vec<AlertIssuedV1> {
    let city = shipped::city();
    let now: Timestamp = "2026-12-01T14:00:00Z".parse().unwrap();
    let mut round = Round::new(&city, now, Vec::new());
    for event in heard {
        let fact = Fact { id: EventId(Uuid::nil()), cause: None, at: now, event };
        assert_eq!(round.hear(&fact, None), Heard::Done);
    }
    let mut number = 0;
    let fresh = || {
        number += 1;
        AlertId(Uuid::from_u128(number))
    };
    round.carry().alerts(&city, now, fresh).0
}

#[test]
fn whoever_is_to_learn_that_somebody_could_not_be_reached_is_told_by_every_contact_once() {
    let alerts = told(vec![dead(Purpose::Acknowledge).into()]);
    let city = shipped::city();
    assert!(!alerts.is_empty());
    let mut by_contact: BTreeMap<_, usize> = BTreeMap::new();
    for alert in &alerts {
        *by_contact.entry(alert.contact.clone()).or_default() += 1;
        assert_eq!(alert.purpose, Purpose::Undeliverable);
        assert_eq!(alert.unreachable.as_ref().map(ToString::to_string).as_deref(), Some("mairie-paris-19"));
        assert_eq!(alert.steps, ["undeliverable/mairie-paris-19"]);
        let known = city.directory.contact(&alert.contact).unwrap();
        assert_eq!((&known.body.id, known.contact.channel), (&alert.body, alert.channel));
        assert!(city.doctrine.undeliverable.channels.contains(&alert.channel));
        let named = city.doctrine.undeliverable.tell.iter().any(|audience| audience.role == alert.role);
        assert!(named, "{} is not named", alert.role);
    }
    assert!(by_contact.values().all(|times| *times == 1), "{by_contact:?}");
    let ids: BTreeSet<AlertId> = alerts.iter().map(|alert| alert.alert_id).collect();
    assert_eq!(ids.len(), alerts.len());
}

#[test]
fn of_those_who_could_not_be_told_of_it_nobody_is_told_again() {
    assert_eq!(told(vec![dead(Purpose::Undeliverable).into()]), []);
}

#[test]
fn an_alert_follows_from_the_last_fact_its_own_incident_heard() {
    let city = shipped::city();
    let sample = include_str!("../../../proto/samples/vigie.incident.opened.v1.json");
    let sample: IncidentOpenedV1 = serde_json::from_str(sample).unwrap();
    let now: Timestamp = "2026-11-22T22:45:35Z".parse().unwrap();
    let mut round = Round::new(&city, now, Vec::new());
    for number in 1..=2_u128 {
        let mut opened = sample.clone();
        opened.incident.id = IncidentId(Uuid::from_u128(number));
        let fact = Fact { id: EventId(Uuid::from_u128(10 + number)), cause: None, at: now, event: opened.into() };
        assert_eq!(round.hear(&fact, Some(format!("trace-{number}"))), Heard::Done);
    }
    let outcome = round.carry();
    for number in 1..=2_u128 {
        let origin = outcome.origin_of(IncidentId(Uuid::from_u128(number))).unwrap();
        assert_eq!(origin.cause, EventId(Uuid::from_u128(10 + number)));
        assert_eq!(origin.traceparent, Some(format!("trace-{number}")));
    }
    assert!(outcome.origin_of(IncidentId(Uuid::from_u128(9))).is_none());
}
