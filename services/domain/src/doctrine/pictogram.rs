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

vigie_proto::coded! { pub Pictogram {
    Clash = "clash",
    School = "school",
    Scales = "scales",
    Warning = "warning",
    Vehicle = "vehicle",
    Listening = "listening",
    Shelter = "shelter",
    Eye = "eye",
    Door = "door",
    Lifebuoy = "lifebuoy",
    Document = "document",
} }
