//! Proves what a doctrine promises: for every kind, severity, regime, sector, raiser and minute of the coming days,
//! clock changes and holidays included.
//!
//! Exhaustive and fast because a set of minutes is a row of bits: whoever can be reached at each minute is computed once
//! per body, a step's delay is a shift, and situations that meet the same circuits are examined once.

mod finding;
mod minutes;
mod promise;
mod reach;
mod structure;

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{
    SectorId,
    plan::{Scope, Target},
};

pub use finding::{Finding, Level, Promise, Report};

use self::{
    finding::Findings,
    reach::{Period, Reach},
};
use crate::doctrine::{Audience, AudiencePlace, Due, Step};
use crate::{city::City, directory::Body};

/// Minutes in a day.
const DAY: usize = 1_440;

/// Examines the city's doctrine with its directory, over `days` days from the minute `from` falls in.
pub fn check(city: &City, from: Timestamp, days: u32) -> Report {
    let from =
        from - SignedDuration::from_nanos(from.as_nanosecond().rem_euclid(60_000_000_000).try_into().unwrap_or(0));
    let opening = usize::try_from(days).unwrap_or(0) * DAY;
    let period = Period { from, opening, telling: opening + tail(city) };
    let sectors: Vec<SectorId> =
        city.territory.sectors().iter().filter(|sector| sector.in_paris).map(|sector| sector.id.clone()).collect();
    let mut findings = Findings::default();
    structure::check(city, &sectors, &mut findings);
    let reach = Reach::new(city, period);
    let examined = promise::examine(&reach, &sectors, &mut findings);
    let doctrine = &city.doctrine;
    Report {
        doctrine: doctrine.hash().to_owned(),
        from,
        days,
        findings: findings.sorted(),
        promises: examined.promises,
        fiches: doctrine.fiches.len(),
        carried: doctrine.circuits.len(),
        counted: doctrine.counted.len(),
        outside: doctrine.outside.len(),
        situations: examined.situations,
        minutes: opening,
    }
}

/// Why a city's doctrine may not be activated: its errors over the thirty days from `now`; none when it may.
pub fn errors(city: &City, now: Timestamp) -> Vec<String> {
    check(city, now, 30).errors().map(ToString::to_string).collect()
}

/// Minutes after the last opening at which a step may still come.
fn tail(city: &City) -> usize {
    let longest = city.doctrine.circuits.iter().map(|circuit| {
        let turns = |step: &Step| step.repeat.map_or(0, |repeat| repeat.every_min.saturating_mul(repeat.times));
        let repeated: u32 = circuit.steps.iter().map(turns).fold(0, u32::saturating_add);
        let minutes = circuit.steps.iter().map(|step| match &step.due {
            Due::AfterMin(min) | Due::AfterLastMin(min) => usize::try_from(*min).unwrap_or(0),
            Due::OnDay { day, .. } => (usize::try_from(*day).unwrap_or(0) + 2) * DAY,
            Due::NextLocal(_) => 2 * DAY,
            Due::BeforeExpectedMin(_)
            | Due::AfterExpectedMin(_)
            | Due::AfterOwedMin { .. }
            | Due::AfterAcknowledgement { .. }
            | Due::AfterClosingMin(_)
            | Due::AfterClosingDay { .. } => 0,
        });
        minutes.sum::<usize>() + usize::try_from(repeated).unwrap_or(0)
    });
    longest.max().unwrap_or(0) + DAY
}

/// The bodies an audience is in a sector; none for places that depend on the point.
fn bodies<'a>(city: &'a City, audience: &Audience, sector: &SectorId) -> impl Iterator<Item = &'a Body> {
    let scope = match audience.place {
        AudiencePlace::City => Some(Scope::City),
        AudiencePlace::Sector => Some(Scope::Sectors(vec![sector.clone()])),
        AudiencePlace::Neighbours | AudiencePlace::School | AudiencePlace::SchoolsAround | AudiencePlace::Raiser => {
            None
        }
    };
    let target =
        |scope| Target { role: audience.role.clone(), scope, rank: audience.rank, serves: None, otherwise: Vec::new() };
    scope.map(|scope| city.directory.bodies_of(&target(scope))).unwrap_or_default().into_iter()
}
