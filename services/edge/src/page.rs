//! What every page has in common: the frame, the stylesheet, and the headers that keep it safe.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use vigie_domain::access::{Caller, Desk};

use crate::problem::{Fault, Problem};

const STYLESHEET: &str = include_str!("../assets/vigie.css");

/// Nothing from elsewhere, nothing inline, no frame around us. Workers are scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What stands around the page of somebody who has a session: `desk.html` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// French name of the function, never of a person.
    pub name: String,
    pub links: Vec<Link>,
}

/// One page of those somebody may open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub path: String,
    pub label: &'static str,
    /// It is the page shown, or one below it.
    pub here: bool,
}

impl Frame {
    /// The frame around the page at `here`.
    pub fn of(caller: Caller<'_>, here: &str) -> Self {
        let link = |desk: Desk| Link { here: here.starts_with(&desk.path), path: desk.path, label: desk.label };
        Self { name: caller.source.name.clone(), links: caller.desks().into_iter().map(link).collect() }
    }
}

/// `GET /assets/vigie.css`
#[expect(clippy::unused_async, reason = "an axum handler is async")]
pub async fn stylesheet(headers: HeaderMap) -> Response {
    asset(&headers, "text/css; charset=utf-8", STYLESHEET.as_bytes())
}

/// A file that is part of the program: sent once, then only asked whether it changed.
pub fn asset(headers: &HeaderMap, content_type: &'static str, content: &'static [u8]) -> Response {
    tagged(headers, &URL_SAFE_NO_PAD.encode(&Sha256::digest(content)[..9]), content_type, content)
}

/// Something that changes only when `tag` does: sent once, then only asked whether it changed.
pub fn tagged(headers: &HeaderMap, tag: &str, content_type: &'static str, content: impl IntoResponse) -> Response {
    let tag = format!("\"{tag}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let caching = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    if known.is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let safe = [(header::CONTENT_TYPE, content_type), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    // After the content, which has a type of its own.
    let mut response = (caching, content).into_response();
    for (name, value) in safe {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Lets the pages answered by a router show map tiles of `origin` (scheme, host and port), and nothing else of it.
pub fn with_tiles_of(origin: &str) -> impl Fn(Response) -> Response + Clone + use<> {
    // The library fetches a tile and decodes it itself: to the browser it is no image of the page.
    let wider = CONTENT_SECURITY_POLICY.replace("connect-src 'self'", &format!("connect-src 'self' {origin}"));
    let policy = HeaderValue::from_str(&wider).expect("the configuration was checked: an origin is plain ASCII");
    move |mut response| {
        if let Some(present) = response.headers_mut().get_mut(header::CONTENT_SECURITY_POLICY) {
            *present = policy.clone();
        }
        response
    }
}

/// A page that is never cached, indexed, framed or allowed to load anything from elsewhere.
pub fn respond(status: StatusCode, html: String) -> Response {
    let mut response = (status, html).into_response();
    let headers: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page from its template; one that cannot be rendered is a 503 with the emergency numbers.
pub fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => respond(status, html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Problem::unavailable().into_response()
        }
    }
}

/// A short page that says one thing.
#[derive(Debug, Template)]
#[template(path = "said.html")]
pub struct Said<'a> {
    pub status: StatusCode,
    pub title: &'a str,
    pub text: &'a str,
    pub faults: &'a [Fault],
    /// Where to go on: an address and what it is called.
    pub back: Option<(&'a str, &'a str)>,
}

impl IntoResponse for Said<'_> {
    fn into_response(self) -> Response {
        render(self.status, &self)
    }
}

/// A short page that leads nowhere.
pub fn said(status: StatusCode, title: &str, text: &str) -> Response {
    Said { status, title, text, faults: &[], back: None }.into_response()
}
