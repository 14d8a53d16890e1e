//! What of a configuration says who may do what: a change of it is a matter for two people.
//!
//! Roles and sources are compared as written: whatever is edited in these files is noticed. Of the other files, what they say
//! of it is compared by its value, wherever it stands.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::{city::CityFiles, doctrine::COMMON_FILE};

/// One such part.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Matter {
    /// `roles.toml`: what each role sees and may do.
    Roles,
    /// `sources.csv`: who acts in which role.
    Sources,
    /// `bodies.csv`: the role and the territory of each, by which it is told, asked and acts through links.
    Bodies,
    /// `contacts.csv`: an address that no code proved. One that is proved, or was in force before, is no matter for two.
    Addresses,
    /// The doctrine's classes, and the class of each kind: which roles may know.
    Classes,
    /// How vague a place may be, per role.
    Accuracy,
    /// What of an incident each role reads, and on what.
    Reads,
}

vigie_proto::coded! { pub Matter {
    Roles = "roles",
    Sources = "sources",
    Bodies = "bodies",
    Addresses = "addresses",
    Classes = "classes",
    Accuracy = "accuracy",
    Reads = "reads",
} }

impl Matter {
    /// In French, with its article.
    pub fn label(self) -> &'static str {
        match self {
            Self::Roles => "les rôles",
            Self::Sources => "les sources",
            Self::Bodies => "les services",
            Self::Addresses => "les coordonnées",
            Self::Classes => "les classes",
            Self::Accuracy => "l'imprécision admise",
            Self::Reads => "ce que chacun lit d'un événement",
        }
    }

    /// Whether `after` says something else of it than `before`. An address that goes is no matter for two.
    fn differs(self, before: &CityFiles, after: &CityFiles) -> bool {
        if self == Self::Addresses {
            let rows = |files: &CityFiles| rows_of(&files.directory.contacts_csv, ADDRESS);
            return match (rows(before), rows(after)) {
                (Some(before), Some(after)) => !after.is_subset(&before),
                _ => before.directory.contacts_csv != after.directory.contacts_csv,
            };
        }
        self.said(before) != self.said(after)
    }

    /// What `files` say of it; the whole file when it cannot be read, so that nothing in it passes unnoticed.
    fn said(self, files: &CityFiles) -> String {
        match self {
            Self::Roles => files.directory.roles_toml.clone(),
            Self::Sources => files.directory.sources_csv.clone(),
            Self::Bodies => columns(&files.directory.bodies_csv, POST),
            Self::Addresses => columns(&files.directory.contacts_csv, ADDRESS),
            Self::Classes | Self::Accuracy | Self::Reads => {
                let text = files.doctrine.get(COMMON_FILE).map_or("", String::as_str);
                text.parse::<Table>().map_or_else(|_| text.to_owned(), |file| self.said_by(&file))
            }
        }
    }

    fn said_by(self, common: &Table) -> String {
        if matches!(self, Self::Accuracy | Self::Reads) {
            return common.get(self.code()).map(Value::to_string).unwrap_or_default();
        }
        let kinds = common.get("kinds").and_then(Value::as_table).into_iter().flatten();
        let of_kind = |(kind, rule): (&String, &Value)| Some((kind.clone(), rule.get("class")?.to_string()));
        let classes: BTreeMap<String, String> = kinds.filter_map(of_kind).collect();
        format!("{:?} {classes:?}", common.get("classes").map(Value::to_string))
    }
}

/// By these columns a body is told, asked, and acts through links; its name is anybody's.
const POST: &[&str] = &["id", "role", "territory"];
/// What makes an address, and whose; the duty is the roster's.
const ADDRESS: &[&str] = &["id", "body", "channel", "address", "verified"];

/// These columns of each row; none when it is no table with the first of them. Any other may be absent, and is then empty.
fn rows_of(csv: &str, wanted: &[&str]) -> Option<BTreeSet<Vec<String>>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv.as_bytes());
    let headers = reader.headers().ok()?;
    let places: Vec<_> = wanted.iter().map(|column| headers.iter().position(|header| header == *column)).collect();
    places.first().copied().flatten()?;
    let cell = |row: &csv::StringRecord, place: Option<usize>| {
        place.and_then(|place| row.get(place)).unwrap_or_default().to_owned()
    };
    reader
        .into_records()
        .map(|row| row.ok().map(|row| places.iter().map(|place| cell(&row, *place)).collect()))
        .collect()
}

/// The same as a text; the whole file when there are none, so that nothing in it passes unnoticed.
fn columns(csv: &str, wanted: &[&str]) -> String {
    rows_of(csv, wanted).map_or_else(|| csv.to_owned(), |rows| format!("{rows:?}"))
}

/// What of it differs between two configurations; empty when one person may decide.
pub fn touched(before: &CityFiles, after: &CityFiles) -> Vec<Matter> {
    Matter::ALL.into_iter().filter(|matter| matter.differs(before, after)).collect()
}

/// The same for two configurations exactly when they say the same of who may do what: 64 hexadecimal digits.
///
/// Addresses do not count: a keeper's change, proved meanwhile, is no reason to ask anew.
pub fn fingerprint(files: &CityFiles) -> String {
    let mut hash = Sha256::new();
    for matter in Matter::ALL.into_iter().filter(|matter| *matter != Matter::Addresses) {
        let said = matter.said(files);
        hash.update(said.len().to_be_bytes());
        hash.update(said);
    }
    crate::hex(&hash.finalize())
}

/// SHA-256 of a text, 64 hexadecimal digits.
pub fn digest(text: &str) -> String {
    crate::hex(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::LazyLock};

    use proptest::prelude::*;

    use super::*;
    use crate::directory::DirectoryFiles;

    /// The files that ship.
    static SHIPPED: LazyLock<CityFiles> = LazyLock::new(|| {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        let texts = |folder: &str, ends: &[&str]| -> BTreeMap<String, String> {
            let entries = std::fs::read_dir(config.join(folder)).unwrap().map(|entry| entry.unwrap());
            let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
            let wanted = named.filter(|(name, _)| ends.iter().any(|end| name.ends_with(end)));
            wanted.map(|(name, path)| (name, std::fs::read_to_string(path).unwrap())).collect()
        };
        CityFiles {
            territory: Vec::new(),
            directory: DirectoryFiles::of_named(texts("directory", &[".toml", ".csv"])).unwrap(),
            doctrine: texts("doctrine", &[".toml"]),
        }
    });

    /// Every way to a value that is no table, by keys and places.
    fn leaves(value: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
        let below = |key: String| path.iter().cloned().chain([key]).collect::<Vec<_>>();
        match value {
            Value::Table(table) => table.iter().for_each(|(key, value)| leaves(value, &below(key.clone()), found)),
            Value::Array(list) if !list.is_empty() => {
                list.iter().enumerate().for_each(|(place, value)| leaves(value, &below(place.to_string()), found));
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => found.push(path.to_vec()),
        }
    }

    /// Changes the value there, or takes it away.
    fn change(value: &mut Value, path: &[String], remove: bool) {
        let [key, rest @ ..] = path else {
            *value = Value::String(format!("{value} changed"));
            return;
        };
        match value {
            Value::Table(table) if rest.is_empty() && remove => drop(table.remove(key)),
            Value::Table(table) => change(table.get_mut(key).unwrap(), rest, remove),
            Value::Array(list) if rest.is_empty() && remove => drop(list.remove(key.parse().unwrap())),
            Value::Array(list) => change(&mut list[key.parse::<usize>().unwrap()], rest, remove),
            Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
                unreachable!("a way leads through tables and lists")
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_edited_in_roles_and_sources_is_noticed(
            roles in any::<bool>(), at in any::<prop::sample::Index>(), text in "[ -~\n]{0,4}", gone in 0_usize..40
        ) {
            let before = SHIPPED.clone();
            let mut after = before.clone();
            let file = if roles { &mut after.directory.roles_toml } else { &mut after.directory.sources_csv };
            let places: Vec<usize> = file.char_indices().map(|(place, _)| place).collect();
            let start = at.index(places.len());
            let end = places.get(start + gone).copied().unwrap_or(file.len());
            file.replace_range(places[start]..end, &text);
            let changed = before.directory != after.directory;
            let matter = if roles { Matter::Roles } else { Matter::Sources };
            prop_assert_eq!(touched(&before, &after), if changed { vec![matter] } else { vec![] });
            prop_assert_eq!(fingerprint(&before) != fingerprint(&after), changed);
        }

        #[test]
        fn of_the_doctrine_classes_accuracy_and_reads_are_noticed_and_nothing_else(
            at in any::<prop::sample::Index>(), remove in any::<bool>()
        ) {
            let before = SHIPPED.clone();
            let mut file = Value::Table(before.doctrine[COMMON_FILE].parse::<Table>().unwrap());
            let mut ways = Vec::new();
            leaves(&file, &[], &mut ways);
            let way = &ways[at.index(ways.len())];
            change(&mut file, way, remove);
            let mut after = before.clone();
            after.doctrine.insert(COMMON_FILE.to_owned(), toml::to_string(&file).unwrap());
            let way: Vec<&str> = way.iter().map(String::as_str).collect();
            let expected = match way.as_slice() {
                ["classes", ..] | ["kinds", _, "class"] => vec![Matter::Classes],
                ["accuracy", ..] => vec![Matter::Accuracy],
                ["reads", ..] => vec![Matter::Reads],
                _ => vec![],
            };
            prop_assert_eq!(touched(&before, &after), expected, "{:?}", way);
        }
    }

    /// A table, turned round, with one cell changed or one row gone.
    fn edited(csv: &str, column: &str, at: prop::sample::Index, gone: bool) -> String {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let headers = reader.headers().unwrap().clone();
        let mut rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let row = at.index(rows.len());
        if gone {
            rows.remove(row);
        } else {
            let place = headers.iter().position(|header| header == column).unwrap();
            let cells = rows[row].iter().enumerate();
            rows[row] =
                cells.map(|(here, cell)| if here == place { format!("{cell}9") } else { cell.to_owned() }).collect();
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&headers).unwrap();
        rows.iter().rev().for_each(|row| writer.write_record(row).unwrap());
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn of_bodies_and_contacts_what_gives_power_is_noticed_and_nothing_else(
            contacts in any::<bool>(), column in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
            gone in any::<bool>()
        ) {
            let (file, columns, matter) = if contacts {
                ("contacts.csv", &["id", "body", "channel", "address", "duty", "verified"][..], Matter::Addresses)
            } else {
                ("bodies.csv", &["id", "role", "territory", "name"][..], Matter::Bodies)
            };
            let column = columns[column.index(columns.len())];
            let before = SHIPPED.clone();
            let mut after = before.clone();
            let text = after.directory.text_mut(file).unwrap();
            *text = edited(text, column, at, gone);
            // A body that goes is one that is not asked; an address that goes is only not used.
            let noticed = if gone { !contacts } else { !["duty", "name"].contains(&column) };
            prop_assert_eq!(touched(&before, &after), if noticed { vec![matter] } else { vec![] }, "{}", column);
            prop_assert_eq!(fingerprint(&before) != fingerprint(&after), noticed && !contacts);
        }
    }

    #[test]
    fn other_files_are_no_matter_for_two_and_what_cannot_be_read_is() {
        let before = SHIPPED.clone();
        let mut after = before.clone();
        for name in ["rosters.toml", "overrides.csv"] {
            after.directory.text_mut(name).unwrap().push_str("# edited\n");
        }
        for (name, text) in &mut after.doctrine {
            text.push_str(if name == COMMON_FILE { "# edited\n" } else { "[classes.x]\n" });
        }
        assert_eq!(touched(&before, &after), []);
        after.doctrine.get_mut(COMMON_FILE).unwrap().push_str("][");
        assert_eq!(touched(&before, &after), [Matter::Classes, Matter::Accuracy, Matter::Reads]);
    }
}
