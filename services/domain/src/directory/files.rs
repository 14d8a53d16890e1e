//! The files a directory is kept in, and their names, by which they are stored and sent.

use std::collections::BTreeMap;

use super::rows;

/// The text of each file of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryFiles {
    pub roles_toml: String,
    pub bodies_csv: String,
    pub contacts_csv: String,
    pub rosters_toml: String,
    pub sources_csv: String,
    /// Replacements and swaps; empty when there is no such file.
    pub overrides_csv: String,
}

impl DirectoryFiles {
    /// The names of the files, the optional one last.
    pub const NAMES: [&str; 6] =
        ["roles.toml", "bodies.csv", "contacts.csv", "rosters.toml", "sources.csv", "overrides.csv"];

    /// The one a directory may do without.
    pub const OPTIONAL: &str = "overrides.csv";

    /// The text of the file of that name; none of another file.
    pub fn text(&self, name: &str) -> Option<&String> {
        match name {
            "roles.toml" => Some(&self.roles_toml),
            "bodies.csv" => Some(&self.bodies_csv),
            "contacts.csv" => Some(&self.contacts_csv),
            "rosters.toml" => Some(&self.rosters_toml),
            "sources.csv" => Some(&self.sources_csv),
            "overrides.csv" => Some(&self.overrides_csv),
            _ => None,
        }
    }

    /// The same, to change it.
    pub fn text_mut(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "roles.toml" => Some(&mut self.roles_toml),
            "bodies.csv" => Some(&mut self.bodies_csv),
            "contacts.csv" => Some(&mut self.contacts_csv),
            "rosters.toml" => Some(&mut self.rosters_toml),
            "sources.csv" => Some(&mut self.sources_csv),
            "overrides.csv" => Some(&mut self.overrides_csv),
            _ => None,
        }
    }

    /// The same without the addresses of contact points, for whoever sends nothing. Its reader is [`super::read_shared`].
    #[must_use]
    pub fn without_addresses(&self) -> Self {
        Self { contacts_csv: rows::without_addresses(&self.contacts_csv), ..self.clone() }
    }

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

/// A set of files that is not a directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct NotADirectory(pub Vec<String>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_left_and_everything_else_is() {
        let contacts_csv = "id,body,address,channel,duty,verified\n\
                            a,scop,scop@example.org,email,\"garde, nuit\",2026-11-16\n\
                            b,scop, +33639980000 ,sms,,\n";
        let files = DirectoryFiles { contacts_csv: contacts_csv.to_owned(), ..DirectoryFiles::default() };

        let shared = files.without_addresses();

        assert_eq!(
            shared.contacts_csv,
            "id,body,address,channel,duty,verified\na,scop,-,email,\"garde, nuit\",2026-11-16\nb,scop,-,sms,,\n"
        );
        assert_eq!(DirectoryFiles { contacts_csv: String::new(), ..shared }, DirectoryFiles::default());
    }

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
