//! Where the map library is: installed by npm, exactly as the lock file says.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

pub(crate) const LOCK: &str = "package-lock.json";
pub(crate) const MANIFEST: &str = "package.json";
const NAME: &str = "node_modules/maplibre-gl";
/// npm's own record of what it installed.
const INSTALLED: &str = "node_modules/.package-lock.json";
const NPM: [&str; 6] = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

/// The library, and the packages its files were bundled from.
pub(crate) struct Library {
    pub(crate) folder: PathBuf,
    pub(crate) packages: Vec<PathBuf>,
}

/// Finds the library beside `sources` or in `out`; installs it there when neither has it as the lock file wants it.
pub(crate) fn find(sources: &Path, out: &Path) -> Result<Library, String> {
    let lock = read(&sources.join(LOCK))?;
    let beside = installed(sources, &lock);
    if beside.is_ok() {
        // Only what exists: cargo takes what does not for changed, at every build.
        println!("cargo:rerun-if-changed={}", sources.join(INSTALLED).display());
        return Ok(library(sources, &lock));
    }
    if installed(out, &lock).is_err() {
        install(sources, out, &lock)?;
        installed(out, &lock).map_err(|why| format!("npm installed something else: {why}"))?;
    }
    Ok(library(out, &lock))
}

fn library(root: &Path, lock: &Value) -> Library {
    let packages = lock["packages"].as_object().into_iter().flatten().map(|(name, _)| name);
    let packages = packages.filter(|name| !name.is_empty()).map(|name| root.join(name)).collect();
    Library { folder: root.join(NAME), packages }
}

/// Whether `root` holds the library with the version and the integrity of the lock file, and why not.
fn installed(root: &Path, lock: &Value) -> Result<(), String> {
    let found = read(&root.join(INSTALLED))?;
    for field in ["version", "integrity"] {
        let (wanted, found) = (&lock["packages"][NAME][field], &found["packages"][NAME][field]);
        if wanted.is_null() || wanted != found {
            return Err(format!("{field} {found} of maplibre-gl in {}, not {wanted}", root.display()));
        }
    }
    Ok(())
}

fn install(sources: &Path, out: &Path, lock: &Value) -> Result<(), String> {
    let version = lock["packages"][NAME]["version"].as_str().unwrap_or_default();
    let by_hand = format!(
        "without a network, run `npm ci --ignore-scripts` in {} where there is one and bring its node_modules here",
        sources.display()
    );
    for file in [LOCK, MANIFEST] {
        fs::copy(sources.join(file), out.join(file))
            .map_err(|e| format!("copying {file} to {}: {e}", out.display()))?;
    }
    let ran = Command::new("npm").args(NPM).current_dir(out).stdin(Stdio::null()).output();
    let ran = ran.map_err(|e| {
        if e.kind() == io::ErrorKind::NotFound {
            format!("npm is missing: install Node.js 20 or newer, it fetches maplibre-gl {version}; {by_hand}")
        } else {
            format!("npm cannot be run: {e}")
        }
    })?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    Err(format!("`npm {}` in {} failed; {by_hand}. It said:\n{said}", NPM.join(" "), out.display()))
}

fn read(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}
