//! `/api/v1/directory/drills`: is everybody reachable?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vigie_domain::directory::Permission;
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems, WriteProblems},
};
use vigie_proto::{Channel, DrillId, SectorId};

use super::Edge;
use crate::drill::{self, DrillReport, Scope};

/// Drills listed, newest first.
const LISTED: i64 = 24;
/// Longest time to answer.
const HOURS_AT_MOST: i64 = 720;

/// Whom to try.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrillBody {
    /// E-mail and SMS when absent.
    #[serde(default)]
    pub(crate) channels: Vec<Channel>,
    /// Everywhere when absent; `city` for the city's own bodies.
    #[serde(default)]
    pub(crate) sectors: Vec<SectorId>,
    /// Hours to answer in, 1 to 720; as configured when absent.
    pub(crate) answer_within_h: Option<i64>,
}

/// A drill that has begun.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OpenedView {
    pub(crate) id: DrillId,
    /// Contact points asked.
    contacts: usize,
}

/// Ask every contact point to answer once.
#[utoipa::path(
    post, path = "/api/v1/directory/drills", operation_id = "drill_open", tag = "directory", request_body = DrillBody,
    responses(
        (status = 201, description = "Begun", body = OpenedView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn open(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    body: Result<Json<DrillBody>, JsonRejection>,
) -> Result<(StatusCode, Json<OpenedView>), Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let Json(body) = body?;
    if body.channels.contains(&Channel::Screen) {
        return Err(Problem::invalid(
            "channels",
            "Un écran est dans la maison : seuls le courriel et le SMS s'essaient.",
        ));
    }
    for sector in &body.sectors {
        if sector.as_str() != "city" && edge.city.territory.sector(sector).is_none() {
            return Err(Problem::invalid("sectors", format!("« {sector} » n'est pas sur la carte.")));
        }
    }
    let hours = body.answer_within_h.unwrap_or(edge.config.answer_within_h);
    if !(1..=HOURS_AT_MOST).contains(&hours) {
        return Err(Problem::invalid("answer_within_h", format!("De 1 à {HOURS_AT_MOST} heures.")));
    }
    let scope = Scope { channels: body.channels, sectors: body.sectors };
    if scope.recipients(&edge.city).is_empty() {
        return Err(Problem::invalid("", "Aucune coordonnée à essayer dans ces secteurs et par ces canaux."));
    }
    let now = edge.context.clock.now();
    let within = SignedDuration::from_hours(hours);
    let by = Some(caller.source.id.as_str());
    let opened = drill::open(&edge.pool, &edge.city, &scope, within, None, by, now).await?;
    let (id, contacts, entries) = opened.ok_or_else(Problem::unavailable)?;
    edge.context.fresh.push(entries);
    Ok((StatusCode::CREATED, Json(OpenedView { id, contacts })))
}

/// How a drill stands: who answered, who cannot be reached, per channel and sector.
#[utoipa::path(
    get, path = "/api/v1/directory/drills/{id}", operation_id = "drill_one", tag = "directory", params(("id" = DrillId, Path)),
    responses(
        (status = 200, description = "The report", body = DrillReport),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn one(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Json<DrillReport>, Problem> {
    edge.allowed(&presented, Permission::Administer)?;
    let missing = || Problem::not_found("Essai");
    let id = DrillId(id.parse::<Uuid>().map_err(|_| missing())?);
    let report = drill::report(&edge.pool, &edge.city, id, edge.context.clock.now()).await?;
    report.map(Json).ok_or_else(missing)
}

/// The last drills, newest first.
#[utoipa::path(
    get, path = "/api/v1/directory/drills", operation_id = "drill_list", tag = "directory",
    responses(
        (status = 200, description = "At most 24", body = Vec<DrillReport>),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
) -> Result<Json<Vec<DrillReport>>, Problem> {
    edge.allowed(&presented, Permission::Administer)?;
    let now = edge.context.clock.now();
    let mut reports = Vec::new();
    for id in drill::list(&edge.pool, LISTED).await? {
        reports.extend(drill::report(&edge.pool, &edge.city, id, now).await?);
    }
    Ok(Json(reports))
}
