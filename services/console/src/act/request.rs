//! What somebody asks to do to an incident, checked: the API's bodies and the pages' forms become acts here.

use axum::http::StatusCode;
use sqlx::types::Json as SqlJson;
use vigie_domain::{
    access::{Caller, Deed, Denial, Position},
    directory::Role,
    text,
};
use vigie_edge::problem::{Problem, written};
use vigie_proto::{BodyId, IncidentId, SignalId, event::Act, plan::Owed};

use super::{
    AcknowledgementBody, NoteBody, Outcome, ResolutionBody, SeenBody, SeverityBody,
    body::{CallBody, HandoverBody, InvolvementBody, RefusalBody, RegimeBody, ReturnBody, SeparationBody},
    perform,
};
use crate::{Edge, caller::Seen};

/// An act somebody asks for.
#[derive(Debug)]
pub(crate) enum Request {
    See(SeenBody),
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
    TakeBack,
    Reopen,
}

/// Checks what is asked for, records it in the caller's name, and waits a moment for its result.
pub(crate) async fn carry_out(
    edge: &Edge,
    caller: Caller<'_>,
    seen: &Seen,
    request: Request,
) -> Result<Outcome, Problem> {
    edge.limits.take_for_source(&caller.source.id)?;
    let missing = || Problem::not_found("Événement");
    let position = seen.position(edge, caller.party()).ok_or_else(missing)?;
    if let Some(deed) = request.deed(seen) {
        position.may(deed).map_err(denied)?;
    }
    let (act, text) = request.into_act(edge, caller, seen, &position).await?;
    let actor = caller.actor();
    Ok(perform(edge, seen.snapshot.id, actor, act, text.as_deref()).await?)
}

impl Request {
    /// What it comes down to for the policy; none when that depends on what is owed.
    fn deed(&self, seen: &Seen) -> Option<Deed> {
        Some(match self {
            Self::See(_) => Deed::See,
            Self::Acknowledge(_) => Deed::TakeCharge,
            Self::Refuse(_) => Deed::Refuse,
            Self::HandOver(_) => Deed::HandOver,
            Self::Note(_) => Deed::Note,
            Self::ChangeSeverity(body) if body.severity < seen.snapshot.severity => Deed::Ease,
            Self::ChangeSeverity(_) => Deed::Aggravate,
            Self::Close(_) => Deed::Close,
            Self::SetRegime(_) => Deed::SetRegime,
            Self::Involve(_) => Deed::Involve,
            Self::Call(_) => Deed::Call,
            Self::Separate(_) => Deed::Separate,
            Self::TakeBack => Deed::TakeBack,
            Self::Reopen => Deed::Reopen,
            Self::Return(_) => return None,
        })
    }

    /// The act and its free text, or what is wrong with the fields.
    async fn into_act(
        self,
        edge: &Edge,
        caller: Caller<'_>,
        seen: &Seen,
        position: &Position<'_>,
    ) -> Result<(Act, Option<String>), Problem> {
        Ok(match self {
            Self::See(body) => (Act::See { version: version(body.version, seen)?, alert_id: None }, None),
            Self::Acknowledge(body) => {
                (Act::Acknowledge { version: version(body.version, seen)?, alert_id: None }, None)
            }
            Self::Note(body) => {
                let text = written("text", &body.text, body.sure)?;
                (Act::Note, Some(text.ok_or_else(|| Problem::invalid("text", text::expected(text::MOST)))?))
            }
            Self::ChangeSeverity(body) => {
                let reason = written("reason", &body.reason.unwrap_or_default(), body.sure)?;
                (Act::ChangeSeverity { to: body.severity }, reason)
            }
            Self::Close(body) => {
                let note = written("note", &body.note.unwrap_or_default(), body.sure)?;
                (Act::Close { reason: body.reason }, note)
            }
            Self::TakeBack => (Act::TakeBack, None),
            Self::Reopen => (Act::Reopen, None),
            Self::Refuse(body) => (Act::Refuse { reason: body.reason, alert_id: None }, None),
            Self::HandOver(body) => {
                another_body(edge, caller, seen, &body.to)?;
                if !edge.city.directory.body(&body.to).is_some_and(|to| edge.city.directory.intervenes(&to.role)) {
                    return Err(Problem::invalid(
                        "to",
                        "Ce service n'intervient pas : il ne peut pas prendre le relais.",
                    ));
                }
                (Act::HandOver { to: body.to }, None)
            }
            Self::SetRegime(body) => (Act::SetRegime { to: body.regime }, None),
            Self::Involve(body) => {
                let unknown = body.sectors.iter().any(|id| edge.city.territory.sector(id).is_none());
                if body.sectors.is_empty() || unknown {
                    return Err(Problem::invalid(
                        "sectors",
                        "Donnez au moins un secteur connu, par exemple paris-18 ou com-93066.",
                    ));
                }
                (Act::Involve { sectors: body.sectors }, None)
            }
            Self::Call(body) => {
                another_body(edge, caller, seen, &body.to)?;
                let role = edge.city.directory.body(&body.to).and_then(|to| edge.city.directory.role(&to.role));
                if role.is_some_and(Role::only_oversees) {
                    return Err(Problem::invalid(
                        "to",
                        "Ce service contrôle ou administre : il ne prend part à aucun événement.",
                    ));
                }
                (Act::Call { to: body.to }, None)
            }
            Self::Separate(body) => {
                let signal = signal(edge, seen.snapshot.id, &body.signal).await?;
                let signal = signal.ok_or_else(|| {
                    Problem::invalid("signal", "Aucun signalement de cette référence n'est rattaché ici.")
                })?;
                (Act::Separate { signal }, None)
            }
            Self::Return(body) => {
                let owed = owed(edge, seen.snapshot.id, &body.owed).await?;
                let owed =
                    owed.ok_or_else(|| Problem::invalid("owed", "Rien de ce nom n'est dû pour cet événement."))?;
                position.may_return(&owed, &edge.city.directory).map_err(denied)?;
                (Act::Return { owed: body.owed, outcome: body.outcome }, None)
            }
        })
    }
}

/// The version under the person's eyes: the present one when none is given, never one that does not exist yet.
fn version(given: Option<u32>, seen: &Seen) -> Result<u32, Problem> {
    let present = seen.snapshot.version;
    let version = given.unwrap_or(present);
    if version <= present {
        return Ok(version);
    }
    Err(Problem::invalid("version", format!("L'événement n'en est qu'à la version {present}.")))
}

/// A body that is not the caller's own, that a message can reach, and that may know of this incident.
fn another_body(edge: &Edge, caller: Caller<'_>, seen: &Seen, to: &BodyId) -> Result<(), Problem> {
    let class = edge.city.doctrine.class_of(&seen.snapshot.kind);
    let reachable = edge.city.directory.body(to).filter(|to| !to.contacts.is_empty());
    let admitted = reachable.is_some_and(|to| class.is_none_or(|class| class.admits(&to.role)));
    if admitted && *to != caller.source.body {
        return Ok(());
    }
    Err(Problem::invalid(
        "to",
        "Donnez un autre service de l'annuaire, qui puisse être joint et connaître cet événement.",
    ))
}

/// What a denial says to a person.
pub(crate) fn denied(denial: Denial) -> Problem {
    let (code, detail) = match denial {
        Denial::Unknown => return Problem::not_found("Événement"),
        Denial::NotAsked => (
            "not-asked",
            "Votre service n'a pas été sollicité pour cet événement : répondez « vu », ou demandez à être sollicité.",
        ),
        Denial::OnlyWatches => (
            "only-watches",
            "Votre fonction n'intervient pas : elle peut répondre « vu », qui n'arrête aucune relance.",
        ),
        Denial::NotAllowed => return Problem::not_allowed(),
    };
    Problem::new(StatusCode::FORBIDDEN, code, "Acte non autorisé").detail(detail)
}

/// What is owed under `id`.
async fn owed(edge: &Edge, incident: IncidentId, id: &str) -> Result<Option<Owed>, sqlx::Error> {
    let row: Option<SqlJson<Owed>> =
        sqlx::query_scalar!("select owed from routing.owed where incident_id = $1 and id = $2", incident.0, id)
            .fetch_optional(&edge.pool)
            .await?;
    Ok(row.map(|SqlJson(owed)| owed))
}

/// The signal of that reference, when it belongs to the incident.
async fn signal(edge: &Edge, incident: IncidentId, reference: &str) -> Result<Option<SignalId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "select s.id from intake.signal s join routing.incident_signal l on l.signal_id = s.id
          where l.incident_id = $1 and s.reference = $2",
        incident.0,
        reference.trim()
    )
    .fetch_optional(&edge.pool)
    .await?;
    Ok(id.map(SignalId))
}
