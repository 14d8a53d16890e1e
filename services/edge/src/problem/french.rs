//! What a decoder says in English of a body, a query or a form, said in French.

use crate::moment;

/// Words of decoders, and ours. What stands between backticks is a name or a value, and stays.
const PHRASES: [(&str, &str); 22] = [
    ("unknown field", "champ inconnu"),
    ("missing field", "champ manquant"),
    ("duplicate field", "champ en double"),
    ("unknown variant", "valeur inconnue"),
    ("invalid type:", "type inattendu :"),
    ("invalid value:", "valeur inattendue :"),
    ("invalid length", "longueur inattendue"),
    ("invalid digit found in string", "nombre attendu"),
    ("cannot parse integer from empty string", "nombre attendu"),
    ("number too large to fit in target type", "nombre trop grand"),
    ("number too small to fit in target type", "nombre trop petit"),
    ("provided string was not `true` or `false`", "« true » ou « false » attendu"),
    ("expected one of", "attendu l'un de"),
    ("there are no fields", "aucun champ n'est attendu"),
    ("expected", "attendu"),
    ("a borrowed string", "un texte"),
    ("a string", "un texte"),
    ("integer", "nombre entier"),
    ("floating point", "nombre"),
    ("boolean", "booléen"),
    ("sequence", "liste"),
    ("map", "objet"),
];
/// What tells that a text is one of theirs, rather than of a type of ours that says what it wants in its own way.
const THEIRS: usize = 12;
const NOT_UNDERSTOOD: &str = "La demande ne correspond pas à ce qui est attendu : voir /api/v1/openapi.json.";

/// `words` of axum or serde in French; a general word where they are not known.
///
/// Examples: "champ inconnu « secteur », attendu « sector ».", "champ manquant « kind » (ligne 1, colonne 2)."
pub fn in_french(words: &str) -> String {
    let words = words.strip_prefix("Failed to ").and_then(|rest| rest.split_once(": ")).map_or(words, |(_, rest)| rest);
    let (words, place) = match words.rsplit_once(" at line ") {
        Some((words, place)) => (words, place.split_once(" column ")),
        None => (words, None),
    };
    if words.contains(moment::BEYOND) {
        return format!("{words}.");
    }
    if !PHRASES[..THEIRS].iter().any(|(theirs, _)| words.contains(theirs)) {
        return NOT_UNDERSTOOD.to_owned();
    }
    let place = place.map(|(line, column)| format!(" (ligne {line}, colonne {column})")).unwrap_or_default();
    // Odd pieces stood between backticks.
    let pieces = words.split('`').enumerate().map(|(n, piece)| match n % 2 {
        0 => PHRASES.iter().fold(piece.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours)),
        _ => format!("« {piece} »"),
    });
    format!("{}{place}.", pieces.collect::<String>().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decoders_say_is_said_in_french() {
        for (english, french) in [
            (
                "Failed to deserialize query string: unknown field `secteur`, expected one of `sector`, `map`",
                "champ inconnu « secteur », attendu l'un de « sector », « map ».",
            ),
            (
                "Failed to deserialize the JSON body into the target type: missing field `text` at line 1 column 13",
                "champ manquant « text » (ligne 1, colonne 13).",
            ),
            (
                "Failed to deserialize the JSON body into the target type: version: invalid type: string \"un\", expected u32 at line 1 column 15",
                "version: type inattendu : string \"un\", attendu u32 (ligne 1, colonne 15).",
            ),
            (
                "Failed to parse the request body as JSON: EOF while parsing an object at line 1 column 3",
                NOT_UNDERSTOOD,
            ),
            ("an id is 26 characters", NOT_UNDERSTOOD),
        ] {
            assert_eq!(in_french(english), french);
        }
    }
}
