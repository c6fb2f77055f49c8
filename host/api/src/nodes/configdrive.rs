//! The config drive that may come with a deployment: its form (facts §4.2).

use ironbark_model::Verb;
use serde_json::Value;

use crate::error::ApiError;
use crate::gates::provision as gate;
use crate::versions::Version;

/// Longest URL of a config drive, in bytes.
const LONGEST_URL: usize = 8192;

/// Checks which verbs may have one, and what it may be: a URL, base64, or an object.
pub(crate) fn check(drive: &Value, verb: Verb, version: Version) -> Result<(), ApiError> {
    let allowed = match verb {
        Verb::Deploy => true,
        Verb::Rebuild => version.has(gate::REBUILD_CONFIGDRIVE_SINCE),
        _ => false,
    };
    if !allowed {
        return Err(ApiError::invalid(format!(
            "A config drive can't be given with the target {} in this API version.",
            verb.as_str()
        )));
    }
    match drive {
        Value::String(text) => check_text(text),
        Value::Object(_) => check_object(drive, version),
        _ => Err(ApiError::invalid("A config drive is text or an object.")),
    }
}

fn check_text(text: &str) -> Result<(), ApiError> {
    let base64 = |byte: u8| {
        byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=".contains(&byte)
    };
    let url = || text.len() <= LONGEST_URL && !text.contains(char::is_whitespace);
    match text.split_once("://") {
        Some((scheme, _)) if !scheme.is_empty() && url() => Ok(()),
        None if text.bytes().all(base64) => Ok(()),
        _ => Err(ApiError::invalid(
            "A config drive given as text is a URL or base64; this is neither.",
        )),
    }
}

fn check_object(drive: &Value, version: Version) -> Result<(), ApiError> {
    let since = |since: u16, what: &str| {
        if version.has(since) {
            Ok(())
        } else {
            Err(ApiError::invalid(format!(
                "{what} is supported starting with API version {}.",
                Version::new(since)
            )))
        }
    };
    since(
        gate::CONFIGDRIVE_OBJECT_SINCE,
        "A config drive given as an object",
    )?;
    for (key, value) in drive.as_object().into_iter().flatten() {
        let well_formed = match key.as_str() {
            "meta_data" | "network_data" => value.is_object(),
            "vendor_data" => {
                since(gate::VENDOR_DATA_SINCE, "vendor_data in a config drive")?;
                value.is_object()
            }
            "user_data" => {
                value.is_object() || value.is_array() || value.is_string() || value.is_null()
            }
            other => {
                return Err(ApiError::invalid(format!(
                    "A config drive has meta_data, user_data, network_data and vendor_data, not {other:?}."
                )));
            }
        };
        if !well_formed {
            return Err(ApiError::invalid(format!(
                "The config drive's {key} is of the wrong type."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn drives_in_good_form_are_taken_with_the_right_verbs() {
        let object = json!({"meta_data": {}, "user_data": "x", "network_data": {}});
        for (drive, verb, minor, good) in [
            (json!("http://h/drive"), Verb::Deploy, 1, true),
            (json!("H4sI\nAAA="), Verb::Deploy, 1, true),
            (json!("not base64!"), Verb::Deploy, 115, false),
            (json!("H4sI"), Verb::Rebuild, 34, false),
            (json!("H4sI"), Verb::Rebuild, 35, true),
            (json!("H4sI"), Verb::DeployAlias, 115, false),
            (json!("H4sI"), Verb::Manage, 115, false),
            (object.clone(), Verb::Deploy, 55, false),
            (object, Verb::Deploy, 56, true),
            (json!({"vendor_data": {}}), Verb::Deploy, 58, false),
            (json!({"vendor_data": {}}), Verb::Deploy, 59, true),
            (json!({"other": {}}), Verb::Deploy, 115, false),
            (json!({"meta_data": []}), Verb::Deploy, 115, false),
            (json!(7), Verb::Deploy, 115, false),
        ] {
            assert_eq!(
                check(&drive, verb, Version::new(minor)).is_ok(),
                good,
                "{drive} {minor}"
            );
        }
    }
}
