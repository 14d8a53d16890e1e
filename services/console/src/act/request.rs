//! What somebody asks to do to an incident, checked: the API's bodies and the pages' forms become acts here.

use axum::http::StatusCode;
use sqlx::types::Json as SqlJson;
use vigie_domain::{
    access::Caller,
    admission::{MAX_SUMMARY, has_control},
    directory::Permission,
};
use vigie_platform::problem::{Fault, Problem};
use vigie_proto::{
    BodyId, IncidentId, SignalId,
    event::{Act, Actor, Through},
    plan::Owed,
};

use super::{
    AcknowledgementBody, NoteBody, Outcome, ResolutionBody, SeverityBody,
    conduct::{CallBody, HandoverBody, InvolvementBody, RefusalBody, RegimeBody, ReturnBody, SeparationBody},
    forbidden, perform,
};
use crate::{Edge, caller::Seen};

/// An act somebody asks for.
#[derive(Debug)]
pub(crate) enum Request {
    Acknowledge(AcknowledgementBody),
    Note(NoteBody),
    ChangeSeverity(SeverityBody),
    Close(ResolutionBody),
    Refuse(RefusalBody),
    HandOver(HandoverBody),
    SetRegime(RegimeBody),
    Involve(InvolvementBody),
    Call(CallBody),
    Separate(SeparationBody),
    Return(ReturnBody),
}

/// Checks what is asked for, records it in the caller's name, and waits a moment for its result.
pub(crate) async fn carry_out(
    edge: &Edge,
    caller: Caller<'_>,
    seen: &Seen,
    request: Request,
) -> Result<Outcome, Problem> {
    if request.needs().is_some_and(|permission| !caller.may(permission)) {
        return Err(forbidden());
    }
    let (act, text) = request.into_act(edge, caller, seen).await?;
    let actor = Actor { body: caller.source.body.clone(), role: caller.source.role.clone(), through: Through::Api };
    perform(edge, seen.snapshot.id, actor, act, text.as_deref()).await.map_err(|e| Problem::from_store(&e))
}

impl Request {
    /// The permission it takes; none when that depends on what is owed.
    fn needs(&self) -> Option<Permission> {
        match self {
            Self::Acknowledge(_) | Self::Refuse(_) | Self::HandOver(_) => Some(Permission::Acknowledge),
            Self::Note(_) => Some(Permission::Note),
            Self::ChangeSeverity(_) => Some(Permission::ChangeSeverity),
            Self::Close(_) => Some(Permission::Close),
            Self::SetRegime(_) => Some(Permission::SetRegime),
            Self::Involve(_) | Self::Call(_) => Some(Permission::Involve),
            Self::Separate(_) => Some(Permission::Separate),
            Self::Return(_) => None,
        }
    }

    /// The act and its free text, or what is wrong with the fields.
    async fn into_act(self, edge: &Edge, caller: Caller<'_>, seen: &Seen) -> Result<(Act, Option<String>), Problem> {
        Ok(match self {
            Self::Acknowledge(body) => {
                let version = body.version.unwrap_or(seen.snapshot.version);
                (Act::Acknowledge { version, alert_id: None }, None)
            }
            Self::Note(body) => (Act::Note, checked_text("text", Some(&body.text))?),
            Self::ChangeSeverity(body) => {
                (Act::ChangeSeverity { to: body.severity }, checked_text("reason", body.reason.as_deref())?)
            }
            Self::Close(body) => (Act::Close { reason: body.reason }, checked_text("note", body.note.as_deref())?),
            Self::Refuse(body) => (Act::Refuse { reason: body.reason, alert_id: None }, None),
            Self::HandOver(body) => {
                another_body(edge, caller, &body.to)?;
                (Act::HandOver { to: body.to }, None)
            }
            Self::SetRegime(body) => (Act::SetRegime { to: body.regime }, None),
            Self::Involve(body) => {
                let unknown = body.sectors.iter().any(|id| edge.city.territory.sector(id).is_none());
                if body.sectors.is_empty() || unknown {
                    return Err(invalid(
                        "sectors",
                        "Donnez au moins un secteur connu, par exemple paris-18 ou com-93066.",
                    ));
                }
                (Act::Involve { sectors: body.sectors }, None)
            }
            Self::Call(body) => {
                another_body(edge, caller, &body.to)?;
                (Act::Call { to: body.to }, None)
            }
            Self::Separate(body) => {
                let signal = signal(edge, seen.snapshot.id, &body.signal).await.map_err(|e| Problem::from_store(&e))?;
                let signal = signal
                    .ok_or_else(|| invalid("signal", "Aucun signalement de cette référence n'est rattaché ici."))?;
                (Act::Separate { signal }, None)
            }
            Self::Return(body) => {
                let owed = owed(edge, seen.snapshot.id, &body.owed).await.map_err(|e| Problem::from_store(&e))?;
                let owed = owed.ok_or_else(|| invalid("owed", "Rien de ce nom n'est dû pour cet événement."))?;
                if !may_give(caller, &owed) {
                    return Err(forbidden());
                }
                (Act::Return { owed: body.owed, outcome: body.outcome }, None)
            }
        })
    }
}

/// A body that is not the caller's own, and that a message can reach.
fn another_body(edge: &Edge, caller: Caller<'_>, to: &BodyId) -> Result<(), Problem> {
    let reachable = edge.city.directory.body(to).is_some_and(|to| !to.contacts.is_empty());
    if reachable && *to != caller.source.body {
        return Ok(());
    }
    Err(invalid("to", "Donnez un autre service de l'annuaire, qui puisse être joint."))
}

/// Whoever owes it may give it, and whoever may close.
pub(crate) fn may_give(caller: Caller<'_>, owed: &Owed) -> bool {
    caller.source.role == owed.by.role || caller.may(Permission::Close)
}

/// What is owed under `id`.
async fn owed(edge: &Edge, incident: IncidentId, id: &str) -> Result<Option<Owed>, sqlx::Error> {
    let row: Option<SqlJson<Owed>> =
        sqlx::query_scalar("select owed from routing.owed where incident_id = $1 and id = $2")
            .bind(incident.0)
            .bind(id)
            .fetch_optional(&edge.pool)
            .await?;
    Ok(row.map(|SqlJson(owed)| owed))
}

/// The signal of that reference, when it belongs to the incident.
async fn signal(edge: &Edge, incident: IncidentId, reference: &str) -> Result<Option<SignalId>, sqlx::Error> {
    let id: Option<uuid::Uuid> = sqlx::query_scalar(
        "select s.id from intake.signal s join routing.incident_signal l on l.signal_id = s.id
          where l.incident_id = $1 and s.reference = $2",
    )
    .bind(incident.0)
    .bind(reference.trim())
    .fetch_optional(&edge.pool)
    .await?;
    Ok(id.map(SignalId))
}

fn checked_text(field: &str, text: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(text) = text.map(str::trim) else { return Ok(None) };
    let length = text.chars().count();
    if (1..=MAX_SUMMARY).contains(&length) && !has_control(text) {
        return Ok(Some(text.to_owned()));
    }
    let message = format!("De 1 à {MAX_SUMMARY} caractères, sans nom de personne ni caractère de contrôle.");
    Err(invalid(field, &message))
}

fn invalid(field: &str, message: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Champs à corriger")
        .faults(vec![Fault::new(field, message)])
}
