//! The GSM 7-bit default alphabet (3GPP TS 23.038, section 6.2.1): what fits in an SMS, and for how much.

use rusmpp::extra::encoding::gsm7bit::Gsm7BitUnpacked;

/// Septets of one SMS, and of each part of a longer one.
pub(crate) const SINGLE: usize = 160;
pub(crate) const PART: usize = 153;

/// Septets `text` costs; none when a character is outside the alphabet.
pub(crate) fn septets(text: &str) -> Option<usize> {
    Gsm7BitUnpacked::new().encode_to_vec(text).ok().map(|septets| septets.len())
}

/// Whether `text` leaves as one SMS.
pub(crate) fn is_one(text: &str) -> bool {
    septets(text).is_some_and(|septets| septets <= SINGLE)
}

/// `text` in characters of the alphabet only: `é è à ù` stay, `ê` becomes `e`, `’` becomes `'`.
pub(crate) fn transliterate(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if septets(c.encode_utf8(&mut [0; 4])).is_some() {
            plain.push(c);
        } else {
            plain.push_str(nearest(c));
        }
    }
    plain
}

/// What stands for a character outside the alphabet; `?` when nothing does.
fn nearest(c: char) -> &'static str {
    match c {
        'ê' | 'ë' => "e",
        'È' | 'Ê' | 'Ë' => "E",
        'â' | 'á' | 'ã' => "a",
        'À' | 'Â' | 'Á' | 'Ã' => "A",
        'î' | 'ï' | 'í' => "i",
        'Î' | 'Ï' | 'Í' | 'Ì' => "I",
        'ô' | 'ó' | 'õ' | 'º' | '°' => "o",
        'Ô' | 'Ó' | 'Õ' | 'Ò' => "O",
        'û' | 'ú' => "u",
        'Û' | 'Ú' | 'Ù' => "U",
        'ÿ' => "y",
        'Ÿ' => "Y",
        'ç' => "c",
        'œ' => "oe",
        'Œ' => "OE",
        '’' | '‘' | '`' | '´' => "'",
        '“' | '”' | '«' | '»' => "\"",
        '–' | '—' | '‐' | '‑' | '−' | '•' | '·' => "-",
        '…' => "...",
        '\u{a0}' | '\u{202f}' | '\u{2009}' | '\t' => " ",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn french_accents_outside_the_alphabet_lose_only_their_accent() {
        assert_eq!(
            transliterate("Être prévenu : l’œuvre, où ça ? Noël – déjà « prêt » à 16 h…"),
            "Etre prévenu : l'oeuvre, où ca ? Noel - déjà \" pret \" à 16 h..."
        );
    }

    #[test]
    fn a_text_is_one_sms_up_to_160_septets_and_a_euro_sign_costs_two() {
        assert_eq!(septets("10 €"), Some(5));
        assert!(is_one(&"a".repeat(160)) && !is_one(&"a".repeat(161)));
        assert!(is_one(&"€".repeat(80)) && !is_one(&"€".repeat(81)));
        assert!(!is_one("ê"), "it is outside the alphabet");
    }

    proptest! {
        #[test]
        fn what_is_transliterated_always_fits_the_alphabet(text in ".{0,200}") {
            prop_assert!(septets(&transliterate(&text)).is_some());
        }

        #[test]
        fn a_text_already_in_the_alphabet_is_left_alone(text in "[A-Za-z0-9 éèàù,.:/-]{0,200}") {
            prop_assert_eq!(transliterate(&text), text);
        }
    }
}
