use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use jiff::Timestamp;
use vigie_domain::{
    access::Caller,
    city::{City, InForce},
    directory::Permission,
};
use vigie_platform::Context;

use crate::{
    credential::{Authenticator, Presented},
    problem::Problem,
};

/// What the requests of an edge are given from: what every edge has, and what is the service's own.
#[derive(Debug, Clone)]
pub struct Desk<T = ()> {
    pub context: Context,
    pub authenticator: Authenticator,
    pub in_force: InForce,
    pub own: T,
}

impl Desk {
    pub fn with<T>(self, own: T) -> Desk<T> {
        let Self { context, authenticator, in_force, own: () } = self;
        Desk { context, authenticator, in_force, own }
    }
}

impl<T> Deref for Desk<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.own
    }
}

/// What one request works with: the desk, as it was when the request came.
#[derive(Debug)]
pub struct Edge<T> {
    desk: Desk<T>,
    /// One version throughout, whatever comes into force meanwhile.
    pub city: Arc<City>,
    pub now: Timestamp,
}

impl<T: Clone> FromRef<Desk<T>> for Arc<Edge<T>> {
    fn from_ref(desk: &Desk<T>) -> Self {
        Self::new(Edge { city: desk.in_force.get(), now: desk.context.clock.now(), desk: desk.clone() })
    }
}

impl<T> Deref for Edge<T> {
    type Target = Desk<T>;

    fn deref(&self) -> &Desk<T> {
        &self.desk
    }
}

impl<T> Edge<T> {
    /// Who has this session or token; 401 when the directory in force has no such source.
    pub fn caller(&self, presented: &Presented) -> Result<Caller<'_>, Problem> {
        let directory = &self.city.directory;
        let source = directory.source(&presented.source);
        source.and_then(|source| Caller::of(source, directory)).ok_or_else(Problem::unauthenticated)
    }

    /// The same, when it may do this; 403 otherwise.
    pub fn allowed(&self, presented: &Presented, permission: Permission) -> Result<Caller<'_>, Problem> {
        let caller = self.caller(presented)?;
        if caller.may(permission) { Ok(caller) } else { Err(Problem::not_allowed()) }
    }
}
