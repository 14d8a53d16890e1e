//! `/api/v1/exercises`: the scripts that can be played, and an exercise that plays one.

use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use vigie_domain::crisis::exercise::SPEEDS;
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems, WriteProblems},
};
use vigie_proto::{CrisisRegime, Nature, SectorId};

use super::view;
use crate::{
    conduct::{self, Opening},
    desk::{self, Edge},
    view::CrisisView,
};

/// A script that can be played.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ScriptView {
    name: String,
    /// French.
    title: String,
    sector: SectorId,
    regime: CrisisRegime,
    events: usize,
    /// Minutes at speed 1.
    lasts_min: u32,
}

/// Plays a script.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExerciseBody {
    script: String,
    /// Minutes of the script in a minute, 1 to 600.
    #[serde(default = "real_time")]
    speed: u32,
}

fn real_time() -> u32 {
    1
}

/// The scripts of this city.
#[utoipa::path(
    get, path = "/api/v1/exercises", operation_id = "exercises_list", tag = "crises", security(("token" = [])),
    responses((status = 200, description = "By name", body = Vec<ScriptView>), ReadProblems)
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
) -> Result<Json<Vec<ScriptView>>, Problem> {
    desk::caller(&edge, &presented)?;
    let view = |(name, script): (&String, &vigie_domain::crisis::exercise::Script)| ScriptView {
        name: name.clone(),
        title: script.title.clone(),
        sector: script.sector.clone(),
        regime: script.regime,
        events: script.injects.len(),
        lasts_min: script.injects.last().map_or(0, |last| last.after_min),
    };
    Ok(Json(edge.scripts.iter().map(view).collect()))
}

/// Begin an exercise: a crisis of nature `exercise` whose script plays at once.
#[utoipa::path(
    post, path = "/api/v1/exercises", operation_id = "exercises_start", tag = "crises", security(("token" = [])),
    request_body = ExerciseBody,
    responses((status = 201, description = "Playing", body = CrisisView), WriteProblems)
)]
pub(crate) async fn start(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    body: Result<Json<ExerciseBody>, JsonRejection>,
) -> Result<(StatusCode, Json<CrisisView>), Problem> {
    let caller = desk::caller(&edge, &presented)?;
    let Json(ExerciseBody { script, speed }) = body?;
    let crisis = conduct::open(&edge, caller, opening(&edge, &script, speed)?).await?;
    Ok((StatusCode::CREATED, Json(view(&edge, caller, &crisis).await?)))
}

/// What opens the exercise of a script.
pub(crate) fn opening(edge: &Edge, name: &str, speed: u32) -> Result<Opening, Problem> {
    let Some(script) = edge.scripts.get(name).cloned() else {
        let known: Vec<&str> = edge.scripts.keys().map(String::as_str).collect();
        return Err(Problem::invalid("script", format!("Scénarios connus : {}.", known.join(", "))));
    };
    if !SPEEDS.contains(&speed) {
        return Err(Problem::invalid("speed", format!("De {} à {}.", SPEEDS.start(), SPEEDS.end())));
    }
    Ok(Opening {
        regime: script.regime,
        incident: None,
        sector: Some(script.sector.clone()),
        nature: Nature::Exercise,
        script: Some((name.to_owned(), script, speed)),
    })
}
