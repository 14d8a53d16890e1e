//! What no text of ours may hold: the NUL character, which Postgres keeps in no string.
//!
//! Found here, for every address, form and JSON body alike, it is a fault of one request. Found by the database, it
//! would be a fault of everything that shares the statement.

use axum::http::Uri;
use serde_json::Value;

/// What is named when the path itself is at fault.
pub(super) const PATH: &str = "path";

/// What of an address holds a NUL: [`PATH`], or the name of a query parameter.
pub(super) fn nul_in_address(uri: &Uri) -> Option<String> {
    if uri.path().contains("%00") {
        return Some(PATH.to_owned());
    }
    nul_in_form(uri.query()?.as_bytes()).into_iter().next()
}

/// The fields of a form that hold one.
pub(super) fn nul_in_form(form: &[u8]) -> Vec<String> {
    let holds = |pair: &&[u8]| pair.contains(&0) || pair.windows(3).any(|three| three == b"%00");
    let name = |pair: &[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        String::from_utf8_lossy(name).replace('\0', "").replace("%00", "")
    };
    form.split(|byte| *byte == b'&').filter(holds).map(name).collect()
}

/// The paths of a JSON body that hold one, such as `location.school`; none when it is not JSON, which others tell.
pub(super) fn nul_in_json(body: &[u8]) -> Vec<String> {
    // Most bodies have no such escape, and are not parsed twice; fewer have any, and are not even looked through.
    if !body.contains(&b'\\') || !body.windows(6).any(|six| six.eq_ignore_ascii_case(b"\\u0000")) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        collect(&value, "", &mut found);
    }
    found
}

fn collect(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains('\0') => found.push(path.to_owned()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if name.contains('\0') {
                    found.push(path.to_owned());
                } else {
                    collect(field, &inner, found);
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_wherever_it_hides_and_nothing_else_is() {
        assert_eq!(nul_in_json(br#"{"a": {"b": ["x", "y\u0000"]}, "c\u0000": 1}"#), ["a.b", ""]);
        assert!(nul_in_json(br#"{"a": "\\u0000"}"#).is_empty(), "a backslash that is written out");
        assert_eq!(nul_in_form(b"key=a%00b&text=fine&x%00=1"), ["key", "x"]);
        assert_eq!(nul_in_form(b"key=a\0b"), ["key"]);
        assert!(nul_in_form(b"key=100%2500").is_empty());
        assert_eq!(nul_in_address(&Uri::from_static("/a/%00")), Some("path".to_owned()));
        assert_eq!(nul_in_address(&Uri::from_static("/a?cursor=%00")), Some("cursor".to_owned()));
        assert_eq!(nul_in_address(&Uri::from_static("/a?cursor=0")), None);
    }
}
