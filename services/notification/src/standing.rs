//! Whether an alert still needs telling, judged from its incident's story in the journal.
//!
//! Asked before a retry, a fallback or a belated first attempt. The journal is read rather than a copy kept here, so
//! that an acknowledgement counts from the moment it is committed.

use std::collections::BTreeMap;

use vigie_domain::escalation::{Escalation, TakingCharge};
use vigie_platform::journal::Entry;
use vigie_proto::{
    BodyId, IncidentStatus, RoleId,
    crisis::Mobilised,
    event::{AlertIssuedV1, DecodeError, Event, Purpose, Replanning},
};

/// True when `alert` asks for something that, by `story`, is no longer asked.
///
/// That is when the incident is closed, when what was asked for was accepted, or refused by the body asked, when every circuit that asked has been satisfied since, when the body asked to
/// confirm or to take over has answered, or when what was owed has been given. In doubt the alert is told.
pub(crate) fn is_settled(
    alert: &AlertIssuedV1,
    story: &[Entry],
    intervenes: &dyn Fn(&RoleId) -> bool,
) -> Result<bool, DecodeError> {
    if matches!(alert.purpose, Purpose::Inform | Purpose::Undeliverable) {
        return Ok(false);
    }
    let mut told = Told {
        alert,
        intervenes,
        escalation: None,
        issued: false,
        answers: BTreeMap::new(),
        given: false,
        provided: false,
    };
    for entry in story {
        let event = Event::decode(&entry.envelope.type_name, &entry.data)?;
        if let Event::IncidentClosed(event) = &event
            && event.incident.status == IncidentStatus::Closed
            && !matches!(alert.purpose, Purpose::Return | Purpose::Mobilise)
        {
            return Ok(true);
        }
        told.hear(event);
    }
    Ok(match alert.purpose {
        Purpose::Confirm | Purpose::TakeOver => told.answers.contains_key(&alert.body),
        Purpose::Return => told.given,
        Purpose::Mobilise => told.provided,
        Purpose::Acknowledge | Purpose::Inform | Purpose::Undeliverable => {
            told.answers.values().any(|took_charge| *took_charge) && told.is_satisfied()
        }
    })
}

/// What the story says of one alert, as far as it has been heard.
struct Told<'a> {
    alert: &'a AlertIssuedV1,
    /// Whether a role goes there or sends somebody.
    intervenes: &'a dyn Fn(&RoleId) -> bool,
    escalation: Option<Escalation>,
    /// The alert has been issued; what follows came after it.
    issued: bool,
    /// Who has answered since, and whether it took charge.
    answers: BTreeMap<BodyId, bool>,
    /// What it reminds of was given.
    given: bool,
    /// The resource it asks for was found, or the body asked has none.
    provided: bool,
}

impl Told<'_> {
    fn hear(&mut self, event: Event) {
        match (event, &mut self.escalation) {
            (Event::IncidentOpened(e), plan) => *plan = Some(Escalation::start(e.plan, e.incident.version)),
            (Event::IncidentAggravated(e), Some(plan)) => drop(plan.aggravate(e.plan, e.incident.version)),
            (Event::IncidentEased(e), Some(plan)) => drop(plan.ease(e.plan, self.alert.issued_at)),
            (Event::IncidentReplanned(e), Some(plan)) => {
                drop(plan.replan(e.plan, !matches!(e.because, Replanning::Regime { .. })));
            }
            (Event::AlertIssued(e), Some(plan)) => {
                self.issued |= e.alert_id == self.alert.alert_id;
                if e.purpose == Purpose::Acknowledge {
                    for step in &e.steps {
                        plan.asked(step, [e.body.clone()]);
                    }
                }
            }
            (Event::IncidentAcknowledged(e), Some(plan)) => {
                if self.issued {
                    self.answers.insert(e.by.body.clone(), true);
                }
                let taking = TakingCharge {
                    body: e.by.body,
                    role: &e.by.role,
                    intervenes: (self.intervenes)(&e.by.role),
                    seen_version: e.seen_version,
                    counts_for: e.counts_for.as_deref(),
                };
                drop(plan.acknowledge(taking, e.at));
            }
            (Event::IncidentRefused(e), Some(plan)) => {
                if self.issued {
                    self.answers.insert(e.by.body.clone(), false);
                }
                plan.refuse(&e.by.body, e.at);
            }
            (Event::IncidentHandedOver(e), Some(plan)) => plan.hand_over(&e.by.body, e.to, e.by.role, e.at),
            (Event::IncidentCalled(e), Some(plan)) => plan.call(e.to, e.by.role, e.at),
            (Event::CrisisMobilisationMoved(e), _) => {
                let asked = self.alert.request.as_ref().is_some_and(|request| request.mobilisation == e.mobilisation);
                self.provided |=
                    self.issued && asked && settles(e.moved, e.by.map(|by| by.body).as_ref(), &self.alert.body);
            }
            (Event::ReturnGiven(e), Some(plan)) => {
                let reminded = plan.plan.owed.iter().find(|owed| Some(&owed.what) == self.alert.owed.as_ref());
                self.given |= reminded.is_some_and(|owed| owed.id == e.owed);
            }
            _ => {}
        }
    }

    /// Every circuit that asked is satisfied, of the plan as it is now.
    fn is_satisfied(&self) -> bool {
        let Some(plan) = &self.escalation else { return false };
        self.alert.steps.iter().all(|step| plan.is_circuit_satisfied(step.split('/').next().unwrap_or(step)))
    }
}

/// Whether a move of a mobilisation, by `by`, makes it useless to ask `asked`.
fn settles(moved: Mobilised, by: Option<&BodyId>, asked: &BodyId) -> bool {
    match moved {
        Mobilised::Accepted | Mobilised::UnderWay | Mobilised::OnSite | Mobilised::Released => true,
        Mobilised::Refused { .. } => by == Some(asked),
        Mobilised::Requested | Mobilised::Asked { .. } | Mobilised::Overdue { .. } | Mobilised::Unanswered => false,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use vigie_proto::{
        ActId, AlertId, CrisisId, CrisisRegime, MobilisationId, Nature, SignalId,
        crisis::{CrisisMobilisationMovedV1, CrisisSnapshot},
        event::{
            Actor, ClosingReason, IncidentAcknowledgedV1, IncidentClosedV1, IncidentOpenedV1, RefusalReason,
            ResourceRequest, Through,
        },
        plan::{OnRefusal, Plan, PlannedCircuit, SatisfiedBy},
    };

    use super::*;
    use crate::sample;

    fn entry(event: impl Into<Event>) -> Entry {
        Entry::new("test", &event.into(), sample::now(), None, None)
    }

    fn opened(satisfied_by: SatisfiedBy) -> Entry {
        let circuit = PlannedCircuit {
            id: "boucle-rixe".to_owned(),
            lines: "1-2".to_owned(),
            satisfied_by,
            steps: Vec::new(),
            on_refusal: OnRefusal::Wait,
            handover_within_s: 600,
            stale: None,
            guidance: None,
            counts: Vec::new(),
        };
        entry(IncidentOpenedV1 {
            incident: sample::alert(Purpose::Acknowledge).incident,
            signal_id: SignalId(Uuid::nil()),
            territory: String::new(),
            plan: Plan { doctrine: String::new(), circuits: vec![circuit], owed: Vec::new() },
            accumulated: Vec::new(),
            in_the_wake_of: None,
            separated_from: None,
        })
    }

    fn actor(role: &str) -> Actor {
        Actor { body: format!("{role}-body").parse().unwrap(), role: role.parse().unwrap(), through: Through::Link }
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
            counts_for: None,
            at: sample::now(),
        })
    }

    fn issued() -> Entry {
        entry(sample::alert(Purpose::Acknowledge))
    }

    /// The same circuit asked a body of this role too.
    fn asked(role: &str) -> Entry {
        let body = actor(role).body;
        entry(AlertIssuedV1 { alert_id: AlertId(Uuid::from_u128(9)), body, ..sample::alert(Purpose::Acknowledge) })
    }

    fn is_settled(alert: &AlertIssuedV1, story: &[Entry]) -> Result<bool, DecodeError> {
        super::is_settled(alert, story, &|role| role.as_str() != "ecole")
    }

    fn settled(story: &[Entry]) -> bool {
        is_settled(&sample::alert(Purpose::Acknowledge), story).unwrap()
    }

    #[test]
    fn whoever_was_not_asked_or_does_not_intervene_settles_nothing() {
        let anyone = || opened(SatisfiedBy::Anyone);
        assert!(settled(&[anyone(), issued(), asked("police"), acknowledged("police", 2)]));
        assert!(!settled(&[anyone(), issued(), acknowledged("police", 2)]), "not asked");
        assert!(!settled(&[anyone(), issued(), asked("ecole"), acknowledged("ecole", 2)]), "it only watches");
    }

    #[test]
    fn an_acknowledgement_after_the_alert_settles_it_and_one_before_does_not() {
        assert!(!settled(&[opened(SatisfiedBy::Anyone), issued()]));
        assert!(settled(&[opened(SatisfiedBy::Anyone), asked("police"), issued(), acknowledged("police", 2)]));
        assert!(!settled(&[opened(SatisfiedBy::Anyone), asked("police"), acknowledged("police", 2), issued()]));
    }

    #[test]
    fn an_acknowledgement_of_an_earlier_version_settles_nothing() {
        assert!(!settled(&[opened(SatisfiedBy::Anyone), asked("police"), issued(), acknowledged("police", 0)]));
    }

    #[test]
    fn a_circuit_that_wants_several_roles_goes_on_asking_until_all_have_answered() {
        let both = || opened(SatisfiedBy::AllOf(vec!["police".parse().unwrap(), "mairie".parse().unwrap()]));
        let asked = || [asked("police"), asked("mairie")];
        let story = |opening: Entry, answers: Vec<Entry>| {
            std::iter::once(opening).chain(asked()).chain([issued()]).chain(answers).collect::<Vec<_>>()
        };
        assert!(!settled(&story(both(), vec![acknowledged("police", 2)])));
        assert!(settled(&story(both(), vec![acknowledged("police", 2), acknowledged("mairie", 2)])));
        let either = || opened(SatisfiedBy::AnyOf(vec!["mairie".parse().unwrap()]));
        assert!(!settled(&story(either(), vec![acknowledged("police", 2)])));
    }

    #[test]
    fn a_request_is_no_longer_asked_of_whoever_refused_it_nor_of_anybody_once_it_is_accepted() {
        let mobilisation = MobilisationId(Uuid::from_u128(3));
        let alert = AlertIssuedV1 {
            request: Some(ResourceRequest {
                mobilisation,
                what: "Équipe Parisienne de Médiation (EPM)".to_owned(),
                short: "EPM".to_owned(),
                answer_by: sample::now(),
            }),
            ..sample::alert(Purpose::Mobilise)
        };
        let moved = |id, moved, role: &str| {
            entry(CrisisMobilisationMovedV1 {
                crisis: CrisisSnapshot {
                    id: CrisisId(Uuid::nil()),
                    reference: "C-2026-000001".to_owned(),
                    regime: CrisisRegime::Local,
                    nature: Nature::Real,
                    closed: false,
                    sector: "paris-19".parse().unwrap(),
                    sectors: vec!["paris-19".parse().unwrap()],
                    opened_at: sample::now(),
                },
                mobilisation: id,
                resource: "mediation".to_owned(),
                incident: alert.incident.id,
                moved,
                by: Some(Actor { body: role.parse().unwrap(), ..actor("epm") }),
                at: sample::now(),
            })
        };
        let refused = Mobilised::Refused { reason: RefusalReason::Unavailable };
        let after =
            |news: Entry| is_settled(&alert, &[opened(SatisfiedBy::Anyone), entry(alert.clone()), news]).unwrap();
        assert!(after(moved(mobilisation, Mobilised::Accepted, "somebody-else")));
        assert!(!after(moved(MobilisationId(Uuid::nil()), Mobilised::Accepted, "somebody-else")));
        assert!(after(moved(mobilisation, refused, alert.body.as_str())));
        assert!(!after(moved(mobilisation, refused, "somebody-else")));
        assert!(!after(moved(mobilisation, Mobilised::Overdue { due_at: sample::now() }, "scop")));
        let before =
            [opened(SatisfiedBy::Anyone), moved(mobilisation, refused, alert.body.as_str()), entry(alert.clone())];
        assert!(!is_settled(&alert, &before).unwrap(), "asked again after its refusal");
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
