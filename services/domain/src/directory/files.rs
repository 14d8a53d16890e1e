//! A directory's files by name, as they are stored and sent.

use std::collections::BTreeMap;

use super::DirectoryFiles;

/// A set of files that is not a directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct NotADirectory(pub Vec<String>);

impl DirectoryFiles {
    /// File names and texts; the replacements only when there are any.
    pub fn named(&self) -> BTreeMap<String, String> {
        let always = [
            ("roles.toml", &self.roles_toml),
            ("bodies.csv", &self.bodies_csv),
            ("contacts.csv", &self.contacts_csv),
            ("rosters.toml", &self.rosters_toml),
            ("sources.csv", &self.sources_csv),
        ];
        let overrides = (!self.overrides_csv.is_empty()).then_some(("overrides.csv", &self.overrides_csv));
        always.into_iter().chain(overrides).map(|(name, text)| (name.to_owned(), text.clone())).collect()
    }

    /// The directory of `files`; a missing or unknown name is a fault, all at once.
    pub fn of_named(mut files: BTreeMap<String, String>) -> Result<Self, NotADirectory> {
        let mut faults = Vec::new();
        let overrides_csv = files.remove("overrides.csv").unwrap_or_default();
        let mut take = |name: &str| {
            files.remove(name).unwrap_or_else(|| {
                faults.push(format!("{name} is missing"));
                String::new()
            })
        };
        let directory = Self {
            roles_toml: take("roles.toml"),
            bodies_csv: take("bodies.csv"),
            contacts_csv: take("contacts.csv"),
            rosters_toml: take("rosters.toml"),
            sources_csv: take("sources.csv"),
            overrides_csv,
        };
        faults.extend(files.keys().map(|name| format!("{name} is not a file of a directory")));
        if faults.is_empty() { Ok(directory) } else { Err(NotADirectory(faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_comes_back_from_its_names_and_says_all_that_does_not_fit() {
        let files =
            DirectoryFiles { roles_toml: "[a]".into(), overrides_csv: "id".into(), ..DirectoryFiles::default() };
        let named = files.named();
        assert_eq!(DirectoryFiles::of_named(named.clone()).unwrap().named(), named);
        let mut broken = named;
        broken.remove("bodies.csv");
        broken.insert("passwd".into(), String::new());
        let faults = DirectoryFiles::of_named(broken).unwrap_err().0;
        assert_eq!(faults, ["bodies.csv is missing", "passwd is not a file of a directory"]);
    }
}
