//! What a message may say, in French: labels, times and functions, and nothing a person wrote.
//!
//! Everything rendered comes from the `Facts` of an [`alert`] or of a [`probe`]: of an incident what the doctrine gives the
//! recipient to know (`[[reads]]`), which is all that the event holds. They hold no free text; a new field there needs the
//! same care.

pub(crate) mod alert;
pub(crate) mod probe;
pub(crate) mod reason;

use vigie_domain::directory::{Ambit, Body};

/// Where people read the clock.
pub(crate) const ZONE: &str = "Europe/Paris";

/// What one letter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Words {
    Alert(Box<alert::Facts>),
    Probe(probe::Facts),
}

/// The function in which `body` is told, of French name `role`, and its own name unless it is a school's.
fn recipient(body: &Body, role: &str) -> String {
    match body.ambit {
        Ambit::School(_) => one_line(role),
        Ambit::City | Ambit::Sector(_) => one_line(&format!("{} ({role})", body.name)),
    }
}

/// A label on one line: a line break in a header would start another header.
fn one_line(label: &str) -> String {
    label.split(|c: char| c.is_control()).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// With typewriter apostrophes, for plain text.
pub(crate) fn typewritten(text: &str) -> String {
    text.replace('’', "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_school_is_addressed_by_its_function_and_never_named() {
        let school = Ambit::School("0750655E".parse().unwrap());
        let school = sample::body(school, "Collège Georges Rouault");
        assert_eq!(recipient(&school, "Chef d'établissement"), "Chef d'établissement");
        let mairie = sample::body(Ambit::City, "Mairie du 19e arrondissement");
        assert_eq!(recipient(&mairie, "Mairie"), "Mairie du 19e arrondissement (Mairie)");
    }

    #[test]
    fn a_label_cannot_start_another_header() {
        assert_eq!(one_line("Rixe\r\nBcc: x@y.z\n"), "Rixe Bcc: x@y.z");
    }
}
