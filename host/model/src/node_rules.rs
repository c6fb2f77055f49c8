//! What a node's state allows to be changed about it, and whether it may be deleted (facts of the REST API): pure rules, which
//! its conductor keeps while it holds the node.

use serde_json::Value;

use crate::patch::{PatchOp, PatchVerb};
use crate::{Error, ErrorKind, InterfaceKind, Node, ProvisionState, Result};

/// While something goes on with the node it isn't changed; but an instance may be cut off from a node in maintenance.
pub fn check_in_motion(node: &Node, ops: &[PatchOp]) -> Result<()> {
    if node.target_provision_state.is_none() || node.provision_state.allows_update_in_transition() {
        return Ok(());
    }
    if cuts_off_instance(node, ops) {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "Node {} can not be updated while it is on its way to a new provision state (\"{}\").",
        node.uuid, node.provision_state
    )))
}

/// Whether nothing but the instance is taken from a node in maintenance, which is allowed whatever becomes of the node.
pub fn cuts_off_instance(node: &Node, ops: &[PatchOp]) -> bool {
    let only_that = matches!(
        ops,
        [op] if op.op == PatchVerb::Remove && op.is_root() && op.root() == "instance_uuid"
    );
    node.maintenance && only_that
}

/// What each value may become, in the state that the node is in.
pub fn check_change(before: &Node, after: &Node) -> Result<()> {
    let in_good_state = before.provision_state.allows_interface_change();
    // A patch that sets maintenance doesn't open the door for what else it changes.
    let settled = in_good_state || before.maintenance;
    let refuse = |what: &str, or: &str| {
        Err(Error::conflict(format!(
            "{what} of node {} can't change while it is in provision state \"{}\": the states for that are enroll, \
             inspecting, inspect wait, manageable and available{or}.",
            before.uuid, before.provision_state
        )))
    };
    if !settled
        && let Some(kind) = InterfaceKind::ALL
            .iter()
            .find(|kind| before.interface(**kind) != after.interface(**kind))
    {
        return refuse(kind.field(), ", or any in maintenance");
    }
    let class_changes =
        before.resource_class.is_some() && before.resource_class != after.resource_class;
    // Schedulers count on the class of a node that is in use, whether it is in maintenance or not.
    if class_changes && !in_good_state {
        return refuse("resource_class", "");
    }
    if before.driver != after.driver && before.console_enabled {
        return Err(Error::conflict(format!(
            "The driver of node {} can't change while its console is enabled.",
            before.uuid
        )));
    }
    check_instance(before, after, settled)?;
    check_protection(before, after)
}

fn check_instance(before: &Node, after: &Node, settled: bool) -> Result<()> {
    match (&before.instance_uuid, &after.instance_uuid) {
        (Some(old), Some(new)) if old != new => Err(Error::conflict(format!(
            "Node {} is associated with instance {old}.",
            before.uuid
        ))),
        (Some(_), None) if before.allocation_uuid.is_some() && !settled => {
            Err(Error::conflict(format!(
                "Node {} is allocated: its instance_uuid can't be removed in provision state \"{}\".",
                before.uuid, before.provision_state
            )))
        }
        _ => Ok(()),
    }
}

fn check_protection(before: &Node, after: &Node) -> Result<()> {
    if after.protected && !before.protected {
        let protectable = matches!(
            before.provision_state,
            ProvisionState::Active | ProvisionState::Rescue
        );
        if !protectable {
            return Err(Error::conflict(format!(
                "Node {} can only be protected in provision state \"active\" or \"rescue\".",
                before.uuid
            )));
        }
    }
    if !after.protected && after.protected_reason.is_some() && !before.protected {
        return Err(Error::invalid(
            "protected_reason needs protected to be true.",
        ));
    }
    if after.retired && !before.retired && before.provision_state == ProvisionState::Available {
        return Err(Error::conflict(format!(
            "Node {} can't be retired while it is available: bring it to manageable first.",
            before.uuid
        )));
    }
    if !after.retired && after.retired_reason.is_some() && !before.retired {
        return Err(Error::invalid("retired_reason needs retired to be true."));
    }
    Ok(())
}

/// Whoever allocated the node counts on whose it is: with an allocation that has an owner (`allocations_owner`) the node keeps
/// its own.
pub fn check_owner(before: &Node, after: &Node, allocations_owner: Option<&str>) -> Result<()> {
    match allocations_owner {
        Some(owner) if before.owner != after.owner => Err(Error::conflict(format!(
            "The owner of node {} can't change while it has an allocation of {owner}: delete the allocation first.",
            before.uuid
        ))),
        _ => Ok(()),
    }
}

/// What changes along with what a patch changed.
pub fn change_along(before: &Node, after: &mut Node) {
    if before.maintenance && !after.maintenance {
        clear_maintenance(after);
    }
    if !after.protected {
        after.protected_reason = None;
    }
    if !after.retired {
        after.retired_reason = None;
    }
    if before.instance_uuid.is_some() && after.instance_uuid.is_none() {
        after.allocation_uuid = None;
    }
    after.conductor_group = after.conductor_group.to_lowercase();
    fill_instance_name(after);
}

/// What goes with maintenance when it ends.
pub fn clear_maintenance(node: &mut Node) {
    node.maintenance = false;
    node.maintenance_reason = None;
    node.fault = None;
}

/// Clients that know no `instance_name` send the name in `instance_info`.
pub fn fill_instance_name(node: &mut Node) {
    if node.instance_name.is_none()
        && let Some(name) = node
            .instance_info
            .get("display_name")
            .and_then(Value::as_str)
        && (1..=255).contains(&name.len())
    {
        node.instance_name = Some(name.to_owned());
    }
}

/// When a node may be deleted; `available_too` says whether available ones may (a matter of configuration).
pub fn check_delete(node: &Node, available_too: bool) -> Result<()> {
    if node.protected {
        return Err(Error::new(
            ErrorKind::Forbidden,
            format!("Node {} is protected and can not be deleted.", node.uuid),
        ));
    }
    if node.maintenance {
        return Ok(());
    }
    if let Some(instance) = &node.instance_uuid {
        return Err(Error::conflict(format!(
            "Node {} is associated with instance {instance}: tear it down first, or set maintenance.",
            node.uuid
        )));
    }
    let allowed = node.provision_state.allows_delete()
        || (node.provision_state == ProvisionState::Available && available_too);
    if allowed {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "Can not delete node {} while it is in provision state \"{}\": bring it to manageable or set maintenance.",
        node.uuid, node.provision_state
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_idle_nodes_are_deleted_and_in_maintenance_any() {
        for state in ProvisionState::ALL {
            let mut node = Node {
                provision_state: *state,
                ..Node::default()
            };
            let idle = matches!(
                state,
                ProvisionState::Manageable
                    | ProvisionState::Enroll
                    | ProvisionState::AdoptFailed
                    | ProvisionState::Available
            );
            let refused = check_delete(&node, true).err().map(|error| error.kind());
            assert_eq!(refused, (!idle).then_some(ErrorKind::Conflict), "{state}");
            node.maintenance = true;
            assert!(check_delete(&node, true).is_ok());
            node.protected = true;
            assert_eq!(
                check_delete(&node, true).unwrap_err().kind(),
                ErrorKind::Forbidden
            );
        }
    }

    #[test]
    fn a_node_with_an_instance_stays_unless_in_maintenance() {
        let mut node = Node {
            provision_state: ProvisionState::Manageable,
            instance_uuid: Some("i".into()),
            ..Node::default()
        };
        assert_eq!(
            check_delete(&node, true).unwrap_err().kind(),
            ErrorKind::Conflict
        );
        node.maintenance = true;
        assert!(check_delete(&node, true).is_ok());
    }

    #[test]
    fn available_nodes_are_a_matter_of_configuration() {
        let node = Node {
            provision_state: ProvisionState::Available,
            ..Node::default()
        };
        assert!(check_delete(&node, false).is_err());
    }
}
