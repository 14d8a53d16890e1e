//! What tells a repetition from another signal.

/// The caller's key: 1 to 128 visible ASCII characters, from the header `Idempotency-Key` or the form that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// What a key must look like, in French.
    pub(crate) const SHAPE: &str = "1 à 128 caractères ASCII visibles, par exemple un UUID.";

    /// None when `text` is no key: the database could not keep any text under its index.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|c| c.is_ascii_graphic());
        (visible && (1..=128).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        for good in ["1", "0198f2a1-7c3e-7000-8000-000000000001", &"k".repeat(128)] {
            assert_eq!(IdempotencyKey::new(good).expect("a key").as_str(), good);
        }
        for bad in ["", "a b", "a\0b", "a\nb", "\u{7f}", "clé", "\u{fffd}", &"k".repeat(129), &"k".repeat(9_000)] {
            assert_eq!(IdempotencyKey::new(bad), None, "{bad:?}");
        }
    }
}
