//! Who may do what, over the shipped city: the table beside a naive reading of it, and what no sequence of acts may do.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the oracle names what it knows; all the rest is refused")]

mod admission;
mod callers;
mod positions;
mod reads;
#[path = "../shipped/mod.rs"]
mod shipped;

use std::{collections::BTreeSet, sync::LazyLock};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;
use vigie_domain::{
    access::{Deed, Denial, Party, Position, Relation, Ties},
    audience::{Resolved, resolve},
    city::City,
    directory::{Ambit, Body, Permission, Sight},
    doctrine::{Situation, freeze},
    escalation::{Escalation, TakingCharge},
    incident::{Change, Incident, Judged, Planner},
};
use vigie_proto::{
    ActId, BodyId, CrisisRegime, IncidentId, IncidentStatus, Kind, Nature, Severity,
    event::{
        Act, ActRecordedV1, Actor, ClosingReason, Event, IncidentSnapshot, Known, KnownFact, Purpose, RefusalReason,
        Spot, StepOutcome, Through, Whereabouts,
    },
    sensitivity::{Sensitive, Sensitivity},
    signal::Weapons,
};

static CITY: LazyLock<City> = LazyLock::new(shipped::city);

fn start() -> Timestamp {
    "2026-11-23T14:30:00Z".parse().unwrap()
}

fn snapshot(kind: &Kind, severity: Severity) -> IncidentSnapshot {
    IncidentSnapshot {
        id: IncidentId(Uuid::from_u128(1)),
        reference: "R-2026-000001".to_owned(),
        version: 1,
        kind: kind.clone(),
        kind_label: "Rixe".to_owned(),
        severity,
        status: IncidentStatus::Open,
        sector: "paris-19".parse().unwrap(),
        sector_label: "19e".to_owned(),
        also_concerns: vec!["paris-20".parse().unwrap()],
        place_label: "voie publique".to_owned(),
        expected_at: Some(start()),
        opened_at: start(),
        regime: CrisisRegime::Local,
        nature: Nature::Real,
        precisions: vec!["Un groupe se forme".to_owned()],
        whereabouts: Whereabouts {
            quartier: Some("quartier CANARI-1".to_owned()),
            exact: Some("CANARI-2".to_owned()),
            at: Some(Spot { lon: 2.515_151, lat: 48.85, accuracy_m: 5.0 }),
        },
        known: Known {
            count: Some(4_242),
            weapons: Some(Weapons::Suspected),
            facts: vec![fact("CANARI-3", true), fact("CANARI-4", false)],
        },
    }
}

fn fact(label: &str, shown: bool) -> KnownFact {
    KnownFact { code: label.to_lowercase(), label: label.to_owned(), shown, alarms: false }
}

/// Every body that could have to do with an event of the 19th, some of its neighbours, and those of the city.
fn bodies() -> Vec<&'static Body> {
    let near = |body: &&Body| match &body.ambit {
        Ambit::City => true,
        Ambit::Sector(sector) => ["paris-18", "paris-19", "paris-20"].contains(&sector.as_str()),
        Ambit::School(uai) => uai.as_str() == school(),
    };
    CITY.directory.bodies().filter(near).collect()
}

fn school() -> &'static str {
    "0750507U"
}

/// The table of `ARCHITECTURE.md`, read naively: conditions written out, nothing shared with the code.
fn oracle(body: &Body, incident: &IncidentSnapshot, ties: Ties, deed: Deed) -> Result<(), Denial> {
    let role = CITY.directory.role(&body.role).unwrap();
    let class = CITY.doctrine.class_of(&incident.kind);
    let hidden = class.is_some_and(|class| !class.roles.is_empty() && !class.roles.contains(&body.role));
    if hidden {
        return Err(Denial::Unknown);
    }
    let named = class.is_some_and(|class| class.roles.contains(&body.role));
    let sector = |id: &str| body.ambit == Ambit::Sector(id.parse().unwrap());
    let everything = role.sees == Sight::Everything;
    let operator = everything && role.may.contains(&Permission::ChangeSeverity);
    let affair = named && body.ambit == Ambit::City && role.sees != Sight::Nothing;
    let touched = sector(incident.sector.as_str()) || incident.also_concerns.iter().any(|id| sector(id.as_str()));
    let concerned = everything || (role.sees == Sight::Sector && touched) || affair;
    if deed == Deed::SayOver {
        return if ties.reported {
            Ok(())
        } else if concerned || ties.asked || ties.told {
            Err(Denial::NotAllowed)
        } else {
            Err(Denial::Unknown)
        };
    }
    if !(concerned || ties.asked || ties.told) {
        return Err(Denial::Unknown);
    }
    let permission = match deed {
        Deed::See | Deed::SayOver | Deed::Return => None,
        Deed::TakeCharge | Deed::Refuse | Deed::HandOver | Deed::TakeBack => Some(Permission::Acknowledge),
        Deed::Note => Some(Permission::Note),
        Deed::Aggravate | Deed::Ease => Some(Permission::ChangeSeverity),
        Deed::Close | Deed::Reopen => Some(Permission::Close),
        Deed::SetRegime => Some(Permission::SetRegime),
        Deed::Involve | Deed::Call => Some(Permission::Involve),
        Deed::Separate => Some(Permission::Separate),
    };
    if permission.is_some_and(|permission| !role.may.contains(&permission)) {
        return Err(Denial::NotAllowed);
    }
    let answers = operator || (concerned && (sector(incident.sector.as_str()) || affair));
    match deed {
        Deed::See | Deed::Return => Ok(()),
        Deed::TakeCharge | Deed::Refuse | Deed::HandOver | Deed::TakeBack => {
            match (role.intervenes, ties.asked || answers) {
                (false, _) => Err(Denial::OnlyWatches),
                (true, true) => Ok(()),
                (true, false) => Err(Denial::NotAsked),
            }
        }
        Deed::Note if ties.asked || concerned => Ok(()),
        _ if answers && deed != Deed::Note => Ok(()),
        _ => Err(Denial::NotAllowed),
    }
}

#[test]
fn the_policy_is_the_table_for_every_body_kind_tie_and_deed() {
    let mut cells = 0;
    for kind in CITY.doctrine.kinds.keys() {
        let incident = snapshot(kind, Severity::Serious);
        for body in bodies() {
            let party = Party::of_body(body, &CITY.directory).unwrap();
            for bits in 0..8_u8 {
                let ties = Ties { reported: bits & 1 > 0, told: bits & 2 > 0, asked: bits & 4 > 0 };
                let position = Position::of(party, &incident, ties, &CITY.doctrine, &CITY.directory);
                for deed in Deed::ALL {
                    let may = position.as_ref().map_or(Err(Denial::Unknown), |position| position.may(deed));
                    assert_eq!(may, oracle(body, &incident, ties, deed), "{} {kind} {ties:?} {deed:?}", body.id);
                    cells += 1;
                }
            }
        }
    }
    assert!(cells > 50_000, "{cells}");
}

#[test]
fn nobody_sees_further_than_its_relations() {
    for kind in CITY.doctrine.kinds.keys() {
        let incident = snapshot(kind, Severity::Serious);
        for body in bodies() {
            let party = Party::of_body(body, &CITY.directory).unwrap();
            let of = |ties| {
                Position::of(party, &incident, ties, &CITY.doctrine, &CITY.directory)
                    .map(|position| (position.clearance(), position.relations().clone()))
            };
            let (none, reported) = (of(Ties::default()), of(Ties { reported: true, ..Ties::default() }));
            assert_eq!(none.as_ref().map(|(c, _)| *c), reported.as_ref().map(|(c, _)| *c), "raising shows nothing");
            let Some((clearance, relations)) = of(Ties { told: true, asked: true, reported: true }) else {
                assert!(none.is_none(), "a class hides it whatever ties the two");
                continue;
            };
            let follows = relations.contains(&Relation::Concerned) || relations.contains(&Relation::Operator);
            assert_eq!(clearance >= Some(Sensitivity::Restricted), follows, "{} {kind}", body.id);
            assert!(clearance >= Some(Sensitivity::Operational));
        }
    }
}

#[test]
fn a_redacted_incident_holds_nothing_above_its_clearance() {
    let whole = serde_json::to_value(snapshot(&"rixe".parse().unwrap(), Severity::Serious)).unwrap();
    for clearance in Sensitivity::ALL {
        let shown = snapshot(&"rixe".parse().unwrap(), Severity::Serious).redacted(clearance);
        let shown = serde_json::to_value(shown).unwrap();
        for (field, sensitivity) in IncidentSnapshot::FIELDS {
            if *sensitivity <= clearance {
                assert_eq!(shown.get(field), whole.get(field), "{field} is kept at {clearance:?}");
            } else {
                assert_ne!(shown.get(field), whole.get(field), "{field} is shown at {clearance:?}");
            }
        }
    }
}

/// An incident with its plan, acted on by anybody.
struct World {
    incident: Incident,
    escalation: Escalation,
    now: Timestamp,
    told: BTreeSet<BodyId>,
    broken: Vec<String>,
}

impl World {
    fn open(severity: Severity) -> Self {
        let kind: Kind = "rixe".parse().unwrap();
        let situation = Situation {
            kind: kind.clone(),
            severity,
            raised_by: "etablissement".parse().unwrap(),
            raiser: Some("etab-0750507u".parse().unwrap()),
            sectors: vec!["paris-19".parse().unwrap(), "paris-20".parse().unwrap()],
            neighbours: vec!["paris-18".parse().unwrap()],
            school: Some(school().parse().unwrap()),
            schools_around: vec![school().parse().unwrap()],
            regime: CrisisRegime::None,
            nature: Nature::Real,
            expected_at: None,
        };
        let plan = freeze(&CITY.doctrine, &situation, start(), 1.0);
        let snapshot = IncidentSnapshot { regime: CrisisRegime::None, ..snapshot(&kind, severity) };
        let incident = Incident {
            snapshot,
            asked_version: 1,
            situation,
            at: None,
            last_signal_at: start(),
            closed_at: None,
            owed: Vec::new(),
            in_charge: Vec::new(),
            change: Change::New,
        };
        let escalation = Escalation::start(plan, 1);
        let mut world = Self { incident, escalation, now: start(), told: BTreeSet::new(), broken: Vec::new() };
        world.pass(0);
        world
    }

    /// Lets so many minutes pass; what comes due is told, and whoever is asked is noted.
    fn pass(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
        while self.escalation.next_due().is_some_and(|due| due <= self.now) {
            let counting = self.escalation.standing();
            let settlements = self.escalation.settle_due(self.now);
            for settlement in settlements.iter().filter(|s| s.outcome == StepOutcome::Acknowledged) {
                let id = settlement.step.split('/').next().unwrap();
                let circuit = counting.circuits.iter().find(|circuit| circuit.id == id).unwrap();
                if let Some(stranger) = circuit.have.iter().find(|body| !circuit.asked.contains(body)) {
                    self.broken
                        .push(format!("{} did not fire because of {stranger}, whom it did not ask", settlement.step));
                }
            }
            let Resolved { tellings, in_charge, .. } = resolve(&settlements, &CITY.directory, self.now);
            for settlement in settlements.iter().filter(|s| s.purpose == Purpose::Acknowledge) {
                let told = tellings.iter().filter(|telling| telling.steps.contains(&settlement.step));
                self.escalation.asked(&settlement.step, told.map(|telling| telling.body.clone()));
            }
            for (step, bodies) in &in_charge {
                self.escalation.asked_in_charge(step, bodies);
            }
            self.told.extend(tellings.into_iter().map(|telling| telling.body));
        }
    }

    /// `body` does what it can: judged by the policy as the owner judges, then applied as the services apply it.
    fn act(&mut self, body: &Body, act: Act) {
        let standing = self.escalation.standing();
        let party = Party::of_body(body, &CITY.directory).unwrap();
        let ties = Ties { reported: true, told: self.told.contains(&body.id), asked: standing.asked(&body.id) };
        let before = self.incident.snapshot.clone();
        let Some(position) = Position::of(party, &before, ties, &CITY.doctrine, &CITY.directory) else { return };
        if position.may(Deed::of(&act, &before)).is_err() {
            return;
        }
        let recorded = ActRecordedV1 {
            act_id: ActId(Uuid::nil()),
            incident_id: before.id,
            actor: Actor { body: body.id.clone(), role: body.role.clone(), through: Through::Api },
            act,
            at: self.now,
        };
        let judged = Judged {
            standing: Some(&standing),
            intervenes: CITY.directory.intervenes(&body.role),
            may_end_unanswered: position.may_end_unanswered(),
        };
        let planner = Planner { city: &CITY, time_scale: 1.0, now: self.now };
        let settlements = match self.incident.act(&recorded, judged, planner) {
            Event::IncidentAcknowledged(e) => {
                let taking = TakingCharge {
                    body: e.by.body,
                    role: &e.by.role,
                    intervenes: judged.intervenes,
                    seen_version: e.seen_version,
                    counts_for: e.counts_for.as_deref(),
                };
                self.escalation.acknowledge(taking, self.now)
            }
            Event::IncidentRefused(e) => {
                self.escalation.refuse(&e.by.body, self.now);
                Vec::new()
            }
            Event::IncidentHandedOver(e) => {
                let role = CITY.directory.body(&e.to).unwrap().role.clone();
                self.escalation.hand_over(&e.by.body, e.to, role, self.now);
                Vec::new()
            }
            Event::IncidentEased(e) => self.escalation.ease(e.plan, self.now),
            Event::IncidentClosed(_) => self.escalation.close(self.now),
            Event::IncidentReopened(_) => self.escalation.reopen(self.now),
            Event::IncidentTakenBack(e) => {
                self.escalation.take_back(&e.by.body, self.now);
                Vec::new()
            }
            _ => Vec::new(),
        };
        if party.operates() {
            return;
        }
        for settlement in settlements {
            let id = settlement.step.split('/').next().unwrap();
            let circuit = standing.circuits.iter().find(|circuit| circuit.id == id);
            let climbed = circuit.is_some_and(|circuit| circuit.climbing);
            let asked = circuit.is_some_and(|circuit| circuit.asked.contains(&body.id));
            let stopped = matches!(settlement.outcome, StepOutcome::Acknowledged | StepOutcome::Superseded);
            if stopped && climbed && !asked {
                let step = &settlement.step;
                self.broken.push(format!("{step} was stopped by {}, which {id} did not ask", body.id));
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Passes(i64),
    Acts(usize, usize),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        2 => (0_i64..40).prop_map(Happening::Passes),
        5 => (0_usize..1_000, 0_usize..10).prop_map(|(body, act)| Happening::Acts(body, act)),
    ];
    prop::collection::vec(one, 1..25)
}

fn act_of(number: usize, incident: &IncidentSnapshot, other: &BodyId) -> Act {
    let version = incident.version;
    match number {
        0 | 1 => Act::Acknowledge { version, alert_id: None },
        2 => Act::Refuse { reason: RefusalReason::Unavailable, alert_id: None },
        3 => Act::HandOver { to: other.clone() },
        4 => Act::ChangeSeverity { to: Severity::Watch },
        5 => Act::Close { reason: ClosingReason::Averted },
        6 => Act::See { version, alert_id: None },
        7 => Act::TakeBack,
        8 => Act::Reopen,
        _ => Act::SetRegime { to: CrisisRegime::Local },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// No sequence of acts by bodies that a circuit did not ask makes one of its steps not fire. Operators aside, who may
    /// end anything, with a reason.
    #[test]
    fn nobody_whom_a_circuit_did_not_ask_stops_it(
        severity in prop::sample::select(vec![Severity::Tension, Severity::Serious, Severity::Fatal]),
        happenings in happenings(),
    ) {
        let everybody: Vec<&Body> =
            bodies().into_iter().filter(|body| !CITY.directory.role(&body.role).unwrap().operates()).collect();
        let mut world = World::open(severity);
        for happening in happenings {
            match happening {
                Happening::Passes(minutes) => world.pass(minutes),
                Happening::Acts(body, act) => {
                    let (body, other) = (everybody[body % everybody.len()], everybody[(body + 7) % everybody.len()]);
                    let act = act_of(act, &world.incident.snapshot, &other.id);
                    world.act(body, act);
                }
            }
        }
        world.pass(24 * 60);
        prop_assert!(world.broken.is_empty(), "{:#?}", world.broken);
    }
}
