//! Deleting a node.

use std::sync::Arc;

use ironbark_bmc::ipmi::Target;
use ironbark_model::{Error, ErrorKind, Node, ProvisionState, Result};
use ironbark_rpc::Reply;

use super::hold;
use crate::capabilities::forget_hypervisor;
use crate::config::Config;
use crate::context::Context;

/// Deletes a node and what hangs on it.
pub(super) async fn destroy(ctx: &Arc<Context>, ident: &str) -> Result<Reply> {
    let (held, node) = hold(ctx, ident).await?;
    check(&node, &ctx.config)?;
    let mut tx = held.begin().await?;
    tx.delete_node().await?;
    tx.commit().await?;
    held.forget();
    if let Ok(target) = Target::from_driver_info(&node.driver_info) {
        ctx.ipmi.forget(&target);
    }
    forget_hypervisor(&ctx.ssh, &node.driver_info);
    tracing::info!(node = %node.uuid, "the node was deleted");
    Ok(Reply::Done)
}

fn check(node: &Node, config: &Config) -> Result<()> {
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
        || (node.provision_state == ProvisionState::Available
            && config.allow_deleting_available_nodes);
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
        let config = Config::default();
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
            let refused = check(&node, &config).err().map(|error| error.kind());
            assert_eq!(refused, (!idle).then_some(ErrorKind::Conflict), "{state}");
            node.maintenance = true;
            assert!(check(&node, &config).is_ok());
            node.protected = true;
            assert_eq!(
                check(&node, &config).unwrap_err().kind(),
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
            check(&node, &Config::default()).unwrap_err().kind(),
            ErrorKind::Conflict
        );
        node.maintenance = true;
        assert!(check(&node, &Config::default()).is_ok());
    }

    #[test]
    fn available_nodes_are_a_matter_of_configuration() {
        let node = Node {
            provision_state: ProvisionState::Available,
            ..Node::default()
        };
        let config = Config {
            allow_deleting_available_nodes: false,
            ..Config::default()
        };
        assert!(check(&node, &config).is_err());
    }
}
