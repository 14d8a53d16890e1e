//! Positions: degrees outside, whole units of 1e-7 degree (about a centimetre) inside, metres for distances.

use serde::{Deserialize, Serialize};

/// Units to a degree.
pub(crate) const UNITS: f64 = 1e7;

/// A WGS84 position in degrees, longitude first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LonLat {
    pub lon: f64,
    pub lat: f64,
}

impl LonLat {
    pub const fn new(lon: f64, lat: f64) -> Self {
        Self { lon, lat }
    }
}

/// A position on the lattice of 1e-7 degree, where every comparison is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Vertex {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

impl Vertex {
    /// The lattice position nearest to `at`; nothing if it is not on Earth.
    pub(crate) fn nearest(at: LonLat) -> Option<Self> {
        let on_earth = at.lon.abs() <= 180.0 && at.lat.abs() <= 90.0;
        on_earth.then(|| Self { x: whole(at.lon * UNITS), y: whole(at.lat * UNITS) })
    }

    pub(crate) fn lon_lat(self) -> LonLat {
        LonLat { lon: f64::from(self.x) / UNITS, lat: f64::from(self.y) / UNITS }
    }
}

/// Rounds to the nearest whole number, halves upwards; saturates.
pub(crate) fn whole(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "saturating is what is documented")]
    let whole = (value + 0.5).floor() as i32;
    whole
}

/// Twice the area of the triangle `a b p`: positive when `p` lies left of the way from `a` to `b`, zero on its line.
pub(crate) fn side(a: Vertex, b: Vertex, p: Vertex) -> i64 {
    let (dx, dy) = (i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y));
    let (px, py) = (i64::from(p.x) - i64::from(a.x), i64::from(p.y) - i64::from(a.y));
    dx * py - dy * px
}

/// A flat map around one latitude, good to 0.1 % over a few tens of kilometres.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane {
    /// Metres to a unit of longitude.
    pub(crate) x: f64,
    /// Metres to a unit of latitude.
    pub(crate) y: f64,
}

impl Plane {
    /// Uses the radii of curvature of the WGS84 ellipsoid at `lat` degrees.
    pub(crate) fn at(lat: f64) -> Self {
        const SEMI_MAJOR_M: f64 = 6_378_137.0;
        const ECCENTRICITY_SQUARED: f64 = 0.006_694_379_990_141;
        let (sin, cos) = lat.to_radians().sin_cos();
        let bulge = 1.0 - ECCENTRICITY_SQUARED * sin * sin;
        let east_m = SEMI_MAJOR_M / bulge.sqrt() * cos;
        let north_m = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_SQUARED) / (bulge * bulge.sqrt());
        Self { x: (east_m / UNITS).to_radians(), y: (north_m / UNITS).to_radians() }
    }

    /// Metres from `p` to the segment `a b`.
    pub(crate) fn to_segment_m(self, p: Vertex, a: Vertex, b: Vertex) -> f64 {
        let (ax, ay) = self.vector_m(p, a);
        let (bx, by) = self.vector_m(p, b);
        let (dx, dy) = (bx - ax, by - ay);
        let length_squared = dx * dx + dy * dy;
        let along = if length_squared > 0.0 { (-(ax * dx + ay * dy) / length_squared).clamp(0.0, 1.0) } else { 0.0 };
        length(ax + along * dx, ay + along * dy)
    }

    /// Metres east and north from `a` to `b`.
    pub(crate) fn vector_m(self, a: Vertex, b: Vertex) -> (f64, f64) {
        ((f64::from(b.x) - f64::from(a.x)) * self.x, (f64::from(b.y) - f64::from(a.y)) * self.y)
    }
}

/// Metres between two positions, good to 0.1 % at the scale of a city.
pub(crate) fn distance_m(a: LonLat, b: LonLat) -> f64 {
    let plane = Plane::at(f64::midpoint(a.lat, b.lat));
    length((b.lon - a.lon) * UNITS * plane.x, (b.lat - a.lat) * UNITS * plane.y)
}

/// As `f64::hypot`, which also minds numbers whose squares overflow; metres on Earth do not, and this is asked for every
/// piece of border near every signal.
fn length(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_latitude_is_a_nautical_mile_and_longitude_shrinks_with_the_cosine() {
        let notre_dame = LonLat::new(2.349_902, 48.852_968);
        let north = LonLat::new(2.349_902, 48.852_968 + 1.0 / 60.0);
        let east = LonLat::new(2.349_902 + 1.0 / 60.0, 48.852_968);
        assert!((distance_m(notre_dame, north) - 1_853.4).abs() < 1.0, "{}", distance_m(notre_dame, north));
        assert!((distance_m(notre_dame, east) - 1_223.0).abs() < 1.3, "{}", distance_m(notre_dame, east));
    }

    #[test]
    fn a_point_is_left_of_on_or_right_of_a_way() {
        let [a, b] = [Vertex { x: 0, y: 0 }, Vertex { x: 4, y: 2 }];
        assert!(side(a, b, Vertex { x: 0, y: 1 }) > 0);
        assert_eq!(side(a, b, Vertex { x: 2, y: 1 }), 0);
        assert!(side(a, b, Vertex { x: 2, y: 0 }) < 0);
    }
}
