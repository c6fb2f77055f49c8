//! What a call sees of the package's notes, and what it changed: nothing is stored before the call ends well.
//!
//! Values stay the text that they came as: parsed, JSON takes many times its size, and nobody here looks into it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironbark_model::json::{self, MAX_DEPTH};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::capabilities::Write;
use crate::error::DriverError;

/// Most keys of one node.
const MAX_KEYS: usize = 256;
/// Longest key, in bytes.
const MAX_KEY: usize = 255;
/// Largest value, and largest cursor, in bytes of JSON.
pub(crate) const MAX_VALUE: usize = 64 * 1024;
/// Most that a package keeps of one node, keys and values together, in bytes.
const MAX_TOTAL: usize = 1024 * 1024;
/// Most keys that a call changes between two checkpoints.
const MAX_WRITES: usize = 2 * MAX_KEYS;

/// Notes on one node during one call.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// As it was loaded, and as this call changed it; `None` until it is first asked for.
    values: Option<BTreeMap<String, Arc<str>>>,
    /// Size of these, keys and values.
    total: usize,
    /// What this call changed and hasn't checkpointed.
    writes: BTreeMap<String, Option<Arc<str>>>,
}

impl Notes {
    pub(crate) fn is_loaded(&self) -> bool {
        self.values.is_some()
    }

    pub(crate) fn fill(&mut self, values: BTreeMap<String, String>) {
        self.total = values.iter().map(|(key, value)| size(key, value)).sum();
        self.values = Some(
            values
                .into_iter()
                .map(|(key, value)| (key, value.into()))
                .collect(),
        );
    }

    /// The value of `key`, as JSON text.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values.as_ref()?.get(key).map(AsRef::as_ref)
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
        check_json("state: the value", value)?;
        let values = self.values.get_or_insert_default();
        let old = values.get(&key);
        if old.is_none() && values.len() >= MAX_KEYS {
            return Err(invalid(format!(
                "state: a node has at most {MAX_KEYS} keys"
            )));
        }
        if self.writes.len() >= MAX_WRITES && !self.writes.contains_key(&key) {
            return Err(invalid(format!(
                "state: a call changes at most {MAX_WRITES} keys"
            )));
        }
        let freed = old.map_or(0, |old| size(&key, old));
        let total = self.total.saturating_sub(freed) + size(&key, value);
        if total > MAX_TOTAL {
            return Err(invalid(format!(
                "state: a package keeps at most {MAX_TOTAL} bytes of a node, keys and values together"
            )));
        }
        self.total = total;
        let value: Arc<str> = value.into();
        values.insert(key.clone(), Arc::clone(&value));
        self.writes.insert(key, Some(value));
        Ok(())
    }

    pub(crate) fn delete(&mut self, key: String) {
        let known = self.values.as_mut().and_then(|values| values.remove(&key));
        if let Some(value) = known {
            self.total = self.total.saturating_sub(size(&key, &value));
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
    check_length(what, text)?;
    json::parse(text, MAX_DEPTH)
        .map_err(|error| invalid(format!("{what} is no JSON that is accepted: {error}")))
}

/// Whether it is JSON of at most [`MAX_VALUE`] bytes; nothing of it is kept.
fn check_json(what: &str, text: &str) -> Result<(), DriverError> {
    check_length(what, text)?;
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| invalid(format!("{what} is no JSON: {error}")))
}

fn check_length(what: &str, text: &str) -> Result<(), DriverError> {
    if text.len() > MAX_VALUE {
        return Err(invalid(format!(
            "{what} has {} bytes; at most {MAX_VALUE} are accepted",
            text.len()
        )));
    }
    Ok(())
}

fn size(key: &str, value: &str) -> usize {
    key.len().saturating_add(value.len())
}

fn invalid(message: String) -> DriverError {
    DriverError::InvalidParameter(message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn notes(list: &[(&str, &str)]) -> Notes {
        let mut notes = Notes::default();
        notes.fill(
            list.iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
        );
        notes
    }

    #[test]
    fn a_call_sees_what_it_wrote_and_leaves_the_changes() {
        let mut notes = notes(&[("a", "1"), ("b", "2")]);
        notes.set("c".into(), "[3]").unwrap();
        notes.delete("a".into());
        notes.delete("never-there".into());
        assert_eq!(notes.keys(), ["b", "c"]);
        assert_eq!(notes.get("c"), Some("[3]"));
        let writes = notes.take_writes();
        assert_eq!(
            writes,
            [("a".to_owned(), None), ("c".to_owned(), Some("[3]".into()))]
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

    #[test]
    fn all_together_is_bounded() {
        let mut notes = notes(&[("stored", "[0]")]);
        let large = format!("\"{}\"", "x".repeat(60 * 1024));
        let fit = (0..MAX_KEYS)
            .take_while(|number| notes.set(format!("k{number}"), &large).is_ok())
            .count();
        assert_eq!(fit, MAX_TOTAL / (large.len() + 3));
        assert!(notes.set("one-more".into(), &large).is_err());
        assert!(notes.set("small".into(), "1").is_ok());
        // What is replaced or forgotten makes room.
        assert!(notes.set("k0".into(), &large).is_ok());
        notes.delete("k0".into());
        assert!(notes.set("one-more".into(), &large).is_ok());
        assert!(notes.set("k0".into(), &large).is_err());
    }

    #[test]
    fn forgetting_and_setting_others_does_not_pile_up() {
        let mut notes = Notes::default();
        let set = (0..10_000)
            .take_while(|number| {
                let done = notes.set(format!("k{number}"), "1").is_ok();
                notes.delete(format!("k{number}"));
                done
            })
            .count();
        assert_eq!(set, MAX_WRITES);
        assert_eq!(notes.take_writes().len(), MAX_WRITES);
        assert!(notes.set("after-a-checkpoint".into(), "1").is_ok());
    }
}
