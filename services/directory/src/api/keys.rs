//! `/api/v1/sessions` and `/api/v1/tokens`: what sources come in by, listed and ended one by one.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vigie_domain::{access::Caller, directory::Permission};
use vigie_edge::{
    credential::Presented,
    porter::Client,
    problem::{Problem, ReadProblems, WriteProblems},
};
use vigie_proto::SourceId;

use super::Edge;
use crate::credential::{self, Doing, Key, Whose};

/// Whose keys to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// A source, or `all`; for whoever administers. One's own when absent.
    source: Option<String>,
}

/// What one comes in by.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct KeysView {
    /// Latest first.
    keys: Vec<Key>,
}

/// The sessions of browsers that are open.
#[utoipa::path(
    get, path = "/api/v1/sessions", operation_id = "session_list", tag = "keys", params(Asked),
    responses((status = 200, description = "In force, latest first", body = KeysView), ReadProblems),
    security(("token" = []))
)]
pub(crate) async fn sessions(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<KeysView>, Problem> {
    let caller = edge.caller(&presented)?;
    let source = listed(caller, asked)?;
    let mut connection = edge.pool.acquire().await?;
    let keys = credential::sessions(&mut connection, whose(source.as_ref()), edge.context.clock.now()).await;
    Ok(Json(KeysView { keys: keys? }))
}

/// The tokens that are in force.
#[utoipa::path(
    get, path = "/api/v1/tokens", operation_id = "token_list", tag = "keys", params(Asked),
    responses((status = 200, description = "In force, latest first", body = KeysView), ReadProblems),
    security(("token" = []))
)]
pub(crate) async fn tokens(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<KeysView>, Problem> {
    let caller = edge.caller(&presented)?;
    let source = listed(caller, asked)?;
    let mut connection = edge.pool.acquire().await?;
    let keys = credential::tokens(&mut connection, whose(source.as_ref()), edge.context.clock.now()).await;
    Ok(Json(KeysView { keys: keys? }))
}

/// End a session: one's own, or any for whoever administers. Its open streams end within ten seconds.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", operation_id = "session_end", tag = "keys", params(("id" = Uuid, Path)),
    responses((status = 204, description = "It opens nothing any more, within ten seconds everywhere"), WriteProblems),
    security(("token" = []))
)]
pub(crate) async fn end_session(
    State(edge): State<Arc<Edge>>,
    Extension(client): Extension<Client>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = edge.caller(&presented)?;
    let id = parsed(&id, "Session")?;
    let (own, doing) = (ended(caller), doing(&edge, caller, client));
    let gone = credential::end_session(&edge.pool, id, whose(own.as_ref()), doing).await?;
    edge.authenticator.forget_id(id);
    gone.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Problem::not_found("Session"))
}

/// End a token: one's own, or any for whoever administers. Its open streams end within ten seconds.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", operation_id = "token_end", tag = "keys", params(("id" = Uuid, Path)),
    responses((status = 204, description = "It opens nothing any more, within ten seconds everywhere"), WriteProblems),
    security(("token" = []))
)]
pub(crate) async fn end_token(
    State(edge): State<Arc<Edge>>,
    Extension(client): Extension<Client>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = edge.caller(&presented)?;
    let id = parsed(&id, "Jeton")?;
    let (own, doing) = (ended(caller), doing(&edge, caller, client));
    let gone = credential::end_token(&edge.pool, id, whose(own.as_ref()), doing).await?;
    edge.authenticator.forget_id(id);
    gone.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Problem::not_found("Jeton"))
}

/// The source whose keys are listed; none for everybody's.
fn listed(caller: Caller<'_>, asked: Result<Query<Asked>, QueryRejection>) -> Result<Option<SourceId>, Problem> {
    let Query(Asked { source }) = asked?;
    let own = &caller.source.id;
    let Some(source) = source.filter(|source| source != own.as_str()) else { return Ok(Some(own.clone())) };
    if !caller.may(Permission::Administer) {
        return Err(Problem::not_allowed());
    }
    if source == "all" {
        return Ok(None);
    }
    SourceId::new(source).map(Some).map_err(|_| Problem::invalid("source", "Ce n'est pas l'identifiant d'une source."))
}

/// The source whose keys this caller may end; none when it may end everybody's.
fn ended(caller: Caller<'_>) -> Option<SourceId> {
    (!caller.may(Permission::Administer)).then(|| caller.source.id.clone())
}

fn whose(source: Option<&SourceId>) -> Whose<'_> {
    source.map_or(Whose::Everybody, Whose::Of)
}

fn doing<'a>(edge: &Edge, caller: Caller<'a>, client: Client) -> Doing<'a> {
    Doing { by: Some(&caller.source.id), from: Some(client.0), now: edge.context.clock.now() }
}

fn parsed(id: &str, what: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| Problem::not_found(what))
}
