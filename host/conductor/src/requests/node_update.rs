//! Changing a node by a patch: what is refused in which state, and what changes along.

use std::sync::Arc;

use ironbark_bmc::ipmi::Target;
use ironbark_model::patch::{PatchOp, PatchVerb};
use ironbark_model::{Error, InterfaceKind, JsonObject, Node, ProvisionState, Result};
use ironbark_rpc::Reply;

use super::node_create::{check_parent, fill_instance_name};
use super::node_interfaces::{check_driver, settle};
use super::patching::patched;
use super::{hold, maintenance};
use crate::capabilities::forget_hypervisor;
use crate::context::Context;

/// Applies a patch to a node.
pub(super) async fn update(
    ctx: &Arc<Context>,
    ident: &str,
    ops: &[PatchOp],
    reset_interfaces: bool,
) -> Result<Reply> {
    let (held, before) = hold(ctx, ident).await?;
    check_in_motion(&before, ops)?;
    let mut after = patched(&before, ops, &Node::default())?;
    check_change(&before, &after)?;
    if after.driver != before.driver {
        check_driver(&ctx.drivers, &after.driver)?;
        if reset_interfaces {
            reset(&mut after, ops);
        }
    }
    let changed = to_check(&before, &after);
    settle(&ctx.drivers, &mut after, &changed)?;
    if after.parent_node != before.parent_node {
        check_parent(ctx, &after).await?;
    }
    change_along(&before, &mut after);
    let stored = match &after.chassis_uuid {
        Some(chassis) if before.chassis_uuid != after.chassis_uuid => {
            let mut tx = held.begin().await?;
            tx.chassis_hold(chassis).await?;
            tx.save_node(&after).await?;
            let stored = tx.node().await?;
            held.commit_and_release(tx).await?;
            Node {
                reservation: None,
                ..stored
            }
        }
        _ => held.save_and_release(&after).await?,
    };
    if connection_of(&before, "ipmi_") != connection_of(&stored, "ipmi_")
        && let Ok(target) = Target::from_driver_info(&before.driver_info)
    {
        // The next command opens a session with the new address and credentials.
        ctx.ipmi.forget(&target);
    }
    if connection_of(&before, "ssh_") != connection_of(&stored, "ssh_") {
        forget_hypervisor(&ctx.ssh, &before.driver_info);
    }
    Ok(Reply::Node(Box::new(stored)))
}

/// While something goes on with the node it isn't changed; but an instance may be cut off from a node in maintenance.
fn check_in_motion(node: &Node, ops: &[PatchOp]) -> Result<()> {
    if node.target_provision_state.is_none() || node.provision_state.allows_update_in_transition() {
        return Ok(());
    }
    let cuts_off_instance = matches!(
        ops,
        [op] if op.op == PatchVerb::Remove && op.is_root() && op.root() == "instance_uuid"
    );
    if node.maintenance && cuts_off_instance {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "Node {} can not be updated while it is on its way to a new provision state (\"{}\").",
        node.uuid, node.provision_state
    )))
}

fn check_change(before: &Node, after: &Node) -> Result<()> {
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

fn change_along(before: &Node, after: &mut Node) {
    if before.maintenance && !after.maintenance {
        maintenance::clear(after);
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

/// Interfaces that the patch doesn't name are calculated anew.
fn reset(after: &mut Node, ops: &[PatchOp]) {
    for kind in InterfaceKind::ALL {
        if !ops.iter().any(|op| op.root() == kind.field()) {
            after.set_interface(*kind, None);
        }
    }
}

/// With another driver all interfaces must fit it; else those that changed.
fn to_check(before: &Node, after: &Node) -> Vec<InterfaceKind> {
    InterfaceKind::ALL
        .iter()
        .copied()
        .filter(|kind| {
            before.driver != after.driver || before.interface(*kind) != after.interface(*kind)
        })
        .collect()
}

fn connection_of(node: &Node, family: &str) -> JsonObject {
    node.driver_info
        .iter()
        .filter(|(key, _)| key.starts_with(family))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::ErrorKind;
    use ironbark_model::patch::parse;
    use serde_json::{Value, json};

    use super::*;

    fn node(state: ProvisionState) -> Node {
        Node {
            provision_state: state,
            target_provision_state: state.default_target(),
            power_interface: Some("fake".into()),
            ..Node::default()
        }
    }

    /// What a patch comes to, all rules but those that ask the drivers.
    fn outcome(before: &Node, patch: Value) -> Result<Node> {
        let ops = parse(&patch).unwrap();
        check_in_motion(before, &ops)?;
        let mut after = patched(before, &ops, &Node::default())?;
        check_change(before, &after)?;
        change_along(before, &mut after);
        Ok(after)
    }

    fn kind(before: &Node, patch: Value) -> Option<ErrorKind> {
        outcome(before, patch).err().map(|error| error.kind())
    }

    #[test]
    fn nodes_in_motion_are_left_alone() {
        let patch = || json!([{"op": "add", "path": "/extra/a", "value": 1}]);
        for state in ProvisionState::ALL {
            let free = state.is_stable() || state.allows_update_in_transition();
            let expected = (!free).then_some(ErrorKind::Conflict);
            assert_eq!(kind(&node(*state), patch()), expected, "{state}");
        }
    }

    #[test]
    fn an_instance_can_be_cut_off_in_maintenance_and_nothing_else() {
        let mut deploying = node(ProvisionState::Deploying);
        deploying.instance_uuid = Some("i".into());
        let cut_off = || json!([{"op": "remove", "path": "/instance_uuid"}]);
        assert_eq!(kind(&deploying, cut_off()), Some(ErrorKind::Conflict));
        deploying.maintenance = true;
        deploying.allocation_uuid = Some("a".into());
        let after = outcome(&deploying, cut_off()).unwrap();
        assert_eq!((after.instance_uuid, after.allocation_uuid), (None, None));
        let both = json!([{"op": "remove", "path": "/instance_uuid"}, {"op": "add", "path": "/extra/a", "value": 1}]);
        assert_eq!(kind(&deploying, both), Some(ErrorKind::Conflict));
    }

    #[test]
    fn interfaces_and_class_change_only_while_the_node_is_settled() {
        let change = || json!([{"op": "replace", "path": "/power_interface", "value": "other"}]);
        let same = json!([{"op": "replace", "path": "/power_interface", "value": "fake"}]);
        assert_eq!(
            kind(&node(ProvisionState::Active), change()),
            Some(ErrorKind::Conflict)
        );
        assert_eq!(kind(&node(ProvisionState::Active), same), None);
        assert_eq!(kind(&node(ProvisionState::Available), change()), None);
        let maintained = Node {
            maintenance: true,
            ..node(ProvisionState::Active)
        };
        assert_eq!(kind(&maintained, change()), None);

        let class = || json!([{"op": "add", "path": "/resource_class", "value": "gold"}]);
        assert_eq!(
            kind(&node(ProvisionState::Active), class()),
            None,
            "none was set"
        );
        let classy = Node {
            resource_class: Some("tin".into()),
            ..node(ProvisionState::Active)
        };
        assert_eq!(kind(&classy, class()), Some(ErrorKind::Conflict));
        let maintained = Node {
            maintenance: true,
            ..classy
        };
        assert_eq!(kind(&maintained, class()), Some(ErrorKind::Conflict));
    }

    #[test]
    fn a_patch_does_not_unlock_itself() {
        let patch = json!([
            {"op": "add", "path": "/maintenance", "value": true},
            {"op": "replace", "path": "/power_interface", "value": "other"}
        ]);
        assert_eq!(
            kind(&node(ProvisionState::Active), patch),
            Some(ErrorKind::Conflict)
        );
    }

    #[test]
    fn protection_and_retirement_have_their_states_and_reasons() {
        let protect = || json!([{"op": "add", "path": "/protected", "value": true}, {"op": "add", "path": "/protected_reason", "value": "r"}]);
        assert_eq!(
            kind(&node(ProvisionState::Available), protect()),
            Some(ErrorKind::Conflict)
        );
        let protected = outcome(&node(ProvisionState::Active), protect()).unwrap();
        assert_eq!(protected.protected_reason.as_deref(), Some("r"));
        let freed = outcome(&protected, json!([{"op": "remove", "path": "/protected"}])).unwrap();
        assert_eq!(freed.protected_reason, None);
        let only_reason = json!([{"op": "add", "path": "/protected_reason", "value": "r"}]);
        assert_eq!(
            kind(&node(ProvisionState::Active), only_reason),
            Some(ErrorKind::InvalidParameter)
        );

        let retire = || json!([{"op": "add", "path": "/retired", "value": true}]);
        assert_eq!(
            kind(&node(ProvisionState::Available), retire()),
            Some(ErrorKind::Conflict)
        );
        assert_eq!(kind(&node(ProvisionState::Active), retire()), None);
        let only_reason = json!([{"op": "add", "path": "/retired_reason", "value": "r"}]);
        assert_eq!(
            kind(&node(ProvisionState::Active), only_reason),
            Some(ErrorKind::InvalidParameter)
        );
    }

    #[test]
    fn clearing_maintenance_clears_reason_and_fault() {
        let broken = Node {
            maintenance: true,
            maintenance_reason: Some("r".into()),
            fault: Some("power failure".into()),
            ..node(ProvisionState::Active)
        };
        let after = outcome(
            &broken,
            json!([{"op": "replace", "path": "/maintenance", "value": false}]),
        )
        .unwrap();
        assert_eq!((after.maintenance_reason, after.fault), (None, None));
    }

    #[test]
    fn one_instance_at_a_time() {
        let taken = Node {
            instance_uuid: Some("i".into()),
            ..node(ProvisionState::Available)
        };
        let patch = |value: &str| json!([{"op": "add", "path": "/instance_uuid", "value": value}]);
        assert_eq!(kind(&taken, patch("j")), Some(ErrorKind::Conflict));
        assert_eq!(kind(&taken, patch("i")), None);
    }

    #[test]
    fn a_name_in_instance_info_names_the_instance() {
        let patch = json!([{"op": "add", "path": "/instance_info/display_name", "value": "web-1"}]);
        let after = outcome(&node(ProvisionState::Available), patch).unwrap();
        assert_eq!(after.instance_name.as_deref(), Some("web-1"));
    }

    #[test]
    fn a_reset_keeps_what_the_patch_names() {
        let mut after = node(ProvisionState::Enroll);
        after.boot_interface = Some("fake".into());
        let ops = parse(&json!([{"op": "replace", "path": "/driver", "value": "x"}, {"op": "add", "path": "/power_interface", "value": "fake"}])).unwrap();
        reset(&mut after, &ops);
        assert_eq!(
            (
                after.power_interface.as_deref(),
                after.boot_interface.as_deref()
            ),
            (Some("fake"), None)
        );
    }
}
