//! Takes the map library's files and writes them, plain and compressed, as a table the crate includes.
//!
//! The library is fetched by npm, pinned by `package-lock.json`: from `node_modules` beside it when that is the version
//! pinned, else into cargo's own folder. Nothing is written beside the sources, so that several builds and folders that
//! cannot be written to are no trouble.

mod library;
mod table;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).expect("cargo gives it");
    match build(&folder("CARGO_MANIFEST_DIR"), &folder("OUT_DIR")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("the map library cannot be built in: {why}");
            ExitCode::FAILURE
        }
    }
}

fn build(sources: &Path, out: &Path) -> Result<(), String> {
    for file in ["build", library::LOCK, library::MANIFEST] {
        println!("cargo:rerun-if-changed={}", sources.join(file).display());
    }
    let library = library::find(sources, out)?;
    table::write(&library, out)
}
