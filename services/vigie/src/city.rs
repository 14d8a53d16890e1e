//! Reads the city's files from the paths of the configuration.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use vigie_domain::{city::City, directory::DirectoryFiles, territory::Territory};
use vigie_platform::config::PathsConfig;

/// Territory, directory and doctrine, cross-checked; all faults at once.
pub(crate) fn read(paths: &PathsConfig) -> anyhow::Result<City> {
    Ok(City::read(territory(&paths.territory)?, &directory(&paths.directory)?, &doctrine(&paths.doctrine)?)?)
}

pub(crate) fn territory(file: &Path) -> anyhow::Result<Territory> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Territory::from_bytes(&bytes).with_context(|| format!("in {}", file.display()))
}

/// The texts of a directory's files.
pub(crate) fn directory(folder: &Path) -> anyhow::Result<DirectoryFiles> {
    let mut files = DirectoryFiles::default();
    for name in DirectoryFiles::NAMES {
        let path = folder.join(name);
        if name == DirectoryFiles::OPTIONAL && !path.exists() {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.text_mut(name).context("a file of a directory")?.push_str(&text);
    }
    Ok(files)
}

/// Every `.toml` of the folder, by name.
fn doctrine(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(name, text);
        }
    }
    Ok(files)
}
