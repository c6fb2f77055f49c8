//! What a guest is told about its node.
//!
//! A JSON object with the API's field names. It only grows: fields aren't renamed or removed. It has
//!
//! * `uuid`, `name`, `driver`, `instance_uuid`, `instance_name`, `resource_class`, `conductor_group`, `description`,
//!   `automated_clean`, `disable_power_off`, `maintenance`,
//! * `power_state`, `target_power_state`, `provision_state`, `target_provision_state`, `boot_mode`, `secure_boot`,
//! * `driver_info` without the host's connection keys (`ipmi_*` and so on, and what the package binds to them, but for `ipmi_force_boot_device` and
//!   `ipmi_disable_boot_timeout`, which say what the driver shall do), `properties`, `instance_info`, `extra`,
//!   `network_data`, `raid_config`, `target_raid_config`, `clean_step`, `deploy_step`, `service_step`, `traits`,
//! * every `…_interface`,
//! * `ports`: `uuid`, `address`, `name`, `pxe_enabled`, `physical_network`, `local_link_connection`, `is_smartnic`, `extra`.
//!
//! Keys of `driver_info` that the package marks `"writeOnly"` are `{"$secret": "driver_info/<key>"}`; every other value
//! under a key that looks secret is `******`. Nothing about other nodes, users, reservations or the host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ironbark_model::mask::{is_secret_key, mask_instance_info, mask_object};
use ironbark_model::{InterfaceKind, JsonObject, Node, Port, Secret};
use ironbark_package::is_connection_key;
use serde::Serialize;
use serde_json::{Value, json};

/// A node as one package may see it, and what to keep out of that package's messages.
#[derive(Clone, Debug)]
pub struct NodeSnapshot {
    /// The document.
    pub json: Arc<str>,
    /// Values of the node's secrets: for [`CallContext::secrets`](ironbark_sandbox::CallContext).
    pub secrets: Arc<[Secret]>,
    /// What each `$secret` of the document stands for: for [`CallContext::secret_refs`](ironbark_sandbox::CallContext).
    pub secret_refs: Arc<BTreeMap<String, Secret>>,
}

/// Takes a snapshot of a node for a package with these secret keys ([`Package::secret_keys`](crate::Package)), and these that belong to
/// a connection ([`Package::bound_keys`](crate::Package)).
pub fn snapshot(
    node: &Node,
    ports: &[Port],
    secret_keys: &BTreeSet<String>,
    bound_keys: &BTreeSet<String>,
) -> NodeSnapshot {
    let seen: JsonObject = node
        .driver_info
        .iter()
        .filter(|(key, _)| !is_hidden(key) && !bound_keys.contains(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let document = Document {
        uuid: &node.uuid,
        name: node.name.as_deref(),
        driver: &node.driver,
        instance_uuid: node.instance_uuid.as_deref(),
        instance_name: node.instance_name.as_deref(),
        resource_class: node.resource_class.as_deref(),
        conductor_group: &node.conductor_group,
        description: node.description.as_deref(),
        automated_clean: node.automated_clean,
        disable_power_off: node.disable_power_off,
        maintenance: node.maintenance,
        power_state: node.power_state.map(|state| state.as_str()),
        target_power_state: node.target_power_state.map(|state| state.as_str()),
        provision_state: node.provision_state.as_str(),
        target_provision_state: node.target_provision_state.map(|state| state.as_str()),
        boot_mode: node.boot_mode.as_deref(),
        secure_boot: node.secure_boot,
        driver_info: shown_driver_info(&seen, secret_keys),
        properties: mask_object(&node.properties),
        instance_info: mask_instance_info(&node.instance_info),
        extra: mask_object(&node.extra),
        network_data: &node.network_data,
        raid_config: &node.raid_config,
        target_raid_config: &node.target_raid_config,
        clean_step: mask_object(&node.clean_step),
        deploy_step: mask_object(&node.deploy_step),
        service_step: mask_object(&node.service_step),
        traits: &node.traits,
        ports: ports.iter().map(PortDocument::new).collect(),
        interfaces: InterfaceKind::ALL
            .iter()
            .map(|kind| (kind.field(), node.interface(*kind)))
            .collect(),
    };
    // Strings, numbers and maps with string keys: can't fail.
    let json = serde_json::to_string(&document).unwrap_or_else(|_| "null".to_owned());
    NodeSnapshot {
        json: json.into(),
        secrets: secrets(&node.driver_info, secret_keys),
        secret_refs: Arc::new(secret_refs(&seen, secret_keys)),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    uuid: &'a str,
    name: Option<&'a str>,
    driver: &'a str,
    instance_uuid: Option<&'a str>,
    instance_name: Option<&'a str>,
    resource_class: Option<&'a str>,
    conductor_group: &'a str,
    description: Option<&'a str>,
    automated_clean: Option<bool>,
    disable_power_off: bool,
    maintenance: bool,
    power_state: Option<&'a str>,
    target_power_state: Option<&'a str>,
    provision_state: &'a str,
    target_provision_state: Option<&'a str>,
    boot_mode: Option<&'a str>,
    secure_boot: Option<bool>,
    driver_info: JsonObject,
    properties: JsonObject,
    instance_info: JsonObject,
    extra: JsonObject,
    network_data: &'a JsonObject,
    raid_config: &'a JsonObject,
    target_raid_config: &'a JsonObject,
    clean_step: JsonObject,
    deploy_step: JsonObject,
    service_step: JsonObject,
    traits: &'a [String],
    ports: Vec<PortDocument<'a>>,
    #[serde(flatten)]
    interfaces: BTreeMap<&'static str, Option<&'a str>>,
}

#[derive(Serialize)]
struct PortDocument<'a> {
    uuid: &'a str,
    address: &'a str,
    name: Option<&'a str>,
    pxe_enabled: bool,
    physical_network: Option<&'a str>,
    local_link_connection: &'a JsonObject,
    is_smartnic: bool,
    extra: JsonObject,
}

impl<'a> PortDocument<'a> {
    fn new(port: &'a Port) -> Self {
        Self {
            uuid: &port.uuid,
            address: &port.address,
            name: port.name.as_deref(),
            pxe_enabled: port.pxe_enabled,
            physical_network: port.physical_network.as_deref(),
            local_link_connection: &port.local_link_connection,
            is_smartnic: port.is_smartnic,
            extra: mask_object(&port.extra),
        }
    }
}

fn shown_driver_info(seen: &JsonObject, secret_keys: &BTreeSet<String>) -> JsonObject {
    let mut shown = mask_object(seen);
    for key in seen.keys().filter(|key| secret_keys.contains(*key)) {
        shown.insert(key.clone(), json!({"$secret": reference(key)}));
    }
    shown
}

fn reference(key: &str) -> String {
    format!("driver_info/{key}")
}

fn secret_refs(seen: &JsonObject, secret_keys: &BTreeSet<String>) -> BTreeMap<String, Secret> {
    seen.iter()
        .filter(|(key, _)| secret_keys.contains(*key))
        .filter_map(|(key, value)| Some((reference(key), secret(value)?)))
        .collect()
}

/// Keys named like a connection's that tell nothing about the way to the BMC: the driver is who heeds them.
const DRIVER_SWITCHES: &[&str] = &["ipmi_force_boot_device", "ipmi_disable_boot_timeout"];

fn is_hidden(key: &str) -> bool {
    is_connection_key(key) && !DRIVER_SWITCHES.contains(&key)
}

fn secrets(driver_info: &JsonObject, secret_keys: &BTreeSet<String>) -> Arc<[Secret]> {
    driver_info
        .iter()
        .filter(|(key, _)| is_secret_key(key) || secret_keys.contains(*key))
        .filter_map(|(_, value)| secret(value))
        .filter(|secret| !secret.is_empty())
        .collect()
}

fn secret(value: &Value) -> Option<Secret> {
    match value {
        Value::String(text) => Some(Secret::new(text.clone())),
        Value::Number(number) => Some(Secret::new(number.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn shows_the_node_without_credentials() {
        let driver_info = json!({
            "ipmi_address": "10.0.0.1", "ipmi_password": "hunter2", "redfish_username": "root",
            "acme_slot": 4, "acme_key": "s3cret", "other_password": "abcd", "ipmi_force_boot_device": true,
            "acme_address": "10.9.9.9", "acme_password": "b0und"
        });
        let node = Node {
            uuid: "u-1".into(),
            driver: "acme".into(),
            driver_info: driver_info.as_object().unwrap().clone(),
            driver_internal_info: json!({"agent_secret_token": "tok3n"})
                .as_object()
                .unwrap()
                .clone(),
            instance_info: json!({"image_url": "http://u:p@h/", "root_gb": 1})
                .as_object()
                .unwrap()
                .clone(),
            power_interface: Some("acme".into()),
            reservation: Some("conductor-1".into()),
            ..Node::default()
        };
        let port = Port {
            address: "52:54:00:00:00:01".into(),
            ..Port::default()
        };
        let set = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let shown = snapshot(
            &node,
            &[port],
            &set(&["acme_key", "acme_password"]),
            &set(&["acme_address", "acme_password"]),
        );
        let document: Value = serde_json::from_str(&shown.json).unwrap();
        assert_eq!(
            document["driver_info"],
            json!({
                "acme_slot": 4, "acme_key": {"$secret": "driver_info/acme_key"}, "other_password": "******",
                "ipmi_force_boot_device": true
            })
        );
        assert_eq!(document["power_interface"], "acme");
        assert_eq!(document["power_state"], Value::Null);
        assert_eq!(document["provision_state"], "enroll");
        assert_eq!(document["ports"][0]["address"], "52:54:00:00:00:01");
        for hidden in [
            "hunter2",
            "10.0.0.1",
            "10.9.9.9",
            "b0und",
            "s3cret",
            "abcd",
            "tok3n",
            "u:p@h",
            "conductor-1",
        ] {
            assert!(!shown.json.contains(hidden), "{hidden}");
        }
        let secrets: Vec<&str> = shown.secrets.iter().map(Secret::expose).collect();
        assert_eq!(secrets, ["s3cret", "b0und", "hunter2", "abcd"]);
        let refs: Vec<(&String, &str)> = shown
            .secret_refs
            .iter()
            .map(|(name, secret)| (name, secret.expose()))
            .collect();
        assert_eq!(refs, [(&"driver_info/acme_key".to_owned(), "s3cret")]);
    }
}
