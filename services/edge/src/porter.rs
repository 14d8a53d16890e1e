//! Stands before every door: nothing reaches a handler that the table of routes does not let knock.
//!
//! [`origin`] tells whose page sent an act, [`text`] what no database keeps, [`dress`] how every answer goes out. What a
//! caller may see and do is decided behind the door; here is only whether it may knock, and how.

mod dress;
mod origin;
mod remote;
mod text;

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use vigie_proto::event::SecurityMatter;

use crate::{
    credential::{Authenticator, NOWHERE, Presented},
    door::{Door, Knock, Speaks, is_unsafe},
    problem::{Fault, Problem},
};
use vigie_platform::{
    clock::SharedClock,
    config::HttpConfig,
    metrics::{ByCode, Metrics},
    server::Remote,
};

use dress::{Dress, Reader};
use origin::Origins;

/// What the porter knows.
#[derive(Debug, Clone)]
pub struct Porter(Arc<Known>);

#[derive(Debug)]
struct Known {
    doors: HashMap<&'static str, Vec<Door>>,
    authenticator: Authenticator,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    origins: Origins,
    proxies: Vec<IpAddr>,
    body_limit_bytes: usize,
    dress: Dress,
}

impl Porter {
    pub fn new(
        rows: &[Door],
        config: &HttpConfig,
        authenticator: Authenticator,
        clock: SharedClock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let mut doors: HashMap<&'static str, Vec<Door>> = HashMap::new();
        for row in rows {
            doors.entry(row.path).or_default().push(row.clone());
        }
        Self(Arc::new(Known {
            doors,
            authenticator,
            clock,
            metrics,
            origins: Origins::new(&config.public_url),
            proxies: config.proxies(),
            body_limit_bytes: config.body_limit_bytes,
            dress: Dress { https: config.is_https() },
        }))
    }

    /// Puts the porter before every route of `router`, and before what has none.
    pub fn guard(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), admit))
    }

    /// Sees to how every answer goes out, also those of layers between the porter and the client.
    pub fn dress(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), dressed))
    }
}

async fn dressed(State(Porter(known)): State<Porter>, request: Request, next: Next) -> Response {
    let knock = known.door(&request).map(|door| door.knock);
    let reader = Reader {
        is_at_home: !matches!(knock, Some(Knock::Link | Knock::Key)),
        speaks: known.speaks(&request),
        wants_json: dress::wants_json(request.headers()),
        came_from: known.origins.page(request.headers()),
    };
    known.dress.dress(next.run(request).await, reader).await
}

async fn admit(State(Porter(known)): State<Porter>, mut request: Request, next: Next) -> Response {
    let from = known.client(&request);
    request.extensions_mut().insert(Client(from));
    let door = known.door(&request).cloned();
    let request = match known.check(request, door.as_ref(), from).await {
        Ok(request) => request,
        Err(problem) => {
            known.metrics.requests_refused.get_or_create(&ByCode { code: problem.code }).inc();
            return problem.into_response();
        }
    };
    let response = next.run(request).await;
    if door.is_some_and(|door| door.knock == Knock::Key)
        && matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::GONE)
    {
        let too_many = known.authenticator.failed(from, None, known.clock.now());
        if too_many.status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
            return too_many.into_response();
        }
    }
    response
}

/// Where a request comes from, as far as the proxies that are trusted tell; an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client(pub IpAddr);

impl Known {
    /// The request as it may go on, its credentials proved, or why it may not.
    async fn check(&self, mut request: Request, door: Option<&Door>, from: IpAddr) -> Result<Request, Problem> {
        if let Some(field) = text::nul_in_address(request.uri()) {
            // No link, nor anything else of a page, has such an address.
            let nowhere = field == text::PATH && self.speaks(&request) == Speaks::Page;
            return Err(if nowhere { Problem::not_found("Page") } else { unkeepable(vec![field]) });
        }
        let acts = is_unsafe(request.method());
        if acts && self.origins.are_foreign(request.headers()) {
            self.authenticator.notes().note(SecurityMatter::OriginRefused, None, Some(from));
            return Err(foreign());
        }
        let Some(door) = door else { return Ok(request) };
        match door.knock {
            Knock::Caller => {
                let presented = self.authenticator.admit(request.headers(), from, self.clock.now()).await?;
                let presented: Presented = presented.ok_or_else(Problem::unauthenticated)?;
                request.extensions_mut().insert(presented);
            }
            Knock::Key if acts || door.speaks != Speaks::Page => {
                self.authenticator.patience(from, self.clock.now())?;
            }
            Knock::Anybody | Knock::Link | Knock::Key => {}
        }
        if !acts {
            return Ok(request);
        }
        if door.speaks == Speaks::Api {
            require_json(request.method(), request.headers())?;
        }
        self.whole(request, door).await
    }

    /// The request with its body read whole: within its limit, and nothing in it that no database keeps.
    async fn whole(&self, request: Request, door: &Door) -> Result<Request, Problem> {
        if !has_body(request.headers()) {
            return Ok(request);
        }
        let limit = door.body_limit_bytes.unwrap_or(self.body_limit_bytes);
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, limit).await.map_err(|error| {
            // What stands behind it says which; both are the client's.
            let source = std::error::Error::source(&error);
            if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
                return too_large(limit);
            }
            Problem::new(StatusCode::BAD_REQUEST, "broken-body", "Corps de requête interrompu")
                .detail("La requête n'est pas arrivée entière. Rien n'a été enregistré : renvoyez-la.")
        })?;
        let nul = match essence(&parts.headers).as_str() {
            "application/json" => text::nul_in_json(&bytes),
            "application/x-www-form-urlencoded" => text::nul_in_form(&bytes),
            _ => Vec::new(),
        };
        if !nul.is_empty() {
            return Err(unkeepable(nul));
        }
        Ok(Request::from_parts(parts, Body::from(bytes)))
    }

    fn client(&self, request: &Request) -> IpAddr {
        let remote = request.extensions().get::<Remote>().map_or(NOWHERE, |remote| remote.0);
        remote::client(remote, request.headers(), &self.proxies)
    }

    fn door(&self, request: &Request) -> Option<&Door> {
        self.rows(request)?.iter().find(|door| door.takes(request.method()))
    }

    fn rows(&self, request: &Request) -> Option<&[Door]> {
        let path = request.extensions().get::<MatchedPath>()?;
        self.doors.get(path.as_str()).map(Vec::as_slice)
    }

    /// How whoever came here is spoken to, a door or none.
    fn speaks(&self, request: &Request) -> Speaks {
        let door = self.door(request).or_else(|| self.rows(request)?.first());
        let by_path = || if request.uri().path().starts_with("/api/") { Speaks::Api } else { Speaks::Page };
        door.map_or_else(by_path, |door| door.speaks)
    }
}

/// Acts come as JSON: what a page of another site can send without asking is anything but JSON. A program that sends no
/// body at all is let through by its token, which no page has; a cookie is not enough.
fn require_json(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if essence(headers) == "application/json" {
        return Ok(());
    }
    // A page must ask before it sends anything but a GET or a POST.
    let bare = !has_body(headers) && (headers.contains_key(header::AUTHORIZATION) || method != Method::POST);
    if bare { Ok(()) } else { Err(not_json()) }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    length || headers.contains_key(header::TRANSFER_ENCODING)
}

/// The media type without its parameters, in lower case; empty when there is none.
fn essence(headers: &HeaderMap) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn foreign() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "foreign-origin", "Envoi depuis un autre site refusé").detail(
        "La demande vient d'une page qui n'est pas de Vigie. Rien n'a été fait. Ouvrez Vigie par son adresse habituelle et recommencez.",
    )
}

fn not_json() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "Format non pris en charge")
        .detail("Envoyez la demande en JSON, avec l'en-tête « Content-Type: application/json ».")
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Demande trop volumineuse")
        .detail(format!("Le corps dépasse {limit} octets : raccourcissez le texte. Rien n'a été enregistré."))
}

fn unkeepable(fields: Vec<String>) -> Problem {
    let fault = |field| Fault::new(field, "Le caractère nul (U+0000) n'est pas accepté : retirez-le.");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Champs à corriger")
        .detail("Rien n'a été enregistré.")
        .faults(fields.into_iter().map(fault).collect())
}
