//! Takes active nodes over that another conductor deployed and the ring gives to this one: its boot files and the like must
//! come to be here.

use std::sync::Arc;

use ironbark_db::{NodeFilter, NodeRef};
use ironbark_model::{ErrorKind, ProvisionState, Result};

use super::spawn::chain;
use crate::context::Context;
use crate::operations;

/// Nodes that one pass takes over: when a conductor goes, the others must not drop everything for its nodes.
const IN_ONE_PASS: usize = 8;

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    let filter = NodeFilter {
        provision_state: Some(ProvisionState::Active),
        maintenance: Some(false),
        reserved: Some(false),
        include_children: true,
        ..NodeFilter::default()
    };
    let nodes = ctx.db.nodes_owned_candidates(&filter).await?;
    let due = nodes
        .iter()
        .filter(|node| is_due(node, ctx.host()) && ctx.ring.owns(node));
    for node in due.take(IN_ONE_PASS) {
        match operations::begin_take_over(ctx, &node.uuid).await {
            Ok(true) => tracing::info!(
                node = %node.uuid,
                from = node.conductor_affinity.as_deref().unwrap_or("nobody"),
                "taking over"
            ),
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::Overloaded => return Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::NodeLocked | ErrorKind::NotFound) => {}
            Err(error) => {
                tracing::warn!(node = %node.uuid, error = %chain(&error), "could not take over");
            }
        }
    }
    Ok(())
}

/// A node that nobody ever prepared (adopted before there was an affinity, say) is taken over too.
fn is_due(node: &NodeRef, host: &str) -> bool {
    node.conductor_affinity.as_deref() != Some(host) && node.target_power_state.is_none()
}
