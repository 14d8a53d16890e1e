//! The files a directory is kept in.

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
}
