//! Reads the city's files from the paths of the configuration.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use vigie_domain::{
    city::{City, CityFiles},
    crisis::exercise::Script,
    directory::DirectoryFiles,
};

use crate::config::PathsConfig;

/// Territory, directory and doctrine, cross-checked; all faults at once.
pub(crate) fn read(paths: &PathsConfig) -> anyhow::Result<City> {
    Ok(City::of(&files(paths)?)?)
}

/// The files themselves, unread.
pub(crate) fn files(paths: &PathsConfig) -> anyhow::Result<CityFiles> {
    Ok(CityFiles {
        territory: territory(&paths.territory)?,
        directory: directory(&paths.directory)?,
        doctrine: doctrine(&paths.doctrine)?,
    })
}

/// The packed territory.
pub(crate) fn territory(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The files of a directory's folder.
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
pub(crate) fn doctrine(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    toml_files(folder)
}

fn toml_files(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
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

/// Every script of the folder, by name; none when there is no such folder.
pub(crate) fn exercises(folder: &Path) -> anyhow::Result<BTreeMap<String, Script>> {
    if !folder.exists() {
        return Ok(BTreeMap::new());
    }
    let scripts = toml_files(folder)?.into_iter().map(|(file, text)| {
        let script = Script::read(&file, &text)?;
        Ok((file.trim_end_matches(".toml").to_owned(), script))
    });
    scripts.collect()
}
