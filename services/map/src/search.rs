//! `GET /api/v1/territory/search`: the places that a text names, as `vigie territory search` says them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use vigie_domain::{
    admission,
    territory::{Fit, Found, LonLat, PlaceKind, TYPED_M, Territory, Understood},
};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems},
};
use vigie_proto::{SectorId, Uai};

use crate::Edge;

/// Longest text that is searched for, characters.
const LONGEST: usize = 200;
/// Most answers, and how many there are when nobody says.
const MOST: u8 = 20;
const USUAL: u8 = 5;

/// The places that a text names.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SearchView {
    /// The best first.
    pub places: Vec<FoundView>,
    /// Why there is none, in French.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Version of the territory that says so.
    pub territory: String,
}

/// A place that a text names.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FoundView {
    pub kind: PlaceKind,
    /// `20 rue de Crimée`
    pub label: String,
    /// French: what tells it from another of that name.
    pub detail: String,
    /// Degrees, WGS84.
    pub lon: f64,
    pub lat: f64,
    /// Metres around the position within which the place is.
    pub accuracy_m: f64,
    /// The school that it is, or that has this address.
    pub school: Option<Uai>,
    pub sector: SectorId,
    pub fit: Fit,
    /// Nothing else answers as well. At most the first is.
    pub certain: bool,
}

impl FoundView {
    fn of(found: Found) -> Self {
        let Found { kind, label, detail, at, accuracy_m, school, sector, fit, certain } = found;
        Self { kind, label, detail, lon: at.lon, lat: at.lat, accuracy_m, school, sector, fit, certain }
    }

    /// Coordinates somebody wrote, under the name of what is there.
    fn of_point(territory: &Territory, at: LonLat) -> Option<Self> {
        let named = territory.named(at).ok()?;
        Some(Self {
            kind: PlaceKind::Address,
            label: format!("{:.5}, {:.5}", at.lat, at.lon),
            detail: named.label(vigie_domain::territory::Level::Exact),
            lon: at.lon,
            lat: at.lat,
            accuracy_m: TYPED_M,
            school: None,
            sector: named.sector.id.clone(),
            fit: Fit::Exact,
            certain: true,
        })
    }
}

/// What is searched for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// An address, a street, a school, a station, a mairie, a quartier, a sector, or latitude and longitude. At most 200
    /// characters. Accents, case, articles and order do not matter; a letter or two may be wrong, the last word unfinished.
    q: String,
    /// 1 to 20 places.
    #[serde(default = "usual")]
    #[param(default = 5, minimum = 1, maximum = 20)]
    limit: u8,
    /// Degrees, WGS84: among equals, those nearer to there come first.
    lon: Option<f64>,
    lat: Option<f64>,
}

fn usual() -> u8 {
    USUAL
}

/// The places that a text names, the best first; an empty list when it names none. Nothing is asked of anybody outside.
#[utoipa::path(
    get, path = "/api/v1/territory/search", tag = "territory", operation_id = "territory_search", params(Asked),
    responses(
        (status = 200, description = "The places", body = SearchView),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn search(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<SearchView>, Problem> {
    edge.caller(&presented)?;
    let Query(Asked { q, limit, lon, lat }) = asked?;
    if q.chars().count() > LONGEST {
        return Err(Problem::invalid("q", format!("{LONGEST} caractères au plus.")));
    }
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid("limit", format!("De 1 à {MOST} lieux.")));
    }
    let near = match (lon, lat) {
        (Some(lon), Some(lat)) => Some(LonLat::new(lon, lat)),
        (None, None) => None,
        _ => return Err(Problem::invalid("lon", "lon et lat vont ensemble.")),
    };
    let territory = &edge.city.territory;
    let understood = territory.understand(&q, near);
    let fault = match &understood {
        Understood::Nowhere(_) | Understood::Unknown => admission::not_understood(&understood),
        Understood::Point(_) | Understood::Place(_) | Understood::Unclear(_) => None,
    };
    let places = match understood {
        Understood::Point(at) => FoundView::of_point(territory, at).into_iter().collect(),
        Understood::Nowhere(_) | Understood::Unknown => Vec::new(),
        Understood::Place(_) | Understood::Unclear(_) => {
            territory.search(&q, near, usize::from(limit)).into_iter().map(FoundView::of).collect()
        }
    };
    Ok(Json(SearchView { places, fault, territory: territory.hash().to_owned() }))
}
