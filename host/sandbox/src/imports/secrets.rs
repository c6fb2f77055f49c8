//! Secrets on their way out and back: put in where a driver names them, taken out of what it gets to see.

use std::collections::BTreeMap;

use ironbark_model::Secret;
use ironbark_model::json::{self, MAX_DEPTH_IN_PASSING};
use ironbark_model::mask::MASK;
use serde_json::Value;

use crate::call::SHORTEST_SECRET;
use crate::error::DriverError;

/// The key of an object that stands for a secret.
const REFERENCE: &str = "$secret";
/// Deeper than this nothing is looked at: serde_json reads no deeper documents.
const MAX_DEPTH: u32 = 128;

/// Replaces every `{"$secret": "ref"}` by the value that it stands for.
pub(super) fn fill(
    value: &mut Value,
    secrets: &BTreeMap<String, Secret>,
) -> Result<(), DriverError> {
    fill_below(value, secrets, 0)
}

fn fill_below(
    value: &mut Value,
    secrets: &BTreeMap<String, Secret>,
    depth: u32,
) -> Result<(), DriverError> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    match value {
        Value::Object(fields) => {
            if fields.len() == 1
                && let Some(reference) = fields.get(REFERENCE)
            {
                let secret = reference.as_str().and_then(|name| secrets.get(name));
                let secret = secret.ok_or_else(|| {
                    DriverError::InvalidParameter(format!(
                        "{reference} is no secret of this node's that the driver may use"
                    ))
                })?;
                *value = Value::from(secret.expose());
                return Ok(());
            }
            fields
                .values_mut()
                .try_for_each(|value| fill_below(value, secrets, depth + 1))
        }
        Value::Array(items) => items
            .iter_mut()
            .try_for_each(|item| fill_below(item, secrets, depth + 1)),
        _ => Ok(()),
    }
}

/// Takes known secrets out of a document's texts: machines echo what they were sent.
pub(super) fn scrub(value: &mut Value, secrets: &[Secret]) {
    match value {
        Value::String(text) => scrub_text(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|value| scrub(value, secrets)),
        _ => {}
    }
}

/// As [`scrub`], for a text.
pub(super) fn scrub_text(text: &mut String, secrets: &[Secret]) {
    for secret in secrets {
        let secret = secret.expose();
        if secret.len() >= SHORTEST_SECRET && text.contains(secret) {
            *text = text.replace(secret, MASK);
        }
    }
}

/// Reads a JSON object that a driver sends, of at most `most` bytes.
pub(super) fn read_object(what: &str, text: &str, most: usize) -> Result<Value, DriverError> {
    let wrong = |problem: String| DriverError::InvalidParameter(format!("{what} {problem}"));
    if text.len() > most {
        return Err(wrong(format!(
            "has {} bytes; at most {most} are accepted",
            text.len()
        )));
    }
    match json::parse(text, MAX_DEPTH_IN_PASSING) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(wrong("must be a JSON object".to_owned())),
        Err(error) => Err(wrong(format!("is no JSON that is accepted: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_filled_and_others_refused() {
        let secrets = BTreeMap::from([("driver_info/key".to_owned(), Secret::new("s3cret"))]);
        let mut body = json!({"a": [{"$secret": "driver_info/key"}], "b": {"$secret": 1, "c": 2}});
        assert_eq!(fill(&mut body, &secrets), Ok(()));
        assert_eq!(body, json!({"a": ["s3cret"], "b": {"$secret": 1, "c": 2}}));
        for other in [
            json!({"$secret": "driver_info/other"}),
            json!([{"$secret": 1}]),
        ] {
            assert!(fill(&mut other.clone(), &secrets).is_err(), "{other}");
        }
    }

    #[test]
    fn echoes_are_taken_out() {
        let secrets = [Secret::new("s3cret"), Secret::new("1")];
        let mut answer = json!({"Message": "bad password 's3cret'", "n": [1, "s3cret"], "m": "1"});
        scrub(&mut answer, &secrets);
        assert_eq!(
            answer,
            json!({"Message": "bad password '******'", "n": [1, "******"], "m": "1"})
        );
    }
}
