//! When a port may change: pure.

use ironbark_model::{Error, Node, Port, Result};

/// Refuses a change of `before` into `after` that the node's state doesn't allow: of a node that has the port, or gets it.
pub(super) fn check_change(node: &Node, before: &Port, after: &Port) -> Result<()> {
    if node.maintenance {
        return Ok(());
    }
    let in_use = node.instance_uuid.is_some()
        || node.provision_state == ironbark_model::ProvisionState::Active;
    if before.address != after.address && in_use {
        return Err(Error::conflict(format!(
            "The address of port {} can't change while node {} is active or has an instance.",
            before.uuid, node.uuid
        )));
    }
    let connectivity = before.pxe_enabled != after.pxe_enabled
        || before.local_link_connection != after.local_link_connection
        || before.portgroup_uuid != after.portgroup_uuid
        || before.physical_network != after.physical_network
        || before.node_uuid != after.node_uuid;
    let settled = node.provision_state.allows_interface_change()
        && node.provision_state != ironbark_model::ProvisionState::Available;
    if connectivity && !settled {
        return Err(Error::conflict(format!(
            "The connectivity of port {} can't change while node {} is in provision state \"{}\": the states for that \
             are enroll, inspecting, inspect wait and manageable, or any in maintenance.",
            before.uuid, node.uuid, node.provision_state
        )));
    }
    Ok(())
}

/// Refuses to delete a port that a network is attached to.
pub(super) fn check_delete(node: &Node, port: &Port) -> Result<()> {
    if node.maintenance || !port.internal_info.contains_key("tenant_vif_port_id") {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "Port {} has a network attached: detach it first, or set maintenance.",
        port.uuid
    )))
}

#[cfg(test)]
mod tests {
    use ironbark_model::ProvisionState;

    use super::*;

    fn node(state: ProvisionState) -> Node {
        Node {
            provision_state: state,
            ..Node::default()
        }
    }

    #[test]
    fn connectivity_changes_only_before_the_node_is_available() {
        let before = Port::default();
        let changed = Port {
            pxe_enabled: false,
            ..Port::default()
        };
        let moved = Port {
            node_uuid: "other".into(),
            ..Port::default()
        };
        let cases = [changed, moved];
        let all = ProvisionState::ALL
            .iter()
            .flat_map(|state| cases.iter().map(move |after| (state, after)));
        for (state, after) in all {
            let settled = matches!(
                state,
                ProvisionState::Enroll
                    | ProvisionState::Inspecting
                    | ProvisionState::InspectWait
                    | ProvisionState::Manageable
            );
            assert_eq!(
                check_change(&node(*state), &before, after).is_ok(),
                settled,
                "{state}"
            );
            let maintained = Node {
                maintenance: true,
                ..node(*state)
            };
            assert!(check_change(&maintained, &before, after).is_ok());
        }
    }

    #[test]
    fn the_address_stays_while_an_instance_uses_it() {
        let before = Port::default();
        let after = Port {
            address: "52:54:00:00:00:01".into(),
            ..Port::default()
        };
        assert!(check_change(&node(ProvisionState::Active), &before, &after).is_err());
        assert!(check_change(&node(ProvisionState::Available), &before, &after).is_ok());
        let taken = Node {
            instance_uuid: Some("i".into()),
            ..node(ProvisionState::Available)
        };
        assert!(check_change(&taken, &before, &after).is_err());
    }

    #[test]
    fn an_attached_port_is_not_deleted() {
        let mut port = Port::default();
        assert!(check_delete(&node(ProvisionState::Active), &port).is_ok());
        port.internal_info
            .insert("tenant_vif_port_id".into(), "v".into());
        assert!(check_delete(&node(ProvisionState::Active), &port).is_err());
    }
}
