//! Applies the doctrine to one incident: times and places are worked out, only duty rosters are left for later.

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use vigie_proto::{
    Kind, RoleId, SectorId, Severity, Uai,
    plan::{Plan, PlannedCircuit, PlannedStep, Scope, Target},
};

use super::{Audience, AudiencePlace, Condition, Doctrine, Due, Step};

/// What the doctrine needs to know of an incident.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Situation {
    pub kind: Kind,
    pub severity: Severity,
    /// Role of whoever raised the first signal.
    pub raised_by: RoleId,
    /// Owner first, then the sectors its uncertainty touches.
    pub sectors: Vec<SectorId>,
    /// Sectors and communes within reach, nearest first, none of `sectors`.
    pub neighbours: Vec<SectorId>,
    /// The school concerned.
    pub school: Option<Uai>,
    /// Schools around, nearest first, the one concerned included.
    pub schools_around: Vec<Uai>,
}

/// The plan `doctrine` gives to `situation` from `now` on, every delay divided by `time_scale`.
///
/// Steps whose audience has no place here (no neighbour, no school) are left out; circuits left without steps too.
pub fn freeze(doctrine: &Doctrine, situation: &Situation, now: Timestamp, time_scale: f64) -> Plan {
    let circuits = doctrine
        .circuits
        .iter()
        .filter(|circuit| circuit.kind == situation.kind && circuit.severities.contains(&situation.severity))
        .filter(|circuit| circuit.when.iter().all(|condition| holds(*condition, situation)))
        .filter(|circuit| circuit.raised_by.is_empty() || circuit.raised_by.contains(&situation.raised_by))
        .filter_map(|circuit| {
            let mut steps: Vec<PlannedStep> = circuit
                .steps
                .iter()
                .filter_map(|step| plan_step(step, situation, &doctrine.zone, now, time_scale))
                .collect();
            steps.sort_by_key(|step| step.due_at);
            (!steps.is_empty()).then(|| PlannedCircuit {
                id: circuit.id.clone(),
                lines: circuit.lines.clone(),
                satisfied_by: circuit.satisfied_by.clone(),
                steps,
            })
        })
        .collect();
    Plan { doctrine: doctrine.hash().to_owned(), circuits }
}

fn holds(condition: Condition, situation: &Situation) -> bool {
    match condition {
        Condition::AtSchool => situation.school.is_some(),
        Condition::NearBorder => !situation.neighbours.is_empty() || situation.sectors.len() > 1,
    }
}

fn plan_step(step: &Step, situation: &Situation, zone: &TimeZone, now: Timestamp, scale: f64) -> Option<PlannedStep> {
    let tell: Vec<Target> = step.tell.iter().filter_map(|audience| target(audience, situation)).collect();
    if tell.is_empty() {
        return None;
    }
    let due_at = match &step.due {
        Due::AfterMin(minutes) => now + scaled(SignedDuration::from_mins(i64::from(*minutes)), scale),
        Due::NextLocal(times) => now + scaled(next_local(times, zone, now).duration_since(now), scale),
    };
    Some(PlannedStep {
        id: step.id.clone(),
        due_at,
        unless_acknowledged: step.unless_acknowledged,
        expects: step.expects,
        tell,
        channels: step.channels.clone(),
        fallback: step.fallback.clone(),
        stale_after_s: step.stale_after_min.saturating_mul(60),
    })
}

/// Where an audience stands for this incident; none when the incident has no such place.
pub(crate) fn target(audience: &Audience, situation: &Situation) -> Option<Target> {
    let scope = match audience.place {
        AudiencePlace::City => Scope::City,
        AudiencePlace::Sector => Scope::Sectors(situation.sectors.clone()),
        AudiencePlace::Neighbours if situation.neighbours.is_empty() => return None,
        AudiencePlace::Neighbours => Scope::Sectors(situation.neighbours.clone()),
        AudiencePlace::School => Scope::Schools(vec![situation.school.clone()?]),
        AudiencePlace::SchoolsAround if situation.schools_around.is_empty() => return None,
        AudiencePlace::SchoolsAround => Scope::Schools(situation.schools_around.clone()),
    };
    Some(Target { role: audience.role.clone(), scope, rank: audience.rank })
}

fn scaled(delay: SignedDuration, scale: f64) -> SignedDuration {
    SignedDuration::from_secs_f64((delay.as_secs_f64() / scale * 1e6).round() / 1e6)
}

/// The first instant after `now` at which the wall clock of `zone` shows one of `times`.
///
/// A time that a clock change skips is taken right after the gap; one that comes twice, at its first coming.
fn next_local(times: &[Time], zone: &TimeZone, now: Timestamp) -> Timestamp {
    let today = now.to_zoned(zone.clone()).date();
    (0..=2)
        .filter_map(|days| today.checked_add(jiff::Span::new().days(days)).ok())
        .flat_map(|day| times.iter().filter_map(move |time| day.to_datetime(*time).to_zoned(zone.clone()).ok()))
        .map(|zoned| zoned.timestamp())
        .filter(|instant| *instant > now)
        .min()
        .unwrap_or(now)
}
