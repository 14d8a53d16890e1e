//! A directory in the making: files with rows imported over them, read whole, or without the rows that are bad.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use toml_edit::DocumentMut;

use super::{
    Directory, DirectoryError, DirectoryFiles, Fault,
    read::{line_at, read},
    rows::{COLUMNS, OPTIONAL_COLUMNS, RosterFile, columns},
    table::{Row, Table},
};
use crate::territory::Territory;

const ROSTERS: &str = "rosters.toml";

/// Files that know where each of their rows was written, so that a fault is told there.
#[derive(Debug, Clone)]
pub struct Draft {
    tables: BTreeMap<&'static str, Table>,
    roles_toml: String,
    rosters_toml: String,
    /// The lines of the rosters as they were given.
    rosters: Vec<u64>,
    /// Imported rows that could not even be put among the others.
    faults: Vec<Fault>,
    has_overrides: bool,
}

/// What is left of a directory without its bad rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    pub files: DirectoryFiles,
    /// Why each row that was left out was.
    pub dropped: Vec<Fault>,
}

/// The files without their bad rows, and without those that stand on them: a contact of a bad body, a roster whose
/// position nobody can reach any more, a replacement in it. An error when what is left cannot be a directory.
pub fn salvage(files: &DirectoryFiles, territory: &Territory) -> Result<Salvaged, DirectoryError> {
    Draft::new(files).salvage(territory)
}

impl Draft {
    pub fn new(files: &DirectoryFiles) -> Self {
        let table = |&(name, columns): &(&'static str, &[&str])| {
            (name, Table::parse(name, files.text(name).map_or("", String::as_str), columns))
        };
        Self {
            tables: COLUMNS.iter().map(table).collect(),
            roles_toml: files.roles_toml.clone(),
            rosters_toml: files.rosters_toml.clone(),
            rosters: roster_lines(&files.rosters_toml),
            faults: Vec::new(),
            has_overrides: !files.overrides_csv.is_empty(),
        }
    }

    /// Whether a file of that name holds rows that can be imported.
    pub fn takes(file: &str) -> bool {
        !columns(file).is_empty()
    }

    /// Puts the rows of `text`, the file that its giver calls `label`, over those of `file`: a row with a known id replaces
    /// that row, a new one is added, the others stay. With `replace_all` they do not.
    ///
    /// Columns may come in any order; one that may be absent and is leaves what is there. An error when the header is not
    /// that of such a file; bad rows come out in [`Self::read`].
    pub fn import(&mut self, file: &str, label: &str, text: &str, replace_all: bool) -> Result<(), DirectoryError> {
        let incoming = Table::parse(label, text, &[]);
        let faults = header_faults(label, incoming.columns(), columns(file));
        let Some(table) = self.tables.get_mut(file).filter(|_| faults.is_empty()) else {
            return Err(DirectoryError(faults));
        };
        if replace_all {
            *table = incoming;
            return Ok(());
        }
        let mut places: HashMap<String, usize> =
            table.rows.iter().enumerate().map(|(place, row)| (table.cell(row, "id").to_owned(), place)).collect();
        let mut seen = BTreeSet::new();
        for row in &incoming.rows {
            let id = incoming.cell(row, "id");
            let fault = if row.cells().len() != incoming.columns().len() {
                Some(format!("the row has {} cells, the header {}", row.cells().len(), incoming.columns().len()))
            } else if !seen.insert(id) {
                Some(format!("`{id}` is given twice"))
            } else {
                None
            };
            if let Some(what) = fault {
                self.faults.push(Fault::new(label, row.line, what));
                continue;
            }
            put(table, places.get(id).copied(), &incoming, row);
            places.entry(id.to_owned()).or_insert(table.rows.len() - 1);
        }
        Ok(())
    }

    /// The files as they stand, bad rows included, but for those that could not be put among the others.
    pub fn files(&self) -> DirectoryFiles {
        let mut files = DirectoryFiles {
            roles_toml: self.roles_toml.clone(),
            rosters_toml: self.rosters_toml.clone(),
            ..DirectoryFiles::default()
        };
        for (name, table) in &self.tables {
            let is_absent = *name == DirectoryFiles::OPTIONAL && !self.has_overrides && table.rows.is_empty();
            if let Some(text) = files.text_mut(name).filter(|_| !is_absent) {
                *text = table.text();
            }
        }
        files
    }

    /// Reads it, or says every fault where its row was written.
    pub fn read(&self, territory: &Territory) -> Result<Directory, DirectoryError> {
        match read(&self.files(), territory) {
            Ok(directory) if self.faults.is_empty() => Ok(directory),
            Ok(_) => Err(DirectoryError(self.faults.clone())),
            Err(error) => {
                let places = self.places();
                let located = error.0.into_iter().map(|fault| self.located(fault, &places));
                Err(DirectoryError(self.faults.iter().cloned().chain(located).collect()))
            }
        }
    }

    /// Leaves bad rows out until it reads. A bad row that had replaced another gives it its place back.
    pub fn salvage(mut self, territory: &Territory) -> Result<Salvaged, DirectoryError> {
        let mut dropped = std::mem::take(&mut self.faults);
        loop {
            let files = self.files();
            let Err(DirectoryError(faults)) = read(&files, territory) else { return Ok(Salvaged { files, dropped }) };
            let places = self.places();
            dropped.extend(faults.iter().cloned().map(|fault| self.located(fault, &places)));
            let bad: Option<BTreeSet<(String, usize)>> =
                faults.iter().map(|fault| Some((fault.file.clone(), places.of(fault)?))).collect();
            let Some(bad) = bad else { return Err(DirectoryError(dropped)) };
            // From the last to the first, so that places stay true.
            for (file, place) in bad.into_iter().rev() {
                self.drop_entry(&file, place);
            }
        }
    }

    fn places(&self) -> Places {
        let tables = self.tables.iter().map(|(name, table)| (*name, table.lines()));
        Places(tables.chain([(ROSTERS, roster_lines(&self.rosters_toml))]).collect())
    }

    /// The fault, placed where its row was written.
    fn located(&self, fault: Fault, places: &Places) -> Fault {
        let Some(place) = places.of(&fault) else { return fault };
        match self.tables.get(fault.file.as_str()).and_then(|table| table.rows.get(place)) {
            Some(row) => Fault { file: row.file.clone(), line: row.line, ..fault },
            None => Fault { line: self.rosters.get(place).copied().unwrap_or(fault.line), ..fault },
        }
    }

    fn drop_entry(&mut self, file: &str, place: usize) {
        if let Some(table) = self.tables.get_mut(file) {
            table.drop_row(place);
        } else if let Ok(mut document) = self.rosters_toml.parse::<DocumentMut>()
            && let Some(rosters) = document.get_mut("roster").and_then(toml_edit::Item::as_array_of_tables_mut)
        {
            rosters.remove(place);
            self.rosters.remove(place);
            self.rosters_toml = document.to_string();
        }
    }
}

/// The lines on which the entries of each file begin, in order.
struct Places(BTreeMap<&'static str, Vec<u64>>);

impl Places {
    /// The entry a fault speaks of; none when it speaks of the file.
    fn of(&self, fault: &Fault) -> Option<usize> {
        self.0.get(fault.file.as_str())?.binary_search(&fault.line).ok()
    }
}

/// The lines on which the rosters name their bodies; none when the file cannot be read, or is not a list of `[[roster]]`.
fn roster_lines(text: &str) -> Vec<u64> {
    let is_list =
        text.parse::<DocumentMut>().is_ok_and(|d| d.get("roster").is_some_and(toml_edit::Item::is_array_of_tables));
    let Some(file) = toml::from_str::<RosterFile>(text).ok().filter(|_| is_list) else { return Vec::new() };
    file.roster.iter().map(|row| line_at(text, row.body.span().start)).collect()
}

fn header_faults(label: &str, given: &[String], expected: &[&str]) -> Vec<Fault> {
    let fault = |what: String| Fault::new(label, 1, what);
    let unknown = given.iter().filter(|column| !expected.contains(&column.as_str()));
    let missing = expected.iter().filter(|c| !OPTIONAL_COLUMNS.contains(c) && !given.iter().any(|g| g == *c));
    let twice = given.iter().enumerate().filter(|(place, column)| given[..*place].contains(column));
    unknown
        .map(|column| fault(format!("there is no column `{column}`: {}", expected.join(", "))))
        .chain(missing.map(|column| fault(format!("column `{column}` is missing"))))
        .chain(twice.map(|(_, column)| fault(format!("column `{column}` is given twice"))))
        .collect()
}

/// Puts one imported row into its place.
fn put(table: &mut Table, place: Option<usize>, incoming: &Table, row: &Row) {
    let mut cells: Vec<(&str, &str)> =
        incoming.columns().iter().map(|column| (column.as_str(), incoming.cell(row, column))).collect();
    let Some(place) = place else {
        table.push(&cells, &row.file, row.line);
        return;
    };
    // The proof of one address is no proof of another.
    let is_same = |column: &str| table.cell(&table.rows[place], column) == incoming.cell(row, column);
    let says_when = incoming.columns().iter().any(|column| column == "verified");
    let has_moved = !is_same("channel") || !is_same("address");
    if has_moved && !says_when {
        cells.push(("verified", ""));
    }
    table.replace(place, &cells, &row.file, row.line);
}
