//! Script and stylesheet of the crisis pages, part of the program.

use axum::{
    extract::Path,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use vigie_edge::{page::asset, problem::Problem};

/// `GET /assets/crisis/{file}`
pub(crate) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let (content_type, content): (_, &[u8]) = match file.as_str() {
        "crisis.css" => ("text/css; charset=utf-8", include_bytes!("../../assets/crisis.css")),
        "crisis.js" => ("text/javascript; charset=utf-8", include_bytes!("../../assets/crisis.js")),
        _ => return Problem::not_found("Page").into_response(),
    };
    asset(&headers, content_type, content)
}
