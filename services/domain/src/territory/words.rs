//! What two spellings of an address or a name share: the one rule by which texts are compared.

/// The words of a text without case, accent, punctuation or article, abbreviations written out.
pub(crate) fn words(text: &str) -> Vec<String> {
    let plain: String = text.chars().flat_map(char::to_lowercase).filter(|c| !is_mark(*c)).map(unaccented).collect();
    let plain = plain.replace('œ', "oe").replace('æ', "ae");
    let words = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(expanded).filter(|word| !is_article(word)).map(str::to_owned).collect()
}

/// The words of an address or a name, without the town they end with.
pub(crate) fn normalise(text: &str) -> Vec<String> {
    let mut words = words(text);
    // "…, 75019 Paris", "… Paris 19e", "… 75116 PARIS CEDEX 16": the town says nothing that the number does not
    if let Some(end) = words.iter().position(|word| word.len() == 5 && word.starts_with("75") && is_number(word)) {
        words.truncate(end);
    }
    while words.len() > 1 && words.last().is_some_and(|word| is_town(word)) {
        words.pop();
    }
    words
}

/// The arrondissement that a postal code names, 75116 being the 16th.
pub(crate) fn arrondissement_of(code: &str) -> Option<u8> {
    let code = Some(code).filter(|code| code.len() == 5 && code.starts_with("75") && is_number(code))?;
    code[3..].parse().ok().filter(|number| (1..=20).contains(number))
}

/// Whether a word only says that the place is in Paris.
pub(crate) fn is_town(word: &str) -> bool {
    matches!(word, "paris" | "france" | "cedex")
}

pub(crate) fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word says what sort of way an address is on.
pub(crate) fn is_way(word: &str) -> bool {
    matches!(
        word,
        "rue"
            | "avenue"
            | "boulevard"
            | "place"
            | "passage"
            | "impasse"
            | "villa"
            | "square"
            | "quai"
            | "cite"
            | "allee"
            | "route"
            | "voie"
            | "port"
            | "pont"
            | "cour"
            | "cours"
            | "promenade"
            | "esplanade"
            | "chemin"
            | "faubourg"
            | "galerie"
            | "porte"
            | "rond"
            | "point"
    )
}

/// Whether a word says what sort of place is meant, and not which one.
pub(crate) fn is_sort(word: &str) -> bool {
    is_way(word)
        || matches!(
            word,
            "saint"
                | "ecole"
                | "maternelle"
                | "elementaire"
                | "primaire"
                | "polyvalente"
                | "college"
                | "lycee"
                | "gare"
                | "station"
                | "metro"
                | "rer"
                | "tram"
                | "tramway"
                | "mairie"
                | "quartier"
        )
}

fn is_article(word: &str) -> bool {
    matches!(word, "d" | "l" | "de" | "du" | "des" | "la" | "le" | "les" | "a" | "au" | "aux")
}

/// Whether a character only puts an accent on the one before it.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

fn unaccented(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ÿ' => 'y',
        other => other,
    }
}

fn expanded(word: &str) -> &str {
    match word {
        "r" => "rue",
        "av" | "ave" => "avenue",
        "bd" | "bld" | "blvd" | "boul" | "bvd" => "boulevard",
        "pl" => "place",
        "sq" => "square",
        "imp" => "impasse",
        "all" => "allee",
        "pass" => "passage",
        "fg" | "fbg" => "faubourg",
        "rte" => "route",
        "esp" => "esplanade",
        "pte" => "porte",
        "st" => "saint",
        "ste" => "sainte",
        "gal" => "general",
        "mal" => "marechal",
        "dr" => "docteur",
        "clg" => "college",
        "lyc" => "lycee",
        "elem" => "elementaire",
        "mat" => "maternelle",
        other => other,
    }
}

/// Whether no letter of a text is small.
pub(crate) fn is_capitals(text: &str) -> bool {
    !text.chars().any(char::is_lowercase)
}

/// `RUE DES LYONNAIS` and `rue des Lyonnais` as a name: `Rue des Lyonnais`.
pub(crate) fn as_name(text: &str) -> String {
    let capitals = is_capitals(text);
    let mut name = String::with_capacity(text.len());
    for (number, word) in text.split(' ').enumerate() {
        let word = if capitals { word.to_lowercase() } else { word.to_owned() };
        let small = matches!(word.as_str(), "de" | "du" | "des" | "la" | "le" | "les" | "et" | "aux" | "d" | "l");
        if number > 0 {
            name.push(' ');
        }
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if number == 0 || (capitals && !small) => {
                name.extend(first.to_uppercase());
                name.push_str(letters.as_str());
            }
            _ => name.push_str(&word),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_an_address_reduce_to_the_same_words() {
        let plain = normalise("242 rue Saint-Jacques");
        for other in ["242 RUE SAINT JACQUES", "242, r. St Jacques 75005 Paris", "242 Rue  Saint-Jacques, Paris"] {
            assert_eq!(normalise(other), plain, "{other}");
        }
        assert_eq!(normalise("35 av. de l'Évêché"), normalise("35 AVENUE DE L EVECHE"));
        assert_eq!(normalise("rue de Crime\u{301}e"), normalise("rue de Crimée"), "accents written apart");
    }

    #[test]
    fn a_postal_code_names_an_arrondissement() {
        assert_eq!(arrondissement_of("75006"), Some(6));
        assert_eq!(arrondissement_of("75116"), Some(16));
        assert_eq!([arrondissement_of("75"), arrondissement_of("93300"), arrondissement_of("75021")], [None; 3]);
    }
}
