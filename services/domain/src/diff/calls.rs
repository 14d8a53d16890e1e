//! One circuit laid out in one sector: every body it tells, by which step and on what terms.

use std::{cell::RefCell, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{BodyId, Channel, CrisisRegime, Kind, Nature, RoleId, SectorId, Severity, Uai, plan::Rank};

use super::{Hours, Reach, Terms};
use crate::doctrine::{Audience, AudiencePlace, Circuit, Outside, Situation, Step, When, freeze, words::sorted};
use crate::{
    city::City,
    directory::{Ambit, Body},
};

/// Days over which a body's reach is looked at.
const DAYS: i64 = 30;

/// A body told by a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) step: String,
    pub(super) role: RoleId,
    pub(super) place: AudiencePlace,
    /// None: whoever raises.
    pub(super) body: Option<BodyId>,
    pub(super) terms: Terms,
}

/// A sector with everything that may be around a signal there.
pub(super) struct Spot {
    pub(super) sector: SectorId,
    neighbours: Vec<SectorId>,
    schools: Vec<Uai>,
}

impl Spot {
    /// Every sector of Paris, with the schools that either directory tells.
    pub(super) fn all(before: &City, after: &City) -> Vec<Self> {
        let territory = &after.territory;
        let mut schools: BTreeMap<&SectorId, Vec<Uai>> = BTreeMap::new();
        for body in before.directory.bodies().chain(after.directory.bodies()) {
            let Ambit::School(uai) = &body.ambit else { continue };
            let place = territory.school(uai).and_then(|school| territory.locate(school.at).ok());
            let Some(place) = place else { continue };
            let here = schools.entry(&territory.sector_of(&place).id).or_default();
            if !here.contains(uai) {
                here.push(uai.clone());
            }
        }
        let spot = |id: &SectorId| Self {
            sector: id.clone(),
            neighbours: territory.neighbours(id).to_vec(),
            schools: schools.get(id).cloned().unwrap_or_default(),
        };
        territory.sectors().iter().filter(|sector| sector.in_paris).map(|sector| spot(&sector.id)).collect()
    }

    fn situation(&self, kind: &Kind, severity: Severity, role: &RoleId) -> Situation {
        Situation {
            kind: kind.clone(),
            severity,
            raised_by: role.clone(),
            raiser: None,
            sectors: vec![self.sector.clone()],
            neighbours: self.neighbours.clone(),
            school: None,
            schools_around: self.schools.clone(),
            regime: CrisisRegime::None,
            nature: Nature::Real,
            expected_at: None,
        }
    }
}

/// Lays out the circuits of one city.
pub(super) struct Layout<'a> {
    pub(super) city: &'a City,
    now: Timestamp,
    reach: RefCell<BTreeMap<(BodyId, Channel, u8), Option<Reach>>>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(city: &'a City, now: Timestamp) -> Self {
        Self { city, now, reach: RefCell::default() }
    }

    /// Everybody a circuit tells at a spot, in the order of its steps.
    pub(super) fn calls(&self, circuit: &Circuit, spot: &Spot) -> Vec<Call> {
        let mut calls = Vec::new();
        let mut last = Some(0);
        for step in &circuit.steps {
            let when = When::of(step, circuit, &mut last);
            for audience in &step.tell {
                let hours = self.hours(audience);
                self.audience((circuit, step), &when, (audience, hours.clone()), spot, &mut calls);
                if let (Outside::Tell(others), Some(hours)) = (&audience.outside, hours) {
                    for other in others {
                        let instead = Hours { inside: false, ..hours.clone() };
                        self.audience((circuit, step), &when, (other, Some(instead)), spot, &mut calls);
                    }
                }
            }
        }
        calls
    }

    fn audience(
        &self,
        (circuit, step): (&Circuit, &Step),
        when: &When,
        (audience, hours): (&Audience, Option<Hours>),
        spot: &Spot,
        calls: &mut Vec<Call>,
    ) {
        let owed = |id: &String| circuit.owed.iter().find(|rule| rule.id == *id).map(|rule| rule.what.clone());
        let call = |body: Option<&Body>| Call {
            step: step.id.clone(),
            role: audience.role.clone(),
            place: audience.place,
            body: body.map(|body| body.id.clone()),
            terms: Terms {
                when: when.clone(),
                rank: audience.rank,
                channels: sorted(&step.channels),
                fallback: step.fallback.clone(),
                expects: step.expects,
                unless_acknowledged: step.unless_acknowledged,
                unless_returned: step.unless_returned.as_ref().and_then(owed),
                survives_closing: step.survives_closing,
                stale_after_min: step.stale_after_min,
                hours: hours.clone(),
                reach: body.map_or_else(Vec::new, |body| self.reaches(body, step, audience.rank)),
            },
        };
        if audience.place == AudiencePlace::Raiser {
            calls.push(call(None));
            return;
        }
        // The school concerned may be any of those of the sector.
        let place = if audience.place == AudiencePlace::School { AudiencePlace::SchoolsAround } else { audience.place };
        let wanted = Audience { place, ..audience.clone() };
        let (kind, severity) = (&circuit.kinds[0], circuit.severities[0]);
        let target = freeze::target(&wanted, &spot.situation(kind, severity, &audience.role));
        let bodies = target.map(|target| self.city.directory.bodies_of(&target)).unwrap_or_default();
        calls.extend(bodies.into_iter().map(|body| call(Some(body))));
    }

    fn hours(&self, audience: &Audience) -> Option<Hours> {
        let window = self.city.doctrine.windows.get(audience.hours.as_ref()?)?;
        Some(Hours {
            inside: true,
            hours: window.hours.clone(),
            not_on: window.not_on.clone(),
            waits: audience.outside == Outside::Wait,
        })
    }

    fn reaches(&self, body: &Body, step: &Step, rank: Rank) -> Vec<Reach> {
        let channels = Channel::ALL.into_iter().filter(|c| step.channels.contains(c) || step.fallback.contains(c));
        channels.filter_map(|channel| self.reached(body, channel, rank)).collect()
    }

    fn reached(&self, body: &Body, channel: Channel, rank: Rank) -> Option<Reach> {
        let key = (body.id.clone(), channel, rank as u8);
        if let Some(known) = self.reach.borrow().get(&key) {
            return *known;
        }
        let until = self.now + SignedDuration::from_hours(24 * DAYS);
        let instants = std::iter::once(self.now).chain(body.changes(self.now, until).filter(|at| *at >= self.now));
        let mut seen = Reach { channel, always: true, proven: true };
        let mut ever = false;
        for instant in instants {
            let contacts = body.reach(channel, rank, instant);
            seen.always &= !contacts.is_empty();
            seen.proven &= contacts.is_empty() || contacts.iter().any(|contact| contact.is_proven());
            ever |= !contacts.is_empty();
        }
        let found = ever.then_some(seen);
        self.reach.borrow_mut().insert(key, found);
        found
    }
}
