//! Incidents of the demonstration city, and what is told as time passes.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use vigie_domain::{
    access::Caller,
    admission::{Admitted, Inadmissible, admit},
    audience::{Resolved, Telling, resolve},
    city::City,
    doctrine::{Situation, freeze},
    escalation::{Escalation, Settlement, TakingCharge},
};
use vigie_proto::{
    BodyId, Channel, CrisisRegime, Nature, RoleId, Severity,
    event::Purpose,
    plan::Plan,
    signal::{LocationFields, SignalReport},
};

/// An instant by the clocks of Paris.
pub(crate) fn paris(local: &str) -> Timestamp {
    local.parse::<DateTime>().unwrap().to_zoned(TimeZone::get("Europe/Paris").unwrap()).unwrap().timestamp()
}

/// A Monday afternoon.
pub(crate) fn monday() -> Timestamp {
    paris("2026-11-23T15:40")
}

/// An incident at a collège of the 19th, raised by whoever may.
pub(crate) fn incident(kind: &str, severity: Severity, raised_by: &str) -> Situation {
    let uai = "0750507U".parse().unwrap();
    Situation {
        kind: kind.parse().unwrap(),
        severity,
        raised_by: raised_by.parse().unwrap(),
        raiser: None,
        sectors: vec!["paris-19".parse().unwrap()],
        neighbours: Vec::new(),
        school: Some(uai),
        schools_around: vec!["0750507U".parse().unwrap()],
        regime: CrisisRegime::None,
        nature: Nature::Real,
        expected_at: None,
    }
}

pub(crate) fn plan(city: &City, situation: &Situation) -> Plan {
    freeze(&city.doctrine, situation, monday(), 1.0)
}

/// One message, to whom and when.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) at: Timestamp,
    pub(crate) body: BodyId,
    pub(crate) role: String,
    pub(crate) channel: Channel,
    pub(crate) owed: Option<String>,
    pub(crate) guidance: Vec<String>,
    pub(crate) steps: Vec<String>,
}

impl Told {
    fn new(at: Timestamp, telling: Telling) -> Self {
        let Telling { body, role, channel, owed, guidance, steps, .. } = telling;
        Self { at, body, role: role.to_string(), channel, owed: owed.map(|owed| owed.what), guidance, steps }
    }
}

/// An incident being played.
pub(crate) struct Play<'a> {
    pub(crate) city: &'a City,
    pub(crate) escalation: Escalation,
    pub(crate) told: Vec<Told>,
}

impl<'a> Play<'a> {
    /// Opens it, on a Monday afternoon.
    pub(crate) fn of(city: &'a City, situation: &Situation) -> Self {
        Self::at(city, situation, monday())
    }

    pub(crate) fn at(city: &'a City, situation: &Situation, now: Timestamp) -> Self {
        let escalation = Escalation::start(freeze(&city.doctrine, situation, now, 1.0), 1);
        let mut play = Self { city, escalation, told: Vec::new() };
        play.until(now);
        play
    }

    /// Lets time pass until `end`, included.
    pub(crate) fn until(&mut self, end: Timestamp) -> &mut Self {
        while let Some(due) = self.escalation.next_due().filter(|due| *due <= end) {
            let settlements = self.escalation.settle_due(due);
            let Resolved { tellings, nobody, in_charge } = resolve(&settlements, &[], &self.city.directory, due);
            assert!(nobody.is_empty(), "steps that find nobody: {nobody:?}");
            for settlement in settlements.iter().filter(|s| s.purpose == Purpose::Acknowledge) {
                let told = tellings.iter().filter(|telling| telling.steps.contains(&settlement.step));
                self.escalation.asked(&settlement.step, told.map(|telling| telling.body.clone()));
            }
            for (step, bodies) in &in_charge {
                self.escalation.asked_in_charge(step, bodies);
            }
            self.told.extend(tellings.into_iter().map(|telling| Told::new(due, telling)));
        }
        self
    }

    /// The first body of this role that was told takes charge.
    pub(crate) fn acknowledge(&mut self, role: &str, now: Timestamp) -> &mut Self {
        self.takes_charge(role, now);
        self.until(now)
    }

    /// The same, with what it settled.
    pub(crate) fn takes_charge(&mut self, role: &str, now: Timestamp) -> Vec<Settlement> {
        let role: RoleId = role.parse().unwrap();
        let told = self.told.iter().find(|told| told.role == role.as_str()).map(|told| told.body.clone());
        let body = told.unwrap_or_else(|| role.as_str().parse().unwrap());
        let intervenes = self.city.directory.role(&role).is_some_and(|role| role.intervenes);
        let taking = TakingCharge { body, role: &role, intervenes, seen_version: 1, counts_for: None };
        self.escalation.acknowledge(taking, now)
    }

    pub(crate) fn close(&mut self, now: Timestamp) -> &mut Self {
        self.escalation.close(now);
        self.until(now)
    }

    /// Roles told at `at`, by any channel.
    pub(crate) fn roles_at(&self, at: Timestamp) -> BTreeSet<&str> {
        self.told.iter().filter(|told| told.at == at).map(|told| told.role.as_str()).collect()
    }

    /// Instants at which somebody of this role is reminded of what is owed.
    pub(crate) fn reminders(&self, role: &str) -> Vec<Timestamp> {
        let mut instants: Vec<Timestamp> =
            self.told.iter().filter(|told| told.role == role && told.owed.is_some()).map(|told| told.at).collect();
        instants.dedup();
        instants
    }
}

/// A signal by `source`, of the 19th, with these facts.
pub(crate) fn raise(city: &City, source: &str, kind: &str, facts: &[&str]) -> Result<Admitted, Inadmissible> {
    let source = city.directory.source(&source.parse().unwrap()).unwrap();
    let report = SignalReport {
        kind: kind.parse().unwrap(),
        severity: None,
        summary: None,
        location: LocationFields { sector: Some("paris-19".parse().unwrap()), ..LocationFields::default() },
        occurred_at: None,
        expected_at: None,
        parties: None,
        facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
        learnt_at: None,
        exercise: false,
    };
    admit(&report, Caller::of(source, &city.directory).unwrap(), city, monday())
}
