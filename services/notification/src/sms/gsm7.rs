//! The GSM 7-bit default alphabet (3GPP TS 23.038, section 6.2.1): what fits in an SMS, and for how much.

use std::borrow::Cow;

/// Characters of the default table that stand in it as themselves; each costs one septet.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Characters behind the escape; each costs two septets.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// Septets of one SMS, and of each part of a longer one.
pub(crate) const SINGLE: usize = 160;
pub(crate) const PART: usize = 153;
/// UTF-16 units of one SMS, and of each part of a longer one, once a character is outside the alphabet.
const UCS2_SINGLE: usize = 70;
const UCS2_PART: usize = 67;

/// Septets `text` costs; none when a character is outside the alphabet.
pub(crate) fn septets(text: &str) -> Option<usize> {
    text.chars().map(cost).sum()
}

/// SMS that `text` takes.
///
/// An escaped character is never split over two parts, so a part may hold 152 septets.
pub(crate) fn segments(text: &str) -> usize {
    let Some(septets) = septets(text) else {
        let units = text.encode_utf16().count();
        return if units <= UCS2_SINGLE { 1 } else { units.div_ceil(UCS2_PART) };
    };
    if septets <= SINGLE {
        return 1;
    }
    let (parts, _) = text
        .chars()
        .filter_map(cost)
        .fold((1, 0), |(parts, used), cost| if used + cost > PART { (parts + 1, cost) } else { (parts, used + cost) });
    parts
}

/// `text` in characters of the alphabet only: `é è à ù` stay, `ê` becomes `e`, `’` becomes `'`.
pub(crate) fn transliterate(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if cost(c).is_some() {
            plain.push(c);
        } else {
            plain.push_str(&nearest(c));
        }
    }
    plain
}

fn cost(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENDED.contains(c) {
        Some(2)
    } else {
        None
    }
}

/// What stands for a character outside the alphabet; `?` when nothing does.
fn nearest(c: char) -> Cow<'static, str> {
    let plain = match c {
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
    };
    Cow::Borrowed(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusmpp::extra::encoding::gsm7bit::Gsm7BitUnpacked;

    use super::*;

    #[test]
    fn french_accents_outside_the_alphabet_lose_only_their_accent() {
        assert_eq!(
            transliterate("Être prévenu : l’œuvre, où ça ? Noël – déjà « prêt » à 16 h…"),
            "Etre prévenu : l'oeuvre, où ca ? Noel - déjà \" pret \" à 16 h..."
        );
    }

    #[test]
    fn a_euro_sign_costs_two_septets_and_is_not_split_over_two_parts() {
        assert_eq!(septets("10 €"), Some(5));
        assert_eq!(segments(&"a".repeat(160)), 1);
        assert_eq!(segments(&"a".repeat(161)), 2);
        assert_eq!(segments(&"a".repeat(306)), 2);
        assert_eq!(segments(&format!("{}€{}", "a".repeat(152), "a".repeat(152))), 3);
        assert_eq!(segments(&"ê".repeat(70)), 1);
        assert_eq!(segments(&"ê".repeat(71)), 2);
    }

    proptest! {
        #[test]
        fn what_is_transliterated_always_fits_the_alphabet(text in ".{0,200}") {
            prop_assert!(septets(&transliterate(&text)).is_some());
        }

        #[test]
        fn our_count_is_the_length_the_encoder_gives(text in "[ -~éèàùÉÇ€\\[\\]{}ñ§]{0,300}") {
            let plain = transliterate(&text);
            let encoded = Gsm7BitUnpacked::new().encode_to_vec(&plain).unwrap();
            prop_assert_eq!(septets(&plain), Some(encoded.len()));
        }

        #[test]
        fn a_text_already_in_the_alphabet_is_left_alone(text in "[A-Za-z0-9 éèàù,.:/-]{0,200}") {
            prop_assert_eq!(transliterate(&text), text);
        }
    }
}
