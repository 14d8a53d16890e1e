//! Identifiers as newtypes, so that one cannot be passed for another.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares an identifier that is a UUID (version 7: sortable by time of birth).
macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

uuid_id! {
    /// One report somebody made.
    SignalId,
    /// One tracked occurrence, opened because of one or more signals.
    IncidentId,
    /// One fact in the journal; also the CloudEvents `id` and the `Nats-Msg-Id`.
    EventId,
    /// The decision to tell one recipient by one channel, for one step of one incident.
    AlertId,
    /// One message of an alert by one channel; a fallback to another channel is another delivery.
    DeliveryId,
    /// Something a person did at an edge (acknowledged, refused, noted …).
    ActId,
    /// One message that tries a contact point.
    ProbeId,
    /// A round of probes: is everybody reachable?
    DrillId,
    /// A crisis or a crisis exercise, with the incidents that belong to it.
    CrisisId,
    /// One request for a resource, until it is released.
    MobilisationId,
    /// A reception centre opened in a crisis.
    CareId,
}

/// A token that is empty, too long or holds a character outside `a-z 0-9 -`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{token}` is not a valid {what}: use 1 to 64 of a-z, 0-9 and -, starting with a letter or digit")]
pub struct InvalidToken {
    /// Name of the identifier's type.
    pub what: &'static str,
    /// The text refused.
    pub token: String,
}

/// Declares an identifier that is a stable word of configuration, usable as one token of a NATS subject.
macro_rules! token_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
        #[serde(try_from = "Cow<'_, str>", into = "String")]
        #[schemars(with = "String")]
        #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9-]{0,63}$")]
        pub struct $name(String);

        impl $name {
            /// Accepts 1 to 64 characters of `a-z 0-9 -`, the first not a hyphen.
            pub fn new(token: impl Into<String>) -> Result<Self, InvalidToken> {
                let token = token.into();
                if is_token(&token) { Ok(Self(token)) } else { Err(InvalidToken { what: stringify!($name), token }) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<Cow<'_, str>> for $name {
            type Error = InvalidToken;

            fn try_from(token: Cow<'_, str>) -> Result<Self, Self::Error> {
                Self::new(token)
            }
        }

        impl FromStr for $name {
            type Err = InvalidToken;

            fn from_str(token: &str) -> Result<Self, Self::Err> {
                Self::new(token)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )+};
}

token_id! {
    /// A sector: `paris-centre`, `paris-05` … `paris-20`; a neighbouring commune is `com-` and its INSEE code.
    SectorId,
    /// A kind of signal, declared by the doctrine (`rixe` …).
    Kind,
    /// A body that can be told or can acknowledge, declared by the directory.
    BodyId,
    /// The function of a body or of a source (`mairie`, `scop` …), declared by the directory.
    RoleId,
    /// A contact point of a body; never the address itself.
    ContactId,
    /// Whoever may raise signals or act with one credential.
    SourceId,
}

fn is_token(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-')
}

/// A school's national identifier (unité administrative immatriculée): seven digits and a check letter.
///
/// The letter is `ABCDEFGHJKLMNPRSTUVWXYZ[number mod 23]` (no I, O, Q).
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
#[schemars(with = "String")]
#[schema(value_type = String, example = "0750655E")]
pub struct Uai(String);

/// Why a text is not a UAI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UaiError {
    #[error("`{0}` is not a UAI: seven digits and one letter are expected, such as 0750655E")]
    Shape(String),
    #[error("`{text}` is not a UAI: its check letter should be {expected}")]
    CheckLetter { text: String, expected: char },
}

impl Uai {
    const LETTERS: &'static [u8; 23] = b"ABCDEFGHJKLMNPRSTUVWXYZ";

    pub fn new(text: impl Into<String>) -> Result<Self, UaiError> {
        let text = text.into();
        let bytes = text.as_bytes();
        if bytes.len() != 8 || !bytes[..7].iter().all(u8::is_ascii_digit) || !bytes[7].is_ascii_uppercase() {
            return Err(UaiError::Shape(text));
        }
        let number = bytes[..7].iter().fold(0usize, |n, digit| n * 10 + usize::from(digit - b'0'));
        let expected = Self::LETTERS[number % 23];
        if bytes[7] != expected {
            return Err(UaiError::CheckLetter { text, expected: char::from(expected) });
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Cow<'_, str>> for Uai {
    type Error = UaiError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl FromStr for Uai {
    type Err = UaiError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl From<Uai> for String {
    fn from(uai: Uai) -> Self {
        uai.0
    }
}

impl fmt::Display for Uai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uai({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_uais_pass_and_a_wrong_letter_names_the_right_one() {
        for uai in ["0750655E", "0750654D", "0750699C", "0753873C", "0590119J", "9711032V"] {
            assert!(Uai::new(uai).is_ok(), "{uai}");
        }
        assert_eq!(Uai::new("0750655F"), Err(UaiError::CheckLetter { text: "0750655F".into(), expected: 'E' }));
        assert!(matches!(Uai::new("750655E"), Err(UaiError::Shape(_))));
    }

    #[test]
    fn a_token_that_could_widen_a_subject_is_refused() {
        for bad in ["", "*", "a.b", ">", "A", "-a", "é", "a b"] {
            assert!(SectorId::new(bad).is_err(), "{bad}");
        }
        assert!(SectorId::new("paris-19").is_ok());
    }
}
