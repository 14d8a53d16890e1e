//! JSON Schemas of the events, as committed under `proto/schemas`.

use serde_json::Value;

use crate::event::Event;

/// File name and content of every schema, ready to be written.
pub fn files() -> Vec<(String, String)> {
    Event::schemas()
        .into_iter()
        .map(|(type_name, schema)| {
            let mut schema = Value::from(schema);
            schema["$id"] = Value::String(format!("/api/v1/schemas/{type_name}.json"));
            schema["title"] = Value::String(type_name.to_owned());
            (format!("{type_name}.json"), format!("{schema:#}\n"))
        })
        .collect()
}
