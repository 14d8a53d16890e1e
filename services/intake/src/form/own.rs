//! `GET /signaler/mes-signalements`: everything a source raised, and what became of each.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;
use vigie_domain::{city::City, doctrine::EmergencyNumber, french};
use vigie_edge::{credential::Presented, page::render, problem::Problem};
use vigie_proto::IncidentStatus;

use super::{
    follow::{self, Return},
    page::raises_nothing,
};
use crate::{
    Edge,
    fate::BodyTold,
    own::{OwnSignal, own},
    status::SignalView,
};

/// Signals on one page.
const PAGE: u8 = 20;
/// Told when it happened only if that was so long before it was raised.
const LATE: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Template)]
#[template(path = "own.html")]
struct OwnPage<'a> {
    source_name: &'a str,
    emergency: &'a [EmergencyNumber],
    lines: Vec<Line>,
    /// It is not the first page.
    further: bool,
    /// Where older ones begin.
    next: Option<Uuid>,
}

/// One signal.
#[derive(Debug)]
struct Line {
    id: String,
    reference: String,
    kind: String,
    place: String,
    when: Vec<String>,
    stage: Stage,
    /// What became of it, in sentences.
    said: String,
    /// What is still owed.
    owed: Vec<Return>,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Received,
    Told,
    InCharge,
    Over,
}

impl Stage {
    fn of(fate: &SignalView) -> Self {
        match fate.incident.as_ref().map(|incident| incident.status) {
            Some(IncidentStatus::Closed) => Self::Over,
            Some(IncidentStatus::Acknowledged) => Self::InCharge,
            Some(IncidentStatus::Open) | None if fate.told.is_empty() => Self::Received,
            Some(IncidentStatus::Open) | None => Self::Told,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Received => "Reçu",
            Self::Told => "Transmis",
            Self::InCharge => "Pris en compte",
            Self::Over => "Terminé",
        }
    }

    /// Class of its badge.
    fn class(self) -> &'static str {
        match self {
            Self::Received | Self::Told => "tension",
            Self::InCharge => "good",
            Self::Over => "watch",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    /// The signal before which to go on.
    avant: Option<Uuid>,
}

pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    if caller.role.raises.is_empty() {
        return Err(raises_nothing());
    }
    let Query(Asked { avant }) = asked?;
    let signals = own(&edge, caller, avant, PAGE).await?;
    let page = OwnPage {
        source_name: &caller.source.name,
        emergency: &edge.city.doctrine.emergency,
        lines: signals.signals.into_iter().map(|signal| Line::of(signal, &edge.city, edge.now)).collect(),
        further: avant.is_some(),
        next: signals.next,
    };
    Ok(render(StatusCode::OK, &page))
}

impl Line {
    fn of(signal: OwnSignal, city: &City, now: Timestamp) -> Self {
        let zone = &city.doctrine.zone;
        let moment = |at: Timestamp| french::moment(&at.to_zoned(zone.clone()), &now.to_zoned(zone.clone()));
        let OwnSignal { kind_label, place, occurred_at, expected_at, fate, kind: _ } = signal;
        let mut when = vec![format!("reçu {}", moment(fate.received_at))];
        if fate.received_at.duration_since(occurred_at) > LATE {
            when.push(format!("arrivé {}", moment(occurred_at)));
        }
        when.extend(expected_at.map(|at| format!("annoncé pour {}", moment(at))));
        let stage = Stage::of(&fate);
        let owed = fate.returns.iter().filter(|owed| owed.given_at.is_none());
        Self {
            id: fate.signal_id.to_string(),
            said: said(stage, &fate, moment),
            owed: owed.map(|owed| follow::line(owed, zone)).collect(),
            reference: fate.reference,
            kind: kind_label,
            place,
            when,
            stage,
        }
    }
}

/// What became of a signal, in sentences.
fn said(stage: Stage, fate: &SignalView, moment: impl Fn(Timestamp) -> String) -> String {
    let mut said = Vec::new();
    let charge = in_charge(&fate.acknowledged_by, &moment);
    match stage {
        Stage::Received => said.push("Enregistré ; les services sont en train d'être prévenus.".to_owned()),
        Stage::Told => {
            said.push(told(fate.told.len()));
            said.push(match charge {
                Some(charge) => format!("{charge} ; d'autres n'ont pas encore répondu."),
                None => "Personne ne l'a encore pris en compte.".to_owned(),
            });
        }
        Stage::InCharge => said.push(match charge {
            Some(charge) => format!("{charge}."),
            None => told(fate.told.len()),
        }),
        Stage::Over => said.push(match charge {
            Some(charge) => format!("L'événement est clos. {charge}."),
            None => "L'événement est clos.".to_owned(),
        }),
    }
    said.extend(fate.said_over_at.map(|at| format!("Vous avez dit que c'est terminé, {}.", moment(at))));
    said.join(" ")
}

fn told(bodies: usize) -> String {
    match bodies {
        1 => "1 service a été prévenu.".to_owned(),
        many => format!("{many} services ont été prévenus."),
    }
}

/// Who took charge first and since when, and how many others did.
fn in_charge(bodies: &[BodyTold], moment: impl Fn(Timestamp) -> String) -> Option<String> {
    let (first, others) = bodies.split_first()?;
    let since = format!("{} s'en charge depuis {}", first.body, moment(first.at));
    Some(match others.len() {
        0 => since,
        1 => format!("{since}, et un autre service"),
        many => format!("{since}, et {many} autres services"),
    })
}

#[cfg(test)]
mod tests {
    use vigie_proto::{Severity, SignalId};

    use super::*;
    use crate::status::IncidentOfSignal;

    fn fate(status: Option<IncidentStatus>, told: usize, charged: usize) -> SignalView {
        let body = |n: usize| BodyTold { body: format!("Service {n}"), at: Timestamp::UNIX_EPOCH };
        SignalView {
            signal_id: SignalId(Uuid::nil()),
            reference: "S-2026-000001".to_owned(),
            state: "joined",
            received_at: Timestamp::UNIX_EPOCH,
            incident: status.map(|status| IncidentOfSignal {
                reference: "R-2026-000001".to_owned(),
                status,
                severity: Severity::Serious,
                sector_label: String::new(),
                opened_at: Timestamp::UNIX_EPOCH,
            }),
            told: (1..=told).map(body).collect(),
            acknowledged_by: (1..=charged).map(body).collect(),
            returns: Vec::new(),
            said_over_at: None,
        }
    }

    #[test]
    fn every_stage_says_who_was_told_and_who_takes_charge() {
        use IncidentStatus::{Acknowledged, Closed, Open};
        for (status, told, charged, label, sentences) in [
            (None, 0, 0, "Reçu", "Enregistré ; les services sont en train d'être prévenus."),
            (Some(Open), 0, 0, "Reçu", "Enregistré ; les services sont en train d'être prévenus."),
            (Some(Open), 1, 0, "Transmis", "1 service a été prévenu. Personne ne l'a encore pris en compte."),
            (
                Some(Open),
                7,
                1,
                "Transmis",
                "7 services ont été prévenus. Service 1 s'en charge depuis 8 h ; d'autres n'ont pas encore répondu.",
            ),
            (Some(Acknowledged), 7, 1, "Pris en compte", "Service 1 s'en charge depuis 8 h."),
            (Some(Acknowledged), 7, 3, "Pris en compte", "Service 1 s'en charge depuis 8 h, et 2 autres services."),
            (Some(Closed), 7, 0, "Terminé", "L'événement est clos."),
        ] {
            let fate = fate(status, told, charged);
            let stage = Stage::of(&fate);
            let said = said(stage, &fate, |_| "8 h".to_owned());
            assert_eq!((stage.label(), said.as_str()), (label, sentences));
        }
    }
}
