//! The configuration as it is shipped, whole or without one of its texts.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use vigie_domain::{
    city::{City, CityError},
    directory::DirectoryFiles,
    doctrine,
    territory::Territory,
};

fn config(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(path)
}

/// A file of `config`.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(config(path)).unwrap()
}

/// Texts of `config/doctrine` by file name.
pub(crate) fn doctrine_files() -> BTreeMap<String, String> {
    let files = fs::read_dir(config("doctrine")).unwrap().map(|entry| entry.unwrap().path());
    let toml = files.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    toml.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

pub(crate) fn directory_files() -> DirectoryFiles {
    DirectoryFiles {
        roles_toml: text("directory/roles.toml"),
        bodies_csv: text("directory/bodies.csv"),
        contacts_csv: text("directory/contacts.csv"),
        rosters_toml: text("directory/rosters.toml"),
        sources_csv: text("directory/sources.csv"),
        overrides_csv: String::new(),
    }
}

fn read(doctrine: &BTreeMap<String, String>, directory: &DirectoryFiles) -> Result<City, CityError> {
    let territory = Territory::from_bytes(&fs::read(config("territory/paris.territory")).unwrap()).unwrap();
    City::read(territory, directory, doctrine)
}

/// The city as shipped, read once.
static SHIPPED: LazyLock<City> = LazyLock::new(|| read(&doctrine_files(), &directory_files()).unwrap());

/// The city of these files. A directory that is the shipped one is not read again, nor is the territory.
pub(crate) fn city_of(doctrine: &BTreeMap<String, String>, directory: &DirectoryFiles) -> Result<City, CityError> {
    if *directory != directory_files() {
        return read(doctrine, directory);
    }
    let roles = SHIPPED.directory.roles().cloned().collect();
    let doctrine = doctrine::read(doctrine, &roles).map_err(|error| CityError(error.0))?;
    Ok(City { doctrine: Arc::new(doctrine), ..city() })
}

pub(crate) fn city() -> City {
    SHIPPED.clone()
}

/// The city with `to` instead of `from`, which must stand in `file`; every time it stands there.
pub(crate) fn city_with(file: &str, from: &str, to: &str) -> Result<City, CityError> {
    let (mut doctrine, mut directory) = (doctrine_files(), directory_files());
    let text = if file == "roles.toml" { &mut directory.roles_toml } else { doctrine.get_mut(file).unwrap() };
    assert!(text.contains(from), "{file} no longer says: {from}");
    *text = text.replace(from, to);
    city_of(&doctrine, &directory)
}
