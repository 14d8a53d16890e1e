//! Schools, and how to recognise one from an address or a name.

use serde::Serialize;
use vigie_proto::{SectorId, Uai};

use super::LonLat;

/// What a school teaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SchoolKind {
    College,
    Lycee,
    Elementaire,
    Maternelle,
    Polyvalente,
}

impl SchoolKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::College, Self::Lycee, Self::Elementaire, Self::Maternelle, Self::Polyvalente];

    /// The word the sources use, without accents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::College => "college",
            Self::Lycee => "lycee",
            Self::Elementaire => "elementaire",
            Self::Maternelle => "maternelle",
            Self::Polyvalente => "polyvalente",
        }
    }
}

/// A school as its publisher lists it, with its place in the territory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct School {
    /// Its national identifier; the source of the écoles has none.
    pub uai: Option<Uai>,
    /// The UAI, or the local identifier of an école.
    pub id: String,
    pub name: String,
    pub kind: SchoolKind,
    pub public: bool,
    pub address: String,
    pub postal_code: String,
    pub at: LonLat,
    pub sector: SectorId,
    pub arrondissement: u8,
    pub quartier: u8,
    /// A doubt that the source states about the row.
    pub flag: Option<String>,
}

/// Reduces an address or a name to what two spellings of it share: no case, accent, punctuation, article,
/// abbreviation or town.
pub(crate) fn normalise(text: &str) -> Vec<String> {
    let plain: String = text.chars().flat_map(char::to_lowercase).map(unaccented).collect();
    let plain = plain.replace('œ', "oe");
    let words = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(expanded).filter(|word| !is_article(word)).map(str::to_owned).collect();
    // "…, 75019 Paris", "… Paris 19e", "… 75116 PARIS CEDEX 16": the town says nothing that the number does not
    if let Some(end) = words.iter().position(|word| word.len() == 5 && word.starts_with("75") && is_number(word)) {
        words.truncate(end);
    }
    while words.len() > 1 && words.last().is_some_and(|word| word == "france" || word == "paris") {
        words.pop();
    }
    words
}

/// The arrondissement that a postal code in `text` names.
pub(crate) fn arrondissement_named(text: &str) -> Option<u8> {
    let mut words = text.split(|c: char| !c.is_ascii_digit());
    let code = words.find(|word| word.len() == 5 && word.starts_with("75"))?;
    match code[3..].parse() {
        Ok(number @ 1..=20) => Some(number),
        _ => None,
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_article(word: &str) -> bool {
    matches!(word, "d" | "l" | "de" | "du" | "des" | "la" | "le" | "les" | "a" | "au" | "aux")
}

fn unaccented(c: char) -> char {
    match c {
        'à' | 'â' | 'ä' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        'ÿ' => 'y',
        other => other,
    }
}

fn expanded(word: &str) -> &str {
    match word {
        "r" => "rue",
        "av" | "ave" => "avenue",
        "bd" | "bld" | "blvd" | "boul" => "boulevard",
        "pl" => "place",
        "sq" => "square",
        "imp" => "impasse",
        "all" => "allee",
        "pass" => "passage",
        "fg" | "fbg" => "faubourg",
        "st" => "saint",
        "ste" => "sainte",
        "gal" => "general",
        "dr" => "docteur",
        "clg" => "college",
        "elem" => "elementaire",
        "mat" => "maternelle",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_an_address_reduce_to_the_same_words() {
        let plain = normalise("242 rue Saint-Jacques");
        for other in ["242 RUE SAINT JACQUES", "242, r. St Jacques 75005 Paris", "242 Rue  Saint-Jacques, Paris"] {
            assert_eq!(normalise(other), plain, "{other}");
        }
        assert_eq!(normalise("35 av. de l'Évêché"), normalise("35 AVENUE DE L EVECHE"));
    }

    #[test]
    fn a_postal_code_names_an_arrondissement() {
        assert_eq!(arrondissement_named("5 rue Madame 75006 Paris"), Some(6));
        assert_eq!(arrondissement_named("12 rue X, 75116 Paris"), Some(16));
        assert_eq!(arrondissement_named("75 rue Y"), None);
    }
}
