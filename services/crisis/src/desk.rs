//! Who is calling, which crises they see, and the one way an order becomes a change.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::FromRef,
    http::{HeaderMap, StatusCode},
};
use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;
use vigie_domain::{
    access::Caller,
    city::{City, InForce},
    crisis::{Crisis, Moment, Refused, concerns, exercise::Play, exercise::Script},
    directory::Sight,
};
use vigie_platform::{
    Context, ids,
    problem::{Fault, Problem},
};
use vigie_proto::{
    CrisisId, CrisisRegime, IncidentId, Nature, SectorId,
    crisis::CrisisSnapshot,
    event::{Actor, IncidentSnapshot, Through},
};

use crate::{
    carry::Carrier,
    moment,
    order::{Giver, NotDone, Order},
    store,
};

/// What requests are given from.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) context: Context,
    pub(crate) in_force: InForce,
    pub(crate) pool: PgPool,
    pub(crate) scripts: Arc<BTreeMap<String, Script>>,
    pub(crate) wake: Arc<Notify>,
}

/// What one request works with.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) desk: Desk,
    /// As in force when the request came.
    pub(crate) city: Arc<City>,
    pub(crate) now: Timestamp,
}

impl FromRef<Desk> for Arc<Edge> {
    fn from_ref(desk: &Desk) -> Self {
        Self::new(Edge { city: desk.in_force.get(), now: desk.context.clock.now(), desk: desk.clone() })
    }
}

/// What opens a crisis.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) regime: CrisisRegime,
    /// From this incident, or directly in `sector`.
    pub(crate) incident: Option<IncidentId>,
    pub(crate) sector: Option<SectorId>,
    /// Read only without an incident, which has its own.
    pub(crate) nature: Nature,
    /// Played from the start.
    pub(crate) script: Option<(String, Script, u32)>,
}

impl Edge {
    /// The caller whose token or session the request carries, when crises are conducted here and it may see any.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller<'_>, Problem> {
        let id = self.desk.context.authenticator.authenticate(headers, self.now).await?;
        let source = self.city.directory.source(&id).ok_or_else(Problem::unauthenticated)?;
        let caller = Caller::of(source, &self.city.directory).ok_or_else(Problem::unauthenticated)?;
        match caller.role.sees {
            Sight::Everything | Sight::Sector => Ok(caller),
            Sight::Nothing | Sight::OwnSignals => Err(not_yours(&[], &self.city)),
        }
    }

    pub(crate) fn moment(&self) -> Result<Moment<'_>, Problem> {
        moment(&self.city, &self.desk.context.config, self.now).ok_or_else(|| {
            Problem::new(StatusCode::CONFLICT, "no-crisis-rules", "Aucune règle de crise en vigueur")
                .detail("La doctrine en vigueur ne dit pas comment une crise se conduit.")
        })
    }

    /// A crisis the caller may know; 404 otherwise, without saying which.
    pub(crate) async fn see(&self, caller: Caller<'_>, id: CrisisId) -> Result<Crisis, Problem> {
        let crisis = store::read(&mut *self.connection().await?, id).await.map_err(stored)?;
        crisis.filter(|crisis| sees(caller, &crisis.snapshot)).ok_or_else(|| Problem::not_found("Crise"))
    }

    pub(crate) async fn connection(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, Problem> {
        self.desk.pool.acquire().await.map_err(stored)
    }

    /// Opens a crisis and returns it.
    pub(crate) async fn open(&self, caller: Caller<'_>, opening: Opening) -> Result<Crisis, Problem> {
        let (at, actor) = (self.moment()?, actor(caller));
        let mut tx = self.desk.pool.begin().await.map_err(stored)?;
        let incident = match opening.incident {
            Some(id) => Some(self.visible(&mut tx, caller, id).await?.ok_or_else(|| Problem::not_found("Événement"))?),
            None => None,
        };
        let sectors = match (&incident, opening.sector) {
            (Some(incident), _) => vigie_domain::crisis::sectors_of(incident),
            (None, Some(sector)) if self.city.territory.sector(&sector).is_some() => vec![sector],
            (None, _) => return Err(invalid("sector", "Donnez un événement, ou le secteur où la crise commence.")),
        };
        let number = store::next_number(&mut tx).await.map_err(stored)?;
        let snapshot = CrisisSnapshot {
            id: CrisisId(ids::fresh()),
            reference: format!("C-{}-{number:06}", self.now.strftime("%Y")),
            regime: opening.regime,
            nature: incident.as_ref().map_or(opening.nature, |incident| incident.nature),
            closed: false,
            sector: sectors[0].clone(),
            sectors,
            opened_at: self.now,
        };
        let opened = Crisis::open(snapshot, incident.as_ref(), &actor, at);
        let (mut crisis, mut effects) = opened.map_err(|refused| self.refused(&refused))?;
        if let Some((name, script, speed)) = opening.script {
            let play = Play::start(&name, script, speed, &actor, self.now);
            effects.extend(crisis.play(play, &actor, at).map_err(|refused| self.refused(&refused))?);
        }
        let entries = Carrier::new(&self.city, at, Some(&actor)).carry_out(&mut tx, &crisis, effects).await;
        let entries = entries.map_err(stored)?;
        for incident in &crisis.incidents {
            self.link(&mut tx, crisis.snapshot.id, *incident).await?;
        }
        tx.commit().await.map_err(stored)?;
        self.desk.context.fresh.push(entries);
        self.desk.wake.notify_one();
        Ok(crisis)
    }

    /// Follows an order in one transaction and returns the crisis as it is then; nothing changes on an error.
    pub(crate) async fn follow(&self, caller: Caller<'_>, id: CrisisId, order: Order) -> Result<Crisis, Problem> {
        let (at, actor) = (self.moment()?, actor(caller));
        let mut tx = self.desk.pool.begin().await.map_err(stored)?;
        let crisis = store::lock(&mut tx, id).await.map_err(stored)?;
        let mut crisis =
            crisis.filter(|crisis| sees(caller, &crisis.snapshot)).ok_or_else(|| Problem::not_found("Crise"))?;
        let incident = match order.incident(&crisis) {
            Some(id) => Some(self.visible(&mut tx, caller, id).await?.ok_or_else(|| Problem::not_found("Événement"))?),
            None => None,
        };
        let linked = matches!(order, Order::Link { .. }).then(|| incident.as_ref().map(|i| i.id)).flatten();
        let giver = Giver { caller, actor: &actor, city: &self.city, at };
        let done = order.apply(&mut crisis, incident.as_ref(), giver).map_err(|why| match why {
            NotDone::Refused(refused) => self.refused(&refused),
            NotDone::Faults(faults) => faulty(faults),
        })?;
        if let Some(incident) = linked {
            self.link(&mut tx, id, incident).await?;
        }
        if let Some((about, text)) = &done.words {
            let body = caller.source.body.as_str();
            store::write(&mut tx, id, about, text, body, self.now).await.map_err(stored)?;
        }
        let carrier = Carrier::new(&self.city, at, Some(&actor));
        let entries = carrier.carry_out(&mut tx, &crisis, done.effects).await.map_err(stored)?;
        tx.commit().await.map_err(stored)?;
        self.desk.context.fresh.push(entries);
        self.desk.wake.notify_one();
        Ok(crisis)
    }

    /// The incident, when it exists and the caller may know it.
    pub(crate) async fn visible(
        &self,
        connection: &mut PgConnection,
        caller: Caller<'_>,
        id: IncidentId,
    ) -> Result<Option<IncidentSnapshot>, Problem> {
        let incident = store::incident(connection, id).await.map_err(stored)?;
        Ok(incident.filter(|incident| caller.sees(incident, false)))
    }

    async fn link(&self, tx: &mut PgConnection, crisis: CrisisId, incident: IncidentId) -> Result<(), Problem> {
        if store::link(tx, crisis, incident).await.map_err(stored)? {
            return Ok(());
        }
        Err(Problem::new(StatusCode::CONFLICT, "other-crisis", "Événement déjà rattaché")
            .detail("Cet événement est rattaché à une autre crise."))
    }

    fn refused(&self, refused: &Refused) -> Problem {
        let conflict = |code, detail: &str| Problem::new(StatusCode::CONFLICT, code, "Acte sans effet").detail(detail);
        match refused {
            Refused::NotYours { who } => not_yours(who, &self.city),
            Refused::Unknown("incident") => Problem::not_found("Événement"),
            Refused::Unknown(what) => {
                invalid(what, "Valeur inconnue de la doctrine ou de cette crise : relisez la crise.")
            }
            Refused::Closed => conflict("closed", "La crise est close."),
            Refused::NotNow => conflict("not-now", "Ce n'est pas possible à ce stade : relisez la crise."),
            Refused::Unchanged => conflict("unchanged", "Il en est déjà ainsi."),
            Refused::NotLinked => conflict("not-linked", "Rattachez d'abord l'événement à la crise."),
            Refused::OtherNature => conflict("other-nature", "Réel et exercice ne se mélangent pas."),
            Refused::Missing(what) => {
                let faults = what.iter().map(|what| Fault::new("", what.clone())).collect();
                conflict("missing", "Il manque encore quelque chose.").faults(faults)
            }
        }
    }
}

/// Whether the caller knows of a crisis.
pub(crate) fn sees(caller: Caller<'_>, crisis: &CrisisSnapshot) -> bool {
    match caller.role.sees {
        Sight::Everything => true,
        Sight::Sector => caller.sector().is_some_and(|sector| concerns(crisis, sector)),
        Sight::Nothing | Sight::OwnSignals => false,
    }
}

pub(crate) fn actor(caller: Caller<'_>) -> Actor {
    Actor { body: caller.source.body.clone(), role: caller.source.role.clone(), through: Through::Api }
}

pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Problem {
    faulty(vec![Fault::new(field, message)])
}

fn faulty(faults: Vec<Fault>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Champs à corriger").faults(faults)
}

fn not_yours(who: &[vigie_proto::RoleId], city: &City) -> Problem {
    let labels: Vec<&str> = who.iter().map(|role| city.directory.role_label(role)).collect();
    let detail = if labels.is_empty() {
        "Votre fonction ne permet pas cet acte.".to_owned()
    } else {
        format!("Cet acte revient à : {}.", labels.join(", "))
    };
    Problem::new(StatusCode::FORBIDDEN, "not-allowed", "Acte non autorisé").detail(detail)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
pub(crate) fn stored(error: sqlx::Error) -> Problem {
    Problem::from_store(&error)
}
