//! Which node waits for an inventory, by the address that the ramdisk read from its BMC.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ironbark_db::{NodeFilter, Page};
use ironbark_model::{JsonObject, ProvisionState};
use serde_json::Value;

use crate::context::Context;
use crate::error::ApiError;

/// Most nodes in `inspect wait` that are looked at.
const MOST_WAITING: u32 = 1000;

/// The BMC's addresses in an inventory.
pub(super) fn in_inventory(inventory: &JsonObject) -> BTreeSet<IpAddr> {
    ["bmc_address", "bmc_v6address"]
        .into_iter()
        .filter_map(|name| inventory.get(name)?.as_str()?.parse().ok())
        .filter(is_of_a_machine)
        .collect()
}

/// The UUIDs of the nodes in `inspect wait` whose `driver_info` names one of these addresses. Host names aren't looked up: what
/// a stranger posts must not make us ask name servers.
pub(super) async fn waiting(
    context: &Context,
    addresses: &BTreeSet<IpAddr>,
) -> Result<BTreeSet<String>, ApiError> {
    if addresses.is_empty() {
        return Ok(BTreeSet::new());
    }
    let filter = NodeFilter {
        provision_state: Some(ProvisionState::InspectWait),
        include_children: true,
        ..NodeFilter::default()
    };
    let db = context.state.db();
    let nodes = db
        .node_list_whole(&filter, &Page::first(MOST_WAITING))
        .await?;
    Ok(nodes
        .iter()
        .filter(|node| !named(&node.driver_info).is_disjoint(addresses))
        .map(|node| node.uuid.clone())
        .collect())
}

/// The addresses that a node's `driver_info` names: in all that ends in `_address`, alone or in a URL. One that is reached over
/// another BMC (IPMI bridging) isn't that of the machine's own.
fn named(driver_info: &JsonObject) -> BTreeSet<IpAddr> {
    let bridged = driver_info
        .get("ipmi_bridging")
        .and_then(Value::as_str)
        .is_some_and(|how| how != "no");
    driver_info
        .iter()
        .filter(|(name, _)| name.ends_with("_address"))
        .filter(|(name, _)| !(bridged && name.starts_with("ipmi_")))
        .filter_map(|(_, value)| host(value.as_str()?))
        .filter(is_of_a_machine)
        .collect()
}

fn host(written: &str) -> Option<IpAddr> {
    let authority = match written.split_once("://") {
        Some(_) => written.parse::<axum::http::Uri>().ok()?.host()?.to_owned(),
        None => written.to_owned(),
    };
    authority
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Every machine has the address of itself.
fn is_of_a_machine(address: &IpAddr) -> bool {
    !address.is_loopback() && !address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(driver_info: Value) -> Vec<String> {
        let addresses = named(driver_info.as_object().unwrap());
        addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_are_read_alone_and_in_urls() {
        let info = json!({
            "ipmi_address": "192.0.2.7", "redfish_address": "https://[2001:db8::7]:8443/redfish", "other_address": "[2001:db8::8]",
            "ssh_address": "host.example", "local_address": "127.0.0.1", "port_address": 7, "address_of": "192.0.2.9",
        });
        assert_eq!(of(info), ["192.0.2.7", "2001:db8::7", "2001:db8::8"]);
        let bridged = json!({"ipmi_address": "192.0.2.7", "ipmi_bridging": "single"});
        assert!(of(bridged).is_empty());
        let direct = json!({"ipmi_address": "192.0.2.7", "ipmi_bridging": "no"});
        assert_eq!(of(direct), ["192.0.2.7"]);
    }
}
