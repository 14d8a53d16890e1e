//! Where signals come from: a CSV file with its mapping, or the journal.

pub(super) mod csv;
pub(super) mod journal;
pub(super) mod mapping;
