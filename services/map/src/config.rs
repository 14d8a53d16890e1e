//! What lies under the borders of a map, if anything.

use serde::Deserialize;
use vigie_platform::config::{Faults, is_local};

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapConfig {
    /// Template of raster tiles, as `https://tiles.example.org/{z}/{x}/{y}.png`; empty for none.
    pub tiles: String,
    /// Who publishes the tiles, as shown beside them.
    pub attribution: String,
}

impl MapConfig {
    pub fn check(&self, faults: &mut Faults) {
        faults.require(
            self.tiles.is_empty() || self.origin().is_some(),
            "map.tiles must be https://HOST/…{z}…{x}…{y}… (http:// on this machine only), or empty",
        );
        faults.require(
            self.tiles.is_empty() || !self.attribution.is_empty(),
            "map.tiles needs map.attribution: whoever publishes tiles is named beside them",
        );
    }

    /// Scheme, host and port of the tiles; none when there are none, or when the template cannot be one.
    pub fn origin(&self) -> Option<&str> {
        let (scheme, rest) = self.tiles.split_once("://")?;
        let (authority, path) = rest.split_once('/')?;
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        // It is written into a header of every page: nothing there may end a directive or name more than a host.
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        let written = !host.is_empty() && authority.chars().all(plain);
        let placed = ["{z}", "{x}", "{y}"].iter().all(|part| path.contains(part));
        let safe = scheme == "https" || (scheme == "http" && is_local(host));
        (written && placed && safe).then(|| &self.tiles[..scheme.len() + 3 + authority.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(tiles: &str) -> Option<String> {
        MapConfig { tiles: tiles.to_owned(), ..MapConfig::default() }.origin().map(str::to_owned)
    }

    #[test]
    fn only_the_origin_of_a_template_of_tiles_is_named() {
        assert_eq!(origin("https://tiles.example.org/v1/{z}/{x}/{y}.png").unwrap(), "https://tiles.example.org");
        assert_eq!(origin("http://127.0.0.1:8080/{z}/{x}/{y}.png").unwrap(), "http://127.0.0.1:8080");
        for bad in [
            "",
            "https://tiles.example.org/{z}/{x}.png",
            "http://tiles.example.org/{z}/{x}/{y}.png",
            "https://a; script-src *//{z}/{x}/{y}",
            "https://*/{z}/{x}/{y}",
            "https://user@host/{z}/{x}/{y}",
            "https:///{z}/{x}/{y}",
            "javascript:alert(1)/{z}/{x}/{y}",
        ] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
