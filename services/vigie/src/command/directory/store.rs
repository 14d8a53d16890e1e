//! A directory's folder, written so that a reader never sees half a file.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::NamedTempFile;
use vigie_domain::directory::DirectoryFiles;

/// Writes the files of `after` that are not those of `before`, or all, into `folder`; returns their names. The file that a
/// directory may do without goes if this one does.
///
/// All are written beside their places before the first is put into its place: a full disk changes nothing. Each is renamed
/// whole; a machine that dies between two renames leaves some files new and some old, which the next check tells.
pub(super) fn write(
    folder: &Path,
    before: Option<&DirectoryFiles>,
    after: &DirectoryFiles,
) -> anyhow::Result<Vec<&'static str>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let changed = |name: &&'static str| before.is_none_or(|before| before.text(name) != after.text(name));
    let (mut names, mut ready) = (Vec::new(), Vec::new());
    for name in DirectoryFiles::NAMES.into_iter().filter(changed) {
        let (place, text) = (folder.join(name), after.text(name).map_or("", String::as_str));
        if !text.is_empty() || name != DirectoryFiles::OPTIONAL {
            ready.push(prepare(&place, text)?);
            names.push(name);
        }
    }
    for (file, place) in ready {
        put(file, &place)?;
    }
    let optional = folder.join(DirectoryFiles::OPTIONAL);
    if after.overrides_csv.is_empty() && optional.exists() {
        fs::remove_file(&optional).with_context(|| format!("cannot remove {}", optional.display()))?;
        names.push(DirectoryFiles::OPTIONAL);
    }
    Ok(names)
}

/// Puts `text` into the place of a file.
pub(super) fn replace(place: &Path, text: &str) -> anyhow::Result<()> {
    let (file, place) = prepare(place, text)?;
    put(file, &place)
}

/// A new file beside `place`, on the disk, readable by whoever may read the present one: it holds addresses.
fn prepare(place: &Path, text: &str) -> anyhow::Result<(NamedTempFile, PathBuf)> {
    // What a link points to is replaced, not the link.
    let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let what = || format!("cannot write {}", place.display());
    let mut file = NamedTempFile::new_in(folder).with_context(what)?;
    file.write_all(text.as_bytes()).with_context(what)?;
    if let Ok(present) = fs::metadata(&place) {
        file.as_file().set_permissions(present.permissions()).with_context(what)?;
    }
    file.as_file().sync_all().with_context(what)?;
    Ok((file, place))
}

fn put(file: NamedTempFile, place: &Path) -> anyhow::Result<()> {
    file.persist(place).map(drop).with_context(|| format!("cannot write {}", place.display()))
}
