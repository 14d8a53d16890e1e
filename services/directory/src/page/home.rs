//! `/`: the desks of whoever has a session; a single one opens at once.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};

use crate::api::Edge;

#[derive(Debug, Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, presented: Presented) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    Ok(match caller.desks().as_slice() {
        [desk] => Redirect::to(&desk.path).into_response(),
        _ => render(StatusCode::OK, &HomePage { frame: Frame::of(caller, "/") }),
    })
}
