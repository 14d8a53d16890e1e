//! Pages of those who conduct incidents: the SCOP's board, one incident, the relief of a shift, a mairie's watch cell.
//!
//! Every page works without JavaScript: forms post to the page itself and go the way of the API's acts.

pub(crate) mod assets;
pub(crate) mod board;
pub(crate) mod cell;
mod closing;
mod deed;
pub(crate) mod incident;
pub(crate) mod relief;
mod row;
mod story;
mod told;

use jiff::Timestamp;
use vigie_domain::{access::Caller, french};
use vigie_edge::{credential::Presented, problem::Problem};

use crate::Edge;

/// Whoever conducts the incidents of the whole city.
pub(crate) fn operator<'a>(edge: &'a Edge, presented: &Presented) -> Result<Caller<'a>, Problem> {
    let caller = edge.caller(presented)?;
    if caller.operates() { Ok(caller) } else { Err(Problem::not_your_page()) }
}

/// Kinds of incidents whose class keeps them from the caller: they are in no list and in no count.
pub(crate) fn withheld(edge: &Edge, caller: Caller<'_>) -> Vec<String> {
    caller.withheld(&edge.city.doctrine).into_iter().map(ToString::to_string).collect()
}

/// Says an instant the way people say it now.
fn words(edge: &Edge) -> impl Fn(Timestamp) -> String {
    let (zone, now) = (edge.city.doctrine.zone.clone(), edge.now);
    move |at| french::moment(&at.to_zoned(zone.clone()), &now.to_zoned(zone.clone()))
}
