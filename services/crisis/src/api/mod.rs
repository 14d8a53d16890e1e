//! `/api/v1/crises`: opened, read, and acted on with one [`Order`] at a time.

pub(crate) mod exercises;
pub(crate) mod retex;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::Deserialize;
use vigie_domain::{access::Caller, crisis::Crisis};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems, WriteProblems},
};
use vigie_proto::{CrisisId, CrisisRegime, Nature, SectorId};

use crate::{
    conduct::{self, Opening},
    desk::{self, Edge},
    key::IncidentKey,
    order::Order,
    store,
    view::{CrisisView, Light},
};

/// Opens a crisis, from an incident or directly in a sector.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpeningBody {
    /// `local`, `city` or `national`.
    regime: CrisisRegime,
    /// By its identifier or its reference.
    #[schema(value_type = Option<String>, example = "R-2026-000123")]
    incident: Option<IncidentKey>,
    sector: Option<SectorId>,
    /// Without an incident, which has its own nature.
    #[serde(default)]
    exercise: bool,
}

/// Asks for a resource where an incident is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MobilisationBody {
    /// As the doctrine declares it.
    resource: String,
}

/// The crises the caller may see, newest first.
#[utoipa::path(
    get, path = "/api/v1/crises", operation_id = "crises_list", tag = "crises", security(("token" = [])),
    responses((status = 200, description = "At most 100", body = Vec<CrisisView>), ReadProblems)
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
) -> Result<Json<Vec<CrisisView>>, Problem> {
    let caller = desk::caller(&edge, &presented)?;
    let sector = caller.sector().map(SectorId::as_str);
    let mut crises = store::list(&mut *edge.pool.acquire().await?, sector).await?;
    crises.retain(|crisis| caller.sees_crisis(&crisis.snapshot));
    Ok(Json(views(&edge, caller, &crises).await?))
}

/// Open a crisis.
#[utoipa::path(
    post, path = "/api/v1/crises", operation_id = "crises_open", tag = "crises", security(("token" = [])), request_body = OpeningBody,
    responses((status = 201, description = "Opened", body = CrisisView), WriteProblems)
)]
pub(crate) async fn open(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    body: Result<Json<OpeningBody>, JsonRejection>,
) -> Result<(StatusCode, Json<CrisisView>), Problem> {
    let caller = desk::caller(&edge, &presented)?;
    let Json(OpeningBody { regime, incident, sector, exercise }) = body?;
    let nature = if exercise { Nature::Exercise } else { Nature::Real };
    if incident.is_some() && exercise {
        return Err(Problem::invalid("exercise", "Un événement a sa nature : ne la donnez que sans événement."));
    }
    let crisis = conduct::open(&edge, caller, Opening { regime, incident, sector, nature, script: None }).await?;
    Ok((StatusCode::CREATED, Json(view(&edge, caller, &crisis).await?)))
}

/// One crisis.
#[utoipa::path(
    get, path = "/api/v1/crises/{id}", operation_id = "crises_read", tag = "crises", params(("id" = CrisisId, Path)),
    security(("token" = [])),
    responses((status = 200, description = "As it stands", body = CrisisView), ReadProblems)
)]
pub(crate) async fn one(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Json<CrisisView>, Problem> {
    let caller = desk::caller(&edge, &presented)?;
    let crisis = desk::see(&edge, caller, parse_id(&id)?).await?;
    Ok(Json(view(&edge, caller, &crisis).await?))
}

/// Act on a crisis; answers with the crisis as it is then.
#[utoipa::path(
    post, path = "/api/v1/crises/{id}/acts", operation_id = "crises_act", tag = "crises",
    params(("id" = CrisisId, Path)), security(("token" = [])),
    request_body = Order,
    responses((status = 200, description = "Done", body = CrisisView), WriteProblems)
)]
pub(crate) async fn act(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<Order>, JsonRejection>,
) -> Result<Json<CrisisView>, Problem> {
    let caller = desk::caller(&edge, &presented)?;
    let id = parse_id(&id)?;
    desk::see(&edge, caller, id).await?;
    let crisis = conduct::follow(&edge, caller, id, body?.0).await?;
    Ok(Json(view(&edge, caller, &crisis).await?))
}

/// Ask for a resource where an incident is: in the crisis the incident belongs to.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/mobilisations", operation_id = "crises_mobilise", tag = "crises",
    params(("id" = String, Path, description = "Identifier or reference of the incident")),
    security(("token" = [])), request_body = MobilisationBody,
    responses((status = 200, description = "Asked", body = CrisisView), WriteProblems)
)]
pub(crate) async fn mobilise(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Result<Json<MobilisationBody>, JsonRejection>,
) -> Result<Json<CrisisView>, Problem> {
    let caller = desk::caller(&edge, &presented)?;
    let missing = || Problem::not_found("Événement");
    let key = IncidentKey::try_from(id).map_err(|_| missing())?;
    let crisis = {
        let mut connection = edge.pool.acquire().await?;
        let incident = conduct::named(&edge, &mut connection, caller, &key).await?;
        store::crisis_of(&mut connection, incident.id).await?
    };
    let crisis = crisis.ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "no-crisis", "Aucune crise pour cet événement")
            .detail("Un moyen se demande dans une crise : demandez à la salle de commandement d'en ouvrir une.")
    })?;
    let Json(MobilisationBody { resource }) = body?;
    let crisis = conduct::follow(&edge, caller, crisis, Order::Request { resource, incident: Some(key) }).await?;
    Ok(Json(view(&edge, caller, &crisis).await?))
}

/// A crisis as `caller` reads it.
pub(crate) async fn view(edge: &Edge, caller: Caller<'_>, crisis: &Crisis) -> Result<CrisisView, Problem> {
    let views = views(edge, caller, std::slice::from_ref(crisis)).await?;
    views.into_iter().next().ok_or_else(Problem::unavailable)
}

/// Crises as `caller` reads them: as many statements for a hundred as for one.
async fn views(edge: &Edge, caller: Caller<'_>, crises: &[Crisis]) -> Result<Vec<CrisisView>, Problem> {
    let mut connection = edge.pool.acquire().await?;
    let natures: BTreeSet<Nature> = crises.iter().map(|crisis| crisis.snapshot.nature).collect();
    let mut engaged = BTreeMap::new();
    for nature in natures {
        engaged.insert(nature, store::engaged(&mut connection, nature).await?);
    }
    let ids: Vec<CrisisId> = crises.iter().map(|crisis| crisis.snapshot.id).collect();
    let (words, none) = (store::words(&mut connection, &ids).await?, BTreeMap::new());
    let of = |crisis: &Crisis| {
        let (engaged, words) = (&engaged[&crisis.snapshot.nature], words.get(&crisis.snapshot.id).unwrap_or(&none));
        let light = Light { city: &edge.city, at: desk::moment(edge)?, caller, engaged, words };
        Ok(CrisisView::of(crisis, light))
    };
    crises.iter().map(of).collect()
}

pub(crate) fn parse_id(id: &str) -> Result<CrisisId, Problem> {
    id.parse().map_err(|_| Problem::not_found("Crise"))
}
