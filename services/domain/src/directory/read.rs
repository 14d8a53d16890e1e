//! Reads the directory's files whole, or lists every fault at once.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use vigie_proto::{BodyId, ContactId, RoleId, SourceId, YEARS};

use super::{
    Ambit, Body, Contact, Directory, DirectoryError, DirectoryFiles, Fault, LocalTime, Place, Role, Roster, Source,
    roster::Override,
    rows::{BodyRow, ContactRow, OverrideRow, RosterFile, RosterRow, SourceRow, address_fault},
    table,
};
use crate::territory::Territory;

/// Reads and cross-checks a directory against the territory its bodies stand in.
pub fn read(files: &DirectoryFiles, territory: &Territory) -> Result<Directory, DirectoryError> {
    read_as(files, territory, None)
}

/// Reads what [`DirectoryFiles::without_addresses`] made of the directory whose hash is `hash`, and which has it too: it is
/// the same version, of which less is seen.
pub fn read_shared(files: &DirectoryFiles, territory: &Territory, hash: &str) -> Result<Directory, DirectoryError> {
    read_as(files, territory, Some(hash))
}

fn read_as(files: &DirectoryFiles, territory: &Territory, shared: Option<&str>) -> Result<Directory, DirectoryError> {
    let mut reader = Reader { faults: Vec::new(), territory, is_shared: shared.is_some() };
    let roles = reader.toml::<BTreeMap<RoleId, Role>>("roles.toml", &files.roles_toml).unwrap_or_default();
    let mut bodies = reader.bodies(&files.bodies_csv, &roles);
    let contacts = reader.contacts(&files.contacts_csv, &mut bodies);
    reader.rosters(&files.rosters_toml, &mut bodies);
    reader.overrides(&files.overrides_csv, &mut bodies);
    let sources = reader.sources(&files.sources_csv, &bodies, &roles);
    if !reader.faults.is_empty() {
        return Err(DirectoryError(reader.faults));
    }
    let mut by_place: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for body in bodies.values() {
        by_place.entry((body.role.clone(), Place::from(&body.ambit))).or_default().push(body.id.clone());
    }
    let hash = shared.map_or_else(|| hash(files), str::to_owned);
    Ok(Directory { hash, bodies, by_place, contacts, sources, roles })
}

fn hash(files: &DirectoryFiles) -> String {
    let mut hasher = Sha256::new();
    // A directory without overrides keeps the hash it had before there were any.
    let overrides = (!files.overrides_csv.is_empty()).then_some(&files.overrides_csv);
    for text in [&files.roles_toml, &files.bodies_csv, &files.contacts_csv, &files.rosters_toml, &files.sources_csv]
        .into_iter()
        .chain(overrides)
    {
        hasher.update(text.len().to_be_bytes());
        hasher.update(text);
    }
    crate::hex(&hasher.finalize())
}

/// The line an offset lies on, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> u64 {
    1 + text[..offset].matches('\n').count() as u64
}

/// What is wrong with a row, by the name of its column.
fn cell_fault(error: &csv::Error, headers: &csv::StringRecord) -> String {
    if let csv::ErrorKind::UnequalLengths { len, expected_len, .. } = error.kind() {
        return format!("the row has {len} cells, the header {expected_len}");
    }
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return error.to_string() };
    let column = err.field().and_then(|field| headers.get(usize::try_from(field).ok()?));
    column.map_or_else(|| err.kind().to_string(), |column| format!("`{column}`: {}", err.kind()))
}

struct Reader<'a> {
    faults: Vec<Fault>,
    territory: &'a Territory,
    /// Addresses were taken out.
    is_shared: bool,
}

/// Said of a date outside [`YEARS`].
fn beyond(what: impl fmt::Display) -> String {
    format!("`{what}` is not in the years {} to {}", YEARS.start(), YEARS.end())
}

impl Reader<'_> {
    fn fault(&mut self, file: &str, line: u64, what: impl std::fmt::Display) {
        self.faults.push(Fault::new(file, line, what));
    }

    fn keep<T, E: std::fmt::Display>(&mut self, file: &str, line: u64, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.fault(file, line, error)).ok()
    }

    fn toml<T: DeserializeOwned>(&mut self, file: &str, text: &str) -> Option<T> {
        let place = |error: &toml::de::Error| error.span().map_or(1, |span| line_at(text, span.start));
        toml::from_str(text).map_err(|error| self.fault(file, place(&error), error.message())).ok()
    }

    /// Rows with their line numbers; an unreadable row is a fault.
    fn rows<T: DeserializeOwned>(&mut self, file: &str, text: &str) -> Vec<(u64, T)> {
        let mut rows = Vec::new();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let headers = match reader.headers() {
            Ok(headers) => headers.clone(),
            Err(error) => {
                self.fault(file, 1, error);
                return rows;
            }
        };
        let line_of =
            |position: Option<&csv::Position>| position.map_or(1, |position| table::beginning(text, position).1);
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = line_of(record.position());
                    match record.deserialize(Some(&headers)) {
                        Ok(row) => rows.push((line, row)),
                        Err(error) => self.fault(file, line, cell_fault(&error, &headers)),
                    }
                }
                Err(error) => {
                    let line = line_of(error.position());
                    self.fault(file, line, cell_fault(&error, &headers));
                }
            }
        }
        rows
    }

    fn ambit(&mut self, file: &str, line: u64, text: &str) -> Option<Ambit> {
        let ambit = self.keep(file, line, text.parse::<Ambit>())?;
        let known = match &ambit {
            Ambit::City => true,
            Ambit::Sector(id) => self.territory.sector(id).is_some(),
            Ambit::School(uai) => self.territory.school(uai).is_some(),
        };
        if !known {
            self.fault(file, line, format!("`{text}` is not in the territory"));
        }
        known.then_some(ambit)
    }

    fn role(&mut self, file: &str, line: u64, text: &str, roles: &BTreeMap<RoleId, Role>) -> Option<RoleId> {
        let role = self.keep(file, line, RoleId::new(text))?;
        if !roles.contains_key(&role) {
            self.fault(file, line, format!("role `{text}` is not in roles.toml"));
            return None;
        }
        Some(role)
    }

    fn bodies(&mut self, text: &str, roles: &BTreeMap<RoleId, Role>) -> BTreeMap<BodyId, Body> {
        const FILE: &str = "bodies.csv";
        let mut bodies = BTreeMap::new();
        for (line, row) in self.rows::<BodyRow>(FILE, text) {
            let (id, role, ambit) = (
                self.keep(FILE, line, BodyId::new(row.id.as_str())),
                self.role(FILE, line, &row.role, roles),
                self.ambit(FILE, line, &row.territory),
            );
            let (Some(id), Some(role), Some(ambit)) = (id, role, ambit) else { continue };
            match bodies.entry(id.clone()) {
                Entry::Occupied(_) => self.fault(FILE, line, format!("body `{id}` is given twice")),
                Entry::Vacant(place) => {
                    place.insert(Body { id, role, ambit, name: row.name, contacts: Vec::new(), roster: None });
                }
            }
        }
        bodies
    }

    fn contacts(&mut self, text: &str, bodies: &mut BTreeMap<BodyId, Body>) -> BTreeMap<ContactId, BodyId> {
        const FILE: &str = "contacts.csv";
        let mut contacts = BTreeMap::new();
        for (line, row) in self.rows::<ContactRow>(FILE, text) {
            let Some(id) = self.keep(FILE, line, ContactId::new(row.id.as_str())) else { continue };
            if let Some(fault) = address_fault(row.channel, &row.address).filter(|_| !self.is_shared) {
                self.fault(FILE, line, fault);
                continue;
            }
            let Some(body) = BodyId::new(row.body.as_str()).ok().and_then(|id| bodies.get_mut(&id)) else {
                self.fault(FILE, line, format!("body `{}` is not in bodies.csv", row.body));
                continue;
            };
            if contacts.insert(id.clone(), body.id.clone()).is_some() {
                self.fault(FILE, line, format!("contact `{id}` is given twice"));
                continue;
            }
            let duty = (!row.duty.is_empty()).then_some(row.duty);
            let ContactRow { channel, address, verified, .. } = row;
            body.contacts.push(Contact { id, channel, address, duty, verified });
        }
        contacts
    }

    fn rosters(&mut self, text: &str, bodies: &mut BTreeMap<BodyId, Body>) {
        const FILE: &str = "rosters.toml";
        let Some(file) = self.toml::<RosterFile>(FILE, text) else { return };
        let Some(zone) = self.keep(FILE, 1, TimeZone::get(&file.timezone)) else { return };
        for RosterRow { body: name, starts, every_days, order } in file.roster {
            let (line, name) = (line_at(text, name.span().start), name.into_inner());
            let Some(body) = BodyId::new(name.as_str()).ok().and_then(|id| bodies.get_mut(&id)) else {
                self.fault(FILE, line, format!("body `{name}` is not in bodies.csv"));
                continue;
            };
            if every_days < 1 || order.is_empty() {
                self.fault(
                    FILE,
                    line,
                    format!("roster of `{name}`: every_days must be at least 1 and order not empty"),
                );
            }
            if !YEARS.contains(&starts.year()) {
                self.fault(FILE, line, format!("roster of `{name}`: {}", beyond(starts)));
            }
            for (place, position) in order.iter().enumerate() {
                if order[..place].contains(position) {
                    self.fault(FILE, line, format!("roster of `{name}`: the order names `{position}` twice"));
                }
                if !body.contacts.iter().any(|contact| contact.duty.as_ref() == Some(position)) {
                    self.fault(FILE, line, format!("roster of `{name}`: no contact has duty `{position}`"));
                }
            }
            if body.roster.is_some() {
                self.fault(FILE, line, format!("`{name}` has two rosters"));
                continue;
            }
            body.roster = Some(Roster { starts, zone: zone.clone(), every_days, order, overrides: Vec::new() });
        }
    }

    fn overrides(&mut self, text: &str, bodies: &mut BTreeMap<BodyId, Body>) {
        const FILE: &str = "overrides.csv";
        if text.is_empty() {
            return;
        }
        let mut seen = BTreeSet::new();
        for (line, row) in self.rows::<OverrideRow>(FILE, text) {
            if !seen.insert(row.id.clone()) {
                self.fault(FILE, line, format!("override `{}` is given twice", row.id));
            }
            let body = BodyId::new(row.body.as_str()).ok().and_then(|id| bodies.get_mut(&id));
            let Some((body, roster)) = body.and_then(|body| Some((body.contacts.clone(), body.roster.as_mut()?)))
            else {
                self.fault(FILE, line, format!("body `{}` has no roster", row.body));
                continue;
            };
            let mut instant = |local: LocalTime| self.keep(FILE, line, local.instant(&roster.zone));
            let (Some(from), Some(until)) = (instant(row.from), instant(row.until)) else { continue };
            if until <= from {
                self.fault(FILE, line, "it ends before it begins");
            }
            for end in [row.from, row.until].iter().filter(|end| !YEARS.contains(&end.year())) {
                self.fault(FILE, line, beyond(end));
            }
            let position = row.position;
            if !body.iter().any(|contact| contact.duty.as_ref() == Some(&position)) {
                self.fault(FILE, line, format!("no contact of `{}` has duty `{position}`", row.body));
            }
            let same = roster.overrides.iter().find(|o| o.rank == row.rank && o.from < until && from < o.until);
            if let Some(other) = same {
                let what = format!("overlaps `{}` at the same rank", other.id);
                self.fault(FILE, line, what);
            }
            roster.overrides.push(Override { id: row.id, from, until, rank: row.rank, position });
        }
    }

    fn sources(
        &mut self,
        text: &str,
        bodies: &BTreeMap<BodyId, Body>,
        roles: &BTreeMap<RoleId, Role>,
    ) -> BTreeMap<SourceId, Source> {
        const FILE: &str = "sources.csv";
        let mut sources = BTreeMap::new();
        for (line, row) in self.rows::<SourceRow>(FILE, text) {
            let (id, role, ambit, body) = (
                self.keep(FILE, line, SourceId::new(row.id.as_str())),
                self.role(FILE, line, &row.role, roles),
                self.ambit(FILE, line, &row.territory),
                self.keep(FILE, line, BodyId::new(row.body.as_str())),
            );
            let (Some(id), Some(role), Some(ambit), Some(body)) = (id, role, ambit, body) else { continue };
            if !bodies.contains_key(&body) {
                self.fault(FILE, line, format!("body `{body}` is not in bodies.csv"));
            }
            let source = Source { id: id.clone(), role, body, ambit, name: row.name };
            if sources.insert(id.clone(), source).is_some() {
                self.fault(FILE, line, format!("source `{id}` is given twice"));
            }
        }
        sources
    }
}
