//! The story of an incident, told from the journal.

use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::{account, directory::Directory};
use vigie_platform::journal::Entry;
use vigie_proto::{
    ActId, BodyId,
    event::{Cause, Event, Replanning, TakenBack},
};

/// One line of the story.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Line {
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// Event type without its prefix, such as `incident.opened`.
    pub(crate) what: String,
    /// In French.
    pub(crate) text: String,
    /// The act it tells of, when somebody may have written something with it.
    #[serde(skip)]
    pub(crate) act: Option<ActId>,
}

/// Every entry of an incident as a line; an entry that cannot be read is shown as such, never dropped.
pub(crate) fn tell(entries: &[Entry], directory: &Directory) -> Vec<Line> {
    entries
        .iter()
        .filter_map(|entry| {
            let what = entry.envelope.type_name.trim_start_matches("vigie.").trim_end_matches(".v1").to_owned();
            let (text, act) = match Event::decode(&entry.envelope.type_name, &entry.data) {
                Ok(event) => (sentence(&event, directory)?, written_with(&event)),
                Err(error) => (format!("Entrée illisible : {error}"), None),
            };
            Some(Line { at: entry.envelope.time, what, text, act })
        })
        .collect()
}

/// The act a fact comes from, for those that can carry words.
#[expect(clippy::wildcard_enum_match_arm, reason = "most facts carry no words")]
fn written_with(event: &Event) -> Option<ActId> {
    match event {
        Event::IncidentNoted(e) => Some(e.act_id),
        Event::IncidentEased(e) => Some(e.act_id),
        Event::IncidentClosed(e) => Some(e.act_id),
        Event::IncidentAggravated(e) => match &e.cause {
            Cause::Act { act_id, .. } => Some(*act_id),
            Cause::Signal { .. } | Cause::Accumulation { .. } => None,
        },
        _ => None,
    }
}

fn sentence(event: &Event, directory: &Directory) -> Option<String> {
    let body = |id: &BodyId| directory.body(id).map_or_else(|| id.to_string(), |body| body.name.clone());
    Some(match event {
        Event::IncidentOpened(e) => {
            let why = match (e.accumulated.len(), &e.in_the_wake_of) {
                (0, None) if e.separated_from.is_some() => {
                    ", par un signalement séparé d'un autre événement".to_owned()
                }
                (0, None) => String::new(),
                (0, Some(_)) => ", à la suite d'un fait grave récent".to_owned(),
                (others, _) => format!(", par accumulation de {} signaux", others + 1),
            };
            format!("Événement {} ouvert, niveau {}{why}", e.incident.reference, e.incident.severity.label())
        }
        Event::IncidentReinforced(_) => "Un autre signalement s'y rattache".to_owned(),
        Event::IncidentAggravated(e) => match &e.cause {
            Cause::Signal { .. } => {
                format!("Aggravé par un signalement : {} devient {}", e.from.label(), e.incident.severity.label())
            }
            Cause::Accumulation { with, .. } => format!(
                "Aggravé par accumulation de {} signaux : {} devient {}",
                with.len() + 1,
                e.from.label(),
                e.incident.severity.label()
            ),
            Cause::Act { actor, .. } => {
                format!(
                    "Aggravé par {} : {} devient {}",
                    body(&actor.body),
                    e.from.label(),
                    e.incident.severity.label()
                )
            }
        },
        Event::IncidentReplanned(e) => match &e.because {
            Replanning::Regime { from, actor, .. } => format!(
                "Régime fixé par {} : {} devient {}",
                body(&actor.body),
                from.label(),
                e.incident.regime.label()
            ),
            Replanning::Involvement { sectors, actor, .. } => {
                let sectors = sectors.iter().map(vigie_proto::SectorId::as_str).collect::<Vec<_>>().join(", ");
                format!("Secteurs associés par {} : {sectors}", body(&actor.body))
            }
            Replanning::Expected { .. } => "Un signalement annonce l'heure prévue".to_owned(),
        },
        Event::IncidentRefused(e) => format!("Refusé par {} : {}", body(&e.by.body), e.reason.label()),
        Event::IncidentHandedOver(e) => format!("{} passe le relais à {}", body(&e.by.body), body(&e.to)),
        Event::IncidentCalled(e) => format!("{} fait prévenir {}", body(&e.by.body), body(&e.to)),
        Event::IncidentSeparated(e) => {
            format!("Signalement séparé par {} : il devient l'événement {}", body(&e.by.body), e.becomes_reference)
        }
        Event::ReturnGiven(e) => format!("Retour donné par {} : {}", body(&e.by.body), e.outcome.label()),
        Event::IncidentEased(e) => {
            format!(
                "Niveau abaissé par {} : {} devient {}",
                body(&e.by.body),
                e.from.label(),
                e.incident.severity.label()
            )
        }
        Event::IncidentAcknowledged(e) if e.counts_for.as_ref().is_some_and(Vec::is_empty) => {
            format!("Pris en compte par {}, sans que cela arrête de relance", body(&e.by.body))
        }
        Event::IncidentAcknowledged(e) => format!("Pris en compte par {}", body(&e.by.body)),
        Event::IncidentSeen(e) => format!("Vu par {}", body(&e.by.body)),
        Event::IncidentNoted(e) if e.over => format!("{} indique que c'est terminé", body(&e.by.body)),
        Event::IncidentNoted(e) => format!("Note ajoutée par {}", body(&e.by.body)),
        Event::IncidentClosed(e) => format!("Clos par {} : {}", body(&e.by.body), e.reason.label()),
        Event::IncidentTakenBack(e) => match e.what {
            TakenBack::Charge => format!("{} retire sa prise en compte", body(&e.by.body)),
            TakenBack::Refusal => format!("{} retire son refus", body(&e.by.body)),
        },
        Event::IncidentReopened(e) => format!("Rouvert par {}", body(&e.by.body)),
        Event::StepSettled(e) => format!("Palier {} : {}", e.step, outcome(&e.outcome, e.alerts)),
        Event::ChargeLapsed(e) => format!("{} n'a pas confirmé : sa prise en compte ne vaut plus", body(&e.body)),
        Event::AlertIssued(e) => format!("{} : alerte ({})", body(&e.body), channel(e.channel)),
        Event::DeliverySent(e) => format!("{} : envoyé ({})", body(&e.body), channel(e.channel)),
        Event::DeliveryDelivered(e) => format!("{} : remis ({})", body(&e.body), channel(e.channel)),
        Event::DeliveryFailed(e) => format!("{} : échec ({})", body(&e.body), channel(e.channel)),
        Event::DeliveryDeadLettered(e) => format!("{} : injoignable", body(&e.body)),
        Event::CrisisOpened(e) => format!("Crise {} ouverte", e.crisis.reference),
        Event::CrisisIncidentLinked(e) => format!("Rattaché à la crise {}", e.crisis.reference),
        Event::CrisisMobilisationMoved(e) => format!("Moyen « {} » : {}", e.resource, account::mobilised(e.moved)),
        Event::ActRejected(_) => "Un acte n'a pas pu être appliqué".to_owned(),
        Event::IndicatorCounted(_)
        | Event::ActRecorded(_)
        | Event::SignalRaised(_)
        | Event::WordsRead(_)
        | Event::ConfigurationProposed(_)
        | Event::ConfigurationDecided(_)
        | Event::DoctrineActivated(_)
        | Event::DirectoryChanged(_)
        | Event::DutyHandedOver(_)
        | Event::ProbeIssued(_)
        | Event::ProbeSettled(_)
        | Event::ProbeAnswered(_)
        | Event::SecurityNoted(_)
        | Event::CrisisRegimeChanged(_)
        | Event::CrisisRolesSet(_)
        | Event::CrisisCareMoved(_)
        | Event::CrisisReportMoved(_)
        | Event::CrisisRelayMoved(_)
        | Event::CrisisClosed(_)
        | Event::CrisisRetexMoved(_)
        | Event::CrisisExerciseMoved(_) => {
            return None;
        }
    })
}

pub(crate) fn channel(channel: vigie_proto::Channel) -> &'static str {
    match channel {
        vigie_proto::Channel::Email => "courriel",
        vigie_proto::Channel::Sms => "SMS",
        vigie_proto::Channel::Screen => "écran",
    }
}

fn outcome(outcome: &vigie_proto::event::StepOutcome, alerts: u32) -> String {
    use vigie_proto::event::StepOutcome as Outcome;
    match outcome {
        Outcome::Fired if alerts < 2 => format!("déclenché, {alerts} destinataire"),
        Outcome::Fired => format!("déclenché, {alerts} destinataires"),
        Outcome::Folded => "en retard, joint au palier suivant".to_owned(),
        Outcome::Expired => "périmé, personne n'a été prévenu".to_owned(),
        Outcome::Acknowledged => "inutile, déjà pris en compte".to_owned(),
        Outcome::Returned => "inutile, le retour a été donné".to_owned(),
        Outcome::Superseded => "remplacé".to_owned(),
        Outcome::NobodyFound => "personne à prévenir dans l'annuaire".to_owned(),
    }
}
