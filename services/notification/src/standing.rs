//! Whether an alert still needs telling, judged from its incident's story in the journal.
//!
//! Asked before a retry, a fallback or a belated first attempt. The journal is read rather than a copy kept here, so
//! that an acknowledgement counts from the moment it is committed.

use vigie_platform::journal::Entry;
use vigie_proto::{
    IncidentStatus, RoleId,
    event::{AlertIssuedV1, DecodeError, Event, Purpose},
    plan::{Plan, SatisfiedBy},
};

/// True when `alert` asks for a taking in charge that, by `story`, is no longer asked.
///
/// That is when the incident is closed, or when every circuit that asked has been satisfied, by acknowledgements of the
/// incident as it stands in the alert or later, of which one came after the alert. In doubt the alert is told.
pub(crate) fn is_settled(alert: &AlertIssuedV1, story: &[Entry]) -> Result<bool, DecodeError> {
    if alert.purpose != Purpose::Acknowledge {
        return Ok(false);
    }
    let mut plans: Vec<Plan> = Vec::new();
    let mut roles: Vec<RoleId> = Vec::new();
    let mut issued = false;
    let mut answered_since = false;
    for entry in story {
        #[expect(clippy::wildcard_enum_match_arm, reason = "only these facts bear on it")]
        match Event::decode(&entry.envelope.type_name, &entry.data)? {
            Event::IncidentOpened(event) => plans.push(event.plan),
            Event::IncidentAggravated(event) => plans.push(event.plan),
            Event::IncidentEased(event) => plans.push(event.plan),
            Event::AlertIssued(event) if event.alert_id == alert.alert_id => issued = true,
            Event::IncidentAcknowledged(event) if event.incident.version >= alert.incident.version => {
                roles.push(event.by.role);
                answered_since |= issued;
            }
            Event::IncidentClosed(event) if event.incident.status == IncidentStatus::Closed => return Ok(true),
            _ => {}
        }
    }
    if !answered_since {
        return Ok(false);
    }
    let of_generation = usize::try_from(alert.generation).ok().and_then(|n| plans.get(n.checked_sub(1)?));
    Ok(of_generation.is_some_and(|plan| alert.steps.iter().all(|step| is_satisfied(plan, step, &roles))))
}

/// Whether the circuit of `step` (`circuit/step`) is satisfied by bodies of `roles`.
fn is_satisfied(plan: &Plan, step: &str, roles: &[RoleId]) -> bool {
    let id = step.split_once('/').map_or(step, |(circuit, _)| circuit);
    let Some(circuit) = plan.circuits.iter().find(|circuit| circuit.id == id) else { return false };
    match &circuit.satisfied_by {
        SatisfiedBy::Anyone => !roles.is_empty(),
        SatisfiedBy::AnyOf(wanted) => wanted.iter().any(|role| roles.contains(role)),
        SatisfiedBy::AllOf(wanted) => wanted.iter().all(|role| roles.contains(role)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use vigie_proto::{
        ActId, SignalId,
        event::{Actor, ClosingReason, IncidentAcknowledgedV1, IncidentClosedV1, IncidentOpenedV1, Through},
        plan::PlannedCircuit,
    };

    use super::*;
    use crate::sample;

    fn entry(event: impl Into<Event>) -> Entry {
        Entry::new("test", &event.into(), sample::now(), None, None)
    }

    fn opened(satisfied_by: SatisfiedBy) -> Entry {
        let circuit =
            PlannedCircuit { id: "boucle-rixe".to_owned(), lines: "1-2".to_owned(), satisfied_by, steps: Vec::new() };
        entry(IncidentOpenedV1 {
            incident: sample::alert(Purpose::Acknowledge).incident,
            signal_id: SignalId(Uuid::nil()),
            territory: String::new(),
            plan: Plan { doctrine: String::new(), circuits: vec![circuit] },
        })
    }

    fn actor(role: &str) -> Actor {
        Actor { body: "some-body".parse().unwrap(), role: role.parse().unwrap(), through: Through::Link }
    }

    fn acknowledged(role: &str, version: u32) -> Entry {
        let mut incident = sample::alert(Purpose::Acknowledge).incident;
        incident.version = version;
        incident.status = IncidentStatus::Acknowledged;
        entry(IncidentAcknowledgedV1 {
            incident,
            act_id: ActId(Uuid::nil()),
            by: actor(role),
            seen_version: version,
            at: sample::now(),
        })
    }

    fn issued() -> Entry {
        entry(sample::alert(Purpose::Acknowledge))
    }

    fn settled(story: &[Entry]) -> bool {
        is_settled(&sample::alert(Purpose::Acknowledge), story).unwrap()
    }

    #[test]
    fn an_acknowledgement_after_the_alert_settles_it_and_one_before_does_not() {
        assert!(!settled(&[opened(SatisfiedBy::Anyone), issued()]));
        assert!(settled(&[opened(SatisfiedBy::Anyone), issued(), acknowledged("police", 2)]));
        assert!(!settled(&[opened(SatisfiedBy::Anyone), acknowledged("police", 2), issued()]));
    }

    #[test]
    fn an_acknowledgement_of_an_earlier_version_settles_nothing() {
        assert!(!settled(&[opened(SatisfiedBy::Anyone), issued(), acknowledged("police", 0)]));
    }

    #[test]
    fn a_circuit_that_wants_several_roles_goes_on_asking_until_all_have_answered() {
        let both = || opened(SatisfiedBy::AllOf(vec!["police".parse().unwrap(), "mairie".parse().unwrap()]));
        assert!(!settled(&[both(), issued(), acknowledged("police", 2)]));
        assert!(settled(&[both(), issued(), acknowledged("police", 2), acknowledged("mairie", 2)]));
        let either = || opened(SatisfiedBy::AnyOf(vec!["mairie".parse().unwrap()]));
        assert!(!settled(&[either(), issued(), acknowledged("police", 2)]));
    }

    #[test]
    fn a_closed_incident_asks_nothing_more_but_an_information_is_still_given() {
        let mut incident = sample::alert(Purpose::Acknowledge).incident;
        incident.status = IncidentStatus::Closed;
        let closed = entry(IncidentClosedV1 {
            incident,
            act_id: ActId(Uuid::nil()),
            by: actor("scop"),
            reason: ClosingReason::Averted,
            at: sample::now(),
        });
        let story = [opened(SatisfiedBy::Anyone), issued(), closed];
        assert!(settled(&story));
        assert!(!is_settled(&sample::alert(Purpose::Inform), &story).unwrap());
    }
}
