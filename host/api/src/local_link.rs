//! A port's `local_link_connection`: where its cable ends (facts §2.3).

use ironbark_model::{JsonObject, ident};
use serde_json::Value;

use crate::error::ApiError;
use crate::gates::port;
use crate::versions::Version;

/// Keys that there are, but for a VTEP's.
const LINK_KEYS: &[&str] = &[
    "switch_id",
    "port_id",
    "switch_info",
    "hostname",
    "network_type",
];
const VTEP_KEYS: &[&str] = &["vtep-logical-switch", "vtep-physical-switch"];

/// Checks what a client gives, and brings it into the form in which it is stored.
pub(crate) fn check(link: JsonObject, version: Version) -> Result<JsonObject, ApiError> {
    check_patched(&JsonObject::new(), link, version)
}

/// As [`check`], for what a patch made of `before`: keys that it left alone may be newer than the client's version.
pub(crate) fn check_patched(
    before: &JsonObject,
    after: JsonObject,
    version: Version,
) -> Result<JsonObject, ApiError> {
    for (key, value) in &after {
        if before.get(key) != Some(value) {
            gate(key, version)?;
        }
    }
    normal_form(after)
}

fn wrong(problem: String) -> ApiError {
    ApiError::invalid(format!("Invalid local_link_connection: {problem}"))
}

fn gate(key: &str, version: Version) -> Result<(), ApiError> {
    if key == "network_type" {
        return version.require(port::NETWORK_TYPE_SINCE);
    }
    let is_vtep = VTEP_KEYS.contains(&key);
    if is_vtep && !(port::VTEP_SINCE..port::VTEP_UNTIL).contains(&version.minor()) {
        return Err(ApiError::not_acceptable(port::VTEP_SINCE));
    }
    Ok(())
}

/// The forms that facts §2.3 lists: switch and port, port and host name, unmanaged, a VTEP, or nothing.
fn normal_form(mut link: JsonObject) -> Result<JsonObject, ApiError> {
    for (key, value) in &link {
        if !VTEP_KEYS.contains(&key.as_str()) && !LINK_KEYS.contains(&key.as_str()) {
            return Err(wrong(format!("{key:?} is not known.")));
        }
        if !value.is_string() {
            return Err(wrong(format!("{key} must be text.")));
        }
    }
    if let Some(kind) = link.get("network_type").and_then(Value::as_str)
        && !matches!(kind, "managed" | "unmanaged")
    {
        return Err(wrong("network_type is managed or unmanaged.".to_owned()));
    }
    if let Some(Value::String(switch)) = link.get_mut("switch_id") {
        *switch = canonical_switch(switch).ok_or_else(|| {
            wrong("switch_id is a MAC address or an OpenFlow datapath id.".to_owned())
        })?;
    }
    let has = |key: &str| link.contains_key(key);
    let unmanaged = link.get("network_type").and_then(Value::as_str) == Some("unmanaged");
    let complete = link.is_empty()
        || unmanaged
        || (has("port_id") && (has("switch_id") || has("hostname")))
        || (has("port_id") && VTEP_KEYS.iter().all(|key| has(key)));
    if complete {
        Ok(link)
    } else {
        Err(wrong(
            "give switch_id and port_id, or port_id and hostname, or network_type unmanaged."
                .to_owned(),
        ))
    }
}

/// A MAC address, or an OpenFlow datapath id: 16 hexadecimal digits, also as eight pairs.
fn canonical_switch(text: &str) -> Option<String> {
    if let Some(mac) = ident::canonical_mac(text) {
        return Some(mac);
    }
    let digits: String = text.chars().filter(|letter| *letter != ':').collect();
    let plain = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let shaped = text.len() == 16 || text.split(':').all(|pair| pair.len() == 2);
    (plain && shaped).then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn link(value: Value, minor: u16) -> Result<JsonObject, ApiError> {
        check(value.as_object().unwrap().clone(), Version::new(minor))
    }

    #[test]
    fn local_links_come_in_a_few_forms() {
        assert_eq!(
            link(
                json!({"switch_id": "0A:1B:2C:3D:4E:5F", "port_id": "e1", "switch_info": "s"}),
                19
            )
            .unwrap(),
            *json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "e1", "switch_info": "s"})
                .as_object()
                .unwrap()
        );
        for (good, minor) in [
            (json!({}), 19),
            (json!({"port_id": "e1", "hostname": "h"}), 53),
            (json!({"network_type": "unmanaged"}), 64),
            (
                json!({"switch_id": "0000aabbccddeeff", "port_id": "e1"}),
                19,
            ),
            (
                json!({"port_id": "e1", "vtep-logical-switch": "a", "vtep-physical-switch": "b"}),
                90,
            ),
        ] {
            assert!(link(good.clone(), minor).is_ok(), "{good}");
        }
        for (bad, minor) in [
            (json!({"port_id": "e1"}), 115),
            (json!({"switch_id": "zz", "port_id": "e1"}), 115),
            (json!({"network_type": "unmanaged"}), 63),
            (json!({"network_type": "other"}), 64),
            (
                json!({"port_id": "e1", "vtep-logical-switch": "a", "vtep-physical-switch": "b"}),
                105,
            ),
            (json!({"bogus": "x"}), 115),
        ] {
            assert!(link(bad.clone(), minor).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_a_patch_changes_must_be_known_to_the_client() {
        let unmanaged = json!({"network_type": "unmanaged"})
            .as_object()
            .unwrap()
            .clone();
        let mut after = unmanaged.clone();
        after.insert("port_id".to_owned(), json!("e1"));
        let old = Version::new(63);
        assert_eq!(
            check_patched(&unmanaged, after.clone(), old).unwrap(),
            after
        );
        assert!(check_patched(&JsonObject::new(), after, old).is_err());
    }
}
