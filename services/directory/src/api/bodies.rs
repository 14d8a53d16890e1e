//! `/api/v1/directory/bodies`: who is in the directory and who answers now, by function.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_domain::{
    access::Caller,
    directory::{Ambit, Body, Contact, Permission, Reachability},
};
use vigie_edge::{
    credential::Presented,
    problem::{Problem, ReadProblems},
};
use vigie_proto::{BodyId, Channel, ContactId, RoleId, SectorId};

use super::{Edge, kept};
use crate::reachability;

/// Which bodies to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Those that act in this sector; the city's when it is `city`.
    sector: Option<String>,
    #[param(value_type = Option<String>)]
    role: Option<RoleId>,
}

/// A body of the directory.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BodyView {
    id: BodyId,
    /// French name.
    name: String,
    role: RoleId,
    /// French name of the role.
    role_label: String,
    /// `city`, a sector, or `school:` and a UAI.
    territory: String,
    /// Duty positions now on duty, the first rank first; empty without a roster.
    on_duty: Vec<String>,
    contacts: Vec<ContactView>,
}

/// One way to reach a body.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ContactView {
    id: ContactId,
    channel: Channel,
    /// Only for those who keep this body.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Duty position it belongs to; the permanent desk when null.
    duty: Option<String>,
    /// The day somebody last answered there, `YYYY-MM-DD`.
    verified: Option<String>,
    /// The last message asking for an answer was given up or not answered.
    silent: bool,
}

/// The bodies of the directory, with who is on duty now.
#[utoipa::path(
    get, path = "/api/v1/directory/bodies", operation_id = "body_list", tag = "directory", params(Filter),
    responses(
        (status = 200, description = "In order of id", body = Vec<BodyView>),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Vec<BodyView>>, Problem> {
    let caller = edge.caller(&presented)?;
    let Query(filter) = filter?;
    let place = match filter.sector.as_deref() {
        None => None,
        Some("city") => Some(Ambit::City),
        Some(sector) => Some(Ambit::Sector(SectorId::new(sector).map_err(|_| {
            Problem::invalid("sector", "Un secteur de la carte est attendu, comme « paris-19 », ou « city ».")
        })?)),
    };
    if !caller.may(Permission::Administer) && !caller.may(Permission::KeepRoster) {
        return Err(Problem::not_allowed());
    }
    let found = reachability::found(&edge.pool, &edge.city, edge.context.clock.now()).await?;
    let shown = edge.city.directory.bodies().filter(|body| {
        let own = caller.may(Permission::Administer) || caller.source.body == body.id;
        own && place.as_ref().is_none_or(|place| body.ambit == *place)
            && filter.role.as_ref().is_none_or(|role| body.role == *role)
    });
    let now = edge.context.clock.now();
    Ok(Json(shown.map(|body| view(&edge, caller, body, &found, now)).collect()))
}

/// One body.
#[utoipa::path(
    get, path = "/api/v1/directory/bodies/{id}", operation_id = "body_one", tag = "directory", params(("id" = BodyId, Path)),
    responses(
        (status = 200, description = "The body", body = BodyView),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn one(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Json<BodyView>, Problem> {
    let caller = edge.caller(&presented)?;
    let body = kept(&edge, caller, &id)?;
    let now = edge.context.clock.now();
    let found = reachability::found(&edge.pool, &edge.city, now).await?;
    Ok(Json(view(&edge, caller, body, &found, now)))
}

fn view(
    edge: &Edge,
    caller: Caller<'_>,
    body: &Body,
    found: &BTreeMap<ContactId, Reachability>,
    now: Timestamp,
) -> BodyView {
    let keeps = caller.may(Permission::Administer) || caller.source.body == body.id;
    let ranks = body.roster.as_ref().map_or(0, |roster| roster.order.len());
    let on_duty = (0..ranks).filter_map(|rank| body.roster.as_ref()?.on_duty(rank, now)).map(str::to_owned).collect();
    BodyView {
        id: body.id.clone(),
        name: body.name.clone(),
        role: body.role.clone(),
        role_label: edge.city.directory.role_label(&body.role).to_owned(),
        territory: match &body.ambit {
            Ambit::City => "city".to_owned(),
            Ambit::Sector(sector) => sector.to_string(),
            Ambit::School(uai) => format!("school:{uai}"),
        },
        on_duty,
        contacts: body.contacts.iter().map(|contact| contact_view(contact, keeps, found)).collect(),
    }
}

fn contact_view(contact: &Contact, keeps: bool, found: &BTreeMap<ContactId, Reachability>) -> ContactView {
    let last = found.get(&contact.id);
    let verified = match last {
        Some(Reachability::Answered(day)) => contact.verified.max(Some(*day)),
        Some(Reachability::Silent) | None => contact.verified,
    };
    ContactView {
        id: contact.id.clone(),
        channel: contact.channel,
        address: keeps.then(|| contact.address.clone()),
        duty: contact.duty.clone(),
        verified: verified.map(|day| day.to_string()),
        silent: last == Some(&Reachability::Silent),
    }
}
