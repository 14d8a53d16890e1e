//! What has a name near a position: by it somebody who goes there recognises the place.

use crate::territory::{LonLat, Territory, distance_m};

use super::{PlaceKind, SiteKind};

/// Something with a name near a position.
#[derive(Debug, Clone, PartialEq)]
pub struct Landmark {
    pub kind: PlaceKind,
    /// As in a sentence: `Collège Georges Brassens`, `station Danube`.
    pub label: String,
    pub at: LonLat,
    pub distance_m: f64,
    /// Where the position lies, seen from it.
    pub bearing: Bearing,
}

/// One of eight directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearing(u8);

impl Bearing {
    /// From `from` to `to`.
    pub fn of(from: LonLat, to: LonLat) -> Self {
        let east = (to.lon - from.lon) * from.lat.to_radians().cos();
        let eighths = east.atan2(to.lat - from.lat) / std::f64::consts::FRAC_PI_4;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8 after the remainder")]
        let eighth = eighths.rem_euclid(8.0).round() as u8;
        Self(eighth % 8)
    }

    /// `au nord`, `à l'est`.
    pub fn in_words(self) -> &'static str {
        const NAMES: [&str; 8] =
            ["au nord", "au nord-est", "à l'est", "au sud-est", "au sud", "au sud-ouest", "à l'ouest", "au nord-ouest"];
        NAMES[usize::from(self.0)]
    }
}

impl Landmark {
    /// Where the position is: `à 120 m au nord du Collège Georges Brassens`, to ten metres; `devant : …` what it is beside.
    pub fn in_words(&self) -> String {
        let Self { label, distance_m, bearing, kind, .. } = self;
        let tens = (distance_m / 10.0).round() * 10.0;
        if tens < 20.0 {
            return format!("devant : {label}");
        }
        let first = label.split(' ').next().unwrap_or_default();
        let of = match (kind, first) {
            (PlaceKind::School, "École") => "de l'",
            (PlaceKind::School, "Collège" | "Lycée") => "du ",
            (PlaceKind::Station, _) | (PlaceKind::Mairie, "Mairie") => "de la ",
            _ => "de ",
        };
        format!("à {tens:.0} m {} {of}{label}", bearing.in_words())
    }
}

impl Territory {
    /// Schools, stations, mairies and equipment within `radius_m`, nearest first.
    pub fn landmarks(&self, at: LonLat, radius_m: f64) -> Vec<Landmark> {
        let landmark = |kind, label, there: LonLat| Landmark {
            kind,
            label,
            at: there,
            distance_m: distance_m(there, at),
            bearing: Bearing::of(there, at),
        };
        let schools = self.schools_within(at, radius_m).into_iter();
        let schools = schools.map(|(school, _)| landmark(PlaceKind::School, school.label(), school.at));
        let sites = self.named_places.sites.iter().map(|site| {
            let (kind, label) = match site.kind {
                SiteKind::Station => (PlaceKind::Station, format!("station {}", site.name)),
                SiteKind::Mairie => (PlaceKind::Mairie, site.name.clone()),
                SiteKind::Equipment => (PlaceKind::Equipment, site.name.clone()),
            };
            landmark(kind, label, site.at.lon_lat())
        });
        let mut found: Vec<Landmark> =
            schools.chain(sites.filter(|landmark| landmark.distance_m <= radius_m)).collect();
        found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then_with(|| a.label.cmp(&b.label)));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearing_is_where_one_goes_from_the_landmark() {
        let here = LonLat::new(2.39, 48.88);
        let to = |east: f64, north: f64| {
            Bearing::of(here, LonLat::new(2.39 + east / here.lat.to_radians().cos(), 48.88 + north)).in_words()
        };
        assert_eq!(to(0.0, 0.01), "au nord");
        assert_eq!(to(0.01, 0.0), "à l'est");
        assert_eq!(to(0.0, -0.01), "au sud");
        assert_eq!(to(-0.01, 0.0), "à l'ouest");
        assert_eq!(to(-0.01, 0.01), "au nord-ouest");
        assert_eq!(to(-0.000_1, 0.01), "au nord");
    }

    #[test]
    fn what_is_near_is_said_in_words_nearest_first_and_nothing_is_left_out() {
        let file = include_bytes!("../../../../../config/territory/paris.territory");
        let paris = Territory::from_bytes(file).unwrap();
        let school = paris.school(&vigie_proto::Uai::new("0750507U").unwrap()).unwrap();
        let found = paris.landmarks(school.at, 500.0);
        assert_eq!(found[0].in_words(), "devant : Collège Georges Brassens");
        assert!(found.is_sorted_by(|a, b| a.distance_m <= b.distance_m));
        assert!(found.iter().any(|landmark| landmark.kind == PlaceKind::Station));
        let schools = found.iter().filter(|landmark| landmark.kind == PlaceKind::School).count();
        assert_eq!(schools, paris.schools().iter().filter(|s| distance_m(s.at, school.at) <= 500.0).count());
        let said: Vec<String> = found.iter().map(Landmark::in_words).collect();
        assert!(said.contains(&"à 140 m au sud-est du Lycée privé Beth Hanna".to_owned()), "{said:?}");
    }
}
