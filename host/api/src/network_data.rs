//! A node's `network_data`: what its ramdisk is told of its network when nobody else tells it, in the form of OpenStack's
//! `network_data.json` (links, networks, services).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironbark_model::{JsonObject, ident};
use serde_json::Value;

use crate::error::ApiError;

const LINK_TYPES: &[&str] = &[
    "bridge",
    "dvs",
    "hw_veb",
    "hyperv",
    "ovs",
    "phy",
    "tap",
    "vhostuser",
    "vif",
];
const BOND_MODES: &[&str] = &[
    "802.3ad",
    "active-backup",
    "balance-alb",
    "balance-rr",
    "balance-tlb",
    "balance-xor",
    "broadcast",
];
const V4_TYPES: &[&str] = &["ipv4", "ipv4_dhcp"];
const V6_TYPES: &[&str] = &["ipv6", "ipv6_dhcp", "ipv6_slaac"];

/// Checks the form. Nothing at all is no network data.
pub(crate) fn check(data: JsonObject) -> Result<JsonObject, ApiError> {
    if !data.is_empty() {
        each(&data, "links", link)?;
        each(&data, "networks", network)?;
        each(&data, "services", service)?;
    }
    Ok(data)
}

fn each(
    data: &JsonObject,
    name: &str,
    check: fn(&JsonObject) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let items = data.get(name).and_then(Value::as_array);
    for item in items.ok_or_else(|| wrong(format!("{name} must be a list")))? {
        check(
            item.as_object()
                .ok_or_else(|| wrong(format!("{name} must be a list of objects")))?,
        )?;
    }
    Ok(())
}

fn link(link: &JsonObject) -> Result<(), ApiError> {
    text(link, "id")?;
    let mac = match text(link, "type")? {
        "bond" => {
            one_of(link, "bond_mode", BOND_MODES)?;
            let links = link.get("bond_links").and_then(Value::as_array);
            if !links.is_some_and(|links| links.iter().all(Value::is_string)) {
                return Err(wrong(
                    "a bond's bond_links must be a list of texts".to_owned(),
                ));
            }
            "ethernet_mac_address"
        }
        "vlan" => {
            text(link, "vlan_link")?;
            if !link
                .get("vlan_id")
                .is_some_and(|id| id.is_i64() || id.is_u64())
            {
                return Err(wrong("a VLAN's vlan_id must be a whole number".to_owned()));
            }
            "vlan_mac_address"
        }
        _ => {
            one_of(link, "type", LINK_TYPES)?;
            "ethernet_mac_address"
        }
    };
    if ident::canonical_mac(&text(link, mac)?.replace('-', ":")).is_none() {
        return Err(wrong(format!("a link's {mac} must be a MAC address")));
    }
    match link.get("mtu") {
        None | Some(Value::Null) => {}
        Some(mtu)
            if mtu
                .as_f64()
                .is_some_and(|mtu| (1.0..=65535.0).contains(&mtu)) => {}
        Some(_) => {
            return Err(wrong(
                "a link's mtu must be a number from 1 to 65535".to_owned(),
            ));
        }
    }
    if link.contains_key("vif_id") {
        text(link, "vif_id")?;
    }
    Ok(())
}

fn network(network: &JsonObject) -> Result<(), ApiError> {
    for name in ["id", "link", "network_id"] {
        text(network, name)?;
    }
    let family = if V4_TYPES.contains(&text(network, "type")?) {
        Family::V4
    } else {
        one_of(network, "type", V6_TYPES)?;
        Family::V6
    };
    if network.contains_key("ip_address") {
        family.host(network, "ip_address")?;
    }
    if network.contains_key("netmask") {
        family.address(network, "netmask")?;
    }
    if network.contains_key("routes") {
        let routes = network.get("routes").and_then(Value::as_array);
        for route in routes.ok_or_else(|| wrong("routes must be a list".to_owned()))? {
            let route = route
                .as_object()
                .ok_or_else(|| wrong("routes must be a list of objects".to_owned()))?;
            for name in ["network", "netmask", "gateway"] {
                family.address(route, name)?;
            }
        }
    }
    Ok(())
}

fn service(service: &JsonObject) -> Result<(), ApiError> {
    one_of(service, "type", &["dns"])?;
    if text(service, "address")?.parse::<IpAddr>().is_err() {
        return Err(wrong(
            "a service's address must be an IP address".to_owned(),
        ));
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    /// An address; one of version 6 may say how long its prefix is.
    fn host(self, object: &JsonObject, name: &str) -> Result<(), ApiError> {
        let written = text(object, name)?;
        match (self, written.split_once('/')) {
            (Self::V6, Some((address, prefix))) => {
                let good = address.parse::<Ipv6Addr>().is_ok()
                    && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 128);
                if good { Ok(()) } else { Err(self.wrong(name)) }
            }
            _ => self.address(object, name),
        }
    }

    fn address(self, object: &JsonObject, name: &str) -> Result<(), ApiError> {
        let written = text(object, name)?;
        let good = match self {
            Self::V4 => written.parse::<Ipv4Addr>().is_ok(),
            Self::V6 => written.parse::<Ipv6Addr>().is_ok(),
        };
        if good { Ok(()) } else { Err(self.wrong(name)) }
    }

    fn wrong(self, name: &str) -> ApiError {
        let version = match self {
            Self::V4 => 4,
            Self::V6 => 6,
        };
        wrong(format!("{name} must be an address of IP version {version}"))
    }
}

fn text<'a>(object: &'a JsonObject, name: &str) -> Result<&'a str, ApiError> {
    object
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| wrong(format!("{name} must be there, and text")))
}

fn one_of(object: &JsonObject, name: &str, words: &[&str]) -> Result<(), ApiError> {
    if words.contains(&text(object, name)?) {
        Ok(())
    } else {
        Err(wrong(format!("{name} must be one of {}", words.join(", "))))
    }
}

fn wrong(problem: String) -> ApiError {
    ApiError::invalid(format!("Invalid network_data: {problem}."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_good(data: &Value) -> bool {
        check(data.as_object().unwrap().clone()).is_ok()
    }

    fn whole() -> Value {
        json!({
            "links": [
                {"id": "a", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01", "mtu": 1500, "vif_id": "v"},
                {"id": "b", "type": "bond", "ethernet_mac_address": "52-54-00-00-00-02", "mtu": null,
                 "bond_mode": "802.3ad", "bond_links": ["a"]},
                {"id": "c", "type": "vlan", "vlan_mac_address": "52:54:00:00:00:03", "vlan_id": 7, "vlan_link": "b"},
            ],
            "networks": [
                {"id": "n", "link": "a", "network_id": "x", "type": "ipv4", "ip_address": "192.0.2.5", "netmask": "255.255.255.0",
                 "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "192.0.2.1"}]},
                {"id": "m", "link": "c", "network_id": "y", "type": "ipv6_slaac", "ip_address": "2001:db8::5/64", "netmask": "ffff::"},
            ],
            "services": [{"type": "dns", "address": "2001:db8::1"}],
        })
    }

    #[test]
    fn good_data_is_accepted() {
        assert!(is_good(&json!({})));
        assert!(is_good(
            &json!({"links": [], "networks": [], "services": []})
        ));
        assert!(is_good(&whole()));
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused() {
        for (place, value) in [
            ("/links", json!({})),
            ("/links/0/id", json!(5)),
            ("/links/0/type", json!("cable")),
            ("/links/0/mtu", json!(0)),
            ("/links/0/ethernet_mac_address", json!("52:54")),
            ("/links/1/bond_mode", json!("some")),
            ("/links/1/bond_links", json!([1])),
            ("/links/2/vlan_id", json!("7")),
            ("/networks", json!([5])),
            ("/networks/0/type", json!("ipx")),
            ("/networks/0/ip_address", json!("2001:db8::5")),
            ("/networks/0/routes/0/gateway", json!("here")),
            ("/networks/1/ip_address", json!("2001:db8::5/129")),
            ("/networks/1/netmask", json!("64")),
            ("/services/0/type", json!("ntp")),
            ("/services/0/address", json!("here")),
        ] {
            let mut data = whole();
            *data.pointer_mut(place).unwrap() = value;
            assert!(!is_good(&data), "{place}");
        }
        for name in ["links", "networks", "services"] {
            let mut data = whole();
            data.as_object_mut().unwrap().remove(name);
            assert!(!is_good(&data), "{name}");
        }
    }
}
