//! What a call sees of the package's notes, and what it changed: nothing is stored before the call ends well.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::capabilities::Write;
use crate::error::DriverError;

/// Most keys of one node.
const MAX_KEYS: usize = 256;
/// Longest key, in bytes.
const MAX_KEY: usize = 255;
/// Largest value, and largest cursor, in bytes of JSON.
pub(crate) const MAX_VALUE: usize = 64 * 1024;

/// Notes on one node during one call.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// As it was loaded, and as this call changed it; `None` until it is first asked for.
    values: Option<BTreeMap<String, Value>>,
    /// What this call changed and hasn't checkpointed.
    writes: BTreeMap<String, Option<Value>>,
}

impl Notes {
    pub(crate) fn is_loaded(&self) -> bool {
        self.values.is_some()
    }

    pub(crate) fn fill(&mut self, values: BTreeMap<String, Value>) {
        self.values = Some(values);
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.values.as_ref()?.get(key)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.values
            .iter()
            .flat_map(BTreeMap::keys)
            .cloned()
            .collect()
    }

    /// Sets a value, given as JSON text.
    pub(crate) fn set(&mut self, key: String, value: &str) -> Result<(), DriverError> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(invalid(format!("state: a key has 1 to {MAX_KEY} bytes")));
        }
        let value = parse_json("state: the value", value)?;
        let values = self.values.get_or_insert_default();
        if !values.contains_key(&key) && values.len() >= MAX_KEYS {
            return Err(invalid(format!(
                "state: a node has at most {MAX_KEYS} keys"
            )));
        }
        values.insert(key.clone(), value.clone());
        self.writes.insert(key, Some(value));
        Ok(())
    }

    pub(crate) fn delete(&mut self, key: String) {
        let known = self
            .values
            .as_mut()
            .is_some_and(|values| values.remove(&key).is_some());
        if known {
            self.writes.insert(key, None);
        }
    }

    /// What was changed and isn't stored yet.
    pub(crate) fn writes(&self) -> Vec<Write> {
        self.writes
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// What was changed since the last time this was called.
    pub(crate) fn take_writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.writes).into_iter().collect()
    }
}

/// Parses JSON of at most [`MAX_VALUE`] bytes.
pub(crate) fn parse_json(what: &str, text: &str) -> Result<Value, DriverError> {
    if text.len() > MAX_VALUE {
        return Err(invalid(format!(
            "{what} has {} bytes; at most {MAX_VALUE} are accepted",
            text.len()
        )));
    }
    serde_json::from_str(text).map_err(|error| invalid(format!("{what} is no JSON: {error}")))
}

fn invalid(message: String) -> DriverError {
    DriverError::InvalidParameter(message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_sees_what_it_wrote_and_leaves_the_changes() {
        let mut notes = Notes::default();
        notes.fill(BTreeMap::from([
            ("a".into(), json!(1)),
            ("b".into(), json!(2)),
        ]));
        notes.set("c".into(), "[3]").unwrap();
        notes.delete("a".into());
        notes.delete("never-there".into());
        assert_eq!(notes.keys(), ["b", "c"]);
        assert_eq!(notes.get("c"), Some(&json!([3])));
        let writes = notes.take_writes();
        assert_eq!(
            writes,
            [("a".to_owned(), None), ("c".to_owned(), Some(json!([3])))]
        );
        assert!(notes.take_writes().is_empty());
    }

    #[test]
    fn keys_and_values_are_bounded() {
        let mut notes = Notes::default();
        assert!(notes.set(String::new(), "1").is_err());
        assert!(notes.set("k".repeat(256), "1").is_err());
        assert!(notes.set("k".into(), "{").is_err());
        assert!(
            notes
                .set("k".into(), &format!("\"{}\"", "x".repeat(MAX_VALUE)))
                .is_err()
        );
        for index in 0..MAX_KEYS {
            notes.set(format!("k{index}"), "1").unwrap();
        }
        assert!(notes.set("one-more".into(), "1").is_err());
        notes.set("k0".into(), "2").unwrap();
    }
}
