//! The one table of routes: every door of every edge, with what it speaks and who may knock.
//!
//! axum lists no routes, so they are mounted through [`Doors`] alone, which remembers each as a [`Door`]. The program
//! serves nothing else: what the [`crate::porter`] refuses, what the contract describes and what the tests walk through
//! come from the same rows.

use std::convert::Infallible;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};
use serde::Serialize;

/// What is said through a door; it decides how a refusal reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaks {
    /// HTML for people; acts come as forms.
    Page,
    /// JSON for programs and scripts; acts come as JSON only.
    Api,
    /// Server-sent events.
    Stream,
    /// A file that is part of the program.
    Asset,
    /// Something about Vigie itself, or a file for other programs.
    Public,
}

/// Who may knock at all. What they may then see and do is decided behind the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knock {
    Anybody,
    /// The bearer of a signed link, which the handler checks.
    Link,
    /// The bearer of a key that is looked up: wrong ones count as failed logins.
    Key,
    /// Whoever has a session or a token in force.
    Caller,
}

/// Both, as one word at the place where a route is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    speaks: Speaks,
    knock: Knock,
}

pub const API: Kind = Kind { speaks: Speaks::Api, knock: Knock::Caller };
pub const STREAM: Kind = Kind { speaks: Speaks::Stream, knock: Knock::Caller };
pub const PAGE: Kind = Kind { speaks: Speaks::Page, knock: Knock::Caller };
/// A page of whoever holds a signed link.
pub const LINK: Kind = Kind { speaks: Speaks::Page, knock: Knock::Link };
/// A page that exchanges a key for a session.
pub const KEY: Kind = Kind { speaks: Speaks::Page, knock: Knock::Key };
/// A file for whoever holds its secret address.
pub const FEED: Kind = Kind { speaks: Speaks::Public, knock: Knock::Key };
/// A page for everybody.
pub const OPEN: Kind = Kind { speaks: Speaks::Page, knock: Knock::Anybody };
pub const ASSET: Kind = Kind { speaks: Speaks::Asset, knock: Knock::Anybody };
pub const PUBLIC: Kind = Kind { speaks: Speaks::Public, knock: Knock::Anybody };

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Door {
    /// `GET`, which answers `HEAD` too, `POST` or `DELETE`.
    pub method: &'static str,
    /// As axum and OpenAPI write it: `/api/v1/incidents/{id}`.
    pub path: &'static str,
    pub speaks: Speaks,
    pub knock: Knock,
    /// Largest body taken in, bytes; the configuration's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_limit_bytes: Option<usize>,
}

/// Routes in the making, for handlers of state `S`; served once there is no state left to give.
#[derive(Debug, Clone)]
pub struct Doors<S = ()> {
    router: Router<S>,
    rows: Vec<Door>,
}

impl<S: Clone + Send + Sync + 'static> Default for Doors<S> {
    fn default() -> Self {
        Self { router: Router::new(), rows: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Doors<S> {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn get<T: 'static>(self, kind: Kind, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.mount("GET", kind, path, on(MethodFilter::GET, handler))
    }

    #[must_use]
    pub fn post<T: 'static>(self, kind: Kind, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.mount("POST", kind, path, on(MethodFilter::POST, handler))
    }

    #[must_use]
    pub fn delete<T: 'static>(self, kind: Kind, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.mount("DELETE", kind, path, on(MethodFilter::DELETE, handler))
    }

    fn mount(
        mut self,
        method: &'static str,
        kind: Kind,
        path: &'static str,
        handler: MethodRouter<S, Infallible>,
    ) -> Self {
        let Kind { speaks, knock } = kind;
        self.rows.push(Door { method, path, speaks, knock, body_limit_bytes: None });
        Self { router: self.router.route(path, handler), rows: self.rows }
    }

    /// Lets the doors mounted so far take in bodies of up to `bytes`.
    #[must_use]
    pub fn taking(mut self, bytes: usize) -> Self {
        for row in &mut self.rows {
            row.body_limit_bytes = Some(bytes);
        }
        Self { router: self.router.layer(DefaultBodyLimit::max(bytes)), rows: self.rows }
    }

    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.rows.extend(other.rows);
        Self { router: self.router.merge(other.router), rows: self.rows }
    }

    /// Gives the handlers what they work with.
    pub fn with_state<S2>(self, state: S) -> Doors<S2> {
        Doors { router: self.router.with_state(state), rows: self.rows }
    }

    /// The table.
    pub fn rows(&self) -> &[Door] {
        &self.rows
    }
}

impl Doors {
    /// The routes and their table, for whoever serves them; `otherwise` answers every other path.
    pub fn open<T: 'static>(self, otherwise: impl Handler<T, ()>) -> (Router, Vec<Door>) {
        (self.router.fallback(otherwise), self.rows)
    }
}

impl Door {
    /// Whether a request of `method` comes through this door.
    pub fn takes(&self, method: &Method) -> bool {
        method.as_str() == self.method || (method == Method::HEAD && self.method == "GET")
    }
}

/// A request that may change something: all but those that RFC 9110, section 9.2.1, calls safe.
pub fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_remembered_as_it_was_mounted() {
        let large = Doors::<()>::new().post(API, "/large", || async {}).taking(7);
        let doors = Doors::new().get(PAGE, "/page", || async {}).merge(large);
        let row = |method, path, speaks, body_limit_bytes| Door {
            method,
            path,
            speaks,
            knock: Knock::Caller,
            body_limit_bytes,
        };
        assert_eq!(
            doors.rows(),
            [row("GET", "/page", Speaks::Page, None), row("POST", "/large", Speaks::Api, Some(7))]
        );
        assert!(doors.rows()[0].takes(&Method::HEAD) && !doors.rows()[1].takes(&Method::HEAD));
    }
}
