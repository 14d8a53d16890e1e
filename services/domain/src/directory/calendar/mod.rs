//! Duty as calendars show it: iCalendar, RFC 5545, out and in.
//!
//! Which duty an event is: `X-VIGIE-POSITION` names the position, else one of its `CATEGORIES`, else its `SUMMARY`, word for
//! word; `X-VIGIE-RANK` the rank, 0 being first on duty as in `overrides.csv`, and 0 when absent. Nothing else of an event
//! is read, and nothing personal is written.

mod content;
mod export;
mod import;
mod moment;
mod recurrence;

pub use export::export;
pub use import::import;

const POSITION: &str = "X-VIGIE-POSITION";
const RANK: &str = "X-VIGIE-RANK";
