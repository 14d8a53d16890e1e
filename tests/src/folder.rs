//! A folder for one test, removed when it passes; kept, with the end of Vigie's log shown, when it fails.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("vigie-test-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&path).expect("a folder for the test can be made");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.0.join("vigie.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("everything is kept in {}; the end of vigie.log:", self.0.display());
            for line in lines.iter().skip(lines.len().saturating_sub(30)) {
                eprintln!("    {line}");
            }
        } else {
            // A server killed a moment ago may still be letting go of its files: what stays is in the temporary folder.
            fs::remove_dir_all(&self.0).ok();
        }
    }
}
