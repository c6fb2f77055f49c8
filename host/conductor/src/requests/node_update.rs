//! Changing a node by a patch: what is refused in which state, and what changes along.

use std::sync::Arc;

use ironbark_model::patch::PatchOp;
use ironbark_model::{InterfaceKind, Node, Result, node_rules};
use ironbark_rpc::Reply;

use super::hold;
use super::node_create::check_parent;
use super::node_interfaces::{check_driver, settle};
use super::patching::patched;
use crate::connections::Connections;
use crate::context::Context;

/// Applies a patch to a node.
pub(super) async fn update(
    ctx: &Arc<Context>,
    ident: &str,
    ops: &[PatchOp],
    reset_interfaces: bool,
) -> Result<Reply> {
    let (held, before) = hold(ctx, ident).await?;
    node_rules::check_in_motion(&before, ops)?;
    let mut after = patched(&before, ops, &Node::default())?;
    node_rules::check_change(&before, &after)?;
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
    if before.owner != after.owner && before.allocation_uuid.is_some() {
        let allocation = ctx.db.allocation_of_node(&before.uuid).await?;
        let owner = allocation.and_then(|allocation| allocation.owner);
        node_rules::check_owner(&before, &after, owner.as_deref())?;
    }
    node_rules::change_along(&before, &mut after);
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
    if before.driver_info != stored.driver_info {
        // The next command opens a session with the new address and credentials.
        let kept = Connections::of(ctx, &stored);
        Connections::of(ctx, &before).without(&kept).forget(ctx);
    }
    ctx.consoles.look(&stored.uuid);
    Ok(Reply::Node(Box::new(stored)))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::patch::parse;
    use ironbark_model::{ErrorKind, ProvisionState};
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
        node_rules::check_in_motion(before, &ops)?;
        let mut after = patched(before, &ops, &Node::default())?;
        node_rules::check_change(before, &after)?;
        node_rules::change_along(before, &mut after);
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
