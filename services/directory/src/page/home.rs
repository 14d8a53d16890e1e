//! `/`: the desks of whoever has a session; a single one opens at once.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use vigie_domain::access::Caller;
use vigie_platform::page::Frame;

use super::{render, said};
use crate::api::Edge;

#[derive(Debug, Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, headers: HeaderMap) -> Response {
    let visitor = match edge.context.authenticator.visitor(&headers, edge.context.clock.now()).await {
        Ok(visitor) => visitor,
        Err(problem) => return problem.into_response(),
    };
    let source = visitor.and_then(|id| edge.city.directory.source(&id));
    let Some(caller) = source.and_then(|source| Caller::of(source, &edge.city.directory)) else {
        return said(
            StatusCode::UNAUTHORIZED,
            "Ouvrez votre lien personnel",
            "Vigie s'ouvre avec le lien personnel qui vous a été remis. S'il a déjà servi sur un autre appareil, demandez-en un nouveau à la SCOP.",
        );
    };
    match caller.desks().as_slice() {
        [desk] => Redirect::to(&desk.path).into_response(),
        desks => {
            let links = desks.iter().map(|desk| (desk.path.clone(), desk.label.to_owned()));
            render(StatusCode::OK, &HomePage { frame: Frame::new(&caller.source.name, links, "/") })
        }
    }
}
