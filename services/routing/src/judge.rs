//! Whether whoever acted may: the owner of the incident looks again, by the policy every edge uses.
//!
//! An edge that let through what it should not is a fault or an intrusion: the act is rejected, counted and alarmed.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;
use vigie_domain::{
    access::{Deed, Party, Position, Ties},
    city::City,
    escalation::{Escalation, Standing},
    incident::{Incident, Judged},
};
use vigie_proto::{
    ActId, BodyId, IncidentId,
    event::{Act, ActRecordedV1, Rejection, Through},
};

/// How long an act waits for the plan it answers to be begun; then the plan's own owner decides what it counts for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What the stores know of the acts of one batch.
#[derive(Debug, Default)]
pub(crate) struct Known {
    ties: HashMap<ActId, Ties>,
    standings: HashMap<IncidentId, Standing>,
}

/// Why an act is not applied now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotNow {
    /// The plan it answers has not begun: show it again.
    Later,
    Rejected(Rejection),
}

impl Known {
    /// Reads what is known of `acts`: who was told, who asked, whose signals are in.
    pub(crate) async fn load(tx: &mut PgConnection, acts: &[&ActRecordedV1], city: &City) -> Result<Self, sqlx::Error> {
        let mut known = Self::default();
        if acts.is_empty() {
            return Ok(known);
        }
        let incidents: Vec<Uuid> = acts.iter().map(|act| act.incident_id.0).collect();
        let plans =
            sqlx::query!(r#"select incident_id, state as "state: Json<Escalation>" from escalation.plan where incident_id = any($1)"#, &incidents)
                .fetch_all(&mut *tx)
                .await?;
        for row in plans {
            known.standings.insert(IncidentId(row.incident_id), row.state.standing());
        }
        for act in acts {
            let (id, body) = (act.incident_id, &act.actor.body);
            let sources = city.directory.sources().filter(|source| source.body == *body);
            let row = sqlx::query!(
                r#"select exists (select from escalation.alert a where a.incident_id = $1 and a.body = $2) as "told!",
                        exists (select from escalation.alert a where a.id = $4 and a.incident_id = $1 and a.body = $2) as "by_link!",
                        exists (select from routing.incident_signal l join intake.signal s on s.id = l.signal_id
                                 where l.incident_id = $1 and s.source_id = any($3)) as "reported!""#,
                id.0,
                body.as_str(),
                sources.map(|source| source.id.to_string()).collect::<Vec<_>>(),
                alert_of(&act.act)
            )
            .fetch_one(&mut *tx)
            .await?;
            let ties = Ties {
                reported: row.reported,
                // A link says which alert it answers: one to another body answers nothing.
                told: if named_alert(act) { row.by_link } else { row.told },
                asked: known.standings.get(&id).is_some_and(|standing| standing.asked(body)),
            };
            known.ties.insert(act.act_id, ties);
        }
        Ok(known)
    }

    /// May the act be applied to `incident`, and what does the owner know of whoever acted?
    pub(crate) fn judge(
        &self,
        recorded: &ActRecordedV1,
        incident: &Incident,
        city: &City,
        now: Timestamp,
    ) -> Result<Judged<'_>, NotNow> {
        let refuse = || Err(NotNow::Rejected(Rejection::NotAllowed));
        let directory = &city.directory;
        let standing = self.standings.get(&incident.snapshot.id);
        if answers(&recorded.act) {
            let begun = standing.is_some_and(|standing| standing.version >= incident.asked_version);
            if !begun && now.duration_since(recorded.at) < PATIENCE {
                return Err(NotNow::Later);
            }
        }
        let (body, role) = (&recorded.actor.body, &recorded.actor.role);
        let Some(party) = Party::of_actor(body, role, directory) else { return refuse() };
        let ties = self.ties.get(&recorded.act_id).copied().unwrap_or_default();
        if named_alert(recorded) && !ties.told {
            return refuse();
        }
        if recorded.act == Act::SayOver && ties.reported {
            // Of its own signal, whatever class hides the incident: it says what it knows, and learns nothing.
            return Ok(Judged { standing, intervenes: false, may_end_unanswered: false });
        }
        let position = Position::of(party, &incident.snapshot, ties, &city.doctrine, directory);
        let Some(position) = position else { return refuse() };
        let may = if let Act::Return { owed, .. } = &recorded.act {
            // When nothing of that name is owed, the incident says so.
            let debt = incident.owed.iter().find(|debt| debt.owed.id == *owed);
            debt.map_or(Ok(()), |debt| position.may_return(&debt.owed, directory))
        } else {
            position.may(Deed::of(&recorded.act, &incident.snapshot))
        };
        let named = named_body(&recorded.act).is_none_or(|to| {
            let class = city.doctrine.class_of(&incident.snapshot.kind);
            let known = directory.body(to).and_then(|to| Party::of_body(to, directory));
            known.is_some_and(|to| to.may_know(class))
        });
        if may.is_err() || !named {
            return refuse();
        }
        Ok(Judged {
            standing,
            intervenes: directory.intervenes(role),
            may_end_unanswered: position.may_end_unanswered(),
        })
    }
}

/// The body an act has asked, or hands on to.
fn named_body(act: &Act) -> Option<&BodyId> {
    match act {
        Act::HandOver { to } | Act::Call { to } => Some(to),
        Act::Acknowledge { .. }
        | Act::See { .. }
        | Act::Note
        | Act::SayOver
        | Act::ChangeSeverity { .. }
        | Act::Close { .. }
        | Act::Refuse { .. }
        | Act::SetRegime { .. }
        | Act::Involve { .. }
        | Act::Separate { .. }
        | Act::Return { .. }
        | Act::TakeBack
        | Act::Reopen => None,
    }
}

/// The alert an act says it answers.
fn alert_of(act: &Act) -> Option<Uuid> {
    match act {
        Act::Acknowledge { alert_id, .. } | Act::See { alert_id, .. } | Act::Refuse { alert_id, .. } => {
            alert_id.map(|id| id.0)
        }
        Act::Note
        | Act::SayOver
        | Act::ChangeSeverity { .. }
        | Act::Close { .. }
        | Act::HandOver { .. }
        | Act::SetRegime { .. }
        | Act::Involve { .. }
        | Act::Call { .. }
        | Act::Separate { .. }
        | Act::Return { .. }
        | Act::TakeBack
        | Act::Reopen => None,
    }
}

fn named_alert(recorded: &ActRecordedV1) -> bool {
    recorded.actor.through == Through::Link && alert_of(&recorded.act).is_some()
}

/// Whether what the act does depends on whom the plan has asked.
fn answers(act: &Act) -> bool {
    match act {
        Act::Acknowledge { .. } | Act::Refuse { .. } | Act::TakeBack => true,
        Act::See { .. }
        | Act::Note
        | Act::SayOver
        | Act::ChangeSeverity { .. }
        | Act::Close { .. }
        | Act::HandOver { .. }
        | Act::SetRegime { .. }
        | Act::Involve { .. }
        | Act::Call { .. }
        | Act::Separate { .. }
        | Act::Return { .. }
        | Act::Reopen => false,
    }
}
