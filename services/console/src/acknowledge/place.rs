//! Where it is, on a small map and in the same words, as finely as the reader of the link may know.

use vigie_domain::territory::{LonLat, Territory};
use vigie_picture::place_map::{self, Spot};
use vigie_proto::event::IncidentSnapshot;

/// Landmarks that are said in words.
const SAID: usize = 3;
/// A place said to be within less is where it is said to be, metres.
const THERE_M: f64 = 30.0;
/// Of the element of the page that has the words.
const WORDS: &str = "lieu-en-mots";

/// A map and what it shows.
#[derive(Debug)]
pub(super) struct PlaceMap {
    /// An `<svg>` that stands in the page.
    pub(super) svg: String,
    pub(super) words: String,
    /// Publishers of what is drawn.
    pub(super) credits: String,
}

/// The map of what `shown`, already cut down to what its reader may know, says of where it is: around the point, or the
/// outline of the quartier; none when it is told no finer than by its sector.
pub(super) fn map(shown: &IncidentSnapshot, territory: &Territory) -> Option<PlaceMap> {
    let (svg, words) = match (shown.whereabouts.at, &shown.whereabouts.quartier) {
        (Some(at), _) => {
            let spot = Spot { at: LonLat::new(at.lon, at.lat), accuracy_m: at.accuracy_m };
            let title = format!("Plan du lieu, {}", shown.sector_label);
            (place_map::around(spot, territory, &title, WORDS), in_words(spot, territory))
        }
        (None, Some(quartier)) => {
            let name = quartier.strip_prefix("quartier ").unwrap_or(quartier);
            let title = format!("Plan du {quartier}, {}", shown.sector_label);
            let svg = place_map::quartier(&shown.sector, name, territory, &title, WORDS)?;
            (svg, format!("Le {quartier}, {} : le lieu exact n'est pas montré ici.", shown.sector_label))
        }
        (None, None) => return None,
    };
    Some(PlaceMap { svg, words, credits: territory.attribution().join(" ; ") })
}

/// `Le point est à 120 m au nord de …, à 240 m à l'est de …`
fn in_words(spot: Spot, territory: &Territory) -> String {
    let landmarks: Vec<String> =
        spot.landmarks(territory).iter().take(SAID).map(vigie_domain::territory::Landmark::in_words).collect();
    let within = if spot.accuracy_m > THERE_M {
        format!("Le point, donné à {:.0} m près, est ", spot.accuracy_m)
    } else {
        "Le point est ".to_owned()
    };
    if landmarks.is_empty() {
        return format!("{within}loin de tout établissement et de toute station.");
    }
    format!("{within}{}.", landmarks.join(" ; "))
}
