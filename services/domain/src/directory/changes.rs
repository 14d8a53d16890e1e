//! What differs between two versions of a directory's files, entry by entry.

use std::collections::BTreeMap;

use super::{
    DirectoryFiles,
    rows::{RosterFile, columns},
    table::Table,
};

/// One entry that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema)]
pub struct Change {
    /// Name of the file.
    pub file: String,
    /// The row's id; the body of a roster; the name of a role.
    pub id: String,
    pub verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    Added,
    Changed,
    Removed,
}

/// Every entry that is not the same in both, by file and id. What an entry says is compared, not how it is written; its
/// values are not part of the answer, so that it can be kept and shown where addresses may not be.
pub fn changes(before: &DirectoryFiles, after: &DirectoryFiles) -> Vec<Change> {
    let mut changes = Vec::new();
    for file in DirectoryFiles::NAMES {
        let of = |files: &DirectoryFiles| entries(file, files.text(file).map_or("", String::as_str));
        let (old, new) = (of(before), of(after));
        let mut change = |id: &str, verb| changes.push(Change { file: file.to_owned(), id: id.to_owned(), verb });
        for (id, value) in &old {
            match new.get(id) {
                None => change(id, Verb::Removed),
                Some(other) if other != value => change(id, Verb::Changed),
                Some(_) => {}
            }
        }
        new.keys().filter(|id| !old.contains_key(*id)).for_each(|id| change(id, Verb::Added));
    }
    changes.sort();
    changes
}

/// What a file says, by id. Entries of an unreadable file are none.
fn entries(file: &str, text: &str) -> BTreeMap<String, String> {
    match file {
        "roles.toml" => {
            let roles = text.parse::<toml::Table>().unwrap_or_default();
            roles.into_iter().map(|(id, role)| (id, role.to_string())).collect()
        }
        "rosters.toml" => {
            let Ok(file) = toml::from_str::<RosterFile>(text) else { return BTreeMap::new() };
            let rotation = |row: super::rows::RosterRow| {
                let said = format!("{} {} {} {:?}", file.timezone, row.starts, row.every_days, row.order);
                (row.body.into_inner(), said)
            };
            file.roster.into_iter().map(rotation).collect()
        }
        _ => {
            let table = Table::parse(file, text, columns(file));
            let cells = |row| columns(file).iter().map(|c| table.cell(row, c)).collect::<Vec<_>>().join("\n");
            table.rows.iter().map(|row| (table.cell(row, "id").to_owned(), cells(row))).collect()
        }
    }
}
