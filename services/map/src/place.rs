//! `GET /api/v1/territory/place`: the place of a position, as `vigie locate` says it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use vigie_domain::territory::{LonLat, Survey, Territory};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems},
};
use vigie_proto::SectorId;

use crate::Edge;

/// Farthest one may look around, metres.
const FARTHEST_M: f64 = 5_000.0;

/// The place of a position, and what lies around it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PlaceView {
    /// The one sector or commune that has the position.
    pub sector: SectorId,
    /// French name of the sector or commune.
    pub label: String,
    /// 1 to 20; null outside Paris.
    pub arrondissement: Option<u8>,
    /// 1 to 80; null outside Paris.
    pub quartier: Option<u8>,
    /// French name of the quartier or commune.
    pub name: String,
    /// INSEE code, 75056 for Paris.
    pub commune: String,
    /// The owner, then every other sector within the accuracy of the position, nearest first.
    pub concerned: Vec<SectorId>,
    /// The other sectors within reach, nearest first.
    pub neighbours: Vec<NeighbourView>,
    /// The schools within reach, nearest first.
    pub schools: Vec<SchoolNear>,
    /// Version of the territory that says so.
    pub territory: String,
}

/// A sector or commune near a position.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct NeighbourView {
    pub sector: SectorId,
    pub label: String,
    /// Metres to its border, to a tenth.
    pub distance_m: f64,
}

/// A school near a position.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SchoolNear {
    pub id: String,
    pub name: String,
    /// Metres, to a tenth.
    pub distance_m: f64,
}

impl PlaceView {
    pub fn of(territory: &Territory, survey: &Survey<'_>) -> Self {
        let place = &survey.place;
        let tenth = |metres: f64| (metres * 10.0).round() / 10.0;
        let label = |id: &SectorId| territory.sector(id).map_or_else(|| id.to_string(), |sector| sector.label.clone());
        Self {
            sector: survey.owner.clone(),
            label: territory.sector_of(place).label.clone(),
            arrondissement: place.arrondissement,
            quartier: place.quartier,
            name: territory.name_of(place).to_owned(),
            commune: format!("{:05}", place.commune),
            concerned: survey.concerned.clone(),
            neighbours: survey
                .neighbours
                .iter()
                .map(|(id, metres)| NeighbourView { sector: id.clone(), label: label(id), distance_m: tenth(*metres) })
                .collect(),
            schools: survey
                .schools
                .iter()
                .map(|(school, metres)| SchoolNear {
                    id: school.id.clone(),
                    name: school.name.clone(),
                    distance_m: tenth(*metres),
                })
                .collect(),
            territory: territory.hash().to_owned(),
        }
    }
}

/// A position, and how far to look around it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Degrees, WGS84.
    lon: f64,
    lat: f64,
    /// Metres within which the position is known; every sector that close is concerned. Up to 5,000.
    #[serde(default)]
    #[param(default = 0.0)]
    accuracy_m: f64,
    /// Metres within which neighbours and schools are listed. Up to 5,000.
    #[serde(default = "within_reach")]
    #[param(default = 500.0)]
    reach_m: f64,
}

fn within_reach() -> f64 {
    500.0
}

/// The sector of a position by the exact borders, and what lies around it; 422 for one outside the territory.
#[utoipa::path(
    get, path = "/api/v1/territory/place", tag = "territory", operation_id = "territory_place", params(Asked),
    responses(
        (status = 200, description = "The place", body = PlaceView),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn locate(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<PlaceView>, Problem> {
    edge.caller(&presented)?;
    let Query(Asked { lon, lat, accuracy_m, reach_m }) = asked?;
    for (field, metres) in [("accuracy_m", accuracy_m), ("reach_m", reach_m)] {
        if !(0.0..=FARTHEST_M).contains(&metres) {
            return Err(Problem::invalid(field, format!("Des mètres, de 0 à {FARTHEST_M}.")));
        }
    }
    let territory = &edge.city.territory;
    let survey = territory.survey(LonLat::new(lon, lat), accuracy_m, reach_m);
    survey.map(|survey| Json(PlaceView::of(territory, &survey))).map_err(|e| Problem::invalid("lon", e.in_french()))
}
