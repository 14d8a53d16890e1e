//! What was published stays readable: golden samples of every event version, and schemas that match the types.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use vigie_proto::{event::Event, schema, subject};

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn samples() -> Vec<(String, String)> {
    let mut samples: Vec<_> = fs::read_dir(folder("samples"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}

#[test]
fn every_event_version_ever_released_still_decodes() {
    for (type_name, text) in samples() {
        let event = Event::decode(&type_name, &text).unwrap_or_else(|e| panic!("{type_name}: {e:?}"));
        assert_eq!(event.type_name(), type_name);
        // What is written again says the same: nothing of an old event is lost on the way.
        let (before, after): (Value, Value) =
            (serde_json::from_str(&text).unwrap(), serde_json::from_str(&event.to_json()).unwrap());
        assert!(holds_all(&after, &before), "{type_name}: {before} became {after}");
    }
}

/// Everything `old` says is in `new`, which may say more.
fn holds_all(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            old.iter().all(|(key, value)| new.get(key).is_some_and(|new| holds_all(new, value)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| holds_all(new, old))
        }
        _ => new == old,
    }
}

#[test]
fn every_event_type_has_a_sample_and_a_subject_filter_that_catches_it() {
    let sampled: BTreeSet<String> = samples().into_iter().map(|(name, _)| name).collect();
    for type_name in Event::TYPES {
        assert!(sampled.contains(*type_name), "{type_name} has no sample: add proto/samples/{type_name}.json");
    }
    for (type_name, text) in samples() {
        let subject = Event::decode(&type_name, &text).unwrap().subject();
        let filter = subject::filter_of(&type_name).unwrap();
        let (filter, subject): (Vec<_>, Vec<_>) = (filter.split('.').collect(), subject.split('.').collect());
        assert_eq!(filter.len(), subject.len(), "{type_name}: {subject:?}");
        assert!(filter.iter().zip(&subject).all(|(f, s)| *f == "*" || f == s), "{type_name}: {filter:?} {subject:?}");
    }
}

#[test]
fn every_sample_is_valid_under_its_schema() {
    for (type_name, text) in samples() {
        let schema: Value =
            serde_json::from_str(&fs::read_to_string(folder("schemas").join(format!("{type_name}.json"))).unwrap())
                .unwrap();
        let instance: Value = serde_json::from_str(&text).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<String> = validator.iter_errors(&instance).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{type_name}: {faults:?}");
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let committed: BTreeSet<String> = fs::read_dir(folder("schemas"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let made: BTreeSet<String> = schema::files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(committed, made);
    for (name, text) in schema::files() {
        let path = folder("schemas").join(&name);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            text,
            "{name} is stale: run `vigie contract schemas --out proto/schemas`"
        );
    }
}

#[test]
fn an_unknown_type_or_shape_is_an_error_and_never_skipped() {
    assert!(Event::decode("vigie.signal.raised.v99", "{}").is_err());
    assert!(Event::decode("vigie.signal.raised.v1", "{}").is_err());
}
