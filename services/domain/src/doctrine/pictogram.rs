//! What a kind looks like to somebody who reads little French, or who has no time to read.

/// A sign the doctrine may give a kind; `picture` draws it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pictogram {
    /// Two people facing each other.
    Clash,
    School,
    Scales,
    /// A triangle with an exclamation mark.
    Warning,
    Vehicle,
    /// A speech balloon with a heart.
    Listening,
    /// Somebody under a roof.
    Shelter,
    Eye,
    Door,
    Lifebuoy,
    Document,
}

impl Pictogram {
    pub const ALL: [Self; 11] = [
        Self::Clash,
        Self::School,
        Self::Scales,
        Self::Warning,
        Self::Vehicle,
        Self::Listening,
        Self::Shelter,
        Self::Eye,
        Self::Door,
        Self::Lifebuoy,
        Self::Document,
    ];

    /// As the doctrine writes it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Clash => "clash",
            Self::School => "school",
            Self::Scales => "scales",
            Self::Warning => "warning",
            Self::Vehicle => "vehicle",
            Self::Listening => "listening",
            Self::Shelter => "shelter",
            Self::Eye => "eye",
            Self::Door => "door",
            Self::Lifebuoy => "lifebuoy",
            Self::Document => "document",
        }
    }
}
