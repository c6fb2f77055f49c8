//! Hiding of secrets in JSON that is shown.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use serde_json::Value;

use crate::JsonObject;

/// What stands where a secret was: clients compare with exactly this.
pub const MASK: &str = "******";

/// Parts of key names that mark a value as secret, in any case.
const SECRET_KEY_PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "auth_key",
    "priv_key",
    "private_key",
    "key_contents",
    "hex_kg_key",
    "credential",
    "admin_pass",
    "adminpass",
    "auth_encryption_key",
    "secret_uuid",
    "sys_pswd",
    "x-auth",
    "authorization",
    "new_pass",
    "encrypted_key",
    "sslkey",
    "fernetkey",
    "configdrive",
];

/// Keys of `instance_info` that are hidden besides those that look secret.
const INSTANCE_SECRETS: &[&str] = &["image_url"];

/// Keys that look secret but say nothing: flags that clients read.
const NOT_SECRET: &[&str] = &["agent_secret_token_pregenerated"];

/// Finds all parts in one pass: a list of nodes asks for ten thousand keys. `None` if it can't be made; then all is secret.
static SECRET_KEYS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(SECRET_KEY_PARTS)
        .ok()
});

/// Whether a value under this key is hidden.
pub fn is_secret_key(key: &str) -> bool {
    let looks_secret = SECRET_KEYS.as_ref().is_none_or(|parts| parts.is_match(key));
    looks_secret
        && !NOT_SECRET
            .iter()
            .any(|known| key.eq_ignore_ascii_case(known))
}

/// A copy of `object` with every secret value, at any depth, replaced by [`MASK`].
pub fn mask_object(object: &JsonObject) -> JsonObject {
    object
        .iter()
        .map(|(key, value)| {
            let shown = if is_secret_key(key) && !value.is_null() {
                Value::from(MASK)
            } else {
                mask_value(value)
            };
            (key.clone(), shown)
        })
        .collect()
}

/// As [`mask_object`], and hides what only `instance_info` has: the image's URL.
pub fn mask_instance_info(object: &JsonObject) -> JsonObject {
    let mut shown = mask_object(object);
    for key in INSTANCE_SECRETS {
        if let Some(value) = shown.get_mut(*key) {
            *value = Value::from(MASK);
        }
    }
    shown
}

/// Whether anything in `object` would be hidden: lets callers skip the copy.
pub fn has_secrets(object: &JsonObject) -> bool {
    object
        .iter()
        .any(|(key, value)| is_secret_key(key) || value_has_secrets(value))
}

fn mask_value(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(mask_object(object)),
        Value::Array(items) => Value::Array(items.iter().map(mask_value).collect()),
        other => other.clone(),
    }
}

fn value_has_secrets(value: &Value) -> bool {
    match value {
        Value::Object(object) => has_secrets(object),
        Value::Array(items) => items.iter().any(value_has_secrets),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hides_at_any_depth_and_keeps_the_rest() {
        let shown = mask_object(
            json!({"ipmi_password": "x", "ipmi_username": "u", "deep": [{"api_token": 1}], "ipmi_hex_kg_key": "00"})
                .as_object()
                .unwrap(),
        );
        assert_eq!(
            Value::Object(shown),
            json!({"ipmi_password": MASK, "ipmi_username": "u", "deep": [{"api_token": MASK}], "ipmi_hex_kg_key": MASK})
        );
    }

    #[test]
    fn knows_what_clients_expect_to_be_hidden() {
        for key in [
            "new_pass",
            "luks_encrypted_key",
            "SSLKey",
            "fernetkey",
            "configdrive",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in ["key", "ssl_verify", "ipmi_address", "image_url"] {
            assert!(!is_secret_key(key), "{key}");
        }
    }

    #[test]
    fn hides_what_only_instance_info_has() {
        let shown = mask_instance_info(
            json!({"configdrive": "H4sI", "image_url": "http://u:p@h/", "root_gb": 1})
                .as_object()
                .unwrap(),
        );
        assert_eq!(
            Value::Object(shown),
            json!({"configdrive": MASK, "image_url": MASK, "root_gb": 1})
        );
    }
}
