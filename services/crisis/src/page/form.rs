//! A form's fields as an order: names and values become the JSON the API reads, so that both say the same.
//!
//! `people.implique` is a number inside `people`, `answers.evolution` a text inside `answers`, `conditions[]` one of a
//! list; an empty field was left out.

use serde_json::{Map, Value, json};
use vigie_platform::problem::Problem;

use crate::{desk::invalid, order::Order};

/// What a form sends, in its order.
pub(super) type Fields = Vec<(String, String)>;

/// Fields that are numbers.
const NUMBERS: [&str; 2] = ["speed", "number"];
/// Boxes: there or not.
const BOXES: [&str; 1] = ["sure"];

/// The value of a field; none when it is empty.
pub(super) fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

/// The order a form gives.
pub(super) fn order(fields: &Fields) -> Result<Order, Problem> {
    let mut object = Map::new();
    for (name, value) in fields {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if let Some(list) = name.strip_suffix("[]") {
            if let Value::Array(items) = object.entry(list).or_insert_with(|| json!([])) {
                items.push(value.into());
            }
        } else if let Some((outer, inner)) = name.split_once('.') {
            let inside = if outer == "people" { number(name, value)? } else { value.into() };
            if let Value::Object(fields) = object.entry(outer).or_insert_with(|| json!({})) {
                fields.insert(inner.to_owned(), inside);
            }
        } else if NUMBERS.contains(&name.as_str()) {
            object.insert(name.clone(), number(name, value)?);
        } else if BOXES.contains(&name.as_str()) {
            object.insert(name.clone(), true.into());
        } else {
            object.insert(name.clone(), value.into());
        }
    }
    // Lists and numbers that no box or field was filled for.
    match object.get("do").and_then(Value::as_str) {
        Some("close-care") => drop(object.entry("conditions").or_insert_with(|| json!([]))),
        Some("count") => drop(object.entry("people").or_insert_with(|| json!({}))),
        _ => {}
    }
    serde_json::from_value(Value::Object(object))
        .map_err(|error| invalid("", format!("Formulaire incomplet : {error}")))
}

fn number(name: &str, text: &str) -> Result<Value, Problem> {
    text.parse::<u32>().map(Value::from).map_err(|_| invalid(name, "Donnez un nombre entier, sans unité."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const CARE: &str = "019abf00-0000-7000-8000-000000000004";

    #[test]
    fn a_count_is_numbers_by_category_and_an_empty_field_is_left_out() {
        let form = [("do", "count"), ("care", CARE), ("people.implique", "42"), ("people.proche", "")];
        let Order::Count { people, .. } = order(&fields(&form)).unwrap() else { panic!("another order") };
        assert_eq!(people.into_iter().collect::<Vec<_>>(), [("implique".to_owned(), 42)]);
    }

    #[test]
    fn a_name_where_a_number_belongs_is_refused() {
        let form = [("do", "count"), ("care", CARE), ("people.implique", "Camille Martin")];
        assert_eq!(order(&fields(&form)).unwrap_err().status, 422);
    }

    #[test]
    fn ticked_boxes_are_a_list_and_none_is_an_empty_one() {
        let form = [("do", "close-care"), ("care", CARE), ("conditions[]", "secours"), ("conditions[]", "recensement")];
        let Order::CloseCare { conditions, .. } = order(&fields(&form)).unwrap() else { panic!("another order") };
        assert_eq!(conditions, ["secours", "recensement"]);
        let none = order(&fields(&form[..2])).unwrap();
        assert!(matches!(none, Order::CloseCare { conditions, .. } if conditions.is_empty()));
    }

    #[test]
    fn a_field_nobody_knows_is_refused() {
        assert!(order(&fields(&[("do", "complete"), ("name", "x")])).is_err());
        assert!(order(&fields(&[("do", "link"), ("incident", CARE), ("name", "x")])).is_err());
    }
}
