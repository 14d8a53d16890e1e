//! What somebody wrote for a place, in whatever way: coordinates in either order, or words.

use crate::territory::{LocateError, LonLat, Territory};

use super::{Found, PlaceKind};

/// How exact a point is that was copied from a map, metres.
pub const TYPED_M: f64 = 25.0;
/// Places to choose from.
const CANDIDATES: usize = 5;

/// What a text says of where.
#[derive(Debug, Clone, PartialEq)]
pub enum Understood {
    /// Coordinates within the territory.
    Point(LonLat),
    /// One place, beyond doubt.
    Place(Box<Found>),
    /// Several places, or one that only resembles: whoever wrote it chooses. At most five, the likeliest first.
    Unclear(Vec<Found>),
    /// Nothing that the territory has.
    Unknown,
    /// Coordinates that have no place in the territory.
    Nowhere(LocateError),
}

impl Territory {
    /// What `text` says of where. Among equal places those nearer to `near` come first; none is chosen for it.
    pub fn understand(&self, text: &str, near: Option<LonLat>) -> Understood {
        if let Some((first, second)) = coordinates(text) {
            // latitude first, as plans give it; longitude first where only that is in the territory
            return match self.locate(LonLat::new(second, first)) {
                Ok(_) => Understood::Point(LonLat::new(second, first)),
                Err(LocateError::LooksSwapped { .. }) => Understood::Point(LonLat::new(first, second)),
                Err(nowhere) => Understood::Nowhere(nowhere),
            };
        }
        let mut found = self.search(text, near, CANDIDATES);
        match found.first() {
            None => Understood::Unknown,
            Some(first) if first.certain => Understood::Place(Box::new(found.swap_remove(0))),
            Some(_) => Understood::Unclear(found),
        }
    }
}

impl Found {
    /// The place in a sentence: `20 rue de Crimée, 19e, quartier Amérique`.
    pub fn said(&self) -> String {
        match self.kind {
            PlaceKind::Sector => self.label.clone(),
            PlaceKind::Address
            | PlaceKind::School
            | PlaceKind::Station
            | PlaceKind::Mairie
            | PlaceKind::Equipment
            | PlaceKind::Street
            | PlaceKind::Quartier => format!("{}, {}", self.label, self.detail),
        }
    }
}

/// Two numbers and nothing else, in the order of the text: `48.8853, 2.3791`, `48,8853 ; 2,3791`, `(2.3791 48.8853)`.
fn coordinates(text: &str) -> Option<(f64, f64)> {
    let text = text.trim().trim_start_matches('(').trim_end_matches(')');
    if !text.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || matches!(c, '.' | ',' | ';' | '-' | '+' | '°'))
    {
        return None;
    }
    let parts: Vec<&str> = if text.contains('.') {
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')).collect()
    } else {
        // a comma is a decimal one inside a number
        text.split(|c: char| c.is_whitespace() || c == ';').map(|part| part.trim_end_matches(',')).collect()
    };
    let number = |part: &str| part.trim_end_matches('°').replace(',', ".").parse::<f64>().ok();
    let numbers: Option<Vec<f64>> = parts.into_iter().filter(|part| !part.is_empty()).map(number).collect();
    match numbers?.as_slice() {
        [first, second] if text.contains(['.', ',']) => Some((*first, *second)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_two_numbers_with_decimals() {
        for text in [
            "48.8853, 2.3791",
            "48,8853 2,3791",
            "48,8853, 2,3791",
            " 48.8853;2.3791 ",
            "(48.8853 2.3791)",
            "48.8853° 2.3791°",
        ] {
            assert_eq!(coordinates(text), Some((48.8853, 2.3791)), "{text}");
        }
        for text in ["", "48.8853", "20 19", "20, rue de Crimée", "1.2 3.4 5.6", ".", "- -", "48.8 2.3 m"] {
            assert_eq!(coordinates(text), None, "{text}");
        }
    }
}
