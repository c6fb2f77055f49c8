//! Where a node's drivers connect to, as its `driver_info` says: under the host's own keys, and under the names that packages bind to them.

use std::collections::HashSet;

use ironbark_bmc::{TargetError, ipmi, redfish, ssh};
use ironbark_drivers::Implementation;
use ironbark_model::{Error, InterfaceKind, JsonObject, Node, Result};
use serde_json::Value;

use crate::context::Context;

/// Whether the connection keys are there that an implementation needs.
///
/// Of a package that speaks several of IPMI, Redfish and SSH a node needs one; what is there of the other must be right all the same.
pub(crate) fn check(
    ctx: &Context,
    implementation: &Implementation,
    driver_info: &JsonObject,
) -> Result<()> {
    let Some(package) = implementation.package() else {
        return Ok(());
    };
    if !talks_to_bmc(implementation.kind()) {
        return Ok(());
    }
    let info = package.connection_info(driver_info);
    let over_ipmi = implementation
        .uses("ipmi")
        .then(|| ctx.ipmi.check(&ipmi::Target::from_driver_info(&info)?));
    let over_redfish = implementation
        .uses("redfish")
        .then(|| redfish::Target::from_driver_info(&info).map(drop));
    let over_ssh = implementation
        .uses("ssh")
        .then(|| ctx.ssh.check(&ssh::Target::from_driver_info(&info)?));
    judge(&[over_ipmi, over_redfish, over_ssh]).map_err(|error| Error::invalid(error.to_string()))
}

/// The BMCs and hypervisors that a node's drivers connect to, and as whom.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    ipmi: HashSet<ipmi::Target>,
    redfish: HashSet<redfish::Service>,
    ssh: HashSet<ssh::Account>,
}

impl Connections {
    /// What the node's `driver_info` comes to with each of its implementations. Keys that make no sense come to nothing.
    pub(crate) fn of(ctx: &Context, node: &Node) -> Self {
        let mut found = Self::default();
        found.add(&node.driver_info);
        for kind in InterfaceKind::ALL {
            let of_instance = node.instance_info.get(kind.field()).and_then(Value::as_str);
            for name in of_instance.into_iter().chain(node.interface(*kind)) {
                let implementation = ctx.drivers.implementation_for(node, *kind, name);
                if let Ok(implementation) = implementation
                    && let Some(package) = implementation.package()
                {
                    found.add(&package.connection_info(&node.driver_info));
                }
            }
        }
        found
    }

    /// Those that aren't among `others`.
    pub(crate) fn without(mut self, others: &Self) -> Self {
        self.ipmi.retain(|target| !others.ipmi.contains(target));
        self.redfish
            .retain(|service| !others.redfish.contains(service));
        self.ssh.retain(|account| !others.ssh.contains(account));
        self
    }

    /// Ends their sessions, and forgets what was learnt about them.
    pub(crate) fn forget(&self, ctx: &Context) {
        for target in &self.ipmi {
            ctx.ipmi.forget(target);
        }
        for service in &self.redfish {
            ctx.redfish.forget(service);
        }
        for account in &self.ssh {
            ctx.ssh.forget(account);
        }
    }

    fn add(&mut self, driver_info: &JsonObject) {
        self.ipmi
            .extend(ipmi::Target::from_driver_info(driver_info));
        self.redfish
            .extend(redfish::Target::from_driver_info(driver_info).map(|target| target.service));
        self.ssh
            .extend(ssh::Target::from_driver_info(driver_info).map(|target| target.account));
    }
}

fn talks_to_bmc(kind: InterfaceKind) -> bool {
    matches!(
        kind,
        InterfaceKind::Power
            | InterfaceKind::Management
            | InterfaceKind::Bios
            | InterfaceKind::Console
    )
}

/// One way must be complete; another may have no address, but may not be wrong.
fn judge(ways: &[Option<Result<(), TargetError>>]) -> Result<(), TargetError> {
    let complete = ways.iter().flatten().any(Result::is_ok);
    for way in ways.iter().flatten() {
        match way {
            Ok(()) => {}
            Err(TargetError::Missing { key, .. }) if complete && key.ends_with("_address") => {}
            Err(error) => return Err(error.clone()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_db::testing;
    use serde_json::json;

    use super::*;
    use crate::testing::{config, package_with, registered};

    fn info(value: Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    fn connections(driver_info: Value) -> Connections {
        let mut connections = Connections::default();
        connections.add(&info(driver_info));
        connections
    }

    #[test]
    fn one_complete_way_is_enough_and_wrong_keys_are_told() {
        let missing = |key| {
            Some(Err(TargetError::Missing {
                key,
                expected: "an address",
            }))
        };
        let wrong = || {
            Some(Err(TargetError::Invalid {
                key: "redfish_verify_ca",
                expected: "something else",
            }))
        };
        assert!(judge(&[None, None]).is_ok());
        assert!(judge(&[Some(Ok(())), None]).is_ok());
        assert!(judge(&[Some(Ok(())), missing("redfish_address")]).is_ok());
        assert!(judge(&[Some(Ok(())), wrong()]).is_err());
        assert!(judge(&[missing("ipmi_address"), missing("redfish_address")]).is_err());
        assert!(judge(&[None, missing("redfish_address")]).is_err());
    }

    #[tokio::test]
    async fn names_that_packages_bind_count_like_the_hosts_own() {
        let db = testing::sqlite().await;
        let package = package_with("acme", "1.0.0", "acme", |metadata| {
            metadata["capabilities"] = json!(["ipmi"]);
            metadata["properties"] =
                json!({"type": "object", "properties": {"acme_address": {"description": "d"}}});
            metadata["binds"] = json!({"ipmi": {"address": "acme_address"}});
        });
        let ctx = registered(&db, config("host-a"), &[package]).await;
        let mut node = Node {
            driver: "acme".into(),
            power_interface: Some("acme".into()),
            driver_info: info(json!({"acme_address": "10.0.0.1"})),
            ..Node::default()
        };
        let bound = Connections::of(&ctx, &node);
        assert_eq!(bound.ipmi.len(), 1, "{bound:?}");
        node.driver_info = info(json!({"acme_address": "10.0.0.2"}));
        let moved = Connections::of(&ctx, &node);
        assert_eq!(bound.without(&moved).ipmi.len(), 1);
        // What the instance asks for is what the node uses.
        node.power_interface = None;
        assert!(Connections::of(&ctx, &node).ipmi.is_empty());
        node.instance_info = info(json!({"power_interface": "acme"}));
        assert_eq!(Connections::of(&ctx, &node).ipmi.len(), 1);

        let implementation = ctx
            .drivers
            .implementation_for(&node, InterfaceKind::Power, "acme")
            .unwrap();
        assert!(check(&ctx, &implementation, &node.driver_info).is_ok());
        let error = check(&ctx, &implementation, &JsonObject::new()).unwrap_err();
        assert!(error.message().contains("ipmi_address"), "{error}");
    }

    #[test]
    fn what_changed_is_told_from_what_stays() {
        let before = json!({
            "ipmi_address": "10.0.0.1", "ipmi_password": "a",
            "redfish_address": "https://10.0.0.2", "redfish_username": "u", "redfish_password": "a"
        });
        let same = connections(before.clone()).without(&connections(before.clone()));
        assert!(same.ipmi.is_empty() && same.redfish.is_empty());
        let mut other_password = before.clone();
        other_password["redfish_password"] = json!("b");
        let changed = connections(before).without(&connections(other_password));
        assert!(changed.ipmi.is_empty());
        assert_eq!(changed.redfish.len(), 1);
        let senseless = connections(json!({"redfish_address": ["10.0.0.1"]}));
        assert!(senseless.redfish.is_empty());
    }
}
