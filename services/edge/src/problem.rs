//! Errors as people and programs read them over HTTP: RFC 9457 problem details, in French, with a stable code.

mod french;

use axum::{
    extract::rejection::{FormRejection, JsonRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
pub use french::in_french;
use serde::Serialize;
use vigie_domain::{link::LinkError, text};

/// One thing wrong with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// JSON path of the field, such as `location.school`; empty for the whole body.
    pub field: String,
    /// What is wrong and how to mend it, in French.
    pub message: String,
}

impl Fault {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// Several of one field.
    pub fn each(field: &str, messages: Vec<String>) -> Vec<Self> {
        messages.into_iter().map(|message| Self::new(field, message)).collect()
    }
}

/// An RFC 9457 problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// Stable, for programs.
    pub code: &'static str,
    /// In French, for people.
    pub title: String,
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Seconds to wait before trying again.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

/// The problems a question may be answered with, for OpenAPI.
#[derive(utoipa::IntoResponses)]
pub enum ReadProblems {
    /// No token, or unknown
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// Not for this role
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// No such thing for this caller
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// A parameter is not understood
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// Too many failed logins came from there: wait as `Retry-After` says
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// The database is out of reach
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// The problems an act may be answered with, for OpenAPI; nothing was changed.
#[derive(utoipa::IntoResponses)]
pub enum WriteProblems {
    /// Not JSON
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// No token, or unknown
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// Not for this role
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// No such thing for this caller
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// Not as things stand: its code says why
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// Body too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// Not application/json
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
    /// Fields at fault, each named
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// Too many failed logins came from there: wait as `Retry-After` says
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// Out of reach: retry
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, title: impl Into<String>) -> Self {
        Self {
            type_uri: format!("/problems/{code}"),
            code,
            title: title.into(),
            status: status.as_u16(),
            detail: None,
            faults: Vec::new(),
            retry_after_s: None,
        }
    }

    pub fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// 401: no token, or one that is unknown, expired or revoked.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Jeton absent ou inconnu")
            .detail("Présentez l'en-tête « Authorization: Bearer <jeton> » avec un jeton en cours de validité.")
    }

    /// 503: the database is out of reach, or the answer took too long: whether anything was stored is not known here.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Service momentanément indisponible")
            .detail("Vigie ne peut pas répondre pour le moment : tenez la demande pour non enregistrée, et réessayez dans quelques secondes. En cas d'urgence, appelez le 17.")
            .retry_after(2)
    }

    /// 404 for what does not exist, or what the caller may not know to exist.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("{what} introuvable"))
            .detail("La référence est inconnue, ou votre fonction ne permet pas de la consulter.")
    }

    /// 403: a page of another function.
    pub fn not_your_page() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-allowed", "Cette page n'est pas celle de votre fonction")
            .detail("Revenez à l'accueil pour voir les pages de votre fonction.")
    }

    /// A signed link that opens nothing: 410 when its time is over, 404 otherwise.
    pub fn dead_link(why: LinkError, title: &str, detail: &str) -> Self {
        let (status, code) = match why {
            LinkError::Expired => (StatusCode::GONE, "link-expired"),
            LinkError::Altered => (StatusCode::NOT_FOUND, "link-altered"),
        };
        Self::new(status, code, title).detail(detail)
    }

    /// 422: fields to mend.
    pub fn faulty(faults: Vec<Fault>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Champs à corriger").faults(faults)
    }

    /// 422: one field to mend.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::faulty(vec![Fault::new(field, message)])
    }

    /// 422: what a decoder says in English of a field, in French under that field.
    pub fn undecoded(words: &str) -> Self {
        let (field, message) = in_french(words);
        Self::invalid(&field, message)
    }

    /// 403: not for this role, whatever it is done to.
    pub fn not_allowed() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-allowed", "Acte non autorisé")
            .detail("Votre fonction ne permet pas cet acte.")
    }

    /// 500: a fault of ours; it is logged where it happened.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Erreur interne")
            .detail("L'erreur est enregistrée. En cas d'urgence, appelez le 17.")
    }
}

/// 503, with the cause in the log; a database error never reaches the client.
///
/// A value that the database refuses for what it is (SQLSTATE class 22: out of range, unreadable) is the request's
/// fault, not the database's: 422.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if let Some(code) = code.filter(|code| code.starts_with("22")) {
            // Not the message: it quotes the value.
            tracing::warn!(sqlstate = %code, "the database refused a value of a request");
            return Self::faulty(Vec::new())
                .detail("Une valeur est hors de ce qui peut être conservé ou comparé. Rien n'a été enregistré.");
        }
        tracing::error!(error = %error, "the database refused or did not answer");
        Self::unavailable()
    }
}

/// What keeps a request's JSON from being read.
impl From<JsonRejection> for Problem {
    #[expect(clippy::wildcard_enum_match_arm, reason = "axum may add rejections; they are invalid fields to us")]
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        let code = match rejection {
            JsonRejection::MissingJsonContentType(_) => "not-json",
            JsonRejection::JsonSyntaxError(_) => "malformed-json",
            _ if status == StatusCode::PAYLOAD_TOO_LARGE => "body-too-large",
            _ => "invalid-fields",
        };
        let detail = match rejection {
            JsonRejection::MissingJsonContentType(_) => {
                "Envoyez la demande en JSON, avec l'en-tête « Content-Type: application/json ».".to_owned()
            }
            JsonRejection::JsonSyntaxError(_) => "Le corps n'est pas du JSON valide.".to_owned(),
            _ if status == StatusCode::UNPROCESSABLE_ENTITY => return Self::undecoded(&rejection.body_text()),
            _ => in_french(&rejection.body_text()).1,
        };
        Self::new(status, code, "Requête illisible").detail(detail)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::undecoded(&rejection.body_text())
    }
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        Self::undecoded(&rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status_code();
        let body = serde_json::to_string(&self).expect("a problem is strings and numbers, which always serialize");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("fr"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For whoever shows it as a page.
        response.extensions_mut().insert(self);
        response
    }
}

/// What somebody wrote in `field`, as it is kept ([`text::kept`]); none when there is nothing to read.
pub fn written(field: &str, text: &str, sure: bool) -> Result<Option<String>, Problem> {
    text::kept(text, text::MOST, sure).map_err(|why| Problem::faulty(Fault::each(field, why)))
}
