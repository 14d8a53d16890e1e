//! Enums whose values have stable codes, as in JSON, SQL and metrics.

/// A code that is not one of an enum's: a newer Vigie wrote it, or somebody's hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` is no {what} that this build knows")]
pub struct UnknownCode {
    what: &'static str,
    code: String,
}

/// What [`coded!`](crate::coded!) makes of an enum.
pub trait Coded: Sized {
    /// Its name, for whoever reads of a code that is unknown.
    const WHAT: &'static str;

    /// The value of `code`, if it is one.
    fn of_code(code: &str) -> Option<Self>;

    /// The value of `code`, which is said to be one; never another in its place.
    fn coded(code: &str) -> Result<Self, UnknownCode> {
        Self::of_code(code).ok_or_else(|| UnknownCode { what: Self::WHAT, code: code.to_owned() })
    }
}

/// Gives an enum its codes, once: `ALL` in the order of the list, `code()`, and [`Coded`] to read them back.
#[macro_export]
macro_rules! coded {
    ($vis:vis $name:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        impl $name {
            /// Every value.
            $vis const ALL: [Self; [$($code),+].len()] = [$(Self::$variant),+];

            /// Stable code, as in JSON, SQL and metrics.
            $vis const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl $crate::Coded for $name {
            const WHAT: &'static str = stringify!($name);

            fn of_code(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, Severity};

    #[test]
    fn a_code_is_read_as_it_was_written_and_an_unknown_one_as_none() {
        assert!(Severity::ALL.into_iter().all(|severity| Severity::coded(severity.code()) == Ok(severity)));
        let unknown = Channel::coded("pigeon").unwrap_err();
        assert_eq!(unknown.to_string(), "`pigeon` is no Channel that this build knows");
    }
}
