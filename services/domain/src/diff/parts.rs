//! Rules of a doctrine as named parts in words, to lay two side by side.

use std::{collections::BTreeMap, fmt::Debug};

use crate::doctrine::words;

/// The parts of a rule, as the files name them, in words; an empty text is nothing.
pub(super) type Parts = Vec<(&'static str, String)>;

/// Rules of one topic by id.
pub(super) type Rules = BTreeMap<String, Parts>;

pub(super) fn joined(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(", ")
}

/// In an order that does not depend on that of the files.
pub(super) fn sorted<T: ToString>(words: &[T]) -> Vec<String> {
    let mut words: Vec<String> = words.iter().map(ToString::to_string).collect();
    words.sort();
    words
}

/// A closed word as the files write it.
pub(super) fn word(value: &impl Debug) -> String {
    words::kebab(&format!("{value:?}"))
}
