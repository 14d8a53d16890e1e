//! What people change in a directory, as data; applied to the files so that everything else stays byte for byte.

use std::fmt;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Value};
use vigie_proto::{BodyId, Channel, ContactId, RoleId};

use super::{DirectoryError, DirectoryFiles, Fault, LocalTime, read, rows::columns, table::Table};
use crate::territory::Territory;

/// Longest note of an override, characters.
const NOTE_MAX: usize = 200;

/// The file that faults of edited rows are placed in.
const FILE: &str = "edit";

/// One change. New ids come from whoever asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "edit", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// Somebody else holds a rank for a while.
    Replace(Replacement),
    /// Two replacements of which neither holds without the other.
    Swap {
        first: Replacement,
        second: Replacement,
    },
    /// The rotation holds again.
    RemoveOverride {
        id: String,
    },
    /// Adds a contact point or changes one; the proof of the old address is no proof of another.
    SetContact {
        id: ContactId,
        body: BodyId,
        channel: Channel,
        address: String,
        /// Position in the roster; a permanent contact point when absent.
        #[serde(default)]
        duty: Option<String>,
    },
    RemoveContact {
        id: ContactId,
    },
    /// Adds a body. `territory` is `city`, a sector, or `school:` and a UAI.
    AddBody {
        id: BodyId,
        role: RoleId,
        territory: String,
        name: String,
    },
    /// Gives a body another French name.
    RenameBody {
        id: BodyId,
        name: String,
    },
    /// Gives a body a rotation, or another one.
    SetRotation {
        body: BodyId,
        /// Local date and time of the first hand-over.
        #[schema(value_type = String, example = "2026-01-05T08:00")]
        starts: DateTime,
        /// Days between two hand-overs.
        every_days: u16,
        /// Positions in the order they take the first rank.
        order: Vec<String>,
    },
}

/// Who holds a rank of a body's roster for a while, instead of whoever the rotation names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// New, and unique among the overrides.
    pub id: String,
    pub body: BodyId,
    /// Local, in the rosters' time zone.
    #[schema(value_type = String, example = "2026-12-24T08:00")]
    pub from: LocalTime,
    /// Not included.
    #[schema(value_type = String, example = "2026-12-26T08:00")]
    pub until: LocalTime,
    /// 0 is first on duty.
    #[serde(default)]
    pub rank: usize,
    /// The duty position that takes it.
    pub position: String,
    /// Why; functions, never names of people. At most 200 characters.
    #[serde(default)]
    pub note: String,
}

/// An edit that cannot be made to these files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Refusal {
    /// Its place in the list, from 0.
    pub edit: usize,
    /// Why, in English.
    pub what: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "edit {}: {}", self.edit + 1, self.what)
    }
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Some edits speak of what is not there, or say too little.
    #[error("{} edits cannot be made:\n{}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// All can be made, and what comes out is not a directory. A fault of a row that an edit wrote is placed in the file
    /// `edit`, its line being the edit's place in the list, from 1.
    #[error("with these edits {0}")]
    Faulty(#[from] DirectoryError),
}

/// The files with every edit made, in order, or every reason why not.
pub fn apply(files: &DirectoryFiles, edits: &[Edit], territory: &Territory) -> Result<DirectoryFiles, EditError> {
    let mut editor = Editor::new(files)?;
    let mut refusals = Vec::new();
    for (edit, change) in edits.iter().enumerate() {
        editor.number = edit as u64 + 1;
        refusals.extend(editor.make(change).err().map(|what| Refusal { edit, what }));
    }
    if !refusals.is_empty() {
        return Err(EditError::Refused(refusals));
    }
    let edited = editor.files(files);
    match read(&edited, territory) {
        Ok(_) => Ok(edited),
        Err(error) => Err(DirectoryError(error.0.into_iter().map(|fault| editor.located(fault)).collect()).into()),
    }
}

/// The files that edits touch, open.
struct Editor {
    bodies: Table,
    contacts: Table,
    overrides: Table,
    rosters: DocumentMut,
    /// The edit being made, from 1.
    number: u64,
}

impl Editor {
    fn new(files: &DirectoryFiles) -> Result<Self, EditError> {
        let table = |file: &str, text: &str| Table::parse(file, text, columns(file));
        let rosters = files.rosters_toml.parse::<DocumentMut>().map_err(|error| {
            let line = error.span().map_or(1, |span| super::read::line_at(&files.rosters_toml, span.start));
            DirectoryError(vec![Fault::new("rosters.toml", line, error.message())])
        })?;
        Ok(Self {
            bodies: table("bodies.csv", &files.bodies_csv),
            contacts: table("contacts.csv", &files.contacts_csv),
            overrides: table("overrides.csv", &files.overrides_csv),
            rosters,
            number: 0,
        })
    }

    /// A fault where whoever asked for the edits finds it.
    fn located(&self, fault: Fault) -> Fault {
        let table = match fault.file.as_str() {
            "bodies.csv" => &self.bodies,
            "contacts.csv" => &self.contacts,
            "overrides.csv" => &self.overrides,
            _ => return fault,
        };
        match table.lines().binary_search(&fault.line) {
            Ok(place) => Fault { file: table.rows[place].file.clone(), line: table.rows[place].line, ..fault },
            Err(_) => fault,
        }
    }

    fn files(&self, before: &DirectoryFiles) -> DirectoryFiles {
        let has_overrides = !before.overrides_csv.is_empty() || !self.overrides.rows.is_empty();
        DirectoryFiles {
            bodies_csv: self.bodies.text(),
            contacts_csv: self.contacts.text(),
            overrides_csv: if has_overrides { self.overrides.text() } else { String::new() },
            rosters_toml: self.rosters.to_string(),
            roles_toml: before.roles_toml.clone(),
            sources_csv: before.sources_csv.clone(),
        }
    }

    fn make(&mut self, edit: &Edit) -> Result<(), String> {
        match edit {
            Edit::Replace(replacement) => self.replace(replacement),
            Edit::Swap { first, second } => self.replace(first).and_then(|()| self.replace(second)),
            Edit::RemoveOverride { id } => remove(&mut self.overrides, id, "override"),
            Edit::SetContact { id, body, channel, address, duty } => {
                self.set_contact(id, body, *channel, address, duty.as_deref().unwrap_or_default())
            }
            Edit::RemoveContact { id } => remove(&mut self.contacts, id.as_str(), "contact"),
            Edit::AddBody { id, role, territory, name } => {
                let name = text(name, "name")?;
                let cells = [("id", id.as_str()), ("role", role.as_str()), ("territory", territory), ("name", name)];
                add(&mut self.bodies, &cells, "body", self.number)
            }
            Edit::RenameBody { id, name } => {
                let name = text(name, "name")?;
                let place = self.bodies.find(id.as_str()).ok_or_else(|| format!("there is no body `{id}`"))?;
                self.bodies.replace(place, &[("name", name)], FILE, self.number);
                Ok(())
            }
            Edit::SetRotation { body, starts, every_days, order } => {
                self.set_rotation(body, *starts, *every_days, order)
            }
        }
    }

    fn replace(&mut self, replacement: &Replacement) -> Result<(), String> {
        let Replacement { id, body, from, until, rank, position, note } = replacement;
        if note.chars().count() > NOTE_MAX || note.contains(char::is_control) {
            return Err(format!("the note of `{id}` must be one line of at most {NOTE_MAX} characters"));
        }
        let (from, until, rank) = (from.to_string(), until.to_string(), rank.to_string());
        let cells = [
            ("id", text(id, "id")?),
            ("body", body.as_str()),
            ("from", &from),
            ("until", &until),
            ("rank", &rank),
            ("position", text(position, "position")?),
            ("note", note.trim()),
        ];
        add(&mut self.overrides, &cells, "override", self.number)
    }

    fn set_contact(
        &mut self,
        id: &ContactId,
        body: &BodyId,
        channel: Channel,
        address: &str,
        duty: &str,
    ) -> Result<(), String> {
        let (address, duty) = (text(address, "address")?, duty.trim());
        let cells = [
            ("id", id.as_str()),
            ("body", body.as_str()),
            ("channel", channel.code()),
            ("address", address),
            ("duty", duty),
        ];
        let Some(place) = self.contacts.find(id.as_str()) else {
            return add(&mut self.contacts, &cells, "contact", self.number);
        };
        let row = &self.contacts.rows[place];
        let present = |column: &str| self.contacts.cell(row, column);
        if present("body") != body.as_str() {
            return Err(format!("contact `{id}` belongs to `{}`: give the new one another id", present("body")));
        }
        let moved = present("channel") != channel.code() || present("address") != address;
        let unproven = moved.then_some(("verified", ""));
        let cells: Vec<_> = cells.into_iter().chain(unproven).collect();
        self.contacts.replace(place, &cells, FILE, self.number);
        Ok(())
    }

    fn set_rotation(
        &mut self,
        body: &BodyId,
        starts: DateTime,
        every_days: u16,
        order: &[String],
    ) -> Result<(), String> {
        let starts = LocalTime::from(starts).to_string();
        let rosters = self.rosters.entry("roster").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        let rosters = rosters.as_array_of_tables_mut().ok_or("`roster` in rosters.toml is not a list of [[roster]]")?;
        let known = rosters.iter().position(|table| table.get("body").and_then(Item::as_str) == Some(body.as_str()));
        if known.is_none() {
            let mut table = toml_edit::Table::new();
            table.insert("body", toml_edit::value(body.as_str()));
            table.decor_mut().set_prefix("\n");
            rosters.push(table);
        }
        let table = rosters.get_mut(known.unwrap_or(rosters.len().saturating_sub(1))).ok_or("no such roster")?;
        put(table, "starts", starts.into());
        put(table, "every_days", i64::from(every_days).into());
        put(table, "order", order.iter().collect::<Array>().into());
        Ok(())
    }
}

/// Sets a value, keeping what stands around it.
fn put(table: &mut toml_edit::Table, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(present) => {
            *value.decor_mut() = present.decor().clone();
            *present = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
}

fn add(table: &mut Table, cells: &[(&str, &str)], what: &str, edit: u64) -> Result<(), String> {
    let id = cells.iter().find(|(column, _)| *column == "id").map_or("", |(_, id)| id);
    if table.find(id).is_some() {
        return Err(format!("{what} `{id}` is there already"));
    }
    table.push(cells, FILE, edit);
    Ok(())
}

fn remove(table: &mut Table, id: &str, what: &str) -> Result<(), String> {
    let place = table.find(id).ok_or_else(|| format!("there is no {what} `{id}`"))?;
    table.rows.remove(place);
    Ok(())
}

/// A cell that must say something, on one line.
fn text<'a>(text: &'a str, what: &str) -> Result<&'a str, String> {
    match text.trim() {
        "" => Err(format!("the {what} is empty")),
        text if text.contains(char::is_control) => Err(format!("the {what} must be one line")),
        text => Ok(text),
    }
}
