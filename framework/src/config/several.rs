//! Values of several parts: lists and tables.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::raw::Raw;
use super::value::{Value, text_of};

/// In the environment its items are divided by commas.
impl Value for Vec<String> {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => items.iter().map(|item| text_of(item).map(str::to_owned)).collect(),
            Raw::Text(text) => Ok(text.split(',').map(|item| item.trim().to_owned()).collect()),
            other => Err(format!("{} stands where a list of texts is wanted", other.kind())),
        }
    }

    fn text(&self) -> String {
        self.join(",")
    }

    fn json(&self) -> Json {
        json!(self)
    }

    fn schema() -> Json {
        let list = json!({ "type": "array", "items": { "type": "string" } });
        json!({ "oneOf": [{ "type": "string" }, list] })
    }
}

impl Value for BTreeMap<String, String> {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Table(entries) => {
                let entry =
                    |(name, value): (&String, &Raw)| Ok((name.clone(), text_of(value)?.to_owned()));
                entries.iter().map(entry).collect()
            }
            other => Err(format!("{} stands where a table of texts is wanted", other.kind())),
        }
    }

    fn text(&self) -> String {
        let pairs: Vec<String> =
            self.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ")
    }

    fn json(&self) -> Json {
        json!(self)
    }

    fn schema() -> Json {
        json!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}
