//! How whoever calls stands to an incident, what they see of it.

use sqlx::{PgPool, types::Json};
use vigie_domain::{
    access::{Caller, Party, Position, Ties},
    escalation::{Escalation, Standing},
};
use vigie_edge::problem::Problem;
use vigie_proto::{BodyId, IncidentId, event::IncidentSnapshot, sensitivity::Sensitivity};

use crate::Edge;

/// An incident, where its plan stands, and what ties a body to it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) snapshot: IncidentSnapshot,
    /// The version a person is asked to acknowledge.
    pub(crate) asked_version: u32,
    /// None while the plan has not begun.
    pub(crate) standing: Option<Standing>,
    pub(crate) plan: Option<Escalation>,
    pub(crate) ties: Ties,
}

impl Seen {
    /// How `party` stands to it; none when its class withholds it.
    pub(crate) fn position<'a>(&'a self, edge: &'a Edge, party: Party<'a>) -> Option<Position<'a>> {
        Position::of(party, &self.snapshot, self.ties, &edge.city.doctrine, &edge.city.directory)
    }
}

/// The incident, how the caller stands to it and how far it sees into it; 404 when it does not exist or the caller may not
/// know it, without saying which.
pub(crate) async fn see(edge: &Edge, caller: Caller<'_>, id: IncidentId) -> Result<(Seen, Sensitivity), Problem> {
    let missing = || Problem::not_found("Événement");
    let found = tied(&edge.pool, id, &caller.source.body, Some(caller.source.id.as_str())).await;
    let seen = found?.ok_or_else(missing)?;
    let clearance = seen.position(edge, caller.party()).and_then(|position| position.clearance());
    Ok((seen, clearance.ok_or_else(missing)?))
}

/// The incident with what ties `body`, or the source of that id, to it; none when there is none.
pub(crate) async fn tied(
    pool: &PgPool,
    id: IncidentId,
    body: &BodyId,
    source: Option<&str>,
) -> Result<Option<Seen>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select i.snapshot as "snapshot: Json<IncidentSnapshot>", i.asked_version, p.state as "state?: Json<Escalation>",
                exists (select from escalation.alert a where a.incident_id = i.id and a.body = $2) as "told!",
                exists (select from routing.incident_signal l join intake.signal s on s.id = l.signal_id
                         where l.incident_id = i.id and s.source_id = $3) as "reported!"
           from routing.incident i left join escalation.plan p on p.incident_id = i.id where i.id = $1"#,
        id.0,
        body.as_str(),
        source
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let plan = row.state.map(|Json(state)| state);
    let standing = plan.as_ref().map(Escalation::standing);
    Ok(Some(Seen {
        snapshot: row.snapshot.0,
        asked_version: row.asked_version.unsigned_abs(),
        ties: Ties {
            reported: row.reported,
            told: row.told,
            asked: standing.as_ref().is_some_and(|standing| standing.asked(body)),
        },
        standing,
        plan,
    }))
}
