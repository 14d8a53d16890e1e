//! What a decoder says in English of a body, a query or a form, said in French.

use crate::moment;

/// Words of decoders, and ours, longer ones first. What stands between backticks is a name or a value, and stays.
const PHRASES: [(&str, &str); 37] = [
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
    ("provided string was not", "valeur inattendue : attendu"),
    ("expected one of", "attendu l'un de"),
    ("there are no fields", "aucun champ n'est attendu"),
    ("expected", "attendu"),
    ("a borrowed string", "un texte"),
    ("string or map", "un texte ou un objet"),
    ("a string", "un texte"),
    ("string \"", "texte \""),
    ("a boolean", "un booléen"),
    ("a sequence", "une liste"),
    ("a map", "un objet"),
    ("integer", "nombre entier"),
    ("floating point", "nombre"),
    ("boolean", "booléen"),
    ("sequence", "liste"),
    ("map", "objet"),
    (" or ", " ou "),
    ("usize", "un nombre"),
    ("u64", "un nombre"),
    ("u32", "un nombre"),
    ("u16", "un nombre"),
    ("u8", "un nombre"),
    ("i64", "un nombre"),
    ("i32", "un nombre"),
    ("f64", "un nombre"),
    ("null", "rien"),
];
/// What tells that a text is one of theirs, rather than of a type of ours that says what it wants in its own way.
const THEIRS: usize = 12;
const NOT_UNDERSTOOD: &str = "La valeur n'est pas de la forme attendue : voir /api/v1/openapi.json.";

/// The field that `words` of axum or serde speak of, empty when they name none, and what they say of it in French.
///
/// Examples: `("sector", "champ inconnu « secteur », attendu « sector ».")`, `("kind", "champ manquant « kind ».")`.
pub fn in_french(words: &str) -> (String, String) {
    let words = words.strip_prefix("Failed to ").and_then(|rest| rest.split_once(": ")).map_or(words, |(_, rest)| rest);
    let words = words.rsplit_once(" at line ").map_or(words, |(words, _)| words);
    let is_path = |path: &&str| !path.contains(' ') && !path.is_empty();
    let (path, words) = match words.split_once(": ").filter(|(path, _)| is_path(path)) {
        Some((path, words)) => (Some(path), words),
        None => (None, words),
    };
    let quoted =
        || words.split('`').nth(1).filter(|_| ["missing", "unknown field"].iter().any(|w| words.starts_with(w)));
    let field = match (path.filter(|path| *path != "."), quoted()) {
        (Some(path), Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
        (path, name) => path.or(name).unwrap_or_default().to_owned(),
    };
    (field, said(words))
}

fn said(words: &str) -> String {
    if words.contains(moment::BEYOND) {
        return format!("{words}.");
    }
    if !PHRASES[..THEIRS].iter().any(|(theirs, _)| words.contains(theirs)) {
        return NOT_UNDERSTOOD.to_owned();
    }
    // « struct X with 3 elements » is a type of ours, of no use to whoever reads this.
    let words = words.split_once("struct ").map_or_else(|| words.to_owned(), |(before, _)| format!("{before}a map"));
    // Odd pieces stood between backticks.
    let pieces = words.split('`').enumerate().map(|(n, piece)| match n % 2 {
        0 => PHRASES.iter().fold(piece.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours)),
        _ => format!("« {piece} »"),
    });
    format!("{}.", pieces.collect::<String>().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decoders_say_is_said_in_french() {
        for (english, field, french) in [
            (
                "Failed to deserialize query string: secteur: unknown field `secteur`, expected one of `sector`, `map`",
                "secteur",
                "champ inconnu « secteur », attendu l'un de « sector », « map ».",
            ),
            (
                "Failed to deserialize the JSON body into the target type: missing field `text` at line 1 column 13",
                "text",
                "champ manquant « text ».",
            ),
            (
                "Failed to deserialize the JSON body into the target type: location: missing field `lat` at line 1 column 13",
                "location.lat",
                "champ manquant « lat ».",
            ),
            (
                "Failed to deserialize the JSON body into the target type: version: invalid type: string \"un\", expected u32 at line 1 column 15",
                "version",
                "type inattendu : texte \"un\", attendu un nombre.",
            ),
            (
                "Failed to deserialize the JSON body into the target type: invalid type: integer `5`, expected struct NoteBody with 2 elements at line 1 column 1",
                "",
                "type inattendu : nombre entier « 5 », attendu un objet.",
            ),
            (
                "Failed to deserialize query string: map: provided string was not `true` or `false`",
                "map",
                "valeur inattendue : attendu « true » ou « false ».",
            ),
            (
                "Failed to parse the request body as JSON: EOF while parsing an object at line 1 column 3",
                "",
                NOT_UNDERSTOOD,
            ),
            ("Failed to deserialize query string: since: premature end of input", "since", NOT_UNDERSTOOD),
            ("an id is 26 characters", "", NOT_UNDERSTOOD),
        ] {
            assert_eq!(in_french(english), (field.to_owned(), french.to_owned()), "{english}");
        }
    }
}
