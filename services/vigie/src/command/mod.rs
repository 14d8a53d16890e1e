//! The tools, one module each.

pub(crate) mod locate;
pub(crate) mod territory;
