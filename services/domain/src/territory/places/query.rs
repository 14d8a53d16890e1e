//! What a text written by somebody asks for: words, numbers, and where.

use crate::territory::words;

/// Characters of a text that are read; an address has fewer than a hundred.
const MOST_CHARACTERS: usize = 200;
/// Words and numbers that are looked for; those of the mask that counts them.
const MOST_WORDS: usize = 16;

/// A text, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// In the order of the text.
    pub(crate) words: Vec<String>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) within: Option<Within>,
    /// There was more to read, so nothing is certain.
    pub(crate) cut: bool,
}

/// A number, of a house or in a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) value: u32,
    /// `bis`, `ter`, `a`; empty for most.
    pub(crate) repetition: String,
}

/// Where the text says that the place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    Arrondissement(u8),
    /// 92, 93 or 94, from a postal code.
    Department(u32),
}

impl Query {
    /// Takes a text apart. Anything may be written in it.
    pub(crate) fn of(text: &str) -> Self {
        let read: String = text.chars().take(MOST_CHARACTERS).collect();
        let mut query = Self { cut: read.len() < text.len(), ..Self::default() };
        let tokens = words::words(&read);
        let mut rest = tokens.as_slice();
        while let Some((token, after)) = rest.split_first() {
            if query.words.len() + query.numbers.len() == MOST_WORDS {
                query.cut = true;
                break;
            }
            let first = rest.len() == tokens.len();
            rest = &after[query.take(token, after.first().map(String::as_str), first)..];
        }
        query
    }

    /// Takes a token; returns how many of those after it belong to it.
    fn take(&mut self, token: &str, next: Option<&str>, first: bool) -> usize {
        if let Some(within) = postal_code(token) {
            self.within = Some(within);
            return 0;
        }
        if let Some(number) = ordinal(token) {
            self.within = Some(Within::Arrondissement(number));
            return 0;
        }
        if token == "paris"
            && let Some(number) = next.and_then(arrondissement)
        {
            self.within = Some(Within::Arrondissement(number));
            return 1;
        }
        if matches!(token, "arrondissement" | "arrdt" | "ardt") {
            return 0;
        }
        let digits = token.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, letters) = token.split_at(digits);
        let Ok(value) = digits.parse() else {
            self.words.push(token.to_owned());
            return 0;
        };
        let next = next.unwrap_or_default();
        // "bd de la villette 19 e" ends with an arrondissement, "12 e rue X" begins with a house
        if let (false, true, Some(number)) = (first, is_ordinal_ending(next), arrondissement(token)) {
            self.within = Some(Within::Arrondissement(number));
            return 1;
        }
        if !letters.is_empty() && !is_repetition(letters) {
            self.words.push(token.to_owned());
            return 0;
        }
        let apart = letters.is_empty() && is_repetition(next);
        let repetition = if apart { next } else { letters }.to_owned();
        self.numbers.push(Number { value, repetition });
        usize::from(apart)
    }
}

fn postal_code(token: &str) -> Option<Within> {
    if let Some(number) = words::arrondissement_of(token) {
        return Some(Within::Arrondissement(number));
    }
    let code = Some(token).filter(|token| token.len() == 5 && words::is_number(token))?;
    let department = code[..2].parse().ok().filter(|department| (91..=95).contains(department))?;
    Some(Within::Department(department))
}

/// `19e`, `19eme`, `1er`.
fn ordinal(token: &str) -> Option<u8> {
    let digits = token.bytes().take_while(u8::is_ascii_digit).count();
    let (number, ending) = token.split_at(digits);
    arrondissement(number).filter(|_| is_ordinal_ending(ending))
}

fn is_ordinal_ending(word: &str) -> bool {
    matches!(word, "e" | "er" | "eme" | "ieme" | "re" | "ere")
}

fn arrondissement(token: &str) -> Option<u8> {
    Some(token).filter(|token| words::is_number(token))?.parse().ok().filter(|number| (1..=20).contains(number))
}

fn is_repetition(word: &str) -> bool {
    matches!(word, "bis" | "ter" | "quater" | "quinquies")
        || (word.len() == 1 && word.as_bytes()[0].is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String, Option<Within>) {
        let query = Query::of(text);
        let numbers: Vec<_> =
            query.numbers.iter().map(|number| format!("{}{}", number.value, number.repetition)).collect();
        (query.words.join(" "), numbers.join(" "), query.within)
    }

    #[test]
    fn words_numbers_and_arrondissements_are_told_apart() {
        let within = |number| Some(Within::Arrondissement(number));
        for (text, words, numbers, expected) in [
            ("20 r de Crimée", "rue crimee", "20", None),
            ("20 rue de Crimée, 75019 Paris", "rue crimee paris", "20", within(19)),
            ("bd de la Villette 19e", "boulevard villette", "", within(19)),
            ("bd de la Villette 19 ème", "boulevard villette", "", within(19)),
            ("paris 19", "", "", within(19)),
            ("19ème arrondissement", "", "", within(19)),
            ("mairie du 1er", "mairie", "", within(1)),
            ("3bis rue X, 75116", "rue x", "3bis", within(16)),
            ("3 ter, rue X", "rue x", "3ter", None),
            ("3b rue X", "rue x", "3b", None),
            ("12 e rue X", "rue x", "12e", None),
            ("8 avenue du 8 mai 1945", "avenue mai", "8 8 1945", None),
            ("12 rue de Paris 93300", "rue paris", "12", Some(Within::Department(93))),
            ("99999999999 rue", "99999999999 rue", "", None),
        ] {
            assert_eq!(read(text), (words.to_owned(), numbers.to_owned(), expected), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_said_so() {
        assert!(!Query::of("rue de Crimée").cut);
        let words = Query::of(&"abc ".repeat(40));
        assert_eq!((words.words.len(), words.cut), (MOST_WORDS, true));
        assert!(Query::of(&"é".repeat(100_000)).cut);
    }
}
