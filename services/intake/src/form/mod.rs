//! The head's form: plain pages, phone first, no script needed.

pub(crate) mod answers;
mod chart;
pub(crate) mod follow;
pub(crate) mod own;
pub(crate) mod page;
pub(crate) mod submit;

use axum::{
    extract::RawQuery,
    http::HeaderMap,
    response::{Redirect, Response},
};
use vigie_edge::page::asset;

/// `GET /assets/signaler.js`
pub(crate) async fn script(headers: HeaderMap) -> Response {
    asset(&headers, "text/javascript; charset=utf-8", include_bytes!("../../assets/signaler.js"))
}

/// `GET /assets/suivi.js`: keeps a page of what became of signals fresh.
pub(crate) async fn fresh_script(headers: HeaderMap) -> Response {
    asset(&headers, "text/javascript; charset=utf-8", include_bytes!("../../assets/suivi.js"))
}

/// Links of before sessions served every page: they open where sessions are opened now.
pub(crate) async fn opened_elsewhere(RawQuery(query): RawQuery) -> Redirect {
    Redirect::permanent(&format!("/ouvrir?{}", query.unwrap_or_default()))
}
