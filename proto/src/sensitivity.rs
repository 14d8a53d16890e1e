//! How far a field may be shown. Stated once, on the type that holds it; whoever shows a value redacts it first.
//!
//! Sensitivity is of fields. A *class* is the doctrine's word for kinds of incidents, and says who may know of one at all.

/// How far a field may be shown, from the least to the most withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Whoever is told of the incident: what a message says.
    Public,
    /// Whoever is asked to act: what it takes to act.
    Operational,
    /// Whoever follows how the incident is conducted: who was told, who answered, what comes next.
    Restricted,
    /// Whoever weighs what people wrote: free text.
    Personal,
}

impl Sensitivity {
    pub const ALL: [Self; 4] = [Self::Public, Self::Operational, Self::Restricted, Self::Personal];
}

/// A type whose every field has a sensitivity.
pub trait Sensitive: Sized {
    /// Names of the fields, as in the type, each with its sensitivity.
    const FIELDS: &'static [(&'static str, Sensitivity)];

    /// The value with every field above `clearance` left blank (its type's default).
    #[must_use]
    fn redacted(self, clearance: Sensitivity) -> Self;
}

/// States the sensitivity of every field of a struct: a field that is not named, or is named twice, does not compile.
///
/// Public fields come first and need no default; each of the others is blanked to its type's default.
#[macro_export]
macro_rules! sensitivity {
    ($type:ident { Public: $($public:ident),+ ; $($level:ident: $($field:ident),+ ;)* }) => {
        impl $crate::sensitivity::Sensitive for $type {
            const FIELDS: &'static [(&'static str, $crate::sensitivity::Sensitivity)] = &[
                $((stringify!($public), $crate::sensitivity::Sensitivity::Public),)+
                $($((stringify!($field), $crate::sensitivity::Sensitivity::$level),)+)*
            ];

            #[allow(unused_mut, unused_variables, clippy::allow_attributes, reason = "a type may hold nothing above public")]
            fn redacted(mut self, clearance: $crate::sensitivity::Sensitivity) -> Self {
                // Without `..`: whoever adds a field decides here how far it may be shown.
                let Self { $($public: _,)+ $($($field: _,)+)* } = &self;
                $($(if $crate::sensitivity::Sensitivity::$level > clearance {
                    self.$field = ::core::default::Default::default();
                })+)*
                self
            }
        }
    };
}
