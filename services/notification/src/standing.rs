//! Whether an alert still needs telling, judged from its incidents' stories in the journal.
//!
//! Asked before a retry, a fallback or a belated first attempt. The journal is read rather than a copy kept here, so
//! that an acknowledgement counts from the moment it is committed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vigie_domain::escalation::{Cast, Escalation, replay};
use vigie_proto::{
    BodyId, IncidentId, IncidentStatus,
    crisis::Mobilised,
    envelope::Fact,
    event::{AlertIssuedV1, Event, Purpose},
};

/// True when nothing `alert` asks for is asked any more at `now`, of any of the incidents its message tells of.
///
/// That is when the incident is closed, when what was asked for was accepted, or refused by the body asked, when every
/// circuit that asked has been satisfied since, when the body asked to confirm or to take over has answered, or when what
/// was owed has been given. In doubt (a story that is not among `stories`) the alert is told.
pub(crate) fn is_settled(
    alert: &AlertIssuedV1,
    stories: &BTreeMap<IncidentId, Vec<Fact>>,
    cast: &impl Cast,
    now: Timestamp,
) -> bool {
    if matches!(alert.purpose, Purpose::Inform | Purpose::Undeliverable) {
        return false;
    }
    alert.told_of().all(|(incident, generation, steps)| {
        stories.get(&incident.id).is_some_and(|story| {
            let since = Since::told(alert, generation, steps, story);
            // A closed incident asks nothing more, but what the doctrine wants after it.
            if since.closed && !matches!(alert.purpose, Purpose::Return | Purpose::Mobilise) {
                return true;
            }
            match alert.purpose {
                Purpose::Confirm | Purpose::TakeOver => since.answers.contains_key(&alert.body),
                Purpose::Return | Purpose::Mobilise => since.had,
                Purpose::Acknowledge | Purpose::Inform | Purpose::Undeliverable => {
                    since.answers.values().any(|took_charge| *took_charge)
                        && replay(story, Some(now), cast).escalation.is_some_and(|plan| is_satisfied(&plan, steps))
                }
            }
        })
    })
}

/// Every circuit of `steps` is satisfied, of the plan as it is now.
fn is_satisfied(plan: &Escalation, steps: &[String]) -> bool {
    steps.iter().all(|step| plan.is_circuit_satisfied(step.split('/').next().unwrap_or(step)))
}

/// What has happened since somebody was told.
#[derive(Default)]
struct Since {
    /// The alert has been issued; what follows came after it.
    issued: bool,
    /// Who has answered since, and whether it took charge.
    answers: BTreeMap<BodyId, bool>,
    closed: bool,
    /// What it reminds of was given; or the resource it asks for was found, or the body asked has none.
    had: bool,
}

impl Since {
    fn told(alert: &AlertIssuedV1, generation: u32, steps: &[String], story: &[Fact]) -> Self {
        let mut since = Self::default();
        let mut words = None;
        for fact in story {
            since.hear(&fact.event, alert, generation, steps, &mut words);
        }
        since
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what the plan makes of the facts is the domain's to hear")]
    fn hear(
        &mut self,
        event: &Event,
        alert: &AlertIssuedV1,
        generation: u32,
        steps: &[String],
        debt: &mut Option<String>,
    ) {
        match event {
            // Alerts are recorded after the steps they come from, those of a grouped message in one incident only.
            Event::StepSettled(e) => self.issued |= e.generation == generation && steps.contains(&e.step),
            Event::AlertIssued(e) => self.issued |= e.alert_id == alert.alert_id,
            Event::IncidentAcknowledged(e) if self.issued => drop(self.answers.insert(e.by.body.clone(), true)),
            Event::IncidentRefused(e) if self.issued => drop(self.answers.insert(e.by.body.clone(), false)),
            Event::IncidentTakenBack(e) => drop(self.answers.remove(&e.by.body)),
            Event::IncidentClosed(e) => self.closed |= e.incident.status == IncidentStatus::Closed,
            Event::IncidentReopened(_) => self.closed = false,
            Event::CrisisMobilisationMoved(e) => {
                let asked = alert.request.as_ref().is_some_and(|request| request.mobilisation == e.mobilisation);
                let by = e.by.as_ref().map(|by| &by.body);
                self.had |= self.issued && asked && settles(e.moved, by, &alert.body);
            }
            Event::ReturnGiven(e) => self.had |= alert.owed_id.as_ref().or(debt.as_ref()) == Some(&e.owed),
            Event::IncidentOpened(e) => note_debt(debt, alert, &e.plan),
            Event::IncidentAggravated(e) => note_debt(debt, alert, &e.plan),
            Event::IncidentEased(e) => note_debt(debt, alert, &e.plan),
            Event::IncidentReplanned(e) => note_debt(debt, alert, &e.plan),
            _ => {}
        }
    }
}

/// Which debt an alert of a former release means: it says so in words only.
fn note_debt(debt: &mut Option<String>, alert: &AlertIssuedV1, plan: &vigie_proto::plan::Plan) {
    if let Some(owed) = plan.owed.iter().find(|owed| Some(&owed.what) == alert.owed.as_ref()) {
        *debt = Some(owed.id.clone());
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
    use std::collections::BTreeSet;

    use uuid::Uuid;
    use vigie_proto::{
        ActId, AlertId, CrisisId, CrisisRegime, EventId, MobilisationId, Nature, SignalId,
        crisis::{CrisisMobilisationMovedV1, CrisisSnapshot},
        event::{
            Actor, AlsoTold, ChargeLapsedV1, ClosingReason, IncidentAcknowledgedV1, IncidentClosedV1, IncidentOpenedV1,
            IncidentSnapshot, RefusalReason, ResourceRequest, StepOutcome, StepSettledV1, Through,
        },
        plan::{OnRefusal, Plan, PlannedCircuit, SatisfiedBy},
    };

    use super::*;
    use crate::sample;

    fn fact(event: impl Into<Event>) -> Fact {
        let id = EventId(Uuid::new_v4());
        Fact { id, cause: None, at: sample::now(), event: event.into() }
    }

    fn opened(satisfied_by: SatisfiedBy) -> Fact {
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
        fact(IncidentOpenedV1 {
            incident: sample::alert(Purpose::Acknowledge).incident,
            signal_id: SignalId(Uuid::nil()),
            territory: String::new(),
            plan: Plan { doctrine: String::new(), circuits: vec![circuit], owed: Vec::new(), news: Vec::new() },
            accumulated: Vec::new(),
            in_the_wake_of: None,
            separated_from: None,
        })
    }

    fn actor(role: &str) -> Actor {
        Actor { body: format!("{role}-body").parse().unwrap(), role: role.parse().unwrap(), through: Through::Link }
    }

    fn acknowledged(role: &str, version: u32) -> Fact {
        let mut incident = sample::alert(Purpose::Acknowledge).incident;
        incident.version = version;
        incident.status = IncidentStatus::Acknowledged;
        fact(IncidentAcknowledgedV1 {
            incident,
            act_id: ActId(Uuid::nil()),
            by: actor(role),
            seen_version: version,
            counts_for: None,
            intervenes: Some(role != "ecole"),
            at: sample::now(),
        })
    }

    fn issued() -> Fact {
        fact(sample::alert(Purpose::Acknowledge))
    }

    /// The same circuit asked a body of this role too.
    fn asked(role: &str) -> Fact {
        let body = actor(role).body;
        fact(AlertIssuedV1 { alert_id: AlertId(Uuid::from_u128(9)), body, ..sample::alert(Purpose::Acknowledge) })
    }

    fn is_settled(alert: &AlertIssuedV1, story: &[Fact]) -> bool {
        let stories = BTreeMap::from([(alert.incident.id, story.to_vec())]);
        super::is_settled(alert, &stories, &(), sample::now())
    }

    fn settled(story: &[Fact]) -> bool {
        is_settled(&sample::alert(Purpose::Acknowledge), story)
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
        let story = |opening: Fact, answers: Vec<Fact>| {
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
            fact(CrisisMobilisationMovedV1 {
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
        let after = |news: Fact| is_settled(&alert, &[opened(SatisfiedBy::Anyone), fact(alert.clone()), news]);
        assert!(after(moved(mobilisation, Mobilised::Accepted, "somebody-else")));
        assert!(!after(moved(MobilisationId(Uuid::nil()), Mobilised::Accepted, "somebody-else")));
        assert!(after(moved(mobilisation, refused, alert.body.as_str())));
        assert!(!after(moved(mobilisation, refused, "somebody-else")));
        assert!(!after(moved(mobilisation, Mobilised::Overdue { due_at: sample::now() }, "scop")));
        let before =
            [opened(SatisfiedBy::Anyone), moved(mobilisation, refused, alert.body.as_str()), fact(alert.clone())];
        assert!(!is_settled(&alert, &before), "asked again after its refusal");
    }

    #[test]
    fn a_closed_incident_asks_nothing_more_but_an_information_is_still_given() {
        let mut incident = sample::alert(Purpose::Acknowledge).incident;
        incident.status = IncidentStatus::Closed;
        let closed = fact(IncidentClosedV1 {
            incident,
            act_id: ActId(Uuid::nil()),
            by: actor("scop"),
            reason: ClosingReason::Averted,
            at: sample::now(),
        });
        let story = [opened(SatisfiedBy::Anyone), issued(), closed];
        assert!(settled(&story));
        assert!(!is_settled(&sample::alert(Purpose::Inform), &story));
    }

    #[test]
    fn whoever_lapsed_no_longer_counts_beside_whoever_confirms_for_two() {
        let two = || opened(SatisfiedBy::AtLeast { count: 2, of: Vec::new() });
        let lapsed = fact(ChargeLapsedV1 {
            incident_id: sample::alert(Purpose::Acknowledge).incident.id,
            generation: 1,
            body: actor("police").body,
            role: actor("police").role,
            at: sample::now(),
        });
        let story = |between: Vec<Fact>| {
            let (before, after) = (
                [two(), asked("police"), asked("mairie"), issued(), acknowledged("police", 2)],
                [acknowledged("mairie", 2)],
            );
            before.into_iter().chain(between).chain(after).collect::<Vec<_>>()
        };
        assert!(settled(&story(Vec::new())));
        assert!(!settled(&story(vec![lapsed])), "one of two is in charge");
    }

    #[test]
    fn a_message_about_several_incidents_goes_out_while_one_of_them_still_asks() {
        let mut alert = sample::alert(Purpose::Acknowledge);
        let other = IncidentSnapshot { id: IncidentId(Uuid::from_u128(10)), ..alert.incident.clone() };
        let (generation, steps) = (1, alert.steps.clone());
        alert.also =
            vec![AlsoTold { alert_id: AlertId(Uuid::from_u128(8)), incident: other.clone(), generation, steps }];
        let answered = || vec![opened(SatisfiedBy::Anyone), issued(), asked("police"), acknowledged("police", 2)];
        // The alert stands in the first incident's story only; its step in either.
        let silent = vec![opened(SatisfiedBy::Anyone), fired(&alert, &other)];
        let mut also_answered = silent.clone();
        also_answered.extend([asked("police"), acknowledged("police", 2)]);
        let judged = |story: Vec<Fact>| {
            let stories = BTreeMap::from([(alert.incident.id, answered()), (other.id, story)]);
            super::is_settled(&alert, &stories, &(), sample::now())
        };
        assert!(!judged(silent));
        assert!(judged(also_answered));
    }

    fn fired(alert: &AlertIssuedV1, incident: &IncidentSnapshot) -> Fact {
        fact(StepSettledV1 {
            incident_id: incident.id,
            generation: 1,
            step: alert.steps[0].clone(),
            due_at: sample::now(),
            settled_at: sample::now(),
            outcome: StepOutcome::Fired,
            alerts: 1,
            asked: None,
            in_charge: BTreeSet::new(),
            told: BTreeMap::new(),
        })
    }
}
