//! HTTP with somebody's token.

use reqwest::{Method, RequestBuilder, header::HeaderMap, redirect::Policy};
use serde_json::Value;

use crate::Live;

#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// A response, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// What `202` says.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Raised {
    pub signal_id: String,
    pub reference: String,
    pub status_url: String,
}

impl Answer {
    async fn of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, text: response.text().await? })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The problem's stable code; empty when it is none.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The fields a problem finds fault with.
    pub fn faulty_fields(&self) -> Vec<String> {
        let faults = self.json()["faults"].as_array().cloned().unwrap_or_default();
        faults.iter().filter_map(|fault| fault["field"].as_str().map(str::to_owned)).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// This answer, if its status is `status`; else the test ends with what it says.
    #[expect(clippy::return_self_not_must_use, reason = "often only the status is of interest")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

impl Caller {
    pub(crate) fn new(url: &str, token: Option<String>) -> Self {
        let http = reqwest::Client::builder().redirect(Policy::none()).build().expect("an HTTP client can be made");
        Self { http, url: url.to_owned(), token }
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same at another process.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// A request with the token, for what the other methods do not say.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request).await.expect("Vigie answers")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn try_get(&self, path: &str) -> reqwest::Result<Answer> {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Posts the fields of a page's form, with a cookie when there is one.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)], cookie: Option<&str>) -> Answer {
        let encoded: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let mut request = self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        self.send(request.body(encoded.join("&"))).await
    }

    /// Raises a signal that must be taken.
    pub async fn raise(&self, report: &Value) -> Raised {
        let answer = self.post("/api/v1/signals", report).await.expect(202);
        serde_json::from_str(&answer.text).expect("202 says what was taken")
    }

    /// Raises a signal under a key while anything may fail.
    pub async fn try_raise(&self, report: &Value, key: &str) -> reqwest::Result<Answer> {
        let request = self.request(Method::POST, "/api/v1/signals").header("idempotency-key", key);
        Answer::of(request.json(report)).await
    }

    /// Opens the live stream, after the event `last` when given.
    pub async fn live(&self, last: Option<&str>) -> Live {
        self.live_at("/api/v1/events", last).await
    }

    /// The same, with a header more.
    pub async fn live_with(&self, path: &str, name: &str, value: &str) -> Live {
        let response = self.request(Method::GET, path).header(name, value).send().await.expect("Vigie answers");
        assert_eq!(response.status().as_u16(), 200, "the live stream is refused");
        Live::new(response)
    }

    /// The same, at an address that asks for more.
    pub async fn live_at(&self, path: &str, last: Option<&str>) -> Live {
        let mut request = self.request(Method::GET, path);
        if let Some(id) = last {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.expect("Vigie answers");
        assert_eq!(response.status().as_u16(), 200, "the live stream is refused");
        Live::new(response)
    }
}

/// Percent-encodes everything but letters and digits.
fn percent(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    });
    encoded.collect()
}
