//! The only reader of the configuration's file and of the variables that override it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::{Table, Value, de::Error};

/// Prefix of the variables that override an option.
const PREFIX: &str = "VIGIE__";

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}; give the path with --config or VIGIE_CONFIG")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Invalid { path: String, message: String },
    #[error("the configuration has faults:\n{}", .0.iter().map(|f| format!("  - {f}")).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<String>),
}

/// Reads `path` (the defaults when none) and applies `environment`: `VIGIE__SECTION__KEY` overrides `key` of `[section]`.
///
/// A key that `T` does not know is an error, with line and column in the file, or under the name of its variable.
pub fn read<T: DeserializeOwned>(
    path: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let shown = path.map_or_else(|| "the environment".to_owned(), |path| path.display().to_string());
    let text = match path {
        Some(path) => {
            fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?
        }
        None => String::new(),
    };
    let invalid =
        |path: &str, error: &Error| ConfigError::Invalid { path: path.to_owned(), message: error.to_string() };
    // As the type itself, and not by the table, so that faults carry line and column.
    let mut config = toml::from_str::<T>(&text).map_err(|error| invalid(&shown, &error))?;
    let mut table: Table = toml::from_str(&text).map_err(|error| invalid(&shown, &error))?;
    for (name, value) in environment {
        if let Some(keys) = name.strip_prefix(PREFIX) {
            // One after the other, so that the message names the variable at fault.
            (table, config) = overridden(&table, keys, value).map_err(|error| invalid(&name, &error))?;
        }
    }
    Ok(config)
}

/// `table` with the option at `keys` set, and what it reads as. A number or a boolean where `T` takes one; else text.
fn overridden<T: DeserializeOwned>(table: &Table, keys: &str, value: String) -> Result<(Table, T), Error> {
    let attempt = |value: Value| {
        let mut table = table.clone();
        set(&mut table, &keys.to_lowercase(), value);
        let read = table.clone().try_into()?;
        Ok((table, read))
    };
    let parsed = toml::from_str::<Table>(&format!("v = {value}")).ok().and_then(|mut parsed| parsed.remove("v"));
    match parsed.filter(|parsed| parsed.is_integer() || parsed.is_float() || parsed.is_bool()) {
        None => attempt(Value::String(value)),
        Some(parsed) => attempt(parsed).or_else(|error| attempt(Value::String(value)).map_err(|_| error)),
    }
}

/// Sets `section__key`, or `section__table__key`.
fn set(table: &mut Table, keys: &str, value: Value) {
    let Some((section, rest)) = keys.split_once("__") else {
        table.insert(keys.to_owned(), value);
        return;
    };
    let mut within = match table.remove(section) {
        Some(Value::Table(within)) => within,
        // Where something else stood, reading the whole says that a table came there.
        Some(_) | None => Table::new(),
    };
    set(&mut within, rest, value);
    table.insert(section.to_owned(), Value::Table(within));
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Write as _};

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct House {
        door: Door,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Door {
        code: Option<String>,
        open: bool,
        width: f64,
        steps: u8,
        keys: BTreeMap<String, String>,
    }

    fn with(variables: &[(&str, &str)]) -> Result<House, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(None, variables).map_err(|error| error.to_string())
    }

    #[test]
    fn the_type_of_an_option_says_how_its_variable_is_read() {
        let door = with(&[
            ("VIGIE__DOOR__CODE", "0712"),
            ("VIGIE__DOOR__OPEN", "true"),
            ("VIGIE__DOOR__WIDTH", "60"),
            ("VIGIE__DOOR__STEPS", "3"),
            ("VIGIE__DOOR__KEYS__CELLAR", "true"),
            ("ANOTHER__DOOR__STEPS", "many"),
        ])
        .unwrap()
        .door;
        let keys = [("cellar".to_owned(), "true".to_owned())].into();
        assert_eq!(door, Door { code: Some("0712".to_owned()), open: true, width: 60.0, steps: 3, keys });
        for code in ["1234", "1e3", "false", "0x10", "say \"friend\"", ""] {
            let read = with(&[("VIGIE__DOOR__CODE", code)]).unwrap().door.code;
            assert_eq!(read.as_deref(), Some(code));
        }
    }

    #[test]
    fn the_variable_at_fault_is_named_with_what_was_expected() {
        let fine = ("VIGIE__DOOR__STEPS", "3");
        for (name, value, expected) in [
            ("VIGIE__DOOR__STEPS", "many", "string \"many\", expected u8"),
            ("VIGIE__DOOR__STEPS", "300", "integer `300`, expected u8"),
            ("VIGIE__DOOR__OPEN", "1", "integer `1`, expected a boolean"),
            ("VIGIE__DOOR__STEP", "3", "unknown field `step`, expected one of `code`"),
            ("VIGIE__DOOR__STEPS__OF__STONE", "3", "map, expected u8"),
            ("VIGIE__DOOR", "3", "expected struct Door"),
            ("VIGIE__WINDOW__OPEN", "true", "unknown field `window`"),
        ] {
            let error = with(&[fine, (name, value), fine]).unwrap_err();
            assert!(error.starts_with(&format!("{name}: ")) && error.contains(expected), "{name}={value}: {error}");
        }
    }

    #[test]
    fn a_fault_of_the_file_has_its_line_and_column() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "[door]\nopen = true\nsteps = \"many\"\n").unwrap();
        let error = read::<House>(Some(file.path()), std::iter::empty()).unwrap_err().to_string();
        assert!(error.contains("line 3, column 9") && error.contains("expected u8"), "{error}");
    }
}
