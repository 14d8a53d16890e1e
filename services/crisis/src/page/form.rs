//! A form's fields as an order: names and values become the JSON the API reads, so that both say the same.
//!
//! `people.implique` is a number inside `people`, `answers.evolution` a text inside `answers`, `conditions[]` one of a
//! list; an empty field was left out.

use jiff::{civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};
use vigie_edge::problem::Problem;

use crate::order::Order;

/// What a form sends, in its order.
pub(super) type Fields = Vec<(String, String)>;

/// Fields that are numbers.
const NUMBERS: [&str; 2] = ["speed", "number"];
/// Boxes: there or not.
const BOXES: [&str; 1] = ["sure"];
/// Fields that are an hour on the wall.
const MOMENTS: [&str; 1] = ["valid_until"];

/// The value of a field; none when it is empty.
pub(super) fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

/// The last value of a field that is not empty: what was typed goes before what was chosen.
pub(super) fn last<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let values = fields.iter().rev().filter(|(known, _)| known == name);
    values.map(|(_, value)| value.trim()).find(|value| !value.is_empty())
}

/// The order a form gives; its hours are those of `zone`.
pub(super) fn order(fields: &Fields, zone: &TimeZone) -> Result<Order, Problem> {
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
        } else if MOMENTS.contains(&name.as_str()) {
            object.insert(name.clone(), moment(name, value, zone)?);
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
    serde_json::from_value(Value::Object(object)).map_err(|error| incomplete(&error))
}

/// What is missing, in words for people: a field is named as the form names it.
fn incomplete(error: &serde_json::Error) -> Problem {
    let said = error.to_string();
    let field = said.split('`').nth(1).filter(|_| said.starts_with("missing field")).unwrap_or_default();
    let message = match field {
        "incident" => "Choisissez un événement, ou donnez sa référence.",
        "reason" => "Dites pourquoi.",
        "body" => "Choisissez un service.",
        "text" => "Écrivez un texte.",
        "due_on" => "Donnez une échéance.",
        "owner" => "Dites qui s'en charge.",
        "speed" => "Donnez une vitesse.",
        _ if said.contains("R-2026-000123") => "Donnez la référence d'un événement, comme R-2026-000123.",
        _ => "Le formulaire est incomplet : actualisez la page, puis recommencez.",
    };
    Problem::invalid(field, message)
}

fn moment(name: &str, text: &str, zone: &TimeZone) -> Result<Value, Problem> {
    let local: Option<DateTime> = text.parse().ok();
    let at = local.and_then(|local| zone.to_ambiguous_timestamp(local).compatible().ok());
    at.map(|at| at.to_string().into()).ok_or_else(|| Problem::invalid(name, "Donnez une date et une heure."))
}

fn number(name: &str, text: &str) -> Result<Value, Problem> {
    text.parse::<u32>().map(Value::from).map_err(|_| Problem::invalid(name, "Donnez un nombre entier, sans unité."))
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
        let Order::Count { people, .. } = order(&fields(&form), &TimeZone::UTC).unwrap() else {
            panic!("another order")
        };
        assert_eq!(people.into_iter().collect::<Vec<_>>(), [("implique".to_owned(), 42)]);
    }

    #[test]
    fn a_name_where_a_number_belongs_is_refused() {
        let form = [("do", "count"), ("care", CARE), ("people.implique", "Camille Martin")];
        assert_eq!(order(&fields(&form), &TimeZone::UTC).unwrap_err().status, 422);
    }

    #[test]
    fn ticked_boxes_are_a_list_and_none_is_an_empty_one() {
        let form = [("do", "close-care"), ("care", CARE), ("conditions[]", "secours"), ("conditions[]", "recensement")];
        let Order::CloseCare { conditions, .. } = order(&fields(&form), &TimeZone::UTC).unwrap() else {
            panic!("another order")
        };
        assert_eq!(conditions, ["secours", "recensement"]);
        let none = order(&fields(&form[..2]), &TimeZone::UTC).unwrap();
        assert!(matches!(none, Order::CloseCare { conditions, .. } if conditions.is_empty()));
    }

    #[test]
    fn a_field_nobody_knows_is_refused() {
        assert!(order(&fields(&[("do", "complete"), ("name", "x")]), &TimeZone::UTC).is_err());
        assert!(order(&fields(&[("do", "link"), ("incident", CARE), ("name", "x")]), &TimeZone::UTC).is_err());
    }

    #[test]
    fn a_typed_reference_goes_before_a_chosen_event_and_nothing_is_a_fault_that_says_so() {
        let form = [("do", "link"), ("incident", CARE), ("incident", "R-2026-000012")];
        assert_eq!(last(&fields(&form), "incident"), Some("R-2026-000012"));
        let Order::Link { incident } = order(&fields(&form), &TimeZone::UTC).unwrap() else { panic!("another order") };
        assert_eq!(incident, crate::key::IncidentKey::Reference("R-2026-000012".to_owned()));
        let none = order(&fields(&[("do", "link"), ("incident", ""), ("incident", "")]), &TimeZone::UTC).unwrap_err();
        assert_eq!(none.faults[0].message, "Choisissez un événement, ou donnez sa référence.");
    }

    #[test]
    fn an_hour_on_the_wall_is_that_of_the_city() {
        let form = [("do", "receive-text"), ("text", "Restez chez vous."), ("valid_until", "2026-11-27T18:30")];
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let Order::ReceiveText { valid_until, .. } = order(&fields(&form), &paris).unwrap() else { panic!("another") };
        assert_eq!(valid_until, Some("2026-11-27T17:30:00Z".parse().unwrap()));
        let odd = [("do", "receive-text"), ("text", "Restez chez vous."), ("valid_until", "ce soir")];
        assert_eq!(order(&fields(&odd), &paris).unwrap_err().status, 422);
    }
}
