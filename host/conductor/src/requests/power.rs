//! Changes of power that a client asks for.

use std::sync::Arc;

use ironbark_model::{Error, ErrorKind, InterfaceKind, Node, PowerTarget, ProvisionState, Result};
use ironbark_rpc::Reply;

use super::{Asked, hold};
use crate::call::Ports;
use crate::context::Context;
use crate::operations::{PowerRequest, begin_power, family, waiting_on};

/// Accepts a change of power.
pub(super) async fn change(
    ctx: &Arc<Context>,
    asked: &Asked,
    ident: &str,
    target: PowerTarget,
    timeout: Option<u32>,
) -> Result<Reply> {
    let permit = ctx.workers.permit()?;
    let (held, node) = hold(ctx, ident).await?;
    check_state(&node, target)?;
    family::check(ctx, &node, target).await?;
    let waiting = waiting_on(ctx, &node).await?;
    let ports = Ports::default();
    let call = asked.call(ctx, &node, &ports, Some(&held));
    let native_reboot = call.native_reboot()?;
    if node.disable_power_off && target == PowerTarget::Reboot && !native_reboot {
        return Err(no_power_off(&node));
    }
    call.validate(InterfaceKind::Power).await?;
    // On, off and reboot are what every power implementation has.
    if target.is_soft() && !call.supported_power_states().await?.contains(&target) {
        return Err(Error::invalid(format!(
            "The power interface of node {} doesn't support '{target}'.",
            node.uuid
        )));
    }
    let request = PowerRequest {
        target,
        timeout,
        native_reboot,
        waiting,
        request_id: &asked.request_id,
        user: asked.user.as_deref(),
    };
    begin_power(permit, held, node, ports, request).await?;
    Ok(Reply::Done)
}

fn check_state(node: &Node, target: PowerTarget) -> Result<()> {
    if matches!(
        node.provision_state,
        ProvisionState::Cleaning | ProvisionState::CleanWait
    ) {
        return Err(Error::new(
            ErrorKind::InvalidState,
            format!(
                "The requested action \"{target}\" can not be performed on node \"{}\" while it is in state \"{}\".",
                node.uuid, node.provision_state
            ),
        ));
    }
    let switches_off = matches!(
        target,
        PowerTarget::Off | PowerTarget::SoftOff | PowerTarget::SoftReboot
    );
    if node.disable_power_off && switches_off {
        return Err(no_power_off(node));
    }
    Ok(())
}

fn no_power_off(node: &Node) -> Error {
    Error::conflict(format!(
        "Node {} has disable_power_off set: it is not switched off.",
        node.uuid
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn power_stays_alone_while_a_node_is_cleaned() {
        for state in ProvisionState::ALL {
            let node = Node {
                provision_state: *state,
                ..Node::default()
            };
            let cleaned = matches!(state, ProvisionState::Cleaning | ProvisionState::CleanWait);
            assert_eq!(
                check_state(&node, PowerTarget::On).is_err(),
                cleaned,
                "{state}"
            );
        }
    }

    #[test]
    fn a_node_that_must_not_be_switched_off_is_not() {
        let node = Node {
            disable_power_off: true,
            ..Node::default()
        };
        for target in [
            PowerTarget::Off,
            PowerTarget::SoftOff,
            PowerTarget::SoftReboot,
        ] {
            let error = check_state(&node, target).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
        }
        assert!(check_state(&node, PowerTarget::On).is_ok());
    }
}
