//! A port's `local_link_connection`: which version may say what of it (facts §2.3). What forms it has is said in the model.

use ironbark_model::JsonObject;
use ironbark_model::local_link::{VTEP_KEYS, normal_form};
use ironbark_model::patch::{PatchOp, PatchVerb};

use crate::error::ApiError;
use crate::gates::port;
use crate::versions::Version;

/// The field's name.
const LINK: &str = "local_link_connection";

/// Checks what a client gives, and brings it into the form in which it is stored.
pub(crate) fn check(link: JsonObject, version: Version) -> Result<JsonObject, ApiError> {
    for key in link.keys() {
        gate(key, version)?;
    }
    Ok(normal_form(link)?)
}

/// Checks what a patch says of a part of it. What becomes of the whole only its conductor can know, which holds the port.
pub(crate) fn check_part(op: &PatchOp, version: Version) -> Result<(), ApiError> {
    match op.path.as_slice() {
        [root, key, ..] if root == LINK && op.op != PatchVerb::Remove => gate(key, version),
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn link(value: Value, minor: u16) -> Result<JsonObject, ApiError> {
        check(value.as_object().unwrap().clone(), Version::new(minor))
    }

    #[test]
    fn versions_know_a_few_keys() {
        let vtep =
            json!({"port_id": "e1", "vtep-logical-switch": "a", "vtep-physical-switch": "b"});
        for (good, minor) in [
            (json!({"port_id": "e1", "hostname": "h"}), 53),
            (json!({"network_type": "unmanaged"}), 64),
            (vtep.clone(), 90),
            (vtep.clone(), 104),
        ] {
            assert!(link(good.clone(), minor).is_ok(), "{good}");
        }
        for (bad, minor) in [
            (json!({"port_id": "e1"}), 115),
            (json!({"network_type": "unmanaged"}), 63),
            (vtep.clone(), 89),
            (vtep, 105),
        ] {
            assert!(link(bad.clone(), minor).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_a_patch_says_must_be_known_to_the_client() {
        let op = |op, key: &str| PatchOp {
            op,
            path: vec![LINK.to_owned(), key.to_owned()],
            value: json!("unmanaged"),
        };
        let old = Version::new(63);
        assert!(check_part(&op(PatchVerb::Add, "network_type"), old).is_err());
        assert!(check_part(&op(PatchVerb::Remove, "network_type"), old).is_ok());
        assert!(check_part(&op(PatchVerb::Add, "port_id"), old).is_ok());
    }
}
