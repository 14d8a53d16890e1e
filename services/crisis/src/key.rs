//! An incident as people name it.

use serde::Deserialize;
use vigie_proto::IncidentId;

/// An incident by its identifier, or by the reference people read and say, `R-2026-000123`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum IncidentKey {
    Id(IncidentId),
    Reference(String),
}

/// Neither of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("donnez la référence d'un événement, comme R-2026-000123")]
pub(crate) struct NoKey;

impl TryFrom<String> for IncidentKey {
    type Error = NoKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let reference = text.to_uppercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let fits = (3..=32).contains(&reference.len()) && reference.contains('-') && reference.chars().all(plain);
        if fits { Ok(Self::Reference(reference)) } else { Err(NoKey) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_named_by_its_identifier_or_by_what_people_read() {
        let key = |text: &str| IncidentKey::try_from(text.to_owned());
        let id = "019abf00-0000-7000-8000-000000000004";
        assert_eq!(key(id), Ok(IncidentKey::Id(id.parse().unwrap())));
        assert_eq!(key(" r-2026-000123 "), Ok(IncidentKey::Reference("R-2026-000123".to_owned())));
        for no in ["", "la rixe de mardi", "R", "R-2026-000123; drop table", "Camille"] {
            assert_eq!(key(no), Err(NoKey), "{no}");
        }
    }
}
