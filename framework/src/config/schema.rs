//! The form of the files as a JSON schema, for editors.

use serde_json::{Map, Value as Json, json};

use super::application::Program;
use super::keyed::{Change, Key};
use super::settings::Settings;

/// The JSON schema (draft 2020-12) of a file: of one server's settings, or of applications. What it takes
/// to change a key stands beside it as `x-change`.
pub fn schema() -> Json {
    // Settings of an application stand in the environment of its master, which an upgrade keeps.
    let restart = |key: &Key| Key { change: Change::Restart, ..*key };
    let application: Vec<Key> = Program::KEYS.iter().chain(Settings::KEYS).map(restart).collect();
    let application = table(&application, &["program"]);
    let mut top = properties(Settings::KEYS);
    let apps = json!({
        "description": "Applications, for evenkeel start.",
        "type": "object",
        "propertyNames": { "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$" },
        "additionalProperties": application,
    });
    top.insert("app".to_owned(), apps);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "evenkeel",
        "type": "object",
        "additionalProperties": false,
        "properties": top,
    })
}

fn table(keys: &[Key], required: &[&str]) -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties(keys),
    })
}

fn properties(keys: &[Key]) -> Map<String, Json> {
    let property = |key: &Key| {
        let mut form = (key.schema)();
        form["description"] = key.about.trim().into();
        form["x-change"] = key.change.to_string().into();
        (key.name.to_owned(), form)
    };
    keys.iter().map(property).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that the schema says are good.
    fn examples(form: &Json) -> Vec<Json> {
        if let Some(choices) = form.get("oneOf").and_then(Json::as_array) {
            return choices.iter().flat_map(examples).collect();
        }
        if let Some(all) = form.get("enum").and_then(Json::as_array) {
            return all.clone();
        }
        if let Some(only) = form.get("const") {
            return vec![only.clone()];
        }
        if form.get("not").is_some() {
            return Vec::new();
        }
        match form["type"].as_str() {
            Some("integer") => vec![json!(1)],
            Some("boolean") => vec![json!(true), json!(false)],
            Some("array") => vec![json!(["127.0.0.1"])],
            Some("string") => match form.get("pattern").and_then(Json::as_str) {
                Some(pattern) if pattern.contains("ms") => vec![json!("1.5s"), json!("1h30m")],
                Some(_) => vec![json!("64MiB")],
                None => vec![json!("text")],
            },
            _ => vec![json!({ "A": "b" })],
        }
    }

    #[test]
    fn what_the_schema_allows_is_read_and_no_key_is_missing() {
        let schema = schema();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), Settings::KEYS.len() + 1);
        for key in Settings::KEYS {
            let form = &properties[key.name];
            assert!(!form["description"].as_str().unwrap().is_empty(), "{}", key.name);
            for example in examples(form) {
                let file = json!({ key.name: example });
                let read: Result<Settings, _> = serde_json::from_value(file.clone());
                assert!(read.is_ok_and(|settings| settings != Settings::default()), "{file}");
            }
            let wrong: Result<Settings, _> = serde_json::from_value(json!({ key.name: 1.5 }));
            assert!(wrong.is_err(), "{} takes a number with a fraction", key.name);
        }
        assert_eq!(schema["additionalProperties"], false);
        assert!(serde_json::from_value::<Settings>(json!({ "nothing": 1 })).is_err());
    }
}
