//! Scripts and the stylesheet of the operators' pages, part of the program.

use axum::{
    extract::Path,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use vigie_edge::{page::asset, problem::Problem};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// `GET /assets/console/{file}`
pub(crate) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let (content_type, content): (_, &[u8]) = match file.as_str() {
        "console.css" => (STYLE, include_bytes!("../../assets/console.css")),
        "board.js" => (SCRIPT, include_bytes!("../../assets/board.js")),
        "parts.js" => (SCRIPT, include_bytes!("../../assets/parts.js")),
        "board-map.js" => (SCRIPT, include_bytes!("../../assets/board-map.js")),
        "incident-map.js" => (SCRIPT, include_bytes!("../../assets/incident-map.js")),
        "send.js" => (SCRIPT, include_bytes!("../../assets/send.js")),
        "rows.js" => (SCRIPT, include_bytes!("../../assets/rows.js")),
        "live.js" => (SCRIPT, include_bytes!("../../assets/live.js")),
        "siren.js" => (SCRIPT, include_bytes!("../../assets/siren.js")),
        "keys.js" => (SCRIPT, include_bytes!("../../assets/keys.js")),
        _ => return Problem::not_found("Page").into_response(),
    };
    asset(&headers, content_type, content)
}
