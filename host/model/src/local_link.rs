//! A port's `local_link_connection`: where its cable ends.

use serde_json::Value;

use crate::{Error, JsonObject, Result, ident};

/// Keys of a VTEP's.
pub const VTEP_KEYS: &[&str] = &["vtep-logical-switch", "vtep-physical-switch"];

/// Keys that there are, but for a VTEP's.
const LINK_KEYS: &[&str] = &[
    "switch_id",
    "port_id",
    "switch_info",
    "hostname",
    "network_type",
];

/// Checks a link, and brings it into the form in which it is stored: switch and port, port and host name, unmanaged, a VTEP, or
/// nothing.
///
/// # Errors
/// `InvalidParameter`: it has another form.
pub fn normal_form(mut link: JsonObject) -> Result<JsonObject> {
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

fn wrong(problem: String) -> Error {
    Error::invalid(format!("Invalid local_link_connection: {problem}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn link(value: &Value) -> Result<JsonObject> {
        normal_form(value.as_object().unwrap().clone())
    }

    #[test]
    fn links_come_in_a_few_forms() {
        let stored =
            link(&json!({"switch_id": "0A:1B:2C:3D:4E:5F", "port_id": "e1", "switch_info": "s"}));
        assert_eq!(
            Value::Object(stored.unwrap()),
            json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "e1", "switch_info": "s"})
        );
        for good in [
            json!({}),
            json!({"port_id": "e1", "hostname": "h"}),
            json!({"network_type": "unmanaged"}),
            json!({"switch_id": "0000aabbccddeeff", "port_id": "e1"}),
            json!({"port_id": "e1", "vtep-logical-switch": "a", "vtep-physical-switch": "b"}),
        ] {
            assert!(link(&good).is_ok(), "{good}");
        }
        for bad in [
            json!({"port_id": "e1"}),
            json!({"switch_id": "zz", "port_id": "e1"}),
            json!({"network_type": "other"}),
            json!({"port_id": {"deep": 1}, "hostname": "h"}),
            json!({"bogus": "x"}),
        ] {
            assert!(link(&bad).is_err(), "{bad}");
        }
    }
}
