//! Hiding of secrets in JSON that is shown.

use std::borrow::Cow;
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

/// `text` with what follows the name of a secret, as in `password=…`, `token: …` or `"secret": "…"`, replaced by [`MASK`]. Most
/// texts have no such name in them and stay what they are.
pub fn mask_text(text: &str) -> Cow<'_, str> {
    let Some(parts) = SECRET_KEYS.as_ref() else {
        return Cow::Borrowed(text);
    };
    let mut masked = String::new();
    // Up to here it is in `masked`.
    let mut done = 0;
    for found in parts.find_iter(text) {
        if found.start() < done {
            continue;
        }
        if let Some((start, end)) = value_after(text, found.start(), found.end()) {
            masked.push_str(text.get(done..start).unwrap_or_default());
            masked.push_str(MASK);
            done = end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(masked)
}

/// Where the value begins and ends that stands behind a name, of which `start..end` is a part; `None` if there is none.
fn value_after(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let is_quote = |character: char| matches!(character, '"' | '\'');
    let rest = text.get(end..)?;
    let behind = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-".contains(c));
    let behind = behind.strip_prefix(is_quote).unwrap_or(behind).trim_start();
    let value = match behind.strip_prefix('=') {
        Some(value) => value,
        None => {
            let value = behind.strip_prefix(':')?;
            // A port behind a host's name is no secret.
            let word = text.get(..start)?.rsplit(char::is_whitespace).next()?;
            if word.contains("://") || value.starts_with("//") {
                return None;
            }
            value
        }
    };
    let value = value.trim_start();
    let (value, ends): (_, fn(char) -> bool) = if let Some(inside) = value.strip_prefix('"') {
        (inside, |c| c == '"')
    } else if let Some(inside) = value.strip_prefix('\'') {
        (inside, |c| c == '\'')
    } else {
        (value, |c| {
            c.is_whitespace() || matches!(c, '&' | ',' | ';' | '"' | '\'' | '}' | ')')
        })
    };
    let start = text.len() - value.len();
    let length = value.find(ends).unwrap_or(value.len());
    (length > 0).then_some((start, start + length))
}

fn mask_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask_text(text).into_owned()),
        Value::Object(object) => Value::Object(mask_object(object)),
        Value::Array(items) => Value::Array(items.iter().map(mask_value).collect()),
        other => other.clone(),
    }
}

fn value_has_secrets(value: &Value) -> bool {
    match value {
        Value::Object(object) => has_secrets(object),
        Value::Array(items) => items.iter().any(value_has_secrets),
        Value::String(text) => matches!(mask_text(text), Cow::Owned(_)),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn hides_secrets_within_texts() {
        for (text, shown) in [
            (
                "ipa-x admin_password=hunter2 console=tty0",
                "ipa-x admin_password=****** console=tty0",
            ),
            (
                "https://h/v?auth_password=hunter2&lun=1",
                "https://h/v?auth_password=******&lun=1",
            ),
            ("X-Auth-Token: abc, more", "X-Auth-Token: ******, more"),
            (
                r#"{"password": "a b", "x": 1}"#,
                r#"{"password": "******", "x": 1}"#,
            ),
            ("new_pass = 'a b' and", "new_pass = '******' and"),
            ("password=a password=b", "password=****** password=******"),
            ("PASSWORD=ä", "PASSWORD=******"),
            ("secret:x", "secret:******"),
        ] {
            assert_eq!(mask_text(text), shown);
        }
        for harmless in [
            "",
            "the password is unknown",
            "password=",
            "https://token-service:8080/v1",
            "secret://x",
            "ipa-debug=1 console=tty0",
        ] {
            assert!(
                matches!(mask_text(harmless), Cow::Borrowed(_)),
                "{harmless}"
            );
        }
        let object = json!({"kernel_append_params": ["a", {"b": "x token=1"}]});
        let object = object.as_object().unwrap();
        assert!(has_secrets(object));
        assert_eq!(
            Value::Object(mask_object(object)),
            json!({"kernel_append_params": ["a", {"b": "x token=******"}]})
        );
    }

    proptest! {
        #[test]
        fn no_value_behind_a_secrets_name_is_shown(before in "[a-z =&:/\"'ä]{0,12}", key in "(password|auth_token|secret_x)", after in "[a-z =&:/\"'ä]{0,12}") {
            let text = format!("{before} {key}=h0nter2 {after}");
            prop_assert!(!mask_text(&text).contains("h0nter2"));
            let _ = mask_text(&after);
        }
    }

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
