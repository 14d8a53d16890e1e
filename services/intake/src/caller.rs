//! Who is calling the API.

use axum::http::HeaderMap;
use jiff::Timestamp;
use vigie_domain::directory::Source;
use vigie_platform::problem::Problem;

use crate::Edge;

/// The source whose bearer token the request carries.
pub(crate) async fn authenticate<'a>(
    edge: &'a Edge,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<&'a Source, Problem> {
    let id = edge.context.authenticator.authenticate(headers, now).await?;
    edge.city.directory.source(&id).ok_or_else(Problem::unauthenticated)
}
