//! Where the programs under test are.

use std::path::{Path, PathBuf};

/// The value of a variable that `deploy/local/test` exports.
#[expect(clippy::panic, reason = "a test that cannot find its servers must say how to run it")]
pub(crate) fn given(name: &str) -> PathBuf {
    optional(name).map_or_else(|| panic!("{name} is not set: run ./deploy/local/test"), PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the tests are told by variables where their servers are")]
pub(crate) fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}
