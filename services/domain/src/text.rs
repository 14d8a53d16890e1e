//! What people write in their own words: as it is kept, and why it is not. One rule for every such text.
//!
//! A warning is never held back for its words: of a signal, whoever raises it is only told what [`naming`] sees.

/// Longest text, characters, where nothing else is said.
pub const MOST: usize = 500;

/// `text` as whoever reads it sees it: without invisible characters and the blanks around it, line breaks as one character.
/// None when nothing is left.
pub fn seen(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let text = text.trim().replace("\r\n", "\n").replace('\r', "\n");
    (!text.is_empty()).then_some(text)
}

/// The text to keep, none for one in which there is nothing to read; or what is wrong with it, for whoever wrote it.
///
/// What seems to name somebody is refused until the writer is `sure` that it does not.
pub fn kept(text: &str, most: usize, sure: bool) -> Result<Option<String>, Vec<String>> {
    let Some(text) = seen(text) else { return Ok(None) };
    if text.chars().count() > most || has_control(&text) {
        return Err(vec![expected(most)]);
    }
    let names = if sure { Vec::new() } else { naming(&text) };
    if names.is_empty() {
        return Ok(Some(text));
    }
    let again = "Corrigez le texte, ou confirmez qu'il ne désigne personne.";
    Err(names.into_iter().map(|name| format!("{name} {again}")).collect())
}

/// What a text has to be like.
pub fn expected(most: usize) -> String {
    format!("De 1 à {most} caractères, sans caractère de contrôle.")
}

/// Holds a character that is neither text nor a line break (a NUL is refused by the database).
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Shows nothing: Unicode's `Default_Ignorable_Code_Point`, among them what reverses a line, and the empty Braille cell.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What in a text seems to name somebody: a telephone number, an address, a handle, or a first name and a name. A sentence
/// each, for whoever wrote it.
pub fn naming(text: &str) -> Vec<String> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let mut warnings = Vec::new();
    if digits >= 10 && has_long_number(text) {
        warnings.push("Le texte semble contenir un numéro de téléphone.");
    }
    if text.split_whitespace().any(|word| word.contains('@')) {
        warnings.push("Le texte semble contenir une adresse ou un compte de réseau social.");
    }
    if has_name_pair(text) || has_titled_name(text) {
        warnings.push("Le texte semble contenir un nom de personne.");
    }
    warnings.into_iter().map(|warning| format!("{warning} N'écrivez ni nom, ni numéro, ni compte.")).collect()
}

/// Nine digits or more in one run, spaces and dots between them aside.
fn has_long_number(text: &str) -> bool {
    let mut run = 0;
    for c in text.chars() {
        match c {
            '0'..='9' => run += 1,
            ' ' | '.' | '-' => {}
            _ => run = 0,
        }
        if run >= 9 {
            return true;
        }
    }
    false
}

/// A capitalised word after a title or a word for a person, as reports have it: « M. Martin », « l'élève Kévin ».
fn has_titled_name(text: &str) -> bool {
    const TITLES: [&str; 18] = [
        "m",
        "mr",
        "mm",
        "mme",
        "mlle",
        "mgr",
        "monsieur",
        "messieurs",
        "madame",
        "mesdames",
        "mademoiselle",
        "élève",
        "nommé",
        "nommée",
        "prénommé",
        "prénommée",
        "dénommé",
        "dénommée",
    ];
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).any(|pair| {
        let bare = pair[0].trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        // « l'élève » is one word here.
        let title = bare.rsplit(['\'', '’']).next().unwrap_or_default();
        let name = pair[1].trim_start_matches(|c: char| !c.is_alphanumeric());
        let letters = name.chars().take_while(|c| c.is_alphabetic()).count();
        let ended = pair[0].ends_with([',', ';', '!', '?', ':']) || (title.len() > 3 && pair[0].ends_with('.'));
        TITLES.contains(&title) && !ended && letters >= 2 && name.starts_with(char::is_uppercase)
    })
}

/// Two capitalised words side by side, neither after a full stop nor a word of place.
fn has_name_pair(text: &str) -> bool {
    const PLACES: [&str; 20] = [
        "rue",
        "place",
        "avenue",
        "boulevard",
        "collège",
        "lycée",
        "métro",
        "station",
        "square",
        "quai",
        "porte",
        "cité",
        "parc",
        "stade",
        "gymnase",
        "école",
        "passage",
        "impasse",
        "villa",
        "résidence",
    ];
    let words: Vec<&str> = text.split_whitespace().collect();
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let capitalised = |word: &str| {
        let word = bare(word);
        let mut chars = word.chars();
        chars.next().is_some_and(char::is_uppercase)
            && chars.clone().count() >= 2
            && chars.all(|c| c.is_lowercase() || c == '-')
    };
    (1..words.len()).any(|i| {
        let starts_sentence = i == 1 || words[i - 2].ends_with(['.', '!', '?', ':']);
        let preceded_by_place = i >= 2 && PLACES.contains(&bare(words[i - 2]).to_lowercase().as_str());
        let first_is_place = PLACES.contains(&bare(words[i - 1]).to_lowercase().as_str());
        let separated = words[i - 1].ends_with(['.', ',', ';', '!', '?', ':']);
        let opens_sentence = starts_sentence && is_common_opening(&bare(words[i - 1]));
        let excused = separated || preceded_by_place || first_is_place || opens_sentence;
        capitalised(words[i - 1]) && capitalised(words[i]) && !excused
    })
}

fn is_common_opening(word: &str) -> bool {
    [
        "Le",
        "La",
        "Les",
        "Un",
        "Une",
        "Des",
        "Du",
        "De",
        "Au",
        "Aux",
        "Il",
        "Elle",
        "On",
        "Devant",
        "Derrière",
        "Vers",
        "Dans",
    ]
    .contains(&word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INVISIBLE: [char; 8] =
        ['\u{200b}', '\u{2060}', '\u{feff}', '\u{ad}', '\u{202e}', '\u{fe0f}', '\u{2800}', '\u{e0041}'];

    /// Letters, names, blanks, control and invisible characters.
    fn texts() -> impl Strategy<Value = String> {
        let named = prop::sample::select(vec!["Kevin Durand", "06 39 98 12 34", "@le_duc", "la rue", "\r\n", "\u{7}"]);
        let invisible = prop::sample::select(INVISIBLE.to_vec()).prop_map(|c| c.to_string());
        let part = prop_oneof![
            named.prop_map(str::to_owned),
            invisible,
            "[a-zé .]{0,9}",
            any::<char>().prop_map(String::from)
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_can_be_read_in_its_length_and_about_nobody(text in texts(), most in 1..40_usize, sure: bool) {
            match kept(&text, most, sure) {
                Ok(None) => prop_assert!(text.chars().all(|c| c.is_whitespace() || is_invisible(c))),
                Ok(Some(kept)) => {
                    prop_assert!((1..=most).contains(&kept.chars().count()) && kept.trim() == kept);
                    prop_assert!(!has_control(&kept) && !kept.contains(INVISIBLE));
                    prop_assert!(sure || naming(&kept).is_empty());
                    prop_assert_eq!(super::kept(&kept, most, sure), Ok(Some(kept)), "it is kept as it is the next time");
                }
                Err(why) => prop_assert!(!why.is_empty()),
            }
        }

        #[test]
        fn what_nobody_sees_changes_nothing(text in texts(), at in any::<prop::sample::Index>(), hidden in prop::sample::select(INVISIBLE.to_vec()), sure: bool) {
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
            let mut other = text.clone();
            other.insert(places[at.index(places.len())], hidden);
            prop_assert_eq!(kept(&other, 40, sure), kept(&text, 40, sure));
        }
    }

    #[test]
    fn line_breaks_of_any_kind_are_one_character_and_stay_so() {
        assert_eq!(seen("un\rdeux\r\ntrois\r\r\nquatre"), Some("un\ndeux\ntrois\n\nquatre".to_owned()));
    }

    #[test]
    fn a_text_of_invisible_characters_is_none() {
        assert_eq!(kept(&INVISIBLE.iter().collect::<String>(), MOST, false), Ok(None));
        assert_eq!(kept(" \u{200b}\u{a0}\u{2060}\n", MOST, false), Ok(None));
    }

    #[test]
    fn a_name_is_refused_until_the_writer_is_sure() {
        let why = kept("Appeler Kevin Durand", MOST, false).unwrap_err();
        assert_eq!(
            why,
            [
                "Le texte semble contenir un nom de personne. N'écrivez ni nom, ni numéro, ni compte. Corrigez le texte, ou confirmez qu'il ne désigne personne."
            ]
        );
        assert_eq!(kept("Appeler Kevin Durand", MOST, true), Ok(Some("Appeler Kevin Durand".to_owned())));
    }

    #[test]
    fn texts_that_name_somebody_are_noticed_and_places_are_not() {
        for named in [
            "c'est Kevin Durand qui vient",
            "appelez le 06 39 98 12 34",
            "voir @le_duc sur les réseaux",
            "ecrire a x@example.org",
            "M. Martin",
            "prévenir M. DUPONT",
            "vu avec monsieur Benali",
            "l'élève Kévin L. est blessé",
            "le dénommé Karim",
            "MME MARTIN EST LA",
        ] {
            assert!(!naming(named).is_empty(), "{named}");
        }
        for plain in [
            "Une trentaine de jeunes annoncent une bagarre à la sortie",
            "Rassemblement rue Georges Thill à 16 h 30",
            "Un groupe devant le collège Edmond Michelet",
            "Vers 17 h, 30 à 40 jeunes. Deux ont des bâtons",
        ] {
            assert!(naming(plain).is_empty(), "{plain}: {:?}", naming(plain));
        }
    }
}
