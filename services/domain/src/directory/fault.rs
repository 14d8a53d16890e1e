//! What is wrong with a directory, and where.

use std::fmt;

/// One fault of one file; reads `file:line: what`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// Name of the file, as whoever gave it knows it.
    pub file: String,
    /// Line of the row, or of the entry's first line, from 1.
    pub line: u64,
    /// What is wrong, in English, with the value at fault.
    pub what: String,
}

impl Fault {
    pub fn new(file: impl Into<String>, line: u64, what: impl fmt::Display) -> Self {
        Self { file: file.into(), line, what: what.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Every fault of a directory, each with its file and line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the directory has {} faults:\n{}", .0.len(), lines(.0))]
pub struct DirectoryError(pub Vec<Fault>);

/// One fault a line.
fn lines(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
}
