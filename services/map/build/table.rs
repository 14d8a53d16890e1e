//! The library's files as the crate includes them: plain, compressed, and a tag that changes with them.

use std::{fmt::Write as _, fs, io::Write as _, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use crate::library::Library;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, type of content.
const FILES: [(&str, &str); 3] =
    [("maplibre-gl.mjs", SCRIPT), ("maplibre-gl-worker.mjs", SCRIPT), ("maplibre-gl.css", "text/css; charset=utf-8")];

/// Writes `library.rs` and what it includes into `out`.
pub(crate) fn write(library: &Library, out: &Path) -> Result<(), String> {
    let mut rows = String::new();
    for (name, content_type) in FILES {
        let path = library.folder.join("dist").join(name);
        let content = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        row(&mut rows, name, content_type, &content, out)?;
    }
    row(&mut rows, "licences.txt", "text/plain; charset=utf-8", licences(library)?.as_bytes(), out)?;
    let table = format!("const LIBRARY: &[Packed] = &[\n{rows}];\n");
    store(&out.join("library.rs"), table.as_bytes())
}

fn row(rows: &mut String, name: &str, content_type: &str, content: &[u8], out: &Path) -> Result<(), String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let compressed = encoder.write_all(content).and_then(|()| encoder.finish()).map_err(|e| format!("{name}: {e}"))?;
    store(&out.join(name), content)?;
    store(&out.join(format!("{name}.gz")), &compressed)?;
    let tag = URL_SAFE_NO_PAD.encode(&Sha256::digest(content)[..9]);
    let include = |file: &str| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\"))");
    let (plain, gzip) = (include(name), include(&format!("{name}.gz")));
    writeln!(
        rows,
        "Packed {{ name: {name:?}, content_type: {content_type:?}, tag: {tag:?}, plain: {plain}, gzip: {gzip} }},"
    )
    .map_err(|e| e.to_string())
}

/// The licence of the library, and of every package whose code may be part of its files.
fn licences(library: &Library) -> Result<String, String> {
    let mut text = String::new();
    for package in &library.packages {
        let names = fs::read_dir(package).map_err(|e| format!("{}: {e}", package.display()))?;
        let mut names: Vec<_> = names.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        let licence = names.iter().find(|name| name.to_string_lossy().to_uppercase().starts_with("LICEN"));
        let title = package.iter().rev().take_while(|part| *part != "node_modules").collect::<Vec<_>>();
        let title = title.iter().rev().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        let licence = match licence {
            Some(name) => fs::read_to_string(package.join(name)).map_err(|e| format!("{}: {e}", package.display()))?,
            None => format!("{}\n", declared(package)),
        };
        write!(text, "=== {title}\n\n{}\n\n", licence.trim()).map_err(|e| e.to_string())?;
    }
    Ok(text)
}

/// What a package without a licence file says of its licence.
fn declared(package: &Path) -> String {
    let manifest = fs::read_to_string(package.join("package.json")).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
    manifest["license"].as_str().unwrap_or("see its publisher").to_owned()
}

/// Leaves a file that is the same alone: what is built from it stays good.
fn store(path: &Path, content: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    fs::write(path, content).map_err(|e| format!("{}: {e}", path.display()))
}
