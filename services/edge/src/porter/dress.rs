//! How every answer goes out: the headers that keep it safe, and refusals that people and programs can read.
//!
//! What axum, a layer or a handler refuses in plain English, or without a word, becomes a problem in French; on a page's
//! address a problem becomes a page, with the emergency numbers.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    door::Speaks,
    page::Said,
    problem::{self, Fault, Problem},
};

/// Longest refusal that is read to be said again.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;
/// For what is no page: nothing of it may ever run, load or be framed.
const NOTHING_RUNS: &str = "default-src 'none'; frame-ancestors 'none'";
/// For a script, which may be a worker: what it loads is decided by the policy it came with.
const NO_FRAME: &str = "frame-ancestors 'none'";

#[derive(Debug, Clone, Copy)]
pub(super) struct Dress {
    /// Browsers reach Vigie over TLS.
    pub(super) https: bool,
}

/// Whom an answer is for.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) speaks: Speaks,
    /// A program, or a script that reads what it is told.
    pub(super) wants_json: bool,
    /// It may have a page of its own to go back to: it did not knock with a link or a key alone.
    pub(super) is_at_home: bool,
    /// The page of ours it comes from.
    pub(super) came_from: Option<String>,
}

impl Reader {
    fn wants_page(&self) -> bool {
        self.speaks == Speaks::Page && !self.wants_json
    }
}

impl Dress {
    pub(super) async fn dress(self, response: Response, reader: Reader) -> Response {
        let speaks = reader.speaks;
        let mut response = legible(response, &reader).await;
        let headers = response.headers_mut();
        let mut unless_said = |name: HeaderName, value: &'static str| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        unless_said(header::CACHE_CONTROL, "no-store");
        unless_said(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        unless_said(header::REFERRER_POLICY, "same-origin");
        unless_said(header::CONTENT_SECURITY_POLICY, if speaks == Speaks::Asset { NO_FRAME } else { NOTHING_RUNS });
        unless_said(header::X_FRAME_OPTIONS, "DENY");
        unless_said(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        if self.https {
            unless_said(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
        response
    }
}

/// Whoever asks for JSON and not for a page.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accepted: String = accepted.collect::<Vec<_>>().join(",").to_ascii_lowercase();
    accepted.contains("json") && !accepted.contains("html")
}

async fn legible(response: Response, reader: &Reader) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None if is_said(&response, reader.speaks) => return response,
        None => {
            let (parts, body) = response.into_parts();
            let text = to_bytes(body, MAX_REFUSAL_BYTES).await.unwrap_or_default();
            let problem = said_again(status, &String::from_utf8_lossy(&text));
            return shown(Response::from_parts(parts, Body::empty()), &problem, reader);
        }
    };
    if reader.wants_page() { shown(response, &problem, reader) } else { response }
}

/// The answer says what is wrong by itself, in a way its reader understands.
fn is_said(response: &Response, speaks: Speaks) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // What is public says in a word how it is (`/readyz`); what it refuses, the library says.
    let in_a_word = speaks == Speaks::Public && response.status().is_server_error();
    content_type.is_some_and(|content_type| in_a_word || !content_type.starts_with("text/plain"))
}

/// `problem` in place of `refused`, whose other headers (`Allow`, `Retry-After`, cookies) stay.
fn shown(refused: Response, problem: &Problem, reader: &Reader) -> Response {
    let mut shown = if reader.wants_page() { refusal(problem, reader) } else { problem.clone().into_response() };
    let about_the_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_LANGUAGE];
    let mut last = None;
    for (name, value) in refused.into_parts().0.headers {
        // A header of several values names only the first.
        last = name.or(last);
        let Some(name) = &last else { continue };
        let already_said = shown.headers().contains_key(name) && *name != header::SET_COOKIE;
        if !already_said && !about_the_body.contains(name) {
            shown.headers_mut().append(name.clone(), value);
        }
    }
    shown
}

/// What a status without words means, or one with words of the library.
fn said_again(status: StatusCode, words: &str) -> Problem {
    // A parameter that is read but not understood is a field at fault, in an address as in a body.
    let status = if words.starts_with("Failed to deserialize") { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    let problem = |code, title: &str, detail: String| Problem::new(status, code, title).detail(detail);
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("Page"),
        StatusCode::METHOD_NOT_ALLOWED => problem(
            "method-not-allowed",
            "Méthode non acceptée à cette adresse",
            "L'en-tête « Allow » dit lesquelles le sont.".to_owned(),
        ),
        StatusCode::NOT_ACCEPTABLE => problem(
            "not-acceptable",
            "Format de réponse non disponible",
            "L'interface répond en JSON, les pages en HTML : corrigez l'en-tête « Accept ».".to_owned(),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => problem(
            "body-too-large",
            "Demande trop volumineuse",
            "Raccourcissez le texte. Rien n'a été enregistré.".to_owned(),
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => problem(
            "not-json",
            "Format non pris en charge",
            "L'interface reçoit du JSON (« Content-Type: application/json »), les pages leurs formulaires.".to_owned(),
        ),
        StatusCode::UNAUTHORIZED => Problem::unauthenticated(),
        StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable(),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            let (field, message) = problem::in_french(words);
            Problem::new(status, "invalid-fields", "Demande illisible").faults(vec![Fault::new(field, message)])
        }
        _ if status.is_server_error() => Problem::internal(),
        _ => problem("refused", "Demande refusée", "Rien n'a été enregistré.".to_owned()),
    }
}

/// A problem as people read it.
fn refusal(problem: &Problem, reader: &Reader) -> Response {
    let status = problem.status_code();
    let (title, text) = if status == StatusCode::UNAUTHORIZED {
        (
            "Ouvrez votre lien personnel",
            "Vigie s'ouvre avec le lien personnel qui vous a été remis. S'il a déjà servi sur un autre appareil, demandez-en un nouveau à la SCOP. En cas d'urgence, appelez le 17.",
        )
    } else if *problem == Problem::not_found("Page") {
        (problem.title.as_str(), "Cette adresse ne mène à rien, ou plus à rien.")
    } else {
        (problem.title.as_str(), problem.detail.as_deref().unwrap_or_default())
    };
    let came_from = reader.came_from.as_deref();
    let back = came_from.map_or(("/", "Revenir à l'accueil"), |page| (page, "Revenir à la page"));
    let back = (reader.is_at_home && status != StatusCode::UNAUTHORIZED).then_some(back);
    let mut page = Said { status, title, text, faults: &problem.faults, back }.into_response();
    if let Some(seconds) = problem.retry_after_s {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn dressed(response: impl IntoResponse, speaks: Speaks, wants_json: bool) -> (Response, String) {
        let reader = Reader { speaks, wants_json, is_at_home: true, came_from: None };
        let response = Dress { https: true }.dress(response.into_response(), reader).await;
        let (parts, body) = response.into_parts();
        let text = to_bytes(body, MAX_REFUSAL_BYTES).await.unwrap();
        (Response::from_parts(parts, Body::empty()), String::from_utf8(text.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_refusal_in_plain_text_is_said_in_french_and_keeps_its_headers() {
        let refused = || (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET,HEAD")]);
        let (response, text) = dressed(refused(), Speaks::Api, false).await;
        assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert!(text.contains("method-not-allowed"), "{text}");
        let (response, text) = dressed(refused(), Speaks::Page, false).await;
        assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
        assert!(text.contains("tel:112") && text.contains("Méthode non acceptée"), "{text}");
        let words = "Failed to deserialize query string: unknown field `secteur`, expected `sector`";
        let (_, text) = dressed((StatusCode::BAD_REQUEST, words), Speaks::Api, false).await;
        assert!(text.contains("champ inconnu « secteur »") && !text.contains("Failed"), "{text}");
    }

    #[tokio::test]
    async fn a_problem_is_a_page_for_a_browser_and_stays_one_for_a_script() {
        let problem = || Problem::unavailable();
        let (response, text) = dressed(problem(), Speaks::Page, false).await;
        assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"), "{text}");
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let (response, _) = dressed(problem(), Speaks::Page, true).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn a_refused_page_leads_back_where_its_reader_may_go() {
        let here = "https://vigie.example.org/annuaire/scop";
        for (problem, is_at_home, came_from, back) in [
            (Problem::not_allowed(), true, Some(here), Some(here)),
            (Problem::not_allowed(), true, None, Some("/")),
            (Problem::not_allowed(), false, Some(here), None),
            (Problem::unauthenticated(), true, Some(here), None),
        ] {
            let came_from = came_from.map(str::to_owned);
            let reader = Reader { speaks: Speaks::Page, wants_json: false, is_at_home, came_from };
            let page = to_bytes(refusal(&problem, &reader).into_body(), MAX_REFUSAL_BYTES).await.unwrap();
            let page = String::from_utf8(page.to_vec()).unwrap();
            assert_eq!(page.contains(">Revenir"), back.is_some(), "{page}");
            assert!(back.is_none_or(|back| page.contains(&format!("href=\"{back}\">Revenir"))), "{page}");
        }
    }

    #[tokio::test]
    async fn every_answer_is_dressed_and_what_it_says_itself_stands() {
        let (response, _) = dressed("{}", Speaks::Api, false).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let (response, _) = dressed(([(header::CACHE_CONTROL, "no-cache")], "x"), Speaks::Asset, false).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    }
}
