//! The one way an order becomes a change: read, decide, carry out, in one transaction.

use sqlx::{PgConnection, Postgres, Transaction};
use vigie_domain::{
    access::Caller,
    crisis::{Crisis, Effect, Moment, exercise::Play, exercise::Script, mobilisation::Move},
    doctrine::Class,
};
use vigie_edge::problem::Problem;
use vigie_platform::ids;
use vigie_proto::{
    CrisisId, CrisisRegime, IncidentId, Nature, SectorId,
    crisis::CrisisSnapshot,
    event::{Actor, IncidentSnapshot, Through},
};

use crate::{
    carry::Carrier,
    desk::{self, Edge},
    key::IncidentKey,
    order::{Giver, Order},
    problems::{not_done, other_crisis, refused, withheld},
    store::{self, Ask},
};

/// What opens a crisis.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) regime: CrisisRegime,
    /// From this incident, or directly in `sector`.
    pub(crate) incident: Option<IncidentKey>,
    pub(crate) sector: Option<SectorId>,
    /// Read only without an incident, which has its own.
    pub(crate) nature: Nature,
    /// Played from the start.
    pub(crate) script: Option<(String, Script, u32)>,
}

/// Opens a crisis and returns it.
pub(crate) async fn open(edge: &Edge, caller: Caller<'_>, opening: Opening) -> Result<Crisis, Problem> {
    let (at, actor) = (desk::moment(edge)?, caller.actor());
    let mut tx = edge.pool.begin().await?;
    let incident = match &opening.incident {
        Some(key) => Some(named(edge, &mut tx, caller, key).await?),
        None => None,
    };
    let sectors = match (&incident, opening.sector) {
        (Some(incident), _) => vigie_domain::crisis::sectors_of(incident),
        (None, Some(sector)) if edge.city.territory.sector(&sector).is_some() => vec![sector],
        (None, _) => {
            return Err(Problem::invalid("sector", "Donnez un événement, ou le secteur où la crise commence."));
        }
    };
    let number = store::next_number(&mut tx).await?;
    let snapshot = CrisisSnapshot {
        id: CrisisId(ids::fresh()),
        reference: format!("C-{}-{number:06}", edge.now.strftime("%Y")),
        regime: opening.regime,
        nature: incident.as_ref().map_or(opening.nature, |incident| incident.nature),
        closed: false,
        sector: sectors[0].clone(),
        sectors,
        opened_at: edge.now,
    };
    let opened = Crisis::open(snapshot, incident.as_ref(), &actor, at);
    let (mut crisis, mut effects) = opened.map_err(|why| refused(&why, &edge.city))?;
    if let Some((name, script, speed)) = opening.script {
        let play = Play::start(&name, script, speed, &actor, edge.now);
        effects.extend(crisis.play(play, &actor, at).map_err(|why| refused(&why, &edge.city))?);
    }
    store::save(&mut tx, &crisis).await?;
    for incident in &crisis.incidents {
        link(&mut tx, crisis.snapshot.id, *incident).await?;
    }
    commit(edge, tx, &crisis, effects, at, &actor).await?;
    Ok(crisis)
}

/// Follows an order and returns the crisis as it is then; nothing changes on an error.
pub(crate) async fn follow(edge: &Edge, caller: Caller<'_>, id: CrisisId, order: Order) -> Result<Crisis, Problem> {
    let (at, actor) = (desk::moment(edge)?, caller.actor());
    let mut tx = edge.pool.begin().await?;
    let crisis = store::lock(&mut tx, id).await?;
    let mut crisis =
        crisis.filter(|crisis| caller.sees_crisis(&crisis.snapshot)).ok_or_else(|| Problem::not_found("Crise"))?;
    let incident = match order.incident(&crisis) {
        Some(key) => Some(named(edge, &mut tx, caller, &key).await?),
        None => None,
    };
    let linked = matches!(order, Order::Link { .. }).then(|| incident.as_ref().map(|i| i.id)).flatten();
    let giver = Giver { sector: caller.sector(), actor: &actor, city: &edge.city, at };
    let done = order.apply(&mut crisis, incident.as_ref(), giver).map_err(|why| not_done(&why, &edge.city))?;
    if let Some(incident) = linked {
        link(&mut tx, id, incident).await?;
    }
    if let Some((about, text)) = &done.words {
        store::write(&mut tx, id, about, text, actor.body.as_str(), edge.now).await?;
    }
    commit(edge, tx, &crisis, done.effects, at, &actor).await?;
    Ok(crisis)
}

/// The answer of whoever holds the link of `ask`; nothing changes on an error.
pub(crate) async fn answer(edge: &Edge, ask: &Ask, step: Move) -> Result<(), Problem> {
    let at = desk::moment(edge)?;
    let mut tx = edge.pool.begin().await?;
    let crisis = store::lock(&mut tx, ask.crisis).await?;
    let mut crisis = crisis.ok_or_else(|| Problem::not_found("Demande"))?;
    let actor = Actor { body: ask.body.clone(), role: ask.role.clone(), through: Through::Link };
    let effects = crisis.mobilise(ask.mobilisation, step, &actor, at).map_err(|why| refused(&why, &edge.city))?;
    commit(edge, tx, &crisis, effects, at, &actor).await
}

/// State, facts and alerts in the one transaction; then whoever waits is woken.
async fn commit(
    edge: &Edge,
    mut tx: Transaction<'_, Postgres>,
    crisis: &Crisis,
    effects: Vec<Effect>,
    at: Moment<'_>,
    actor: &Actor,
) -> Result<(), Problem> {
    let carrier = Carrier::new(&edge.city, at, Some(actor));
    let entries = carrier.carry_out(&mut tx, crisis, effects).await?;
    tx.commit().await?;
    edge.context.fresh.push(entries);
    edge.wake.notify_one();
    Ok(())
}

/// The incident of that name, when it exists and the caller may know it; 404 otherwise, without saying which. One that a
/// class hides from some has no place in a crisis.
pub(crate) async fn named(
    edge: &Edge,
    connection: &mut PgConnection,
    caller: Caller<'_>,
    key: &IncidentKey,
) -> Result<IncidentSnapshot, Problem> {
    let incident = store::incident_named(connection, key).await?;
    let incident = incident.filter(|incident| caller.follows(incident, &edge.city));
    let incident = incident.ok_or_else(|| Problem::not_found("Événement"))?;
    let class = edge.city.doctrine.class_of(&incident.kind);
    if class.is_some_and(Class::withholds) { Err(withheld()) } else { Ok(incident) }
}

async fn link(tx: &mut PgConnection, crisis: CrisisId, incident: IncidentId) -> Result<(), Problem> {
    if store::link(tx, crisis, incident).await? { Ok(()) } else { Err(other_crisis()) }
}
