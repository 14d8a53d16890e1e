//! Reads stations, mairies, equipment and addresses. Every fault is collected, none stops the reading; columns are taken
//! by name, in any order, among others.

use csv::{Reader, ReaderBuilder, StringRecord};

use crate::territory::{
    LonLat, Source,
    error::{Fault, Problem},
    point::Vertex,
    source::Row,
};

use super::{Site, SiteKind};

/// The files that places by name come from; each is optional.
#[derive(Debug, Clone, Default)]
pub struct PlaceSources<'a> {
    /// CSV: `name`, `lines`, `lon`, `lat`. Lines as `METRO 2 · RER B`.
    pub stations: Option<Source<'a>>,
    /// CSV: `arrondissement`, `name`, `address`, `lon`, `lat`; a `role` that names a sector of several arrondissements.
    pub mairies: Option<Source<'a>>,
    /// CSV: `name`, `address`, `lon`, `lat`.
    pub equipment: Option<Source<'a>>,
    /// Files in the format of the Base Adresse Nationale: `numero`, `rep`, `nom_voie`, `code_insee`, `lon`, `lat`.
    pub addresses: Vec<Source<'a>>,
    /// Who publishes the equipment and the addresses, and under which licence.
    pub attribution: Vec<String>,
}

impl PlaceSources<'_> {
    /// Whether they say which sites of a kind there are.
    pub(crate) fn replaces(&self, kind: SiteKind) -> bool {
        match kind {
            SiteKind::Station => self.stations.is_some(),
            SiteKind::Mairie => self.mairies.is_some(),
            SiteKind::Equipment => self.equipment.is_some(),
        }
    }
}

/// A row of a file of addresses, before it is located.
#[derive(Debug, Clone)]
pub(super) struct AddressRow {
    /// Nothing for a street or a hamlet without numbers.
    pub(super) number: Option<u32>,
    pub(super) repetition: String,
    pub(super) street: String,
    pub(super) insee: u32,
    pub(super) at: Vertex,
}

/// The number that the national file gives to what has none.
const NO_NUMBER: u32 = 99_999;

pub(super) fn stations(source: Source<'_>, faults: &mut Vec<Fault>) -> Vec<Site> {
    read(source, &["name", "lines", "lon", "lat"], faults, |row| {
        let note = lines(row.get("lines")?);
        Ok(Site { kind: SiteKind::Station, name: named(row, "name")?, note, at: position(row)? })
    })
}

pub(super) fn mairies(source: Source<'_>, faults: &mut Vec<Fault>) -> Vec<Site> {
    read(source, &["name", "address", "lon", "lat"], faults, |row| {
        let site = Site {
            kind: SiteKind::Mairie,
            name: named(row, "name")?,
            note: row.get("address")?.to_owned(),
            at: position(row)?,
        };
        Ok(match row.get("role").unwrap_or_default() {
            role if role.contains("Paris Centre)") => Site { name: format!("{} (Paris Centre)", site.name), ..site },
            role if role.starts_with("former") => Site { note: format!("ancienne mairie, {}", site.note), ..site },
            _ => site,
        })
    })
}

pub(super) fn equipment(source: Source<'_>, faults: &mut Vec<Fault>) -> Vec<Site> {
    read(source, &["name", "address", "lon", "lat"], faults, |row| {
        let note = row.get("address")?.to_owned();
        Ok(Site { kind: SiteKind::Equipment, name: named(row, "name")?, note, at: position(row)? })
    })
}

pub(super) fn addresses(source: Source<'_>, faults: &mut Vec<Fault>) -> Vec<AddressRow> {
    read(source, &["numero", "rep", "nom_voie", "code_insee", "lon", "lat"], faults, |row| {
        let number = match row.get("numero")? {
            "" => None,
            _ => Some(row.parse("numero", "a whole number")?).filter(|&number| number != 0 && number != NO_NUMBER),
        };
        Ok(AddressRow {
            number,
            repetition: row.get("rep")?.to_lowercase(),
            street: row.get("nom_voie")?.split_whitespace().collect::<Vec<_>>().join(" "),
            insee: row.parse("code_insee", "the INSEE code of an arrondissement or a commune, 5 digits")?,
            at: position(row)?,
        })
    })
}

/// Reads every row of a CSV whose columns a comma or a semicolon separates, as its header does.
fn read<T>(
    source: Source<'_>,
    wanted: &[&'static str],
    faults: &mut Vec<Fault>,
    row: impl Fn(&Row<'_>) -> Result<T, Problem>,
) -> Vec<T> {
    let mut fault = |row: usize, problem| {
        faults.push(Fault { file: source.name.to_owned(), at: format!("row {row}"), problem });
    };
    let mut reader = reader(source.text);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            fault(1, Problem::Unreadable(error.to_string()));
            return Vec::new();
        }
    };
    let missing: Vec<_> = wanted.iter().filter(|&&column| header.iter().all(|name| name.trim() != column)).collect();
    if !missing.is_empty() {
        for column in missing {
            fault(1, Problem::Missing(column));
        }
        return Vec::new();
    }
    let header: StringRecord = header.iter().map(str::trim).collect();
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let read = record
            .map_err(|error| Problem::Unreadable(error.to_string()))
            .and_then(|record| row(&Row { header: &header, record: &record }));
        match read {
            Ok(read) => rows.push(read),
            Err(problem) => fault(index + 2, problem),
        }
    }
    rows
}

fn reader(text: &str) -> Reader<&[u8]> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = text.lines().next().unwrap_or_default();
    let delimiter = if header.contains(';') { b';' } else { b',' };
    ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes())
}

fn named(row: &Row<'_>, column: &'static str) -> Result<String, Problem> {
    Some(row.get(column)?).filter(|name| !name.is_empty()).map(str::to_owned).ok_or(Problem::Missing(column))
}

/// To 1e-6 degree, a tenth of a metre.
fn position(row: &Row<'_>) -> Result<Vertex, Problem> {
    let at = LonLat { lon: row.parse("lon", "degrees")?, lat: row.parse("lat", "degrees")? };
    let at = Vertex::nearest(at).ok_or(Problem::NotAPosition)?;
    let tenth = |units: i32| (units + 5).div_euclid(10) * 10;
    Ok(Vertex { x: tenth(at.x), y: tenth(at.y) })
}

/// `METRO 2 · METRO 7bis · RER B` as people say it: `métro 2, 7bis ; RER B`.
fn lines(text: &str) -> String {
    let mut modes: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.split('·').map(str::trim).filter(|line| !line.is_empty()) {
        let (mode, name) = line.split_once(' ').unwrap_or((line, ""));
        let mode = match mode {
            "METRO" => "métro",
            "TRAIN" => "train",
            "TRAM" => "tramway",
            "FUNICULAIRE" => "funiculaire",
            other => other,
        };
        match modes.iter_mut().find(|(known, _)| *known == mode) {
            Some((_, names)) => names.push(name),
            None => modes.push((mode, vec![name])),
        }
    }
    let said = |(mode, names): (&str, Vec<&str>)| format!("{mode} {}", names.join(", ")).trim().to_owned();
    modes.into_iter().map(said).collect::<Vec<_>>().join(" ; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_said_by_mode() {
        assert_eq!(lines("METRO 4 · METRO 5 · RER B · TRAIN H"), "métro 4, 5 ; RER B ; train H");
        assert_eq!(lines("FUNICULAIRE MONTMARTRE"), "funiculaire MONTMARTRE");
        assert_eq!(lines(""), "");
    }

    #[test]
    fn columns_are_taken_by_name_among_others_with_a_mark_and_quotes() {
        let text = "\u{feff}\"id\";nom_voie;x;numero;rep;code_insee;alias;lon;lat\n\
                    1;\"Rue  de Crimée\";0;20;BIS;75119;;2.3801234;48.8801236\n\
                    2;Hameau;0;99999;;75119;;2.38;48.88\n";
        let mut faults = Vec::new();
        let rows = addresses(Source { name: "a.csv", text }, &mut faults);
        assert_eq!(faults, []);
        assert_eq!(
            (rows[0].number, rows[0].repetition.as_str(), rows[0].street.as_str()),
            (Some(20), "bis", "Rue de Crimée")
        );
        assert_eq!((rows[0].at.x, rows[0].at.y), (23_801_230, 488_801_240));
        assert_eq!(rows[1].number, None);
    }

    #[test]
    fn a_fault_names_its_file_and_row() {
        let text =
            "numero;rep;nom_voie;code_insee;lon;lat\nvingt;;Rue X;75119;2.38;48.88\n20;;Rue X;75119;x;48.88\n1;2\n";
        let mut faults = Vec::new();
        assert!(addresses(Source { name: "a.csv", text }, &mut faults).is_empty());
        let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(said[0].starts_with("a.csv, row 2: `numero` holds `vingt`"), "{said:?}");
        assert!(said[1].starts_with("a.csv, row 3: `lon` holds `x`"), "{said:?}");
        assert!(said[2].starts_with("a.csv, row 4: cannot be read"), "{said:?}");
        let mut faults = Vec::new();
        assert!(addresses(Source { name: "a.csv", text: "numero;rep\n" }, &mut faults).is_empty());
        assert_eq!(faults[0].to_string(), "a.csv, row 1: has no usable property or column `nom_voie`: add it");
    }
}
