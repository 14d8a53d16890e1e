//! Files of the library, compressed when the program was built, and scripts and a stylesheet of our own.

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use vigie_edge::{
    page::{asset, tagged},
    problem::Problem,
};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file of the library.
struct Packed {
    name: &'static str,
    content_type: &'static str,
    /// Changes with the content.
    tag: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// `GET /assets/map/{file}`
pub(crate) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let (content_type, content): (_, &[u8]) = match file.as_str() {
        "map.css" => (STYLE, include_bytes!("../assets/map.css")),
        "map.js" => (SCRIPT, include_bytes!("../assets/map.js")),
        "look.js" => (SCRIPT, include_bytes!("../assets/look.js")),
        "place.js" => (SCRIPT, include_bytes!("../assets/place.js")),
        "search.js" => (SCRIPT, include_bytes!("../assets/search.js")),
        "point.js" => (SCRIPT, include_bytes!("../assets/point.js")),
        "territory.js" => (SCRIPT, include_bytes!("../assets/territory.js")),
        other => match LIBRARY.iter().find(|packed| packed.name == other) {
            Some(packed) => return packed.answer(&headers),
            None => return Problem::not_found("Page").into_response(),
        },
    };
    asset(&headers, content_type, content)
}

impl Packed {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let mut response = if accepts_gzip(headers) {
            let mut response = tagged(headers, &format!("{}-gz", self.tag), self.content_type, self.gzip);
            if response.headers().contains_key(header::CONTENT_TYPE) {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        } else {
            tagged(headers, self.tag, self.content_type, self.plain)
        };
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }
}

/// RFC 9110, section 12.5.3: named, or meant by `*`, and not of quality zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)));
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::http::StatusCode;

    use super::*;

    fn accepting(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_to_whoever_accepts_it() {
        for yes in ["gzip", "br, gzip;q=0.5", "GZIP", "*"] {
            assert!(accepts_gzip(&accepting(yes)), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "identity, gzip; q=0.0"] {
            assert!(!accepts_gzip(&accepting(no)), "{no}");
        }
    }

    #[tokio::test]
    async fn the_library_is_there_and_asked_for_again_only_when_it_changed() {
        for packed in LIBRARY {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(packed.gzip).read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == packed.plain, "{} is not what was compressed", packed.name);
            let first = serve(Path(packed.name.to_owned()), accepting("gzip")).await;
            assert_eq!(first.headers()[header::CONTENT_ENCODING], "gzip");
            let mut again = accepting("gzip");
            again.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
            let again = serve(Path(packed.name.to_owned()), again).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(again.headers().get(header::CONTENT_ENCODING), None);
            let plain = serve(Path(packed.name.to_owned()), HeaderMap::new()).await;
            assert_ne!(plain.headers()[header::ETAG], first.headers()[header::ETAG], "another representation");
        }
        let worker = LIBRARY.iter().find(|packed| packed.name == "maplibre-gl-worker.mjs").unwrap();
        assert!(worker.gzip.len() < 200_000, "{} bytes", worker.gzip.len());
        let licences = LIBRARY.iter().find(|packed| packed.name == "licences.txt").unwrap();
        let licences = std::str::from_utf8(licences.plain).unwrap();
        for holder in ["=== maplibre-gl", "MapLibre contributors", "=== earcut"] {
            assert!(licences.contains(holder), "{holder}");
        }
    }
}
