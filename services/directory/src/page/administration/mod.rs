//! The pages of whoever keeps the directory: what is in force, the territory, drills, bodies with their rosters and contact points.
//!
//! They act by the same functions as the API, so the same rules hold.

pub(crate) mod body;
pub(crate) mod dead_letters;
pub(crate) mod doctrine;
pub(crate) mod drills;
pub(crate) mod overview;
pub(crate) mod territory;
pub(crate) mod versions;
